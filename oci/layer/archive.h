/*
 * Archives that users give: a tar, plain or compressed with gzip, bzip2, xz or zstd, told by its
 * content and never by its name. Taken apart into a layer (ADD) or into a directory (a context).
 * Everything is decompressed in this process.
 *
 * Names are hostile: a leading '/' means nothing, ".." does not lead out, and links are followed
 * inside the destination only. No devices and no fifos come out of an archive.
 */
#ifndef OCI_LAYER_ARCHIVE_H
#define OCI_LAYER_ARCHIVE_H

#include "base/io.h"
#include "base/op.h"
#include "oci/layer/builder.h"

#define ARCHIVE_ENTRIES_MAX 5000000u
#define ARCHIVE_FILE_MAX    (UINT64_C(1) << 40) /* a header can claim any size, and be all hole */

/*
 * By content: 1 when it can be read up to the first entry of a tar; 0: anything else, nothing and a
 * tar without entries among it. fd is read from its beginning, and is there again afterwards.
 */
int archive_detect(int fd, struct err *e) MUST_CHECK;

/* By first bytes alone, for streams: is this the head of a compressed file or of a tar? */
#define ARCHIVE_HEAD 512
bool archive_looks_like(struct span head);

/*
 * Into a directory that nobody else changes. Files become ours, times and modes are the archive's,
 * links are kept as links. ERR_INPUT: an entry with "..", a device or a fifo, a name
 * of a whiteout. ERR_CORRUPT: damaged, or no tar at all.
 */
int archive_extract(const struct op *op, int dirfd, struct source *in, struct err *e) MUST_CHECK;

struct archive_target {
	const char *dest; /* a directory of the layer's tree, there already; without links */
	bool has_owner;	  /* else the archive's own ids */
	uint32_t uid, gid;
	int spool_fd;	/* a directory of its own, for the bytes of files; to outlive the layer */
	uint64_t *same; /* the last value this layer has used to mark hard links; counted up */
};
/*
 * Into a layer, as `tar -x` would: what is there is replaced, a directory by a directory of
 * other attributes, a directory even by a file; ".." ends at the destination, which itself stays as it
 * is. Devices and fifos are left out. ERR_INPUT: a hard link to nothing, a name of a whiteout.
 */
int archive_unpack(struct layer_builder *b, const struct op *op, struct source *in,
		   const struct archive_target *to, struct err *e) MUST_CHECK;

#endif
