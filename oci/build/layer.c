/*
 * Runs on any thread: all it needs is in struct layer.
 */
#include "oci/build/layer.h"

#include <sys/xattr.h>

#include "base/fs.h"
#include "base/mem.h"
#include "oci/layer/lay.h"
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
	    layer_changes_from_upper(&changes, l->op, upper, fds.v, fds.nr, e) < 0)
		return -1;
	return layer_pack(&l->blob, &l->diff_id, l->op, &changes, upper, l->into, l->opt, e);
}

static int pack(struct layer *l, struct err *e)
{
	if (!l->is_listed)
		return pack_upper(l, e);
	return layer_pack(&l->blob, &l->diff_id, l->op, &l->changes, -1, l->into, l->opt, e);
}

static void pack_run(void *item)
{
	struct layer *l = item;

	l->r = pack(l, &l->err);
	if (l->r < 0)
		err_wrap(&l->err, "%s", l->what);
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
	return layer_lay_down(op, &l->changes, fd, &opt, e);
}

int layer_make_dir(struct layer *l, const struct op *op, struct err *e)
{
	int r = 0;

	pthread_mutex_lock(&l->lock);
	if (!l->is_laid)
		r = make_dir(l, op, e);
	l->is_laid |= r == 0;
	pthread_mutex_unlock(&l->lock);
	return r;
}

int layer_tree(struct tree **out, const struct layer *l, struct err *e)
{
	const struct tree_dir_options opt = { .is_upper = true };
	auto_close int fd = -1;

	if (l->is_listed) {
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
	return l;
}

struct layer *layer_new_listed(struct layer_changes *changes, const char *dir, const char *what)
{
	struct layer *l = layer_new(dir, what);

	l->is_listed = true;
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

void layer_free(struct layer *l)
{
	if (!l)
		return;
	layer_changes_release(&l->changes);
	pthread_mutex_destroy(&l->lock);
	free(l->dir);
	strv_release(&l->lowers);
	free(l->what);
	oci_descriptor_release(&l->blob);
	free(l);
}
