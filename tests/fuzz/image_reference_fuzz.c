/* A reference that is taken reads back as itself, and its parts obey the grammar. */
#include <assert.h>

#include "base/mem.h"
#include "oci/image/platform.h"
#include "oci/image/reference.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void formats_to_itself(const struct oci_reference *r)
{
	auto_reference struct oci_reference again = { 0 };
	auto_buf struct buf b = BUF_INIT(BUF_SMALL), c = BUF_INIT(BUF_SMALL);
	struct err e = ERR_INIT;

	oci_reference_format(&b, r);
	/* "docker.io/library/" may push a name over the length that is allowed */
	if (oci_reference_parse(&again, buf_str(&b), &e) < 0) {
		assert(strstr(e.text, "longer"));
		return;
	}
	oci_reference_format(&c, &again);
	assert(span_eq(buf_span(&b), buf_span(&c)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = span_dup(span_of(data, size));
	auto_reference struct oci_reference r = { 0 };
	struct oci_platform p;
	struct err e = ERR_INIT;

	if (oci_reference_parse(&r, text, &e) < 0) {
		assert(e.kind == ERR_INPUT && e.text[0]);
	} else {
		assert(r.host && r.path && (r.tag || oci_digest_is_set(&r.digest)));
		assert(!r.tag || oci_tag_is_valid(span_of_str(r.tag)));
		formats_to_itself(&r);
	}
	/* short user text too, so it shares the corpus */
	if (oci_platform_parse(&p, span_of(data, size), &e) < 0)
		assert(e.kind == ERR_INPUT && e.text[0]);
	return 0;
}
