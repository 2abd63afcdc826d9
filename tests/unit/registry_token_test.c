#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "registry/token.h"

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

static void user_and_password_make_a_basic_header(void **state)
{
	const struct credentials joe = { .user = (char *)"joe", .password = (char *)"se:cret" };
	const struct credentials nobody = { 0 };
	auto_free char *header = registry_basic_header(&joe);

	(void)state;
	assert_string_equal("Basic am9lOnNlOmNyZXQ=", header);
	assert_null(registry_basic_header(&nobody));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(token_and_access_token_are_the_same),
		cmocka_unit_test(a_life_that_is_not_said_or_senseless_is_a_minute),
		cmocka_unit_test(what_is_no_token_is_refused_without_being_shown),
		cmocka_unit_test(user_and_password_make_a_basic_header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
