/*
 * Files are written aside and renamed, so that each name has the old or the new one. Directories
 * get modes and times at the end: they must be written to until then, and filling them changes
 * their times.
 */
#include "oci/layer/put_out.h"

#include <errno.h>

#include "base/cancel.h"
#include "base/fs.h"
#include "base/io.h"
#include "base/mem.h"
#include "oci/layer/path.h"

struct put_out {
	const struct op *op;
	const struct layer_changes *c;
	int root;
	char *dir; /* path of the directory that is open */
	int dirfd; /* -1: none */
};

static void put_out_release(struct put_out *p)
{
	fd_auto_close_(&p->dirfd);
	free(p->dir);
}

static bool same_dir(const struct put_out *p, struct span dir)
{
	return p->dir && span_eq_str(dir, p->dir);
}

/* The directory of path, in p->dirfd; files of one directory follow each other. */
static int go_to(struct put_out *p, const char *path, struct err *e)
{
	struct span dir = layer_path_dir(path);

	if (same_dir(p, dir))
		return 0;
	fd_auto_close_(&p->dirfd);
	free(p->dir);
	p->dir = span_dup(dir);
	p->dirfd = fs_open_beneath(p->root, p->dir, O_RDONLY | O_DIRECTORY, 0, FS_NO_LINKS, e);
	return p->dirfd < 0 ? -1 : 0;
}

static mode_t mode_of(const struct layer_change *c)
{
	return c->st.st_mode & (S_ISDIR(c->st.st_mode) ? 01777 : 0777);
}

static int set_times(int dirfd, const char *name, const struct stat *st, struct err *e)
{
	const struct timespec times[2] = { st->st_mtim, st->st_mtim };

	if (utimensat(dirfd, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "set the time of '%s'", name);
	return 0;
}

/* What is no directory may go; a directory may hold what nobody else has. */
static int make_room(const struct put_out *p, const char *name, struct err *e)
{
	struct stat st;

	if (fstatat(p->dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_sys(e, "look at '%s'", name);
	if (S_ISDIR(st.st_mode))
		return err_set(e, ERR_INPUT, "a directory stands there");
	return unlinkat(p->dirfd, name, 0) < 0 ? err_sys(e, "remove '%s'", name) : 0;
}

/* One of an earlier build may refuse to be written to; its mode comes at the end. */
static void open_to_us(const struct put_out *p, const char *name, mode_t mode)
{
	auto_close int fd = -1;

	if ((mode & 0700) == 0700)
		return;
	fd = openat(p->dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && fchmod(fd, mode | 0700) < 0)
		return; /* not ours: writing to it will tell */
}

static int put_dir(struct put_out *p, const char *name, struct err *e)
{
	struct stat st;

	if (mkdirat(p->dirfd, name, 0700) == 0)
		return 0;
	if (errno != EEXIST || fstatat(p->dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "make '%s'", name);
	if (S_ISDIR(st.st_mode)) {
		open_to_us(p, name, st.st_mode & 07777);
		return 0;
	}
	if (make_room(p, name, e) < 0)
		return -1;
	return mkdirat(p->dirfd, name, 0700) < 0 ? err_sys(e, "make '%s'", name) : 0;
}

static int copy_bytes(const struct put_out *p, int to, const struct layer_change *c, struct err *e)
{
	auto_close int from =
		fs_open_beneath(c->origin_fd, c->origin_path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0,
				FS_NO_LINKS, e);
	struct fd_source in;
	struct fd_sink out;
	uint64_t copied;

	if (from < 0 || io_copy(p->op, fd_source_init(&in, from, c->path),
				fd_sink_init(&out, to, c->path), &copied, e) < 0)
		return -1;
	if (copied != (uint64_t)c->st.st_size)
		return err_set(e, ERR_FAILED, "it changed while it was read");
	return 0;
}

static int put_file(struct put_out *p, const struct layer_change *c, const char *name,
		    struct err *e)
{
	auto_tmpfile struct tmpfile t = TMPFILE_INIT;
	const struct timespec times[2] = { c->st.st_mtim, c->st.st_mtim };
	struct stat st;

	if (fstatat(p->dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode))
		return err_set(e, ERR_INPUT, "a directory stands there");
	if (tmpfile_open(&t, p->dirfd, 0600, e) < 0 || copy_bytes(p, t.fd, c, e) < 0)
		return -1;
	if (fchmod(t.fd, mode_of(c)) < 0 || futimens(t.fd, times) < 0)
		return err_sys(e, "set mode and time");
	return tmpfile_publish(&t, name, false, e);
}

static int put_hard_link(struct put_out *p, const struct layer_change *c, const char *name,
			 struct err *e)
{
	auto_free char *first = NULL;
	auto_close int from = fs_open_parent(p->root, c->link, FS_NO_LINKS, &first, e);

	if (from < 0 || make_room(p, name, e) < 0)
		return -1;
	return linkat(from, first, p->dirfd, name, 0) < 0 ? err_sys(e, "link it to '%s'", c->link)
							  : 0;
}

/* Symbolic links and fifos. */
static int put_other(struct put_out *p, const struct layer_change *c, const char *name,
		     struct err *e)
{
	int r;

	if (make_room(p, name, e) < 0)
		return -1;
	if (S_ISLNK(c->st.st_mode))
		r = symlinkat(c->link, p->dirfd, name);
	else
		r = mkfifoat(p->dirfd, name, mode_of(c));
	return r < 0 ? err_sys(e, "make '%s'", name) : set_times(p->dirfd, name, &c->st, e);
}

static bool is_device(const struct layer_change *c)
{
	return S_ISCHR(c->st.st_mode) || S_ISBLK(c->st.st_mode);
}

static int put_one(struct put_out *p, const struct layer_change *c, struct err *e)
{
	const char *name = layer_path_last(c->path);

	if (cancel_check(p->op ? p->op->cancel : NULL, e) < 0)
		return -1;
	if (is_device(c))
		return 0;
	if (go_to(p, c->path, e) < 0)
		return -1;
	if (c->hard_link)
		return put_hard_link(p, c, name, e);
	if (S_ISDIR(c->st.st_mode))
		return put_dir(p, name, e);
	return S_ISREG(c->st.st_mode) ? put_file(p, c, name, e) : put_other(p, c, name, e);
}

/* From the end, so that a directory is still open to us when those in it are done. */
static int finish_dirs(struct put_out *p, struct err *e)
{
	for (size_t i = p->c->nr; i-- > 0;) {
		const struct layer_change *c = &p->c->v[i];
		auto_close int fd = -1;
		const struct timespec times[2] = { c->st.st_mtim, c->st.st_mtim };

		if (!S_ISDIR(c->st.st_mode))
			continue;
		fd = fs_open_beneath(p->root, c->path, O_RDONLY | O_DIRECTORY, 0, FS_NO_LINKS, e);
		if (fd < 0)
			return -1;
		if (fchmod(fd, mode_of(c)) < 0 || futimens(fd, times) < 0)
			return err_sys(e, "set mode and time of '%s'", c->path);
	}
	return 0;
}

int layer_put_out(size_t *nr_devices, const struct op *op, const struct layer_changes *c, int dirfd,
		  struct err *e)
{
	CLEANUP(put_out_release)
	struct put_out p = { .op = op, .c = c, .root = dirfd, .dirfd = -1 };

	*nr_devices = 0;
	for (size_t i = 0; i < c->nr; i++) {
		if (put_one(&p, &c->v[i], e) < 0)
			return err_wrap(e, "'%s'", c->v[i].path);
		*nr_devices += is_device(&c->v[i]);
	}
	return finish_dirs(&p, e);
}
