/* A cache's manifest, and --cache-to: what is taken makes sense, and is written as it was read. */
#include <assert.h>

#include "base/mem.h"
#include "oci/build/cache_graph.h"
#include "oci/build/options.h"

#define WRITTEN_MAX (64u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_graph(struct buf *out, const struct cache_graph *g)
{
	auto_manifest struct oci_manifest m = { .media_type = mem_strdup(OCI_MEDIA_MANIFEST) };
	auto_config struct oci_config *c = oci_config_new();

	m.config.media_type = mem_strdup(OCI_MEDIA_CONFIG);
	oci_digest_of_bytes(&m.config.digest, SPAN_LIT("c"));
	if (cache_graph_write(&m, c, g))
		oci_manifest_write(out, &m);
}

static void read_graph(struct cache_graph *g, struct span text)
{
	auto_manifest struct oci_manifest m = { 0 };
	struct err e = ERR_INIT;

	if (oci_manifest_parse(&m, text, NULL, &e) == 0)
		cache_graph_read(g, &m);
}

static void graph_makes_sense(struct span text)
{
	auto_cache_graph struct cache_graph g = { 0 }, back = { 0 };
	auto_buf struct buf a = BUF_INIT(WRITTEN_MAX), b = BUF_INIT(WRITTEN_MAX);

	read_graph(&g, text);
	for (size_t i = 0; i < g.nr; i++) {
		const struct cache_result *r = &g.v[i].result;

		assert(strlen(r->id.hex) == HASH_SHA256_HEX && cache_graph_find(&g, &r->id));
		assert(r->blob.size_bytes && r->blob.size_bytes <= CACHE_BLOB_MAX);
		assert(oci_digest_is_set(&r->diff_id) && strlen(r->text) <= CACHE_TEXT_MAX);
	}
	write_graph(&a, &g);
	if (!a.len || a.len > OCI_MANIFEST_MAX)
		return;
	read_graph(&back, buf_span(&a));
	write_graph(&b, &back);
	assert(span_eq(buf_span(&a), buf_span(&b)));
}

static void spec_makes_sense(const char *text)
{
	CLEANUP(build_options_release) struct build_options o = { 0 };
	struct err e = ERR_INIT;

	if (cache_spec_parse_to(&o, text, &e) < 0)
		assert(e.kind == ERR_INPUT && e.text[0]);
	if (cache_spec_parse_from(&o, text, &e) < 0)
		assert(e.kind == ERR_INPUT && e.text[0]);
	for (size_t i = 0; i < o.cache_to.nr; i++)
		assert(*cache_spec_name(&o.cache_to.v[i]));
	for (size_t i = 0; i < o.cache_from.nr; i++)
		assert(*cache_spec_name(&o.cache_from.v[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = span_dup(span_of(data, size));

	graph_makes_sense(span_of(data, size));
	spec_makes_sense(text);
	return 0;
}
