/*
 * From the top down: what a higher directory has at a name is there already when a lower one comes to
 * it, and stays. Only two directories are one. A directory that hides what is below it (overlay's
 * "opaque") has to hide the lower directories' entries but not those of its own that come later in the same
 * walk, so such marks are set when the walk that found them is over; from then on a directory with
 * the mark is not entered again. Something else than a directory in a directory's way hides all that is
 * below it, so the directory above gets the mark.
 *
 * A deletion of what only these directories had is no mark any more: where overlayfs has a directory from one place
 * alone it lists what is in it, marks of deletions among it, though nobody can open them.
 *
 * Filling a directory changes its time: times are set last.
 */
#include "oci/layer/merge.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/cancel.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/strv.h"
#include "base/walk.h"
#include "oci/layer/marks.h"
#include "oci/layer/path.h"
#include "oci/layer/tree.h"

#define ATTRS_MAX (64u << 10) /* XATTR_LIST_MAX and XATTR_SIZE_MAX of the kernel */

struct made_dir {
	char *path;
	struct timespec mtime;
};
struct merge {
	const struct op *op;
	int to; /* borrowed */
	const char *opaque;
	struct made_dir *made;
	size_t nr_made, cap_made;
	struct strv hiding;  /* marked when this walk is over */
	struct strv deleted; /* whiteouts */
	char *dir;	     /* below `to`; what is open; NULL: nothing */
	int dir_fd;
	int dir_is_hidden; /* as is_hidden says; -1: it has not been asked */
};

static void merge_release(struct merge *m)
{
	for (size_t i = 0; i < m->nr_made; i++)
		free(m->made[i].path);
	free(m->made);
	strv_release(&m->hiding);
	strv_release(&m->deleted);
	free(m->dir);
	fd_auto_close_(&m->dir_fd);
}

static int open_dir(const struct merge *m, const char *path, struct err *e)
{
	return fs_open_beneath(m->to, path, O_RDONLY | O_DIRECTORY, 0, FS_NO_LINKS, e);
}

static int go_to(struct merge *m, struct span dir, struct err *e)
{
	auto_free char *path = span_dup(dir);
	int fd;

	if (m->dir && strcmp(m->dir, path) == 0)
		return 0;
	fd = open_dir(m, path, e);
	if (fd < 0)
		return -1;
	free(m->dir);
	m->dir = STEAL(&path);
	fd_auto_close_(&m->dir_fd);
	m->dir_fd = fd;
	m->dir_is_hidden = -1;
	return 0;
}

/* -- attributes of directories ---------------------------------------------------- */

/* Overlay's own marks are ours to set; what a security module keeps it sets itself. */
static bool is_copied(const char *attr)
{
	struct span key = span_of_str(attr);

	return !span_starts(key, "trusted.overlay.") && !span_starts(key, "user.overlay.") &&
	       !span_starts(key, "security.");
}

static int copy_attr(int to, int from, const char *attr, struct err *e)
{
	auto_free char *value = mem_alloc(ATTRS_MAX);
	ssize_t n = fgetxattr(from, attr, value, ATTRS_MAX);

	if (n < 0 || fsetxattr(to, attr, value, (size_t)n, 0) < 0)
		return err_sys(e, "copy the attribute '%s'", attr);
	return 0;
}

static int copy_attrs(int to, int from, struct err *e)
{
	char small[512];
	auto_free char *large = NULL;
	char *list = small;
	ssize_t n = flistxattr(from, small, sizeof(small));

	if (n < 0 && errno == ERANGE) {
		list = large = mem_alloc(ATTRS_MAX);
		n = flistxattr(from, large, ATTRS_MAX);
	}
	if (n < 0)
		return errno == ENOTSUP ? 0 : err_sys(e, "list its attributes");
	for (const char *p = list; p < list + n; p += strlen(p) + 1)
		if (is_copied(p) && copy_attr(to, from, p, e) < 0)
			return -1;
	return 0;
}

/* An access list is part of the mode, so it comes first. */
static int copy_dir_attributes(int to, int from, const struct stat *st, struct err *e)
{
	if (fchown(to, st->st_uid, st->st_gid) < 0)
		return err_sys(e, "set its owner to %u:%u", st->st_uid, st->st_gid);
	if (copy_attrs(to, from, e) < 0)
		return -1;
	return fchmod(to, st->st_mode & 07777) < 0 ? err_sys(e, "set its mode") : 0;
}

/* -- entries ---------------------------------------------------------------------- */

static void remember(struct merge *m, const char *path, const struct stat *st)
{
	MEM_GROW(m->made, m->nr_made, m->cap_made);
	m->made[m->nr_made++] = (struct made_dir){ mem_strdup(path), st->st_mtim };
}

static int make_dir(struct merge *m, const struct walk_entry *ent, struct err *e)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	auto_close int from = openat(ent->dirfd, ent->name, flags);
	auto_close int to = -1;
	struct marks marks;

	if (from < 0)
		return err_sys(e, "open");
	if (marks_read(&marks, ent->dirfd, ent->name, &ent->st, e) < 0)
		return -1;
	if (mkdirat(m->dir_fd, ent->name, 0700) < 0)
		return err_sys(e, "create directory");
	to = openat(m->dir_fd, ent->name, flags);
	if (to < 0)
		return err_sys(e, "open");
	if (marks.opaque)
		strv_add(&m->hiding, ent->path);
	remember(m, ent->path, &ent->st);
	return copy_dir_attributes(to, from, &ent->st, e);
}

/* Of regular files only empty ones can be whiteouts; that spares all others being opened. */
static int is_whiteout(const struct walk_entry *ent, struct err *e)
{
	struct marks marks;

	if (!S_ISCHR(ent->st.st_mode) && !(S_ISREG(ent->st.st_mode) && !ent->st.st_size))
		return 0;
	return marks_read(&marks, ent->dirfd, ent->name, &ent->st, e) < 0 ? -1 : marks.whiteout;
}

static int add(struct merge *m, const struct walk_entry *ent, struct err *e)
{
	int whiteout;

	if (S_ISDIR(ent->st.st_mode))
		return make_dir(m, ent, e);
	whiteout = is_whiteout(ent, e);
	if (whiteout < 0)
		return -1;
	if (whiteout)
		strv_add(&m->deleted, ent->path);
	if (linkat(ent->dirfd, ent->name, m->dir_fd, ent->name, 0) < 0)
		return err_sys(e, "link");
	return 0;
}

static bool is_opaque(const struct merge *m, int fd)
{
	char v = 0;

	return fgetxattr(fd, m->opaque, &v, 1) == 1 && v == 'y';
}

/* -1; 1: what is at the name in `to` hides all that lower directories have there. */
static int is_hiding(const struct merge *m, const char *name, struct err *e)
{
	auto_close int fd =
		openat(m->dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? err_sys(e, "open") : is_opaque(m, fd);
}

/* A lower directory's entry at a name that is taken by a directory. */
static int meet_dir(struct merge *m, struct walk *w, const struct walk_entry *ent, struct err *e)
{
	int hides = is_hiding(m, ent->name, e);
	struct marks marks;

	if (hides < 0)
		return -1;
	if (hides) {
		walk_skip(w);
		return 0;
	}
	if (S_ISDIR(ent->st.st_mode)) {
		if (marks_read(&marks, ent->dirfd, ent->name, &ent->st, e) < 0)
			return -1;
		if (!marks.opaque)
			return 0;
	}
	strv_add(&m->hiding, ent->path);
	return 0;
}

static int take(struct merge *m, struct walk *w, const struct walk_entry *ent, struct err *e)
{
	struct stat st;

	if (go_to(m, layer_path_dir(ent->path), e) < 0)
		return -1;
	if (fstatat(m->dir_fd, ent->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? add(m, ent, e) : err_sys(e, "look at it");
	if (S_ISDIR(st.st_mode))
		return meet_dir(m, w, ent, e);
	if (S_ISDIR(ent->st.st_mode))
		walk_skip(w);
	return 0;
}

static int mark_hiding(struct merge *m, struct err *e)
{
	for (size_t i = 0; i < m->hiding.n; i++) {
		auto_close int fd = open_dir(m, m->hiding.v[i], e);

		if (fd < 0)
			return -1;
		if (fsetxattr(fd, m->opaque, "y", 1, 0) < 0)
			return err_sys(e, "mark '%s' as opaque", m->hiding.v[i]);
	}
	strv_release(&m->hiding);
	return 0;
}

static int merge_one(struct merge *m, int dir, struct err *e)
{
	auto_walk struct walk *w = NULL;
	struct walk_entry ent;
	int r;

	if (walk_open(&w, dir, e) < 0)
		return -1;
	while ((r = walk_next(w, &ent, e)) > 0) {
		if (cancel_check(m->op ? m->op->cancel : NULL, e) < 0)
			return -1;
		if (take(m, w, &ent, e) < 0)
			return err_wrap(e, "'%s'", ent.path);
	}
	return r < 0 ? -1 : mark_hiding(m, e);
}

/* -- deletions ---------------------------------------------------------------------- */

/* -1; 1: nothing of what lies below is seen in dir. */
static int is_hidden(const struct merge *m, const char *dir, struct err *e)
{
	auto_free char *path = mem_strdup(dir);

	for (; *path; path[layer_path_dir(path).n] = '\0') {
		auto_close int fd = open_dir(m, path, e);

		if (fd < 0)
			return -1;
		if (is_opaque(m, fd))
			return 1;
	}
	return 0;
}

/* -1; 1: there is something that the whiteout, which is in the open directory, hides. */
static int has_effect(struct merge *m, const char *path, struct tree *below, struct err *e)
{
	struct tree_node node = { .st = { 0 } };
	int r;

	if (m->dir_is_hidden < 0)
		m->dir_is_hidden = is_hidden(m, m->dir, e);
	if (m->dir_is_hidden)
		return m->dir_is_hidden < 0 ? -1 : 0;
	r = tree_look(below, path, &node, e);
	/* a tree leaves a socket out, overlayfs shows it */
	return r == 0 && S_ISSOCK(node.st.st_mode) ? 1 : r;
}

static int drop_what_deletes_nothing(struct merge *m, struct tree *below, struct err *e)
{
	for (size_t i = 0; i < m->deleted.n; i++) {
		const char *path = m->deleted.v[i];
		int keep = go_to(m, layer_path_dir(path), e);

		if (keep < 0 || cancel_check(m->op ? m->op->cancel : NULL, e) < 0 ||
		    (keep = has_effect(m, path, below, e)) < 0)
			return -1;
		if (!keep && unlinkat(m->dir_fd, layer_path_last(path), 0) < 0)
			return err_sys(e, "remove the whiteout '%s'", path);
	}
	return 0;
}

static int set_times(const struct merge *m, struct err *e)
{
	for (size_t i = 0; i < m->nr_made; i++) {
		const struct timespec times[2] = { m->made[i].mtime, m->made[i].mtime };
		auto_close int fd = open_dir(m, m->made[i].path, e);

		if (fd < 0)
			return -1;
		if (futimens(fd, times) < 0)
			return err_sys(e, "set the time of '%s'", m->made[i].path);
	}
	return 0;
}

static int copy_top(struct merge *m, int from, struct err *e)
{
	struct stat st;

	if (fstat(from, &st) < 0)
		return err_sys(e, "look at the topmost");
	remember(m, "", &st);
	return copy_dir_attributes(m->to, from, &st, e);
}

int layer_merge_dirs(const struct op *op, int to, const int *dirs, size_t nr, struct tree *below,
		     bool userxattr, struct err *e)
{
	CLEANUP(merge_release)
	struct merge m = { .op = op,
			   .to = to,
			   .opaque = userxattr ? "user.overlay.opaque" : "trusted.overlay.opaque",
			   .dir_fd = -1 };

	if (copy_top(&m, dirs[0], e) < 0)
		return err_wrap(e, "merge layers");
	for (size_t i = 0; i < nr; i++)
		if (merge_one(&m, dirs[i], e) < 0)
			return err_wrap(e, "merge layers");
	if (drop_what_deletes_nothing(&m, below, e) < 0 || set_times(&m, e) < 0)
		return err_wrap(e, "merge layers");
	return 0;
}
