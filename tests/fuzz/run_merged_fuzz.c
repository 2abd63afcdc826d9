/*
 * Any bytes as the list that a killed exchange left. What is taken leads nowhere but down, and is
 * written again as it was.
 */
#include <assert.h>

#include "oci/run/merged.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_path(const char *path)
{
	auto_free char *framed = NULL;

	assert(path[0] != '/');
	if (asprintf(&framed, "/%s/", path) < 0)
		abort();
	assert(!*path ||
	       (!strstr(framed, "/../") && !strstr(framed, "/./") && !strstr(framed, "//")));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_merged struct merged m = { 0 };
	auto_merged struct merged again = { 0 };
	auto_buf struct buf text = BUF_INIT(2 * MERGED_MAX);
	auto_buf struct buf text2 = BUF_INIT(2 * MERGED_MAX);
	struct err e = ERR_INIT;

	if (merged_decode(&m, span_of(data, size), &e) < 0) {
		assert(e.kind == ERR_CORRUPT && e.text[0]);
		return 0;
	}
	assert(m.nr > 0 && m.v[0].path[0] == '\0');
	for (size_t i = 0; i < m.nr; i++) {
		assert(m.v[i].parent <= i);
		check_path(m.v[i].path);
	}
	merged_encode(&text, &m);
	assert(merged_decode(&again, buf_span(&text), &e) == 0);
	merged_encode(&text2, &again);
	assert(span_eq(buf_span(&text), buf_span(&text2)));
	return 0;
}
