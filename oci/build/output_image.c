/* The last of the configuration, and the list of layers: the base's as they came, and the new ones. */
#include "base/mem.h"
#include "oci/build/output.h"
#include "oci/build/output_documents.h"

static void add_base_layers(struct output_image *out, const struct image *img)
{
	for (size_t i = 0; i < img->manifest.nr_layers; i++) {
		const struct oci_descriptor *have = &img->manifest.layers[i];
		auto_descriptor struct oci_descriptor d = { .digest = have->digest,
							    .size_bytes = have->size_bytes };

		d.media_type = mem_strdup(output_media_type(have->media_type, false));
		oci_manifest_add_layer(&out->manifest, &d);
	}
	out->nr_base = img->manifest.nr_layers;
}

void output_images_add_given(struct output_images *all, struct stage *st)
{
	struct output_image *img;

	MEM_GROW(all->v, all->nr, all->cap);
	img = &all->v[all->nr++];
	*img = (struct output_image){ .platform = st->image->platform,
				      .stage = st,
				      .given = &st->image->desc };
	oci_descriptor_copy(&img->manifest.config, &st->image->manifest.config);
	add_base_layers(img, st->image);
}

static int add_layers(struct output_image *out, struct oci_config *c, const struct stage *st,
		      struct err *e)
{
	if (st->image)
		add_base_layers(out, st->image);
	for (size_t i = 0; i < st->nr; i++) {
		const struct layer *l = st->layers[i];

		if (l->r < 0) {
			*e = l->err;
			return -1;
		}
		oci_manifest_add_layer(&out->manifest, &l->blob);
		oci_config_add_diff_id(c, &l->diff_id);
	}
	return 0;
}

/* A base that is all there is may be younger than what was asked for. */
static void clamp_created(const struct job *j, struct oci_config *c)
{
	char limit[CLOCK_TEXT_MAX];
	int64_t created, epoch;

	job_time(j, limit);
	if (!j->opt->has_epoch || !c->created || clock_parse(&created, c->created) < 0 ||
	    clock_parse(&epoch, limit) < 0 || created <= epoch)
		return;
	free(c->created);
	c->created = mem_strdup(limit);
}

static void finish_config(const struct job *j, struct oci_config *c)
{
	for (size_t i = 0; i < j->opt->labels.n; i++) {
		struct span name, value;
		auto_free char *key = NULL;

		span_cut(span_of_str(j->opt->labels.v[i]), '=', &name, &value);
		key = span_dup(name);
		strv_env_set(&c->labels, key, value.n ? value.p : "");
	}
	oci_config_settle_times(c);
	clamp_created(j, c);
}

static int make(struct output_image *img, struct job *j, struct stage *st, struct err *e)
{
	auto_buf struct buf config = BUF_INIT(OCI_CONFIG_MAX);

	if (add_layers(img, st->state.config, st, e) < 0)
		return -1;
	finish_config(j, st->state.config);
	oci_config_write(&config, st->state.config);
	return output_document_write(&img->manifest.config, j, &config, OCI_MEDIA_CONFIG,
				     "configuration", e);
}

int output_images_add(struct output_images *all, struct job *j, struct stage *st, struct err *e)
{
	struct output_image img = { .platform = st->state.config->platform, .stage = st };

	if (make(&img, j, st, e) < 0) {
		oci_manifest_release(&img.manifest);
		return -1;
	}
	MEM_GROW(all->v, all->nr, all->cap);
	all->v[all->nr++] = img;
	return 0;
}

void output_images_release(struct output_images *all)
{
	for (size_t i = 0; i < all->nr; i++)
		oci_manifest_release(&all->v[i].manifest);
	free(all->v);
	oci_descriptor_release(&all->root);
	*all = (struct output_images){ 0 };
}
