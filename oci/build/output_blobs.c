/* Only reading: there is no writer, and nothing asks for one. */
#include "oci/build/output_blobs.h"

#include "base/mem.h"
#include "oci/image/reference.h"

struct blobs {
	struct oci_store base;
	struct job *j;
	const struct output_images *all;
};

static struct blobs *blobs_of(struct oci_store *s)
{
	return CONTAINER_OF(s, struct blobs, base);
}

/* The base that has this layer; NULL: none. */
static struct image *find_base(const struct blobs *b, const struct oci_digest *d,
			       const struct oci_descriptor **layer)
{
	for (size_t i = 0; i < b->all->nr; i++) {
		struct image *img = b->all->v[i].stage->image;

		for (size_t k = 0; img && k < img->manifest.nr_layers; k++)
			if (oci_digest_eq(&img->manifest.layers[k].digest, d)) {
				*layer = &img->manifest.layers[k];
				return img;
			}
	}
	return NULL;
}

/* The layer that the cache had; NULL: none. */
static struct layer *find_found(const struct blobs *b, const struct oci_digest *d)
{
	for (size_t i = 0; i < b->all->nr; i++) {
		const struct stage *st = b->all->v[i].stage;

		for (size_t k = 0; k < st->nr; k++)
			if (st->layers[k]->is_found &&
			    oci_digest_eq(&st->layers[k]->blob.digest, d))
				return st->layers[k];
	}
	return NULL;
}

static bool blobs_has(struct oci_store *s, const struct oci_digest *d, uint64_t *size_bytes)
{
	struct blobs *b = blobs_of(s);
	const struct oci_descriptor *layer;
	const struct layer *found = find_found(b, d);

	if (oci_store_has(b->j->work, d, size_bytes))
		return true;
	if (found)
		layer = &found->blob;
	else if (!find_base(b, d, &layer))
		return false;
	if (size_bytes)
		*size_bytes = layer->size_bytes;
	return true;
}

static int blobs_open(struct oci_store *s, const struct oci_digest *d, struct oci_blob *out,
		      struct err *e)
{
	struct blobs *b = blobs_of(s);
	const struct oci_descriptor *layer;
	struct layer *found = find_found(b, d);
	struct image *img;

	if (oci_store_has(b->j->work, d, NULL))
		return oci_store_open(b->j->work, d, out, e);
	if (found)
		return layer_fetch(found, b->j->op, e) < 0
			       ? -1
			       : oci_store_open(b->j->images.blobs, d, out, e);
	img = find_base(b, d, &layer);
	if (!img)
		return err_set(e, ERR_ABSENT, "blob %s belongs to no image of this build", d->text);
	if (img->source->fetch_layer(img->source, b->j->op, img->ref, layer, b->j->images.blobs,
				     NULL, e) < 0)
		return -1;
	return oci_store_open(b->j->images.blobs, d, out, e);
}

static void blobs_free(struct oci_store *s)
{
	free(blobs_of(s));
}

static const struct oci_store_ops blobs_ops = { .has = blobs_has,
						.open = blobs_open,
						.free = blobs_free };

struct oci_store *output_blobs_open(struct job *j, const struct output_images *all)
{
	struct blobs *b = mem_zalloc(sizeof(*b));

	b->base = (struct oci_store){ .ops = &blobs_ops, .name = "build" };
	b->j = j;
	b->all = all;
	return &b->base;
}

/* Those that a cache in a registry had, and that are not here. */
static void add_found(struct strv *out, const struct job *j, const struct stage *st)
{
	for (size_t i = 0; i < st->nr; i++) {
		const struct layer *l = st->layers[i];
		auto_free char *where = NULL;

		if (!l->is_found || !l->from->ops->origin ||
		    oci_store_has(j->images.blobs, &l->blob.digest, NULL))
			continue;
		where = l->from->ops->origin(l->from, &l->result);
		if (where)
			strv_addf(out, "%s=%s", l->blob.digest.text, where);
	}
}

void output_blobs_origins(struct strv *out, const struct job *j, const struct output_images *all)
{
	for (size_t i = 0; i < all->nr; i++)
		add_found(out, j, all->v[i].stage);
	for (size_t i = 0; i < all->nr; i++) {
		const struct image *img = all->v[i].stage->image;
		auto_reference struct oci_reference ref = { 0 };
		struct err ignored = ERR_INIT;

		if (!img || img->source != j->env->registry ||
		    oci_reference_parse(&ref, img->ref, &ignored) < 0)
			continue;
		for (size_t k = 0; k < img->manifest.nr_layers; k++)
			strv_addf(out, "%s=%s/%s", img->manifest.layers[k].digest.text, ref.host,
				  ref.path);
	}
}
