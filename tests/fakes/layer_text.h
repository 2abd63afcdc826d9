/* Trees told as text, in the form of disk_text (layer_disk.h), so that both can be compared. */
#ifndef TESTS_FAKES_LAYER_TEXT_H
#define TESTS_FAKES_LAYER_TEXT_H

#include "oci/layer/builder.h"
#include "oci/layer/changes.h"
#include "oci/layer/tree.h"

/* With `times` as there; a tree that fails gives "! message". Owned by the caller. */
char *tree_text(struct tree *t, bool times) MUST_CHECK;

/* "+ new or changed", "- deleted", "O opaque", "= a hard link == its first name". */
char *changes_text(const struct layer_changes *c) MUST_CHECK;

/* What b has made, as an array. */
int built_changes(struct layer_changes *out, struct layer_builder *b, struct err *e) MUST_CHECK;

#endif
