/* Results as annotations of a manifest's layers, and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "oci/build/cache_graph.h"

static struct cache_key key_of(const char *text)
{
	struct oci_digest d;
	struct cache_key k;

	oci_digest_of_bytes(&d, span_of_str(text));
	memcpy(k.hex, oci_digest_hex(&d), sizeof(k.hex));
	return k;
}

/* A result whose id is of `id`, made over `parent` (NULL: nothing). */
static void make(struct cache_record *r, const char *id, const char *parent)
{
	*r = (struct cache_record){ .is_target = true };
	r->result.id = key_of(id);
	if (parent)
		oci_digest_of_bytes(&r->result.parent, span_of_str(parent));
	r->result.blob.media_type = mem_strdup(OCI_MEDIA_LAYER_GZIP);
	oci_digest_of_bytes(&r->result.blob.digest, span_of_str(id));
	r->result.blob.size_bytes = 7;
	oci_digest_of_bytes(&r->result.diff_id, span_of_str("tar"));
	r->result.packing = mem_strdup("gzip 6");
	r->result.created = mem_strdup("2026-01-02T03:04:05Z");
	r->result.text = mem_printf("RUN %s", id);
}

static void add_alias(struct cache_record *r, const char *text)
{
	r->aliases = mem_resize(r->aliases, r->nr_aliases + 1, sizeof(*r->aliases));
	r->aliases[r->nr_aliases++] = key_of(text);
}

static void drop(struct cache_record *r)
{
	cache_result_release(&r->result);
	free(r->aliases);
}

static void write_manifest(struct buf *out, const struct cache_graph *g)
{
	auto_manifest struct oci_manifest m = { .media_type = mem_strdup(OCI_MEDIA_MANIFEST) };
	auto_config struct oci_config *c = oci_config_new();

	m.config.media_type = mem_strdup(OCI_MEDIA_CONFIG);
	oci_digest_of_bytes(&m.config.digest, span_of_str("c"));
	assert_true(cache_graph_write(&m, c, g));
	assert_int_equal(c->nr_diff_ids, g->nr);
	oci_manifest_write(out, &m);
}

static void read_manifest(struct cache_graph *g, struct span text)
{
	auto_manifest struct oci_manifest m = { 0 };
	struct err e = ERR_INIT;

	if (oci_manifest_parse(&m, text, NULL, &e) < 0)
		fail_msg("%s", e.text);
	cache_graph_read(g, &m);
}

static void what_is_written_is_read_back(void **state)
{
	auto_cache_graph struct cache_graph g = { 0 }, back = { 0 };
	auto_buf struct buf text = BUF_INIT(OCI_MANIFEST_MAX), again = BUF_INIT(OCI_MANIFEST_MAX);
	struct cache_record a, b;
	const struct cache_record *r;
	struct cache_key id = key_of("a"), alias = key_of("x"), none = key_of("none");

	(void)state;
	make(&a, "a", NULL);
	make(&b, "b", "below");
	add_alias(&a, "x");
	add_alias(&a, "y");
	cache_graph_add(&g, &a);
	cache_graph_add(&g, &b);
	write_manifest(&text, &g);
	read_manifest(&back, buf_span(&text));
	assert_int_equal(back.nr, 2);
	assert_int_equal(back.nr_refused, 0);
	r = cache_graph_find(&back, &alias);
	assert_ptr_equal(r, cache_graph_find(&back, &id));
	assert_string_equal(r->result.id.hex, id.hex);
	assert_string_equal(r->result.text, "RUN a");
	assert_string_equal(r->result.packing, "gzip 6");
	assert_string_equal(r->result.created, "2026-01-02T03:04:05Z");
	assert_true(oci_digest_eq(&r->result.diff_id, &a.result.diff_id));
	assert_false(oci_digest_is_set(&r->result.parent));
	assert_int_equal(r->result.blob.annotations.n, 0);
	id = key_of("b");
	r = cache_graph_find(&back, &id);
	assert_true(oci_digest_eq(&r->result.parent, &b.result.parent));
	assert_null(cache_graph_find(&back, &none));
	write_manifest(&again, &back);
	assert_string_equal(buf_str(&text), buf_str(&again));
	drop(&a);
	drop(&b);
}

static void one_result_found_in_several_ways_is_kept_once(void **state)
{
	auto_cache_graph struct cache_graph g = { 0 };
	struct cache_record a;
	struct cache_key x = key_of("x"), y = key_of("y");

	(void)state;
	make(&a, "a", NULL);
	add_alias(&a, "x");
	cache_graph_add(&g, &a);
	free(STEAL(&a.aliases));
	a.nr_aliases = 0;
	add_alias(&a, "y");
	cache_graph_add(&g, &a);
	assert_int_equal(g.nr, 1);
	assert_ptr_equal(cache_graph_find(&g, &x), &g.v[0]);
	assert_ptr_equal(cache_graph_find(&g, &y), &g.v[0]);
	drop(&a);
}

/* The manifest of one result, with `from` in it replaced by `to` (of equal length or not). */
static void assert_no_result(const char *from, const char *to)
{
	auto_cache_graph struct cache_graph g = { 0 }, back = { 0 };
	auto_buf struct buf text = BUF_INIT(OCI_MANIFEST_MAX), bad = BUF_INIT(OCI_MANIFEST_MAX);
	struct cache_record a;
	const char *at;

	make(&a, "a", "below");
	add_alias(&a, "x");
	cache_graph_add(&g, &a);
	write_manifest(&text, &g);
	at = strstr(strstr(buf_str(&text), "\"layers\""), from);
	if (!at)
		fail_msg("no '%s' in %s", from, buf_str(&text));
	buf_add(&bad, text.data, (size_t)(at - text.data));
	buf_add_str(&bad, to);
	buf_add_str(&bad, at + strlen(from));
	read_manifest(&back, buf_span(&bad));
	if (back.nr != 0 || back.nr_refused != 1)
		fail_msg("taken: %s", buf_str(&bad));
	drop(&a);
}

#define KEYS "cache.keys\":\""

static void a_layer_whose_annotations_make_no_sense_is_no_result(void **state)
{
	const struct cache_key id = key_of("a");
	auto_buf struct buf many = BUF_INIT(BUF_SMALL);

	(void)state;
	assert_no_result("\"size\":7", "\"size\":0");
	assert_no_result("\"size\":7", "\"size\":9223372036854775807");
	assert_no_result("gzip 6", "");
	assert_no_result("gzip 6", "gzip\\n6");
	assert_no_result("2026-01-02T03:04:05Z", "yesterday");
	assert_no_result("cache.diff-id\":\"sha256:", "cache.diff-id\":\"md5:");
	assert_no_result("cache.parent\":\"sha256:", "cache.parent\":\"sha256:00");
	assert_no_result("cache.diff-id\"", "cache.diff-ID\"");
	assert_no_result("tar+gzip", "zip");
	assert_no_result(KEYS, KEYS "../../../../etc/passwd");
	assert_no_result(KEYS, KEYS "\",\"x\":\"");
	buf_add_str(&many, KEYS);
	for (int i = 0; i < CACHE_GRAPH_KEYS_MAX; i++)
		buf_addf(&many, "%s ", id.hex);
	assert_no_result(KEYS, buf_str(&many));
}

static void layers_without_annotations_of_ours_are_nothing(void **state)
{
	auto_cache_graph struct cache_graph g = { 0 };

	(void)state;
	read_manifest(
		&g,
		SPAN_LIT("{\"schemaVersion\":2,\"config\":{\"mediaType\":\"x\",\"digest\":"
			 "\"sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015"
			 "ad\",\"size\":2},\"layers\":[{\"mediaType\":\"y\",\"digest\":"
			 "\"sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015"
			 "ad\",\"size\":2,\"annotations\":{\"a\":\"b\"}}]}"));
	assert_int_equal(g.nr, 0);
	assert_int_equal(g.nr_refused, 0);
}

static void text_for_people_is_one_line(void **state)
{
	auto_descriptor struct oci_descriptor d = { 0 };
	struct cache_record a;
	const char *text;

	(void)state;
	make(&a, "a", NULL);
	free(a.result.text);
	a.result.text = mem_strdup("RUN a\n\x1b[2Jb");
	cache_graph_annotate(&d, &a);
	text = strv_env_get(&d.annotations, "io.cbuild.cache.text");
	assert_string_equal(text, "RUN a  [2Jb");
	drop(&a);
}

static void more_than_a_registry_takes_are_left_out(void **state)
{
	auto_cache_graph struct cache_graph g = { 0 };
	auto_manifest struct oci_manifest m = { .media_type = mem_strdup(OCI_MEDIA_MANIFEST) };
	auto_config struct oci_config *c = oci_config_new();
	auto_buf struct buf text = BUF_INIT(OCI_MANIFEST_MAX);

	(void)state;
	for (int i = 0; i < CACHE_GRAPH_MAX + 1; i++) {
		auto_free char *id = mem_printf("%d", i);
		struct cache_record r;

		make(&r, id, "below");
		free(r.result.text);
		r.result.text = mem_zalloc(CACHE_TEXT_MAX + 1);
		memset(r.result.text, '"', CACHE_TEXT_MAX);
		for (int k = 0; k < CACHE_GRAPH_KEYS_MAX; k++) {
			auto_free char *alias = mem_printf("%d %d", i, k);

			add_alias(&r, alias);
		}
		cache_graph_add(&g, &r);
		drop(&r);
	}
	m.config.media_type = mem_strdup(OCI_MEDIA_CONFIG);
	assert_false(cache_graph_write(&m, c, &g));
	assert_int_equal(m.nr_layers, CACHE_GRAPH_MAX);
	oci_manifest_write(&text, &m);
	assert_false(text.over);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_back),
		cmocka_unit_test(one_result_found_in_several_ways_is_kept_once),
		cmocka_unit_test(a_layer_whose_annotations_make_no_sense_is_no_result),
		cmocka_unit_test(layers_without_annotations_of_ours_are_nothing),
		cmocka_unit_test(text_for_people_is_one_line),
		cmocka_unit_test(more_than_a_registry_takes_are_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
