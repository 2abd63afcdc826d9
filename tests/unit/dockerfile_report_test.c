/* Texts and JSON of --call=check, targets and outline. */
#include "oci/dockerfile/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/mem.h"
#include "oci/dockerfile/parse.h"

struct reported {
	struct dockerfile *df;
	struct dockerfile_plan *plan;
	struct lint lint;
	struct buf out;
	struct err err;
};

static void reported_release(struct reported *t)
{
	lint_release(&t->lint);
	dockerfile_plan_free(t->plan);
	dockerfile_free(t->df);
	buf_release(&t->out);
}

static void read_file(struct reported *t, const char *text, const char *target)
{
	struct oci_platform platform;
	const struct plan_options opt = {
		.platforms = &platform, .nr_platforms = 1, .target = target, .all_stages = !target
	};
	struct lint_options lint = { 0 };

	*t = (struct reported){ .err = ERR_INIT, .out = BUF_INIT(REPORT_MAX) };
	if (oci_platform_parse(&platform, SPAN_LIT("linux/amd64"), &t->err) < 0 ||
	    dockerfile_parse(&t->df, "Dockerfile", span_of_str(text), &t->err) < 0 ||
	    dockerfile_plan_make(&t->plan, t->df, &opt, &t->err) < 0)
		fail_msg("%s", t->err.text);
	lint.plan = t->plan;
	assert_int_equal(dockerfile_lint(&t->lint, t->df, &lint, &t->err), 0);
}

static json_t *as_json(struct reported *t)
{
	json_t *root = json_load_span(buf_span(&t->out), REPORT_MAX, "report", &t->err);

	if (!root)
		fail_msg("%s in %s", t->err.text, buf_str(&t->out));
	return root;
}

static void warnings_show_their_lines(void **state)
{
	CLEANUP(reported_release) struct reported t;

	(void)state;
	read_file(&t, "FROM a\n\nMAINTAINER me\x1b[1m\n\n\nCMD x \\\n  y\n", NULL);
	report_check(&t.out, t.df, &t.lint);
	assert_string_equal(
		buf_str(&t.out),
		"Check complete, 2 warnings have been found!\n"
		"\n"
		"WARNING: MaintainerDeprecated - "
		"https://docs.docker.com/go/dockerfile/rule/maintainer-deprecated/\n"
		"Maintainer instruction is deprecated in favor of using label\n"
		"Dockerfile:3\n"
		"--------------------\n"
		"   1 |     FROM a\n"
		"   2 |     \n"
		"   3 | >>> MAINTAINER me?[1m\n"
		"   4 |     \n"
		"   5 |     \n"
		"--------------------\n"
		"\n"
		"WARNING: JSONArgsRecommended - "
		"https://docs.docker.com/go/dockerfile/rule/json-args-recommended/\n"
		"JSON arguments recommended for CMD to prevent unintended behavior related to OS "
		"signals\n"
		"Dockerfile:6\n"
		"--------------------\n"
		"   4 |     \n"
		"   5 |     \n"
		"   6 | >>> CMD x \\\n"
		"   7 | >>>   y\n"
		"--------------------\n");
}

static void no_warning_is_said_too(void **state)
{
	CLEANUP(reported_release) struct reported t;

	(void)state;
	read_file(&t, "FROM a\n", NULL);
	report_check(&t.out, t.df, &t.lint);
	assert_string_equal(buf_str(&t.out), "Check complete, no warnings found.\n");
}

static void warnings_as_json(void **state)
{
	CLEANUP(reported_release) struct reported t;
	auto_json json_t *root = NULL;
	json_t *w, *range, *source;

	(void)state;
	read_file(&t, "FROM a\nMAINTAINER \"me\"\n", NULL);
	report_check_json(&t.out, "Dockerfile", span_of_str(t.df->text), &t.lint, NULL);
	root = as_json(&t);
	w = json_array_get(json_object_get(root, "warnings"), 0);
	assert_string_equal(json_string_value(json_object_get(w, "ruleName")),
			    "MaintainerDeprecated");
	range = json_array_get(json_object_get(json_object_get(w, "location"), "ranges"), 0);
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(range, "start"), "line")), 2);
	source = json_array_get(json_object_get(root, "sources"), 0);
	assert_string_equal(json_string_value(json_object_get(source, "fileName")), "Dockerfile");
	assert_null(json_object_get(root, "buildError"));
}

static void what_cannot_be_built_is_in_the_json(void **state)
{
	const struct lint none = { 0 };
	struct reported t = { .out = BUF_INIT(REPORT_MAX), .err = ERR_INIT };
	auto_json json_t *root = NULL;

	(void)state;
	report_check_json(&t.out, "D", SPAN_LIT("FORM x\n"), &none, "D:1: unknown");
	root = as_json(&t);
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(root, "buildError"), "message")),
		"D:1: unknown");
	assert_int_equal(json_array_size(json_object_get(root, "warnings")), 0);
	reported_release(&t);
}

static const char stages[] = "# base has the tools\nFROM a AS base\n"
			     "FROM b AS other\n"
			     "FROM base\n";

static void targets_have_descriptions(void **state)
{
	CLEANUP(reported_release) struct reported t;
	auto_json json_t *root = NULL;
	json_t *list;

	(void)state;
	read_file(&t, stages, NULL);
	report_targets(&t.out, t.df);
	assert_string_equal(buf_str(&t.out), "TARGET      DESCRIPTION\n"
					     "base        has the tools\n"
					     "other\n"
					     "(default)\n");
	buf_reset(&t.out);
	report_targets_json(&t.out, t.df);
	root = as_json(&t);
	list = json_object_get(root, "targets");
	assert_int_equal(json_array_size(list), 3);
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(list, 0), "description")),
		"has the tools");
	assert_true(json_is_true(json_object_get(json_array_get(list, 2), "default")));
}

static const char outlined[] = "# TAG of the base\nARG TAG=1\nARG UNUSED=2\nFROM a:$TAG AS base\n"
			       "RUN --mount=type=secret,id=tok,required --mount=type=ssh "
			       "--mount=type=cache,target=/c true\n"
			       "FROM b AS not-needed\nARG NOT=1\n"
			       "# final is what runs\nFROM base AS final\n"
			       "# V is the version\nARG V=3\nARG W\n";

static void an_outline_tells_what_a_target_takes(void **state)
{
	CLEANUP(reported_release) struct reported t;
	auto_json json_t *root = NULL;
	json_t *args;

	(void)state;
	read_file(&t, outlined, "final");
	report_outline(&t.out, t.plan);
	assert_string_equal(buf_str(&t.out), "TARGET:      final\n"
					     "DESCRIPTION: is what runs\n"
					     "\n"
					     "BUILD ARG   VALUE   DESCRIPTION\n"
					     "TAG         1       of the base\n"
					     "V           3       is the version\n"
					     "W\n"
					     "\n"
					     "SECRET   REQUIRED\n"
					     "tok      true\n"
					     "\n"
					     "SSH       REQUIRED\n"
					     "default\n"
					     "\n"
					     "CACHE\n"
					     "/c\n");
	buf_reset(&t.out);
	report_outline_json(&t.out, t.plan);
	root = as_json(&t);
	args = json_object_get(root, "args");
	assert_int_equal(json_array_size(args), 3);
	assert_string_equal(json_string_value(json_object_get(json_array_get(args, 1), "value")),
			    "3");
	assert_true(json_is_true(
		json_object_get(json_array_get(json_object_get(root, "secrets"), 0), "required")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(warnings_show_their_lines),
		cmocka_unit_test(no_warning_is_said_too),
		cmocka_unit_test(warnings_as_json),
		cmocka_unit_test(what_cannot_be_built_is_in_the_json),
		cmocka_unit_test(targets_have_descriptions),
		cmocka_unit_test(an_outline_tells_what_a_target_takes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
