/* The first line is a line of a RUN's, the rest a secret: what is shown of the one holds nothing of the other. */
#include <assert.h>

#include "base/mem.h"
#include "oci/run/hide.h"

#define SHOWN_MAX (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool holds(struct span line, const char *text)
{
	return memmem(line.p, line.n, text, strlen(text)) != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = span_of(data, size), line;
	auto_buf struct buf shown = BUF_INIT(SHOWN_MAX);
	auto_strv struct strv texts = STRV_INIT;
	bool changed;

	if (!span_line(&rest, &line))
		return 0;
	hide_add(&texts, rest);
	changed = hide_line(&shown, line, &texts);
	assert(changed || !shown.len);
	for (size_t i = 0; i < texts.n; i++) {
		assert(strlen(texts.v[i]) >= HIDE_MIN);
		/* the stars that stand for one may be part of another */
		if (!strchr(texts.v[i], '*'))
			assert(!holds(changed ? buf_span(&shown) : line, texts.v[i]));
	}
	return 0;
}
