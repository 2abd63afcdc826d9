#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "registry/api_error.h"

static const struct credentials joe = { .user = (char *)"joe",
					.password = (char *)"secret",
					.origin = "DOCKER_AUTH_CONFIG" };

static void assert_told(long status, const char *body, const struct credentials *who,
			enum err_kind kind, const char *text)
{
	struct http_response rs = { .status = status, .body = BUF_INIT(HTTP_ERROR_BODY_MAX) };
	struct err e = ERR_INIT;

	buf_add_str(&rs.body, body);
	assert_int_equal(-1, registry_api_error(&e, &rs, who, "r.example"));
	assert_string_equal(text, e.text);
	assert_int_equal(kind, e.kind);
	http_response_release(&rs);
}

static void the_registrys_words_are_told_in_one_line(void **state)
{
	(void)state;
	assert_told(404, "{\"errors\":[{\"code\":\"NAME_UNKNOWN\",\"message\":\"no such name\"}]}",
		    NULL, ERR_ABSENT, "404 not found: NAME_UNKNOWN: no such name");
	assert_told(
		400,
		"{\"errors\":[{\"code\":\"A\"},{\"message\":\"b\"},{\"code\":\"C\"},{\"code\":\"D\"}]}",
		NULL, ERR_FAILED, "400 bad request: A; b; C");
}

static void the_status_decides_the_kind(void **state)
{
	(void)state;
	assert_told(401, "", NULL, ERR_DENIED, "401 unauthorized");
	assert_told(403, "", NULL, ERR_DENIED, "403 forbidden");
	assert_told(404, "", NULL, ERR_ABSENT, "404 not found");
	assert_told(409, "", NULL, ERR_FAILED, "409 conflict");
	assert_told(503, "", NULL, ERR_UNAVAILABLE, "503 service unavailable");
	assert_told(302, "", NULL, ERR_FAILED, "302 found");
}

static void a_refusal_tells_whose_credentials_but_not_what_they_are(void **state)
{
	static const struct credentials nobody = { 0 };

	(void)state;
	assert_told(403, "{\"errors\":[{\"code\":\"DENIED\",\"message\":\"no\"}]}", &joe,
		    ERR_DENIED, "403 forbidden: DENIED: no (credentials from DOCKER_AUTH_CONFIG)");
	assert_told(401, "", &nobody, ERR_DENIED,
		    "401 unauthorized (no credentials for r.example found)");
}

static void plain_text_is_told_and_html_is_not(void **state)
{
	(void)state;
	assert_told(429, "slow down\nHAP429\n", NULL, ERR_FAILED,
		    "429 too many requests: slow down");
	assert_told(502, "<html>nginx</html>", NULL, ERR_UNAVAILABLE, "502 bad gateway");
	assert_told(400, "{\"errors\":\"x\"}", NULL, ERR_FAILED, "400 bad request");
	assert_told(400, "{\"broken", NULL, ERR_FAILED, "400 bad request");
}

static void control_bytes_do_not_reach_the_terminal(void **state)
{
	struct http_response rs = { .status = 400, .body = BUF_INIT(100) };
	struct err e = ERR_INIT;

	(void)state;
	buf_add_str(&rs.body, "\x1b[2Jgone");
	registry_api_error(&e, &rs, NULL, "r.example");
	assert_null(strchr(e.text, '\x1b'));
	assert_non_null(strstr(e.text, "gone"));
	http_response_release(&rs);
}

static void a_413_hints_at_the_proxy(void **state)
{
	(void)state;
	assert_told(413, "<html>", NULL, ERR_FAILED,
		    "413 content too large (a proxy in front of the registry may limit the size)");
}

static void what_answers_405_may_be_read_only(void **state)
{
	(void)state;
	assert_told(405, "", NULL, ERR_FAILED,
		    "405 method not allowed (so answers a registry that is read-only)");
}

static void a_web_page_in_place_of_a_registry_is_named(void **state)
{
	(void)state;
	assert_told(404, "\n<!doctype html>", NULL, ERR_ABSENT,
		    "404 not found (the answer is a web page: is a registry at this address?)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_registrys_words_are_told_in_one_line),
		cmocka_unit_test(the_status_decides_the_kind),
		cmocka_unit_test(a_refusal_tells_whose_credentials_but_not_what_they_are),
		cmocka_unit_test(plain_text_is_told_and_html_is_not),
		cmocka_unit_test(control_bytes_do_not_reach_the_terminal),
		cmocka_unit_test(a_413_hints_at_the_proxy),
		cmocka_unit_test(what_answers_405_may_be_read_only),
		cmocka_unit_test(a_web_page_in_place_of_a_registry_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
