/*
 * Several upper directories of overlayfs made one that shows the same over whatever lies below, so
 * that a mount of many layers stays short. Files become hard links, so it costs names and no
 * bytes.
 *
 * All directories are on one file system, and what is in them does not change any more.
 */
#ifndef OCI_LAYER_MERGE_H
#define OCI_LAYER_MERGE_H

#include "base/err.h"
#include "base/op.h"

struct tree;

/*
 * dirs: topmost first; to: an empty directory, which gets the topmost one's own attributes, too.
 * below: what it will lie on, where only names that are there can be deleted. userxattr: as the mount's
 * (lay.h).
 */
int layer_merge_dirs(const struct op *op, int to, const int *dirs, size_t nr, struct tree *below,
		     bool userxattr, struct err *e) MUST_CHECK;

#endif
