/*
 * HEAD tells digest, type and size without a body (and without a count against pull
 * limits). Where it is not served, or its answer lacks one of them, the document is
 * fetched and hashed instead. A HEAD refused with 403 says nothing: some registries
 * answer so for tags that do not exist.
 */
#include "registry/resolve.h"

#include "base/mem.h"
#include "oci/image/config.h"
#include "registry/document.h"
#include "registry/download.h"

static const char *ref_name(const struct oci_reference *ref)
{
	return oci_digest_is_set(&ref->digest) ? ref->digest.text : ref->tag;
}

static const struct oci_digest *ref_digest(const struct oci_reference *ref)
{
	return oci_digest_is_set(&ref->digest) ? &ref->digest : NULL;
}

static int resolve_wrap(const struct oci_reference *ref, struct err *e)
{
	auto_buf struct buf name = BUF_INIT(BUF_SMALL);

	oci_reference_familiar(&name, ref);
	return err_wrap(e, "image %s", buf_str(&name));
}

/* Does the answer say all that a descriptor holds? (No document is of length 0.) */
static bool resolve_from_head(struct oci_descriptor *out, const struct http_response *rs)
{
	struct oci_descriptor d = { 0 };

	if (rs->status != 200 || !registry_api_digest(&d.digest, rs) ||
	    !registry_api_length(&d.size_bytes, rs) || !d.size_bytes)
		return false;
	d.media_type = registry_document_type(rs);
	if (!d.media_type)
		return false;
	*out = d;
	return true;
}

static bool head_is_final(long status)
{
	return status == 401 || status == 404 || status == 429 || status >= 500;
}

static int resolve_by_get(struct oci_descriptor *out, struct op *op, const struct registry_repo *r,
			  const struct oci_reference *ref, struct err *e)
{
	auto_document struct registry_document doc = { 0 };

	if (registry_document_get(&doc, op, r, ref_name(ref), ref_digest(ref), e) < 0)
		return -1;
	*out = doc.desc;
	doc.desc = (struct oci_descriptor){ 0 };
	return 0;
}

static int resolve_run(struct oci_descriptor *out, struct op *op, const struct registry_repo *r,
		       const struct oci_reference *ref, struct err *e)
{
	auto_http_response struct http_response rs = { 0 };
	auto_descriptor struct oci_descriptor d = { 0 };

	if (registry_api_manifest_head(&rs, op, r, ref_name(ref), e) < 0)
		return -1;
	if (head_is_final(rs.status))
		return registry_session_refused(r->session, &rs, e);
	if (!resolve_from_head(&d, &rs))
		return resolve_by_get(out, op, r, ref, e);
	if (ref_digest(ref) && !oci_digest_eq(&d.digest, &ref->digest))
		return err_set(e, ERR_CORRUPT, "the registry answers with %s", d.digest.text);
	*out = d;
	d = (struct oci_descriptor){ 0 };
	return 0;
}

int registry_resolve(struct oci_descriptor *out, struct op *op, struct registry_session *s,
		     const struct oci_reference *ref, struct err *e)
{
	struct registry_repo repo = { .session = s, .path = ref->path };

	return resolve_run(out, op, &repo, ref, e) < 0 ? resolve_wrap(ref, e) : 0;
}

static int platforms_of_index(struct oci_platform **out, size_t *nr, struct span text,
			      const char *media_type, struct err *e)
{
	auto_index struct oci_index x = { 0 };
	struct oci_platform *list;
	size_t n = 0;

	if (oci_index_parse(&x, text, media_type, e) < 0)
		return -1;
	list = mem_zalloc((x.nr + 1) * sizeof(*list));
	for (size_t i = 0; i < x.nr; i++)
		/* attestations are filed under unknown/unknown */
		if (x.entries[i].has_platform && strcmp(x.entries[i].platform.os, "unknown") != 0)
			list[n++] = x.entries[i].platform;
	*out = list;
	*nr = n;
	return 0;
}

static int platform_of_manifest(struct oci_platform **out, size_t *nr, struct op *op,
				const struct registry_repo *r, const struct registry_document *doc,
				struct err *e)
{
	auto_manifest struct oci_manifest m = { 0 };
	auto_buf struct buf text = BUF_INIT(OCI_CONFIG_MAX);
	auto_config struct oci_config *config = NULL;

	if (oci_manifest_parse(&m, buf_span(&doc->bytes), doc->desc.media_type, e) < 0 ||
	    registry_download_bytes(&text, op, r, &m.config, e) < 0)
		return -1;
	if (oci_config_parse(&config, buf_span(&text), e) < 0)
		return err_wrap(e, "config %s", m.config.digest.text);
	*out = mem_alloc(sizeof(**out));
	**out = config->platform;
	*nr = 1;
	return 0;
}

int registry_platforms(struct oci_platform **out, size_t *nr, struct op *op,
		       struct registry_session *s, const struct oci_reference *ref,
		       const struct oci_descriptor *image, struct err *e)
{
	struct registry_repo repo = { .session = s, .path = ref->path };
	auto_document struct registry_document doc = { 0 };
	int r;

	if (registry_document_get(&doc, op, &repo, image->digest.text, &image->digest, e) < 0)
		return resolve_wrap(ref, e);
	if (doc.kind == OCI_DOCUMENT_INDEX)
		r = platforms_of_index(out, nr, buf_span(&doc.bytes), doc.desc.media_type, e);
	else
		r = platform_of_manifest(out, nr, op, &repo, &doc, e);
	return r < 0 ? resolve_wrap(ref, e) : 0;
}
