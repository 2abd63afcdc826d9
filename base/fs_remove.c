/*
 * Removing a tree: down into a directory, unlink what is in it, up again, rmdir.
 * The streams of the upper levels stay open; deeper ones are closed while we
 * are below them and found again through "..", whose device and inode must then
 * be the ones we left (else somebody moved the tree, and we stop).
 *
 * What a mount covers is never touched, bind mounts of the same device
 * included: a tree that could not be unmounted may be the user's own files.
 */
#include "base/fs.h"

#include <dirent.h>
#include <errno.h>

#include "base/mem.h"

#define STREAMS_KEPT 16

struct level {
	DIR *stream; /* NULL: closed while we are deeper */
	dev_t dev;
	ino_t ino;
	char *name; /* in the level above */
};

struct removal {
	int dirfd; /* borrowed: where the top is */
	struct level *levels;
	size_t n, cap;
};

static void level_release(struct level *l)
{
	if (l->stream)
		closedir(l->stream);
	free(l->name);
}

static void removal_release(struct removal *r)
{
	while (r->n)
		level_release(&r->levels[--r->n]);
	free(r->levels);
}

static int fail(struct removal *r, const char *name, struct err *e)
{
	auto_buf struct buf path = BUF_INIT(BUF_SMALL);
	int sys = errno;

	for (size_t i = 0; i < r->n; i++)
		buf_addf(&path, "%s/", r->levels[i].name);
	buf_add_str(&path, name);
	errno = sys;
	return err_sys(e, "remove '%s'", buf_str(&path));
}

/* parent_dev decides only where the kernel cannot tell a mount (before 5.8). */
static bool is_mount(int fd, dev_t dev, dev_t parent_dev)
{
	struct statx x;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &x) == 0 &&
	    (x.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT))
		return x.stx_attributes & STATX_ATTR_MOUNT_ROOT;
	return dev != parent_dev;
}

static int open_dir(int at, const char *name)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(at, name, flags);

	if (fd < 0 && errno == EACCES && fchmodat(at, name, 0700, AT_SYMLINK_NOFOLLOW) == 0)
		fd = openat(at, name, flags);
	return fd;
}

static int enter(struct removal *r, int at, const char *name, struct err *e)
{
	struct level *above = r->n ? &r->levels[r->n - 1] : NULL;
	auto_close int fd = open_dir(at, name);
	struct stat st, up;
	DIR *stream;
	char *copy;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0 || fstatat(at, "", &up, AT_EMPTY_PATH) < 0)
		return fail(r, name, e);
	if (is_mount(fd, st.st_dev, up.st_dev)) {
		errno = EBUSY;
		return fail(r, name, e);
	}
	/* without all three we could not list it or unlink in it; when this fails, that tells */
	if ((st.st_mode & 0700) != 0700)
		(void)!fchmod(fd, 0700);
	stream = fdopendir(fd);
	if (!stream)
		return fail(r, name, e);
	fd_steal(&fd);
	copy = mem_strdup(name); /* it may be in the stream closed below */
	if (above && r->n > STREAMS_KEPT) {
		closedir(above->stream);
		above->stream = NULL;
	}
	MEM_GROW(r->levels, r->n, r->cap);
	r->levels[r->n++] = (struct level){
		.stream = stream, .dev = st.st_dev, .ino = st.st_ino, .name = copy
	};
	return 0;
}

static int reopen(struct level *l, int below)
{
	auto_close int fd = openat(below, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	if (st.st_dev != l->dev || st.st_ino != l->ino) {
		errno = ESTALE;
		return -1;
	}
	l->stream = fdopendir(fd);
	if (!l->stream)
		return -1;
	fd_steal(&fd);
	return 0;
}

/* The level is empty: go up and remove it there. */
static int leave(struct removal *r, struct err *e)
{
	struct level done = r->levels[--r->n];
	struct level *above = r->n ? &r->levels[r->n - 1] : NULL;
	int result = 0;

	if ((above && !above->stream && reopen(above, dirfd(done.stream)) < 0) ||
	    (unlinkat(above ? dirfd(above->stream) : r->dirfd, done.name, AT_REMOVEDIR) < 0 &&
	     errno != ENOENT))
		result = fail(r, done.name, e);
	level_release(&done);
	return result;
}

static int remove_entry(struct removal *r, const struct dirent *ent, struct err *e)
{
	int at = dirfd(r->levels[r->n - 1].stream);

	/* an empty directory costs one call, a full one tells so */
	if (unlinkat(at, ent->d_name, ent->d_type == DT_DIR ? AT_REMOVEDIR : 0) == 0 ||
	    errno == ENOENT)
		return 0;
	if (errno == ENOTEMPTY || errno == EEXIST || errno == EISDIR)
		return enter(r, at, ent->d_name, e);
	return fail(r, ent->d_name, e);
}

static int step(struct removal *r, struct err *e)
{
	const struct dirent *ent;

	errno = 0;
	ent = readdir(r->levels[r->n - 1].stream);
	if (!ent)
		return errno ? fail(r, "", e) : leave(r, e);
	if (strcmp(ent->d_name, ".") == 0 || strcmp(ent->d_name, "..") == 0)
		return 0;
	return remove_entry(r, ent, e);
}

int fs_remove_tree(int dirfd, const char *name, struct err *e)
{
	struct removal r = { .dirfd = dirfd };
	int result;

	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR)
		return err_sys(e, "remove '%s'", name);
	result = enter(&r, dirfd, name, e);
	while (result == 0 && r.n)
		result = step(&r, e);
	removal_release(&r);
	return result;
}
