/*
 * A layer's blob, or an archive, as a tar stream: decompressed by what its first bytes are, since
 * media types and names in the wild are not always right.
 */
#ifndef OCI_LAYER_STREAM_H
#define OCI_LAYER_STREAM_H

#include "base/gzip.h"
#include "base/zstd.h"
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
	struct zstd_source zstd;
	struct filter_source filter;
	bool has_gunzip, has_zstd, has_filter;
	struct source *tar; /* read here */
};

/* blob is borrowed. gzip, zstd, xz, bzip2; anything else is given as it is. ERR_CORRUPT. */
int layer_stream_open(struct layer_stream *s, struct source *blob, struct err *e) MUST_CHECK;
bool layer_stream_is_compressed(const struct layer_stream *s);
/* Also after a failed open, as long as it began zeroed. */
void layer_stream_release(struct layer_stream *s);

#define auto_layer_stream CLEANUP(layer_stream_release)

#endif
