/* Configurations: refused with words, or written, copied and read back as the same. */
#include <assert.h>

#include "base/mem.h"
#include "oci/image/config.h"
#include "oci/image/descriptor.h"

#define WRITTEN_MAX (64u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_buf struct buf a = BUF_INIT(WRITTEN_MAX), b = BUF_INIT(WRITTEN_MAX);
	auto_config struct oci_config *c = NULL, *again = NULL, *copy = NULL;
	struct err e = ERR_INIT;

	if (oci_config_parse(&c, span_of(data, size), &e) < 0) {
		assert(e.kind == ERR_CORRUPT && e.text[0]);
		return 0;
	}
	copy = oci_config_copy(c);
	oci_config_write(&a, copy);
	if (a.len > OCI_CONFIG_MAX)
		return 0;
	assert(oci_config_parse(&again, buf_span(&a), &e) == 0);
	oci_config_write(&b, again);
	assert(span_eq(buf_span(&a), buf_span(&b)));
	return 0;
}
