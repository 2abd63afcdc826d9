/* What a task was given stays hidden in the lines it printed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "deploy/failure.h"

static void assert_line(const char *line, const char *want)
{
	auto_json json_t *spec = json_pack(
		"{s:{s:{s:[ssssss]}}}", "TaskTemplate", "ContainerSpec", "Env",
		"A_PASSWORD=hunter2", "B_PASSWORD=hunter2-admin", "C_TOKEN=short", "D_PIN_PASS=ab",
		"TLS_KEY=-----BEGIN KEY-----\r\nMIIhunter3\r\nhunter4==\n", "LEVEL=verbose");
	auto_free char *got = deploy_failure_line(line, spec);

	assert_string_equal(want, got);
}

static void values_of_the_environment_are_hidden(void **state)
{
	(void)state;
	assert_line("cannot log in as me with hunter2, hunter2",
		    "cannot log in as me with ***, ***");
	assert_line("xhunter2y verbose", "x***y verbose");
	assert_line("nothing of the kind", "nothing of the kind");
}

static void a_short_value_is_hidden_where_it_stands_alone(void **state)
{
	(void)state;
	assert_line("got 'short', short.", "got '***', ***.");
	assert_line("/srv/short/x short.js shorter too_short short-lived in abshort short",
		    "/srv/short/x short.js shorter too_short short-lived in abshort ***");
	assert_line("ab", "ab");
}

static void a_value_that_begins_like_another_is_hidden_whole(void **state)
{
	(void)state;
	assert_line("got hunter2-admin", "got ***");
}

static void each_line_of_a_value_is_hidden(void **state)
{
	(void)state;
	assert_line("bad key MIIhunter3", "bad key ***");
	assert_line("hunter4== end", "*** end");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_of_the_environment_are_hidden),
		cmocka_unit_test(a_short_value_is_hidden_where_it_stands_alone),
		cmocka_unit_test(a_value_that_begins_like_another_is_hidden_whole),
		cmocka_unit_test(each_line_of_a_value_is_hidden),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
