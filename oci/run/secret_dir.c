/*
 * The link may have become anything in a RUN's hands: only a name of our own form in /dev/shm is
 * removed.
 */
#include "oci/run/secret_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/span.h"

#define SHM    "/dev/shm"
#define PREFIX "cbuild-"
#define DIGITS 16
#define LINK   "secrets"

static int open_shm(void)
{
	auto_close int fd = open(SHM, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct statfs fs;

	return fd >= 0 && fstatfs(fd, &fs) == 0 && fs.f_type == TMPFS_MAGIC ? fd_steal(&fd) : -1;
}

int secret_dir_make(int own_fd, struct err *e)
{
	auto_close int shm = open_shm();
	unsigned long long number;
	auto_free char *name = NULL;
	auto_free char *path = NULL;
	auto_close int fd = -1;

	if (shm < 0 || getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number))
		return -1;
	name = mem_printf(PREFIX "%0*llx", DIGITS, number);
	path = mem_printf(SHM "/%s", name);
	if (symlinkat(path, own_fd, LINK) < 0)
		return err_sys(e, "take note of '%s'", path);
	if (mkdirat(shm, name, 0711) == 0)
		fd = openat(shm, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && fchmod(fd, 0711) == 0)
		return fd_steal(&fd);
	if (secret_dir_remove(own_fd, e) < 0)
		err_wrap(e, "make '%s'", path);
	return -1;
}

static bool is_ours(struct span path, struct span *name)
{
	size_t digits = 0;

	if (!span_take(&path, SHM "/"))
		return false;
	*name = path;
	if (!span_take(&path, PREFIX) || path.n != DIGITS)
		return false;
	while (digits < DIGITS && strchr("0123456789abcdef", path.p[digits]))
		digits++;
	return digits == DIGITS;
}

int secret_dir_remove(int own_fd, struct err *e)
{
	char path[sizeof(SHM PREFIX) + DIGITS + 2];
	ssize_t n = readlinkat(own_fd, LINK, path, sizeof(path));
	auto_close int shm = n > 0 ? open_shm() : -1;
	struct span name;

	if (n < 0 && errno == ENOENT) /* else it may be no link any more */
		return 0;
	if (shm >= 0 && is_ours(span_of(path, (size_t)n), &name)) {
		auto_free char *dir = span_dup(name);

		if (fs_remove_tree(shm, dir, e) < 0)
			return err_wrap(e, "remove the secrets of a RUN");
	}
	return fs_remove_tree(own_fd, LINK, e);
}
