/*
 * Layers come in parallel and are unpacked in order, each from its first bytes on, into our workspace;
 * the finished tree is renamed into the cache. Whoever comes second finds it there, or loses the
 * race and uses the winner's: trees of one name are equal.
 *
 * So bytes are unpacked that nothing has vouched for yet: no layer is done before its blob is
 * verified (image/arrival.h) and its diff_id is. When what came first was not the blob, and then it
 * came after all, the tree is removed, and made once more from the store, in another directory: the
 * first may have set anything in its own.
 *
 * A fetch waits for nobody, and is submitted before anything that waits for it: whoever unpacks is no
 * worker, and what decompresses for it is submitted when the fetch has begun. So one worker is enough. With
 * more, one of them sits in the read of what comes as long as that lasts: the network is slower than it is.
 *
 * A tree is known by its layers' digests and by the diff_ids that these were found to have: an
 * image that claims well-known diff_ids for other layers does not get the well-known tree, but an
 * error when its own are unpacked.
 */
#include <errno.h>

#include "base/cancel.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/progress.h"
#include "oci/build/image.h"
#include "oci/image/arrival.h"
#include "oci/layer/apply.h"

struct fetch {
	struct op *op;
	struct images *im;
	struct image *img;
	const struct oci_descriptor *layer;
	struct arrival arrival;
	struct arrival *coming; /* that, when somebody reads it */
	int r;
	struct err err;
};

static void fetch_run(void *item)
{
	struct fetch *f = item;

	f->r = f->img->source->fetch_layer(f->img->source, f->op, f->img->ref, f->layer,
					   f->im->blobs, f->coming, &f->err);
	arrival_end(f->coming, f->r == 0);
}

/* The layers of an image on their way into our store, all at once. */
struct fetches {
	struct image *img;
	struct fetch *all;
	size_t nr; /* 0: they are there */
	struct pool_batch batch;
};

/* The image's lock is held from here to fetches_end, unless img->is_fetched. is_read: while they come. */
static void fetches_begin(struct fetches *f, struct op *op, struct images *im, struct image *img,
			  bool is_read)
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
		arrival_init(&f->all[i].arrival);
		f->all[i].coming = is_read ? &f->all[i].arrival : NULL;
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
		arrival_release(&f->all[i].arrival);
	}
	if (f->nr && all)
		f->img->is_fetched = true;
	free(f->all);
}

static int fetch(struct op *op, struct images *im, struct image *img, struct err *e)
{
	CLEANUP(fetches_end) struct fetches f;

	fetches_begin(&f, op, im, img, false);
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

/* -- unpacking ------------------------------------------------------------------------- */

struct unpacking {
	struct op *op;
	struct images *im;
	struct image *img;
	const char *id;	       /* of the progress */
	int tree;	       /* a directory, empty */
	struct record *record; /* NULL: none */
	bool has_begun;
	struct fetches fetches;
};

static int apply_from(struct unpacking *u, size_t i, struct source *blob, struct err *e)
{
	const struct entries_layer layer = { &u->img->config->diff_ids[i],
					     u->im->opt->max_layer_bytes };

	if (layer_apply_recorded(u->record, u->op, u->tree, blob, &layer, e) == 0)
		return 0;
	return err_wrap(e, "image '%s': layer %s", u->img->name,
			u->img->manifest.layers[i].digest.text);
}

static int apply_stored(struct unpacking *u, size_t i, struct err *e)
{
	auto_blob struct oci_blob blob = { 0 };

	if (oci_store_open(u->im->blobs, &u->img->manifest.layers[i].digest, &blob, e) < 0)
		return err_wrap(e, "image '%s'", u->img->name);
	return apply_from(u, i, blob.source, e);
}

/* 1: what came first was not the layer; now it is there. */
static int apply_coming(struct unpacking *u, size_t i, struct source *blob, struct err *e)
{
	struct err why = ERR_INIT;
	int r = apply_from(u, i, blob, e);

	arrival_leave(&u->fetches.all[i].arrival);
	if (r < 0 && cancel_check(u->op->cancel, e) < 0)
		return -1;
	/* it is not done before its blob is verified, and may have failed for what came: then that is what is wrong */
	if (fetches_await(&u->fetches, i, &why) < 0) {
		*e = why;
		return -1;
	}
	if (r == 0)
		return 0;
	if (!arrival_was_dropped(&u->fetches.all[i].arrival))
		return -1;
	log_info(u->op, "%s; unpacking anew what came then", e->text);
	err_clear(e);
	return 1;
}

static int apply(struct unpacking *u, size_t i, struct err *e)
{
	struct source *coming = NULL;

	if (u->fetches.nr)
		coming = arrival_source(&u->fetches.all[i].arrival);
	if (!coming && fetches_await(&u->fetches, i, e) < 0)
		return -1;
	if (!u->has_begun)
		progress_begin(u->op->progress, u->id, "unpack %s", u->img->name);
	u->has_begun = true;
	return coming ? apply_coming(u, i, coming, e) : apply_stored(u, i, e);
}

static int apply_each(struct unpacking *u, struct err *e)
{
	const struct oci_manifest *m = &u->img->manifest;
	uint64_t total = 0, done = 0;
	int r;

	for (size_t i = 0; i < m->nr_layers; i++)
		total += m->layers[i].size_bytes;
	for (size_t i = 0; i < m->nr_layers; i++) {
		r = apply(u, i, e);
		if (r != 0)
			return r;
		done += m->layers[i].size_bytes;
		progress_tick(u->op->progress, u->id, done, total);
	}
	if (u->has_begun)
		progress_end(u->op->progress, u->id, total);
	return 0;
}

/* Each layer as it comes, when the ones below are unpacked. 1: as images_unpack_into; then all are fetched, so
 * that none comes in the next round. */
static int apply_all(struct unpacking *u, struct err *e)
{
	int r;

	fetches_begin(&u->fetches, u->op, u->im, u->img, true);
	r = apply_each(u, e);
	if (r > 0 && fetches_await_all(&u->fetches, e) < 0)
		r = -1;
	fetches_end(&u->fetches);
	if (r < 0 && u->has_begun)
		progress_give_up(u->op->progress, u->id, e);
	else if (r > 0)
		progress_end(u->op->progress, u->id, 0);
	return r;
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

/* 1: as images_unpack_into; what was made is removed. */
static int unpack_to(struct op *op, struct images *im, struct image *img, const char *place,
		     struct err *e)
{
	auto_free char *name = unpack_name(im);
	auto_free char *path = NULL, *id = NULL;
	auto_close int tree = -1;
	int r;

	id = mem_printf("unpack %s %s", img->name, name);
	path = workspace_dir(im->ws, name, e);
	tree = path ? fs_open_dir(path, e) : -1;
	if (tree < 0)
		return -1;
	r = apply_all(&(struct unpacking){ .op = op, .im = im, .img = img, .id = id, .tree = tree },
		      e);
	if (r > 0 && fs_remove_tree(AT_FDCWD, path, e) < 0)
		return -1;
	if (r != 0)
		return r;
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
	int r = 0;

	if (img->tree || !img->config->nr_diff_ids)
		return 0;
	image_tree_name(name, img);
	place = tree_place(im, name);
	if (stat(place, &st) < 0)
		r = unpack_to(op, im, img, place, e);
	if (r > 0)
		r = unpack_to(op, im, img, place, e);
	if (r < 0)
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
	struct unpacking u = {
		.op = op, .im = im, .img = img, .id = id, .tree = dirfd, .record = record
	};
	bool is_fetched;
	int r = 0;

	pthread_mutex_lock(&img->lock);
	is_fetched = img->is_fetched;
	if (!is_fetched)
		r = apply_all(&u, e);
	pthread_mutex_unlock(&img->lock);
	return is_fetched ? apply_all(&u, e) : r;
}
