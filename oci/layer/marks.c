/*
 * One listxattr per file tells which of the few attributes we know are there; most
 * files have none. Both families are taken: overlay mounts of root use "trusted.",
 * those in a user namespace "user." (mount option userxattr).
 */
#include "oci/layer/marks.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/mem.h"

#define LIST_MAX (64u << 10) /* XATTR_LIST_MAX of the kernel */

static bool is_opaque(int fd, const char *attr)
{
	char v = 0;

	/* "x" only says that there may be whiteouts that are attributes */
	return fgetxattr(fd, attr, &v, 1) == 1 && v == 'y';
}

static int read_capability(struct marks *m, int fd, const char *name, struct err *e)
{
	ssize_t n = fgetxattr(fd, "security.capability", m->capability, sizeof(m->capability));

	if (n < 0)
		return err_sys(e, "read the capabilities of '%s'", name);
	m->capability_len = (size_t)n;
	return 0;
}

static int take_attr(struct marks *m, int fd, const char *attr, const struct stat *st,
		     const char *name, struct err *e)
{
	struct span key = span_of_str(attr);

	if (span_eq_str(key, "security.capability"))
		return S_ISREG(st->st_mode) ? read_capability(m, fd, name, e) : 0;
	if (!span_take(&key, "trusted.overlay.") && !span_take(&key, "user.overlay."))
		return 0;
	if (span_eq_str(key, "whiteout"))
		m->whiteout = S_ISREG(st->st_mode) && !st->st_size;
	else if (span_eq_str(key, "opaque"))
		m->opaque |= S_ISDIR(st->st_mode) && is_opaque(fd, attr);
	else if (span_eq_str(key, "redirect") || span_eq_str(key, "metacopy"))
		m->redirect = true;
	return 0;
}

static int read_attrs(struct marks *m, int fd, const struct stat *st, const char *name,
		      struct err *e)
{
	char small[512];
	auto_free char *large = NULL;
	char *list = small;
	ssize_t n = flistxattr(fd, small, sizeof(small));

	if (n < 0 && errno == ERANGE) {
		list = large = mem_alloc(LIST_MAX);
		n = flistxattr(fd, large, LIST_MAX);
	}
	if (n < 0)
		return errno == ENOTSUP ? 0 : err_sys(e, "list the attributes of '%s'", name);
	for (const char *p = list; p < list + n; p += strlen(p) + 1)
		if (take_attr(m, fd, p, st, name, e) < 0)
			return -1;
	return 0;
}

int marks_read(struct marks *m, int dirfd, const char *name, const struct stat *st, struct err *e)
{
	auto_close int fd = -1;

	*m = (struct marks){ 0 };
	if (S_ISCHR(st->st_mode))
		m->whiteout = st->st_rdev == makedev(0, 0);
	if (!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode))
		return 0;
	fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "open '%s'", name);
	return read_attrs(m, fd, st, name, e);
}
