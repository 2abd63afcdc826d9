/*
 * A layer's tar onto a directory: what a runtime does with an image.
 *
 * Hostile input: names are cleaned, nothing is written outside root_fd whatever links
 * the tree holds, hard links stay inside, device numbers are checked; attributes other than
 * security.capability are not taken over. Whiteouts remove what is there
 * (".wh..wh..opq" only what came from earlier layers). Compression by content:
 * gzip, zstd, none. Owners need privilege: EPERM on chown is an error.
 */
#ifndef OCI_LAYER_APPLY_H
#define OCI_LAYER_APPLY_H

#include "base/io.h"
#include "oci/layer/entries.h"

struct record;

/*
 * The blob is read to its end. diff_id: checked against the uncompressed stream (ERR_CORRUPT); NULL: not
 * checked.
 * After an error the tree is unusable: the caller removes it.
 */
int layer_apply(const struct op *op, int root_fd, struct source *blob,
		const struct oci_digest *diff_id, struct err *e) MUST_CHECK;

/* The same with all that is known of the layer; record (record.h; NULL: none), which has what is in root_fd by
 * now, is kept up. */
int layer_apply_recorded(struct record *record, const struct op *op, int root_fd,
			 struct source *blob, const struct entries_layer *layer, struct err *e)
	MUST_CHECK;

#endif
