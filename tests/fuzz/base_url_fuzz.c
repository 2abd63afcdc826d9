/* Any text: refused with words, or an address whose written form is read back alike. */
#include <assert.h>

#include "base/mem.h"
#include "base/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void format_and_parse(const struct url *u)
{
	auto_buf struct buf a = BUF_INIT(BUF_SMALL), b = BUF_INIT(BUF_SMALL);
	auto_url struct url again = { 0 };
	struct err e = ERR_INIT;
	int r;

	url_format(&a, u);
	r = url_parse(&again, buf_str(&a), &e);
	assert(r == 0 && url_same_origin(u, &again));
	(void)r;
	url_format(&b, &again);
	assert(span_eq(buf_span(&a), buf_span(&b)));
}

/* What may be shown holds nothing more to leave out. */
static void redact_twice(struct span text)
{
	auto_buf struct buf a = BUF_INIT(BUF_SMALL), b = BUF_INIT(BUF_SMALL);

	url_redact(&a, text);
	url_redact(&b, buf_span(&a));
	assert(a.over || span_eq(buf_span(&a), buf_span(&b)));
}

static void parse_with_user(const char *text)
{
	auto_free char *user = NULL;
	auto_url struct url u = { 0 };
	struct err e = ERR_INIT;

	if (url_parse_user(&u, &user, text, &e) == 0)
		format_and_parse(&u);
	else
		assert(e.kind == ERR_INPUT && e.text[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = mem_strndup((const char *)data, size);
	auto_url struct url u = { 0 }, base = { 0 }, target = { 0 };
	struct err e = ERR_INIT;
	int r = url_parse(&base, "https://r.example:5000/v2/a/blobs/uploads/1?_state=x", &e);

	assert(r == 0);
	(void)r;
	if (url_parse(&u, text, &e) == 0)
		format_and_parse(&u);
	else
		assert(e.kind == ERR_INPUT && e.text[0]);
	parse_with_user(text);
	redact_twice(span_of(data, size));
	if (url_resolve(&target, &base, text, &e) == 0)
		format_and_parse(&target);
	return 0;
}
