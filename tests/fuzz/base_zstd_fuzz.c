/* Packed bytes: they unpack, or are refused with words. */
#include <assert.h>

#include "base/zstd.h"

#define OUT_MAX (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_buf struct buf out = BUF_INIT(OUT_MAX);
	struct span_source in;
	struct zstd_source z;
	struct err e = ERR_INIT;

	zstd_source_init(&z, span_source_init(&in, span_of(data, size)));
	if (io_read_all(&z.base, &out, &e) < 0)
		assert((e.kind == ERR_CORRUPT || e.kind == ERR_INPUT) && e.text[0]);
	zstd_source_release(&z);
	return 0;
}
