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

static bool blobs_has(struct oci_store *s, const struct oci_digest *d, uint64_t *size_bytes)
{
	struct blobs *b = blobs_of(s);
	const struct oci_descriptor *layer;

	if (oci_store_has(b->j->work, d, size_bytes))
		return true;
	if (!find_base(b, d, &layer))
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
	struct image *img;

	if (oci_store_has(b->j->work, d, NULL))
		return oci_store_open(b->j->work, d, out, e);
	img = find_base(b, d, &layer);
	if (!img)
		return err_set(e, ERR_ABSENT, "blob %s belongs to no image of this build", d->text);
	if (img->source->fetch_layer(img->source, b->j->op, img->ref, layer, b->j->images.blobs,
				     e) < 0)
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

void output_blobs_origins(struct strv *out, const struct job *j, const struct output_images *all)
{
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
