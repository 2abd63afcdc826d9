/*
 * A directory is copied along a walk: beside the walk's stack of source directories runs one of
 * target directories. A target directory is made when something goes into it that
 * .dockerignore does not keep away, and gets its times when it is left, since filling it
 * changes them.
 */
#include "oci/build/copier.h"

#include <errno.h>

#include "base/cancel.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/walk.h"
#include "oci/build/copier_entry.h"
#include "oci/build/inroot.h"
#include "oci/layer/copy_data.h"

struct level {
	int fd;		/* of the target; -1: not made yet */
	char *name;	/* in the level above */
	char *from;	/* path below the walk's start */
	char *path;	/* of the target, from the tree's root */
	struct stat st; /* of the source */
};

struct tree_copy {
	struct copier *c;
	int from_fd;	       /* the walk's start */
	const char *from_path; /* where that is in the source tree */
	struct level *levels;  /* [0] is the destination itself */
	size_t nr, cap;
};

static char *join(const char *dir, const char *name)
{
	return *dir ? mem_printf("%s/%s", dir, name) : mem_strdup(name);
}

/* -- the stack --------------------------------------------------------------- */

static void level_release(struct level *l)
{
	fd_auto_close_(&l->fd);
	free(l->name);
	free(l->from);
	free(l->path);
}

static void tree_copy_release(struct tree_copy *t)
{
	while (t->nr)
		level_release(&t->levels[--t->nr]);
	free(t->levels);
	fd_auto_close_(&t->from_fd);
}

static void push(struct tree_copy *t, const char *name, const char *from, const struct stat *st)
{
	struct level l = { .fd = -1,
			   .name = mem_strdup(name),
			   .from = mem_strdup(from),
			   .path = join(t->levels[t->nr - 1].path, name),
			   .st = *st };

	MEM_GROW(t->levels, t->nr, t->cap);
	t->levels[t->nr++] = l;
}

/* Done with it: times last. */
static int pop(struct tree_copy *t, struct err *e)
{
	struct level *l = &t->levels[--t->nr];
	const struct timespec times[2] = { l->st.st_atim, l->st.st_mtim };
	int r = 0;

	if (l->fd >= 0 && futimens(l->fd, times) < 0)
		r = err_sys(e, "set the time of '/%s'", l->path);
	level_release(l);
	return r;
}

static int open_or_make(int dirfd, const struct level *l, struct err *e)
{
	int fd;

	if (mkdirat(dirfd, l->name, 0700) < 0 && errno != EEXIST)
		return err_sys(e, "make directory '/%s'", l->path);
	fd = openat(dirfd, l->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
		return err_set(e, ERR_INPUT, "cannot copy a directory to '/%s': not a directory",
			       l->path);
	return fd < 0 ? err_sys(e, "open directory '/%s'", l->path) : fd;
}

/* A directory's own owner, mode and attributes go over an existing one, too. */
static int level_make(struct tree_copy *t, struct level *l, int dirfd, struct err *e)
{
	auto_close int from = -1;
	uint32_t uid, gid;
	mode_t mode;

	l->fd = open_or_make(dirfd, l, e);
	if (l->fd < 0)
		return -1;
	copier_attrs(t->c, &l->st, &uid, &gid, &mode);
	if (fchown(l->fd, uid, gid) < 0 || fchmod(l->fd, mode) < 0)
		return err_sys(e, "set the owner of '/%s'", l->path);
	from = fs_open_beneath(t->from_fd, l->from, O_RDONLY | O_DIRECTORY, 0, FS_NO_LINKS, e);
	if (from < 0)
		return -1;
	copy_xattrs(l->fd, from);
	return 0;
}

/* The directory that takes what is found now. */
static int top_fd(struct tree_copy *t, struct err *e)
{
	for (size_t i = 1; i < t->nr; i++)
		if (t->levels[i].fd < 0 && level_make(t, &t->levels[i], t->levels[i - 1].fd, e) < 0)
			return -1;
	return t->levels[t->nr - 1].fd;
}

/* -- the walk ---------------------------------------------------------------- */

static bool is_skipped(const struct source_tree *s, const struct stat *st)
{
	return s->skip_ino && st->st_ino == s->skip_ino && st->st_dev == s->skip_dev;
}

static int visit_dir(struct tree_copy *t, struct walk *w, const struct walk_entry *ent,
		     const char *path, struct err *e)
{
	const struct source_tree *s = t->c->from;
	bool excluded = ignore_is_excluded(s->ignore, path);

	if (is_skipped(s, &ent->st) || (excluded && !ignore_may_hold_included(s->ignore, path))) {
		walk_skip(w);
		return 0;
	}
	push(t, ent->name, ent->path, &ent->st);
	return excluded ? 0 : top_fd(t, e) < 0 ? -1 : 0;
}

static int visit(struct tree_copy *t, struct walk *w, const struct walk_entry *ent, struct err *e)
{
	auto_free char *in_source = join(t->from_path, ent->path);
	auto_free char *path = NULL;
	struct copier_place to;

	while (t->nr > ent->depth + 1)
		if (pop(t, e) < 0)
			return -1;
	if (S_ISDIR(ent->st.st_mode))
		return visit_dir(t, w, ent, in_source, e);
	if (ignore_is_excluded(t->c->from->ignore, in_source))
		return 0;
	path = join(t->levels[t->nr - 1].path, ent->name);
	to = (struct copier_place){ .dirfd = top_fd(t, e), .name = ent->name, .path = path };
	if (to.dirfd < 0)
		return -1;
	return copier_entry(t->c, &to, ent->dirfd, ent->name, &ent->st, e);
}

static int copy_all(struct tree_copy *t, struct err *e)
{
	const struct op *op = t->c->op;
	auto_walk struct walk *w = NULL;
	struct walk_entry ent;
	int r;

	if (walk_open(&w, t->from_fd, e) < 0)
		return -1;
	walk_cross_mounts(w);
	while ((r = walk_next(w, &ent, e)) > 0)
		if (cancel_check(op->cancel, e) < 0 || visit(t, w, &ent, e) < 0)
			return -1;
	while (r == 0 && t->nr)
		r = pop(t, e);
	return r;
}

/* -- where it goes ----------------------------------------------------------- */

static struct inroot_attrs made_attrs(const struct copier *c)
{
	return (struct inroot_attrs){ .uid = c->has_owner ? c->uid : 0,
				      .gid = c->has_owner ? c->gid : 0,
				      .mode = c->has_mode ? c->mode : 0755 };
}

/* The contents of a directory; the directory's own time, but nothing else of it. */
static int put_dir(struct copier *c, const struct source_match *m, const struct inroot *at,
		   struct err *e)
{
	const struct inroot_attrs attrs = made_attrs(c);
	CLEANUP(tree_copy_release)
	struct tree_copy t = { .c = c, .from_fd = -1, .from_path = m->real };
	struct level dest = { .fd = -1, .path = mem_strdup(at->path), .st = m->st };

	MEM_GROW(t.levels, t.nr, t.cap);
	t.levels[t.nr++] = dest;
	if (at->exists && !S_ISDIR(at->st.st_mode))
		return err_set(e, ERR_INPUT, "cannot copy a directory to '/%s': not a directory",
			       at->path);
	t.levels[0].fd = inroot_make_dirs(c->root_fd, at->path, &attrs, e);
	if (t.levels[0].fd < 0)
		return -1;
	t.from_fd =
		fs_open_beneath(c->from->fd, m->real, O_RDONLY | O_DIRECTORY, 0, FS_NO_LINKS, e);
	if (t.from_fd < 0)
		return -1;
	return copy_all(&t, e);
}

/* A file to dir/name; dir is made when missing. */
static int put_file_at(struct copier *c, const struct source_match *m, const char *dir,
		       const char *name, struct err *e)
{
	const struct inroot_attrs attrs = made_attrs(c);
	auto_close int to_dir = inroot_make_dirs(c->root_fd, dir, &attrs, e);
	auto_close int from_dir = -1;
	auto_free char *from_name = NULL, *path = join(dir, name);
	const struct copier_place to = { .dirfd = to_dir, .name = name, .path = path };

	if (to_dir < 0)
		return -1;
	from_dir = fs_open_parent(c->from->fd, m->real, FS_NO_LINKS, &from_name, e);
	if (from_dir < 0)
		return -1;
	return copier_entry(c, &to, from_dir, from_name, &m->st, e);
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int put_file(struct copier *c, const struct source_match *m, const struct inroot *at,
		    bool as_dir, bool only_one, struct err *e)
{
	bool is_dir = at->exists && S_ISDIR(at->st.st_mode);
	auto_free char *dir = NULL;
	const char *name;

	if (as_dir && at->exists && !is_dir)
		return err_set(e, ERR_INPUT, "'/%s' is not a directory", at->path);
	if (as_dir || is_dir)
		return put_file_at(c, m, at->path, last_part(m->path), e);
	if (!only_one)
		return err_set(e, ERR_INPUT,
			       "several files are copied: the destination '/%s' must be a "
			       "directory and end with /",
			       at->path);
	name = last_part(at->path);
	dir = mem_strndup(at->path, name == at->path ? 0 : (size_t)(name - at->path) - 1);
	return put_file_at(c, m, dir, name, e);
}

int copier_put(struct copier *c, const struct source_match *m, const char *dest, bool as_dir,
	       bool only_one, struct err *e)
{
	auto_inroot struct inroot at = { 0 };

	c->nr_puts++;
	if (inroot_resolve(&at, c->root_fd, dest, e) < 0)
		return -1;
	if (S_ISDIR(m->st.st_mode))
		return put_dir(c, m, &at, e);
	return put_file(c, m, &at, as_dir, only_one, e);
}
