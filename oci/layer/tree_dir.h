/*
 * A directory on a disk as a tree. It must not change while it is looked at, except that files may
 * be read by others. The directory of the last look stays open: its siblings cost one
 * fstatat each.
 *
 * Nothing outside the directory is ever reached, whatever links it holds.
 */
#ifndef OCI_LAYER_TREE_DIR_H
#define OCI_LAYER_TREE_DIR_H

#include "oci/layer/tree.h"

struct tree_dir_options {
	bool of_root; /* everything belongs to 0:0, whoever owns it here: build contexts */
	bool git_modes; /* modes as git knows them: 0755 for directories and what anybody may run, else 0644 */
	bool is_upper;	/* an upper directory of overlayfs, whose marks mean deletions (marks.h) */
	dev_t skip_dev; /* a directory that is never part of it (our own state) */
	ino_t skip_ino; /* 0: none */
};

/* fd: the directory; duplicated, so that it stays the caller's. opt NULL: a plain directory. */
int tree_dir_open(struct tree **out, int fd, const struct tree_dir_options *opt, struct err *e)
	MUST_CHECK;

/* The directory's descriptor; the tree's own. */
int tree_dir_fd(const struct tree *t);

#endif
