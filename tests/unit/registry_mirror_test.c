#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "registry/document.h"
#include "registry/download.h"
#include "registry/mirror.h"
#include "registry/resolve.h"
#include "tests/fakes/mem_store.h"
#include "tests/fakes/registry_world.h"

#define TEXT   "layer bytes"
#define MIRROR "http://m.example:5000/v2/cache/a/b"
#define HOST   "https://r.example/v2/a/b"

struct fixture {
	struct registry_world w;
	struct registry_mirrors mirrors;
	struct registry_session *session;
	struct registry_repo repo;
	struct oci_store *into;
	struct oci_descriptor blob, image;
	char *at_mirror, *at_host;
};

static void mirrors_of(struct registry_mirrors *out, const char *text)
{
	auto_strv struct strv texts = STRV_INIT;
	struct err e = ERR_INIT;

	strv_add(&texts, text);
	if (registry_mirrors_parse(out, &texts, &e) < 0)
		fail_msg("%s", e.text);
}

static int setup(void **state)
{
	struct fixture *f = mem_zalloc(sizeof(*f));

	registry_world_init(&f->w, "r.example", NULL);
	mirrors_of(&f->mirrors, "r.example=http://m.example:5000/cache/");
	f->w.opt.mirrors = &f->mirrors;
	f->w.env.docker_auth_config = WORLD_AUTHS;
	f->session = registry_session_new(http_script_http(f->w.script), "r.example", &f->w.opt);
	f->repo = (struct registry_repo){ .session = f->session, .path = "a/b" };
	f->into = mem_store_new();
	registry_world_image(&f->w, &f->image, "layer");
	registry_world_blob(&f->w, &f->blob, OCI_MEDIA_LAYER, TEXT);
	f->at_mirror = mem_printf(MIRROR "/blobs/%s", f->blob.digest.text);
	f->at_host = mem_printf(HOST "/blobs/%s", f->blob.digest.text);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	registry_session_free(f->session);
	registry_world_release(&f->w);
	registry_mirrors_release(&f->mirrors);
	oci_store_free(f->into);
	oci_descriptor_release(&f->blob);
	oci_descriptor_release(&f->image);
	free(f->at_mirror);
	free(f->at_host);
	free(f);
	return 0;
}

static void assert_downloaded(struct fixture *f)
{
	if (registry_download(&f->w.op, &f->repo, &f->blob, f->into, NULL, &f->w.e) < 0)
		fail_msg("%s", f->w.e.text);
	assert_true(oci_store_has(f->into, &f->blob.digest, NULL));
	oci_store_free(f->into);
	f->into = mem_store_new();
}

static void expect_mirror(struct fixture *f, long status, const char *answer)
{
	HTTP_EXPECT(f->w.script, .method = "GET", .url = f->at_mirror, .lacks = { "Authorization" },
		    .status = status, .answer = answer);
}

static void expect_host(struct fixture *f)
{
	HTTP_EXPECT(f->w.script, .method = "GET", .url = f->at_host, .status = 200, .answer = TEXT);
}

/* -- what is written ----------------------------------------------------------------- */

static void a_mirror_is_a_host_and_an_address(void **state)
{
	struct registry_mirrors m = { 0 };

	(void)state;
	mirrors_of(&m, "index.docker.io=https://Mirror.example:443");
	mirrors_of(&m, "localhost:5000=http://[::1]:80/a/b/");
	assert_string_equal("docker.io", m.v[0].host);
	assert_string_equal("mirror.example", m.v[0].name);
	assert_string_equal("", m.v[0].prefix);
	assert_false(m.v[0].is_http);
	assert_string_equal("localhost:5000", m.v[1].host);
	assert_string_equal("[::1]", m.v[1].name);
	assert_string_equal("a/b/", m.v[1].prefix);
	assert_true(m.v[1].is_http);
	assert_ptr_equal(&m.v[1], registry_mirrors_find(&m, "localhost:5000"));
	assert_null(registry_mirrors_find(&m, "localhost"));
	registry_mirrors_release(&m);
}

static void what_is_no_mirror_is_refused(void **state)
{
	static const struct {
		const char *text, *part;
	} wrong[] = {
		{ "mirror.example", "not HOST=URL" },
		{ "docker.io=mirror.example", "" },
		{ "docker.io=https://joe:pw@mirror.example", "" },
		{ "docker.io=https://mirror.example/?a=b", "not the address of a registry" },
		{ "docker.io=https://mirror.example/UPPER", "not the address of a registry" },
		{ "docker=https://mirror.example", "'docker' is not the host" },
		{ "a.b/c=https://mirror.example", "'a.b/c' is not the host" },
		{ "=https://mirror.example", "'' is not the host" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		auto_strv struct strv texts = STRV_INIT;
		struct registry_mirrors m = { 0 };
		struct err e = ERR_INIT;

		strv_add(&texts, wrong[i].text);
		assert_int_equal(-1, registry_mirrors_parse(&m, &texts, &e));
		assert_int_equal(ERR_INPUT, e.kind);
		assert_non_null(strstr(e.text, "--registry-mirror: "));
		if (!strstr(e.text, wrong[i].part) || strstr(e.text, "pw"))
			fail_msg("%s: %s", wrong[i].text, e.text);
		registry_mirrors_release(&m);
	}
}

static void a_host_has_one_mirror(void **state)
{
	auto_strv struct strv texts = STRV_INIT;
	struct registry_mirrors m = { 0 };
	struct err e = ERR_INIT;

	(void)state;
	strv_add(&texts, "docker.io=https://a.example");
	strv_add(&texts, "index.docker.io=https://b.example");
	assert_int_equal(-1, registry_mirrors_parse(&m, &texts, &e));
	assert_non_null(strstr(e.text, "docker.io has a mirror already"));
	registry_mirrors_release(&m);
}

/* -- what is asked --------------------------------------------------------------------- */

static void the_mirror_is_asked_first_and_without_the_hosts_password(void **state)
{
	struct fixture *f = *state;

	HTTP_EXPECT(f->w.script, .method = "GET", .url = f->at_mirror, .status = 401,
		    .headers = { "WWW-Authenticate: Basic realm=\"x\"" });
	HTTP_EXPECT(f->w.script, .method = "GET", .url = f->at_host, .lacks = { WORLD_BASIC },
		    .status = 200, .answer = TEXT);
	assert_downloaded(f);
	expect_mirror(f, 200, TEXT);
	assert_downloaded(f);
}

static void what_the_mirror_does_not_give_comes_from_the_host(void **state)
{
	static const long statuses[] = { 404, 403, 429, 500, 503 };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
		expect_mirror(f, statuses[i], "");
		expect_host(f);
		assert_downloaded(f);
	}
	assert_int_equal(0, f->w.clock.sleeps);
}

static void a_mirror_that_cannot_be_reached_is_asked_once(void **state)
{
	struct fixture *f = *state;

	HTTP_EXPECT(f->w.script, .method = "GET", .url = f->at_mirror, .fail = ERR_UNAVAILABLE);
	expect_host(f);
	assert_downloaded(f);
	expect_host(f);
	assert_downloaded(f);
}

static void a_break_at_the_mirror_may_be_mended_by_the_host(void **state)
{
	struct fixture *f = *state;

	HTTP_EXPECT(f->w.script, .method = "GET", .url = f->at_mirror, .status = 200,
		    .answer = "layer", .fail = ERR_UNAVAILABLE);
	HTTP_EXPECT(f->w.script, .method = "GET", .url = f->at_mirror, .has = { "Range: bytes=5-" },
		    .fail = ERR_UNAVAILABLE);
	HTTP_EXPECT(f->w.script, .method = "GET", .url = f->at_host, .has = { "Range: bytes=5-" },
		    .status = 206, .headers = { "Content-Range: bytes 5-10/11" },
		    .answer = " bytes");
	assert_downloaded(f);
}

static void other_bytes_at_the_mirror_are_not_asked_for_again(void **state)
{
	struct fixture *f = *state;

	expect_mirror(f, 200, "LAYER bytes");
	expect_host(f);
	assert_downloaded(f);
}

static void documents_come_from_the_mirror_and_are_verified(void **state)
{
	struct fixture *f = *state;
	auto_document struct registry_document doc = { 0 };
	auto_free char *text = registry_world_text(&f->w, &f->image);
	auto_free char *there = mem_printf(MIRROR "/manifests/%s", f->image.digest.text);
	auto_free char *here = mem_printf(HOST "/manifests/%s", f->image.digest.text);

	HTTP_EXPECT(f->w.script, .method = "GET", .url = there, .status = 200, .answer = "{}");
	HTTP_EXPECT(f->w.script, .method = "GET", .url = here, .status = 200, .answer = text);
	if (registry_document_get(&doc, &f->w.op, &f->repo, f->image.digest.text, &f->image.digest,
				  &f->w.e) < 0)
		fail_msg("%s", f->w.e.text);
	assert_string_equal(f->image.digest.text, doc.desc.digest.text);
}

static void a_push_does_not_know_the_mirror(void **state)
{
	struct fixture *f = *state;
	auto_http_response struct http_response rs = { 0 };

	f->repo.push = true;
	HTTP_EXPECT(f->w.script, .method = "HEAD", .url = f->at_host, .status = 200);
	assert_int_equal(0,
			 registry_api_blob_head(&rs, &f->w.op, &f->repo, &f->blob.digest, &f->w.e));
	assert_int_equal(200, rs.status);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mirror_is_a_host_and_an_address),
		cmocka_unit_test(what_is_no_mirror_is_refused),
		cmocka_unit_test(a_host_has_one_mirror),
		T(the_mirror_is_asked_first_and_without_the_hosts_password),
		T(what_the_mirror_does_not_give_comes_from_the_host),
		T(a_mirror_that_cannot_be_reached_is_asked_once),
		T(a_break_at_the_mirror_may_be_mended_by_the_host),
		T(other_bytes_at_the_mirror_are_not_asked_for_again),
		T(documents_come_from_the_mirror_and_are_verified),
		T(a_push_does_not_know_the_mirror),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
