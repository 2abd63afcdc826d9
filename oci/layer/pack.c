/*
 * The sinks stand in a row: the tar goes through the hash that gives the diff_id into the
 * compressor, whose output the store hashes while it takes it.
 */
#include "oci/layer/pack.h"

#include "base/gzip.h"
#include "base/mem.h"
#include "base/zstd.h"

/* Which of the members is used is said by opt->compression. */
struct packing {
	const struct layer_pack_options *opt;
	struct oci_blob_writer blob;
	struct gzip_sink gzip;
	struct zstd_sink zstd;
	struct hash_sink diff;
};

static struct sink *compress(struct packing *p, struct pool *pool)
{
	int level = p->opt->level;

	switch (p->opt->compression) {
	case LAYER_GZIP:
		return gzip_sink_init(&p->gzip, p->blob.sink, level ? level : GZIP_LEVEL_DEFAULT,
				      pool);
	case LAYER_ZSTD:
		return zstd_sink_init(&p->zstd, p->blob.sink, level ? level : ZSTD_LEVEL_DEFAULT,
				      pool);
	case LAYER_UNCOMPRESSED:
		break;
	}
	return p->blob.sink;
}

static int compress_finish(struct packing *p, struct err *e)
{
	switch (p->opt->compression) {
	case LAYER_GZIP:
		return gzip_sink_finish(&p->gzip, e);
	case LAYER_ZSTD:
		return zstd_sink_finish(&p->zstd, e);
	case LAYER_UNCOMPRESSED:
		break;
	}
	return 0;
}

/* After a commit nothing is left to abort. */
static void packing_release(struct packing *p)
{
	hash_release(&p->diff.hash);
	gzip_sink_release(&p->gzip);
	zstd_sink_release(&p->zstd);
	oci_store_abort(&p->blob);
}

static const char *media_type(enum layer_compression c)
{
	static const char *const types[] = {
		[LAYER_GZIP] = OCI_MEDIA_LAYER_GZIP,
		[LAYER_ZSTD] = OCI_MEDIA_LAYER_ZSTD,
		[LAYER_UNCOMPRESSED] = OCI_MEDIA_LAYER,
	};

	return types[c];
}

int layer_pack_from(struct oci_descriptor *blob, struct oci_digest *diff_id, const struct op *op,
		    struct layer_change_reader *from, int tree_fd, struct oci_store *into,
		    const struct layer_pack_options *opt, struct err *e)
{
	CLEANUP(packing_release) struct packing p = { .opt = opt };
	auto_descriptor struct oci_descriptor out = { 0 };
	unsigned char raw[HASH_SHA256_LEN];
	struct sink *tar;

	if (oci_store_begin(into, &p.blob, e) < 0)
		return -1;
	tar = hash_sink_init(&p.diff, compress(&p, op ? op->pool : NULL));
	if (layer_write_from(op, from, tree_fd, tar, &opt->write, e) < 0)
		return -1;
	if (compress_finish(&p, e) < 0)
		return -1;
	if (oci_store_commit(&p.blob, NULL, &out.digest, &out.size_bytes, e) < 0)
		return -1;
	hash_sink_final(&p.diff, raw);
	oci_digest_of_raw(diff_id, raw);
	out.media_type = mem_strdup(media_type(opt->compression));
	*blob = out;
	out = (struct oci_descriptor){ 0 };
	return 0;
}

int layer_pack(struct oci_descriptor *blob, struct oci_digest *diff_id, const struct op *op,
	       const struct layer_changes *c, int tree_fd, struct oci_store *into,
	       const struct layer_pack_options *opt, struct err *e)
{
	struct layer_changes_reader r;

	return layer_pack_from(blob, diff_id, op, layer_changes_read(&r, c), tree_fd, into, opt, e);
}
