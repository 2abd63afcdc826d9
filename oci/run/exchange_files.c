/*
 * A copy has the file's mode and owner, for one that has to be made again.
 */
#include "oci/run/exchange_files.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"

#define FILE_BYTES_MAX (4u << 20)

static int read_inside(int root_fd, const char *path, struct buf *b, struct stat *st, struct err *e)
{
	auto_close int fd = fs_open_beneath(root_fd, path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW, 0,
					    FS_NO_LINKS, e);
	char piece[4096];
	ssize_t n = 0;

	if (fd < 0 || fstat(fd, st) < 0)
		return fd < 0 ? -1 : err_sys(e, "stat '/%s'", path);
	if (!S_ISREG(st->st_mode))
		return err_set(e, ERR_ABSENT, "'/%s' is no file", path);
	while (!b->over && (n = read(fd, piece, sizeof(piece))) > 0)
		buf_add(b, piece, (size_t)n);
	if (n < 0)
		return err_sys(e, "read '/%s'", path);
	return b->over ? err_set(e, ERR_FAILED, "'/%s' is very large", path) : 0;
}

static int write_copy(const struct exchange_place *p, size_t i, const struct buf *bytes,
		      const struct stat *st, struct err *e)
{
	auto_free char *name = mem_printf("files/%zu", i);
	auto_close int fd = openat(p->own_fd, name,
				   O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_sys(e, "make '%s/%s'", p->own, name);
	if (fs_write_all(fd, buf_str(bytes), bytes->len, name, e) < 0)
		return -1;
	if (fchown(fd, st->st_uid, st->st_gid) < 0 || fchmod(fd, st->st_mode & 07777) < 0)
		return err_sys(e, "set mode and owner of '%s/%s'", p->own, name);
	return 0;
}

int exchange_files_save(const struct exchange_place *place, struct err *e)
{
	if (fs_remove_tree(place->own_fd, "files", e) < 0 ||
	    fs_mkdir_p(place->own_fd, "files", 0700, e) < 0)
		return -1;
	for (size_t i = 0; i < place->files.n; i++) {
		auto_buf struct buf bytes = BUF_INIT(FILE_BYTES_MAX);
		struct err missing = ERR_INIT;
		struct stat st;

		if (read_inside(place->root_fd, place->files.v[i], &bytes, &st, &missing) < 0)
			continue; /* not there: nothing to put back */
		if (write_copy(place, i, &bytes, &st, e) < 0)
			return -1;
	}
	return 0;
}

/* A link, say, that a RUN has put in a file's place; or a name of a file that has others, the image's
 * say, whose bytes are not ours to write. A mount is neither. */
static int remove_other(const struct exchange_place *p, const char *path, struct err *e)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	auto_free char *dir = slash ? mem_printf("%.*s", (int)(slash - path), path) : NULL;
	auto_close int at = fs_open_beneath(p->root_fd, dir ? dir : ".", O_RDONLY | O_DIRECTORY, 0,
					    FS_NO_LINKS, e);
	struct stat st;

	if (at < 0)
		return -1;
	if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_sys(e, "stat '/%s'", path);
	if (!S_ISREG(st.st_mode))
		return fs_remove_tree(at, name, e);
	if (st.st_nlink == 1 || unlinkat(at, name, 0) == 0 || errno == EBUSY)
		return 0;
	return err_sys(e, "part '/%s' from its other names", path);
}

static int write_again(const struct exchange_place *p, const char *path, const struct buf *bytes,
		       const struct stat *st, struct err *e)
{
	auto_close int fd = -1;

	if (remove_other(p, path, e) < 0)
		return -1;
	fd = fs_open_beneath(p->root_fd, path,
			     O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK, 0600,
			     FS_NO_LINKS, e);
	if (fd < 0 || fs_write_all(fd, buf_str(bytes), bytes->len, path, e) < 0)
		return -1;
	if (fchown(fd, st->st_uid, st->st_gid) < 0 || fchmod(fd, st->st_mode & 07777) < 0)
		return err_sys(e, "set mode and owner of '/%s'", path);
	return 0;
}

static int put_back_one(const struct exchange_place *p, size_t i, struct err *e)
{
	auto_free char *name = mem_printf("files/%zu", i);
	auto_buf struct buf want = BUF_INIT(FILE_BYTES_MAX);
	auto_buf struct buf have = BUF_INIT(FILE_BYTES_MAX);
	const char *path = p->files.v[i];
	struct err other = ERR_INIT;
	struct stat want_st, have_st;

	if (read_inside(p->own_fd, name, &want, &want_st, e) < 0) {
		bool none = e->sys == ENOENT;

		err_clear(e);
		return none ? 0 : err_set(e, ERR_FAILED, "cannot read '%s/%s'", p->own, name);
	}
	if (read_inside(p->root_fd, path, &have, &have_st, &other) == 0 &&
	    span_eq(buf_span(&have), buf_span(&want)) && have_st.st_mode == want_st.st_mode &&
	    have_st.st_uid == want_st.st_uid && have_st.st_gid == want_st.st_gid &&
	    have_st.st_nlink == 1)
		return 0;
	if (write_again(p, path, &want, &want_st, e) == 0)
		return 0;
	return err_wrap(e, "put back the job's own '/%s', of which '%s/%s' is a copy", path, p->own,
			name);
}

int exchange_files_put_back(const struct exchange_place *place, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < place->files.n; i++) {
		struct err why = ERR_INIT;

		if (put_back_one(place, i, &why) == 0)
			continue;
		if (r == 0)
			*e = why;
		r = -1;
	}
	return r;
}
