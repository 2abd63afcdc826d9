/*
 * blob -> decompressed (ahead, on another thread) -> hashed -> tar entries. After the last entry the
 * rest of the stream is read, too: the diff_id covers all of it.
 */
#include "oci/layer/entries.h"

#include "base/ahead.h"
#include "base/cancel.h"
#include "base/fs.h"
#include "base/mem.h"
#include "oci/layer/stream.h"

static int too_large(uint64_t max_bytes, struct err *e)
{
	return err_set(e, ERR_CORRUPT,
		       "it unpacks to more than %ju bytes (--max-layer-size allows more)",
		       (uintmax_t)max_bytes);
}

/* Not by a ratio: thin layers of zeros are legitimate, and large ones that hardly shrink are no better. */
struct bounded_source {
	struct source base;
	struct source *in;
	uint64_t left, max_bytes;
};

static ssize_t bounded_read(struct source *base, void *p, size_t n, struct err *e)
{
	struct bounded_source *s = CONTAINER_OF(base, struct bounded_source, base);
	ssize_t got = source_read(s->in, p, n, e);

	if (got <= 0)
		return got;
	if ((uint64_t)got > s->left)
		return too_large(s->max_bytes, e);
	s->left -= (uint64_t)got;
	return got;
}

static struct source *bounded_init(struct bounded_source *s, struct source *in, uint64_t max_bytes)
{
	*s = (struct bounded_source){
		.base.read = bounded_read, .in = in, .left = max_bytes, .max_bytes = max_bytes
	};
	return &s->base;
}

static int visit_all(const struct op *op, struct source *tar, uint64_t max_bytes,
		     struct entry_visitor *v, struct err *e)
{
	auto_tar_reader struct tar_reader *r = NULL;
	struct tar_entry ent;
	uint64_t left = max_bytes;
	unsigned count = 0;
	int res;

	if (tar_reader_open(&r, tar, e) < 0)
		return -1;
	while ((res = tar_reader_next(r, &ent, e)) > 0) {
		if (cancel_check(op ? op->cancel : NULL, e) < 0)
			return -1;
		if (count++ >= LAYER_ENTRIES_MAX)
			return err_set(e, ERR_CORRUPT, "more than %u entries", LAYER_ENTRIES_MAX);
		/* a sparse file's size is a claim: its holes are not in the stream, but are hashed */
		if (ent.size_bytes > left)
			return too_large(max_bytes, e);
		left -= ent.size_bytes;
		if (v->entry(v, &ent, r, e) < 0)
			return -1;
	}
	return res;
}

static int drain(const struct op *op, struct source *in, struct err *e)
{
	auto_free char *piece = mem_alloc(IO_CHUNK);
	ssize_t n;

	do {
		if (cancel_check(op ? op->cancel : NULL, e) < 0)
			return -1;
		n = source_read(in, piece, IO_CHUNK, e);
	} while (n > 0);
	return (int)n;
}

static int check_diff_id(struct hash_source *hs, const struct oci_digest *want, struct err *e)
{
	unsigned char raw[HASH_SHA256_LEN];
	struct oci_digest got;

	hash_source_final(hs, raw);
	oci_digest_of_raw(&got, raw);
	if (want && !oci_digest_eq(&got, want))
		return err_set(e, ERR_CORRUPT, "its content is %s, the image's config says %s",
			       got.text, want->text);
	return 0;
}

struct reading {
	struct layer_stream stream;
	struct bounded_source bounded;
	struct ahead_source ahead;
	struct hash_source hashed;
};

static void reading_release(struct reading *r)
{
	hash_release(&r->hashed.hash);
	ahead_source_release(&r->ahead);
	layer_stream_release(&r->stream);
}

int entries_read(const struct op *op, struct source *blob, const struct entries_layer *layer,
		 struct entry_visitor *v, struct err *e)
{
	uint64_t max_bytes = layer->max_bytes ? layer->max_bytes : LAYER_BYTES_MAX;
	CLEANUP(reading_release) struct reading r = { .stream = { .has_gunzip = false } };
	struct source *tar;

	if (layer_stream_open(&r.stream, blob, e) < 0)
		return -1;
	tar = bounded_init(&r.bounded, r.stream.tar, max_bytes);
	if (layer_stream_is_compressed(&r.stream))
		tar = ahead_source_init(&r.ahead, tar, op ? op->pool : NULL);
	tar = hash_source_init(&r.hashed, tar);
	if (visit_all(op, tar, max_bytes, v, e) < 0 || drain(op, tar, e) < 0 ||
	    drain(op, blob, e) < 0)
		return -1;
	return check_diff_id(&r.hashed, layer->diff_id, e);
}

/* The zeros of a hole. */
static int sum_hole(const struct op *op, struct hash *sum, uint64_t n, struct err *e)
{
	static const char zeros[64 << 10];

	while (sum && n) {
		size_t some = n < sizeof(zeros) ? (size_t)n : sizeof(zeros);

		if (cancel_check(op ? op->cancel : NULL, e) < 0)
			return -1;
		hash_update(sum, zeros, some);
		n -= some;
	}
	return 0;
}

static int write_piece(int fd, uint64_t pos, uint64_t at, struct span piece, struct err *e)
{
	if (at != pos && lseek(fd, (off_t)at, SEEK_SET) < 0)
		return err_sys(e, "write");
	return fs_write_all(fd, piece.p, piece.n, "content", e);
}

int entries_write_data(const struct op *op, int fd, const struct tar_entry *ent,
		       struct tar_reader *from, struct hash *sum, struct err *e)
{
	uint64_t pos = 0, at;
	struct span piece;
	int r;

	while ((r = tar_reader_data(from, &piece, &at, e)) > 0) {
		if (cancel_check(op ? op->cancel : NULL, e) < 0)
			return -1;
		if (at > ent->size_bytes || piece.n > ent->size_bytes - at)
			return err_set(e, ERR_CORRUPT, "it has more bytes than its header says");
		if (write_piece(fd, pos, at, piece, e) < 0)
			return -1;
		if (at > pos && sum_hole(op, sum, at - pos, e) < 0)
			return -1;
		if (sum)
			hash_update(sum, piece.p, piece.n);
		pos = at + piece.n;
	}
	/* a hole at the end */
	if (r == 0 && pos < ent->size_bytes) {
		if (ftruncate(fd, (off_t)ent->size_bytes) < 0)
			return err_sys(e, "set its size");
		r = sum_hole(op, sum, ent->size_bytes - pos, e);
	}
	return r;
}
