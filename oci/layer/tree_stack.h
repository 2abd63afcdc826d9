/*
 * Several trees over each other, seen as one: what overlayfs would show, without a mount. A name is
 * what the topmost tree says that has it or deletes it; a directory shows the names of
 * all trees down to one that is opaque, has something else there, or deletes it.
 */
#ifndef OCI_LAYER_TREE_STACK_H
#define OCI_LAYER_TREE_STACK_H

#include "oci/layer/tree.h"

/* trees: topmost first; borrowed, so that several stacks can share them. The array is copied. */
struct tree *tree_stack_new(struct tree *const *trees, size_t nr);

#endif
