/*
 * Stores: what is the same for all of them. The verbs are handed to the store; on
 * top of them are built the three ways in which blobs mostly move: read a small one
 * whole, write a small one whole, copy one from store to store.
 */
#include "oci/image/store.h"

#include <assert.h>
#include <inttypes.h>

#include "oci/image/store_layout.h"

bool oci_store_has(struct oci_store *s, const struct oci_digest *d, uint64_t *size_bytes)
{
	return s->ops->has(s, d, size_bytes);
}

int oci_store_open(struct oci_store *s, const struct oci_digest *d, struct oci_blob *out,
		   struct err *e)
{
	return s->ops->open(s, d, out, e);
}

void oci_blob_close(struct oci_blob *b)
{
	if (b->store)
		b->store->ops->close(b);
	*b = (struct oci_blob){ 0 };
}

int oci_store_begin(struct oci_store *s, struct oci_blob_writer *w, struct err *e)
{
	*w = (struct oci_blob_writer){ .fd = -1 };
	return s->ops->begin(s, w, e);
}

int oci_store_commit(struct oci_blob_writer *w, const struct oci_descriptor *want,
		     struct oci_digest *digest, uint64_t *size_bytes, struct err *e)
{
	int r;

	assert(w->store);
	r = w->store->ops->commit(w, want, digest, size_bytes, e);
	*w = (struct oci_blob_writer){ .fd = -1 };
	return r;
}

void oci_store_abort(struct oci_blob_writer *w)
{
	if (w->store)
		w->store->ops->abort(w);
	*w = (struct oci_blob_writer){ .fd = -1 };
}

int oci_blob_check(const struct oci_descriptor *want, const struct oci_digest *digest,
		   uint64_t size_bytes, struct err *e)
{
	if (!want)
		return 0;
	if (size_bytes != want->size_bytes)
		return err_set(e, ERR_CORRUPT,
			       "blob %s: is %" PRIu64 " bytes long, must be %" PRIu64,
			       want->digest.text, size_bytes, want->size_bytes);
	if (!oci_digest_eq(digest, &want->digest))
		return err_set(e, ERR_CORRUPT, "blob %s: its bytes have the digest %s",
			       want->digest.text, digest->text);
	return 0;
}

static int read_verified(struct buf *into, struct oci_store *s, const struct oci_descriptor *d,
			 struct err *e)
{
	auto_blob struct oci_blob blob = { 0 };
	struct limit_source limit;
	struct oci_digest digest;

	if (oci_store_open(s, &d->digest, &blob, e) < 0)
		return -1;
	/* digest as wanted: before a byte is read only the size can be told */
	if (oci_blob_check(d, &d->digest, blob.size_bytes, e) < 0 ||
	    io_read_all(limit_source_init(&limit, blob.source, d->size_bytes, d->digest.text), into,
			e) < 0)
		return -1;
	oci_digest_of_bytes(&digest, buf_span(into));
	return oci_blob_check(d, &digest, into->len, e);
}

int oci_store_read(struct oci_store *s, const struct oci_descriptor *d, size_t max, struct buf *out,
		   struct err *e)
{
	auto_buf struct buf b = BUF_INIT(max);

	if (d->size_bytes > max)
		return err_set(e, ERR_CORRUPT,
			       "blob %s: %" PRIu64
			       " bytes for such a document, at most %zu are allowed",
			       d->digest.text, d->size_bytes, max);
	if (read_verified(&b, s, d, e) < 0)
		return err_wrap(e, "store '%s'", s->name);
	if (b.len > out->max)
		return err_set(e, ERR_INPUT, "blob %s: more than %zu bytes", d->digest.text,
			       out->max);
	buf_reset(out);
	buf_add_span(out, buf_span(&b));
	return 0;
}

int oci_store_write(struct oci_store *s, struct span bytes, struct oci_digest *digest,
		    struct err *e)
{
	struct oci_blob_writer w = { 0 };

	if (oci_store_begin(s, &w, e) < 0)
		return -1;
	if (sink_write(w.sink, bytes.p, bytes.n, e) < 0) {
		oci_store_abort(&w);
		return -1;
	}
	return oci_store_commit(&w, NULL, digest, NULL, e);
}

static int copy_bytes(const struct op *op, struct oci_store *to, struct oci_store *from,
		      const struct oci_descriptor *d, struct err *e)
{
	auto_blob struct oci_blob blob = { 0 };
	struct oci_blob_writer w = { 0 };

	if (oci_store_open(from, &d->digest, &blob, e) < 0)
		return -1;
	if (oci_blob_check(d, &d->digest, blob.size_bytes, e) < 0)
		return err_wrap(e, "store '%s'", from->name);
	if (oci_store_begin(to, &w, e) < 0)
		return -1;
	if (io_copy(op, blob.source, w.sink, NULL, e) < 0) {
		oci_store_abort(&w);
		return -1;
	}
	if (oci_store_commit(&w, d, NULL, NULL, e) < 0)
		return e->kind == ERR_CORRUPT ? err_wrap(e, "store '%s'", from->name) : -1;
	return 0;
}

int oci_store_copy_blob(const struct op *op, struct oci_store *to, struct oci_store *from,
			const struct oci_descriptor *d, struct err *e)
{
	uint64_t size;
	int linked;

	if (oci_store_has(to, &d->digest, &size) && size == d->size_bytes)
		return 0;
	linked = oci_store_layout_link(to, from, d, e);
	if (linked)
		return linked < 0 ? -1 : 0;
	return copy_bytes(op, to, from, d, e);
}

void oci_store_free(struct oci_store *s)
{
	if (s)
		s->ops->free(s);
}
