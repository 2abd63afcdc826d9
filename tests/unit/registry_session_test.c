#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "tests/fakes/registry_world.h"

#define TOKEN_URL "https://t.example/auth?service=reg&scope=repository%3Aa%2Fb%3Apull"
#define CHALLENGE                                                                                  \
	"WWW-Authenticate: Bearer realm=\"https://t.example/auth\",service=\"reg\","               \
	"scope=\"repository:other:pull\""

static int get(struct registry_world *w, const struct registry_call *more, struct http_response *rs)
{
	struct registry_call call = *more;

	call.method = call.method ? call.method : "GET";
	call.path = "/v2/a/b/x";
	call.scope = "repository:a/b:pull";
	return registry_session_perform(w->session, &w->op, &call, rs, &w->e);
}

static void expect_answer(struct registry_world *w, long status)
{
	struct registry_call call = { 0 };
	auto_http_response struct http_response rs = { 0 };

	if (get(w, &call, &rs) < 0)
		fail_msg("%s", w->e.text);
	assert_int_equal(status, rs.status);
}

static void expect_error(struct registry_world *w, enum err_kind kind, const char *part)
{
	struct registry_call call = { 0 };
	auto_http_response struct http_response rs = { 0 };

	assert_int_equal(-1, get(w, &call, &rs));
	assert_err(w, kind, part);
	assert_null(strstr(w->e.text, "secret"));
}

static void script_401(struct registry_world *w, const char *challenge)
{
	HTTP_EXPECT(w->script, .method = "GET", .url = "https://r.example/v2/a/b/x",
		    .lacks = { "Authorization" }, .status = 401, .headers = { challenge });
}

static void script_ok(struct registry_world *w, const char *auth)
{
	HTTP_EXPECT(w->script, .method = "GET", .url = "https://r.example/v2/a/b/x",
		    .has = { auth }, .status = 200);
}

static void the_first_request_goes_bare_and_the_token_has_our_scope(void **state)
{
	struct registry_world w;

	(void)state;
	registry_world_init(&w, "r.example", WORLD_AUTHS);
	script_401(&w, CHALLENGE);
	HTTP_EXPECT(w.script, .method = "GET", .url = TOKEN_URL, .has = { WORLD_BASIC },
		    .status = 200, .answer = "{\"token\":\"tok1\",\"expires_in\":300}");
	script_ok(&w, "Authorization: Bearer tok1");
	expect_answer(&w, 200);
	/* from here on requests are signed before they leave */
	script_ok(&w, "Authorization: Bearer tok1");
	expect_answer(&w, 200);
	registry_world_release(&w);
}

static void without_credentials_the_token_is_asked_for_anonymously(void **state)
{
	struct registry_world w;

	(void)state;
	registry_world_init(&w, "r.example", NULL);
	script_401(&w, CHALLENGE);
	HTTP_EXPECT(w.script, .method = "GET", .url = TOKEN_URL, .lacks = { "Authorization" },
		    .status = 200, .answer = "{\"access_token\":\"anon\"}");
	script_ok(&w, "Authorization: Bearer anon");
	expect_answer(&w, 200);
	registry_world_release(&w);
}

static void a_token_is_renewed_before_it_ends(void **state)
{
	struct registry_world w;

	(void)state;
	registry_world_init(&w, "r.example", NULL);
	script_401(&w, CHALLENGE);
	HTTP_EXPECT(w.script, .method = "GET", .url = TOKEN_URL, .status = 200,
		    .answer = "{\"token\":\"one\"}");
	script_ok(&w, "Bearer one");
	expect_answer(&w, 200);
	fake_clock_advance(&w.clock, 50000);
	script_ok(&w, "Bearer one");
	expect_answer(&w, 200);
	fake_clock_advance(&w.clock, 6000);
	HTTP_EXPECT(w.script, .method = "GET", .url = TOKEN_URL, .status = 200,
		    .answer = "{\"token\":\"two\"}");
	script_ok(&w, "Bearer two");
	expect_answer(&w, 200);
	registry_world_release(&w);
}

static void a_token_of_short_life_is_not_renewed_for_every_request(void **state)
{
	struct registry_world w;

	(void)state;
	registry_world_init(&w, "r.example", NULL);
	script_401(&w, CHALLENGE);
	HTTP_EXPECT(w.script, .method = "GET", .url = TOKEN_URL, .status = 200,
		    .answer = "{\"token\":\"one\",\"expires_in\":4}");
	script_ok(&w, "Bearer one");
	expect_answer(&w, 200);
	script_ok(&w, "Bearer one");
	expect_answer(&w, 200);
	registry_world_release(&w);
}

static void a_token_that_is_refused_is_renewed_once(void **state)
{
	struct registry_world w;

	(void)state;
	registry_world_init(&w, "r.example", NULL);
	script_401(&w, CHALLENGE);
	HTTP_EXPECT(w.script, .method = "GET", .url = TOKEN_URL, .status = 200,
		    .answer = "{\"token\":\"one\"}");
	script_ok(&w, "Bearer one");
	expect_answer(&w, 200);
	HTTP_EXPECT(w.script, .method = "GET", .url = "https://r.example/v2/a/b/x",
		    .has = { "Bearer one" }, .status = 401, .headers = { CHALLENGE });
	HTTP_EXPECT(w.script, .method = "GET", .url = TOKEN_URL, .status = 200,
		    .answer = "{\"token\":\"two\"}");
	HTTP_EXPECT(w.script, .method = "GET", .url = "https://r.example/v2/a/b/x",
		    .has = { "Bearer two" }, .status = 401, .headers = { CHALLENGE });
	expect_answer(&w, 401);
	HTTP_EXPECT(w.script, .method = "GET", .url = TOKEN_URL, .status = 200,
		    .answer = "{\"token\":\"three\"}");
	script_ok(&w, "Bearer three");
	expect_answer(&w, 200);
	registry_world_release(&w);
}

#define WIDE_URL  TOKEN_URL "&scope=repository%3Abase%2Fc%3Apull"
#define TOO_SMALL CHALLENGE ",error=\"insufficient_scope\""

static void get_with_mounts(struct registry_world *w, long status)
{
	auto_strv struct strv mounts = STRV_INIT;
	struct registry_call call = { .mounts = &mounts };
	auto_http_response struct http_response rs = { 0 };

	strv_add(&mounts, "base/c");
	if (get(w, &call, &rs) < 0)
		fail_msg("%s", w->e.text);
	assert_int_equal(status, rs.status);
}

static void expect_token(struct registry_world *w, const char *url, const char *text)
{
	auto_free char *answer = mem_printf("{\"token\":\"%s\"}", text);

	HTTP_EXPECT(w->script, .method = "GET", .url = url, .status = 200, .answer = answer);
}

static void one_token_opens_the_destination_and_what_is_mounted(void **state)
{
	struct registry_call from = { .from = "base/c" };
	auto_strv struct strv mounts = STRV_INIT;
	auto_http_response struct http_response rs = { 0 };
	struct registry_world w;

	(void)state;
	registry_world_init(&w, "r.example", NULL);
	script_401(&w, CHALLENGE);
	expect_token(&w, WIDE_URL, "wide");
	script_ok(&w, "Bearer wide");
	get_with_mounts(&w, 200);
	/* the mount itself, too */
	strv_add(&mounts, "base/c");
	from.mounts = &mounts;
	script_ok(&w, "Bearer wide");
	assert_int_equal(0, get(&w, &from, &rs));
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
		script_401(&w, CHALLENGE);
		HTTP_EXPECT(w.script, .method = "GET", .url = WIDE_URL, .status = refusals[i]);
		expect_token(&w, TOKEN_URL, "narrow");
		script_ok(&w, "Bearer narrow");
		get_with_mounts(&w, 200);
		assert_true(registry_session_mounts_refused(w.session));
		script_ok(&w, "Bearer narrow");
		get_with_mounts(&w, 200);
		/* a mount that cannot go well is not even sent */
		assert_int_equal(-1, get(&w, &from, &rs));
		assert_err(&w, ERR_DENIED, "base/c");
		registry_world_release(&w);
	}
}

/* Old GitLab reads one scope of a request only. */
static void a_wide_token_that_does_not_open_the_destination_is_exchanged(void **state)
{
	struct registry_world w;

	(void)state;
	registry_world_init(&w, "r.example", NULL);
	script_401(&w, CHALLENGE);
	expect_token(&w, WIDE_URL, "wide");
	HTTP_EXPECT(w.script, .method = "GET", .url = "https://r.example/v2/a/b/x",
		    .has = { "Bearer wide" }, .status = 401, .headers = { TOO_SMALL });
	expect_token(&w, TOKEN_URL, "narrow");
	script_ok(&w, "Bearer narrow");
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
	script_401(&w, CHALLENGE);
	expect_token(&w, WIDE_URL, "wide");
	HTTP_EXPECT(w.script, .method = "GET", .url = "https://r.example/v2/a/b/x",
		    .has = { "Bearer wide" }, .status = 401, .headers = { TOO_SMALL });
	strv_add(&mounts, "base/c");
	from.mounts = &mounts;
	assert_int_equal(0, get(&w, &from, &rs));
	assert_int_equal(401, rs.status);
	assert_false(registry_session_mounts_refused(w.session));
	script_ok(&w, "Bearer wide");
	get_with_mounts(&w, 200);
	registry_world_release(&w);
}

static void a_fresh_token_that_is_too_small_is_the_end(void **state)
{
	struct registry_world w;

	(void)state;
	registry_world_init(&w, "r.example", NULL);
	script_401(&w, CHALLENGE);
	expect_token(&w, TOKEN_URL, "one");
	for (int i = 0; i < 3; i++) {
		HTTP_EXPECT(w.script, .method = "GET", .url = "https://r.example/v2/a/b/x",
			    .has = { "Bearer one" }, .status = 401, .headers = { TOO_SMALL });
		expect_answer(&w, 401);
	}
	registry_world_release(&w);
}

static void basic_is_used_from_the_challenge_on(void **state)
{
	struct registry_world w;

	(void)state;
	registry_world_init(&w, "r.example", WORLD_AUTHS);
	script_401(&w, "WWW-Authenticate: Basic realm=\"x\"");
	script_ok(&w, WORLD_BASIC);
	expect_answer(&w, 200);
	script_ok(&w, WORLD_BASIC);
	expect_answer(&w, 200);
	registry_world_release(&w);
}

static void a_refused_password_is_not_sent_twice(void **state)
{
	struct registry_world w;
	auto_http_response struct http_response rs = { .status = 401 };

	(void)state;
	registry_world_init(&w, "r.example", WORLD_AUTHS);
	script_401(&w, "WWW-Authenticate: Basic realm=\"x\"");
	HTTP_EXPECT(w.script, .method = "GET", .url = "https://r.example/v2/a/b/x",
		    .has = { WORLD_BASIC }, .status = 401,
		    .headers = { "WWW-Authenticate: Basic realm=\"x\"" });
	expect_answer(&w, 401);
	assert_int_equal(-1, registry_session_refused(w.session, &rs, &w.e));
	assert_err(&w, ERR_DENIED, "credentials from DOCKER_AUTH_CONFIG");
	registry_world_release(&w);
}

/* Two retries are two, whoever needs them: the request, its token, the request with the token. */
static void one_budget_pays_for_a_request_and_its_token(void **state)
{
	struct registry_world w;

	(void)state;
	registry_world_init(&w, "r.example", WORLD_AUTHS);
	HTTP_EXPECT(w.script, .method = "GET", .url = "https://r.example/v2/a/b/x", .status = 503);
	script_401(&w, CHALLENGE);
	HTTP_EXPECT(w.script, .method = "GET", .url = TOKEN_URL, .status = 500, .times = 2,
		    .answer = "{\"errors\":[{\"code\":\"UNKNOWN\",\"message\":\"no disk\"}]}");
	expect_error(&w, ERR_UNAVAILABLE,
		     "the server answered 500 Internal Server Error (3 tries): UNKNOWN: no disk");
	assert_true(recorder_has(&w.rec, "note: r.example: retrying in"));
	registry_world_release(&w);
}

static void a_basic_challenge_without_credentials_is_the_answer(void **state)
{
	struct registry_world w;
	auto_http_response struct http_response rs = { .status = 401 };

	(void)state;
	registry_world_init(&w, "s.example", WORLD_AUTHS);
	HTTP_EXPECT(w.script, .method = "GET", .url = "https://s.example/v2/a/b/x",
		    .lacks = { "Authorization" }, .status = 401,
		    .headers = { "WWW-Authenticate: Basic realm=\"x\"" });
	expect_answer(&w, 401);
	assert_int_equal(-1, registry_session_refused(w.session, &rs, &w.e));
	assert_err(&w, ERR_DENIED, "no credentials for s.example found");
	registry_world_release(&w);
}

static void credentials_stay_at_the_registrys_origin(void **state)
{
	static const char *const elsewhere[] = { "https://storage.example/x?sig=1",
						 "https://r.example:444/x", "http://r.example/x" };
	struct registry_world w;

	(void)state;
	registry_world_init(&w, "r.example", WORLD_AUTHS);
	script_401(&w, "WWW-Authenticate: Basic realm=\"x\"");
	script_ok(&w, WORLD_BASIC);
	expect_answer(&w, 200);
	for (size_t i = 0; i < ARRAY_LEN(elsewhere); i++) {
		auto_http_response struct http_response rs = { 0 };
		auto_url struct url at = { 0 };
		struct registry_call call = { .method = "PUT", .at = &at, .scope = "x" };

		assert_int_equal(0, url_parse(&at, elsewhere[i], &w.e));
		/* nor does a challenge of somebody else's bring them out */
		HTTP_EXPECT(w.script, .method = "PUT", .url = elsewhere[i],
			    .lacks = { "Authorization" }, .status = 401,
			    .headers = { "WWW-Authenticate: Basic realm=\"x\"" });
		assert_int_equal(0, registry_session_perform(w.session, &w.op, &call, &rs, &w.e));
		assert_int_equal(401, rs.status);
	}
	registry_world_release(&w);
}

static void a_refusing_token_server_is_denied_and_names_the_source(void **state)
{
	struct registry_world w;

	(void)state;
	registry_world_init(&w, "r.example", WORLD_AUTHS);
	script_401(&w, CHALLENGE);
	HTTP_EXPECT(w.script, .method = "GET", .url = TOKEN_URL, .status = 401,
		    .answer = "{\"details\":\"incorrect username or password\"}");
	expect_error(&w, ERR_DENIED,
		     "incorrect username or password (credentials from DOCKER_AUTH");
	registry_world_release(&w);
}

static void a_password_never_goes_to_a_plain_http_realm(void **state)
{
	struct registry_world w;

	(void)state;
	registry_world_init(&w, "r.example", WORLD_AUTHS);
	script_401(&w, "WWW-Authenticate: Bearer realm=\"http://t.example/auth\"");
	expect_error(&w, ERR_DENIED, "https");
	registry_world_release(&w);

	/* a registry that speaks http itself may not hand it on either */
	registry_world_init(&w, "r.example", WORLD_AUTHS);
	registry_session_free(w.session);
	w.opt.plain_http = true;
	w.session = registry_session_new(http_script_http(w.script), "r.example", &w.opt);
	HTTP_EXPECT(w.script, .method = "GET", .url = "http://r.example/v2/a/b/x", .status = 401,
		    .headers = { "WWW-Authenticate: Bearer realm=\"http://t.example/auth\"" });
	expect_error(&w, ERR_DENIED, "no password is sent over plain http");
	registry_world_release(&w);
}

static void a_public_registry_cannot_name_a_private_realm(void **state)
{
	struct registry_world w;

	(void)state;
	registry_world_init(&w, "r.example", WORLD_AUTHS);
	script_401(&w, "WWW-Authenticate: Bearer realm=\"https://169.254.169.254/t\"");
	expect_error(&w, ERR_DENIED, "private address");
	registry_world_release(&w);
}

static void a_loopback_registry_may_have_a_loopback_token_server(void **state)
{
	struct registry_world w;

	(void)state;
	registry_world_init(&w, "localhost:5000",
			    "{\"auths\":{\"localhost:5000\":{\"auth\":\"am9lOnNlY3JldA==\"}}}");
	HTTP_EXPECT(w.script, .method = "GET", .url = "http://localhost:5000/v2/a/b/x",
		    .status = 401,
		    .headers = { "WWW-Authenticate: Bearer realm=\"http://127.0.0.1:5001/t\"" });
	HTTP_EXPECT(w.script, .method = "GET",
		    .url = "http://127.0.0.1:5001/t?scope=repository%3Aa%2Fb%3Apull",
		    .has = { WORLD_BASIC }, .status = 200, .answer = "{\"token\":\"t\"}");
	HTTP_EXPECT(w.script, .method = "GET", .url = "http://localhost:5000/v2/a/b/x",
		    .has = { "Bearer t" }, .status = 200);
	expect_answer(&w, 200);
	registry_world_release(&w);
}

static void an_identity_token_is_exchanged_by_post(void **state)
{
	struct registry_world w;

	(void)state;
	registry_world_init(&w, "r.example",
			    "{\"auths\":{\"r.example\":{\"identitytoken\":\"id&secret\"}}}");
	script_401(&w, CHALLENGE);
	HTTP_EXPECT(w.script, .method = "POST", .url = "https://t.example/auth",
		    .has = { "Content-Type: application/x-www-form-urlencoded" },
		    .lacks = { "Authorization" },
		    .body = "grant_type=refresh_token&client_id=cpush&service=reg"
			    "&scope=repository%3Aa%2Fb%3Apull&refresh_token=id%26secret",
		    .status = 200, .answer = "{\"access_token\":\"tok\"}");
	script_ok(&w, "Bearer tok");
	expect_answer(&w, 200);
	registry_world_release(&w);
}

static void temporary_failures_are_retried_unless_asked_not_to(void **state)
{
	struct registry_world w;
	struct registry_call once = { .once = true };
	auto_http_response struct http_response rs = { 0 };

	(void)state;
	registry_world_init(&w, "r.example", NULL);
	HTTP_EXPECT(w.script, .method = "GET", .url = "https://r.example/v2/a/b/x", .status = 503);
	HTTP_EXPECT(w.script, .method = "GET", .url = "https://r.example/v2/a/b/x",
		    .fail = ERR_UNAVAILABLE);
	HTTP_EXPECT(w.script, .method = "GET", .url = "https://r.example/v2/a/b/x", .status = 200);
	expect_answer(&w, 200);
	assert_int_equal(2, w.clock.sleeps);
	HTTP_EXPECT(w.script, .method = "GET", .url = "https://r.example/v2/a/b/x", .status = 503);
	assert_int_equal(0, get(&w, &once, &rs));
	assert_int_equal(503, rs.status);
	registry_world_release(&w);
}

static void a_part_of_a_larger_whole_asks_for_a_token_once(void **state)
{
	auto_http_response struct http_response rs = { 0 };
	struct registry_call call = { .once = true };
	struct registry_world w;

	(void)state;
	registry_world_init(&w, "r.example", WORLD_AUTHS);
	script_401(&w, CHALLENGE);
	HTTP_EXPECT(w.script, .method = "GET", .url = TOKEN_URL, .status = 503);
	assert_int_equal(-1, get(&w, &call, &rs));
	assert_err(&w, ERR_UNAVAILABLE, "503");
	assert_int_equal(0, w.clock.sleeps);
	registry_world_release(&w);
}

static int body_open(struct http_body *b, struct source **out, struct err *e)
{
	static struct span_source s;

	(void)b;
	(void)e;
	*out = span_source_init(&s, SPAN_LIT("bytes"));
	return 0;
}

static void body_close(struct http_body *b, struct source *s)
{
	(void)b;
	(void)s;
}

static void a_body_is_not_sent_again_after_a_401(void **state)
{
	struct http_body body = { .open = body_open, .close = body_close, .size_bytes = 5 };
	struct registry_call call = { .method = "PUT", .body = &body, .once = true };
	struct registry_world w;
	auto_http_response struct http_response rs = { 0 };

	(void)state;
	registry_world_init(&w, "r.example", WORLD_AUTHS);
	HTTP_EXPECT(w.script, .method = "PUT", .url = "https://r.example/v2/a/b/x", .status = 401,
		    .headers = { "WWW-Authenticate: Basic realm=\"x\"" });
	assert_int_equal(0, get(&w, &call, &rs));
	assert_int_equal(401, rs.status);
	/* but the session has learnt from it */
	script_ok(&w, WORLD_BASIC);
	expect_answer(&w, 200);
	registry_world_release(&w);
}

static void a_host_that_is_none_fails_every_request(void **state)
{
	struct registry_world w;

	(void)state;
	registry_world_init(&w, "joe@r.example", NULL);
	expect_error(&w, ERR_INPUT, "registry 'joe@r.example'");
	registry_world_release(&w);
}

/* A reference lets it pass: hex digits and colons. */
static void a_host_that_is_no_address_fails_before_anything_is_resolved(void **state)
{
	auto_http_response struct http_response rs = { 0 };
	struct registry_world w;

	(void)state;
	registry_world_init(&w, "[:::::]", NULL);
	assert_int_equal(-1, registry_api_manifest_head(&rs, &w.op, &w.repo, "1", &w.e));
	assert_err(&w, ERR_INPUT, "registry '[:::::]'");
	registry_world_release(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_request_goes_bare_and_the_token_has_our_scope),
		cmocka_unit_test(without_credentials_the_token_is_asked_for_anonymously),
		cmocka_unit_test(a_token_is_renewed_before_it_ends),
		cmocka_unit_test(a_token_of_short_life_is_not_renewed_for_every_request),
		cmocka_unit_test(a_token_that_is_refused_is_renewed_once),
		cmocka_unit_test(one_budget_pays_for_a_request_and_its_token),
		cmocka_unit_test(one_token_opens_the_destination_and_what_is_mounted),
		cmocka_unit_test(a_refused_wide_token_leaves_the_destinations_alone),
		cmocka_unit_test(a_wide_token_that_does_not_open_the_destination_is_exchanged),
		cmocka_unit_test(a_mount_that_fails_says_nothing_of_the_destination),
		cmocka_unit_test(a_fresh_token_that_is_too_small_is_the_end),
		cmocka_unit_test(basic_is_used_from_the_challenge_on),
		cmocka_unit_test(a_refused_password_is_not_sent_twice),
		cmocka_unit_test(a_basic_challenge_without_credentials_is_the_answer),
		cmocka_unit_test(credentials_stay_at_the_registrys_origin),
		cmocka_unit_test(a_refusing_token_server_is_denied_and_names_the_source),
		cmocka_unit_test(a_password_never_goes_to_a_plain_http_realm),
		cmocka_unit_test(a_public_registry_cannot_name_a_private_realm),
		cmocka_unit_test(a_loopback_registry_may_have_a_loopback_token_server),
		cmocka_unit_test(an_identity_token_is_exchanged_by_post),
		cmocka_unit_test(temporary_failures_are_retried_unless_asked_not_to),
		cmocka_unit_test(a_part_of_a_larger_whole_asks_for_a_token_once),
		cmocka_unit_test(a_body_is_not_sent_again_after_a_401),
		cmocka_unit_test(a_host_that_is_none_fails_every_request),
		cmocka_unit_test(a_host_that_is_no_address_fails_before_anything_is_resolved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
