/* What lies in registries as a store: documents once, blobs as streams, another store before them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "registry/push_plan.h"
#include "registry/remote.h"
#include "tests/fakes/mem_store.h"
#include "tests/fakes/registry_world.h"

#define R "https://r.example/v2/a/b"

struct fixture {
	struct registry_world w;
	struct oci_descriptor image; /* in w.store, whose texts the registry serves */
	char *text;
	struct oci_manifest m;
	struct oci_reference ref;
	struct oci_store *remote;
};

static void open_remote(struct fixture *f, struct oci_store *near)
{
	const struct registry_remote_options opt = { .op = &f->w.op,
						     .http = http_script_http(f->w.script),
						     .registry = &f->w.opt,
						     .session = f->w.session,
						     .session_host = "r.example",
						     .near = near,
						     .streams = 2 };

	if (registry_remote_new(&f->remote, &opt, &f->w.e) < 0)
		fail_msg("%s", f->w.e.text);
}

static int setup(void **state)
{
	struct fixture *f = mem_zalloc(sizeof(*f));

	registry_world_init(&f->w, "r.example", NULL);
	registry_world_image(&f->w, &f->image, "the bytes of the layer");
	f->text = registry_world_text(&f->w, &f->image);
	assert_int_equal(0, oci_manifest_parse(&f->m, span_of_str(f->text), NULL, &f->w.e));
	assert_int_equal(0, oci_reference_parse(&f->ref, "r.example/a/b:1", &f->w.e));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	oci_store_free(f->remote);
	registry_world_release(&f->w);
	oci_descriptor_release(&f->image);
	oci_manifest_release(&f->m);
	oci_reference_release(&f->ref);
	free(f->text);
	free(f);
	return 0;
}

static void find(struct fixture *f, struct oci_descriptor *d)
{
	HTTP_EXPECT(f->w.script, .method = "GET", .url = R "/manifests/1", .status = 200,
		    .headers = { "Content-Type: " OCI_MEDIA_MANIFEST }, .answer = f->text);
	if (registry_remote_find(f->remote, &f->ref, d, &f->w.e) < 0)
		fail_msg("%s", f->w.e.text);
	assert_string_equal(d->digest.text, f->image.digest.text);
}

static void expect_layer(struct fixture *f, const char *repository, long status, const char *answer)
{
	auto_free char *url = mem_printf("https://r.example/v2/%s/blobs/%s", repository,
					 f->m.layers[0].digest.text);

	HTTP_EXPECT(f->w.script, .method = "GET", .url = url, .status = status, .answer = answer);
}

static void a_document_is_fetched_once_and_tells_what_there_is(void **state)
{
	struct fixture *f = *state;
	auto_descriptor struct oci_descriptor d = { 0 };
	auto_push_plan struct push_plan plan = { 0 };
	uint64_t size;

	open_remote(f, NULL);
	find(f, &d);
	for (int i = 0; i < 2; i++) {
		push_plan_release(&plan);
		if (push_plan_init(&plan, f->remote, &d, &f->w.e) < 0)
			fail_msg("%s", f->w.e.text);
	}
	assert_int_equal(plan.nr_blobs, 2);
	assert_true(oci_store_has(f->remote, &f->m.layers[0].digest, &size));
	assert_int_equal(size, f->m.layers[0].size_bytes);
}

static void a_blob_streams_and_is_verified_by_who_reads_it(void **state)
{
	struct fixture *f = *state;
	auto_descriptor struct oci_descriptor d = { 0 };
	auto_buf struct buf got = BUF_INIT(100);

	open_remote(f, NULL);
	find(f, &d);
	expect_layer(f, "a/b", 200, "the bytes of the layer");
	assert_int_equal(0, oci_store_read(f->remote, &f->m.layers[0], 100, &got, &f->w.e));
	assert_string_equal(buf_str(&got), "the bytes of the layer");
	expect_layer(f, "a/b", 200, "THE bytes of the layer");
	assert_int_equal(-1, oci_store_read(f->remote, &f->m.layers[0], 100, &got, &f->w.e));
	assert_err(&f->w, ERR_CORRUPT, f->m.layers[0].digest.text);
}

/* One try for a blob of 22 bytes: with this header, from there on, and then it breaks. */
static void expect_part(struct fixture *f, const char *range, long status,
			const char *content_range, const char *answer, bool breaks)
{
	auto_free char *url = mem_printf(R "/blobs/%s", f->m.layers[0].digest.text);

	HTTP_EXPECT(f->w.script, .method = "GET", .url = url, .has = { range },
		    .lacks = { range ? NULL : "Range" }, .status = status,
		    .headers = { content_range }, .answer = answer,
		    .fail = breaks ? ERR_UNAVAILABLE : ERR_NONE);
}

static void more_or_fewer_bytes_than_promised_are_told(void **state)
{
	struct fixture *f = *state;
	auto_descriptor struct oci_descriptor d = { 0 };
	auto_buf struct buf got = BUF_INIT(100);

	open_remote(f, NULL);
	find(f, &d);
	expect_layer(f, "a/b", 200, "the bytes of the layer, and more");
	assert_int_equal(-1, oci_store_read(f->remote, &f->m.layers[0], 100, &got, &f->w.e));
	assert_err(&f->w, ERR_CORRUPT, "more than its 22 bytes");
	expect_part(f, NULL, 200, "Content-Length: 9", "the bytes", false);
	assert_int_equal(-1, oci_store_read(f->remote, &f->m.layers[0], 100, &got, &f->w.e));
	assert_err(&f->w, ERR_UNAVAILABLE, "only 9 of its 22");
}

static void a_stream_that_breaks_goes_on_where_it_broke(void **state)
{
	struct fixture *f = *state;
	auto_descriptor struct oci_descriptor d = { 0 };
	auto_buf struct buf got = BUF_INIT(100);

	open_remote(f, NULL);
	find(f, &d);
	expect_part(f, NULL, 200, NULL, "the bytes", true);
	expect_part(f, "Range: bytes=9-", 206, "Content-Range: bytes 9-21/22", " of", true);
	/* an answer with all of it brings the rest as well */
	expect_part(f, "Range: bytes=12-", 200, NULL, "the bytes of the layer", false);
	assert_int_equal(0, oci_store_read(f->remote, &f->m.layers[0], 100, &got, &f->w.e));
	assert_string_equal(buf_str(&got), "the bytes of the layer");
	assert_int_equal(2, f->w.clock.sleeps);
}

static void other_bytes_than_the_rest_are_not_put_behind_the_first(void **state)
{
	struct fixture *f = *state;
	auto_descriptor struct oci_descriptor d = { 0 };
	auto_buf struct buf got = BUF_INIT(100);

	open_remote(f, NULL);
	find(f, &d);
	expect_part(f, NULL, 200, NULL, "the bytes", true);
	expect_part(f, "Range: bytes=9-", 206, "Content-Range: bytes 8-21/22", "s of", false);
	assert_int_equal(-1, oci_store_read(f->remote, &f->m.layers[0], 100, &got, &f->w.e));
	assert_err(&f->w, ERR_UNAVAILABLE, "not the bytes from 9 on");
	expect_part(f, NULL, 200, NULL, "the bytes", true);
	expect_part(f, "Range: bytes=9-", 416, NULL, "", false);
	buf_reset(&got);
	assert_int_equal(-1, oci_store_read(f->remote, &f->m.layers[0], 100, &got, &f->w.e));
	assert_err(&f->w, ERR_UNAVAILABLE, "only 9 of its 22");
}

/* Its reader begins anew some times, too: that must not multiply. */
static void all_streams_of_a_blob_have_the_tries_of_one(void **state)
{
	struct fixture *f = *state;
	auto_descriptor struct oci_descriptor d = { 0 };
	auto_buf struct buf got = BUF_INIT(100);

	open_remote(f, NULL);
	find(f, &d);
	expect_part(f, NULL, 200, NULL, "the bytes", true);
	for (unsigned i = 0; i < f->w.opt.retries; i++)
		expect_part(f, "Range: bytes=9-", 503, "Content-Length: 0", "", false);
	assert_int_equal(-1, oci_store_read(f->remote, &f->m.layers[0], 100, &got, &f->w.e));
	assert_err(&f->w, ERR_UNAVAILABLE, "503");
	expect_part(f, NULL, 200, NULL, "the bytes", true);
	buf_reset(&got);
	assert_int_equal(-1, oci_store_read(f->remote, &f->m.layers[0], 100, &got, &f->w.e));
	assert_int_equal(f->w.opt.retries, f->w.clock.sleeps);
}

static void what_is_near_is_not_fetched(void **state)
{
	struct fixture *f = *state;
	auto_buf struct buf got = BUF_INIT(100);
	struct oci_store *near = mem_store_new();

	assert_int_equal(0,
			 oci_store_write(near, SPAN_LIT("the bytes of the layer"), NULL, &f->w.e));
	open_remote(f, near);
	registry_remote_add(f->remote, &f->m.layers[0], &f->ref);
	assert_int_equal(0, oci_store_read(f->remote, &f->m.layers[0], 100, &got, &f->w.e));
}

static void the_next_place_is_asked_when_one_has_it_not(void **state)
{
	struct fixture *f = *state;
	auto_reference struct oci_reference other = { 0 };
	auto_buf struct buf got = BUF_INIT(100);

	assert_int_equal(0, oci_reference_parse(&other, "r.example/other", &f->w.e));
	open_remote(f, mem_store_new());
	registry_remote_add(f->remote, &f->m.layers[0], &f->ref);
	registry_remote_add(f->remote, &f->m.layers[0], &other);
	expect_layer(f, "a/b", 404, "");
	expect_layer(f, "other", 200, "the bytes of the layer");
	assert_int_equal(0, oci_store_read(f->remote, &f->m.layers[0], 100, &got, &f->w.e));
	expect_layer(f, "a/b", 404, "");
	expect_layer(f, "other", 404, "");
	assert_int_equal(-1, oci_store_read(f->remote, &f->m.layers[0], 100, &got, &f->w.e));
	assert_err(&f->w, ERR_ABSENT, "r.example/other");
}

static void mounts_are_of_the_same_host_and_another_repository(void **state)
{
	struct fixture *f = *state;
	static const char *const to[] = { "r.example/x/y", "r.example/a/b", "s.example/x/y" };

	open_remote(f, NULL);
	registry_remote_add(f->remote, &f->m.layers[0], &f->ref);
	for (size_t i = 0; i < ARRAY_LEN(to); i++) {
		auto_reference struct oci_reference ref = { 0 };
		auto_strv struct strv mounts = STRV_INIT;

		assert_int_equal(0, oci_reference_parse(&ref, to[i], &f->w.e));
		registry_remote_mounts(&mounts, f->remote, &ref);
		assert_int_equal(mounts.n, i == 0);
		if (i == 0)
			assert_string_equal(strv_env_get(&mounts, f->m.layers[0].digest.text),
					    "a/b");
	}
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_document_is_fetched_once_and_tells_what_there_is),
		T(a_blob_streams_and_is_verified_by_who_reads_it),
		T(more_or_fewer_bytes_than_promised_are_told),
		T(a_stream_that_breaks_goes_on_where_it_broke),
		T(other_bytes_than_the_rest_are_not_put_behind_the_first),
		T(all_streams_of_a_blob_have_the_tries_of_one),
		T(what_is_near_is_not_fetched),
		T(the_next_place_is_asked_when_one_has_it_not),
		T(mounts_are_of_the_same_host_and_another_repository),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
