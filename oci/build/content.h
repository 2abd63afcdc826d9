/*
 * What files are in a list, as a digest: path, kind, mode, owner, link, capability, size and bytes of
 * each; no times, since a fresh checkout has fresh ones. Thread-safe.
 */
#ifndef OCI_BUILD_CONTENT_H
#define OCI_BUILD_CONTENT_H

#include "base/op.h"
#include "oci/build/cache_key.h"
#include "oci/layer/changes.h"

/*
 * Adds to t a field for each entry, named by its path. All regular files have origins. parallel: the bytes
 * are read on op->pool (so not from one of its workers).
 */
int content_add(struct cache_text *t, const struct op *op, const struct layer_changes *c,
		bool parallel, struct err *e) MUST_CHECK;

#endif
