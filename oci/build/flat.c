/*
 * What is copied aside lies in one directory of the stage, "RUN/FILE" by numbers: the names of a tree may
 * be anything, and the list knows them.
 */
#include "oci/build/flat.h"

#include <errno.h>

#include "base/cancel.h"
#include "base/copy_data.h"
#include "base/fs.h"
#include "base/mem.h"
#include "oci/build/stage.h"
#include "oci/layer/lay.h"
#include "oci/layer/record.h"

#define EMPTY "empty" /* all files without bytes */

/* -- where ------------------------------------------------------------------------------ */

static int mount_of(const char *path, uint64_t *id, struct err *e)
{
	struct statx x;

	if (statx(AT_FDCWD, path, 0, STATX_MNT_ID, &x) < 0)
		return err_sys(e, "look at '%s'", path);
	/* before Linux 5.8: the file system must do */
	*id = x.stx_mask & STATX_MNT_ID ? x.stx_mnt_id
					: (uint64_t)x.stx_dev_major << 32 | x.stx_dev_minor;
	return 0;
}

int flat_open_place(struct job *j, struct err *e)
{
	const char *wanted = j->env->sandbox ? j->env->sandbox->flat_dir : NULL;
	uint64_t here, there;

	if (!wanted)
		return 0;
	if (fs_mkdir_p(AT_FDCWD, wanted, 0700, e) < 0 || mount_of(j->ws.path, &here, e) < 0 ||
	    mount_of(wanted, &there, e) < 0)
		return -1;
	return here == there ? 0 : workspace_open(&j->flat_ws, wanted, e);
}

/* A new directory, owned by the caller. */
static char *make_place(struct job *j, const char *name, struct err *e)
{
	return workspace_dir(j->flat_ws.root ? &j->flat_ws : &j->ws, name, e);
}

/* -- filled -------------------------------------------------------------------------------- */

/* All but what is aside: layers of earlier RUNs may yet be packed from there. */
static void forget_tree(struct flat *f)
{
	int aside = f->aside;
	size_t nr_runs = f->nr_runs;

	free(f->path);
	fd_auto_close_(&f->fd);
	record_free(f->record);
	*f = FLAT_INIT;
	f->aside = aside;
	f->nr_runs = nr_runs;
}

void flat_release(struct flat *f)
{
	forget_tree(f);
	fd_auto_close_(&f->aside);
	*f = FLAT_INIT;
}

/* With the image in it. 1: as images_unpack_into. */
static int fill(struct flat *f, struct job *j, const struct stage *st, const char *name,
		struct err *e)
{
	f->path = make_place(j, name, e);
	if (!f->path)
		return -1;
	f->fd = fs_open_dir(f->path, e);
	if (f->fd < 0)
		return -1;
	if (fchmod(f->fd, 0755) < 0) /* whatever the umask: it is the root of what RUN sees */
		return err_sys(e, "make '%s'", f->path);
	if (record_new(&f->record, f->fd, e) < 0)
		return -1;
	return st->image
		       ? images_unpack_into(j->op, &j->images, st->image, name, f->fd, f->record, e)
		       : 0;
}

static int make(struct flat *f, struct job *j, const struct stage *st, const char *name,
		struct err *e)
{
	auto_free char *again = mem_printf("%s-again", name);
	int r = fill(f, j, st, name, e);

	if (r <= 0)
		return r;
	if (fs_remove_tree(AT_FDCWD, f->path, e) < 0)
		return -1;
	forget_tree(f);
	return fill(f, j, st, again, e);
}

static int put_layers(struct flat *f, struct job *j, const struct stage *st, struct err *e)
{
	const struct layer_lay_options opt = { .tree_fd = -1, .record = f->record };

	for (; f->nr_in < st->nr; f->nr_in++)
		if (layer_read(st->layers[f->nr_in], j->op, e) < 0 ||
		    layer_lay_down(j->op, &st->layers[f->nr_in]->changes, f->fd, &opt, e) < 0)
			return -1;
	return 0;
}

static int bring(struct flat *f, struct job *j, const struct stage *st, const char *name,
		 struct err *e)
{
	if (!f->path && make(f, j, st, name, e) < 0)
		return -1;
	return put_layers(f, j, st, e);
}

int flat_bring(struct flat *f, struct job *j, const struct stage *st, const char *what,
	       struct err *e)
{
	auto_free char *name = mem_printf("flat-%zu-%s-%u", st->index, what, f->nr_tries);
	unsigned tries = f->nr_tries + !f->path;
	int r = bring(f, j, st, name, e);

	if (r < 0)
		forget_tree(f);
	else if (f->record)
		record_wait_clock(f->record);
	f->nr_tries = tries;
	return r;
}

int flat_copy(struct job *j, const struct stage *st, const char *name, struct err *e)
{
	CLEANUP(flat_release) struct flat f = FLAT_INIT;

	return bring(&f, j, st, name, e) < 0 ? -1 : fd_steal(&f.fd);
}

/* -- what a RUN has changed ------------------------------------------------------------------ */

/* Another RUN comes in this stage. */
static bool runs_again(const struct stage *st)
{
	for (size_t i = st->at + 1; i < st->plan->nr; i++)
		if (st->plan->steps[i].instr->kind == DOCKERFILE_RUN)
			return true;
	return false;
}

static int open_aside(struct flat *f, struct job *j, const struct stage *st, struct err *e)
{
	auto_free char *name = mem_printf("flat-%zu-aside", st->index);
	auto_free char *path = NULL;
	auto_close int empty = -1;

	if (f->aside >= 0)
		return 0;
	path = make_place(j, name, e);
	f->aside = path ? fs_open_dir(path, e) : -1;
	if (f->aside < 0)
		return -1;
	empty = openat(f->aside, EMPTY, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return empty < 0 ? err_sys(e, "create '%s/" EMPTY "'", path) : 0;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* All that a RUN started is dead by now: only somebody outside can do that. */
static int changed_meanwhile(const struct layer_change *c, struct err *e)
{
	return err_set(e, ERR_FAILED, "'%s' changed while it was read", c->path);
}

static int copy_file(const struct flat *f, const struct op *op, const struct layer_change *c,
		     const char *to_name, struct err *e)
{
	auto_close int from = fs_open_beneath(f->fd, c->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0,
					      FS_NO_LINKS, e);
	auto_close int to = -1;
	struct stat before, after;
	uint64_t copied;

	if (from < 0)
		return -1;
	to = openat(f->aside, to_name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (to < 0 || fstat(from, &before) < 0)
		return err_sys(e, "copy '%s' aside", c->path);
	if (!is_same(&before, &c->st))
		return changed_meanwhile(c, e);
	if (copy_data(&copied, op, to, from, &before, c->path, e) < 0)
		return err_wrap(e, "copy '%s' aside", c->path);
	if (fstat(from, &after) < 0)
		return err_sys(e, "look at '%s'", c->path);
	if (!is_same(&before, &after) || copied != (uint64_t)before.st_size)
		return changed_meanwhile(c, e);
	return close(fd_steal(&to)) < 0 ? err_sys(e, "copy '%s' aside", c->path) : 0;
}

static bool has_bytes(const struct layer_change *c)
{
	return c->kind == LAYER_ENTRY && S_ISREG(c->st.st_mode) && !c->hard_link;
}

static int copy_aside(struct flat *f, struct job *j, struct layer_changes *changes, struct err *e)
{
	auto_free char *dir = mem_printf("%zu", f->nr_runs++);

	if (mkdirat(f->aside, dir, 0700) < 0)
		return err_sys(e, "create a directory for changed files");
	for (size_t i = 0; i < changes->nr; i++) {
		struct layer_change *c = &changes->v[i];

		if (!has_bytes(c))
			continue;
		if (cancel_check(j->op->cancel, e) < 0)
			return -1;
		c->origin_fd = f->aside;
		c->origin_path = c->st.st_size ? mem_printf("%s/%zu", dir, i) : mem_strdup(EMPTY);
		if (c->st.st_size && copy_file(f, j->op, c, c->origin_path, e) < 0)
			return -1;
	}
	return 0;
}

static void leave_in_place(struct flat *f, struct layer_changes *changes)
{
	for (size_t i = 0; i < changes->nr; i++) {
		struct layer_change *c = &changes->v[i];

		if (!has_bytes(c))
			continue;
		c->origin_fd = f->fd;
		c->origin_path = mem_strdup(c->path);
	}
	f->is_final = true;
}

int flat_changes(struct layer_changes *out, struct flat *f, struct job *j, const struct stage *st,
		 struct err *e)
{
	auto_changes struct layer_changes c = { 0 };

	if (record_changes(&c, f->record, j->op, f->fd, NULL, e) < 0)
		return -1;
	if (!runs_again(st))
		leave_in_place(f, &c);
	else if (open_aside(f, j, st, e) < 0 || copy_aside(f, j, &c, e) < 0)
		return -1;
	if (record_take(f->record, &c, e) < 0)
		return -1;
	if (f->is_final)
		record_free(STEAL(&f->record));
	f->nr_in++;
	*out = c;
	c = (struct layer_changes){ 0 };
	return 0;
}
