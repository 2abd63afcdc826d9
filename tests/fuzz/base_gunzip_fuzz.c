/* Packed bytes: they unpack, or are refused with words. */
#include <assert.h>

#include "base/gzip.h"

#define OUT_MAX (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_buf struct buf out = BUF_INIT(OUT_MAX);
	struct gunzip_source gz;
	struct span_source in;
	struct err e = ERR_INIT;

	gunzip_source_init(&gz, span_source_init(&in, span_of(data, size)));
	if (io_read_all(&gz.base, &out, &e) < 0)
		assert((e.kind == ERR_CORRUPT || e.kind == ERR_INPUT) && e.text[0]);
	gunzip_source_release(&gz);
	return 0;
}
