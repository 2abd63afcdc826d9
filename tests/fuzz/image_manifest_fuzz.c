/* Manifests and indexes: refused with words, or written and read back as the same. */
#include <assert.h>

#include "base/mem.h"
#include "oci/image/manifest.h"

#define WRITTEN_MAX (64u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void manifest_writes_itself(const struct oci_manifest *m)
{
	auto_buf struct buf a = BUF_INIT(WRITTEN_MAX), b = BUF_INIT(WRITTEN_MAX);
	auto_manifest struct oci_manifest again = { 0 };
	struct err e = ERR_INIT;

	oci_manifest_write(&a, m);
	if (a.len > OCI_MANIFEST_MAX)
		return;
	assert(oci_manifest_parse(&again, buf_span(&a), m->media_type, &e) == 0);
	oci_manifest_write(&b, &again);
	assert(span_eq(buf_span(&a), buf_span(&b)));
}

static void index_writes_itself(const struct oci_index *x)
{
	auto_buf struct buf a = BUF_INIT(WRITTEN_MAX), b = BUF_INIT(WRITTEN_MAX);
	auto_index struct oci_index again = { 0 };
	struct err e = ERR_INIT;

	oci_index_write(&a, x);
	if (a.len > OCI_MANIFEST_MAX)
		return;
	assert(oci_index_parse(&again, buf_span(&a), x->media_type, &e) == 0);
	oci_index_write(&b, &again);
	assert(span_eq(buf_span(&a), buf_span(&b)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_of(data, size);
	auto_manifest struct oci_manifest m = { 0 };
	auto_index struct oci_index x = { 0 };
	struct oci_platform want = { "linux", "arm", "v7" };
	struct err e = ERR_INIT;
	enum oci_document kind;
	bool is_manifest, is_index, has_kind;

	has_kind = oci_document_kind(&kind, text, NULL, &e) == 0;
	assert(has_kind || (e.kind == ERR_CORRUPT && e.text[0]));
	is_manifest = oci_manifest_parse(&m, text, NULL, &e) == 0;
	assert(is_manifest || e.kind == ERR_CORRUPT);
	is_index = oci_index_parse(&x, text, NULL, &e) == 0;
	assert(is_index || e.kind == ERR_CORRUPT);
	/* one document to everybody */
	assert(!is_manifest || (has_kind && kind == OCI_DOCUMENT_MANIFEST && !is_index));
	assert(!is_index || (has_kind && kind == OCI_DOCUMENT_INDEX));
	if (is_manifest)
		manifest_writes_itself(&m);
	if (is_index) {
		index_writes_itself(&x);
		(void)oci_index_pick(&x, &want);
	}
	return 0;
}
