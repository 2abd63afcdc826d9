/*
 * gzip streams (RFC 1952).
 *
 * Written bytes depend on input and level only (and on libdeflate's version): header time 0, OS
 * byte 255, no name. Every GZIP_BLOCK bytes are a member of their own (blocks.h), which every
 * reader takes for one stream (RFC 1952, 2.2). Read: concatenated members are one stream; bytes
 * after the last member that are not a member are ERR_CORRUPT, as is an end in the middle.
 */
#ifndef BASE_GZIP_H
#define BASE_GZIP_H

#include "base/blocks.h"

#define GZIP_BLOCK (1u << 20)
/* As small as gzip -6 makes it, in less than half of its time. */
#define GZIP_LEVEL_DEFAULT 5
#define GZIP_LEVEL_MAX	   9

struct gzip_sink {
	struct block_sink blocks;
};
/* pool: may be NULL, or the caller's own. */
struct sink *gzip_sink_init(struct gzip_sink *k, struct sink *out, int level, struct pool *pool);
/* Writes the rest and releases. On every other way out call gzip_sink_release (which may be
 * called after finish, too). */
int gzip_sink_finish(struct gzip_sink *k, struct err *e) MUST_CHECK;
void gzip_sink_release(struct gzip_sink *k);

struct gunzip_source {
	struct source base;
	struct source *in;
	void *z;
	unsigned char *piece;
	bool member_done, in_done;
};
struct source *gunzip_source_init(struct gunzip_source *s, struct source *in);
void gunzip_source_release(struct gunzip_source *s);

#endif
