/*
 * An OCI layout folder as a place where base images come from. It may be a stranger's:
 * documents are verified here, by reading them, layers on their way into the store.
 */
#include "oci/image/source.h"

#include "base/mem.h"
#include "base/rootdir.h"
#include "oci/image/layout.h"
#include "oci/image/store_layout.h"

/* Indexes in indexes: BuildKit makes two levels, nobody three. */
#define DEPTH_MAX 4

struct layout_source {
	struct image_source base;
	struct oci_store *store;
};

static struct layout_source *source_of(struct image_source *src)
{
	return CONTAINER_OF(src, struct layout_source, base);
}

static int pick(struct oci_descriptor *d, struct span text, const struct oci_platform *want,
		struct err *e)
{
	auto_index struct oci_index x = { 0 };
	const struct oci_index_entry *ent;

	if (oci_index_parse(&x, text, d->media_type, e) < 0)
		return -1;
	ent = oci_index_pick(&x, want);
	if (!ent) {
		char name[100];

		oci_platform_format(name, want);
		return err_set(e, ERR_ABSENT, "image index %s: nothing for platform %s in it",
			       d->digest.text, name);
	}
	oci_descriptor_release(d);
	oci_descriptor_copy(d, &ent->desc);
	return 0;
}

/* Follows indexes until *d is a manifest, which is then in text. */
static int descend(struct oci_store *from, struct oci_descriptor *d,
		   const struct oci_platform *want, struct buf *text, struct err *e)
{
	for (int depth = 0; depth < DEPTH_MAX; depth++) {
		enum oci_document kind;

		if (oci_store_read(from, d, OCI_MANIFEST_MAX, text, e) < 0)
			return -1;
		if (oci_document_kind(&kind, buf_span(text), d->media_type, e) < 0)
			return err_wrap(e, "blob %s", d->digest.text);
		if (kind == OCI_DOCUMENT_MANIFEST)
			return 0;
		if (pick(d, buf_span(text), want, e) < 0)
			return -1;
	}
	return err_set(e, ERR_CORRUPT, "image index %s: nested too deep", d->digest.text);
}

static int layout_resolve(struct image_source *src, struct op *op, const char *ref,
			  const struct oci_platform *want, struct oci_store *into,
			  struct oci_descriptor *out, struct err *e)
{
	struct oci_store *from = source_of(src)->store;
	auto_descriptor struct oci_descriptor d = { 0 };
	auto_manifest struct oci_manifest m = { 0 };
	auto_buf struct buf manifest = BUF_INIT(OCI_MANIFEST_MAX);
	auto_buf struct buf config = BUF_INIT(OCI_CONFIG_MAX);

	if (oci_layout_find(from, ref && *ref ? ref : NULL, &d, e) < 0 ||
	    descend(from, &d, want, &manifest, e) < 0)
		return -1;
	if (oci_manifest_parse(&m, buf_span(&manifest), d.media_type, e) < 0)
		return err_wrap(e, "blob %s", d.digest.text);
	/* read here for its ceiling: whoever parses it may rely on that */
	if (oci_store_read(from, &m.config, OCI_CONFIG_MAX, &config, e) < 0 ||
	    oci_store_copy_blob(op, into, from, &m.config, e) < 0 ||
	    oci_store_copy_blob(op, into, from, &d, e) < 0)
		return -1;
	*out = d;
	d = (struct oci_descriptor){ 0 };
	return 0;
}

static int layout_document(struct image_source *src, struct op *op, const char *ref,
			   struct buf *text, struct oci_descriptor *out, struct err *e)
{
	struct oci_store *from = source_of(src)->store;
	auto_descriptor struct oci_descriptor d = { 0 };

	(void)op;
	if (oci_layout_find(from, ref && *ref ? ref : NULL, &d, e) < 0 ||
	    oci_store_read(from, &d, text->max, text, e) < 0)
		return -1;
	*out = d;
	d = (struct oci_descriptor){ 0 };
	return 0;
}

static int layout_fetch_layer(struct image_source *src, struct op *op, const char *ref,
			      const struct oci_descriptor *layer, struct oci_store *into,
			      struct arrival *coming, struct err *e)
{
	(void)ref, (void)coming; /* a link or a copy, and quick */
	return oci_store_copy_blob(op, into, source_of(src)->store, layer, e);
}

static void layout_source_free(struct image_source *src)
{
	oci_store_free(source_of(src)->store);
	free(source_of(src));
}

int image_source_layout_open(struct image_source **out, const char *path, struct err *e)
{
	auto_store struct oci_store *store = NULL;
	struct layout_source *l;
	int r;

	rootdir_hold(); /* links on the way to it are this machine's, not a stage's */
	r = oci_store_layout_open(&store, path, OCI_LAYOUT_READ, e);
	rootdir_release();
	if (r < 0)
		return -1;
	l = mem_zalloc(sizeof(*l));
	l->base = (struct image_source){
		.resolve = layout_resolve,
		.document = layout_document,
		.fetch_layer = layout_fetch_layer,
		.free = layout_source_free,
	};
	l->store = STEAL(&store);
	*out = &l->base;
	return 0;
}
