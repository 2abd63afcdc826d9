/*
 * Options chosen: "volatile" (no syncing of the upper file system: package managers sync after
 * every file, and after a crash a build starts anew anyway), and redirect_dir, metacopy
 * and index off, so that the upper directory holds plain files and whiteouts only and
 * changes.c sees all of a change. Inside a user namespace "userxattr" implies those three.
 *
 * Nothing but RUN's own /dev holds devices that can be opened: a RUN of root's may make
 * any node (docker lets it, too, but has a device cgroup behind that).
 */
#include "oci/run/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"

#define OVERLAY_OPTIONS_MAX 4095 /* mount(2) takes one page */

struct lower_fds {
	int v[OVERLAY_LOWERS_MAX];
	size_t nr;
};

static void lower_fds_close(struct lower_fds *l)
{
	for (size_t i = 0; i < l->nr; i++)
		close(l->v[i]);
}

static int lower_fds_open(struct lower_fds *l, const struct strv *lowers, struct err *e)
{
	for (size_t i = 0; i < lowers->n; i++) {
		int fd = open(lowers->v[i], O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (fd < 0)
			return err_sys(e, "open '%s'", lowers->v[i]);
		l->v[l->nr++] = fd;
	}
	return 0;
}

static void options_build(struct buf *opts, const struct lower_fds *l, int upper, int work,
			  bool userxattr)
{
	buf_add_str(opts, "lowerdir=");
	for (size_t i = 0; i < l->nr; i++)
		buf_addf(opts, "%s/proc/self/fd/%d", i ? ":" : "", l->v[i]);
	if (upper >= 0)
		buf_addf(opts, ",upperdir=/proc/self/fd/%d,workdir=/proc/self/fd/%d", upper, work);
	buf_add_str(opts, userxattr ? ",userxattr" : ",redirect_dir=off,metacopy=off,index=off");
}

static int mount_refused(const char *target, struct err *e)
{
	err_sys(e, "mount overlay on '%s'", target);
	e->kind = ERR_IMPOSSIBLE;
	return -1;
}

/*
 * Without room for a directory of its own in `work` the kernel mounts all the same, but read-only. Why
 * it tells nobody; who tries the same is told.
 */
static int check_writable(const char *target, int work, struct err *e)
{
	struct statvfs st;

	if (statvfs(target, &st) == 0 && !(st.f_flag & ST_RDONLY))
		return 0;
	if (mkdirat(work, "again", 0700) == 0) {
		unlinkat(work, "again", AT_REMOVEDIR);
		errno = EROFS;
	}
	mount_refused(target, e);
	overlay_unmount(target);
	return -1;
}

int overlay_mount(const char *target, const struct strv *lowers, int upper, int work,
		  bool userxattr, struct err *e)
{
	CLEANUP(lower_fds_close) struct lower_fds fds = { .nr = 0 };
	auto_buf struct buf opts = BUF_INIT(OVERLAY_OPTIONS_MAX);
	size_t without_volatile;
	int r;

	if (lowers->n > OVERLAY_LOWERS_MAX)
		return err_set(e, ERR_IMPOSSIBLE,
			       "%zu layers are on top of each other; overlayfs takes %d", lowers->n,
			       OVERLAY_LOWERS_MAX);
	if (lower_fds_open(&fds, lowers, e) < 0)
		return -1;
	options_build(&opts, &fds, upper, work, userxattr);
	without_volatile = opts.len;
	if (upper >= 0)
		buf_add_str(&opts, ",volatile");
	if (opts.over)
		return err_set(e, ERR_IMPOSSIBLE, "too many layers for one overlay mount");
	r = mount("overlay", target, "overlay", MS_NODEV, opts.data);
	if (r < 0 && errno == EINVAL && upper >= 0) { /* before Linux 5.10 */
		opts.data[without_volatile] = '\0';
		r = mount("overlay", target, "overlay", MS_NODEV, opts.data);
	}
	if (r < 0)
		return mount_refused(target, e);
	return upper < 0 ? 0 : check_writable(target, work, e);
}

/* -- can it be had? ----------------------------------------------------------------- */

static int make_and_open(const char *path, struct err *e)
{
	int fd;

	if (mkdir(path, 0755) < 0)
		return err_sys(e, "make '%s'", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? err_sys(e, "open '%s'", path) : fd;
}

static int refused(struct err *e, const char *what)
{
	err_sys(e, "%s", what);
	e->kind = ERR_IMPOSSIBLE;
	return -1;
}

/* A file system may be good for a mount and still not take the marks: both of them are needed here. */
static int try_marks(const char *tree, struct err *e)
{
	auto_free char *sub = mem_printf("%s/d", tree);

	if (rmdir(sub) < 0)
		return refused(e, "mark a file as deleted in an overlay");
	if (mkdir(sub, 0755) < 0)
		return refused(e, "mark a directory as opaque in an overlay");
	return 0;
}

/* As a tree is: over the directory that holds the upper one. */
int overlay_probe(const char *dir, bool userxattr, struct err *e)
{
	auto_free char *lower = mem_printf("%s/lower", dir);
	auto_free char *sub = mem_printf("%s/lower/d", dir);
	auto_free char *upper_path = mem_printf("%s/upper", dir);
	auto_free char *work_path = mem_printf("%s/work", dir);
	auto_close int lower_fd = make_and_open(lower, e);
	auto_close int sub_fd = lower_fd < 0 ? -1 : make_and_open(sub, e);
	auto_close int upper = sub_fd < 0 ? -1 : make_and_open(upper_path, e);
	auto_close int work = upper < 0 ? -1 : make_and_open(work_path, e);
	auto_strv struct strv lowers = STRV_INIT;
	int r;

	if (work < 0)
		return -1;
	strv_add(&lowers, lower);
	if (overlay_mount(dir, &lowers, upper, work, userxattr, e) < 0)
		return -1;
	r = try_marks(dir, e);
	overlay_unmount(dir);
	return r;
}

/* -- without ------------------------------------------------------------------------- */

/* Before Linux 5.12; flags that the file system has already cannot be left out. */
static int remount(const char *target, bool read_only)
{
	struct statvfs st;
	unsigned long flags = MS_REMOUNT | MS_BIND | MS_NODEV | (read_only ? MS_RDONLY : 0);

	if (statvfs(target, &st) < 0)
		return -1;
	flags |= (st.f_flag & ST_NOSUID ? MS_NOSUID : 0) | (st.f_flag & ST_NOEXEC ? MS_NOEXEC : 0) |
		 (st.f_flag & ST_NOATIME ? MS_NOATIME : 0) |
		 (st.f_flag & ST_NODIRATIME ? MS_NODIRATIME : 0) |
		 (st.f_flag & ST_RELATIME ? MS_RELATIME : 0);
	return mount(NULL, target, NULL, flags, NULL);
}

int overlay_bind(const char *target, const char *dir, bool read_only, struct err *e)
{
	struct mount_attr attr = { .attr_set =
					   MOUNT_ATTR_NODEV | (read_only ? MOUNT_ATTR_RDONLY : 0) };

	if (mount(dir, target, NULL, MS_BIND, NULL) < 0) {
		err_sys(e, "mount '%s' on '%s'", dir, target);
		e->kind = ERR_IMPOSSIBLE;
		return -1;
	}
	if (mount_setattr(AT_FDCWD, target, AT_SYMLINK_NOFOLLOW, &attr, sizeof(attr)) == 0 ||
	    remount(target, read_only) == 0)
		return 0;
	err_sys(e, "forbid devices below '%s'", target);
	overlay_unmount(target);
	return -1;
}

void overlay_unmount(const char *target)
{
	if (umount2(target, UMOUNT_NOFOLLOW) < 0)
		umount2(target, MNT_DETACH | UMOUNT_NOFOLLOW);
}
