#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "registry/upload.h"
#include "tests/fakes/mem_store.h"
#include "tests/fakes/registry_world.h"

#define R "https://r.example/v2/a/b"

struct fixture {
	struct registry_world w;
	struct oci_descriptor blob;
	char *mount_url, *head_url, *put_url;
};

static void fixture_use(struct fixture *f, const char *text)
{
	char *digest;

	oci_descriptor_release(&f->blob);
	free(f->mount_url);
	free(f->head_url);
	free(f->put_url);
	registry_world_blob(&f->w, &f->blob, OCI_MEDIA_LAYER, text);
	digest = f->blob.digest.text;
	f->mount_url = mem_printf(R "/blobs/uploads/?mount=sha256%%3A%s&from=a%%2Fb",
				  oci_digest_hex(&f->blob.digest));
	f->head_url = mem_printf(R "/blobs/%s", digest);
	f->put_url = mem_printf("https://r.example/up/1?_state=x%%2B&digest=sha256%%3A%s",
				oci_digest_hex(&f->blob.digest));
}

static int setup(void **state)
{
	struct fixture *f = mem_zalloc(sizeof(*f));

	registry_world_init(&f->w, "r.example", NULL);
	fixture_use(f, "some bytes");
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	registry_world_release(&f->w);
	oci_descriptor_release(&f->blob);
	free(f->mount_url);
	free(f->head_url);
	free(f->put_url);
	free(f);
	return 0;
}

static void expect_mount(struct fixture *f, long status)
{
	HTTP_EXPECT(f->w.script, .method = "POST", .url = f->mount_url, .status = status,
		    .headers = { status == 202 ? "Location: /up/1?_state=x%2B" : NULL });
}

static void expect_plain_begin(struct fixture *f)
{
	HTTP_EXPECT(f->w.script, .method = "POST", .url = R "/blobs/uploads/", .status = 202,
		    .headers = { "Location: https://r.example/up/1?_state=x%2B" });
}

static void expect_head(struct fixture *f, long status)
{
	HTTP_EXPECT(f->w.script, .method = "HEAD", .url = f->head_url, .status = status);
}

static void expect_put(struct fixture *f, long status)
{
	HTTP_EXPECT(f->w.script, .method = "PUT", .url = f->put_url, .body = "some bytes",
		    .has = { "Content-Type: application/octet-stream" }, .status = status);
}

static void assert_upload(struct fixture *f, enum registry_upload want)
{
	enum registry_upload got;

	if (registry_upload(&got, &f->w.op, &f->w.repo, f->w.store, &f->blob, &f->w.e) < 0)
		fail_msg("%s", f->w.e.text);
	assert_int_equal(want, got);
}

static void assert_refused(struct fixture *f, enum err_kind kind, const char *part)
{
	enum registry_upload got;

	assert_int_equal(
		-1, registry_upload(&got, &f->w.op, &f->w.repo, f->w.store, &f->blob, &f->w.e));
	assert_err(&f->w, kind, part);
	assert_non_null(strstr(f->w.e.text, f->blob.digest.text));
}

static void an_absent_blob_takes_two_requests(void **state)
{
	struct fixture *f = *state;
	auto_free char *story =
		mem_printf("begin push %.19s: push %.19s\nend push %.19s 10\n", f->blob.digest.text,
			   f->blob.digest.text, f->blob.digest.text);

	expect_mount(f, 202);
	expect_put(f, 201);
	assert_upload(f, REGISTRY_UPLOAD_SENT);
	assert_string_equal(story, recorder_text(&f->w.rec));
}

static void a_blob_that_exists_is_not_sent(void **state)
{
	struct fixture *f = *state;

	expect_mount(f, 201);
	assert_upload(f, REGISTRY_UPLOAD_EXISTS);
	assert_true(recorder_has(&f->w.rec, ": exists\n"));
}

static char *large_text(void)
{
	char *text = mem_alloc((1u << 20) + 2);

	memset(text, 'x', (1u << 20) + 1);
	text[(1u << 20) + 1] = '\0';
	return text;
}

static void a_large_blob_is_looked_for_before_it_is_sent(void **state)
{
	struct fixture *f = *state;
	auto_free char *text = large_text();

	fixture_use(f, text);
	expect_mount(f, 202);
	expect_head(f, 404);
	HTTP_EXPECT(f->w.script, .method = "PUT", .url = f->put_url, .body = text, .status = 201);
	assert_upload(f, REGISTRY_UPLOAD_SENT);
	/* a registry that has once told of a blob by 201 is believed */
	expect_mount(f, 201);
	assert_upload(f, REGISTRY_UPLOAD_EXISTS);
	expect_mount(f, 202);
	HTTP_EXPECT(f->w.script, .method = "PUT", .url = f->put_url, .body = text, .status = 201);
	assert_upload(f, REGISTRY_UPLOAD_SENT);
}

/* A small blob is sent; its digest's mount is what the registry is asked afterwards. The caller frees it. */
static char *send_small(struct fixture *f)
{
	char *url = mem_strdup(f->mount_url);

	expect_mount(f, 202);
	expect_put(f, 201);
	assert_upload(f, REGISTRY_UPLOAD_SENT);
	return url;
}

static void a_blob_that_was_sent_shows_for_all_whether_a_mount_tells(void **state)
{
	struct fixture *f = *state;
	auto_free char *text = large_text();
	auto_free char *small = send_small(f);

	fixture_use(f, text);
	expect_mount(f, 202);
	HTTP_EXPECT(f->w.script, .method = "POST", .url = small, .status = 201);
	HTTP_EXPECT(f->w.script, .method = "PUT", .url = f->put_url, .body = text, .status = 201);
	assert_upload(f, REGISTRY_UPLOAD_SENT);
	text[0] = 'y';
	fixture_use(f, text);
	expect_mount(f, 202);
	HTTP_EXPECT(f->w.script, .method = "PUT", .url = f->put_url, .body = text, .status = 201);
	assert_upload(f, REGISTRY_UPLOAD_SENT);
}

static void a_mount_that_does_not_tell_of_it_is_not_used_again(void **state)
{
	struct fixture *f = *state;
	auto_free char *text = large_text();
	auto_free char *small = send_small(f);

	fixture_use(f, text);
	expect_mount(f, 202);
	HTTP_EXPECT(f->w.script, .method = "POST", .url = small, .status = 202,
		    .headers = { "Location: /up/2" });
	expect_head(f, 200);
	assert_upload(f, REGISTRY_UPLOAD_EXISTS);
	expect_head(f, 200);
	assert_upload(f, REGISTRY_UPLOAD_EXISTS);
}

static void a_registry_blind_to_mounts_is_asked_by_head_from_then_on(void **state)
{
	struct fixture *f = *state;
	auto_free char *text = large_text();

	fixture_use(f, text);
	expect_mount(f, 202);
	expect_head(f, 200);
	assert_upload(f, REGISTRY_UPLOAD_EXISTS);
	expect_head(f, 200);
	assert_upload(f, REGISTRY_UPLOAD_EXISTS);
}

static void a_refused_mount_becomes_head_and_post(void **state)
{
	struct fixture *f = *state;

	expect_mount(f, 405);
	expect_head(f, 404);
	expect_plain_begin(f);
	expect_put(f, 201);
	assert_upload(f, REGISTRY_UPLOAD_SENT);
	/* a HEAD that is refused says nothing about the blob */
	expect_head(f, 403);
	expect_plain_begin(f);
	expect_put(f, 201);
	assert_upload(f, REGISTRY_UPLOAD_SENT);
}

static void a_blob_of_another_length_is_sent_again(void **state)
{
	struct fixture *f = *state;

	registry_session_host(f->w.session)->mount = REGISTRY_MOUNT_USELESS;
	HTTP_EXPECT(f->w.script, .method = "HEAD", .url = f->head_url, .status = 200,
		    .headers = { "Content-Length: 9" });
	expect_plain_begin(f);
	expect_put(f, 201);
	assert_upload(f, REGISTRY_UPLOAD_SENT);
}

static void trouble_with_head_is_not_taken_for_absent(void **state)
{
	struct fixture *f = *state;

	registry_session_host(f->w.session)->mount = REGISTRY_MOUNT_USELESS;
	expect_head(f, 503);
	expect_head(f, 200);
	assert_upload(f, REGISTRY_UPLOAD_EXISTS);
}

static void a_broken_put_begins_anew(void **state)
{
	struct fixture *f = *state;

	expect_mount(f, 202);
	expect_put(f, 502);
	expect_mount(f, 202);
	HTTP_EXPECT(f->w.script, .method = "PUT", .url = f->put_url, .fail = ERR_UNAVAILABLE);
	expect_mount(f, 202);
	expect_put(f, 201);
	assert_upload(f, REGISTRY_UPLOAD_SENT);
	assert_int_equal(2, f->w.clock.sleeps);
}

static void one_budget_holds_for_all_steps_of_a_blob(void **state)
{
	struct fixture *f = *state;

	expect_mount(f, 503);
	expect_mount(f, 202);
	expect_put(f, 502);
	/* the budget is used up; what has not been tried yet is one more request */
	expect_mount(f, 503);
	expect_head(f, 404);
	HTTP_EXPECT(f->w.script, .method = "POST", .url = R "/blobs/uploads/", .status = 503);
	assert_refused(f, ERR_UNAVAILABLE, "503 Service Unavailable (3 tries)");
	assert_true(recorder_has(&f->w.rec, "fail push sha256:"));
}

static void a_forgotten_upload_begins_anew_but_not_forever(void **state)
{
	struct fixture *f = *state;

	expect_mount(f, 202);
	expect_put(f, 201);
	assert_upload(f, REGISTRY_UPLOAD_SENT);
	/* a registry that has taken a PUT takes them */
	for (int i = 0; i < 4; i++) {
		expect_mount(f, 202);
		HTTP_EXPECT(f->w.script, .method = "PUT", .url = f->put_url,
			    .status = i % 2 ? 404 : 400,
			    .answer = "{\"errors\":[{\"code\":\"BLOB_UPLOAD_UNKNOWN\"}]}");
	}
	assert_refused(f, ERR_FAILED, "BLOB_UPLOAD_UNKNOWN");
	assert_int_equal(0, f->w.clock.sleeps);
}

static void an_answer_without_location_is_a_passing_trouble(void **state)
{
	struct fixture *f = *state;

	HTTP_EXPECT(f->w.script, .method = "POST", .url = f->mount_url, .status = 200,
		    .answer = "Healthcheck requested");
	expect_mount(f, 202);
	expect_put(f, 201);
	assert_upload(f, REGISTRY_UPLOAD_SENT);
}

static void a_put_answered_204_is_believed_only_after_a_look(void **state)
{
	struct fixture *f = *state;

	expect_mount(f, 202);
	expect_put(f, 204);
	expect_head(f, 200);
	assert_upload(f, REGISTRY_UPLOAD_SENT);
	expect_mount(f, 202);
	expect_put(f, 204);
	expect_head(f, 404);
	assert_refused(f, ERR_FAILED, "the blob is not there");
}

static void trouble_at_the_look_after_a_put_is_retried(void **state)
{
	struct fixture *f = *state;

	expect_mount(f, 202);
	expect_put(f, 204);
	expect_head(f, 503);
	expect_head(f, 200);
	assert_upload(f, REGISTRY_UPLOAD_SENT);
}

static void a_redirected_put_is_refused(void **state)
{
	struct fixture *f = *state;

	expect_mount(f, 202);
	HTTP_EXPECT(f->w.script, .method = "PUT", .url = f->put_url, .status = 301,
		    .headers = { "Location: https://r.example/x" });
	assert_refused(f, ERR_FAILED, "301");
}

static void an_upload_elsewhere_gets_no_credentials(void **state)
{
	struct fixture *f = *state;
	auto_free char *url = mem_printf("https://storage.example/u?digest=sha256%%3A%s",
					 oci_digest_hex(&f->blob.digest));

	f->w.env.docker_auth_config = WORLD_AUTHS;
	HTTP_EXPECT(f->w.script, .method = "POST", .url = f->mount_url, .status = 401,
		    .headers = { "WWW-Authenticate: Basic realm=\"x\"" });
	HTTP_EXPECT(f->w.script, .method = "POST", .url = f->mount_url, .has = { WORLD_BASIC },
		    .status = 202, .headers = { "Location: https://storage.example/u" });
	HTTP_EXPECT(f->w.script, .method = "PUT", .url = url, .lacks = { "Authorization" },
		    .body = "some bytes", .status = 201);
	assert_upload(f, REGISTRY_UPLOAD_SENT);
}

static void an_upload_cannot_be_led_to_plain_http(void **state)
{
	struct fixture *f = *state;

	HTTP_EXPECT(f->w.script, .method = "POST", .url = f->mount_url, .status = 202,
		    .headers = { "Location: http://storage.example/u" });
	assert_refused(f, ERR_DENIED, "refused to go from https to http");
}

static void a_refusal_is_told_with_the_registrys_words(void **state)
{
	struct fixture *f = *state;

	expect_mount(f, 202);
	HTTP_EXPECT(f->w.script, .method = "PUT", .url = f->put_url, .status = 409,
		    .answer = "{\"errors\":[{\"code\":\"SIZE_INVALID\",\"message\":\"no\"}]}");
	assert_refused(f, ERR_FAILED, "409 conflict: SIZE_INVALID: no");
}

/* The script reads the body to its end, as the wire does: it must not get all of it. */
static void a_corrupt_blob_is_named_and_its_end_is_held_back(void **state)
{
	struct fixture *f = *state;

	mem_store_damage(f->w.store, &f->blob.digest, false);
	expect_mount(f, 202);
	HTTP_EXPECT(f->w.script, .method = "PUT", .url = f->put_url, .status = 201);
	assert_refused(f, ERR_CORRUPT, "another digest");
	assert_true(http_script_seen(f->w.script, 1)->body.len < 10);
}

static void a_blob_of_another_size_is_not_even_begun_to_be_sent(void **state)
{
	struct fixture *f = *state;

	mem_store_damage(f->w.store, &f->blob.digest, true);
	expect_mount(f, 202);
	HTTP_EXPECT(f->w.script, .method = "PUT", .url = f->put_url, .status = 201);
	assert_refused(f, ERR_CORRUPT, "size");
	assert_int_equal(0, http_script_seen(f->w.script, 1)->body.len);
}

static void a_blob_that_is_nowhere_is_absent(void **state)
{
	struct fixture *f = *state;

	memset(f->blob.digest.text + 7, 'a', HASH_SHA256_HEX);
	free(f->mount_url);
	free(f->put_url);
	f->mount_url = mem_printf(R "/blobs/uploads/?mount=sha256%%3A%s&from=a%%2Fb",
				  oci_digest_hex(&f->blob.digest));
	f->put_url = mem_printf("https://r.example/up/1?_state=x%%2B&digest=sha256%%3A%s",
				oci_digest_hex(&f->blob.digest));
	expect_mount(f, 202);
	HTTP_EXPECT(f->w.script, .method = "PUT", .url = f->put_url, .status = 201);
	assert_refused(f, ERR_ABSENT, "");
}

static void an_empty_blob_can_be_sent(void **state)
{
	struct fixture *f = *state;

	fixture_use(f, "");
	expect_mount(f, 202);
	HTTP_EXPECT(f->w.script, .method = "PUT", .url = f->put_url, .status = 201);
	assert_upload(f, REGISTRY_UPLOAD_SENT);
}

/* -- blobs that another repository has ------------------------------------------------ */

static void expect_mount_from_base(struct fixture *f, long status)
{
	auto_free char *url = mem_printf(R "/blobs/uploads/?mount=sha256%%3A%s&from=base%%2Fc",
					 oci_digest_hex(&f->blob.digest));

	HTTP_EXPECT(f->w.script, .method = "POST", .url = url, .status = status,
		    .headers = { status == 202 ? "Location: /up/1?_state=x%2B" : NULL });
}

static void assert_upload_from_base(struct fixture *f, enum registry_upload want)
{
	auto_strv struct strv mounts = STRV_INIT;
	enum registry_upload got;

	strv_add(&mounts, "base/c");
	if (registry_upload_or_mount(&got, &f->w.op, &f->w.repo, f->w.store, &f->blob, &mounts,
				     &f->w.e) < 0)
		fail_msg("%s", f->w.e.text);
	assert_int_equal(want, got);
}

static void a_blob_that_another_repository_has_is_mounted(void **state)
{
	struct fixture *f = *state;

	expect_mount_from_base(f, 201);
	assert_upload_from_base(f, REGISTRY_UPLOAD_MOUNTED);
	assert_true(recorder_has(&f->w.rec, ": mounted\n"));
}

static void what_cannot_be_mounted_is_looked_for_before_it_is_sent(void **state)
{
	struct fixture *f = *state;

	auto_free char *text = large_text();

	/* unless that costs more than sending it */
	expect_mount_from_base(f, 202);
	expect_put(f, 201);
	assert_upload_from_base(f, REGISTRY_UPLOAD_SENT);
	fixture_use(f, text);
	expect_mount_from_base(f, 202);
	expect_head(f, 200);
	assert_upload_from_base(f, REGISTRY_UPLOAD_EXISTS);
	expect_mount_from_base(f, 202);
	expect_head(f, 404);
	HTTP_EXPECT(f->w.script, .method = "PUT", .url = f->put_url, .body = text, .status = 201);
	assert_upload_from_base(f, REGISTRY_UPLOAD_SENT);
}

static void a_repository_that_refuses_mounts_is_asked_twice_at_most(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 2; i++) {
		expect_mount_from_base(f, 404);
		expect_mount(f, 201);
		assert_upload_from_base(f, REGISTRY_UPLOAD_EXISTS);
	}
	expect_mount(f, 201);
	assert_upload_from_base(f, REGISTRY_UPLOAD_EXISTS);
}

static void a_refused_mount_from_elsewhere_says_nothing_of_our_own_repository(void **state)
{
	struct fixture *f = *state;

	expect_mount_from_base(f, 403);
	expect_mount(f, 201);
	assert_upload_from_base(f, REGISTRY_UPLOAD_EXISTS);
	assert_int_equal(registry_session_host(f->w.session)->mount, REGISTRY_MOUNT_TELLS);
}

static void trouble_with_a_mount_is_retried(void **state)
{
	struct fixture *f = *state;

	expect_mount_from_base(f, 503);
	expect_mount_from_base(f, 201);
	assert_upload_from_base(f, REGISTRY_UPLOAD_MOUNTED);
}

/* It was a guess: the blob goes the plain way, and has all its tries for that. */
static void a_mount_that_goes_wrong_costs_no_push(void **state)
{
	struct fixture *f = *state;

	expect_mount_from_base(f, 501);
	expect_mount(f, 201);
	assert_upload_from_base(f, REGISTRY_UPLOAD_EXISTS);
	expect_mount_from_base(f, 500);
	expect_mount_from_base(f, 500);
	expect_mount(f, 503);
	expect_mount(f, 503);
	expect_mount(f, 201);
	assert_upload_from_base(f, REGISTRY_UPLOAD_EXISTS);
}

static void a_host_that_falls_over_every_mount_is_asked_without(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 3; i++)
		expect_mount(f, 500);
	expect_head(f, 404);
	expect_plain_begin(f);
	expect_put(f, 201);
	assert_upload(f, REGISTRY_UPLOAD_SENT);
	assert_int_equal(registry_session_host(f->w.session)->mount, REGISTRY_MOUNT_USELESS);
}

#define TOKEN	 "https://r.example/token?service=s&scope=repository%3Aa%2Fb%3Apull%2Cpush"
#define FOR_BASE "&scope=repository%3Abase%2Fc%3Apull"

/* Rights to the base may be missing: then it goes on with those to our own. */
static void a_mount_asks_for_rights_to_both_repositories(void **state)
{
	struct fixture *f = *state;
	auto_free char *url = mem_printf(R "/blobs/uploads/?mount=sha256%%3A%s&from=base%%2Fc",
					 oci_digest_hex(&f->blob.digest));

	HTTP_EXPECT(f->w.script, .method = "POST", .url = url, .status = 401,
		    .headers = { "WWW-Authenticate: Bearer realm=\"https://r.example/token\","
				 "service=\"s\"" });
	HTTP_EXPECT(f->w.script, .method = "GET", .url = TOKEN FOR_BASE, .status = 401);
	HTTP_EXPECT(f->w.script, .method = "GET", .url = TOKEN, .status = 200,
		    .answer = "{\"token\":\"ours\"}");
	HTTP_EXPECT(f->w.script, .method = "POST", .url = f->mount_url,
		    .has = { "Authorization: Bearer ours" }, .status = 201);
	assert_upload_from_base(f, REGISTRY_UPLOAD_EXISTS);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(an_absent_blob_takes_two_requests),
		T(a_blob_that_exists_is_not_sent),
		T(a_large_blob_is_looked_for_before_it_is_sent),
		T(a_blob_that_was_sent_shows_for_all_whether_a_mount_tells),
		T(a_mount_that_does_not_tell_of_it_is_not_used_again),
		T(a_registry_blind_to_mounts_is_asked_by_head_from_then_on),
		T(a_refused_mount_becomes_head_and_post),
		T(a_blob_of_another_length_is_sent_again),
		T(trouble_with_head_is_not_taken_for_absent),
		T(a_broken_put_begins_anew),
		T(one_budget_holds_for_all_steps_of_a_blob),
		T(a_forgotten_upload_begins_anew_but_not_forever),
		T(an_answer_without_location_is_a_passing_trouble),
		T(a_put_answered_204_is_believed_only_after_a_look),
		T(trouble_at_the_look_after_a_put_is_retried),
		T(a_redirected_put_is_refused),
		T(an_upload_elsewhere_gets_no_credentials),
		T(an_upload_cannot_be_led_to_plain_http),
		T(a_refusal_is_told_with_the_registrys_words),
		T(a_corrupt_blob_is_named_and_its_end_is_held_back),
		T(a_blob_of_another_size_is_not_even_begun_to_be_sent),
		T(a_blob_that_is_nowhere_is_absent),
		T(an_empty_blob_can_be_sent),
		T(a_blob_that_another_repository_has_is_mounted),
		T(what_cannot_be_mounted_is_looked_for_before_it_is_sent),
		T(a_refused_mount_from_elsewhere_says_nothing_of_our_own_repository),
		T(a_repository_that_refuses_mounts_is_asked_twice_at_most),
		T(trouble_with_a_mount_is_retried),
		T(a_host_that_falls_over_every_mount_is_asked_without),
		T(a_mount_that_goes_wrong_costs_no_push),
		T(a_mount_asks_for_rights_to_both_repositories),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
