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
	if (r < 0) {
		err_sys(e, "mount overlay on '%s'", target);
		e->kind = ERR_IMPOSSIBLE;
		return -1;
	}
	return 0;
}

void overlay_unmount(const char *target)
{
	if (umount2(target, UMOUNT_NOFOLLOW) < 0)
		umount2(target, MNT_DETACH | UMOUNT_NOFOLLOW);
}
