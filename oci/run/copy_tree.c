/*
 * By descriptors only: one of each directory that is being filled, since a path could be longer than
 * the kernel takes. A directory's times are set when it is full.
 */
#include "oci/run/copy_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/stat.h>

#include "base/copy_data.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/walk.h"

/* A file with several names: where the first of them is. */
struct linked {
	dev_t dev;
	ino_t ino;
	char *path; /* below the top */
};

struct copy {
	int stop_fd;
	int dirs[WALK_DEPTH_MAX + 1]; /* dirs[0] is the top; those that are being filled */
	struct stat stats[WALK_DEPTH_MAX + 1];
	size_t nr_dirs;
	struct linked *links;
	size_t nr_links, cap_links;
};

static void copy_release(struct copy *c)
{
	while (c->nr_dirs)
		close(c->dirs[--c->nr_dirs]);
	for (size_t i = 0; i < c->nr_links; i++)
		free(c->links[i].path);
	free(c->links);
}

static int check_stop(const struct copy *c, struct err *e)
{
	struct pollfd p = { .fd = c->stop_fd, .events = POLLIN };

	return poll(&p, 1, 0) > 0 ? err_set(e, ERR_CANCELLED, "copying was ended") : 0;
}

/* -- one file ---------------------------------------------------------------------- */

static int set_times(int fd, const struct stat *st, struct err *e)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };

	return futimens(fd, times) < 0 ? err_sys(e, "set times") : 0;
}

/* The mode comes after the owner, and attributes after both: a change of owner takes some away. */
static int set_all(int to, int from, const struct stat *st, struct err *e)
{
	if (fchown(to, st->st_uid, st->st_gid) < 0)
		return err_sys(e, "give it to %u:%u", st->st_uid, st->st_gid);
	if (fchmod(to, st->st_mode & 07777) < 0)
		return err_sys(e, "set its mode");
	copy_xattrs(to, from);
	return 0;
}

/* from_name "": dirfd itself, which may be O_PATH. */
static int reopen(int dirfd, const char *from_name, int flags)
{
	char self[40];

	if (*from_name)
		return openat(dirfd, from_name, flags | O_NOFOLLOW | O_CLOEXEC);
	snprintf(self, sizeof(self), "/proc/self/fd/%d", dirfd);
	return open(self, flags | O_CLOEXEC);
}

static int copy_file(int to_dir, const char *to_name, int from_dir, const char *from_name,
		     const struct stat *st, struct err *e)
{
	auto_close int from = reopen(from_dir, from_name, O_RDONLY | O_NONBLOCK);
	auto_close int to = -1;
	uint64_t copied;

	if (from < 0)
		return err_sys(e, "open");
	to = openat(to_dir, to_name, O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (to < 0)
		return err_sys(e, "make");
	if (copy_data(&copied, NULL, to, from, st, to_name, e) < 0 || set_all(to, from, st, e) < 0)
		return -1;
	return set_times(to, st, e);
}

static int copy_symlink(int to_dir, const char *to_name, int from_dir, const char *from_name,
			struct err *e)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(from_dir, from_name, target, sizeof(target) - 1);

	if (n < 0)
		return err_sys(e, "read a link");
	target[n] = '\0';
	return symlinkat(target, to_dir, to_name) < 0 ? err_sys(e, "make a link") : 0;
}

static int copy_special(int to_dir, const char *to_name, int from_dir, const char *from_name,
			const struct stat *st, struct err *e)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };

	if (S_ISLNK(st->st_mode)) {
		if (copy_symlink(to_dir, to_name, from_dir, from_name, e) < 0)
			return -1;
	} else if (mknodat(to_dir, to_name, st->st_mode & (S_IFMT | 07777), st->st_rdev) < 0) {
		return err_sys(e, "make a device or pipe");
	}
	if (fchownat(to_dir, to_name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "give it to %u:%u", st->st_uid, st->st_gid);
	if (!S_ISLNK(st->st_mode) && fchmodat(to_dir, to_name, st->st_mode & 07777, 0) < 0)
		return err_sys(e, "set its mode");
	return utimensat(to_dir, to_name, times, AT_SYMLINK_NOFOLLOW) < 0 ? err_sys(e, "set times")
									  : 0;
}

/* -- directories ------------------------------------------------------------------- */

static int make_dir(struct copy *c, int to_dir, const char *to_name, int from_dir,
		    const char *from_name, const struct stat *st, struct err *e)
{
	auto_close int from = reopen(from_dir, from_name, O_RDONLY | O_DIRECTORY);
	int to;

	if (from < 0)
		return err_sys(e, "open");
	if (mkdirat(to_dir, to_name, 0700) < 0)
		return err_sys(e, "make");
	to = openat(to_dir, to_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (to < 0)
		return err_sys(e, "open the copy");
	c->stats[c->nr_dirs] = *st;
	c->dirs[c->nr_dirs++] = to;
	return set_all(to, from, st, e);
}

static int leave_dirs(struct copy *c, size_t depth, struct err *e)
{
	while (c->nr_dirs > depth) {
		int fd = c->dirs[--c->nr_dirs];
		int r = set_times(fd, &c->stats[c->nr_dirs], e);

		close(fd);
		if (r < 0)
			return -1;
	}
	return 0;
}

/* -- links ------------------------------------------------------------------------- */

static const char *seen_before(struct copy *c, const struct walk_entry *ent)
{
	for (size_t i = 0; i < c->nr_links; i++)
		if (c->links[i].ino == ent->st.st_ino && c->links[i].dev == ent->st.st_dev)
			return c->links[i].path;
	MEM_GROW(c->links, c->nr_links, c->cap_links);
	c->links[c->nr_links++] = (struct linked){ .dev = ent->st.st_dev,
						   .ino = ent->st.st_ino,
						   .path = mem_strdup(ent->path) };
	return NULL;
}

/* Nobody else is at the copy yet: a path in it leads where it led a moment ago. */
static int make_link(struct copy *c, const char *first, const struct walk_entry *ent, struct err *e)
{
	auto_free char *name = NULL;
	auto_close int dir = fs_open_parent(c->dirs[0], first, FS_NO_LINKS, &name, e);

	if (dir < 0)
		return -1;
	return linkat(dir, name, c->dirs[ent->depth], ent->name, 0) < 0 ? err_sys(e, "link") : 0;
}

static int copy_entry(struct copy *c, const struct walk_entry *ent, struct err *e)
{
	int to = c->dirs[ent->depth];
	const char *first = NULL;

	if (S_ISDIR(ent->st.st_mode))
		return make_dir(c, to, ent->name, ent->dirfd, ent->name, &ent->st, e);
	if (S_ISSOCK(ent->st.st_mode))
		return 0; /* nobody would listen */
	if (ent->st.st_nlink > 1)
		first = seen_before(c, ent);
	if (first)
		return make_link(c, first, ent, e);
	return S_ISREG(ent->st.st_mode)
		       ? copy_file(to, ent->name, ent->dirfd, ent->name, &ent->st, e)
		       : copy_special(to, ent->name, ent->dirfd, ent->name, &ent->st, e);
}

static int copy_below(struct copy *c, int from_fd, struct err *e)
{
	auto_walk struct walk *walk = NULL;
	struct walk_entry ent;
	int r;

	if (walk_open(&walk, from_fd, e) < 0)
		return -1;
	walk_cross_mounts(walk);
	while ((r = walk_next(walk, &ent, e)) > 0)
		if (check_stop(c, e) < 0 || leave_dirs(c, ent.depth + 1, e) < 0 ||
		    copy_entry(c, &ent, e) < 0)
			return err_wrap(e, "copy '%s'", ent.path);
	return r < 0 ? -1 : leave_dirs(c, 0, e);
}

int copy_tree(int dirfd, const char *name, int from_fd, int stop_fd, struct err *e)
{
	CLEANUP(copy_release) struct copy c = { .stop_fd = stop_fd };
	auto_close int from = -1;
	struct stat st;

	if (fstat(from_fd, &st) < 0)
		return err_sys(e, "stat what is copied");
	if (S_ISREG(st.st_mode))
		return copy_file(dirfd, name, from_fd, "", &st, e);
	if (!S_ISDIR(st.st_mode))
		return copy_special(dirfd, name, from_fd, "", &st, e);
	from = reopen(from_fd, "", O_RDONLY | O_DIRECTORY);
	if (from < 0)
		return err_sys(e, "open what is copied");
	return make_dir(&c, dirfd, name, from_fd, "", &st, e) < 0 ? -1 : copy_below(&c, from, e);
}
