/*
 * Whether a file is still what it was, as image builders see it: type, mode, owner, device, size,
 * time, link, capability and content decide. A time alone proves nothing: whoever writes a file can
 * set it back.
 */
#ifndef OCI_LAYER_COMPARE_H
#define OCI_LAYER_COMPARE_H

#include "oci/layer/tree.h"

/* All but content: enough for what is no regular file. */
bool compare_attributes(const struct tree_node *a, const struct tree_node *b);

/* Two files, from where they are opened at. 1: equal; 0: not; -1. */
int compare_content(int a, int b, const char *path, struct err *e) MUST_CHECK;

#endif
