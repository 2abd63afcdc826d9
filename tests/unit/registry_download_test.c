#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "registry/download.h"
#include "tests/fakes/mem_store.h"
#include "tests/fakes/registry_world.h"

#define TEXT "layer bytes"

struct fixture {
	struct registry_world w;
	struct oci_store *into;
	struct oci_descriptor blob;
	struct arrival coming;
	char *url;
};

static int setup(void **state)
{
	struct fixture *f = mem_zalloc(sizeof(*f));

	registry_world_init(&f->w, "r.example", NULL);
	f->into = mem_store_new();
	arrival_init(&f->coming);
	registry_world_blob(&f->w, &f->blob, OCI_MEDIA_LAYER, TEXT);
	f->url = mem_printf("https://r.example/v2/a/b/blobs/%s", f->blob.digest.text);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	registry_world_release(&f->w);
	arrival_release(&f->coming);
	oci_store_free(f->into);
	oci_descriptor_release(&f->blob);
	free(f->url);
	free(f);
	return 0;
}

static void expect_get(struct fixture *f, const char *answer)
{
	HTTP_EXPECT(f->w.script, .method = "GET", .url = f->url, .status = 200, .answer = answer);
}

/* What the registry has is 5 bytes long, as it says. */
static void expect_short(struct fixture *f, const char *answer)
{
	HTTP_EXPECT(f->w.script, .method = "GET", .url = f->url, .status = 200,
		    .headers = { "Content-Length: 5" }, .answer = answer);
}

static void assert_downloaded(struct fixture *f)
{
	if (registry_download(&f->w.op, &f->w.repo, &f->blob, f->into, &f->coming, &f->w.e) < 0)
		fail_msg("%s", f->w.e.text);
	assert_true(oci_store_has(f->into, &f->blob.digest, NULL));
}

static void assert_refused(struct fixture *f, enum err_kind kind, const char *part)
{
	assert_int_equal(-1, registry_download(&f->w.op, &f->w.repo, &f->blob, f->into, &f->coming,
					       &f->w.e));
	assert_err(&f->w, kind, part);
	assert_non_null(strstr(f->w.e.text, f->blob.digest.text));
	assert_int_equal(0, mem_store_count(f->into));
}

/* Who reads it meanwhile has read its bytes, and only these. */
static void assert_came_once(struct fixture *f)
{
	assert_int_equal(f->coming.bytes, f->blob.size_bytes);
	assert_false(arrival_was_dropped(&f->coming));
}

static void assert_came_anew(struct fixture *f)
{
	assert_true(arrival_was_dropped(&f->coming));
}

static void a_blob_goes_into_the_store(void **state)
{
	struct fixture *f = *state;

	expect_get(f, TEXT);
	assert_downloaded(f);
	assert_true(recorder_has(&f->w.rec, "begin pull sha256:"));
	assert_true(recorder_has(&f->w.rec, " 11\n"));
	assert_came_once(f);
}

static void a_blob_that_is_here_is_not_asked_for(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(
		0, registry_download(&f->w.op, &f->w.repo, &f->blob, f->w.store, NULL, &f->w.e));
	assert_int_equal(0, http_script_count(f->w.script));
}

static void redirects_to_storage_are_followed_without_credentials(void **state)
{
	struct fixture *f = *state;

	f->w.env.docker_auth_config = WORLD_AUTHS;
	HTTP_EXPECT(f->w.script, .method = "GET", .url = f->url, .status = 401,
		    .headers = { "WWW-Authenticate: Basic realm=\"x\"" });
	HTTP_EXPECT(f->w.script, .method = "GET", .url = f->url, .has = { WORLD_BASIC },
		    .status = 307, .headers = { "Location: https://s3.example/x?sig=1" },
		    .answer = "gone elsewhere");
	HTTP_EXPECT(f->w.script, .method = "GET", .url = "https://s3.example/x?sig=1",
		    .lacks = { "Authorization" }, .status = 302, .headers = { "Location: y" });
	HTTP_EXPECT(f->w.script, .method = "GET", .url = "https://s3.example/y",
		    .lacks = { "Authorization" }, .status = 200, .answer = TEXT);
	assert_downloaded(f);
}

static void redirects_end(void **state)
{
	struct fixture *f = *state;

	HTTP_EXPECT(f->w.script, .method = "GET", .url = f->url, .status = 307,
		    .headers = { "Location: /loop" });
	HTTP_EXPECT(f->w.script, .method = "GET", .url = "https://r.example/loop", .times = 5,
		    .status = 307, .headers = { "Location: /loop" });
	assert_refused(f, ERR_FAILED, "redirected more than 5 times");
}

static void a_redirect_to_plain_http_is_refused(void **state)
{
	struct fixture *f = *state;

	HTTP_EXPECT(f->w.script, .method = "GET", .url = f->url, .status = 307,
		    .headers = { "Location: http://s3.example/x" });
	assert_refused(f, ERR_DENIED, "redirect: refused to go from https to http");
}

/* The first bytes, and then nothing more. */
static void expect_break(struct fixture *f, const char *answer)
{
	HTTP_EXPECT(f->w.script, .method = "GET", .url = f->url, .lacks = { "Range" },
		    .status = 200, .answer = answer, .fail = ERR_UNAVAILABLE);
}

static void expect_rest(struct fixture *f, const char *range, const char *content_range,
			const char *answer)
{
	HTTP_EXPECT(f->w.script, .method = "GET", .url = f->url, .has = { range }, .status = 206,
		    .headers = { content_range }, .answer = answer);
}

static void after_a_break_only_the_rest_is_asked_for(void **state)
{
	struct fixture *f = *state;

	expect_break(f, "layer");
	HTTP_EXPECT(f->w.script, .method = "GET", .url = f->url, .has = { "Range: bytes=5-" },
		    .status = 503);
	HTTP_EXPECT(f->w.script, .method = "GET", .url = f->url, .has = { "Range: bytes=5-" },
		    .status = 206, .headers = { "Content-Range: bytes 5-10/11" },
		    .answer = " bytes");
	assert_downloaded(f);
	assert_int_equal(2, f->w.clock.sleeps);
	assert_came_once(f);
}

static void the_rest_may_break_too(void **state)
{
	struct fixture *f = *state;

	expect_break(f, "layer");
	HTTP_EXPECT(f->w.script, .method = "GET", .url = f->url, .has = { "Range: bytes=5-" },
		    .status = 206, .headers = { "Content-Range: bytes 5-10/11" }, .answer = " b",
		    .fail = ERR_UNAVAILABLE);
	expect_rest(f, "Range: bytes=7-", "Content-Range: bytes 7-10/11", "ytes");
	assert_downloaded(f);
	assert_came_once(f);
}

static void an_answer_that_ends_early_is_a_break_too(void **state)
{
	struct fixture *f = *state;

	expect_get(f, "layer");
	expect_rest(f, "Range: bytes=5-", "Content-Range: bytes 5-10/11", " bytes");
	assert_downloaded(f);
	assert_came_once(f);
}

static void the_rest_goes_where_the_registry_sends_us(void **state)
{
	struct fixture *f = *state;

	expect_break(f, "layer");
	HTTP_EXPECT(f->w.script, .method = "GET", .url = f->url, .has = { "Range: bytes=5-" },
		    .status = 307, .headers = { "Location: https://s3.example/x" });
	HTTP_EXPECT(f->w.script, .method = "GET", .url = "https://s3.example/x",
		    .has = { "Range: bytes=5-" }, .status = 206,
		    .headers = { "Content-Range: bytes 5-10/11" }, .answer = " bytes");
	assert_downloaded(f);
	assert_came_once(f);
}

static void all_of_it_instead_of_the_rest_begins_anew(void **state)
{
	struct fixture *f = *state;

	expect_break(f, "LAYER");
	HTTP_EXPECT(f->w.script, .method = "GET", .url = f->url, .has = { "Range: bytes=5-" },
		    .status = 200, .answer = TEXT);
	assert_downloaded(f);
	assert_came_anew(f);
}

static void another_rest_than_asked_for_begins_anew(void **state)
{
	static const char *const wrong[] = { "Content-Range: bytes 4-10/11",
					     "Content-Range: bytes 5-9/11",
					     "Content-Range: bytes 5-10/*", "X: y" };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		expect_break(f, "layer");
		expect_rest(f, "Range: bytes=5-", wrong[i], " bytes");
		HTTP_EXPECT(f->w.script, .method = "GET", .url = f->url, .lacks = { "Range" },
			    .status = 200, .answer = TEXT);
		assert_downloaded(f);
		oci_store_free(f->into);
		f->into = mem_store_new();
	}
}

static void a_rest_that_is_not_there_begins_anew(void **state)
{
	struct fixture *f = *state;

	expect_break(f, "layer");
	HTTP_EXPECT(f->w.script, .method = "GET", .url = f->url, .has = { "Range: bytes=5-" },
		    .status = 416);
	HTTP_EXPECT(f->w.script, .method = "GET", .url = f->url, .lacks = { "Range" },
		    .status = 200, .answer = TEXT);
	assert_downloaded(f);
	assert_came_anew(f);
}

static void a_break_after_the_last_byte_is_none(void **state)
{
	struct fixture *f = *state;

	expect_break(f, TEXT);
	assert_downloaded(f);
	assert_came_once(f);
}

static void a_rest_of_other_bytes_begins_anew(void **state)
{
	struct fixture *f = *state;

	expect_break(f, "layer");
	expect_rest(f, "Range: bytes=5-", "Content-Range: bytes 5-10/11", " BYTES");
	HTTP_EXPECT(f->w.script, .method = "GET", .url = f->url, .lacks = { "Range" },
		    .status = 200, .answer = TEXT);
	assert_downloaded(f);
	assert_came_anew(f);
}

static void breaks_come_to_an_end(void **state)
{
	struct fixture *f = *state;

	expect_break(f, "layer");
	HTTP_EXPECT(f->w.script, .method = "GET", .url = f->url, .has = { "Range: bytes=5-" },
		    .times = 2, .fail = ERR_UNAVAILABLE);
	assert_refused(f, ERR_UNAVAILABLE, "");
	assert_came_anew(f);
}

static void wrong_bytes_are_fetched_once_more(void **state)
{
	struct fixture *f = *state;

	expect_get(f, "LAYER bytes");
	expect_get(f, TEXT);
	assert_downloaded(f);
	assert_came_anew(f);
}

static void wrong_bytes_twice_are_corrupt(void **state)
{
	struct fixture *f = *state;

	expect_get(f, "LAYER bytes");
	expect_short(f, "short");
	assert_refused(f, ERR_CORRUPT, "");
	assert_true(recorder_has(&f->w.rec, "fail pull sha256:"));
	assert_came_anew(f);
}

static void more_bytes_than_promised_are_stopped(void **state)
{
	struct fixture *f = *state;

	expect_get(f, TEXT "and much more");
	expect_get(f, TEXT "and much more");
	assert_refused(f, ERR_CORRUPT, "more than its 11 bytes");
}

static void more_bytes_than_promised_are_fetched_once_more(void **state)
{
	struct fixture *f = *state;

	expect_get(f, TEXT "and much more");
	expect_get(f, TEXT);
	assert_downloaded(f);
	assert_came_anew(f);
}

static void a_blob_that_a_crash_left_short_is_fetched_again(void **state)
{
	struct fixture *f = *state;
	uint64_t size;

	mem_store_damage(f->w.store, &f->blob.digest, true);
	expect_get(f, TEXT);
	assert_int_equal(
		0, registry_download(&f->w.op, &f->w.repo, &f->blob, f->w.store, NULL, &f->w.e));
	assert_true(oci_store_has(f->w.store, &f->blob.digest, &size));
	assert_int_equal(f->blob.size_bytes, size);
}

static void an_absent_blob_is_absent(void **state)
{
	struct fixture *f = *state;

	HTTP_EXPECT(f->w.script, .method = "GET", .url = f->url, .status = 404,
		    .answer = "{\"errors\":[{\"code\":\"BLOB_UNKNOWN\"}]}");
	assert_refused(f, ERR_ABSENT, "BLOB_UNKNOWN");
}

static void a_full_disk_is_not_retried(void **state)
{
	struct fixture *f = *state;

	mem_store_fail_write(f->into, 1);
	expect_get(f, TEXT);
	assert_refused(f, ERR_IMPOSSIBLE, "");
}

static void a_small_blob_comes_into_memory(void **state)
{
	struct fixture *f = *state;
	auto_buf struct buf out = BUF_INIT(100);

	expect_get(f, "LAYER bytes");
	expect_get(f, TEXT);
	assert_int_equal(0, registry_download_bytes(&out, &f->w.op, &f->w.repo, &f->blob, &f->w.e));
	assert_string_equal(TEXT, buf_str(&out));
	assert_string_equal("", recorder_text(&f->w.rec));
}

static void a_small_blob_is_verified_and_bounded(void **state)
{
	struct fixture *f = *state;
	auto_buf struct buf out = BUF_INIT(100);
	auto_buf struct buf small = BUF_INIT(5);

	expect_short(f, "layer");
	expect_short(f, "layer");
	assert_int_equal(-1,
			 registry_download_bytes(&out, &f->w.op, &f->w.repo, &f->blob, &f->w.e));
	assert_err(&f->w, ERR_CORRUPT, "only 5 of its 11 bytes");
	expect_get(f, "layer bytez");
	expect_get(f, "layer bytez");
	assert_int_equal(-1,
			 registry_download_bytes(&out, &f->w.op, &f->w.repo, &f->blob, &f->w.e));
	assert_err(&f->w, ERR_CORRUPT, "other bytes came");
	assert_int_equal(-1,
			 registry_download_bytes(&small, &f->w.op, &f->w.repo, &f->blob, &f->w.e));
	assert_err(&f->w, ERR_CORRUPT, "more than the 5 allowed");
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_blob_goes_into_the_store),
		T(a_blob_that_is_here_is_not_asked_for),
		T(redirects_to_storage_are_followed_without_credentials),
		T(redirects_end),
		T(a_redirect_to_plain_http_is_refused),
		T(after_a_break_only_the_rest_is_asked_for),
		T(the_rest_may_break_too),
		T(an_answer_that_ends_early_is_a_break_too),
		T(the_rest_goes_where_the_registry_sends_us),
		T(all_of_it_instead_of_the_rest_begins_anew),
		T(another_rest_than_asked_for_begins_anew),
		T(a_rest_that_is_not_there_begins_anew),
		T(a_break_after_the_last_byte_is_none),
		T(a_rest_of_other_bytes_begins_anew),
		T(breaks_come_to_an_end),
		T(wrong_bytes_are_fetched_once_more),
		T(wrong_bytes_twice_are_corrupt),
		T(more_bytes_than_promised_are_stopped),
		T(more_bytes_than_promised_are_fetched_once_more),
		T(a_blob_that_a_crash_left_short_is_fetched_again),
		T(an_absent_blob_is_absent),
		T(a_full_disk_is_not_retried),
		T(a_small_blob_comes_into_memory),
		T(a_small_blob_is_verified_and_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
