/*
 * blob -> decompressed -> hashed -> tar entries -> tree. After the last entry the rest of the
 * stream is read, too: the diff_id covers all of it.
 */
#include "oci/layer/apply.h"

#include "base/cancel.h"
#include "base/mem.h"
#include "oci/layer/place.h"
#include "oci/layer/stream.h"

/* Far more than any image has; keeps what is remembered per entry bounded. */
#define ENTRIES_MAX (4u << 20)

static int apply_tar(struct place *p, struct source *tar, struct err *e)
{
	auto_tar_reader struct tar_reader *r = NULL;
	struct tar_entry ent;
	unsigned count = 0;
	int res;

	if (tar_reader_open(&r, tar, e) < 0)
		return -1;
	while ((res = tar_reader_next(r, &ent, e)) > 0) {
		if (cancel_check(p->op ? p->op->cancel : NULL, e) < 0)
			return -1;
		if (count++ >= ENTRIES_MAX)
			return err_set(e, ERR_CORRUPT, "more than %u entries", ENTRIES_MAX);
		if (place_entry(p, &ent, r, e) < 0)
			return -1;
	}
	return res < 0 ? -1 : place_finish(p, e);
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

static int apply_stream(const struct op *op, int root_fd, struct hash_source *hs,
			struct source *blob, struct err *e)
{
	CLEANUP(place_release) struct place p = { .dir_fd = -1 };

	if (place_open(&p, op, root_fd, e) < 0 || apply_tar(&p, &hs->base, e) < 0 ||
	    drain(op, &hs->base, e) < 0)
		return -1;
	return drain(op, blob, e);
}

int layer_apply(const struct op *op, int root_fd, struct source *blob,
		const struct oci_digest *diff_id, struct err *e)
{
	auto_layer_stream struct layer_stream s = { .has_gunzip = false };
	struct hash_source hs;
	int r;

	if (layer_stream_open(&s, blob, e) < 0)
		return err_wrap(e, "unpack the layer");
	hash_source_init(&hs, s.tar);
	r = apply_stream(op, root_fd, &hs, blob, e);
	if (r == 0)
		r = check_diff_id(&hs, diff_id, e);
	hash_release(&hs.hash);
	return r < 0 ? err_wrap(e, "unpack the layer") : 0;
}
