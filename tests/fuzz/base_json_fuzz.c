/* Any bytes: refused with words, or a document that is written out and read back alike. */
#include <assert.h>

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = ERR_INIT;
	auto_buf struct buf b = BUF_INIT(16u << 20);
	auto_strv struct strv list = STRV_INIT;
	auto_json json_t *v = json_load_span(span_of(data, size), 1 << 20, "fuzz", &e);

	if (!v) {
		assert(e.kind != ERR_NONE && e.text[0]);
		return 0;
	}
	json_write(&b, v, true);
	auto_json json_t *again = json_load_span(buf_span(&b), b.max, "fuzz", &e);
	assert(again && json_equal(v, again));
	if (json_opt_strv(&list, v, "l", "", &e) < 0 || json_opt_map(&list, v, "m", "", &e) < 0)
		assert(e.kind == ERR_CORRUPT);
	return 0;
}
