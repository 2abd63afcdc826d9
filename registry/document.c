/*
 * What a document is decides its Content-Type; where a registry gives none that we
 * know, the document's own words do. Both at odds, or a document that could be read as
 * manifest and as index, is refused by the parsers: a digest must not mean two images.
 */
#include "registry/document.h"

#include "base/log.h"
#include "base/mem.h"

void registry_document_release(struct registry_document *d)
{
	oci_descriptor_release(&d->desc);
	buf_release(&d->bytes);
}

char *registry_document_type(const struct http_response *rs)
{
	struct span type, parameters;
	auto_free char *text = NULL;

	span_cut(span_of_str(http_header(rs, "content-type")), ';', &type, &parameters);
	text = span_dup(span_trim(type));
	if (!oci_media_is_index(text) && !oci_media_is_manifest(text))
		return NULL;
	return STEAL(&text);
}

/* The type that the document gives itself; reads it whole, so that what is kept can be read. */
static int document_parse(char **type, enum oci_document *kind, struct span text,
			  const char *transport, struct err *e)
{
	if (oci_document_kind(kind, text, transport, e) < 0)
		return -1;
	if (*kind == OCI_DOCUMENT_INDEX) {
		auto_index struct oci_index x = { 0 };

		if (oci_index_parse(&x, text, transport, e) < 0)
			return -1;
		*type = mem_strdup(x.media_type);
	} else {
		auto_manifest struct oci_manifest m = { 0 };

		if (oci_manifest_parse(&m, text, transport, e) < 0)
			return -1;
		*type = mem_strdup(m.media_type);
	}
	return 0;
}

static int document_get(struct registry_document *out, struct op *op, const struct registry_repo *r,
			const char *ref, const struct oci_digest *want, struct err *e)
{
	auto_http_response struct http_response rs = { 0 };
	auto_free char *transport = NULL;
	struct registry_document d = { 0 };

	if (registry_api_manifest_get(&rs, op, r, ref, e) < 0)
		return -1;
	if (rs.status != 200)
		return registry_session_refused(r->session, &rs, e);
	oci_digest_of_bytes(&d.desc.digest, buf_span(&rs.body));
	if (want && !oci_digest_eq(want, &d.desc.digest))
		return err_set(e, ERR_CORRUPT, "manifest %s: other bytes came, of digest %s",
			       want->text, d.desc.digest.text);
	transport = registry_document_type(&rs);
	if (document_parse(&d.desc.media_type, &d.kind, buf_span(&rs.body), transport, e) < 0)
		return err_wrap(e, "manifest %s", d.desc.digest.text);
	d.desc.size_bytes = rs.body.len;
	d.bytes = rs.body;
	rs.body = (struct buf){ 0 };
	*out = d;
	return 0;
}

int registry_document_get(struct registry_document *out, struct op *op,
			  const struct registry_repo *r, const char *ref,
			  const struct oci_digest *want, struct err *e)
{
	struct registry_repo host = *r;
	const char *prefix;
	int n = document_get(out, op, r, ref, want, e);

	if (n == 0 || e->kind != ERR_CORRUPT || r->no_mirror ||
	    !registry_session_mirror(&prefix, r->session))
		return n;
	log_info(op, "%s; asking %s itself", e->text, registry_session_name(r->session));
	err_clear(e);
	host.no_mirror = true;
	return document_get(out, op, &host, ref, want, e);
}

int registry_document_read(struct registry_document *out, struct oci_store *from,
			   const struct oci_digest *d, struct err *e)
{
	auto_document struct registry_document doc = { .bytes = BUF_INIT(OCI_MANIFEST_MAX) };

	doc.desc.digest = *d;
	if (!oci_store_has(from, d, &doc.desc.size_bytes))
		return err_set(e, ERR_ABSENT, "manifest %s: not in the store", d->text);
	if (oci_store_read(from, &doc.desc, OCI_MANIFEST_MAX, &doc.bytes, e) < 0)
		return -1;
	if (document_parse(&doc.desc.media_type, &doc.kind, buf_span(&doc.bytes), NULL, e) < 0)
		return err_wrap(e, "manifest %s", d->text);
	*out = doc;
	doc = (struct registry_document){ 0 };
	return 0;
}
