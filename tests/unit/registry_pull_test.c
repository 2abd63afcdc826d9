#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "registry/pull.h"
#include "tests/fakes/mem_store.h"
#include "tests/fakes/registry_world.h"

#define R   "https://r.example/v2/a/b"
#define REF "r.example/a/b:1"

/* w.store plays the registry's side; `into` is ours. */
struct fixture {
	struct registry_world w;
	struct oci_store *into;
	struct image_source *src;
	struct oci_descriptor image, index, got;
	struct oci_descriptor config, layer;
	struct oci_platform amd64, arm64;
};

static void make_index(struct fixture *f)
{
	auto_index struct oci_index x = { .media_type = mem_strdup(OCI_MEDIA_INDEX) };
	auto_buf struct buf text = BUF_INIT(OCI_MANIFEST_MAX);

	oci_index_add(&x, &f->image, &f->amd64);
	oci_index_write(&text, &x);
	registry_world_blob(&f->w, &f->index, OCI_MEDIA_INDEX, buf_str(&text));
}

static int setup(void **state)
{
	struct fixture *f = mem_zalloc(sizeof(*f));
	auto_manifest struct oci_manifest m = { 0 };
	auto_free char *text = NULL;

	registry_world_init(&f->w, "r.example", NULL);
	f->into = mem_store_new();
	f->src = registry_source_new(http_script_http(f->w.script), &f->w.opt);
	registry_world_image(&f->w, &f->image, "layer");
	text = registry_world_text(&f->w, &f->image);
	assert_int_equal(0, oci_manifest_parse(&m, span_of_str(text), NULL, &f->w.e));
	oci_descriptor_copy(&f->config, &m.config);
	oci_descriptor_copy(&f->layer, &m.layers[0]);
	assert_int_equal(0, oci_platform_set(&f->amd64, "linux", "amd64", "", &f->w.e));
	assert_int_equal(0, oci_platform_set(&f->arm64, "linux", "arm64", "", &f->w.e));
	make_index(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	image_source_free(f->src);
	oci_store_free(f->into);
	registry_world_release(&f->w);
	oci_descriptor_release(&f->image);
	oci_descriptor_release(&f->index);
	oci_descriptor_release(&f->got);
	oci_descriptor_release(&f->config);
	oci_descriptor_release(&f->layer);
	free(f);
	return 0;
}

static void expect_head(struct fixture *f, const struct oci_descriptor *d)
{
	auto_free char *digest = mem_printf("Docker-Content-Digest: %s", d->digest.text);
	auto_free char *type = mem_printf("Content-Type: %s", d->media_type);
	auto_free char *length = mem_printf("Content-Length: %ju", (uintmax_t)d->size_bytes);

	HTTP_EXPECT(f->w.script, .method = "HEAD", .url = R "/manifests/1", .status = 200,
		    .headers = { digest, type, length });
}

static void expect_get(struct fixture *f, const char *what, const struct oci_descriptor *d)
{
	auto_free char *url = mem_printf(R "/%s/%s", what, d->digest.text);
	auto_free char *text = registry_world_text(&f->w, d);
	auto_free char *type = mem_printf("Content-Type: %s", d->media_type);

	HTTP_EXPECT(f->w.script, .method = "GET", .url = url, .status = 200, .headers = { type },
		    .answer = text);
}

static int resolve(struct fixture *f, const struct oci_platform *want)
{
	oci_descriptor_release(&f->got);
	f->got = (struct oci_descriptor){ 0 };
	return f->src->resolve(f->src, &f->w.op, REF, want, f->into, &f->got, &f->w.e);
}

static void assert_resolved(struct fixture *f)
{
	if (resolve(f, &f->amd64) < 0)
		fail_msg("%s", f->w.e.text);
	assert_string_equal(f->image.digest.text, f->got.digest.text);
	assert_string_equal(OCI_MEDIA_MANIFEST, f->got.media_type);
	assert_int_equal(f->image.size_bytes, f->got.size_bytes);
	assert_true(oci_store_has(f->into, &f->image.digest, NULL));
	assert_true(oci_store_has(f->into, &f->config.digest, NULL));
	assert_false(oci_store_has(f->into, &f->layer.digest, NULL));
}

static void an_index_leads_to_the_platforms_manifest_and_config(void **state)
{
	struct fixture *f = *state;

	expect_head(f, &f->index);
	expect_get(f, "manifests", &f->index);
	expect_get(f, "manifests", &f->image);
	expect_get(f, "blobs", &f->config);
	assert_resolved(f);
	/* a second time only the tag is looked at */
	expect_head(f, &f->index);
	assert_resolved(f);
}

static void a_manifest_needs_no_index(void **state)
{
	struct fixture *f = *state;

	expect_head(f, &f->image);
	expect_get(f, "manifests", &f->image);
	expect_get(f, "blobs", &f->config);
	assert_resolved(f);
}

static void a_platform_that_is_not_there_is_absent_and_the_others_are_named(void **state)
{
	struct fixture *f = *state;

	expect_head(f, &f->index);
	expect_get(f, "manifests", &f->index);
	assert_int_equal(-1, resolve(f, &f->arm64));
	assert_err(&f->w, ERR_ABSENT,
		   "image " REF ": not made for linux/arm64; there is: linux/amd64");
}

static void a_manifest_with_other_bytes_is_not_kept(void **state)
{
	struct fixture *f = *state;
	auto_free char *url = mem_printf(R "/manifests/%s", f->image.digest.text);

	expect_head(f, &f->image);
	HTTP_EXPECT(f->w.script, .method = "GET", .url = url, .status = 200,
		    .answer = "{\"schemaVersion\":2}");
	assert_int_equal(-1, resolve(f, &f->amd64));
	assert_err(&f->w, ERR_CORRUPT, f->image.digest.text);
	assert_int_equal(0, mem_store_count(f->into));
}

static void a_damaged_manifest_in_the_store_is_fetched_again(void **state)
{
	struct fixture *f = *state;

	expect_head(f, &f->image);
	expect_get(f, "manifests", &f->image);
	expect_get(f, "blobs", &f->config);
	assert_resolved(f);
	mem_store_damage(f->into, &f->image.digest, false);
	expect_head(f, &f->image);
	expect_get(f, "manifests", &f->image);
	if (resolve(f, &f->amd64) < 0)
		fail_msg("%s", f->w.e.text);
}

static void an_image_by_digest_that_is_here_needs_no_registry(void **state)
{
	struct fixture *f = *state;
	auto_free char *ref = mem_printf("r.example/a/b@%s", f->index.digest.text);

	expect_head(f, &f->index);
	expect_get(f, "manifests", &f->index);
	expect_get(f, "manifests", &f->image);
	expect_get(f, "blobs", &f->config);
	assert_resolved(f);
	oci_descriptor_release(&f->got);
	f->got = (struct oci_descriptor){ 0 };
	assert_int_equal(
		0, f->src->resolve(f->src, &f->w.op, ref, &f->amd64, f->into, &f->got, &f->w.e));
	assert_string_equal(f->image.digest.text, f->got.digest.text);
	assert_string_equal(OCI_MEDIA_MANIFEST, f->got.media_type);
	assert_int_equal(4, http_script_count(f->w.script));
}

static void a_layer_is_fetched_when_it_is_wanted(void **state)
{
	struct fixture *f = *state;

	expect_get(f, "blobs", &f->layer);
	for (int i = 0; i < 2; i++) /* the second time it is there */
		assert_int_equal(0, f->src->fetch_layer(f->src, &f->w.op, REF, &f->layer, f->into,
							NULL, &f->w.e));
	assert_true(oci_store_has(f->into, &f->layer.digest, NULL));
}

static void one_session_serves_all_of_a_host(void **state)
{
	struct fixture *f = *state;
	auto_free char *url = mem_printf(R "/blobs/%s", f->layer.digest.text);

	/* the second request is signed at once: it is the same session */
	f->w.env.docker_auth_config = WORLD_AUTHS;
	HTTP_EXPECT(f->w.script, .method = "HEAD", .url = R "/manifests/1", .status = 401,
		    .headers = { "WWW-Authenticate: Basic realm=\"x\"" });
	HTTP_EXPECT(f->w.script, .method = "HEAD", .url = R "/manifests/1", .has = { WORLD_BASIC },
		    .status = 404);
	HTTP_EXPECT(f->w.script, .method = "GET", .url = url, .has = { WORLD_BASIC },
		    .status = 404);
	assert_int_equal(-1, resolve(f, &f->amd64));
	assert_int_equal(
		-1, f->src->fetch_layer(f->src, &f->w.op, REF, &f->layer, f->into, NULL, &f->w.e));
	assert_err(&f->w, ERR_ABSENT, "image " REF ": blob sha256:");
}

static void a_document_is_one_request_and_nothing_behind_it(void **state)
{
	struct fixture *f = *state;
	auto_buf struct buf text = BUF_INIT(OCI_MANIFEST_MAX);
	auto_free char *want = registry_world_text(&f->w, &f->index);

	HTTP_EXPECT(f->w.script, .method = "GET", .url = R "/manifests/1", .status = 200,
		    .headers = { "Content-Type: " OCI_MEDIA_INDEX }, .answer = want);
	assert_int_equal(f->src->document(f->src, &f->w.op, REF, &text, &f->got, &f->w.e), 0);
	assert_string_equal(buf_str(&text), want);
	assert_string_equal(f->got.digest.text, f->index.digest.text);
	assert_string_equal(f->got.media_type, OCI_MEDIA_INDEX);
	HTTP_EXPECT(f->w.script, .method = "GET", .url = R "/manifests/1", .status = 404);
	assert_int_equal(f->src->document(f->src, &f->w.op, REF, &text, &f->got, &f->w.e), -1);
	assert_err(&f->w, ERR_ABSENT, "image " REF);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(an_index_leads_to_the_platforms_manifest_and_config),
		T(a_manifest_needs_no_index),
		T(a_platform_that_is_not_there_is_absent_and_the_others_are_named),
		T(a_manifest_with_other_bytes_is_not_kept),
		T(a_damaged_manifest_in_the_store_is_fetched_again),
		T(an_image_by_digest_that_is_here_needs_no_registry),
		T(a_layer_is_fetched_when_it_is_wanted),
		T(a_document_is_one_request_and_nothing_behind_it),
		T(one_session_serves_all_of_a_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
