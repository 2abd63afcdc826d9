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
	struct http_response rs = { .status = 202 };
	auto_buf struct buf got = BUF_INIT(BUF_SMALL);
	auto_url struct url u = { 0 };

	registry_world_init(&w, "r.example", NULL);
	if (location)
		strv_addf(&rs.headers, "location: %s", location);
	if (want) {
		assert_int_equal(0, registry_api_upload_location(&u, &w.repo, &rs, &w.e));
		url_format(&got, &u);
		assert_string_equal(want, buf_str(&got));
	} else {
		assert_int_equal(-1, registry_api_upload_location(&u, &w.repo, &rs, &w.e));
		assert_int_equal(kind, w.e.kind);
	}
	http_response_release(&rs);
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
		cmocka_unit_test(digest_and_length_are_read_only_when_they_are_some),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
