/*
 * A blob of a repository as a source: a GET on a worker of its own, and a little memory between it and the
 * reader, so that what comes from one registry can go into another without a file. A connection that breaks
 * after the first bytes is made again for the rest (Range), and the reader only waits.
 *
 * Nothing is verified here but the length: who reads verifies, and begins anew where it was wrong.
 */
#ifndef REGISTRY_BLOB_STREAM_H
#define REGISTRY_BLOB_STREAM_H

#include <stdatomic.h>

#include "base/pool.h"
#include "registry/api.h"

struct blob_stream;

/* Which blob. Borrowed until _close. */
struct blob_stream_blob {
	const struct registry_repo *repo;
	const struct oci_digest *digest;
	uint64_t size_bytes;
	/* How often it broke: all streams of it together have the tries of one. */
	_Atomic unsigned *breaks;
};

/*
 * Returns when the first bytes are there: ERR_ABSENT, ERR_DENIED, ERR_UNAVAILABLE otherwise. pool: has a worker
 * for each stream that is read at a time, and the reader is none of them.
 */
int blob_stream_open(struct blob_stream **out, struct op *op, struct pool *pool,
		     const struct blob_stream_blob *b, struct err *e) MUST_CHECK;
struct source *blob_stream_source(struct blob_stream *s);
void blob_stream_close(struct blob_stream *s); /* NULL is fine */

#endif
