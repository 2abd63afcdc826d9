/*
 * A list of changes as a tree: what is there, and (in a stack) what is deleted and which directories
 * are opaque. A look-up is a binary search.
 */
#ifndef OCI_LAYER_TREE_LIST_H
#define OCI_LAYER_TREE_LIST_H

#include "oci/layer/changes.h"
#include "oci/layer/tree.h"

/*
 * changes: borrowed; must neither change nor move. tree_fd: the directory that was read, for
 * entries without an origin_path (borrowed; -1: all entries have one).
 */
struct tree *tree_list_new(const struct layer_changes *changes, int tree_fd);

/* The entry of path; NULL: none. */
const struct layer_change *layer_changes_find(const struct layer_changes *c, const char *path);

#endif
