/* All that a tree shows, as a list of changes over nothing: for a tar or a directory of the whole. */
#ifndef OCI_LAYER_TREE_CHANGES_H
#define OCI_LAYER_TREE_CHANGES_H

#include "oci/layer/changes.h"
#include "oci/layer/tree.h"

/* Sockets are left out. Bytes stay where they are: t must outlive the list. */
int layer_changes_from_tree(struct layer_changes *out, const struct op *op, struct tree *t,
			    struct err *e) MUST_CHECK;

#endif
