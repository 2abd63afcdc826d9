/*
 * Streams that nest on the stack: a source gives bytes, a sink takes them.
 * Each wrapper embeds struct source or struct sink as first member and borrows
 * what it wraps. The first error is sticky: every later call on the same
 * stream fails again with the same text (source_read and sink_write see to
 * that; an implementation only sets read or write).
 *
 *	struct fd_source file; struct hash_source hs;
 *	struct source *in = hash_source_init(&hs, fd_source_init(&file, fd, name));
 *	if (io_copy(op, in, out, &n, e) < 0) …
 *
 * Not thread-safe: a stream is one thread's at a time.
 */
#ifndef BASE_IO_H
#define BASE_IO_H

#include "base/buf.h"
#include "base/cc.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/op.h"

#define IO_CHUNK (64u << 10) /* the piece between two looks at the cancel flag */

struct source {
	/* >0 bytes read, 0 end, -1 error. May give less than asked. */
	ssize_t (*read)(struct source *s, void *p, size_t n, struct err *e);
	struct err failed; /* set by source_read with the first error */
};
struct sink {
	/* Takes all n bytes or fails. */
	int (*write)(struct sink *k, const void *p, size_t n, struct err *e);
	struct err failed; /* set by sink_write with the first error */
};

ssize_t source_read(struct source *s, void *p, size_t n, struct err *e) MUST_CHECK;
/* Exactly n bytes, else ERR_CORRUPT "unexpected end". */
int source_read_full(struct source *s, void *p, size_t n, struct err *e) MUST_CHECK;
int sink_write(struct sink *k, const void *p, size_t n, struct err *e) MUST_CHECK;

/* All of in to out, looking at op->cancel per IO_CHUNK. op and copied may be NULL. */
int io_copy(const struct op *op, struct source *in, struct sink *out, uint64_t *copied,
	    struct err *e) MUST_CHECK;
/* All of in into b; more than b->max is ERR_INPUT. */
int io_read_all(struct source *in, struct buf *b, struct err *e) MUST_CHECK;

/* A file descriptor (borrowed). name: for messages, borrowed. */
struct fd_source {
	struct source base;
	int fd;
	const char *name;
};
struct source *fd_source_init(struct fd_source *s, int fd, const char *name);
struct fd_sink {
	struct sink base;
	int fd;
	const char *name;
};
struct sink *fd_sink_init(struct fd_sink *k, int fd, const char *name);

/* Bytes in memory (borrowed). */
struct span_source {
	struct source base;
	struct span rest;
};
struct source *span_source_init(struct span_source *s, struct span bytes);
struct buf_sink {
	struct sink base;
	struct buf *to;
};
struct sink *buf_sink_init(struct buf_sink *k, struct buf *to); /* over the ceiling: ERR_INPUT */

/* Hashes and counts what passes. */
struct hash_source {
	struct source base;
	struct source *in;
	struct hash hash;
	uint64_t bytes;
};
struct source *hash_source_init(struct hash_source *s, struct source *in);
struct hash_sink {
	struct sink base;
	struct sink *out;
	struct hash hash;
	uint64_t bytes;
};
struct sink *hash_sink_init(struct hash_sink *k, struct sink *out); /* out NULL: only hashes */
/* Close the hash: 32 raw bytes. Call once; also frees what the hash holds. A way out that
 * does not come here calls hash_release(&hs.hash). */
void hash_source_final(struct hash_source *s, unsigned char out[HASH_SHA256_LEN]);
void hash_sink_final(struct hash_sink *k, unsigned char out[HASH_SHA256_LEN]);

/* At most max bytes; one more is ERR_CORRUPT. */
struct limit_source {
	struct source base;
	struct source *in;
	uint64_t left;
	const char *name;
};
struct source *limit_source_init(struct limit_source *s, struct source *in, uint64_t max,
				 const char *name);

/* Emits PROGRESS_TICK for id (borrowed) at most every 100 ms. */
struct progress_source {
	struct source base;
	struct source *in;
	const struct op *op;
	const char *id;
	uint64_t done, total;
	int64_t last_ms;
};
struct source *progress_source_init(struct progress_source *s, struct source *in,
				    const struct op *op, const char *id, uint64_t total);

#endif
