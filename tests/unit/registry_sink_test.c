/* An image under several names: each repository is asked once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "registry/sink.h"
#include "tests/fakes/mem_store.h"
#include "tests/fakes/registry_world.h"

struct fixture {
	struct registry_world w;
	struct oci_descriptor image;
	char *text;
	struct oci_digest layer, config;
	struct strv names, origins;
	struct image_sink *sink;
};

static int setup(void **state)
{
	struct fixture *f = mem_zalloc(sizeof(*f));
	auto_manifest struct oci_manifest m = { 0 };

	registry_world_init(&f->w, "r.example", NULL);
	registry_world_image(&f->w, &f->image, "the bytes of the layer");
	f->text = registry_world_text(&f->w, &f->image);
	assert_int_equal(0, oci_manifest_parse(&m, span_of_str(f->text), NULL, &f->w.e));
	f->config = m.config.digest;
	f->layer = m.layers[0].digest;
	f->sink = registry_sink_new(http_script_http(f->w.script), &f->w.opt);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	image_sink_free(f->sink);
	registry_world_release(&f->w);
	oci_descriptor_release(&f->image);
	strv_release(&f->names);
	strv_release(&f->origins);
	free(f->text);
	free(f);
	return 0;
}

static void expect(struct fixture *f, const char *method, const char *path, long status)
{
	auto_free char *url = mem_printf("https://%s", path);

	HTTP_EXPECT(f->w.script, .method = method, .url = url, .status = status);
}

/* Is there, or was mounted, from the repository `from`. */
static void expect_blob(struct fixture *f, const char *repo, const struct oci_digest *d,
			const char *from)
{
	auto_free char *path = mem_printf("%s/blobs/uploads/?mount=sha256%%3A%s&from=%s", repo,
					  oci_digest_hex(d), from);

	expect(f, "POST", path, 201);
}

static void put(struct fixture *f)
{
	const struct image_sink_job job = {
		.from = f->w.store, .image = &f->image, .names = &f->names, .origins = &f->origins
	};

	if (f->sink->put(f->sink, &f->w.op, &job, &f->w.e) < 0)
		fail_msg("%s", f->w.e.text);
}

static void names_of_one_repository_are_one_push(void **state)
{
	struct fixture *f = *state;

	strv_add(&f->names, "r.example/a/b:1");
	strv_add(&f->names, "s.example/c:1");
	strv_add(&f->names, "r.example/a/b:2");
	http_script_unordered(f->w.script);
	expect(f, "HEAD", "r.example/v2/a/b/manifests/1", 404);
	expect(f, "HEAD", "r.example/v2/a/b/manifests/2", 404);
	expect_blob(f, "r.example/v2/a/b", &f->layer, "a%2Fb");
	expect_blob(f, "r.example/v2/a/b", &f->config, "a%2Fb");
	expect(f, "PUT", "r.example/v2/a/b/manifests/1", 201);
	expect(f, "PUT", "r.example/v2/a/b/manifests/2", 201);
	expect(f, "HEAD", "s.example/v2/c/manifests/1", 404);
	expect_blob(f, "s.example/v2/c", &f->layer, "c");
	expect_blob(f, "s.example/v2/c", &f->config, "c");
	expect(f, "PUT", "s.example/v2/c/manifests/1", 201);
	put(f);
}

static void only_a_repository_of_the_same_host_is_mounted_from(void **state)
{
	struct fixture *f = *state;

	strv_add(&f->names, "r.example/a/b:1");
	strv_add(&f->names, "s.example/c:1");
	strv_addf(&f->origins, "%s=r.example/base/d", f->layer.text);
	http_script_unordered(f->w.script);
	expect(f, "HEAD", "r.example/v2/a/b/manifests/1", 404);
	expect_blob(f, "r.example/v2/a/b", &f->layer, "base%2Fd");
	expect_blob(f, "r.example/v2/a/b", &f->config, "a%2Fb");
	expect(f, "PUT", "r.example/v2/a/b/manifests/1", 201);
	expect(f, "HEAD", "s.example/v2/c/manifests/1", 404);
	expect_blob(f, "s.example/v2/c", &f->layer, "c");
	expect_blob(f, "s.example/v2/c", &f->config, "c");
	expect(f, "PUT", "s.example/v2/c/manifests/1", 201);
	put(f);
}

static void a_name_by_digest_sets_no_tag(void **state)
{
	struct fixture *f = *state;
	auto_free char *manifest =
		mem_printf("r.example/v2/a/b/manifests/%s", f->image.digest.text);

	strv_addf(&f->names, "r.example/a/b@%s", f->image.digest.text);
	http_script_unordered(f->w.script);
	expect(f, "HEAD", manifest, 404);
	expect_blob(f, "r.example/v2/a/b", &f->layer, "a%2Fb");
	expect_blob(f, "r.example/v2/a/b", &f->config, "a%2Fb");
	expect(f, "PUT", manifest, 201);
	put(f);
}

/* -- ahead ------------------------------------------------------------------------------ */

static void expect_sent(struct fixture *f, const struct oci_digest *d, long status)
{
	const char *hex = oci_digest_hex(d);
	auto_free char *begin = mem_printf(
		"https://r.example/v2/a/b/blobs/uploads/?mount=sha256%%3A%s&from=a%%2Fb", hex);
	auto_free char *location = mem_printf("Location: /u/%s", hex);
	auto_free char *end = mem_printf("https://r.example/u/%s?digest=sha256%%3A%s", hex, hex);

	HTTP_EXPECT(f->w.script, .method = "POST", .url = begin, .status = 202,
		    .headers = { location });
	HTTP_EXPECT(f->w.script, .method = "PUT", .url = end, .status = status);
}

/* Both are sent by now, in this order, if they can be. */
static void send_ahead(struct fixture *f, const struct oci_digest *first,
		       const struct oci_digest *second)
{
	const struct oci_digest *both[] = { first, second };

	for (size_t i = 0; i < 2; i++) {
		struct oci_descriptor d = { .media_type = (char *)(uintptr_t)OCI_MEDIA_LAYER_GZIP,
					    .digest = *both[i] };

		assert_true(oci_store_has(f->w.store, both[i], &d.size_bytes));
		image_sink_send(f->sink, f->w.store, &d);
	}
}

static void what_was_sent_ahead_is_not_asked_for_again(void **state)
{
	struct fixture *f = *state;

	f->w.opt.jobs = 1;
	strv_add(&f->names, "r.example/a/b:1");
	strv_add(&f->names, "r.example/a/b:2");
	image_sink_expect(f->sink, &f->w.op, &f->names);
	expect_sent(f, &f->layer, 201);
	send_ahead(f, &f->layer, &f->layer);
	/* an image of which something had to be sent is not there yet */
	expect_sent(f, &f->config, 201);
	expect(f, "PUT", "r.example/v2/a/b/manifests/1", 201);
	expect(f, "PUT", "r.example/v2/a/b/manifests/2", 201);
	put(f);
	assert_true(recorder_has(&f->w.rec, "2 blobs sent, 0 mounted, 0 there already"));
	image_sink_settle(f->sink, true);
}

static void what_failed_ahead_is_sent_with_the_image(void **state)
{
	struct fixture *f = *state;

	f->w.opt.jobs = 1;
	strv_add(&f->names, "r.example/a/b:1");
	image_sink_expect(f->sink, &f->w.op, &f->names);
	expect_sent(f, &f->layer, 403);
	send_ahead(f, &f->layer, &f->config);
	expect(f, "HEAD", "r.example/v2/a/b/manifests/1", 404);
	http_script_unordered(f->w.script);
	expect_sent(f, &f->layer, 201);
	expect_sent(f, &f->config, 201);
	expect(f, "PUT", "r.example/v2/a/b/manifests/1", 201);
	put(f);
	image_sink_settle(f->sink, true);
}

static void what_was_settled_is_asked_for_again(void **state)
{
	struct fixture *f = *state;

	f->w.opt.jobs = 1;
	strv_add(&f->names, "r.example/a/b:1");
	image_sink_expect(f->sink, &f->w.op, &f->names);
	expect_sent(f, &f->layer, 201);
	send_ahead(f, &f->layer, &f->layer);
	image_sink_settle(f->sink, true);
	send_ahead(f, &f->layer, &f->config); /* to nobody */
	http_script_unordered(f->w.script);
	expect(f, "HEAD", "r.example/v2/a/b/manifests/1", 404);
	expect_blob(f, "r.example/v2/a/b", &f->layer, "a%2Fb");
	expect_blob(f, "r.example/v2/a/b", &f->config, "a%2Fb");
	expect(f, "PUT", "r.example/v2/a/b/manifests/1", 201);
	put(f);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(names_of_one_repository_are_one_push),
		T(only_a_repository_of_the_same_host_is_mounted_from),
		T(a_name_by_digest_sets_no_tag),
		T(what_was_sent_ahead_is_not_asked_for_again),
		T(what_failed_ahead_is_sent_with_the_image),
		T(what_was_settled_is_asked_for_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
