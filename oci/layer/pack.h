/*
 * A change list to a blob in a store, in one pass:
 * tar -> sha256 (diff_id) -> gzip or zstd -> sha256 (digest) -> store. Nothing is read twice. Blocks are
 * compressed on op->pool, whose worker the caller may be (base/blocks.h).
 */
#ifndef OCI_LAYER_PACK_H
#define OCI_LAYER_PACK_H

#include "oci/image/store.h"
#include "oci/layer/write.h"

enum layer_compression { LAYER_GZIP, LAYER_ZSTD, LAYER_UNCOMPRESSED };

struct layer_pack_options {
	struct layer_write_options write;
	enum layer_compression compression;
	int level; /* of gzip or zstd; 0: the default */
};

int layer_pack(struct oci_descriptor *blob, struct oci_digest *diff_id, const struct op *op,
	       const struct layer_changes *c, int tree_fd, struct oci_store *into,
	       const struct layer_pack_options *opt, struct err *e) MUST_CHECK;
int layer_pack_from(struct oci_descriptor *blob, struct oci_digest *diff_id, const struct op *op,
		    struct layer_change_reader *from, int tree_fd, struct oci_store *into,
		    const struct layer_pack_options *opt, struct err *e) MUST_CHECK;

#endif
