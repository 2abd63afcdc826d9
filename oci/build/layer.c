/*
 * Runs on any thread: all it needs is in struct layer.
 */
#include "oci/build/layer.h"

#include <sys/xattr.h>

#include "base/cancel.h"
#include "base/fs.h"
#include "base/gzip.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/zstd.h"
#include "oci/layer/lay.h"
#include "oci/layer/list_read.h"
#include "oci/layer/tree_dir.h"
#include "oci/layer/tree_list.h"

struct lower_fds {
	int *v;
	size_t nr;
};

static void lower_fds_close(struct lower_fds *l)
{
	while (l->nr)
		close(l->v[--l->nr]);
	free(l->v);
}

static int lower_fds_open(struct lower_fds *out, const struct strv *lowers, struct err *e)
{
	out->v = mem_resize(NULL, lowers->n + 1, sizeof(*out->v));
	for (size_t i = 0; i < lowers->n; i++) {
		int fd = fs_open_dir(lowers->v[i], e);

		if (fd < 0)
			return -1;
		out->v[out->nr++] = fd;
	}
	return 0;
}

static int pack_upper(struct layer *l, struct err *e)
{
	auto_close int upper = fs_open_dir(l->dir, e);
	CLEANUP(lower_fds_close) struct lower_fds fds = { .nr = 0 };
	auto_changes struct layer_changes changes = { 0 };

	if (upper < 0 || lower_fds_open(&fds, &l->lowers, e) < 0 ||
	    layer_changes_from_upper(&changes, l->pack_op, upper, fds.v, fds.nr, e) < 0)
		return -1;
	return layer_pack(&l->blob, &l->diff_id, l->pack_op, &changes, upper, l->into, l->opt, e);
}

int layer_upper_rejoin(const struct op *op, const char *dir, const struct strv *lowers,
		       struct err *e)
{
	auto_close int upper = fs_open_dir(dir, e);
	CLEANUP(lower_fds_close) struct lower_fds fds = { .nr = 0 };

	if (upper < 0 || lower_fds_open(&fds, lowers, e) < 0)
		return -1;
	return layer_rejoin_names(op, upper, fds.v, fds.nr, e);
}

static int pack_listed(struct layer *l, struct err *e)
{
	auto_listing_cursor struct listing_cursor at;

	listing_begin(&at, &l->listing);
	return layer_pack_from(&l->blob, &l->diff_id, l->pack_op, &at.reader, -1, l->into, l->opt,
			       e);
}

static int pack_array(struct layer *l, struct err *e)
{
	return layer_pack(&l->blob, &l->diff_id, l->pack_op, &l->changes, -1, l->into, l->opt, e);
}

/* Once more, in another way: the tar must be the same. */
static int pack_found(struct layer *l, struct err *e)
{
	const struct oci_digest was = l->diff_id;

	if (layer_read(l, l->op, e) < 0)
		return -1;
	oci_descriptor_release(&l->blob);
	if (pack_array(l, e) < 0)
		return -1;
	if (oci_digest_eq(&was, &l->diff_id))
		return 0;
	cache_book_spoil(l->book, &l->result);
	return err_set(e, ERR_CORRUPT, "its layer is not one that is written here");
}

static int pack(struct layer *l, struct err *e)
{
	if (l->is_found)
		return pack_found(l, e);
	if (!l->is_listed)
		return pack_upper(l, e);
	return l->is_array ? pack_array(l, e) : pack_listed(l, e);
}

static void tell_book(struct layer *l)
{
	char packing[LAYER_PACKING_MAX];

	layer_packing(packing, l->opt);
	cache_note_packed(l->book, l->note, l->into, l->r < 0 ? NULL : &l->blob, &l->diff_id,
			  packing);
}

static void pack_run(void *item)
{
	struct layer *l = item;

	l->r = pack(l, &l->err);
	if (l->r < 0)
		err_wrap(&l->err, "%s", l->what);
	else
		log_info(l->op, "%s: %ju bytes in layer %s", l->what, (uintmax_t)l->blob.size_bytes,
			 l->blob.digest.text);
	/* what is not an image's yet goes nowhere once the build has failed */
	if (l->r == 0 && !cancel_is_set(l->op->cancel))
		image_sink_send(l->sink, l->into, &l->blob);
	if (l->note)
		tell_book(l);
}

void layer_packing(char out[LAYER_PACKING_MAX], const struct layer_pack_options *opt)
{
	switch (opt->compression) {
	case LAYER_GZIP:
		snprintf(out, LAYER_PACKING_MAX, "gzip %d",
			 opt->level ? opt->level : GZIP_LEVEL_DEFAULT);
		return;
	case LAYER_ZSTD:
		snprintf(out, LAYER_PACKING_MAX, "zstd %d",
			 opt->level ? opt->level : ZSTD_LEVEL_DEFAULT);
		return;
	case LAYER_UNCOMPRESSED:
		snprintf(out, LAYER_PACKING_MAX, "uncompressed");
		return;
	}
}

void layer_pack_begin(struct layer *l, struct pool_batch *batch)
{
	pool_submit(batch, pack_run, l);
}

/* In a user namespace overlayfs has its marks in other attributes: those that can be set. */
bool layer_wants_user_marks(int fd)
{
	static const char name[] = "trusted.overlay.opaque";

	if (fsetxattr(fd, name, "n", 1, 0) < 0)
		return true;
	fremovexattr(fd, name);
	return false;
}

static int make_dir(struct layer *l, const struct op *op, struct err *e)
{
	struct layer_lay_options opt = { .tree_fd = -1 };
	auto_close int fd = -1;

	if (mkdir(l->dir, 0755) < 0)
		return err_sys(e, "make '%s'", l->dir);
	fd = fs_open_dir(l->dir, e);
	if (fd < 0)
		return -1;
	if (fchmod(fd, 0755) < 0) /* whatever the umask: it is the root of what RUN sees */
		return err_sys(e, "make '%s'", l->dir);
	opt.userxattr = layer_wants_user_marks(fd);
	return l->is_read ? layer_lay_down(op, &l->changes, fd, &opt, e)
			  : layer_lay_down_listing(op, &l->listing, fd, &opt, e);
}

/* -- found in the cache ------------------------------------------------------------------ */

/* Whatever is wrong with it, a build that begins again does without it. */
static int spoil(struct layer *l, struct err *e)
{
	if (e->kind == ERR_CANCELLED || e->kind == ERR_IMPOSSIBLE)
		return -1;
	cache_book_spoil(l->book, &l->result);
	e->kind = ERR_CORRUPT;
	return err_wrap(e, "%s: layer %s", l->from->name, l->result.blob.digest.text);
}

/* Also when the blob is here: its source says whether it is the layer that it was said to be. lock
 * held, as in what follows. */
static int fetch(struct layer *l, const struct op *op, struct err *e)
{
	if (l->is_fetched)
		return 0;
	if (l->from->ops->fetch(l->from, op, &l->result, l->book->blobs, e) < 0)
		return spoil(l, e);
	l->is_fetched = true;
	if (l->note)
		cache_note_fetched(l->book, l->note);
	return 0;
}

/* A disk or a table of files that is full is not the layer's fault. */
static bool is_of_layer(const struct err *e)
{
	return e->kind == ERR_CORRUPT || e->kind == ERR_INPUT || e->kind == ERR_ABSENT;
}

static int read_blob(struct layer *l, const struct op *op, struct err *e)
{
	auto_blob struct oci_blob blob = { 0 };
	auto_free char *dir = mem_printf("%s.bytes", l->dir);

	if (mkdir(dir, 0700) < 0)
		return err_sys(e, "make '%s'", dir);
	l->spool_fd = fs_open_dir(dir, e);
	if (l->spool_fd < 0)
		return -1;
	if (oci_store_open(l->book->blobs, &l->result.blob.digest, &blob, e) < 0 ||
	    layer_list_read(&l->changes, op, blob.source, &l->result.diff_id, l->spool_fd, e) < 0)
		return is_of_layer(e) ? spoil(l, e) : -1;
	l->is_read = true;
	return 0;
}

/* lock held, as in what follows */
static int read_changes(struct layer *l, const struct op *op, struct err *e)
{
	if (l->is_read)
		return 0;
	if (!l->is_found) {
		listing_expand(&l->changes, &l->listing);
		l->is_read = true;
		return 0;
	}
	return fetch(l, op, e) < 0 ? -1 : read_blob(l, op, e);
}

int layer_fetch(struct layer *l, const struct op *op, struct err *e)
{
	int r;

	pthread_mutex_lock(&l->lock);
	r = l->is_found ? fetch(l, op, e) : 0;
	pthread_mutex_unlock(&l->lock);
	return r;
}

int layer_read(struct layer *l, const struct op *op, struct err *e)
{
	int r;

	pthread_mutex_lock(&l->lock);
	r = read_changes(l, op, e);
	pthread_mutex_unlock(&l->lock);
	return r;
}

int layer_make_dir(struct layer *l, const struct op *op, struct err *e)
{
	int r = 0;

	pthread_mutex_lock(&l->lock);
	if (!l->is_laid)
		r = l->is_found && read_changes(l, op, e) < 0 ? -1 : make_dir(l, op, e);
	l->is_laid |= r == 0;
	pthread_mutex_unlock(&l->lock);
	return r;
}

int layer_tree(struct tree **out, struct layer *l, struct err *e)
{
	const struct tree_dir_options opt = { .is_upper = true };
	auto_close int fd = -1;

	if (l->is_listed) {
		if (layer_read(l, l->op, e) < 0)
			return -1;
		*out = tree_list_new(&l->changes, -1);
		return 0;
	}
	fd = fs_open_dir(l->dir, e);
	return fd < 0 ? -1 : tree_dir_open(out, fd, &opt, e);
}

static struct layer *layer_new(const char *dir, const char *what)
{
	struct layer *l = mem_zalloc(sizeof(*l));

	pthread_mutex_init(&l->lock, NULL);
	l->dir = mem_strdup(dir);
	l->what = mem_strdup(what);
	l->spool_fd = -1;
	l->listing = LISTING_INIT;
	return l;
}

struct layer *layer_new_listed(struct layer_listing *listing, const char *dir, const char *what)
{
	struct layer *l = layer_new(dir, what);

	l->is_listed = true;
	l->listing = *listing;
	*listing = LISTING_INIT;
	return l;
}

struct layer *layer_new_array(struct layer_changes *changes, const char *dir, const char *what)
{
	struct layer *l = layer_new(dir, what);

	l->is_listed = l->is_array = l->is_read = true;
	l->changes = *changes;
	*changes = (struct layer_changes){ 0 };
	return l;
}

struct layer *layer_new_upper(const char *dir, struct strv *lowers, const char *what)
{
	struct layer *l = layer_new(dir, what);

	l->is_laid = true;
	l->lowers = *lowers;
	*lowers = STRV_INIT;
	return l;
}

struct layer *layer_new_found(const struct cache_result *r, struct cache_source *from,
			      struct cache_book *book, const char *dir, const char *what)
{
	struct layer *l = layer_new(dir, what);

	l->is_listed = l->is_found = true;
	cache_result_copy(&l->result, r);
	l->from = from;
	l->book = book;
	l->created = mem_strdup(r->created);
	l->diff_id = r->diff_id;
	oci_descriptor_copy(&l->blob, &r->blob);
	return l;
}

void layer_free(struct layer *l)
{
	if (!l)
		return;
	layer_changes_release(&l->changes);
	listing_release(&l->listing);
	pthread_mutex_destroy(&l->lock);
	free(l->dir);
	strv_release(&l->lowers);
	free(l->what);
	free(l->created);
	cache_result_release(&l->result);
	fd_auto_close_(&l->spool_fd);
	oci_descriptor_release(&l->blob);
	free(l);
}
