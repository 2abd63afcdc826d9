/*
 * Blobs are written once, into the workspace's store, and get into the result as hard links.
 * A base's layers are linked from the cache in the same way.
 */
#include "oci/build/output.h"

#include <errno.h>

#include "base/cancel.h"
#include "base/fs.h"
#include "base/mem.h"
#include "oci/image/layout.h"
#include "oci/image/store_layout.h"

/* -- the documents ------------------------------------------------------------------ */

/* docker's layers under OCI's names: the bytes are the same. */
static const char *oci_media(const char *media)
{
	if (strcmp(media, DOCKER_MEDIA_LAYER_GZIP) == 0)
		return OCI_MEDIA_LAYER_GZIP;
	return strcmp(media, DOCKER_MEDIA_LAYER) == 0 ? OCI_MEDIA_LAYER : media;
}

static void add_base_layers(struct output_image *out, const struct image *img)
{
	for (size_t i = 0; i < img->manifest.nr_layers; i++) {
		const struct oci_descriptor *have = &img->manifest.layers[i];
		auto_descriptor struct oci_descriptor d = { .digest = have->digest,
							    .size_bytes = have->size_bytes };

		d.media_type = mem_strdup(oci_media(have->media_type));
		oci_manifest_add_layer(&out->manifest, &d);
	}
	out->nr_base = img->manifest.nr_layers;
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

static void finish_config(const struct job *j, struct oci_config *c)
{
	char now[CLOCK_TEXT_MAX];

	for (size_t i = 0; i < j->opt->labels.n; i++) {
		struct span name, value;
		auto_free char *key = NULL;

		span_cut(span_of_str(j->opt->labels.v[i]), '=', &name, &value);
		key = span_dup(name);
		strv_env_set(&c->labels, key, value.n ? value.p : "");
	}
	job_time(j, now);
	free(c->created);
	c->created = mem_strdup(now);
}

static int write_document(struct oci_descriptor *out, struct job *j, const struct buf *text,
			  const char *media, const char *what, struct err *e)
{
	if (text->over)
		return err_set(e, ERR_INPUT, "the image's %s would be larger than %zu bytes", what,
			       text->max);
	if (oci_store_write(j->work, buf_span(text), &out->digest, e) < 0)
		return -1;
	out->size_bytes = text->len;
	out->media_type = mem_strdup(media);
	return 0;
}

int output_image_make(struct output_image *out, struct job *j, struct stage *st, struct err *e)
{
	auto_output_image struct output_image img = { .platform = st->state.config->platform };
	auto_buf struct buf config = BUF_INIT(OCI_CONFIG_MAX);
	auto_buf struct buf manifest = BUF_INIT(OCI_MANIFEST_MAX);

	img.manifest.media_type = mem_strdup(OCI_MEDIA_MANIFEST);
	if (add_layers(&img, st->state.config, st, e) < 0)
		return -1;
	finish_config(j, st->state.config);
	oci_config_write(&config, st->state.config);
	if (write_document(&img.manifest.config, j, &config, OCI_MEDIA_CONFIG, "configuration", e) <
	    0)
		return -1;
	oci_manifest_write(&manifest, &img.manifest);
	if (write_document(&img.desc, j, &manifest, OCI_MEDIA_MANIFEST, "manifest", e) < 0)
		return -1;
	if (st->image && images_fetch(j->op, &j->images, st->image, e) < 0)
		return -1;
	*out = img;
	img = (struct output_image){ 0 };
	return 0;
}

void output_image_release(struct output_image *img)
{
	oci_manifest_release(&img->manifest);
	oci_descriptor_release(&img->desc);
	*img = (struct output_image){ 0 };
}

/* -- where they go -------------------------------------------------------------------- */

static int copy_blobs(struct job *j, const struct output_image *img, struct oci_store *to,
		      struct err *e)
{
	for (size_t i = 0; i < img->manifest.nr_layers; i++) {
		struct oci_store *from = i < img->nr_base ? j->images.blobs : j->work;

		if (cancel_check(j->op->cancel, e) < 0 ||
		    oci_store_copy_blob(j->op, to, from, &img->manifest.layers[i], e) < 0)
			return -1;
	}
	if (oci_store_copy_blob(j->op, to, j->work, &img->manifest.config, e) < 0)
		return -1;
	return oci_store_copy_blob(j->op, to, j->work, &img->desc, e);
}

typedef int set_name_fn(struct oci_store *s, const char *name, const struct oci_descriptor *desc,
			const struct oci_platform *platform, struct err *e);

static int write_layout(struct job *j, const struct output_image *img, const struct strv *names,
			const char *path, set_name_fn *set_name, struct err *e)
{
	auto_store struct oci_store *to = NULL;

	if (oci_store_layout_open(&to, path, OCI_LAYOUT_CREATE, e) < 0 ||
	    copy_blobs(j, img, to, e) < 0)
		return -1;
	if (!names->n)
		return set_name(to, NULL, &img->desc, &img->platform, e);
	for (size_t i = 0; i < names->n; i++)
		if (set_name(to, names->v[i], &img->desc, &img->platform, e) < 0)
			return -1;
	return 0;
}

static int write_tar(struct job *j, const struct output_image *img, const struct strv *names,
		     const char *path, struct err *e)
{
	auto_free char *layout = mem_printf("%s/export", j->ws.path);

	if (fs_remove_tree(AT_FDCWD, layout, e) < 0 ||
	    write_layout(j, img, names, layout, oci_layout_export, e) < 0)
		return -1;
	return output_tar(j->op, layout, path, e);
}

static int write_store(struct job *j, const struct output_image *img, const struct strv *names,
		       struct err *e)
{
	auto_free char *path = mem_printf("%s/store", j->ws.root);

	return write_layout(j, img, names, path, oci_layout_set, e);
}

static int write_one(struct job *j, const struct output_image *img, const struct strv *names,
		     const struct build_output *o, struct err *e)
{
	switch (o->kind) {
	case BUILD_OUTPUT_OCI_DIR:
		return write_layout(j, img, names, o->dest, oci_layout_export, e);
	case BUILD_OUTPUT_OCI_TAR:
		return write_tar(j, img, names, o->dest, e);
	case BUILD_OUTPUT_STORE:
		break;
	}
	return write_store(j, img, names, e);
}

/* The disk that is full is this one, not the workspace's. */
static int output_fail(const struct build_output *o, struct err *e)
{
	if (o->dest && (e->sys == ENOSPC || e->sys == EDQUOT)) {
		err_wrap(e, "the disk of '%.200s' is full", o->dest);
		e->sys = 0;
	}
	return err_wrap(e, "output '%.200s'", o->dest ? o->dest : "store");
}

static int check_tar(const char *dest, struct err *e)
{
	auto_free char *dir = output_tar_dir(dest);
	auto_close int fd = fs_open_dir(dir, e);
	struct stat st;

	if (fd < 0)
		return -1;
	if (lstat(dest, &st) < 0 || S_ISREG(st.st_mode))
		return 0;
	if (S_ISDIR(st.st_mode))
		return err_set(e, ERR_INPUT,
			       "it is a directory: tar=false writes an image layout into one");
	/* the new file would take its place, were it /dev/stdout */
	return err_set(e, ERR_INPUT, "it is there and not a regular file");
}

int output_check(const struct build_options *opt, struct err *e)
{
	for (size_t i = 0; i < opt->nr_outputs; i++) {
		const struct build_output *o = &opt->outputs[i];

		if (o->kind == BUILD_OUTPUT_OCI_TAR && check_tar(o->dest, e) < 0)
			return err_wrap(e, "output '%.200s'", o->dest);
	}
	return 0;
}

int output_write(struct job *j, const struct output_image *img, const struct strv *names,
		 struct err *e)
{
	if (!j->opt->nr_outputs)
		return write_store(j, img, names, e);
	for (size_t i = 0; i < j->opt->nr_outputs; i++)
		if (write_one(j, img, names, &j->opt->outputs[i], e) < 0)
			return output_fail(&j->opt->outputs[i], e);
	return 0;
}
