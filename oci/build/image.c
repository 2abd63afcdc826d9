/*
 * Finding: by name and platform, each once, so that a tag that moves during the build cannot give
 * two images under one name. Unpacking is image_unpack.c.
 */
#include "oci/build/image.h"

#include <errno.h>

#include "base/fs.h"
#include "base/mem.h"
#include "oci/image/layout_files.h"
#include "oci/image/reference.h"
#include "oci/image/store_layout.h"

/* -- named contexts -------------------------------------------------------------- */

const char *images_context(const struct build_options *opt, const char *name)
{
	return strv_env_get(&opt->contexts, name);
}

bool images_context_is_dir(const char *value)
{
	struct span v = span_of_str(value);

	return !span_starts(v, "oci-layout://") && !span_starts(v, "docker-image://");
}

/* "DIR", "DIR:TAG", "DIR@sha256:…"; a directory's own name may hold either sign. */
static void split_layout(const char *text, char **dir, char **ref)
{
	const char *slash = strrchr(text, '/');
	const char *last = slash ? slash : text;
	const char *at = strchr(last, '@'), *colon = strchr(last, ':');
	const char *cut = at ? at : colon;
	struct stat st;

	if (!cut || stat(text, &st) == 0) {
		*dir = mem_strdup(text);
		*ref = mem_strdup("");
		return;
	}
	*dir = mem_strndup(text, (size_t)(cut - text));
	*ref = mem_strdup(cut + 1);
}

/* -- finding --------------------------------------------------------------------- */

/* As nothing was found, and as before it was looked for. */
static void image_forget(struct image *img)
{
	image_source_free(STEAL(&img->own));
	img->source = NULL;
	free(STEAL(&img->ref));
	oci_descriptor_release(&img->desc);
	oci_manifest_release(&img->manifest);
	oci_config_free(STEAL(&img->config));
	img->desc = (struct oci_descriptor){ 0 };
	img->manifest = (struct oci_manifest){ 0 };
}

static void image_free(struct image *img)
{
	image_forget(img);
	free(img->name);
	free(img->tree);
	toc_release(&img->toc);
	pthread_mutex_destroy(&img->lock);
	free(img);
}

static int read_documents(struct images *im, struct image *img, struct err *e)
{
	auto_buf struct buf text = BUF_INIT(OCI_CONFIG_MAX);

	if (oci_store_read(im->blobs, &img->desc, OCI_MANIFEST_MAX, &text, e) < 0 ||
	    oci_manifest_parse(&img->manifest, buf_span(&text), img->desc.media_type, e) < 0 ||
	    oci_store_read(im->blobs, &img->manifest.config, OCI_CONFIG_MAX, &text, e) < 0 ||
	    oci_config_parse(&img->config, buf_span(&text), e) < 0)
		return -1;
	if (img->manifest.nr_layers != img->config->nr_diff_ids)
		return err_set(e, ERR_CORRUPT, "its manifest has %zu layers, its config %zu",
			       img->manifest.nr_layers, img->config->nr_diff_ids);
	return 0;
}

static void forget_documents(struct image *img)
{
	oci_descriptor_release(&img->desc);
	oci_manifest_release(&img->manifest);
	oci_config_free(STEAL(&img->config));
	img->desc = (struct oci_descriptor){ 0 };
	img->manifest = (struct oci_manifest){ 0 };
}

/* From img->source, which is set. */
static int resolve(struct op *op, struct images *im, struct image *img, struct err *e)
{
	if (img->source->resolve(img->source, op, img->ref, &img->platform, im->blobs, &img->desc,
				 e) < 0)
		return -1;
	return read_documents(im, img, e);
}

/* 1: our own store has it, for this platform or for any; 0: it has not. */
static int find_in_store(struct op *op, struct images *im, struct image *img, bool any_platform,
			 struct err *e)
{
	auto_free char *path = mem_printf("%s/store", im->ws->root);
	auto_free char *mark = mem_printf("%s/%s", path, LAYOUT_FILE);

	/* one without its mark is being made by somebody, or was when they were killed: it is empty */
	if (im->opt->pull || (access(mark, F_OK) < 0 && errno == ENOENT))
		return 0;
	if (image_source_layout_open(&img->own, path, e) == 0) {
		img->source = img->own;
		if (resolve(op, im, img, e) == 0) {
			if (any_platform ||
			    oci_platform_match(&img->platform, &img->config->platform))
				return 1;
			forget_documents(img);
			e->kind = ERR_ABSENT;
		}
		image_source_free(STEAL(&img->own));
		img->source = NULL;
	}
	if (e->kind != ERR_ABSENT)
		return -1;
	err_clear(e);
	return 0;
}

static int find_in_registry(struct op *op, struct images *im, struct image *img, struct err *e)
{
	if (!im->env->registry)
		return err_set(e, ERR_ABSENT, "no image '%s' in '%s/store'", img->ref,
			       im->ws->root);
	img->source = im->env->registry;
	return resolve(op, im, img, e);
}

/*
 * name: a reference as people write it. An image that was made here for one other platform is better
 * than none: it is used (and warned of) where no registry has that name.
 */
static int find_by_name(struct op *op, struct images *im, struct image *img, const char *name,
			struct err *e)
{
	auto_reference struct oci_reference ref = { 0 };
	auto_buf struct buf full = BUF_INIT(BUF_SMALL);
	struct err why = ERR_INIT;
	int found;

	if (oci_reference_parse(&ref, name, e) < 0)
		return -1;
	oci_reference_format(&full, &ref);
	img->ref = mem_strdup(buf_str(&full));
	found = find_in_store(op, im, img, false, e);
	if (found)
		return found < 0 ? -1 : 0;
	if (find_in_registry(op, im, img, e) == 0)
		return 0;
	if (e->kind != ERR_ABSENT && e->kind != ERR_DENIED)
		return -1;
	forget_documents(img);
	return find_in_store(op, im, img, true, &why) > 0 ? (err_clear(e), 0) : -1;
}

static int find_in_layout(struct op *op, struct images *im, struct image *img, const char *text,
			  struct err *e)
{
	auto_free char *dir = NULL;

	split_layout(text, &dir, &img->ref);
	if (image_source_layout_open(&img->own, dir, e) < 0)
		return -1;
	img->source = img->own;
	return resolve(op, im, img, e);
}

static int find_context(struct op *op, struct images *im, struct image *img, struct err *e)
{
	const char *value = images_context(im->opt, img->name);
	struct span rest = span_of_str(value);

	if (span_take(&rest, "oci-layout://"))
		return find_in_layout(op, im, img, rest.p, e);
	if (span_take(&rest, "docker-image://"))
		return find_by_name(op, im, img, rest.p, e);
	return err_set(e, ERR_INPUT, "--build-context %s: '%s' is a directory, not an image",
		       img->name, value);
}

static struct image *find_known(const struct images *im, const char *name,
				const struct oci_platform *platform)
{
	for (size_t i = 0; i < im->nr; i++) {
		struct image *img = im->v[i];

		if (strcmp(img->name, name) == 0 && strcmp(img->platform.os, platform->os) == 0 &&
		    strcmp(img->platform.arch, platform->arch) == 0 &&
		    strcmp(img->platform.variant, platform->variant) == 0)
			return img;
	}
	return NULL;
}

/* The image of this name, known or new; nothing was asked for it then. */
static struct image *image_of(struct images *im, const char *name,
			      const struct oci_platform *platform)
{
	struct image *img;

	pthread_mutex_lock(&im->lock);
	img = find_known(im, name, platform);
	if (!img) {
		img = mem_zalloc(sizeof(*img));
		img->name = mem_strdup(name);
		img->platform = *platform;
		pthread_mutex_init(&img->lock, NULL);
		MEM_GROW(im->v, im->nr, im->cap);
		im->v[im->nr++] = img;
	}
	pthread_mutex_unlock(&im->lock);
	return img;
}

int images_get(struct image **out, struct op *op, struct images *im, const struct plan_source *from,
	       const struct oci_platform *platform, struct err *e)
{
	struct image *img = image_of(im, from->ref, platform);
	int r = 0;

	pthread_mutex_lock(&img->lock);
	if (!img->is_found)
		r = from->kind == PLAN_CONTEXT ? find_context(op, im, img, e)
					       : find_by_name(op, im, img, img->name, e);
	img->is_found |= r == 0;
	if (r < 0)
		image_forget(img);
	pthread_mutex_unlock(&img->lock);
	*out = img;
	return r;
}

/* -- the set --------------------------------------------------------------------- */

int images_open(struct images *im, const struct build_env *env, const struct build_options *opt,
		const struct workspace *ws, struct err *e)
{
	auto_free char *path = mem_printf("%s/cache/blobs", ws->root);
	auto_free char *trees = mem_printf("%s/cache/trees", ws->root);

	*im = (struct images){ .env = env, .opt = opt, .ws = ws };
	pthread_mutex_init(&im->lock, NULL);
	if (fs_mkdir_p(AT_FDCWD, trees, 0700, e) < 0)
		return -1;
	return oci_store_layout_open(&im->blobs, path, OCI_LAYOUT_CREATE, e);
}

void images_release(struct images *im)
{
	for (size_t i = 0; i < im->nr; i++)
		image_free(im->v[i]);
	free(im->v);
	oci_store_free(im->blobs);
	*im = (struct images){ 0 };
}
