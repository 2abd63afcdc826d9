/*
 * Whole files and directories. Everything takes a directory descriptor and a
 * name; what is written comes to be by rename (fs_tmpfile.c), so no reader and
 * no crash ever sees half a file.
 */
#include "base/fs.h"

#include <errno.h>
#include <sys/file.h>

#include "base/io.h"
#include "base/mem.h"

int fs_write_all(int fd, const void *p, size_t n, const char *name, struct err *e)
{
	while (n) {
		ssize_t r = write(fd, p, n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return err_sys(e, "write '%s'", name);
		p = (const char *)p + r;
		n -= (size_t)r;
	}
	return 0;
}

int fs_open_dir(const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(e, "open directory '%s'", path);
	return fd;
}

/* One component; existing is fine when it is a directory (or a link to one). */
static int mkdir_one(int dirfd, const char *path, mode_t mode, struct err *e)
{
	struct stat st;

	if (mkdirat(dirfd, path, mode) == 0)
		return 0;
	if (errno != EEXIST)
		return err_sys(e, "create directory '%s'", path);
	if (fstatat(dirfd, path, &st, 0) < 0)
		return err_sys(e, "look at '%s'", path);
	if (!S_ISDIR(st.st_mode)) {
		errno = ENOTDIR;
		return err_sys(e, "create directory '%s'", path);
	}
	return 0;
}

int fs_mkdir_p(int dirfd, const char *path, mode_t mode, struct err *e)
{
	auto_free char *copy = mem_strdup(path);

	for (char *p = copy; *p;) {
		char after;

		p += strspn(p, "/");
		p += strcspn(p, "/");
		if (p == copy)
			break;
		after = *p;
		*p = '\0';
		if (copy[strspn(copy, "/")] && mkdir_one(dirfd, copy, mode, e) < 0)
			return -1;
		*p = after;
	}
	return 0;
}

/* O_NONBLOCK: a fifo of that name would stop us for good */
#define READ_FLAGS (O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)

static int read_opened(int fd, const char *name, struct buf *b, struct err *e)
{
	struct fd_source file;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(e, "look at '%s'", name);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_INPUT, "read '%s': not a regular file", name);
	if (io_read_all(fd_source_init(&file, fd, name), b, e) < 0)
		return e->sys ? -1 : err_wrap(e, "read '%s'", name);
	return 0;
}

static int read_file(int dirfd, const char *name, int flags, struct buf *b, struct err *e)
{
	auto_close int fd = openat(dirfd, name, READ_FLAGS | flags);

	if (fd < 0)
		return err_sys(e, "open '%s'", name);
	return read_opened(fd, name, b, e);
}

int fs_read_file_inside(int dirfd, const char *path, struct buf *b, struct err *e)
{
	auto_close int fd = fs_open_beneath(dirfd, path, READ_FLAGS, 0, FS_IN_ROOT, e);

	return fd < 0 ? -1 : read_opened(fd, path, b, e);
}

int fs_read_file(int dirfd, const char *name, struct buf *b, struct err *e)
{
	return read_file(dirfd, name, 0, b, e);
}

int fs_read_file_no_link(int dirfd, const char *name, struct buf *b, struct err *e)
{
	return read_file(dirfd, name, O_NOFOLLOW, b, e);
}

static int write_file(int dirfd, const char *name, struct span bytes, mode_t mode, bool durable,
		      struct err *e)
{
	const char *slash = strrchr(name, '/');
	auto_free char *dir = mem_strndup(name, slash ? (size_t)(slash - name) + 1 : 0);
	auto_close int fd = -1; /* where name will be: a rename stays within one file system */
	auto_tmpfile struct tmpfile t = TMPFILE_INIT;

	if (slash) {
		fd = openat(dirfd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return err_sys(e, "open directory '%s'", dir);
	}
	if (tmpfile_open(&t, slash ? fd : dirfd, mode, e) < 0)
		return err_wrap(e, "write '%s'", name);
	if (fs_write_all(t.fd, bytes.p, bytes.n, name, e) < 0)
		return -1;
	return tmpfile_publish(&t, slash ? slash + 1 : name, durable, e);
}

int fs_write_file(int dirfd, const char *name, struct span bytes, mode_t mode, struct err *e)
{
	return write_file(dirfd, name, bytes, mode, true, e);
}

int fs_write_unsynced(int dirfd, const char *name, struct span bytes, mode_t mode, struct err *e)
{
	return write_file(dirfd, name, bytes, mode, false, e);
}

static int lock(int dirfd, const char *name, int how, bool wait, struct err *e)
{
	auto_close int fd = openat(dirfd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int r;

	if (fd < 0)
		return err_sys(e, "open lock '%s'", name);
	do
		r = flock(fd, how | (wait ? 0 : LOCK_NB));
	while (r < 0 && errno == EINTR);
	if (r < 0 && errno == EWOULDBLOCK)
		return err_set(e, ERR_LOCKED, "lock '%s': held by another process", name);
	if (r < 0)
		return err_sys(e, "lock '%s'", name);
	return fd_steal(&fd);
}

int fs_lock(int dirfd, const char *name, bool wait, struct err *e)
{
	return lock(dirfd, name, LOCK_EX, wait, e);
}

int fs_lock_shared(int dirfd, const char *name, bool wait, struct err *e)
{
	return lock(dirfd, name, LOCK_SH, wait, e);
}
