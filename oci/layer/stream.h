/*
 * A layer's blob as a tar stream: decompressed by what its first bytes are, since media types in
 * the wild are not always right.
 */
#ifndef OCI_LAYER_STREAM_H
#define OCI_LAYER_STREAM_H

#include "base/gzip.h"
#include "oci/layer/tar.h"

struct peek_source {
	struct source base;
	struct source *in;
	unsigned char head[8];
	size_t n, given;
};
struct layer_stream {
	struct peek_source peek;
	struct gunzip_source gunzip;
	struct unzstd_source unzstd;
	bool has_gunzip, has_unzstd;
	struct source *tar; /* read here */
};

/* blob is borrowed. ERR_CORRUPT, ERR_IMPOSSIBLE: a compression we do not read. */
int layer_stream_open(struct layer_stream *s, struct source *blob, struct err *e) MUST_CHECK;
/* Also after a failed open, as long as it began zeroed. */
void layer_stream_release(struct layer_stream *s);

#define auto_layer_stream CLEANUP(layer_stream_release)

#endif
