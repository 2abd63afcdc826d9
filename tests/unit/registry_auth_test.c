#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "tests/fakes/registry_talk.h"

static void a_token_is_renewed_before_it_ends(void **state)
{
	struct registry_world w;

	(void)state;
	registry_world_init(&w, "r.example", NULL);
	talk_script_401(&w, TALK_CHALLENGE);
	HTTP_EXPECT(w.script, .method = "GET", .url = TALK_TOKEN_URL, .status = 200,
		    .answer = "{\"token\":\"one\"}");
	talk_script_ok(&w, "Bearer one");
	talk_expect(&w, 200);
	fake_clock_advance(&w.clock, 50000);
	talk_script_ok(&w, "Bearer one");
	talk_expect(&w, 200);
	fake_clock_advance(&w.clock, 6000);
	HTTP_EXPECT(w.script, .method = "GET", .url = TALK_TOKEN_URL, .status = 200,
		    .answer = "{\"token\":\"two\"}");
	talk_script_ok(&w, "Bearer two");
	talk_expect(&w, 200);
	registry_world_release(&w);
}

static void put_body(struct registry_world *w)
{
	struct http_body body = TALK_BODY;
	struct registry_call call = { .method = "PUT", .body = &body };
	auto_http_response struct http_response rs = { 0 };

	assert_int_equal(0, talk_get(w, &call, &rs));
	assert_int_equal(201, rs.status);
}

static void script_put(struct registry_world *w, const char *auth)
{
	HTTP_EXPECT(w->script, .method = "PUT", .url = "https://r.example/v2/a/b/x",
		    .has = { auth }, .status = 201);
}

/* Whose end is near: half of a minute, a quarter of more. */
static void a_body_begins_with_a_token_that_lives_for_a_while(void **state)
{
	static const struct {
		const char *answer;
		int64_t good_ms, late_ms;
	} cases[] = {
		{ "{\"token\":\"one\"}", 29000, 2000 },
		{ "{\"token\":\"one\",\"expires_in\":900}", 674000, 2000 },
		{ "{\"token\":\"one\",\"expires_in\":10}", 4000, 2000 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct registry_world w;

		registry_world_init(&w, "r.example", NULL);
		talk_script_401(&w, TALK_CHALLENGE);
		HTTP_EXPECT(w.script, .method = "GET", .url = TALK_TOKEN_URL, .status = 200,
			    .answer = cases[i].answer);
		talk_script_ok(&w, "Bearer one");
		talk_expect(&w, 200);
		fake_clock_advance(&w.clock, cases[i].good_ms);
		script_put(&w, "Bearer one");
		put_body(&w);
		fake_clock_advance(&w.clock, cases[i].late_ms);
		talk_script_ok(&w, "Bearer one");
		talk_expect(&w, 200);
		talk_script_token(&w, TALK_TOKEN_URL, "two");
		script_put(&w, "Bearer two");
		put_body(&w);
		registry_world_release(&w);
	}
}

static void a_token_of_short_life_is_not_renewed_for_every_request(void **state)
{
	struct registry_world w;

	(void)state;
	registry_world_init(&w, "r.example", NULL);
	talk_script_401(&w, TALK_CHALLENGE);
	HTTP_EXPECT(w.script, .method = "GET", .url = TALK_TOKEN_URL, .status = 200,
		    .answer = "{\"token\":\"one\",\"expires_in\":4}");
	talk_script_ok(&w, "Bearer one");
	talk_expect(&w, 200);
	talk_script_ok(&w, "Bearer one");
	talk_expect(&w, 200);
	registry_world_release(&w);
}

static void a_token_that_is_refused_is_renewed_once(void **state)
{
	struct registry_world w;

	(void)state;
	registry_world_init(&w, "r.example", NULL);
	talk_script_401(&w, TALK_CHALLENGE);
	HTTP_EXPECT(w.script, .method = "GET", .url = TALK_TOKEN_URL, .status = 200,
		    .answer = "{\"token\":\"one\"}");
	talk_script_ok(&w, "Bearer one");
	talk_expect(&w, 200);
	HTTP_EXPECT(w.script, .method = "GET", .url = "https://r.example/v2/a/b/x",
		    .has = { "Bearer one" }, .status = 401, .headers = { TALK_CHALLENGE });
	HTTP_EXPECT(w.script, .method = "GET", .url = TALK_TOKEN_URL, .status = 200,
		    .answer = "{\"token\":\"two\"}");
	HTTP_EXPECT(w.script, .method = "GET", .url = "https://r.example/v2/a/b/x",
		    .has = { "Bearer two" }, .status = 401, .headers = { TALK_CHALLENGE });
	talk_expect(&w, 401);
	HTTP_EXPECT(w.script, .method = "GET", .url = TALK_TOKEN_URL, .status = 200,
		    .answer = "{\"token\":\"three\"}");
	talk_script_ok(&w, "Bearer three");
	talk_expect(&w, 200);
	registry_world_release(&w);
}

#define WIDE_URL  TALK_TOKEN_URL "&scope=repository%3Abase%2Fc%3Apull"
#define TOO_SMALL TALK_CHALLENGE ",error=\"insufficient_scope\""

static void get_with_mounts(struct registry_world *w, long status)
{
	auto_strv struct strv mounts = STRV_INIT;
	struct registry_call call = { .mounts = &mounts };
	auto_http_response struct http_response rs = { 0 };

	strv_add(&mounts, "base/c");
	if (talk_get(w, &call, &rs) < 0)
		fail_msg("%s", w->e.text);
	assert_int_equal(status, rs.status);
}

static void one_token_opens_the_destination_and_what_is_mounted(void **state)
{
	struct registry_call from = { .from = "base/c" };
	auto_strv struct strv mounts = STRV_INIT;
	auto_http_response struct http_response rs = { 0 };
	struct registry_world w;

	(void)state;
	registry_world_init(&w, "r.example", NULL);
	talk_script_401(&w, TALK_CHALLENGE);
	talk_script_token(&w, WIDE_URL, "wide");
	talk_script_ok(&w, "Bearer wide");
	get_with_mounts(&w, 200);
	/* the mount itself, too */
	strv_add(&mounts, "base/c");
	from.mounts = &mounts;
	talk_script_ok(&w, "Bearer wide");
	assert_int_equal(0, talk_get(&w, &from, &rs));
	assert_false(registry_session_mounts_refused(w.session));
	registry_world_release(&w);
}

static void a_refused_wide_token_leaves_the_destinations_alone(void **state)
{
	static const long refusals[] = { 401, 403 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		struct registry_call from = { .from = "base/c" };
		auto_http_response struct http_response rs = { 0 };
		struct registry_world w;

		registry_world_init(&w, "r.example", NULL);
		talk_script_401(&w, TALK_CHALLENGE);
		HTTP_EXPECT(w.script, .method = "GET", .url = WIDE_URL, .status = refusals[i]);
		talk_script_token(&w, TALK_TOKEN_URL, "narrow");
		talk_script_ok(&w, "Bearer narrow");
		get_with_mounts(&w, 200);
		assert_true(registry_session_mounts_refused(w.session));
		talk_script_ok(&w, "Bearer narrow");
		get_with_mounts(&w, 200);
		/* a mount that cannot go well is not even sent */
		assert_int_equal(-1, talk_get(&w, &from, &rs));
		assert_err(&w, ERR_DENIED, "base/c");
		registry_world_release(&w);
	}
}

/* Old GitLab reads one scope of a request only. */
/* Each lane of a push would ask, and the server count. */
static void a_refused_password_is_refused_for_the_run(void **state)
{
	struct registry_world w;

	(void)state;
	registry_world_init(&w, "r.example", WORLD_AUTHS);
	talk_script_401(&w, TALK_CHALLENGE);
	HTTP_EXPECT(w.script, .method = "GET", .url = TALK_TOKEN_URL, .status = 401);
	talk_expect_error(&w, ERR_DENIED, "credentials from DOCKER_AUTH_CONFIG");
	for (int i = 0; i < 3; i++)
		talk_expect_error(&w, ERR_DENIED, "credentials from DOCKER_AUTH_CONFIG");
	registry_world_release(&w);
}

static void a_wide_token_that_does_not_open_the_destination_is_exchanged(void **state)
{
	struct registry_world w;

	(void)state;
	registry_world_init(&w, "r.example", NULL);
	talk_script_401(&w, TALK_CHALLENGE);
	talk_script_token(&w, WIDE_URL, "wide");
	HTTP_EXPECT(w.script, .method = "GET", .url = "https://r.example/v2/a/b/x",
		    .has = { "Bearer wide" }, .status = 401, .headers = { TOO_SMALL });
	talk_script_token(&w, TALK_TOKEN_URL, "narrow");
	talk_script_ok(&w, "Bearer narrow");
	get_with_mounts(&w, 200);
	assert_true(registry_session_mounts_refused(w.session));
	registry_world_release(&w);
}

static void a_mount_that_fails_says_nothing_of_the_destination(void **state)
{
	struct registry_call from = { .from = "base/c" };
	auto_strv struct strv mounts = STRV_INIT;
	auto_http_response struct http_response rs = { 0 };
	struct registry_world w;

	(void)state;
	registry_world_init(&w, "r.example", NULL);
	talk_script_401(&w, TALK_CHALLENGE);
	talk_script_token(&w, WIDE_URL, "wide");
	HTTP_EXPECT(w.script, .method = "GET", .url = "https://r.example/v2/a/b/x",
		    .has = { "Bearer wide" }, .status = 401, .headers = { TOO_SMALL });
	strv_add(&mounts, "base/c");
	from.mounts = &mounts;
	assert_int_equal(0, talk_get(&w, &from, &rs));
	assert_int_equal(401, rs.status);
	assert_false(registry_session_mounts_refused(w.session));
	talk_script_ok(&w, "Bearer wide");
	get_with_mounts(&w, 200);
	registry_world_release(&w);
}

static void a_fresh_token_that_is_too_small_is_the_end(void **state)
{
	struct registry_world w;

	(void)state;
	registry_world_init(&w, "r.example", NULL);
	talk_script_401(&w, TALK_CHALLENGE);
	talk_script_token(&w, TALK_TOKEN_URL, "one");
	for (int i = 0; i < 3; i++) {
		HTTP_EXPECT(w.script, .method = "GET", .url = "https://r.example/v2/a/b/x",
			    .has = { "Bearer one" }, .status = 401, .headers = { TOO_SMALL });
		talk_expect(&w, 401);
	}
	registry_world_release(&w);
}

/* gcr.io does that to real requests. */
static void a_401_that_asks_for_nothing_is_explained_by_one_ping(void **state)
{
	struct registry_world w;

	(void)state;
	registry_world_init(&w, "r.example", WORLD_AUTHS);
	talk_script_401(&w, "WWW-Authenticate: Negotiate");
	HTTP_EXPECT(w.script, .method = "GET", .url = "https://r.example/v2/",
		    .lacks = { "Authorization" }, .status = 401, .headers = { TALK_CHALLENGE });
	talk_script_token(&w, TALK_TOKEN_URL, "one");
	talk_script_ok(&w, "Bearer one");
	talk_expect(&w, 200);
	/* what is known then stays so */
	HTTP_EXPECT(w.script, .method = "GET", .url = "https://r.example/v2/a/b/x",
		    .has = { "Bearer one" }, .status = 401);
	talk_script_token(&w, TALK_TOKEN_URL, "two");
	talk_script_ok(&w, "Bearer two");
	talk_expect(&w, 200);
	registry_world_release(&w);

	registry_world_init(&w, "r.example", WORLD_AUTHS);
	talk_script_401(&w, "X: y");
	HTTP_EXPECT(w.script, .method = "GET", .url = "https://r.example/v2/", .status = 200);
	talk_expect(&w, 401);
	talk_script_401(&w, "X: y");
	talk_expect(&w, 401);
	registry_world_release(&w);
}

static void credentials_may_be_for_a_part_of_the_host(void **state)
{
	struct registry_call other = { .method = "GET",
				       .path = "/v2/c/d",
				       .scope = "repository:c/d:pull" };
	auto_http_response struct http_response rs = { 0 };
	struct registry_world w;

	(void)state;
	registry_world_init(&w, "r.example",
			    "{\"auths\":{\"r.example/a\":{\"auth\":\"am9lOnNlY3JldA==\"},"
			    "\"r.example\":{\"auth\":\"YW5uOnB3\"}}}");
	talk_script_401(&w, "WWW-Authenticate: Basic realm=\"x\"");
	talk_script_ok(&w, WORLD_BASIC);
	talk_expect(&w, 200);
	HTTP_EXPECT(w.script, .method = "GET", .url = "https://r.example/v2/c/d",
		    .has = { "Authorization: Basic YW5uOnB3" }, .status = 200);
	assert_int_equal(0, registry_session_perform(w.session, &w.op, &other, &rs, &w.e));
	talk_script_ok(&w, WORLD_BASIC);
	talk_expect(&w, 200);
	registry_world_release(&w);
}

static void without_parts_the_sources_are_asked_once(void **state)
{
	struct registry_call other = { .method = "GET",
				       .path = "/v2/c/d",
				       .scope = "repository:c/d:pull" };
	auto_http_response struct http_response rs = { 0 };
	struct registry_world w;

	(void)state;
	registry_world_init(&w, "r.example", "{\"credsStore\":\"gone\"}");
	talk_script_401(&w, "WWW-Authenticate: Basic realm=\"x\"");
	talk_expect(&w, 401);
	assert_true(recorder_has(&w.rec, "docker-credential-gone"));
	recorder_clear(&w.rec);
	HTTP_EXPECT(w.script, .method = "GET", .url = "https://r.example/v2/c/d", .status = 401);
	assert_int_equal(0, registry_session_perform(w.session, &w.op, &other, &rs, &w.e));
	assert_string_equal("", recorder_text(&w.rec));
	registry_world_release(&w);
}

static void a_registry_token_goes_out_as_it_is(void **state)
{
	struct registry_world w;

	(void)state;
	registry_world_init(&w, "r.example",
			    "{\"auths\":{\"r.example\":{\"registrytoken\":\"rt\"}}}");
	talk_script_401(&w, TALK_CHALLENGE);
	talk_script_ok(&w, "Bearer rt");
	talk_expect(&w, 200);
	HTTP_EXPECT(w.script, .method = "GET", .url = "https://r.example/v2/a/b/x",
		    .has = { "Bearer rt" }, .status = 401, .headers = { TALK_CHALLENGE });
	talk_expect(&w, 401);
	registry_world_release(&w);
}

static void a_right_that_is_missing_is_named_with_the_credentials(void **state)
{
	auto_http_response struct http_response rs = { .status = 401 };
	struct registry_world w;

	(void)state;
	registry_world_init(&w, "r.example", WORLD_AUTHS);
	talk_script_401(&w, TALK_CHALLENGE);
	talk_script_token(&w, TALK_TOKEN_URL, "one");
	talk_script_ok(&w, "Bearer one");
	talk_expect(&w, 200);
	strv_add(
		&rs.headers,
		"www-authenticate: Bearer realm=\"https://t.example/auth\",error=\"insufficient_scope\","
		"scope=\"repository:base/c:pull repository:a/b:push,pull\"");
	assert_int_equal(-1, registry_session_refused(w.session, &rs, &w.e));
	assert_err(&w, ERR_DENIED,
		   "denied: no right to push to a/b (credentials from DOCKER_AUTH_CONFIG)");
	registry_world_release(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_token_is_renewed_before_it_ends),
		cmocka_unit_test(a_body_begins_with_a_token_that_lives_for_a_while),
		cmocka_unit_test(a_token_of_short_life_is_not_renewed_for_every_request),
		cmocka_unit_test(a_token_that_is_refused_is_renewed_once),
		cmocka_unit_test(one_token_opens_the_destination_and_what_is_mounted),
		cmocka_unit_test(a_refused_wide_token_leaves_the_destinations_alone),
		cmocka_unit_test(a_refused_password_is_refused_for_the_run),
		cmocka_unit_test(a_wide_token_that_does_not_open_the_destination_is_exchanged),
		cmocka_unit_test(a_mount_that_fails_says_nothing_of_the_destination),
		cmocka_unit_test(a_fresh_token_that_is_too_small_is_the_end),
		cmocka_unit_test(a_401_that_asks_for_nothing_is_explained_by_one_ping),
		cmocka_unit_test(credentials_may_be_for_a_part_of_the_host),
		cmocka_unit_test(without_parts_the_sources_are_asked_once),
		cmocka_unit_test(a_registry_token_goes_out_as_it_is),
		cmocka_unit_test(a_right_that_is_missing_is_named_with_the_credentials),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
