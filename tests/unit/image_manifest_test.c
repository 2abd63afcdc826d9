/* Manifests, indexes and descriptors: what is read, what is refused, what is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci/image/manifest.h"

#define D1     "sha256:1111111111111111111111111111111111111111111111111111111111111111"
#define D2     "sha256:2222222222222222222222222222222222222222222222222222222222222222"
#define CONFIG "{\"mediaType\":\"" OCI_MEDIA_CONFIG "\",\"digest\":\"" D1 "\",\"size\":7}"
#define LAYER  "{\"mediaType\":\"" OCI_MEDIA_LAYER_GZIP "\",\"digest\":\"" D2 "\",\"size\":9}"
#define MANIFEST(type, more)                                                                       \
	"{\"schemaVersion\":2," type "\"config\":" CONFIG ",\"layers\":[" LAYER "]" more "}"
#define TYPED(type) "\"mediaType\":\"" type "\","
#define ENTRY(digest, os, arch)                                                                    \
	"{\"mediaType\":\"" OCI_MEDIA_MANIFEST "\",\"digest\":\"" digest                           \
	"\",\"size\":1,\"platform\":{\"architecture\":\"" arch "\",\"os\":\"" os "\"}}"

static void manifest_written_reads_back_byte_for_byte(void **state)
{
	static const char text[] = MANIFEST(TYPED(OCI_MEDIA_MANIFEST),
					    ",\"annotations\":{\"a\":\"1\",\"a.b\":\"x=y\"}");
	auto_manifest struct oci_manifest m = { 0 };
	auto_buf struct buf b = BUF_INIT(BUF_SMALL);
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(oci_manifest_parse(&m, span_of_str(text), NULL, &e), 0);
	assert_int_equal(m.nr_layers, 1);
	assert_int_equal(m.config.size_bytes, 7);
	assert_string_equal(m.layers[0].digest.text, D2);
	assert_string_equal(strv_env_get(&m.annotations, "a.b"), "x=y");
	oci_manifest_write(&b, &m);
	assert_string_equal(buf_str(&b), text);
}

static void manifest_of_docker_keeps_its_type(void **state)
{
	auto_manifest struct oci_manifest m = { 0 };
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(oci_manifest_parse(&m,
					    SPAN_LIT(MANIFEST(TYPED(DOCKER_MEDIA_MANIFEST), "")),
					    DOCKER_MEDIA_MANIFEST "; charset=utf-8", &e),
			 0);
	assert_string_equal(m.media_type, DOCKER_MEDIA_MANIFEST);
}

static void manifest_without_a_type_is_known_by_its_fields(void **state)
{
	auto_manifest struct oci_manifest m = { 0 };
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(oci_manifest_parse(&m, SPAN_LIT(MANIFEST("", "")), "application/json", &e),
			 0);
	assert_string_equal(m.media_type, OCI_MEDIA_MANIFEST);
}

static void manifest_says_what_is_wrong_with_it(void **state)
{
	static const struct {
		const char *text, *media, *says;
	} wrong[] = {
		{ "", NULL, "JSON" },
		{ "[]", NULL, "not an object" },
		{ "{}", NULL, "neither" },
		{ "{\"schemaVersion\":1,\"fsLayers\":[]}", NULL, "schema 1" },
		{ "{}", "application/vnd.docker.distribution.manifest.v1+prettyjws", "schema 1" },
		{ "{\"schemaVersion\":3,\"layers\":[]}", NULL, "schemaVersion" },
		{ MANIFEST("", ",\"manifests\":[]"), OCI_MEDIA_MANIFEST, "both" },
		{ MANIFEST("", ",\"fsLayers\":[]"), NULL, "'fsLayers'" },
		{ MANIFEST("", ",\"history\":[]"), OCI_MEDIA_MANIFEST, "'history'" },
		{ MANIFEST("", ",\"Layers\":[]"), OCI_MEDIA_MANIFEST, "'Layers'" },
		{ MANIFEST("", ",\"MANIFESTS\":[]"), NULL, "'MANIFESTS'" },
		{ MANIFEST(TYPED(OCI_MEDIA_MANIFEST), ""), OCI_MEDIA_INDEX, "announced" },
		{ MANIFEST(TYPED("text/x"), ""), NULL, "neither" },
		{ "{\"schemaVersion\":2,\"manifests\":[]}", NULL, "an index" },
		{ "{\"schemaVersion\":2,\"manifests\":[]}", OCI_MEDIA_MANIFEST, "config" },
		{ "{\"schemaVersion\":2,\"layers\":[]}", NULL, "config: missing" },
		{ "{\"layers\":[1],\"config\":" CONFIG "}", NULL, "layers[0]: not an object" },
		{ "{\"layers\":[{\"mediaType\":\"a\",\"digest\":\"x\",\"size\":1}],\"config\":" CONFIG
		  "}",
		  NULL, "layers[0].digest" },
		{ "{\"layers\":[{\"mediaType\":\"a\",\"digest\":\"" D1
		  "\",\"size\":-1}],\"config\":" CONFIG "}",
		  NULL, "layers[0].size" },
		{ "{\"layers\":[{\"digest\":\"" D1 "\",\"size\":1}],\"config\":" CONFIG "}", NULL,
		  "layers[0].mediaType" },
		{ "{\"layers\":[],\"layers\":[],\"config\":" CONFIG "}", NULL, "JSON" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		auto_manifest struct oci_manifest m = { 0 };
		struct err e = ERR_INIT;

		if (oci_manifest_parse(&m, span_of_str(wrong[i].text), wrong[i].media, &e) == 0)
			fail_msg("taken: %s", wrong[i].text);
		assert_int_equal(e.kind, ERR_CORRUPT);
		if (!strstr(e.text, wrong[i].says))
			fail_msg("%s: %s", wrong[i].text, e.text);
		assert_null(m.layers);
	}
}

static void manifest_bounds_its_layers_and_its_length(void **state)
{
	auto_buf struct buf b = BUF_INIT(8u << 20);
	auto_manifest struct oci_manifest m = { 0 };
	struct err e = ERR_INIT;

	(void)state;
	buf_add_str(&b, "{\"config\":" CONFIG ",\"layers\":[{}");
	for (int i = 0; i < OCI_LAYERS_MAX; i++)
		buf_add_str(&b, ",{}");
	buf_add_str(&b, "]}");
	assert_int_equal(oci_manifest_parse(&m, buf_span(&b), NULL, &e), -1);
	assert_non_null(strstr(e.text, "layers: 4097"));
	while (b.len <= OCI_MANIFEST_MAX)
		buf_add(&b, "                                ", 32);
	assert_int_equal(oci_manifest_parse(&m, buf_span(&b), NULL, &e), -1);
	assert_int_equal(e.kind, ERR_CORRUPT);
	assert_non_null(strstr(e.text, "allowed"));
}

static void index_picks_the_platform_and_never_an_attestation(void **state)
{
	static const char text[] = "{\"manifests\":[" ENTRY(D1, "unknown", "unknown") "," ENTRY(
		D1, "linux", "arm64") "," ENTRY(D2, "linux", "amd64") "]}";
	struct oci_platform amd64 = { "linux", "amd64", "" }, s390 = { "linux", "s390x", "" };
	auto_index struct oci_index x = { 0 };
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(oci_index_parse(&x, span_of_str(text), NULL, &e), 0);
	assert_int_equal(x.nr, 3);
	assert_string_equal(oci_index_pick(&x, &amd64)->desc.digest.text, D2);
	assert_null(oci_index_pick(&x, &s390));
}

static void index_written_reads_back_byte_for_byte(void **state)
{
	static const char text[] =
		"{\"schemaVersion\":2,\"mediaType\":\"" OCI_MEDIA_INDEX "\",\"manifests\":["
		"{\"mediaType\":\"" OCI_MEDIA_MANIFEST "\",\"digest\":\"" D1 "\",\"size\":3,"
		"\"annotations\":{\"k\":\"v\"},"
		"\"platform\":{\"architecture\":\"arm\",\"os\":\"linux\",\"variant\":\"v7\"}},"
		"{\"mediaType\":\"" OCI_MEDIA_MANIFEST "\",\"digest\":\"" D2 "\",\"size\":4}],"
		"\"annotations\":{\"a\":\"b\"}}";
	auto_index struct oci_index x = { 0 };
	auto_buf struct buf b = BUF_INIT(BUF_SMALL);
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(oci_index_parse(&x, span_of_str(text), OCI_MEDIA_INDEX, &e), 0);
	assert_false(x.entries[1].has_platform);
	oci_index_write(&b, &x);
	assert_string_equal(buf_str(&b), text);
}

static void index_takes_an_empty_platform_for_none_and_refuses_an_odd_one(void **state)
{
	auto_index struct oci_index x = { 0 };
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(
		oci_index_parse(&x, SPAN_LIT("{\"manifests\":[" ENTRY(D1, "", "") "]}"), NULL, &e),
		0);
	assert_false(x.entries[0].has_platform);
	oci_index_release(&x);
	assert_int_equal(oci_index_parse(&x,
					 SPAN_LIT("{\"manifests\":[" ENTRY(D1, "li nux", "a") "]}"),
					 NULL, &e),
			 -1);
	assert_int_equal(e.kind, ERR_CORRUPT);
	assert_non_null(strstr(e.text, "manifests[0]"));
	assert_int_equal(oci_index_parse(&x, SPAN_LIT(MANIFEST("", "")), NULL, &e), -1);
	assert_int_equal(e.kind, ERR_CORRUPT);
}

static void document_kind_tells_both(void **state)
{
	enum oci_document kind;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(oci_document_kind(&kind, SPAN_LIT("{\"manifests\":[]}"), NULL, &e), 0);
	assert_int_equal(kind, OCI_DOCUMENT_INDEX);
	assert_int_equal(oci_document_kind(&kind, SPAN_LIT("{\"layers\":[]}"), NULL, &e), 0);
	assert_int_equal(kind, OCI_DOCUMENT_MANIFEST);
	assert_int_equal(oci_document_kind(&kind, SPAN_LIT("{}"), DOCKER_MEDIA_LIST, &e), 0);
	assert_int_equal(kind, OCI_DOCUMENT_INDEX);
	assert_int_equal(oci_document_kind(&kind, SPAN_LIT("{}"), "text/plain", &e), -1);
	assert_int_equal(e.kind, ERR_CORRUPT);
}

static void descriptor_copy_stands_alone(void **state)
{
	auto_descriptor struct oci_descriptor a = { .size_bytes = 3 }, b = { 0 };
	auto_buf struct buf out = BUF_INIT(BUF_SMALL);
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(oci_digest_parse(&a.digest, SPAN_LIT(D1), &e), 0);
	a.media_type = strdup("t\"x");
	strv_add(&a.annotations, "k=\xff");
	oci_descriptor_copy(&b, &a);
	oci_descriptor_release(&a);
	oci_descriptor_write(&out, &b);
	assert_string_equal(buf_str(&out),
			    "{\"mediaType\":\"t\\\"x\",\"digest\":\"" D1
			    "\",\"size\":3,\"annotations\":{\"k\":\"\xef\xbf\xbd\"}}");
	assert_true(oci_media_is_index(DOCKER_MEDIA_LIST));
	assert_true(oci_media_is_manifest(DOCKER_MEDIA_MANIFEST));
	assert_false(oci_media_is_manifest(OCI_MEDIA_INDEX));
	assert_false(oci_media_is_index(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(manifest_written_reads_back_byte_for_byte),
		cmocka_unit_test(manifest_of_docker_keeps_its_type),
		cmocka_unit_test(manifest_without_a_type_is_known_by_its_fields),
		cmocka_unit_test(manifest_says_what_is_wrong_with_it),
		cmocka_unit_test(manifest_bounds_its_layers_and_its_length),
		cmocka_unit_test(index_picks_the_platform_and_never_an_attestation),
		cmocka_unit_test(index_written_reads_back_byte_for_byte),
		cmocka_unit_test(index_takes_an_empty_platform_for_none_and_refuses_an_odd_one),
		cmocka_unit_test(document_kind_tells_both),
		cmocka_unit_test(descriptor_copy_stands_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
