/*
 * A layer's blob as the list of changes that it was written from: what changes.h and builder.h make and
 * write.h writes, read back. The bytes of its files go into a directory.
 *
 * Only layers in that form are taken: in path order, each entry behind its directory, hard links to
 * files that stand before them. All others are ERR_CORRUPT, as are those with another diff_id.
 * Whole seconds are all that is left of times.
 */
#ifndef OCI_LAYER_LIST_READ_H
#define OCI_LAYER_LIST_READ_H

#include "oci/image/digest.h"
#include "oci/layer/changes.h"

/*
 * blob: compressed or not. spool_fd: an empty directory; files in it are named by their place in
 * the list, and are the origins (the list borrows spool_fd). More than LIST_BYTES_MAX bytes of
 * paths and links are ERR_CORRUPT.
 */
#define LIST_BYTES_MAX (UINT64_C(1) << 30)
struct source;
int layer_list_read(struct layer_changes *out, const struct op *op, struct source *blob,
		    const struct oci_digest *diff_id, int spool_fd, struct err *e) MUST_CHECK;

#endif
