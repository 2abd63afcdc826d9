/*
 * Both ways have two halves: what is in place leaves, then the other comes. On the way back no error
 * stops us: the root's own entries matter more than the tree, so what cannot go back into the
 * tree is thrown away, and the first error is told at the end.
 */
#include "oci/run/exchange.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"
#include "oci/run/exchange_files.h"
#include "oci/run/exchange_moved.h"
#include "oci/run/exchange_own.h"
#include "oci/run/merged.h"
#include "oci/run/move.h"

static const int dir_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

/* The three directories that a merged one stands for; -1: there is none. */
struct side {
	int root, aside, tree;
	size_t nr_aside;  /* entries that were put there */
	struct stat left; /* how the tree leaves the root's one */
};

struct exchange {
	const struct exchange_place *place;
	int tree_fd; /* -1: a dead one's, to be thrown away */
	struct merged merged;
	struct side *sides;
	bool is_in; /* the tree, in whole or in part */
	struct strv hidden;
};

static void exchange_free(struct exchange *x)
{
	for (size_t i = 0; x->sides && i < x->merged.nr; i++) {
		const int fds[] = { x->sides[i].root, x->sides[i].aside, x->sides[i].tree };

		for (size_t k = 0; k < ARRAY_LEN(fds); k++)
			if (fds[k] >= 0)
				close(fds[k]);
	}
	free(x->sides);
	merged_release(&x->merged);
	strv_release(&x->hidden);
	free(x);
}

static void sides_init(struct exchange *x)
{
	x->sides = mem_zalloc(x->merged.nr * sizeof(*x->sides));
	for (size_t i = 0; i < x->merged.nr; i++)
		x->sides[i] = (struct side){ .root = -1, .aside = -1, .tree = -1 };
}

static int attributes_set(int fd, const char *path, const struct stat *st, struct err *e)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };

	if (fchown(fd, st->st_uid, st->st_gid) < 0 || fchmod(fd, st->st_mode & 07777) < 0 ||
	    futimens(fd, times) < 0)
		return err_sys(e, "set mode, owner and times of '/%s'", path);
	return 0;
}

/* The first error is the one to tell. */
static void keep_first(struct err *first, const struct err *e)
{
	if (first->kind == ERR_NONE)
		*first = *e;
}

/* -- opening ----------------------------------------------------------------- */

static int open_in(int at, const char *name)
{
	return openat(at, *name ? name : ".", dir_flags);
}

static int sides_open(struct exchange *x, struct err *e)
{
	for (size_t i = 0; i < x->merged.nr; i++) {
		const struct merged_dir *d = &x->merged.v[i];
		struct side *s = &x->sides[i];
		int root = i ? x->sides[d->parent].root : x->place->root_fd;
		int tree = i ? x->sides[d->parent].tree : x->tree_fd;

		s->root = open_in(root, merged_name(d));
		if (s->root < 0)
			return err_sys(e, "open '/%s'", d->path);
		s->tree = tree < 0 ? -1 : open_in(tree, merged_name(d));
		s->aside = exchange_own_dir(x->place, "aside", i, e);
		if (s->aside < 0)
			return -1;
	}
	return 0;
}

static int turn(struct exchange *x, bool is_in, struct err *e)
{
	if (exchange_journal_turn(x->place, is_in, e) < 0)
		return -1;
	x->is_in = is_in;
	return 0;
}

/* -- the way in -------------------------------------------------------------- */

/* All that does not stay; *nr (which may be NULL) is how many. */
static int move_all(int from, int to, const struct merged_dir *d, size_t *nr, struct err *e)
{
	auto_mover struct mover m = { 0 };
	auto_strv struct strv names = STRV_INIT;

	mover_init(&m, from, to);
	if (move_names(&names, from, &d->stays, e) < 0)
		return err_wrap(e, "'/%s'", d->path);
	for (size_t i = 0; i < names.n; i++) {
		if (move_entry(&m, names.v[i], e) < 0)
			return err_wrap(e, "'/%s'", d->path);
		if (nr)
			++*nr;
	}
	return 0;
}

static int put_aside(struct exchange *x, struct err *e)
{
	for (size_t i = 0; i < x->merged.nr; i++) {
		struct side *s = &x->sides[i];

		if (move_all(s->root, s->aside, &x->merged.v[i], &s->nr_aside, e) < 0)
			return -1;
	}
	return 0;
}

static bool is_merged(const struct exchange *x, size_t parent, const char *name)
{
	for (size_t i = 1; i < x->merged.nr; i++)
		if (x->merged.v[i].parent == parent &&
		    strcmp(merged_name(&x->merged.v[i]), name) == 0)
			return x->sides[i].tree >= 0;
	return false;
}

/* An empty directory in a mount point's place says nothing. */
static bool is_worth_a_word(int at, const char *name)
{
	auto_close int fd = openat(at, name, dir_flags);
	auto_strv struct strv names = STRV_INIT;
	struct err ignored = ERR_INIT;

	return fd < 0 || move_names(&names, fd, NULL, &ignored) < 0 || names.n > 0;
}

static void note_hidden(struct exchange *x, size_t i)
{
	const struct merged_dir *d = &x->merged.v[i];
	int tree = x->sides[i].tree;
	struct stat st;

	for (size_t k = 0; k < d->stays.n; k++) {
		const char *name = d->stays.v[k];
		auto_free char *path = fs_path_join(d->path, name);

		if (fstatat(tree, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !is_merged(x, i, name) &&
		    !strv_has(&x->place->files, path) && is_worth_a_word(tree, name))
			strv_addf(&x->hidden, "/%s", path);
	}
}

static int put_in(struct exchange *x, struct err *e)
{
	for (size_t i = 0; i < x->merged.nr; i++) {
		const struct merged_dir *d = &x->merged.v[i];
		struct side *s = &x->sides[i];
		struct stat st = { .st_mode = 0755,
				   .st_mtim.tv_nsec = UTIME_NOW,
				   .st_atim.tv_nsec = UTIME_NOW };

		if (s->tree >= 0) {
			if (fstat(s->tree, &st) < 0)
				return err_sys(e, "stat '/%s' of the tree", d->path);
			note_hidden(x, i);
			if (move_all(s->tree, s->root, d, NULL, e) < 0)
				return -1;
		}
		if (attributes_set(s->root, d->path, &st, e) < 0)
			return -1;
	}
	return 0;
}

/* All that is needed before the first entry moves. */
static int prepare(struct exchange *x, struct err *e)
{
	const struct exchange_place *p = x->place;

	if (merged_find(&x->merged, p->root_fd, &p->kept, e) < 0)
		return -1;
	sides_init(x);
	return sides_open(x, e) < 0 || exchange_files_save(p, e) < 0
		       ? -1
		       : exchange_journal_write(p, &x->merged, e);
}

int exchange_in(struct exchange **out, const struct exchange_place *place, int tree_fd,
		struct err *e)
{
	struct exchange *x;
	struct err worse = ERR_INIT;

	if (exchange_own_must_be_unused(place, e) < 0)
		return -1;
	x = mem_zalloc(sizeof(*x));
	x->place = place;
	x->tree_fd = tree_fd;
	if (prepare(x, e) < 0) {
		exchange_free(x);
		exchange_own_clean(place);
		return -1;
	}
	if (put_aside(x, e) == 0 && turn(x, true, e) == 0 && put_in(x, e) == 0) {
		*out = x;
		return 0;
	}
	if (exchange_out(x, &worse) < 0)
		*e = worse;
	return -1;
}

const struct strv *exchange_hidden(const struct exchange *x)
{
	return &x->hidden;
}

/* -- the way out: the tree ----------------------------------------------------- */

static int trash(struct exchange *x, size_t i, int from, const char *name, struct err *e)
{
	auto_close int to = exchange_own_dir(x->place, "trash", i, e);
	auto_mover struct mover m = { 0 };

	mover_init(&m, from, to);
	return to < 0 ? -1 : move_entry(&m, name, e);
}

/* A merged directory whose name leads elsewhere by now: removed (its mounts were none), or moved. */
static int find_again(struct exchange *x, size_t i, struct err *e)
{
	const struct merged_dir *d = &x->merged.v[i];
	struct side *s = &x->sides[i];
	int parent = x->sides[d->parent].root;
	auto_free char *link = mem_printf("/proc/self/fd/%d", s->root);
	char path[PATH_MAX];
	ssize_t n = readlink(link, path, sizeof(path) - 1);
	struct stat st;

	if (n < 0)
		return err_sys(e, "find out where '/%s' is", d->path);
	path[n] = '\0';
	if (fstatat(parent, merged_name(d), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    !S_ISDIR(st.st_mode) && trash(x, i, parent, merged_name(d), e) < 0)
		return -1;
	if (lstat(path, &st) == 0 && st.st_dev == s->left.st_dev && st.st_ino == s->left.st_ino) {
		struct err ignored = ERR_INIT;

		if (trash(x, i, parent, merged_name(d), &ignored) < 0)
			err_clear(&ignored); /* there is none */
		if (renameat(AT_FDCWD, path, parent, merged_name(d)) < 0)
			return err_sys(e, "move '%s' back to '/%s'", path, d->path);
		return err_set(e, ERR_FAILED,
			       "'/%s' was moved to '%s', but the job has mounts of its own in it",
			       d->path, path);
	}
	close(fd_steal(&s->root));
	if (mkdirat(parent, merged_name(d), 0755) < 0 && errno != EEXIST)
		return err_sys(e, "make '/%s' again", d->path);
	s->root = open_in(parent, merged_name(d));
	return s->root < 0 ? err_sys(e, "open '/%s'", d->path) : 0;
}

static int side_look(struct exchange *x, size_t i, struct err *e)
{
	const struct merged_dir *d = &x->merged.v[i];
	struct side *s = &x->sides[i];
	struct stat st;

	if (fstat(s->root, &s->left) < 0)
		return err_sys(e, "stat '/%s'", d->path);
	if (i == 0 ||
	    (fstatat(x->sides[d->parent].root, merged_name(d), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	     st.st_dev == s->left.st_dev && st.st_ino == s->left.st_ino))
		return 0;
	return find_again(x, i, e);
}

/* The tree had no directory of that path: a link of its own may lead to one, else there is one now. */
static int tree_dir(struct exchange *x, size_t i, struct err *e)
{
	const struct merged_dir *d = &x->merged.v[i];
	struct side *s = &x->sides[i];
	int parent;
	struct stat st;

	if (s->tree >= 0)
		return 0;
	if (tree_dir(x, d->parent, e) < 0)
		return -1;
	parent = x->sides[d->parent].tree;
	if (mkdirat(parent, merged_name(d), 0700) < 0 && errno != EEXIST)
		return err_sys(e, "make '/%s' in the tree", d->path);
	if (fstatat(parent, merged_name(d), &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "stat '/%s' in the tree", d->path);
	if (S_ISLNK(st.st_mode))
		s->tree = fs_open_beneath(x->tree_fd, d->path, O_RDONLY | O_DIRECTORY, 0,
					  FS_IN_ROOT, e);
	else if ((s->tree = open_in(parent, merged_name(d))) < 0)
		err_sys(e, "open '/%s' in the tree", d->path);
	if (s->tree >= 0 && S_ISLNK(st.st_mode) && fstat(s->tree, &s->left) < 0)
		return err_sys(e, "stat '/%s' in the tree", d->path);
	return s->tree < 0 ? -1 : 0;
}

static int into_tree(struct exchange *x, size_t i, const char *name, struct err *e)
{
	auto_mover struct mover m = { 0 };

	if (tree_dir(x, i, e) < 0)
		return -1;
	mover_init(&m, x->sides[i].root, x->sides[i].tree);
	return move_entry(&m, name, e);
}

static int take_out_one(struct exchange *x, size_t i, const char *name, struct err *e)
{
	struct err lost = ERR_INIT;

	if (x->tree_fd < 0)
		return trash(x, i, x->sides[i].root, name, e);
	if (into_tree(x, i, name, e) == 0)
		return 0;
	if (trash(x, i, x->sides[i].root, name, &lost) < 0)
		err_wrap(e, "%s", lost.text);
	return -1;
}

static void take_out_dir(struct exchange *x, size_t i, struct err *first)
{
	const struct merged_dir *d = &x->merged.v[i];
	auto_strv struct strv names = STRV_INIT;
	struct err e = ERR_INIT;

	if (move_names(&names, x->sides[i].root, &d->stays, &e) < 0) {
		keep_first(first, &e);
		return;
	}
	for (size_t k = 0; k < names.n; k++) {
		err_clear(&e);
		if (take_out_one(x, i, names.v[k], &e) < 0) {
			err_wrap(&e, "take '/%s' out again", d->path);
			keep_first(first, &e);
		}
	}
}

static void take_out(struct exchange *x, struct err *first)
{
	struct err e = ERR_INIT;

	/* before anything moves: what was moved must not be taken for the tree's */
	for (size_t i = 0; i < x->merged.nr; i++)
		if (side_look(x, i, &e) < 0) {
			keep_first(first, &e);
			err_clear(&e);
		}
	for (size_t i = 0; i < x->merged.nr; i++)
		if (x->sides[i].root >= 0)
			take_out_dir(x, i, first);
	for (size_t i = x->merged.nr; i-- > 0;)
		if (x->sides[i].tree >= 0 && attributes_set(x->sides[i].tree, x->merged.v[i].path,
							    &x->sides[i].left, &e) < 0)
			keep_first(first, &e);
}

/* -- the way out: the root's own ------------------------------------------------ */

static bool put_back_dir(struct exchange *x, size_t i, struct err *first)
{
	const struct merged_dir *d = &x->merged.v[i];
	struct side *s = &x->sides[i];
	auto_mover struct mover m = { 0 };
	auto_strv struct strv names = STRV_INIT;
	struct err e = ERR_INIT;
	bool all = true;

	mover_init(&m, s->aside, s->root);
	if (s->root < 0 || move_names(&names, s->aside, NULL, &e) < 0) {
		err_set(&e, ERR_FAILED, "what belongs into '/%s' lies in '%s/aside/%zu'", d->path,
			x->place->own, i);
		keep_first(first, &e);
		return false;
	}
	if (names.n < s->nr_aside) {
		err_set(&e, ERR_FAILED,
			"the job's own '/%s' has lost %zu of its %zu entries: they were "
			"removed from '%s/aside/%zu'",
			d->path, s->nr_aside - names.n, s->nr_aside, x->place->own, i);
		keep_first(first, &e);
	}
	for (size_t k = 0; k < names.n; k++) {
		err_clear(&e);
		if (move_entry(&m, names.v[k], &e) == 0)
			continue;
		err_wrap(&e, "the job's own '/%s%s%s' lies in '%s/aside/%zu/%s'", d->path,
			 *d->path ? "/" : "", names.v[k], x->place->own, i, names.v[k]);
		keep_first(first, &e);
		all = false;
	}
	return all;
}

static bool put_back(struct exchange *x, struct err *first)
{
	struct err e = ERR_INIT;
	bool all = true;

	for (size_t i = 0; i < x->merged.nr; i++)
		all = put_back_dir(x, i, first) && all;
	err_clear(&e);
	if (exchange_files_put_back(x->place, &e) < 0) {
		keep_first(first, &e);
		all = false; /* the copy is the only one */
	}
	for (size_t i = x->merged.nr; i-- > 0;) {
		const struct merged_dir *d = &x->merged.v[i];
		const struct stat st = { .st_mode = d->mode,
					 .st_uid = d->uid,
					 .st_gid = d->gid,
					 .st_atim = d->atime,
					 .st_mtim = d->mtime };

		err_clear(&e);
		if (x->sides[i].root >= 0 && attributes_set(x->sides[i].root, d->path, &st, &e) < 0)
			keep_first(first, &e);
	}
	return all;
}

int exchange_out(struct exchange *x, struct err *e)
{
	const struct exchange_place *place = x->place;
	struct err first = ERR_INIT, left = ERR_INIT;
	bool all;

	if (x->is_in) {
		take_out(x, &first);
		if (turn(x, false, &left) < 0)
			keep_first(&first, &left);
	}
	all = put_back(x, &first);
	exchange_free(x);
	if (all)
		exchange_own_clean(place);
	if (first.kind == ERR_NONE)
		return 0;
	*e = first;
	return -1;
}

/* -- after a kill ------------------------------------------------------------- */

/* A merged directory; what a RUN has put in its place goes with the tree's. */
static int restore_dir(struct exchange *x, size_t i, int parent, struct err *e)
{
	const char *name = merged_name(&x->merged.v[i]);
	int fd;

	if (x->is_in && exchange_bring_back(x->place, &x->merged, i, parent, e) < 0)
		return -1;
	fd = open_in(parent, name);
	if (fd < 0 && x->is_in && (errno == ENOTDIR || errno == ELOOP) &&
	    trash(x, i, parent, name, e) < 0)
		return -1;
	if (fd < 0 && mkdirat(parent, name, 0755) < 0 && errno != EEXIST)
		return err_sys(e, "make '/%s' again", x->merged.v[i].path);
	if (fd < 0)
		fd = open_in(parent, name);
	return fd < 0 ? err_sys(e, "open '/%s'", x->merged.v[i].path) : fd;
}

static int restore_open(struct exchange *x, struct err *e)
{
	for (size_t i = 0; i < x->merged.nr; i++) {
		struct side *s = &x->sides[i];

		s->root = i ? restore_dir(x, i, x->sides[x->merged.v[i].parent].root, e)
			    : open_in(x->place->root_fd, "");
		if (s->root < 0)
			return i ? -1 : err_sys(e, "open '/'");
		s->aside = exchange_own_dir(x->place, "aside", i, e);
		if (s->aside < 0)
			return -1;
	}
	return 0;
}

int exchange_restore(const struct exchange_place *place, struct err *e)
{
	struct exchange *x = mem_zalloc(sizeof(*x));
	int r;

	x->place = place;
	x->tree_fd = -1;
	r = exchange_journal_read(&x->merged, &x->is_in, place, e);
	if (r > 0) {
		sides_init(x);
		if (restore_open(x, e) < 0)
			r = -1;
	}
	if (r <= 0) {
		exchange_free(x);
		if (r == 0)
			exchange_own_clean(place);
		return r;
	}
	return exchange_out(x, e) < 0 ? -1 : 1;
}
