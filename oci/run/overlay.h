/*
 * overlayfs mounts, by descriptor so that no path's characters matter; and what a tree is mounted with where
 * there is no overlayfs.
 */
#ifndef OCI_RUN_OVERLAY_H
#define OCI_RUN_OVERLAY_H

#include "base/err.h"
#include "base/strv.h"

/* One page of options holds this many "/proc/self/fd/N". */
#define OVERLAY_LOWERS_MAX 200

/*
 * lowers: topmost first; at least one. upper, work: descriptors of directories on one file system,
 * or both -1 for a read-only view. userxattr: we are in a user namespace. ERR_IMPOSSIBLE, with errno in e->sys.
 */
int overlay_mount(const char *target, const struct strv *lowers, int upper, int work,
		  bool userxattr, struct err *e) MUST_CHECK;
/*
 * Whether it can be had for directories that lie where dir does, an empty directory in which things
 * are left behind. ERR_IMPOSSIBLE: it cannot, with errno in e->sys.
 */
int overlay_probe(const char *dir, bool userxattr, struct err *e) MUST_CHECK;
/* One directory as it is, to be changed in place. */
int overlay_bind(const char *target, const char *dir, bool read_only, struct err *e) MUST_CHECK;
void overlay_unmount(const char *target);

#endif
