/*
 * The sinks stand in a row: the tar goes through the hash that gives the diff_id into the
 * compressor, whose output the store hashes while it takes it.
 */
#include "oci/layer/pack.h"

#include "base/gzip.h"
#include "base/mem.h"

struct packing {
	struct oci_blob_writer blob;
	struct gzip_sink gzip;
	struct hash_sink diff;
	bool has_gzip;
};

/* After a commit nothing is left to abort. */
static void packing_release(struct packing *p)
{
	hash_release(&p->diff.hash);
	if (p->has_gzip)
		gzip_sink_release(&p->gzip);
	oci_store_abort(&p->blob);
}

static struct sink *compress(struct packing *p, const struct layer_pack_options *opt)
{
	if (opt->compression == LAYER_UNCOMPRESSED)
		return p->blob.sink;
	p->has_gzip = true;
	return gzip_sink_init(&p->gzip, p->blob.sink, opt->level ? opt->level : GZIP_LEVEL_DEFAULT);
}

int layer_pack(struct oci_descriptor *blob, struct oci_digest *diff_id, const struct op *op,
	       const struct layer_changes *c, int tree_fd, struct oci_store *into,
	       const struct layer_pack_options *opt, struct err *e)
{
	CLEANUP(packing_release) struct packing p = { .has_gzip = false };
	auto_descriptor struct oci_descriptor out = { 0 };
	unsigned char raw[HASH_SHA256_LEN];
	struct sink *tar;

	if (oci_store_begin(into, &p.blob, e) < 0)
		return -1;
	tar = hash_sink_init(&p.diff, compress(&p, opt));
	if (layer_write(op, c, tree_fd, tar, &opt->write, e) < 0)
		return -1;
	if (p.has_gzip && gzip_sink_finish(&p.gzip, e) < 0)
		return -1;
	if (oci_store_commit(&p.blob, NULL, &out.digest, &out.size_bytes, e) < 0)
		return -1;
	hash_sink_final(&p.diff, raw);
	oci_digest_of_raw(diff_id, raw);
	out.media_type = mem_strdup(p.has_gzip ? OCI_MEDIA_LAYER_GZIP : OCI_MEDIA_LAYER);
	*blob = out;
	out = (struct oci_descriptor){ 0 };
	return 0;
}
