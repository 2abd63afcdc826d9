/* --call and the warnings of builds: whole ones, in a temporary directory. */
#include "oci/build/call.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "oci/dockerfile/report.h"
#include "tests/fakes/build_world.h"

static void calls_are_read(void **state)
{
	static const struct {
		const char *text;
		int r;
		enum build_call call;
		bool json;
	} rows[] = {
		{ "check", 0, BUILD_CALL_CHECK, false },
		{ "outline", 0, BUILD_CALL_OUTLINE, false },
		{ "targets,format=json", 0, BUILD_CALL_TARGETS, true },
		{ "check,format=text", 0, BUILD_CALL_CHECK, false },
		{ "check,format=xml", -1, 0, false },
		{ "lint", -1, 0, false },
		{ "", -1, 0, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct build_call_options got = { 0 };
		struct err e = ERR_INIT;

		assert_int_equal(build_call_parse(&got, rows[i].text, &e), rows[i].r);
		if (rows[i].r < 0) {
			assert_int_equal(e.kind, ERR_INPUT);
			continue;
		}
		assert_int_equal(got.call, rows[i].call);
		assert_int_equal(got.json, rows[i].json);
	}
}

static void a_build_warns(void **state)
{
	struct build_world w;

	(void)state;
	build_world_init(&w);
	build_world_ok(&w, "FROM scratch\nENV API_KEY=x\nCMD y\n");
	assert_true(recorder_has(&w.progress, "SecretsUsedInArgOrEnv"));
	assert_true(recorder_has(&w.progress, "JSONArgsRecommended"));
	build_world_release(&w);
}

static void a_file_may_make_them_errors(void **state)
{
	struct build_world w;
	const char *text;

	(void)state;
	build_world_init(&w);
	text = build_world_fails(&w, "# check=error=true\nFROM scratch\nENV A b\nRUN x\n");
	assert_int_equal(w.err.kind, ERR_INPUT);
	assert_non_null(strstr(text, "LegacyKeyValueFormat"));
	assert_non_null(strstr(text, ":3"));
	assert_int_equal(w.sandbox.runs, 0);
	/* and an argument goes before the file */
	strv_add(&w.opt.build_args, "BUILDKIT_DOCKERFILE_CHECK=skip=all");
	build_world_ok(&w, "# check=error=true\nFROM scratch\nENV A b\n");
	build_world_release(&w);
}

static void a_newer_language_is_warned_about(void **state)
{
	static const struct {
		const char *syntax;
		bool warned;
	} rows[] = {
		{ "docker/dockerfile:1", false },	  { "docker/dockerfile:1.4", false },
		{ "docker/dockerfile:1.99", true },	  { "docker/dockerfile:1.99.1-labs", true },
		{ "docker.io/docker/dockerfile", false }, { "example.com/other/language:1", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_free char *text = mem_printf("# syntax=%s\nFROM scratch\n", rows[i].syntax);
		struct build_world w;

		build_world_init(&w);
		build_world_ok(&w, text);
		assert_int_equal(recorder_has(&w.progress, rows[i].syntax), rows[i].warned);
		build_world_release(&w);
	}
}

/* The answer, owned by the caller. */
static char *answer(struct build_world *w, const char *dockerfile, const char *call, bool *warned)
{
	auto_buf struct buf out = BUF_INIT(REPORT_MAX);
	struct build_call_options what;
	struct err e = ERR_INIT;

	tmpdir_file(&w->dir, "ctx/Dockerfile", dockerfile);
	if (build_call_parse(&what, call, &e) < 0 ||
	    oci_build_call(&out, warned, &w->op, &w->env, &w->opt, &what, &e) < 0)
		fail_msg("%s", e.text);
	return mem_strdup(buf_str(&out));
}

static void a_check_looks_at_all_stages_and_builds_nothing(void **state)
{
	static const char file[] = "FROM scratch AS a\nMAINTAINER x\nFROM scratch AS b\nRUN y\n";
	struct build_world w;
	auto_free char *all = NULL, *one = NULL;
	bool warned;

	(void)state;
	build_world_init(&w);
	all = answer(&w, file, "check", &warned);
	assert_true(warned);
	assert_non_null(strstr(all, "MaintainerDeprecated"));
	w.opt.target = "b";
	one = answer(&w, file, "check", &warned);
	assert_false(warned);
	assert_string_equal(one, "Check complete, no warnings found.\n");
	assert_int_equal(w.sandbox.runs, 0);
	build_world_release(&w);
}

static void a_base_that_is_not_there_is_one_of_which_nothing_is_known(void **state)
{
	struct build_world w;
	auto_free char *text = NULL;
	bool warned;

	(void)state;
	build_world_init(&w);
	text = answer(&w, "FROM nowhere.invalid/x\nCOPY $X /\nMAINTAINER x\n", "check", &warned);
	assert_true(warned);
	assert_null(strstr(text, "UndefinedVar"));
	assert_non_null(strstr(text, "MaintainerDeprecated"));
	build_world_release(&w);
}

static void targets_and_outline_need_no_base(void **state)
{
	static const char file[] = "# a is first\nFROM nowhere.invalid/x AS a\nARG V=1\n";
	struct build_world w;
	auto_free char *targets = NULL, *outline = NULL;
	bool warned;

	(void)state;
	build_world_init(&w);
	targets = answer(&w, file, "targets", &warned);
	assert_non_null(strstr(targets, "a (default)"));
	assert_non_null(strstr(targets, "is first"));
	outline = answer(&w, file, "outline", &warned);
	assert_non_null(strstr(outline, "V           1"));
	build_world_release(&w);
}

static void what_cannot_be_read_is_in_the_json_and_an_error(void **state)
{
	auto_buf struct buf out = BUF_INIT(REPORT_MAX);
	const struct build_call_options what = { .call = BUILD_CALL_CHECK, .json = true };
	struct build_world w;
	struct err e = ERR_INIT;
	bool warned;

	(void)state;
	build_world_init(&w);
	tmpdir_file(&w.dir, "ctx/Dockerfile", "FORM x\n");
	assert_int_equal(oci_build_call(&out, &warned, &w.op, &w.env, &w.opt, &what, &e), -1);
	assert_int_equal(e.kind, ERR_INPUT);
	assert_non_null(strstr(buf_str(&out), "\"buildError\""));
	assert_non_null(strstr(buf_str(&out), "Rk9STSB4Cg==")); /* the text */
	build_world_release(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_are_read),
		cmocka_unit_test(a_build_warns),
		cmocka_unit_test(a_file_may_make_them_errors),
		cmocka_unit_test(a_newer_language_is_warned_about),
		cmocka_unit_test(a_check_looks_at_all_stages_and_builds_nothing),
		cmocka_unit_test(a_base_that_is_not_there_is_one_of_which_nothing_is_known),
		cmocka_unit_test(targets_and_outline_need_no_base),
		cmocka_unit_test(what_cannot_be_read_is_in_the_json_and_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
