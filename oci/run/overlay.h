/*
 * overlayfs mounts, by descriptor so that no path's characters matter.
 */
#ifndef OCI_RUN_OVERLAY_H
#define OCI_RUN_OVERLAY_H

#include "base/err.h"
#include "base/strv.h"

/* One page of options holds this many "/proc/self/fd/N". */
#define OVERLAY_LOWERS_MAX 200

/*
 * lowers: topmost first; at least one. upper, work: descriptors of directories on one file system,
 * or both -1 for a read-only view. userxattr: we are in a user namespace.
 */
int overlay_mount(const char *target, const struct strv *lowers, int upper, int work,
		  bool userxattr, struct err *e) MUST_CHECK;
void overlay_unmount(const char *target);

#endif
