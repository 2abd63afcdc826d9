#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "registry/challenge.h"

static void add(struct registry_challenge *c, const char *header)
{
	registry_challenge_add(c, span_of_str(header));
}

static void a_bearer_challenge_gives_its_parameters(void **state)
{
	auto_challenge struct registry_challenge c = { 0 };

	(void)state;
	add(&c, "Bearer realm=\"https://t/token\",service=\"reg\",scope=\"repository:a:pull\"");
	assert_true(c.has_bearer);
	assert_false(c.has_basic);
	assert_string_equal("https://t/token", c.realm);
	assert_string_equal("reg", c.service);
	assert_string_equal("repository:a:pull", c.scope);
	assert_null(c.error);
}

static void several_challenges_in_one_header_are_told_apart(void **state)
{
	auto_challenge struct registry_challenge c = { 0 };

	(void)state;
	add(&c, "Basic realm=\"wrong\", charset=\"UTF-8\", Negotiate abc==, "
		"bearer service = \"s\" , realm=https://t/x?a=1, Digest realm=\"no\"");
	assert_true(c.has_basic);
	assert_true(c.has_bearer);
	assert_string_equal("https://t/x?a=1", c.realm);
	assert_string_equal("s", c.service);
}

static void several_headers_add_up_and_the_first_bearer_counts(void **state)
{
	auto_challenge struct registry_challenge c = { 0 };

	(void)state;
	add(&c, "Basic realm=\"x\"");
	add(&c, "Bearer realm=\"https://one/\"");
	add(&c, "Bearer realm=\"https://two/\",service=\"two\"");
	assert_true(c.has_basic);
	assert_string_equal("https://one/", c.realm);
	assert_null(c.service);
}

static void a_bearer_challenge_without_a_realm_leaves_room_for_one(void **state)
{
	auto_challenge struct registry_challenge c = { 0 };

	(void)state;
	add(&c, "Bearer, Negotiate realm=\"no\"");
	add(&c, "Bearer realm=\"https://two/\"");
	assert_string_equal("https://two/", c.realm);
}

static void quoted_strings_may_hold_commas_and_escapes(void **state)
{
	auto_challenge struct registry_challenge c = { 0 };

	(void)state;
	add(&c,
	    "Bearer scope=\"repository:a:pull,push\",service=\"a \\\"b\\\" \\\\ c=d\",realm=\"r\"");
	assert_string_equal("repository:a:pull,push", c.scope);
	assert_string_equal("a \"b\" \\ c=d", c.service);
	assert_string_equal("r", c.realm);
}

static void a_header_that_breaks_off_keeps_what_was_whole(void **state)
{
	auto_challenge struct registry_challenge c = { 0 };

	(void)state;
	add(&c, "Bearer realm=\"https://t/\",service=\"never closed");
	assert_string_equal("https://t/", c.realm);
	assert_null(c.service);
}

static void what_is_no_challenge_gives_nothing(void **state)
{
	static const char *const odd[] = { "",		 ",,,",		"=\"x\"",
					   "\"Bearer\"", "realm=\"x\"", "Bearerrealm=\"x\"",
					   "\x01\xff" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
		auto_challenge struct registry_challenge c = { 0 };

		add(&c, odd[i]);
		assert_null(c.realm);
		assert_false(c.has_basic);
	}
}

static void an_endless_header_is_ignored(void **state)
{
	static char text[REGISTRY_CHALLENGE_MAX + 100];
	auto_challenge struct registry_challenge c = { 0 };

	(void)state;
	memset(text, ' ', sizeof(text) - 1);
	memcpy(text, "Basic", 5);
	add(&c, text);
	assert_false(c.has_basic);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bearer_challenge_gives_its_parameters),
		cmocka_unit_test(several_challenges_in_one_header_are_told_apart),
		cmocka_unit_test(several_headers_add_up_and_the_first_bearer_counts),
		cmocka_unit_test(a_bearer_challenge_without_a_realm_leaves_room_for_one),
		cmocka_unit_test(quoted_strings_may_hold_commas_and_escapes),
		cmocka_unit_test(a_header_that_breaks_off_keeps_what_was_whole),
		cmocka_unit_test(what_is_no_challenge_gives_nothing),
		cmocka_unit_test(an_endless_header_is_ignored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
