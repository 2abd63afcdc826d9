#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "registry/token.h"
#include "tests/fakes/registry_talk.h"

static void assert_parsed(const char *body, const char *text, int64_t life_ms)
{
	auto_token struct registry_token t = { 0 };
	struct err e = ERR_INIT;

	if (registry_token_parse(&t, span_of_str(body), &e) < 0)
		fail_msg("%s", e.text);
	assert_string_equal(text, t.text);
	assert_int_equal(life_ms, t.life_ms);
}

static void token_and_access_token_are_the_same(void **state)
{
	(void)state;
	assert_parsed("{\"token\":\"a\"}", "a", 60000);
	assert_parsed("{\"access_token\":\"b\"}", "b", 60000);
	assert_parsed("{\"token\":\"a\",\"access_token\":\"b\"}", "a", 60000);
}

static void a_life_that_is_not_said_or_senseless_is_a_minute(void **state)
{
	(void)state;
	assert_parsed("{\"token\":\"a\",\"expires_in\":300}", "a", 300000);
	assert_parsed("{\"token\":\"a\",\"expires_in\":0}", "a", 60000);
	assert_parsed("{\"token\":\"a\",\"expires_in\":-5}", "a", 60000);
	assert_parsed("{\"token\":\"a\",\"expires_in\":\"300\"}", "a", 60000);
	assert_parsed("{\"token\":\"a\",\"expires_in\":9000000000000000000}", "a", 86400000);
}

static void what_is_no_token_is_refused_without_being_shown(void **state)
{
	static const char *const bad[] = {
		"",
		"{}",
		"[]",
		"<html>hush</html>",
		"{\"token\":\"\"}",
		"{\"token\":5}",
		"{\"token\":\"hush\\r\\nX: y\"}",
		"{\"token\":\"hush hush\"}",
		"{\"token\":\"hush\",\"token\":\"b\"}",
		"{\"token\":\"hush",
		"{\"token\":hush",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct registry_token t = { 0 };
		struct err e = ERR_INIT;

		assert_int_equal(-1, registry_token_parse(&t, span_of_str(bad[i]), &e));
		assert_int_equal(ERR_FAILED, e.kind);
		assert_null(strstr(e.text, "hush"));
	}
}

static void a_token_is_no_longer_than_a_header_may_be(void **state)
{
	auto_buf struct buf body = BUF_INIT(1u << 20);
	struct registry_token t = { 0 };
	struct err e = ERR_INIT;

	(void)state;
	buf_add_str(&body, "{");
	while (body.len <= REGISTRY_TOKEN_MAX)
		buf_add_str(&body, "                ");
	buf_add_str(&body, "\"token\":\"a\"}");
	assert_int_equal(-1, registry_token_parse(&t, buf_span(&body), &e));
	assert_int_equal(ERR_FAILED, e.kind);
}

static void user_and_password_make_a_basic_header(void **state)
{
	const struct credentials joe = { .user = (char *)"joe", .password = (char *)"se:cret" };
	const struct credentials nobody = { 0 };
	auto_free char *header = registry_basic_header(&joe);

	(void)state;
	assert_string_equal("Basic am9lOnNlOmNyZXQ=", header);
	assert_null(registry_basic_header(&nobody));
}

static void a_refusing_token_server_is_denied_and_names_the_source(void **state)
{
	struct registry_world w;

	(void)state;
	registry_world_init(&w, "r.example", WORLD_AUTHS);
	talk_script_401(&w, TALK_CHALLENGE);
	HTTP_EXPECT(w.script, .method = "GET", .url = TALK_TOKEN_URL, .status = 401,
		    .answer = "{\"details\":\"incorrect username or password\"}");
	talk_expect_error(&w, ERR_DENIED,
			  "incorrect username or password (credentials from DOCKER_AUTH");
	registry_world_release(&w);
}

static void a_password_never_goes_to_a_plain_http_realm(void **state)
{
	struct registry_world w;

	(void)state;
	registry_world_init(&w, "r.example", WORLD_AUTHS);
	talk_script_401(&w, "WWW-Authenticate: Bearer realm=\"http://t.example/auth\"");
	talk_expect_error(&w, ERR_DENIED, "https");
	registry_world_release(&w);

	/* a registry that speaks http itself may not hand it on either */
	registry_world_init(&w, "r.example", WORLD_AUTHS);
	registry_session_free(w.session);
	w.opt.plain_http = true;
	w.session = registry_session_new(http_script_http(w.script), "r.example", &w.opt);
	HTTP_EXPECT(w.script, .method = "GET", .url = "http://r.example/v2/a/b/x", .status = 401,
		    .headers = { "WWW-Authenticate: Bearer realm=\"http://t.example/auth\"" });
	talk_expect_error(&w, ERR_DENIED, "no password is sent over plain http");
	registry_world_release(&w);
}

static void a_public_registry_cannot_name_a_private_realm(void **state)
{
	struct registry_world w;

	(void)state;
	registry_world_init(&w, "r.example", WORLD_AUTHS);
	talk_script_401(&w, "WWW-Authenticate: Bearer realm=\"https://169.254.169.254/t\"");
	talk_expect_error(&w, ERR_DENIED, "private address");
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
	talk_expect(&w, 200);
	registry_world_release(&w);
}

static void an_identity_token_is_exchanged_by_post(void **state)
{
	struct registry_world w;

	(void)state;
	registry_world_init(&w, "r.example",
			    "{\"auths\":{\"r.example\":{\"identitytoken\":\"id&secret\"}}}");
	talk_script_401(&w, TALK_CHALLENGE);
	HTTP_EXPECT(w.script, .method = "POST", .url = "https://t.example/auth",
		    .has = { "Content-Type: application/x-www-form-urlencoded" },
		    .lacks = { "Authorization" },
		    .body = "grant_type=refresh_token&client_id=cpush&service=reg"
			    "&scope=repository%3Aa%2Fb%3Apull&refresh_token=id%26secret",
		    .status = 200, .answer = "{\"access_token\":\"tok\"}");
	talk_script_ok(&w, "Bearer tok");
	talk_expect(&w, 200);
	registry_world_release(&w);
}

static void a_private_registry_cannot_name_another_private_realm(void **state)
{
	static const char auths[] = "{\"auths\":{\"10.0.0.5\":{\"auth\":\"am9lOnNlY3JldA==\"}}}";
	struct registry_world w;

	(void)state;
	registry_world_init(&w, "10.0.0.5", auths);
	HTTP_EXPECT(w.script, .method = "GET", .url = "https://10.0.0.5/v2/a/b/x", .status = 401,
		    .headers = { "WWW-Authenticate: Bearer realm=\"https://169.254.169.254/t\"" });
	talk_expect_error(&w, ERR_DENIED, "private address");
	registry_world_release(&w);
	/* on itself it may: GitLab without a name has its realm at another port */
	registry_world_init(&w, "10.0.0.5", auths);
	HTTP_EXPECT(w.script, .method = "GET", .url = "https://10.0.0.5/v2/a/b/x", .status = 401,
		    .headers = { "WWW-Authenticate: Bearer realm=\"https://10.0.0.5:8443/t\"" });
	HTTP_EXPECT(w.script, .method = "GET",
		    .url = "https://10.0.0.5:8443/t?scope=repository%3Aa%2Fb%3Apull",
		    .has = { WORLD_BASIC }, .status = 200, .answer = "{\"token\":\"t\"}");
	HTTP_EXPECT(w.script, .method = "GET", .url = "https://10.0.0.5/v2/a/b/x",
		    .has = { "Bearer t" }, .status = 200);
	talk_expect(&w, 200);
	registry_world_release(&w);
}

static void a_registry_over_plain_http_may_have_its_token_server_beside_it(void **state)
{
	struct registry_world w;

	(void)state;
	registry_world_init(&w, "r.example", WORLD_AUTHS);
	registry_session_free(w.session);
	w.opt.plain_http = true;
	w.session = registry_session_new(http_script_http(w.script), "r.example", &w.opt);
	HTTP_EXPECT(w.script, .method = "GET", .url = "http://r.example/v2/a/b/x", .status = 401,
		    .headers = { "WWW-Authenticate: Bearer realm=\"http://r.example:8080/auth\"" });
	HTTP_EXPECT(w.script, .method = "GET",
		    .url = "http://r.example:8080/auth?scope=repository%3Aa%2Fb%3Apull",
		    .has = { WORLD_BASIC }, .status = 200, .answer = "{\"token\":\"t\"}");
	HTTP_EXPECT(w.script, .method = "GET", .url = "http://r.example/v2/a/b/x",
		    .has = { "Bearer t" }, .status = 200);
	talk_expect(&w, 200);
	registry_world_release(&w);
}

static void a_relative_realm_is_one_of_the_registry(void **state)
{
	struct registry_world w;

	(void)state;
	registry_world_init(&w, "r.example", WORLD_AUTHS);
	talk_script_401(&w, "WWW-Authenticate: Bearer realm=\"/token\"");
	HTTP_EXPECT(w.script, .method = "GET",
		    .url = "https://r.example/token?scope=repository%3Aa%2Fb%3Apull",
		    .has = { WORLD_BASIC }, .status = 200, .answer = "{\"token\":\"t\"}");
	talk_script_ok(&w, "Bearer t");
	talk_expect(&w, 200);
	registry_world_release(&w);
	registry_world_init(&w, "r.example", NULL);
	talk_script_401(&w, "WWW-Authenticate: Bearer realm=\"token\"");
	HTTP_EXPECT(w.script, .method = "GET",
		    .url = "https://r.example/v2/a/b/token?scope=repository%3Aa%2Fb%3Apull",
		    .status = 200, .answer = "{\"token\":\"t\"}");
	talk_script_ok(&w, "Bearer t");
	talk_expect(&w, 200);
	registry_world_release(&w);
}

static const char ID_AND_PASSWORD[] =
	"{\"auths\":{\"r.example\":{\"identitytoken\":\"idt\",\"auth\":\"am9lOnNlY3JldA==\"}}}";

static void an_identity_token_that_is_refused_leaves_the_password(void **state)
{
	static const long refusals[] = { 400, 401, 404, 405 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		struct registry_world w;

		registry_world_init(&w, "r.example", ID_AND_PASSWORD);
		talk_script_401(&w, TALK_CHALLENGE);
		HTTP_EXPECT(w.script, .method = "POST", .url = "https://t.example/auth",
			    .status = refusals[i]);
		HTTP_EXPECT(w.script, .method = "GET", .url = TALK_TOKEN_URL,
			    .has = { WORLD_BASIC }, .status = 200, .answer = "{\"token\":\"one\"}");
		talk_script_ok(&w, "Bearer one");
		talk_expect(&w, 200);
		registry_world_release(&w);
	}
}

static void a_token_server_that_knows_no_get_is_sent_a_form(void **state)
{
	static const long refusals[] = { 404, 405 };
	struct registry_world w;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		registry_world_init(&w, "r.example", WORLD_AUTHS);
		talk_script_401(&w, TALK_CHALLENGE);
		HTTP_EXPECT(w.script, .method = "GET", .url = TALK_TOKEN_URL,
			    .status = refusals[i]);
		HTTP_EXPECT(w.script, .method = "POST", .url = "https://t.example/auth",
			    .lacks = { "Authorization" },
			    .body = "grant_type=password&client_id=cpush&service=reg"
				    "&scope=repository%3Aa%2Fb%3Apull&username=joe&password=secret",
			    .status = 200, .answer = "{\"access_token\":\"one\"}");
		talk_script_ok(&w, "Bearer one");
		talk_expect(&w, 200);
		registry_world_release(&w);
	}
	/* there is nothing to be gained without a password */
	registry_world_init(&w, "r.example", NULL);
	talk_script_401(&w, TALK_CHALLENGE);
	HTTP_EXPECT(w.script, .method = "GET", .url = TALK_TOKEN_URL, .status = 404);
	talk_expect_error(&w, ERR_ABSENT, "404");
	registry_world_release(&w);
}

static void a_redirected_token_request_keeps_the_password_at_its_origin(void **state)
{
	struct registry_world w;

	(void)state;
	registry_world_init(&w, "r.example", WORLD_AUTHS);
	talk_script_401(&w, TALK_CHALLENGE);
	HTTP_EXPECT(w.script, .method = "GET", .url = TALK_TOKEN_URL, .has = { WORLD_BASIC },
		    .status = 307, .headers = { "Location: /other?a=b" });
	HTTP_EXPECT(w.script, .method = "GET", .url = "https://t.example/other?a=b",
		    .has = { WORLD_BASIC }, .status = 302,
		    .headers = { "Location: https://u.example/t?c=d" });
	HTTP_EXPECT(w.script, .method = "GET", .url = "https://u.example/t?c=d",
		    .lacks = { "Authorization" }, .status = 200, .answer = "{\"token\":\"one\"}");
	talk_script_ok(&w, "Bearer one");
	talk_expect(&w, 200);
	assert_true(recorder_has(&w.rec, "u.example now, which is asked without credentials"));
	registry_world_release(&w);
}

static void a_redirected_token_request_stays_behind_the_fence(void **state)
{
	static const char *const bad[] = { "Location: http://t.example/auth",
					   "Location: http://u.example/auth",
					   "Location: https://169.254.169.254/auth",
					   "Location: https://127.0.0.1/auth" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct registry_world w;

		registry_world_init(&w, "r.example", WORLD_AUTHS);
		talk_script_401(&w, TALK_CHALLENGE);
		HTTP_EXPECT(w.script, .method = "GET", .url = TALK_TOKEN_URL, .status = 307,
			    .headers = { bad[i] });
		talk_expect_error(&w, ERR_DENIED, "refused to go");
		registry_world_release(&w);
	}
}

/* Where the registry is private itself, the fence of its endpoint is open to all of its kind. */
static void a_private_registrys_token_server_cannot_send_us_to_another_private_address(void **state)
{
	struct registry_world w;

	(void)state;
	registry_world_init(&w, "10.0.0.5", NULL);
	HTTP_EXPECT(w.script, .method = "GET", .url = "https://10.0.0.5/v2/a/b/x", .status = 401,
		    .headers = { "WWW-Authenticate: Bearer realm=\"https://10.0.0.5/t\"" });
	HTTP_EXPECT(w.script, .method = "GET",
		    .url = "https://10.0.0.5/t?scope=repository%3Aa%2Fb%3Apull", .status = 307,
		    .headers = { "Location: https://169.254.169.254/latest" });
	talk_expect_error(&w, ERR_DENIED, "private address");
	registry_world_release(&w);
}

static void a_form_with_a_secret_is_sent_nowhere_else(void **state)
{
	struct registry_world w;

	(void)state;
	registry_world_init(&w, "r.example",
			    "{\"auths\":{\"r.example\":{\"identitytoken\":\"idt\"}}}");
	talk_script_401(&w, TALK_CHALLENGE);
	HTTP_EXPECT(w.script, .method = "POST", .url = "https://t.example/auth", .status = 308,
		    .headers = { "Location: https://u.example/auth" });
	talk_expect_error(&w, ERR_DENIED, "u.example");
	registry_world_release(&w);
}

static void token_requests_are_not_led_in_circles(void **state)
{
	struct registry_world w;

	(void)state;
	registry_world_init(&w, "r.example", NULL);
	talk_script_401(&w, TALK_CHALLENGE);
	HTTP_EXPECT(w.script, .method = "GET", .url = TALK_TOKEN_URL, .status = 302,
		    .headers = { "Location: /loop" });
	HTTP_EXPECT(w.script, .method = "GET", .url = "https://t.example/loop", .status = 302,
		    .headers = { "Location: /loop" }, .times = 5);
	talk_expect_error(&w, ERR_FAILED, "redirected more than 5 times");
	registry_world_release(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(token_and_access_token_are_the_same),
		cmocka_unit_test(a_life_that_is_not_said_or_senseless_is_a_minute),
		cmocka_unit_test(what_is_no_token_is_refused_without_being_shown),
		cmocka_unit_test(a_token_is_no_longer_than_a_header_may_be),
		cmocka_unit_test(user_and_password_make_a_basic_header),
		cmocka_unit_test(a_refusing_token_server_is_denied_and_names_the_source),
		cmocka_unit_test(a_password_never_goes_to_a_plain_http_realm),
		cmocka_unit_test(a_public_registry_cannot_name_a_private_realm),
		cmocka_unit_test(a_loopback_registry_may_have_a_loopback_token_server),
		cmocka_unit_test(an_identity_token_is_exchanged_by_post),
		cmocka_unit_test(a_private_registry_cannot_name_another_private_realm),
		cmocka_unit_test(a_registry_over_plain_http_may_have_its_token_server_beside_it),
		cmocka_unit_test(a_relative_realm_is_one_of_the_registry),
		cmocka_unit_test(an_identity_token_that_is_refused_leaves_the_password),
		cmocka_unit_test(a_token_server_that_knows_no_get_is_sent_a_form),
		cmocka_unit_test(a_redirected_token_request_keeps_the_password_at_its_origin),
		cmocka_unit_test(a_redirected_token_request_stays_behind_the_fence),
		cmocka_unit_test(
			a_private_registrys_token_server_cannot_send_us_to_another_private_address),
		cmocka_unit_test(a_form_with_a_secret_is_sent_nowhere_else),
		cmocka_unit_test(token_requests_are_not_led_in_circles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
