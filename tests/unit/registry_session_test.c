#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "tests/fakes/registry_talk.h"

static void the_first_request_goes_bare_and_the_token_has_our_scope(void **state)
{
	struct registry_world w;

	(void)state;
	registry_world_init(&w, "r.example", WORLD_AUTHS);
	talk_script_401(&w, TALK_CHALLENGE);
	HTTP_EXPECT(w.script, .method = "GET", .url = TALK_TOKEN_URL, .has = { WORLD_BASIC },
		    .status = 200, .answer = "{\"token\":\"tok1\",\"expires_in\":300}");
	talk_script_ok(&w, "Authorization: Bearer tok1");
	talk_expect(&w, 200);
	/* from here on requests are signed before they leave */
	talk_script_ok(&w, "Authorization: Bearer tok1");
	talk_expect(&w, 200);
	registry_world_release(&w);
}

static void without_credentials_the_token_is_asked_for_anonymously(void **state)
{
	struct registry_world w;

	(void)state;
	registry_world_init(&w, "r.example", NULL);
	talk_script_401(&w, TALK_CHALLENGE);
	HTTP_EXPECT(w.script, .method = "GET", .url = TALK_TOKEN_URL, .lacks = { "Authorization" },
		    .status = 200, .answer = "{\"access_token\":\"anon\"}");
	talk_script_ok(&w, "Authorization: Bearer anon");
	talk_expect(&w, 200);
	registry_world_release(&w);
}

static void basic_is_used_from_the_challenge_on(void **state)
{
	struct registry_world w;

	(void)state;
	registry_world_init(&w, "r.example", WORLD_AUTHS);
	talk_script_401(&w, "WWW-Authenticate: Basic realm=\"x\"");
	talk_script_ok(&w, WORLD_BASIC);
	talk_expect(&w, 200);
	talk_script_ok(&w, WORLD_BASIC);
	talk_expect(&w, 200);
	registry_world_release(&w);
}

static void a_refused_password_is_not_sent_twice(void **state)
{
	struct registry_world w;
	auto_http_response struct http_response rs = { .status = 401 };

	(void)state;
	registry_world_init(&w, "r.example", WORLD_AUTHS);
	talk_script_401(&w, "WWW-Authenticate: Basic realm=\"x\"");
	HTTP_EXPECT(w.script, .method = "GET", .url = "https://r.example/v2/a/b/x",
		    .has = { WORLD_BASIC }, .status = 401,
		    .headers = { "WWW-Authenticate: Basic realm=\"x\"" });
	talk_expect(&w, 401);
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
	talk_script_401(&w, TALK_CHALLENGE);
	HTTP_EXPECT(w.script, .method = "GET", .url = TALK_TOKEN_URL, .status = 500, .times = 2,
		    .answer = "{\"errors\":[{\"code\":\"UNKNOWN\",\"message\":\"no disk\"}]}");
	talk_expect_error(
		&w, ERR_UNAVAILABLE,
		"the server answered 500 Internal Server Error (3 tries): UNKNOWN: no disk");
	assert_true(recorder_has(&w.rec, "note: r.example: retrying in"));
	registry_world_release(&w);
}

static void what_a_registry_wants_users_to_know_is_told_once(void **state)
{
	struct registry_world w;

	(void)state;
	registry_world_init(&w, "r.example", NULL);
	HTTP_EXPECT(w.script, .method = "GET", .url = "https://r.example/v2/a/b/x", .times = 2,
		    .status = 200,
		    .headers = { "Warning: 299 - \"this \\\"tag\\\" goes soon\"",
				 "Warning: 199 - \"no\"", "Warning: 299 - \"\"",
				 "Warning: 299 x \"no\"", "Warning: 299 - \"never closed" });
	talk_expect(&w, 200);
	talk_expect(&w, 200);
	assert_string_equal("warn: r.example: this \"tag\" goes soon\n"
			    "warn: r.example: never closed\n",
			    recorder_text(&w.rec));
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
	talk_expect(&w, 401);
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
	talk_script_401(&w, "WWW-Authenticate: Basic realm=\"x\"");
	talk_script_ok(&w, WORLD_BASIC);
	talk_expect(&w, 200);
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
	talk_expect(&w, 200);
	assert_int_equal(2, w.clock.sleeps);
	HTTP_EXPECT(w.script, .method = "GET", .url = "https://r.example/v2/a/b/x", .status = 503);
	assert_int_equal(0, talk_get(&w, &once, &rs));
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
	talk_script_401(&w, TALK_CHALLENGE);
	HTTP_EXPECT(w.script, .method = "GET", .url = TALK_TOKEN_URL, .status = 503);
	assert_int_equal(-1, talk_get(&w, &call, &rs));
	assert_err(&w, ERR_UNAVAILABLE, "503");
	assert_int_equal(0, w.clock.sleeps);
	registry_world_release(&w);
}

static void a_body_is_not_sent_again_after_a_401(void **state)
{
	struct http_body body = TALK_BODY;
	struct registry_call call = { .method = "PUT", .body = &body, .once = true };
	struct registry_world w;
	auto_http_response struct http_response rs = { 0 };

	(void)state;
	registry_world_init(&w, "r.example", WORLD_AUTHS);
	HTTP_EXPECT(w.script, .method = "PUT", .url = "https://r.example/v2/a/b/x", .status = 401,
		    .headers = { "WWW-Authenticate: Basic realm=\"x\"" });
	assert_int_equal(0, talk_get(&w, &call, &rs));
	assert_int_equal(401, rs.status);
	/* but the session has learnt from it */
	talk_script_ok(&w, WORLD_BASIC);
	talk_expect(&w, 200);
	registry_world_release(&w);
}

static void a_host_that_is_none_fails_every_request(void **state)
{
	struct registry_world w;

	(void)state;
	registry_world_init(&w, "joe@r.example", NULL);
	talk_expect_error(&w, ERR_INPUT, "registry 'joe@r.example'");
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

/* A registry on loopback: by http, unless it turns out to speak TLS. */
static void one_on_loopback_that_speaks_tls_is_asked_so(void **state)
{
	struct registry_world w;
	auto_http_response struct http_response rs = { 0 };
	auto_url struct url early = { 0 };
	struct registry_call call = { .method = "HEAD", .path = "/v2/", .scope = "x" };

	(void)state;
	registry_world_init(&w, "localhost:5000", NULL);
	assert_int_equal(0, registry_session_resolve(&early, w.session, NULL, "/v2/a", &w.e));
	HTTP_EXPECT(w.script, .method = "HEAD", .url = "http://localhost:5000/v2/", .status = 400);
	HTTP_EXPECT(w.script, .method = "HEAD", .url = "https://localhost:5000/v2/", .status = 401,
		    .headers = { "WWW-Authenticate: Bearer realm=\"https://localhost:5001/t\"" });
	HTTP_EXPECT(w.script, .method = "GET", .url = "https://localhost:5001/t?scope=x",
		    .status = 200, .answer = "{\"token\":\"t\"}");
	HTTP_EXPECT(w.script, .method = "HEAD", .url = "https://localhost:5000/v2/", .status = 200);
	HTTP_EXPECT(w.script, .method = "HEAD", .url = "https://localhost:5000/v2/a",
		    .has = { "Authorization: Bearer t" }, .status = 400);
	assert_int_equal(0, registry_session_perform(w.session, &w.op, &call, &rs, &w.e));
	assert_int_equal(200, rs.status);
	http_response_release(&rs);
	call.at = &early;
	assert_int_equal(0, registry_session_perform(w.session, &w.op, &call, &rs, &w.e));
	assert_int_equal(400, rs.status);
	registry_world_release(&w);
}

static void a_400_of_one_that_speaks_http_is_its_answer(void **state)
{
	struct registry_world w;
	auto_http_response struct http_response rs = { 0 };
	struct registry_call call = { .method = "GET", .path = "/v2/", .scope = "x" };

	(void)state;
	registry_world_init(&w, "localhost:5000", NULL);
	HTTP_EXPECT(w.script, .method = "GET", .url = "http://localhost:5000/v2/", .status = 400,
		    .answer = "no");
	HTTP_EXPECT(w.script, .method = "GET", .url = "https://localhost:5000/v2/",
		    .fail = ERR_FAILED, .why = "it speaks no TLS");
	HTTP_EXPECT(w.script, .method = "GET", .url = "http://localhost:5000/v2/", .status = 400);
	assert_int_equal(0, registry_session_perform(w.session, &w.op, &call, &rs, &w.e));
	assert_int_equal(400, rs.status);
	assert_string_equal("no", buf_str(&rs.body));
	http_response_release(&rs);
	assert_int_equal(0, registry_session_perform(w.session, &w.op, &call, &rs, &w.e));
	registry_world_release(&w);
}

/* It has been understood: to ask such a one by TLS can take as long as it likes. */
static void a_400_after_a_challenge_is_an_answer(void **state)
{
	struct registry_world w;
	auto_http_response struct http_response rs = { 0 };
	struct registry_call call = { .method = "GET", .path = "/v2/", .scope = "x" };

	(void)state;
	registry_world_init(&w, "localhost:5000", NULL);
	HTTP_EXPECT(w.script, .method = "GET", .url = "http://localhost:5000/v2/", .status = 401,
		    .headers = { "WWW-Authenticate: Bearer realm=\"http://localhost:5001/t\"" });
	HTTP_EXPECT(w.script, .method = "GET", .url = "http://localhost:5001/t?scope=x",
		    .status = 200, .answer = "{\"token\":\"t\"}");
	HTTP_EXPECT(w.script, .method = "GET", .url = "http://localhost:5000/v2/", .status = 400);
	assert_int_equal(0, registry_session_perform(w.session, &w.op, &call, &rs, &w.e));
	assert_int_equal(400, rs.status);
	registry_world_release(&w);
}

static void a_certificate_that_is_not_trusted_is_what_is_told(void **state)
{
	struct registry_world w;
	auto_http_response struct http_response rs = { 0 };
	struct registry_call call = { .method = "GET", .path = "/v2/", .scope = "x" };

	(void)state;
	registry_world_init(&w, "127.0.0.1:5000", NULL);
	HTTP_EXPECT(w.script, .method = "GET", .url = "http://127.0.0.1:5000/v2/", .status = 400);
	HTTP_EXPECT(w.script, .method = "GET", .url = "https://127.0.0.1:5000/v2/",
		    .fail = ERR_DENIED, .why = "certificate not trusted");
	assert_int_equal(-1, registry_session_perform(w.session, &w.op, &call, &rs, &w.e));
	assert_err(&w, ERR_DENIED, "certificate not trusted");
	registry_world_release(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_request_goes_bare_and_the_token_has_our_scope),
		cmocka_unit_test(without_credentials_the_token_is_asked_for_anonymously),
		cmocka_unit_test(basic_is_used_from_the_challenge_on),
		cmocka_unit_test(one_budget_pays_for_a_request_and_its_token),
		cmocka_unit_test(what_a_registry_wants_users_to_know_is_told_once),
		cmocka_unit_test(a_refused_password_is_not_sent_twice),
		cmocka_unit_test(a_basic_challenge_without_credentials_is_the_answer),
		cmocka_unit_test(credentials_stay_at_the_registrys_origin),
		cmocka_unit_test(temporary_failures_are_retried_unless_asked_not_to),
		cmocka_unit_test(a_part_of_a_larger_whole_asks_for_a_token_once),
		cmocka_unit_test(a_body_is_not_sent_again_after_a_401),
		cmocka_unit_test(a_host_that_is_none_fails_every_request),
		cmocka_unit_test(a_host_that_is_no_address_fails_before_anything_is_resolved),
		cmocka_unit_test(one_on_loopback_that_speaks_tls_is_asked_so),
		cmocka_unit_test(a_400_of_one_that_speaks_http_is_its_answer),
		cmocka_unit_test(a_400_after_a_challenge_is_an_answer),
		cmocka_unit_test(a_certificate_that_is_not_trusted_is_what_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
