/*
 * Unpacked when that is there or will be needed anyway; else the table of contents, which costs one
 * reading of the layers and is kept, too, under the same name. Both show the same files, so that
 * no digest depends on which it was.
 */
#include "base/fs.h"
#include "base/mem.h"
#include "base/progress.h"
#include "oci/build/image.h"
#include "oci/layer/tree_dir.h"

static int open_unpacked(struct tree **out, struct op *op, struct images *im, struct image *img,
			 struct err *e)
{
	auto_close int fd = -1;

	if (images_unpack(op, im, img, e) < 0)
		return -1;
	fd = fs_open_dir(img->tree, e);
	return fd < 0 ? -1 : tree_dir_open(out, fd, NULL, e);
}

static int read_toc(struct image *img, struct op *op, int dirfd, const char *name, struct err *e)
{
	auto_free char *id = mem_printf("toc %s", img->name);
	int r;

	progress_begin(op->progress, id, "look into %s", img->name);
	r = toc_get(&img->toc, op, &img->layers, dirfd, name, e);
	if (r < 0)
		progress_give_up(op->progress, id, e);
	else
		progress_end(op->progress, id, 0);
	return r;
}

/* lock held. The table is there afterwards. */
static int load_toc(struct op *op, struct images *im, struct image *img, struct err *e)
{
	auto_free char *place = mem_printf("%s/cache/toc", im->ws->root);
	char name[IMAGE_TREE_NAME];
	auto_close int dir = -1;
	int r;

	if (img->has_toc)
		return 0;
	if (fs_mkdir_p(AT_FDCWD, place, 0700, e) < 0)
		return -1;
	dir = fs_open_dir(place, e);
	if (dir < 0)
		return -1;
	image_tree_name(name, img);
	img->layers = (struct toc_layers){ .blobs = im->blobs,
					   .v = img->manifest.layers,
					   .diff_ids = img->config->diff_ids,
					   .nr = img->manifest.nr_layers,
					   .max_bytes = im->opt->max_layer_bytes };
	r = toc_load(&img->toc, dir, name, e);
	if (r == 0)
		r = read_toc(img, op, dir, name, e);
	img->has_toc = r >= 0;
	return r < 0 ? err_wrap(e, "image '%s'", img->name) : 0;
}

/* A directory for the bytes of files that somebody asks for. */
static int open_spool(struct images *im, struct err *e)
{
	auto_free char *name = NULL, *path = NULL;
	size_t nr;

	pthread_mutex_lock(&im->lock);
	nr = im->nr_spools++;
	pthread_mutex_unlock(&im->lock);
	name = mem_printf("spool-%zu", nr);
	path = workspace_dir(im->ws, name, e);
	return path ? fs_open_dir(path, e) : -1;
}

static int open_listed(struct tree **out, struct op *op, struct images *im, struct image *img,
		       struct err *e)
{
	auto_close int spool = -1;
	int r;

	if (images_fetch(op, im, img, e) < 0)
		return -1;
	pthread_mutex_lock(&img->lock);
	r = load_toc(op, im, img, e);
	pthread_mutex_unlock(&img->lock);
	if (r < 0)
		return -1;
	spool = open_spool(im, e);
	return spool < 0 ? -1 : toc_tree_open(out, &img->toc, op, &img->layers, spool, e);
}

int images_tree(struct tree **out, struct op *op, struct images *im, struct image *img, bool wanted,
		struct err *e)
{
	*out = NULL;
	if (!img->config->nr_diff_ids)
		return 0;
	if (wanted || images_is_unpacked(im, img))
		return open_unpacked(out, op, im, img, e);
	return open_listed(out, op, im, img, e);
}
