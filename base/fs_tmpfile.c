/*
 * Files that come to be at once. A visible temporary name is used and not
 * O_TMPFILE: that one cannot replace an existing name, and not every file
 * system has it. Names begin with ".tmp-", which is what a clean-up after a
 * crash looks for.
 */
#include "base/fs.h"

#include <errno.h>
#include <sys/random.h>

#include "base/mem.h"

static char *random_name(void)
{
	uint64_t r[2];

	/* never fails for so few bytes once the kernel has booted; EEXIST covers the rest */
	if (getrandom(r, sizeof(r), 0) != (ssize_t)sizeof(r))
		r[0] = r[1] = (uint64_t)getpid();
	return mem_printf(".tmp-%016llx%08llx", (unsigned long long)r[0],
			  (unsigned long long)(r[1] & 0xffffffff));
}

int tmpfile_open(struct tmpfile *t, int dirfd, mode_t mode, struct err *e)
{
	for (int tries = 0;; tries++) {
		auto_free char *name = random_name();
		int fd = openat(dirfd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
				mode);

		if (fd >= 0) {
			*t = (struct tmpfile){ .dirfd = dirfd, .fd = fd, .name = STEAL(&name) };
			return 0;
		}
		if (errno != EEXIST || tries == 16)
			return err_sys(e, "create a temporary file");
	}
}

int tmpfile_publish(struct tmpfile *t, const char *name, bool durable, struct err *e)
{
	int fd = fd_steal(&t->fd);

	if (durable && fsync(fd) < 0) {
		err_sys(e, "write '%s' to disk", name);
		close(fd);
		return -1;
	}
	/* network file systems tell here that bytes did not arrive */
	if (close(fd) < 0 && errno != EINTR)
		return err_sys(e, "close '%s'", name);
	if (renameat(t->dirfd, t->name, t->dirfd, name) < 0)
		return err_sys(e, "rename to '%s'", name);
	free(STEAL(&t->name)); /* it is not ours to remove any more */
	return 0;
}

void tmpfile_release(struct tmpfile *t)
{
	if (t->fd >= 0)
		close(fd_steal(&t->fd));
	if (t->name)
		unlinkat(t->dirfd, t->name, 0);
	free(STEAL(&t->name));
}
