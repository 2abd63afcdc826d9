#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "registry/api.h"
#include "tests/fakes/registry_world.h"

static void manifests_are_put_with_their_type_and_bytes(void **state)
{
	struct registry_world w;
	auto_http_response struct http_response rs = { 0 };

	(void)state;
	registry_world_init(&w, "r.example", NULL);
	HTTP_EXPECT(w.script, .method = "PUT", .url = "https://r.example/v2/a/b/manifests/1",
		    .has = { "Content-Type: " OCI_MEDIA_INDEX }, .body = "{}", .status = 201);
	assert_int_equal(0, registry_api_manifest_put(&rs, &w.op, &w.repo, "1", OCI_MEDIA_INDEX,
						      SPAN_LIT("{}"), &w.e));
	assert_int_equal(201, rs.status);
	registry_world_release(&w);
}

static void a_head_follows_redirects_as_a_head(void **state)
{
	struct registry_world w;
	auto_http_response struct http_response rs = { 0 };

	(void)state;
	registry_world_init(&w, "r.example", NULL);
	HTTP_EXPECT(w.script, .method = "HEAD", .url = "https://r.example/v2/a/b/manifests/1",
		    .status = 307, .headers = { "Location: /elsewhere?x" });
	HTTP_EXPECT(w.script, .method = "HEAD", .url = "https://r.example/elsewhere?x",
		    .has = { "Accept: " }, .status = 200);
	assert_int_equal(0, registry_api_manifest_head(&rs, &w.op, &w.repo, "1", &w.e));
	assert_int_equal(200, rs.status);
	registry_world_release(&w);
}

/* The address of an upload from a Location header; NULL: refused with `kind`. */
static void assert_location(const char *location, const char *want, enum err_kind kind)
{
	struct registry_world w;
	auto_free char *line = location ? mem_printf("Location: %s", location) : NULL;
	auto_http_response struct http_response rs = { 0 };
	auto_buf struct buf got = BUF_INIT(BUF_SMALL);
	auto_url struct url u = { 0 };

	registry_world_init(&w, "r.example", NULL);
	HTTP_EXPECT(w.script, .method = "POST", .url = "https://r.example/v2/a/b/blobs/uploads/",
		    .status = 202, .headers = { line });
	if (want) {
		assert_int_equal(
			0, registry_api_upload_begin(&rs, &u, &w.op, &w.repo, NULL, NULL, &w.e));
		url_format(&got, &u);
		assert_string_equal(want, buf_str(&got));
	} else {
		assert_int_equal(
			-1, registry_api_upload_begin(&rs, &u, &w.op, &w.repo, NULL, NULL, &w.e));
		assert_int_equal(kind, w.e.kind);
	}
	registry_world_release(&w);
}

static void the_location_of_an_upload_is_resolved_and_checked(void **state)
{
	(void)state;
	assert_location("/v2/x?_state=a%2Fb", "https://r.example/v2/x?_state=a%2Fb", 0);
	assert_location("17?_state=s", "https://r.example/v2/a/b/blobs/uploads/17?_state=s", 0);
	assert_location("https://storage.example/u", "https://storage.example/u", 0);
	assert_location("http://r.example/u", "https://r.example/u", 0);
	assert_location("http://storage.example/u", NULL, ERR_DENIED);
	assert_location("https://10.0.0.1/u", NULL, ERR_DENIED);
	assert_location("https://joe@r.example/u", NULL, ERR_FAILED);
	assert_location(NULL, NULL, ERR_UNAVAILABLE);
}

/* 301 to 303 may become a GET on the way, so a write does not go along. */
static void writes_follow_only_what_keeps_their_method(void **state)
{
	static const long stays[] = { 301, 302, 303 }, goes[] = { 307, 308 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(goes); i++) {
		auto_http_response struct http_response rs = { 0 };
		auto_url struct url at = { 0 };
		struct registry_world w;

		registry_world_init(&w, "r.example", NULL);
		HTTP_EXPECT(w.script, .method = "POST",
			    .url = "https://r.example/v2/a/b/blobs/uploads/", .status = goes[i],
			    .headers = { "Location: https://s.example/up/" });
		HTTP_EXPECT(w.script, .method = "POST", .url = "https://s.example/up/",
			    .lacks = { "Authorization" }, .status = 202,
			    .headers = { "Location: 1" });
		assert_int_equal(
			0, registry_api_upload_begin(&rs, &at, &w.op, &w.repo, NULL, NULL, &w.e));
		assert_string_equal("s.example", at.host);
		assert_string_equal("/up/1", at.path);
		registry_world_release(&w);
	}
	for (size_t i = 0; i < ARRAY_LEN(stays); i++) {
		auto_http_response struct http_response rs = { 0 };
		struct registry_world w;

		registry_world_init(&w, "r.example", NULL);
		HTTP_EXPECT(w.script, .method = "PUT",
			    .url = "https://r.example/v2/a/b/manifests/1", .status = stays[i],
			    .headers = { "Location: /x" });
		assert_int_equal(0, registry_api_manifest_put(&rs, &w.op, &w.repo, "1", "t",
							      SPAN_LIT("{}"), &w.e));
		assert_int_equal(stays[i], rs.status);
		registry_world_release(&w);
	}
}

static void what_a_range_says_has_arrived(void **state)
{
	static const struct {
		const char *line;
		int64_t want; /* -1: nothing */
	} cases[] = {
		{ "range: 0-99", 100 },	   { "range: bytes=0-99", 100 },
		{ "range: bytes 0-1", 2 }, { "range: 0-0", 0 },
		{ "range: 1-99", -1 },	   { "range: 0-", -1 },
		{ "range: 0--1", -1 },	   { "range: x", -1 },
		{ "x: 0-99", -1 },	   { "range: 0-18446744073709551615", -1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_http_response struct http_response rs = { 0 };
		uint64_t n = 77;

		strv_add(&rs.headers, cases[i].line);
		assert_int_equal(cases[i].want >= 0, registry_api_range(&n, &rs));
		assert_int_equal(cases[i].want >= 0 ? cases[i].want : 77, n);
	}
}

static void digest_and_length_are_read_only_when_they_are_some(void **state)
{
	auto_http_response struct http_response rs = { 0 };
	struct oci_digest d;
	uint64_t n;

	(void)state;
	assert_false(registry_api_digest(&d, &rs));
	assert_false(registry_api_length(&n, &rs));
	strv_add(&rs.headers, "docker-content-digest: sha512:00");
	strv_add(&rs.headers, "content-length: -1");
	assert_false(registry_api_digest(&d, &rs));
	assert_false(registry_api_length(&n, &rs));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(manifests_are_put_with_their_type_and_bytes),
		cmocka_unit_test(a_head_follows_redirects_as_a_head),
		cmocka_unit_test(the_location_of_an_upload_is_resolved_and_checked),
		cmocka_unit_test(writes_follow_only_what_keeps_their_method),
		cmocka_unit_test(what_a_range_says_has_arrived),
		cmocka_unit_test(digest_and_length_are_read_only_when_they_are_some),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
