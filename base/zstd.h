/*
 * zstd streams (RFC 8878), the only door to libzstd.
 *
 * Written bytes depend on input and level only (and on libzstd's version). Every ZSTD_BLOCK bytes
 * are a frame of their own (blocks.h), with its length and a checksum; every reader takes frames
 * behind each other for one stream (RFC 8878, 3). Read: the same, skippable frames passed over;
 * ERR_CORRUPT: what is no frame, an end in the middle, a window of more than 128 MiB.
 */
#ifndef BASE_ZSTD_H
#define BASE_ZSTD_H

#include "base/blocks.h"

#define ZSTD_BLOCK	   (2u << 20)
#define ZSTD_LEVEL_DEFAULT 3
#define ZSTD_LEVEL_FASTEST 1
#define ZSTD_LEVEL_MAX	   19 /* above, a block takes tens of megabytes */

struct zstd_sink {
	struct block_sink blocks;
};
/* pool: may be NULL, or the caller's own. */
struct sink *zstd_sink_init(struct zstd_sink *k, struct sink *out, int level, struct pool *pool);
/* Writes the rest and releases. On every other way out call zstd_sink_release (which may be
 * called after finish, too). */
int zstd_sink_finish(struct zstd_sink *k, struct err *e) MUST_CHECK;
void zstd_sink_release(struct zstd_sink *k);

struct zstd_source {
	struct source base;
	struct source *in;
	void *d;
	unsigned char *piece;
	size_t n, at; /* of piece: read, used */
	bool in_frame, in_done;
};
struct source *zstd_source_init(struct zstd_source *s, struct source *in);
void zstd_source_release(struct zstd_source *s);

#endif
