/*
 * Layers come in parallel and are unpacked in order, while others still come, into our workspace;
 * the finished tree is renamed into the cache. Whoever comes second finds it there, or loses the
 * race and uses the winner's: trees of one name are equal.
 *
 * A tree is known by its layers' digests and by the diff_ids that these were found to have: an
 * image that claims well-known diff_ids for other layers does not get the well-known tree, but an
 * error when its own are unpacked.
 */
#include <errno.h>

#include "base/fs.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/progress.h"
#include "oci/build/image.h"
#include "oci/layer/apply.h"

struct fetch {
	struct op *op;
	struct images *im;
	struct image *img;
	const struct oci_descriptor *layer;
	int r;
	struct err err;
};

static void fetch_run(void *item)
{
	struct fetch *f = item;

	f->r = f->img->source->fetch_layer(f->img->source, f->op, f->img->ref, f->layer,
					   f->im->blobs, &f->err);
}

/* The layers of an image on their way into our store, all at once. */
struct fetches {
	struct image *img;
	struct fetch *all;
	size_t nr; /* 0: they are there */
	struct pool_batch batch;
};

/* The image's lock is held from here to fetches_end, unless img->is_fetched. */
static void fetches_begin(struct fetches *f, struct op *op, struct images *im, struct image *img)
{
	*f = (struct fetches){ .img = img };
	if (img->is_fetched)
		return;
	f->nr = img->manifest.nr_layers;
	f->all = mem_resize(NULL, f->nr + 1, sizeof(*f->all));
	pool_batch_init(&f->batch, op->pool);
	for (size_t i = 0; i < f->nr; i++) {
		f->all[i] = (struct fetch){
			.op = op, .im = im, .img = img, .layer = &img->manifest.layers[i], .r = -1
		};
		pool_submit(&f->batch, fetch_run, &f->all[i]);
	}
}

/* This layer is there afterwards. */
static int fetches_await(struct fetches *f, size_t i, struct err *e)
{
	if (!f->nr)
		return 0;
	pool_await(&f->batch, &f->all[i]);
	if (f->all[i].r == 0)
		return 0;
	*e = f->all[i].err;
	return err_wrap(e, "image '%s'", f->img->name);
}

static int fetches_await_all(struct fetches *f, struct err *e)
{
	for (size_t i = 0; i < f->nr; i++)
		if (fetches_await(f, i, e) < 0)
			return -1;
	return 0;
}

/* What was not begun when something failed is not begun any more. */
static void fetches_end(struct fetches *f)
{
	bool all = true;

	for (size_t i = 0; i < f->nr; i++) {
		if (!pool_take_back(&f->batch, &f->all[i]))
			pool_await(&f->batch, &f->all[i]);
		all &= f->all[i].r == 0;
	}
	if (f->nr && all)
		f->img->is_fetched = true;
	free(f->all);
}

static int fetch(struct op *op, struct images *im, struct image *img, struct err *e)
{
	CLEANUP(fetches_end) struct fetches f;

	fetches_begin(&f, op, im, img);
	return fetches_await_all(&f, e);
}

int images_fetch(struct op *op, struct images *im, struct image *img, struct err *e)
{
	int r;

	pthread_mutex_lock(&img->lock);
	r = fetch(op, im, img, e);
	pthread_mutex_unlock(&img->lock);
	return r;
}

static int apply(struct op *op, struct images *im, struct image *img, size_t i, int tree,
		 struct record *record, struct err *e)
{
	const struct oci_digest *digest = &img->manifest.layers[i].digest;
	const struct entries_layer layer = { &img->config->diff_ids[i], im->opt->max_layer_bytes };
	auto_blob struct oci_blob blob = { 0 };

	if (oci_store_open(im->blobs, digest, &blob, e) < 0 ||
	    layer_apply_recorded(record, op, tree, blob.source, &layer, e) < 0)
		return err_wrap(e, "image '%s': layer %s", img->name, digest->text);
	return 0;
}

static int apply_fetched(struct fetches *f, struct op *op, struct images *im, const char *id,
			 int tree, struct record *record, struct err *e)
{
	const struct oci_manifest *m = &f->img->manifest;
	uint64_t total = 0, done = 0;

	for (size_t i = 0; i < m->nr_layers; i++)
		total += m->layers[i].size_bytes;
	for (size_t i = 0; i < m->nr_layers; i++) {
		if (fetches_await(f, i, e) < 0 || apply(op, im, f->img, i, tree, record, e) < 0)
			return -1;
		done += m->layers[i].size_bytes;
		progress_tick(op->progress, id, done, total);
	}
	progress_end(op->progress, id, total);
	return 0;
}

/* Each layer as soon as it is there and the ones below are unpacked. */
static int apply_all(struct op *op, struct images *im, struct image *img, const char *id, int tree,
		     struct record *record, struct err *e)
{
	CLEANUP(fetches_end) struct fetches f;

	fetches_begin(&f, op, im, img);
	if (fetches_await(&f, 0, e) < 0)
		return -1;
	progress_begin(op->progress, id, "unpack %s", img->name);
	if (apply_fetched(&f, op, im, id, tree, record, e) == 0)
		return 0;
	progress_give_up(op->progress, id, e);
	return -1;
}

/* Two images of one tree may be on the way at once. Owned by the caller. */
static char *unpack_name(struct images *im)
{
	size_t nr;

	pthread_mutex_lock(&im->lock);
	nr = im->nr_unpacks++;
	pthread_mutex_unlock(&im->lock);
	return mem_printf("tree-%zu", nr);
}

static int unpack_to(struct op *op, struct images *im, struct image *img, const char *place,
		     struct err *e)
{
	auto_free char *name = unpack_name(im);
	auto_free char *path = NULL, *id = NULL;
	auto_close int tree = -1;
	char platform[100];

	oci_platform_format(platform, &img->platform);
	id = mem_printf("unpack %s %s", img->name, platform);
	path = workspace_dir(im->ws, name, e);
	tree = path ? fs_open_dir(path, e) : -1;
	if (tree < 0 || apply_all(op, im, img, id, tree, NULL, e) < 0)
		return -1;
	if (rename(path, place) < 0 && errno != EEXIST && errno != ENOTEMPTY)
		return err_sys(e, "move the unpacked image to '%s'", place);
	return 0;
}

void image_tree_name(char out[IMAGE_TREE_NAME], const struct image *img)
{
	unsigned char raw[HASH_SHA256_LEN];
	struct hash h;

	hash_init(&h);
	for (size_t i = 0; i < img->manifest.nr_layers; i++) {
		const char *const ids[] = { img->manifest.layers[i].digest.text,
					    img->config->diff_ids[i].text };

		for (size_t k = 0; k < ARRAY_LEN(ids); k++) {
			hash_update(&h, ids[k], strlen(ids[k]));
			hash_update(&h, "\n", 1);
		}
	}
	hash_final(&h, raw);
	hash_hex(out, raw);
}

/* Where it is, or will be. */
static char *tree_place(const struct images *im, const char *name)
{
	return mem_printf("%s/cache/trees/%s", im->ws->root, name);
}

bool images_is_unpacked(const struct images *im, const struct image *img)
{
	char name[IMAGE_TREE_NAME];
	auto_free char *place = NULL;

	image_tree_name(name, img);
	place = tree_place(im, name);
	return access(place, F_OK) == 0;
}

static int unpack(struct op *op, struct images *im, struct image *img, struct err *e)
{
	char name[IMAGE_TREE_NAME];
	auto_free char *place = NULL;
	const struct timespec used[2] = { { .tv_nsec = UTIME_NOW }, { .tv_nsec = UTIME_OMIT } };
	struct stat st;

	if (img->tree || !img->config->nr_diff_ids)
		return 0;
	image_tree_name(name, img);
	place = tree_place(im, name);
	if (stat(place, &st) < 0 && unpack_to(op, im, img, place, e) < 0)
		return -1;
	utimensat(AT_FDCWD, place, used, 0); /* its last use; its own time is part of it */
	img->tree = STEAL(&place);
	return 0;
}

int images_unpack(struct op *op, struct images *im, struct image *img, struct err *e)
{
	int r;

	pthread_mutex_lock(&img->lock);
	r = unpack(op, im, img, e);
	pthread_mutex_unlock(&img->lock);
	return r;
}

int images_unpack_into(struct op *op, struct images *im, struct image *img, const char *id,
		       int dirfd, struct record *record, struct err *e)
{
	bool is_fetched;
	int r = 0;

	pthread_mutex_lock(&img->lock);
	is_fetched = img->is_fetched;
	if (!is_fetched)
		r = apply_all(op, im, img, id, dirfd, record, e);
	pthread_mutex_unlock(&img->lock);
	return is_fetched ? apply_all(op, im, img, id, dirfd, record, e) : r;
}
