/*
 * A layer's blob, entry by entry: decompressed by content, bounded, and at the end checked against
 * its diff_id. Who applies a layer and who only looks what is in it both read it so.
 */
#ifndef OCI_LAYER_ENTRIES_H
#define OCI_LAYER_ENTRIES_H

#include "base/hash.h"
#include "oci/image/digest.h"
#include "oci/layer/tar.h"

struct entry_visitor {
	/* ent was just read from `from`, which gives a file's content; what is not read is passed over. */
	int (*entry)(struct entry_visitor *v, const struct tar_entry *ent, struct tar_reader *from,
		     struct err *e);
};

/* What is known of a layer before it is read. */
struct entries_layer {
	const struct oci_digest *diff_id; /* of the uncompressed stream; NULL: not checked */
	/* A few KiB can unpack to anything (a bomb): neither the stream nor all files of the layer together,
	 * holes included, may be longer. 0: LAYER_BYTES_MAX. */
	uint64_t max_bytes;
};

/*
 * op->pool, if there is one, decompresses while entries are visited; the caller may be its worker.
 * All of the stream is read, and the blob to its end, also what is behind the stream. ERR_CORRUPT: damaged,
 * another diff_id, larger than it may be, or more than LAYER_ENTRIES_MAX entries.
 */
#define LAYER_ENTRIES_MAX (4u << 20)
#define LAYER_BYTES_MAX	  (UINT64_C(64) << 30)
int entries_read(const struct op *op, struct source *blob, const struct entries_layer *layer,
		 struct entry_visitor *v, struct err *e) MUST_CHECK;

/* A file's content into fd, which is empty; holes stay holes. sum: gets the bytes, holes as zeros; NULL:
 * nobody asks. */
int entries_write_data(const struct op *op, int fd, const struct tar_entry *ent,
		       struct tar_reader *from, struct hash *sum, struct err *e) MUST_CHECK;

#endif
