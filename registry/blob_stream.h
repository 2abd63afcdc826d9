/*
 * A blob of a repository as a source: a GET on a worker of its own, and a little memory between it and the
 * reader, so that what comes from one registry can go into another without a file.
 *
 * Nothing is verified here but the length: who reads verifies, and begins anew after a break.
 */
#ifndef REGISTRY_BLOB_STREAM_H
#define REGISTRY_BLOB_STREAM_H

#include "base/pool.h"
#include "registry/api.h"

struct blob_stream;

/*
 * Returns when the first bytes are there: ERR_ABSENT, ERR_DENIED, ERR_UNAVAILABLE otherwise. r is borrowed until
 * _close. pool: has a worker for each stream that is read at a time, and the reader is none of them.
 */
int blob_stream_open(struct blob_stream **out, struct op *op, struct pool *pool,
		     const struct registry_repo *r, const struct oci_digest *d, uint64_t size_bytes,
		     struct err *e) MUST_CHECK;
struct source *blob_stream_source(struct blob_stream *s);
void blob_stream_close(struct blob_stream *s); /* NULL is fine */

#endif
