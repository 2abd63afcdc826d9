/* Command lines become argument structs, or an error that helps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cmd/opts.h"

struct args {
	bool flag;
	unsigned count, number;
	const char *text, *choice;
	struct strv list;
	int64_t wait_ms;
};

static const struct opt table[] = {
	OPT_FLAG('f', "flag", "T_FLAG", struct args, flag, "a flag"),
	OPT_COUNT('v', "verbose", NULL, struct args, count, "a count"),
	OPT_STR('t', "text", "T_TEXT", struct args, text, "TEXT", "a text"),
	OPT_LIST('l', "list", "T_LIST", struct args, list, "ITEM", "a list"),
	OPT_UINT('n', "number", NULL, struct args, number, "N", "a number"),
	OPT_DURATION(0, "wait", NULL, struct args, wait_ms, "a time"),
	OPT_CHOICE(0, "choice", NULL, struct args, choice, "one|two", "a choice"),
	OPT_END,
};

struct parsed {
	struct args a;
	struct strv rest;
	struct err e;
	int r;
};

static int teardown(void **state)
{
	(void)state;
	unsetenv("T_FLAG");
	unsetenv("T_TEXT");
	unsetenv("T_LIST");
	return 0;
}

static void parsed_release(struct parsed *p)
{
	strv_release(&p->a.list);
	strv_release(&p->rest);
}
#define auto_parsed CLEANUP(parsed_release)

static struct parsed parse(const char *const *words)
{
	struct parsed p = { .r = 0 };
	struct opt_table t = { table, &p.a, NULL };
	char *argv[16] = { (char *)"tool" };
	int argc = 1;

	while (*words)
		argv[argc++] = (char *)*words++;
	p.r = opts_parse(&t, 1, argc, argv, &p.rest, &p.e);
	return p;
}
#define PARSE(...) parse((const char *const[]){ __VA_ARGS__, NULL })

static void every_way_to_write_a_value_is_understood(void **state)
{
	static const char *const ways[][3] = {
		{ "--text", "x" }, { "--text=x", NULL }, { "-t", "x" }, { "-tx", NULL }
	};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		auto_parsed struct parsed p = parse(ways[i]);

		assert_int_equal(p.r, 0);
		assert_string_equal(p.a.text, "x");
	}
}

static void options_may_stand_behind_arguments(void **state)
{
	auto_parsed struct parsed p = PARSE("here", "-f", "there");

	(void)state;
	assert_int_equal(p.r, 0);
	assert_true(p.a.flag);
	assert_int_equal(p.rest.n, 2);
	assert_string_equal(p.rest.v[1], "there");
}

static void two_dashes_end_the_options(void **state)
{
	auto_parsed struct parsed p = PARSE("--", "-f");

	(void)state;
	assert_false(p.a.flag);
	assert_string_equal(p.rest.v[0], "-f");
}

static void a_single_dash_is_an_argument(void **state)
{
	auto_parsed struct parsed p = PARSE("-");

	(void)state;
	assert_string_equal(p.rest.v[0], "-");
}

static void flags_can_be_bundled_and_counted(void **state)
{
	auto_parsed struct parsed p = PARSE("-vfv", "-vn7");

	(void)state;
	assert_int_equal(p.r, 0);
	assert_int_equal(p.a.count, 3);
	assert_int_equal(p.a.number, 7);
	assert_true(p.a.flag);
}

static void lists_grow_with_each_use(void **state)
{
	auto_parsed struct parsed p = PARSE("-l", "a", "--list=b");

	(void)state;
	assert_int_equal(p.a.list.n, 2);
	assert_string_equal(p.a.list.v[1], "b");
}

static void durations_have_units(void **state)
{
	auto_parsed struct parsed good = PARSE("--wait", "1m30s");
	auto_parsed struct parsed bad = PARSE("--wait", "90");

	(void)state;
	assert_int_equal(good.a.wait_ms, 90000);
	assert_int_equal(bad.r, -1);
	assert_int_equal(bad.e.kind, ERR_INPUT);
}

static void what_is_not_one_of_the_choices_is_refused_with_all_of_them(void **state)
{
	auto_parsed struct parsed p = PARSE("--choice", "three");

	(void)state;
	assert_int_equal(p.r, -1);
	assert_non_null(strstr(p.e.text, "one|two"));
}

static void an_unknown_option_is_refused_with_the_nearest(void **state)
{
	auto_parsed struct parsed p = PARSE("--verbosity");

	(void)state;
	assert_int_equal(p.r, -1);
	assert_int_equal(p.e.kind, ERR_INPUT);
	assert_non_null(strstr(p.e.text, "did you mean --verbose?"));
}

static void a_missing_value_is_told(void **state)
{
	auto_parsed struct parsed p = PARSE("--text");

	(void)state;
	assert_int_equal(p.r, -1);
	assert_string_equal(p.e.text, "--text needs a value (TEXT)");
}

static void a_flag_is_true_or_false(void **state)
{
	auto_parsed struct parsed yes = PARSE("--flag=true"), no = PARSE("--flag", "--flag=false");
	auto_parsed struct parsed maybe = PARSE("--flag=no"), count = PARSE("--verbose=true");

	(void)state;
	assert_int_equal(yes.r, 0);
	assert_true(yes.a.flag);
	assert_int_equal(no.r, 0);
	assert_false(no.a.flag);
	assert_int_equal(maybe.r, -1);
	assert_non_null(strstr(maybe.e.text, "--flag is true or false, not 'no'"));
	assert_int_equal(count.r, -1);
	assert_non_null(strstr(count.e.text, "takes no value"));
}

static void an_option_known_elsewhere_is_refused_with_a_hint(void **state)
{
	static const struct opt_elsewhere elsewhere[] = { { "flange", "use --flag" },
							  { NULL, NULL } };
	struct args a = { 0 };
	const struct opt_table t = { table, &a, elsewhere };
	char *argv[] = { (char *)"tool", (char *)"--flange=x", NULL };
	struct strv rest = STRV_INIT;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(opts_parse(&t, 1, 2, argv, &rest, &e), -1);
	assert_int_equal(e.kind, ERR_INPUT);
	assert_string_equal(e.text, "no option '--flange': use --flag");
}

static void a_number_must_be_one(void **state)
{
	auto_parsed struct parsed p = PARSE("-n", "4x");

	(void)state;
	assert_int_equal(p.r, -1);
}

static void a_variable_serves_where_the_option_is_not_given(void **state)
{
	(void)state;
	setenv("T_TEXT", "from env", 1);
	setenv("T_FLAG", "true", 1);
	setenv("T_LIST", "a\n b \n\n", 1);
	{
		auto_parsed struct parsed p = PARSE("-l", "c");

		assert_string_equal(p.a.text, "from env");
		assert_true(p.a.flag);
		assert_int_equal(p.a.list.n, 3);
		assert_string_equal(p.a.list.v[1], "b");
	}
	{
		auto_parsed struct parsed p = PARSE("-t", "from argv");

		assert_string_equal(p.a.text, "from argv");
	}
}

static void a_flag_variable_that_is_neither_is_refused(void **state)
{
	(void)state;
	setenv("T_FLAG", "maybe", 1);

	auto_parsed struct parsed p = PARSE("x");

	assert_int_equal(p.r, -1);
	assert_non_null(strstr(p.e.text, "T_FLAG"));
}

#define T(f) cmocka_unit_test_teardown(f, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(every_way_to_write_a_value_is_understood),
		T(options_may_stand_behind_arguments),
		T(two_dashes_end_the_options),
		T(a_single_dash_is_an_argument),
		T(flags_can_be_bundled_and_counted),
		T(lists_grow_with_each_use),
		T(durations_have_units),
		T(what_is_not_one_of_the_choices_is_refused_with_all_of_them),
		T(an_unknown_option_is_refused_with_the_nearest),
		T(a_missing_value_is_told),
		T(a_flag_is_true_or_false),
		T(an_option_known_elsewhere_is_refused_with_a_hint),
		T(a_number_must_be_one),
		T(a_variable_serves_where_the_option_is_not_given),
		T(a_flag_variable_that_is_neither_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
