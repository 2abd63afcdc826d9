/*
 * A piece that follows the one before goes on where the reader stands. One that is sent again is
 * reached by reading from the beginning once more; what was hashed then is not hashed again, unless it
 * is all sent anew.
 */
#include "registry/upload_body.h"

#include "base/mem.h"

#define SKIP_BYTES (256u << 10)

static int body_corrupt(const char *why, struct err *e)
{
	return err_set(e, ERR_CORRUPT, "corrupt in the store: %s", why);
}

static void reader_close(struct upload_body *b)
{
	if (b->in)
		oci_blob_close(&b->opened);
	b->in = NULL;
}

static void hash_anew(struct upload_body *b)
{
	if (b->is_hashing)
		hash_release(&b->hash);
	hash_init(&b->hash);
	b->is_hashing = true;
	b->hashed = 0;
}

/* Everything was read: the hash must be the name. */
static int reader_verify(struct upload_body *b, struct err *e)
{
	unsigned char raw[HASH_SHA256_LEN];
	struct oci_digest digest;

	if (!b->is_hashing)
		return 0;
	b->is_hashing = false;
	hash_final(&b->hash, raw);
	oci_digest_of_raw(&digest, raw);
	if (!oci_digest_eq(&digest, &b->blob->digest))
		return body_corrupt("its bytes have another digest", e);
	return 0;
}

static ssize_t reader_read(struct upload_body *b, void *p, size_t n, struct err *e)
{
	uint64_t left = b->blob->size_bytes - b->at, known;
	ssize_t got;

	if (n > left)
		n = (size_t)left;
	if (!n)
		return 0;
	got = source_read(b->in, p, n, e);
	if (got < 0)
		return -1;
	if (got == 0)
		return body_corrupt("shorter than it should be", e);
	known = b->hashed > b->at ? b->hashed - b->at : 0;
	if (b->is_hashing && known < (uint64_t)got) {
		hash_update(&b->hash, (const char *)p + known, (size_t)got - (size_t)known);
		b->hashed = b->at + (uint64_t)got;
	}
	b->at += (uint64_t)got;
	if (b->at == b->blob->size_bytes && reader_verify(b, e) < 0)
		return -1;
	return got;
}

static int reader_skip_to(struct upload_body *b, uint64_t offset, struct err *e)
{
	auto_free char *scratch = b->at < offset ? mem_alloc(SKIP_BYTES) : NULL;

	while (b->at < offset) {
		uint64_t n = offset - b->at;

		if (reader_read(b, scratch, n < SKIP_BYTES ? (size_t)n : SKIP_BYTES, e) < 0)
			return -1;
	}
	return 0;
}

static int reader_open(struct upload_body *b, struct err *e)
{
	reader_close(b);
	if (oci_store_open(b->from, &b->blob->digest, &b->opened, e) < 0)
		return -1;
	b->in = progress_source_init(&b->progress, b->opened.source, b->op, b->id,
				     b->blob->size_bytes);
	b->at = 0;
	if (!b->begins)
		hash_anew(b);
	if (b->opened.size_bytes != b->blob->size_bytes)
		return body_corrupt("not of the size that the manifest says", e);
	/* nothing will be read, so it is verified at once */
	if (!b->blob->size_bytes && reader_verify(b, e) < 0)
		return -1;
	return reader_skip_to(b, b->begins, e);
}

/* -- struct http_body ------------------------------------------------------------ */

static ssize_t piece_read(struct source *s, void *p, size_t n, struct err *e)
{
	struct upload_body *b = CONTAINER_OF(s, struct upload_body, out);
	uint64_t left = b->begins + b->base.size_bytes - b->at;

	return reader_read(b, p, n < left ? n : (size_t)left, e);
}

static int piece_open(struct http_body *base, struct source **out, struct err *e)
{
	struct upload_body *b = CONTAINER_OF(base, struct upload_body, base);

	if ((!b->in || b->at != b->begins || !b->begins) && reader_open(b, e) < 0) {
		reader_close(b);
		return -1;
	}
	b->out = (struct source){ .read = piece_read };
	*out = &b->out;
	return 0;
}

static void piece_close(struct http_body *base, struct source *s)
{
	(void)base;
	(void)s;
}

void upload_body_init(struct upload_body *b, struct op *op, struct oci_store *from,
		      const struct oci_descriptor *blob, const char *id)
{
	*b = (struct upload_body){ .base = { .open = piece_open, .close = piece_close },
				   .op = op,
				   .from = from,
				   .blob = blob,
				   .id = id };
}

void upload_body_release(struct upload_body *b)
{
	reader_close(b);
	if (b->is_hashing)
		hash_release(&b->hash);
	b->is_hashing = false;
}

struct http_body *upload_body_piece(struct upload_body *b, uint64_t begins, uint64_t size_bytes)
{
	b->begins = begins;
	b->base.size_bytes = size_bytes;
	return &b->base;
}

uint64_t upload_body_taken(const struct upload_body *b)
{
	return b->in && b->at > b->begins ? b->at - b->begins : 0;
}
