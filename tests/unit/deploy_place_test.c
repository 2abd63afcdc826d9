/*
 * What of a user's line is shown with an error.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "deploy/place.h"

static void assert_place(const char *line, unsigned column, bool is_private, const char *excerpt)
{
	const struct deploy_place at = { .file = "f",
					 .text = span_of_str(line),
					 .line = 1,
					 .column = column,
					 .width = 2,
					 .is_private = is_private };
	struct err e = ERR_INIT;

	err_set(&e, ERR_INPUT, "wrong");
	assert_int_equal(-1, deploy_place_wrap(&e, &at));
	assert_string_equal(excerpt, e.excerpt);
}

static void the_line_is_shown_with_its_place(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_place("\t a:\n", 1, false, "f:1\n     1 | → a:\n       | ^^\n");
	assert_place("  a: bcd\n", 6, false, "f:1\n     1 |   a: bcd\n       |      ^^\n");
	assert_place("\xef\xbb\xbf"
		     "a: b\n",
		     4, false, "f:1\n     1 | a: b\n       |    ^\n");
	err_set(&e, ERR_INPUT, "wrong");
	deploy_place_wrap(&e, &(struct deploy_place){ .file = "f", .line = 3, .column = 7 });
	assert_string_equal("f:3:7: wrong", e.text);
	assert_string_equal("", e.excerpt);
	err_set(&e, ERR_INPUT, "wrong");
	deploy_place_wrap(&e, &(struct deploy_place){ .file = "f", .line = 3 });
	assert_string_equal("f:3: wrong", e.text);
	err_set(&e, ERR_INPUT, "wrong");
	deploy_place_wrap(&e, &(struct deploy_place){ .file = "f" });
	assert_string_equal("f: wrong", e.text);
}

static void a_value_with_the_name_of_a_secret_is_hidden(void **state)
{
	(void)state;
	assert_place("- DB_PASSWORD=hunter2 x", 3, false,
		     "f:1\n     1 | - DB_PASSWORD=***\n       |   ^^\n");
	assert_place("\"apiKey\": \"hunter2\", \"b\": 1", 1, false,
		     "f:1\n     1 | \"apiKey\": ***\n       | ^^\n");
	assert_place("JWT_SECRET: ${S} hunter2 $T", 1, false,
		     "f:1\n     1 | JWT_SECRET: ${S}***$T\n       | ^^\n");
	assert_place("TOKEN: ${S:-hunter2}", 1, false,
		     "f:1\n     1 | TOKEN: ${S***\n       | ^^\n");
	assert_place("TOKEN: a$${hunter2} ${1hunter2} ${hunter2", 1, false,
		     "f:1\n     1 | TOKEN: ***\n       | ^^\n");
	assert_place("x: {content: hunter2, a: b}", 1, false,
		     "f:1\n     1 | x: {content: ***\n       | ^^\n");
	assert_place("{token: hunter2, ports: [x]}", 26, false, "f:1\n     1 | {token: ***\n");
	assert_place("- DB=postgres://u:hunter2@h/d", 1, false,
		     "f:1\n     1 | - DB=postgres://h/d\n       | ^^\n");
}

static void a_word_of_a_command_that_is_a_password_is_hidden(void **state)
{
	(void)state;
	assert_place("command: [redis-cli,-a,hunter2,ping]", 1, false,
		     "f:1\n     1 | command: [redis-cli,-a,***\n       | ^^\n");
	assert_place("command: mysqladmin -phunter2 ping", 1, false,
		     "f:1\n     1 | command: mysqladmin -p***\n       | ^^\n");
	assert_place("auth: yes", 1, false, "f:1\n     1 | auth: yes\n       | ^^\n");
	assert_place("auth: ture", 1, false, "f:1\n     1 | auth: ture\n       | ^^\n");
	assert_place("auth: me:hunter2", 1, false, "f:1\n     1 | auth: ***\n       | ^^\n");
	assert_place("password: no!Way2guess", 1, false,
		     "f:1\n     1 | password: ***\n       | ^^\n");
	assert_place("\"auth\": true}", 1, false, "f:1\n     1 | \"auth\": true}\n       | ^^\n");
	assert_place("- AUTH: hunter2", 3, false, "f:1\n     1 | - AUTH: ***\n       |   ^^\n");
}

static void all_of_an_environment_is_hidden(void **state)
{
	(void)state;
	assert_place("- A=hunter2", 3, true, "f:1\n     1 | - A=***\n       |   ^^\n");
	assert_place("A: hunter2", 4, true, "f:1\n     1 | A: ***\n       |    ^^\n");
	assert_place("environment: {A: hunter2}", 14, true,
		     "f:1\n     1 | environment: ***\n       |              ^^\n");
	assert_place("- \"A=hunter2\"", 3, true, "f:1\n     1 | - \"A=***\n       |   ^^\n");
	/* a message for who has not set it is for all to read */
	assert_place("- A=${B:?set B}", 3, true, "f:1\n     1 | - A=${B:?set B}\n       |   ^^\n");
	assert_place("- A=${B?set B}hunter2", 3, true,
		     "f:1\n     1 | - A=${B?set B}***\n       |   ^^\n");
	assert_place("- A=${B:-hunter2}${", 3, true, "f:1\n     1 | - A=${B***\n       |   ^^\n");
	assert_place("- A=${B|x}hunter2", 3, true, "f:1\n     1 | - A=${B***\n       |   ^^\n");
}

static void assert_item(const char *line, unsigned column, const char *value, const char *shown)
{
	const struct deploy_place at = { .file = "f",
					 .text = span_of_str(line),
					 .line = 1,
					 .column = column,
					 .value = span_of_str(value),
					 .is_private = true };
	struct err e = ERR_INIT;

	err_set(&e, ERR_INPUT, "wrong");
	assert_int_equal(-1, deploy_place_wrap(&e, &at));
	if (!strstr(e.excerpt, shown))
		fail_msg("'%s' is not in %s", shown, e.excerpt);
}

/* It names what the job has; alone on a line, or behind a key, the same may be a value. */
static void the_name_of_a_variable_without_a_value_is_shown(void **state)
{
	(void)state;
	assert_item("- DB_HOST", 3, "DB_HOST", "| - DB_HOST\n");
	assert_item("- hunter2", 3, "hunter2", "| - ***\n");
	assert_item("KEY: GEHEIM1", 6, "GEHEIM1", "| KEY: ***\n");
	assert_item("  GEHEIM1", 3, "GEHEIM1", "|   ***\n");
	assert_item("- GEHEIM1", 3, "", "| - ***\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_line_is_shown_with_its_place),
		cmocka_unit_test(a_value_with_the_name_of_a_secret_is_hidden),
		cmocka_unit_test(a_word_of_a_command_that_is_a_password_is_hidden),
		cmocka_unit_test(all_of_an_environment_is_hidden),
		cmocka_unit_test(the_name_of_a_variable_without_a_value_is_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
