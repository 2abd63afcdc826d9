/*
 * A walk over the documents of an image, an index's children before the index: a
 * registry refuses a document that names what it does not have. The largest blob
 * comes first, so that it does not begin when all others are through.
 */
#include "registry/push_plan.h"

#include "base/mem.h"

#define DEPTH_MAX 4 /* an index in an index in … */

static void list_release(struct oci_descriptor *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		oci_descriptor_release(&list[i]);
	free(list);
}

void push_plan_release(struct push_plan *p)
{
	list_release(p->blobs, p->nr_blobs);
	list_release(p->documents, p->nr_documents);
	*p = (struct push_plan){ 0 };
}

static bool list_has(const struct oci_descriptor *list, size_t n, const struct oci_digest *d)
{
	for (size_t i = 0; i < n; i++)
		if (oci_digest_eq(&list[i].digest, d))
			return true;
	return false;
}

ptrdiff_t push_plan_find(const struct push_plan *p, const struct oci_digest *d)
{
	for (size_t i = 0; i < p->nr_blobs; i++)
		if (oci_digest_eq(&p->blobs[i].digest, d))
			return (ptrdiff_t)i;
	return -1;
}

/* Layers that a registry may not hold by their licence; whoever runs the image has them. */
static bool is_foreign(const char *media_type)
{
	return strstr(media_type, ".foreign.") || strstr(media_type, ".nondistributable.");
}

static int add_blob(struct push_plan *p, const struct oci_descriptor *d, struct err *e)
{
	if (is_foreign(d->media_type) || list_has(p->blobs, p->nr_blobs, &d->digest))
		return 0;
	if (p->nr_blobs == PUSH_PLAN_BLOBS_MAX)
		return err_set(e, ERR_CORRUPT, "more than %d blobs", PUSH_PLAN_BLOBS_MAX);
	MEM_GROW(p->blobs, p->nr_blobs, p->cap_blobs);
	p->blobs[p->nr_blobs] = (struct oci_descriptor){ 0 };
	oci_descriptor_copy(&p->blobs[p->nr_blobs++], d);
	return 0;
}

static int add_manifest(struct push_plan *p, struct span text, const char *media_type,
			struct err *e)
{
	auto_manifest struct oci_manifest m = { 0 };

	if (oci_manifest_parse(&m, text, media_type, e) < 0 || add_blob(p, &m.config, e) < 0)
		return -1;
	p->config = m.config.digest;
	for (size_t i = 0; i < m.nr_layers; i++)
		if (add_blob(p, &m.layers[i], e) < 0)
			return -1;
	return 0;
}

static int add_document(struct push_plan *p, struct oci_store *from, const struct oci_descriptor *d,
			int depth, struct err *e);

static int add_children(struct push_plan *p, struct oci_store *from, struct span text,
			const char *media_type, int depth, struct err *e)
{
	auto_index struct oci_index x = { 0 };

	if (depth == DEPTH_MAX)
		return err_set(e, ERR_CORRUPT, "indexes nested more than %d deep", DEPTH_MAX);
	if (oci_index_parse(&x, text, media_type, e) < 0)
		return -1;
	for (size_t i = 0; i < x.nr; i++)
		if (add_document(p, from, &x.entries[i].desc, depth + 1, e) < 0)
			return -1;
	return 0;
}

static int add_document(struct push_plan *p, struct oci_store *from, const struct oci_descriptor *d,
			int depth, struct err *e)
{
	auto_buf struct buf text = BUF_INIT(OCI_MANIFEST_MAX);
	enum oci_document kind;
	int r;

	if (list_has(p->documents, p->nr_documents, &d->digest))
		return 0;
	if (p->nr_documents == PUSH_PLAN_BLOBS_MAX)
		return err_set(e, ERR_CORRUPT, "more than %d manifests", PUSH_PLAN_BLOBS_MAX);
	if (d->size_bytes > OCI_MANIFEST_MAX)
		return err_set(e, ERR_FAILED,
			       "manifest %s: %ju bytes, and registries take no more than %u",
			       d->digest.text, (uintmax_t)d->size_bytes, OCI_MANIFEST_MAX);
	if (oci_store_read(from, d, OCI_MANIFEST_MAX, &text, e) < 0)
		return -1;
	if (oci_document_kind(&kind, buf_span(&text), d->media_type, e) < 0)
		return err_wrap(e, "manifest %s", d->digest.text);
	if (kind == OCI_DOCUMENT_INDEX)
		r = add_children(p, from, buf_span(&text), d->media_type, depth, e);
	else
		r = add_manifest(p, buf_span(&text), d->media_type, e);
	if (r < 0)
		return err_wrap(e, "manifest %s", d->digest.text);
	MEM_GROW(p->documents, p->nr_documents, p->cap_documents);
	p->documents[p->nr_documents] = (struct oci_descriptor){ 0 };
	oci_descriptor_copy(&p->documents[p->nr_documents++], d);
	return 0;
}

void push_plan_init_alone(struct push_plan *out, const struct oci_descriptor *image)
{
	*out = (struct push_plan){ .nr_documents = 1, .cap_documents = 1 };
	out->documents = mem_zalloc(sizeof(*out->documents));
	oci_descriptor_copy(&out->documents[0], image);
}

static int larger_first(const void *a, const void *b)
{
	const struct oci_descriptor *x = a, *y = b;

	if (x->size_bytes != y->size_bytes)
		return x->size_bytes < y->size_bytes ? 1 : -1;
	return strcmp(x->digest.text, y->digest.text);
}

int push_plan_init(struct push_plan *out, struct oci_store *from,
		   const struct oci_descriptor *image, struct err *e)
{
	struct push_plan p = { 0 };

	if (add_document(&p, from, image, 0, e) < 0) {
		push_plan_release(&p);
		return -1;
	}
	if (p.nr_documents > 1)
		p.config = (struct oci_digest){ 0 };
	if (p.nr_blobs)
		qsort(p.blobs, p.nr_blobs, sizeof(*p.blobs), larger_first);
	*out = p;
	return 0;
}
