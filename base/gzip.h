/*
 * gzip streams (RFC 1952), the only door to zlib.
 *
 * Written bytes depend on input and level only: header time 0, OS byte 255, no
 * name. Read: concatenated members are one stream; bytes after the last member
 * that are not a member are ERR_CORRUPT, as is an end in the middle.
 */
#ifndef BASE_GZIP_H
#define BASE_GZIP_H

#include "base/io.h"

struct gzip_sink {
	struct sink base;
	struct sink *out;
	void *z;
	unsigned char *piece;
};
#define GZIP_LEVEL_DEFAULT 6
struct sink *gzip_sink_init(struct gzip_sink *k, struct sink *out, int level);
/* Writes the trailer and releases. On every other way out call gzip_sink_release (which may be
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
