/*
 * The small parsers of text: whatever they take, writing it again and reading
 * that must give the same.
 */
#include <assert.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/span.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void numbers(struct span s)
{
	uint64_t u;
	int64_t i;
	uint32_t mode;

	if (span_to_u64(&u, s) == 0)
		assert(s.n && s.p[0] >= '0' && s.p[0] <= '9');
	if (span_to_i64(&i, s) == 0 && i >= 0 && s.p[0] != '-')
		assert(span_to_u64(&u, s) == 0 && u == (uint64_t)i);
	if (span_to_octal(&mode, s) == 0)
		assert(mode <= 07777);
	if (span_to_size(&u, s) == 0)
		assert(s.n);
	if (span_to_duration_ns(&i, s) == 0)
		assert(i >= 0);
}

static void times(const char *text)
{
	char again[CLOCK_TEXT_MAX];
	int64_t ns, back;

	if (clock_parse(&ns, text) < 0)
		return;
	clock_format(again, ns);
	assert(clock_parse(&back, again) == 0 && back == ns);
}

static void base64(struct span s)
{
	auto_buf struct buf bytes = BUF_INIT(BUF_SMALL), back = BUF_INIT(BUF_SMALL);
	auto_free char *coded = NULL;

	if (base64_decode(&bytes, s) < 0)
		return;
	coded = base64_encode(buf_span(&bytes), s.n % 2);
	assert(base64_decode(&back, span_of_str(coded)) == 0);
	assert(span_eq(buf_span(&bytes), buf_span(&back)));
}

static void shown(const char *text)
{
	auto_free char *clean = fs_path_clean(text);
	auto_free char *again = fs_path_clean(clean);
	auto_buf struct buf json = BUF_INIT(BUF_SMALL);
	struct err e = ERR_INIT;

	assert(strcmp(clean, again) == 0);
	err_set(&e, ERR_INPUT, "%s", text);
	for (const char *p = e.text; *p; p++)
		assert((unsigned char)*p >= 0x20 && *p != 0x7f);
	buf_add_json(&json, text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span s = span_of(data, size), rest = s, piece;
	auto_free char *text = span_dup(s);
	size_t sum = 0, pieces = 0;

	while (span_split(&rest, ',', &piece)) {
		sum += piece.n;
		pieces++;
	}
	assert(sum + pieces == size + (size > 0));
	numbers(s);
	times(text);
	base64(s);
	shown(text);
	return 0;
}
