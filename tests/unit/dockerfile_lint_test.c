/* Each build check once where it speaks and once where it must not; what turns checks off. */
#include "oci/dockerfile/lint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "oci/dockerfile/parse.h"

struct linted {
	struct dockerfile *df;
	struct dockerfile_plan *plan;
	struct oci_config *base;
	struct lint lint;
	struct err err;
	int r;
};

static void linted_release(struct linted *t)
{
	lint_release(&t->lint);
	dockerfile_plan_free(t->plan);
	dockerfile_free(t->df);
	oci_config_free(t->base);
}

/* base_env: of every image that is FROM; NULL: no image is known. Built with --build-arg V=1. */
static void run(struct linted *t, const char *text, const char *base_env, const char *ignore)
{
	auto_ignore struct ignore *ig = NULL;
	const struct oci_config *bases[16] = { NULL };
	struct oci_platform platform;
	struct plan_options opt = { .platforms = &platform, .nr_platforms = 1, .all_stages = true };
	auto_strv struct strv args = STRV_INIT;
	struct lint_options lint = { .bases = bases, .build_args = &args };

	*t = (struct linted){ .err = ERR_INIT };
	strv_add(&args, "V=1");
	opt.build_args = &args;
	if (oci_platform_parse(&platform, SPAN_LIT("linux/amd64"), &t->err) < 0 ||
	    dockerfile_parse(&t->df, "Dockerfile", span_of_str(text), &t->err) < 0 ||
	    dockerfile_plan_make(&t->plan, t->df, &opt, &t->err) < 0)
		fail_msg("%s", t->err.text);
	if (ignore)
		assert_int_equal(ignore_parse(&ig, ".dockerignore", span_of_str(ignore), &t->err),
				 0);
	if (base_env) {
		t->base = oci_config_new();
		t->base->platform = platform;
		if (*base_env)
			strv_add(&t->base->env, base_env);
		for (size_t i = 0; i < t->plan->nr && i < 16; i++)
			if (t->plan->stages[i].base.kind == PLAN_IMAGE)
				bases[i] = t->base;
	}
	lint.plan = t->plan;
	lint.ignore = ig;
	t->r = dockerfile_lint(&t->lint, t->df, &lint, &t->err);
}

static char *told(const struct lint *l)
{
	auto_buf struct buf out = BUF_INIT(BUF_SMALL);

	for (size_t i = 0; i < l->nr; i++)
		buf_addf(&out, "%u %s: %s\n", l->v[i].line, l->v[i].rule, l->v[i].detail);
	return mem_strdup(buf_str(&out));
}

struct check {
	const char *text, *expected, *base_env, *ignore;
};

static void assert_checks(const struct check *checks, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		CLEANUP(linted_release) struct linted t;
		auto_free char *got = NULL;

		run(&t, checks[i].text, checks[i].base_env, checks[i].ignore);
		assert_int_equal(t.r, 0);
		got = told(&t.lint);
		if (strcmp(got, checks[i].expected) != 0)
			fail_msg("of\n%s\ncame\n%sexpected\n%s", checks[i].text, got,
				 checks[i].expected);
	}
}

static void names_and_casing(void **state)
{
	static const struct check checks[] = {
		{ .text = "FROM a AS Big\n",
		  .expected = "1 StageNameCasing: Stage name 'Big' should be lowercase\n" },
		{ .text = "FROM a as b\n",
		  .expected = "1 FromAsCasing: 'as' and 'FROM' keywords' casing do not match\n" },
		{ .text = "from a as b\n", .expected = "" },
		{ .text = "FROM a\nRun x\n",
		  .expected =
			  "2 ConsistentInstructionCasing: Command 'Run' should match the case of "
			  "the command majority (uppercase)\n" },
		{ .text = "from a\nrun x\nRUN y\n",
		  .expected =
			  "3 ConsistentInstructionCasing: Command 'RUN' should match the case of "
			  "the command majority (lowercase)\n" },
		{ .text = "FROM a AS b\nFROM a AS c\nFROM a AS b\n",
		  .expected =
			  "3 DuplicateStageName: Duplicate stage name 'b', stage names should be "
			  "unique\n" },
		{ .text = "FROM a AS context\n",
		  .expected = "1 ReservedStageName: Stage name should not use the same name as "
			      "reserved stage 'context'\n" },
		{ .text = "FROM a\nRUN x \\\n\n  y\n",
		  .expected = "3 NoEmptyContinuation: Empty continuation line\n" },
		{ .text = "FROM a AS b\nRUN x \\\n # fine\n  y\nEXPOSE 80\n", .expected = "" },
	};

	(void)state;
	assert_checks(checks, ARRAY_LEN(checks));
}

static void bases_and_platforms(void **state)
{
	static const struct check checks[] = {
		{ .text = "ARG VERSION=1\nFROM a:1$VERSOIN\n",
		  .expected =
			  "2 UndefinedArgInFrom: FROM argument 'VERSOIN' is not declared (did you "
			  "mean VERSION?)\n" },
		{ .text = "ARG V\nFROM a:1$V\n", .expected = "" },
		{ .text = "ARG V\nFROM a:$V\n",
		  .expected =
			  "2 InvalidDefaultArgInFrom: Default value for ARG a:$V results in empty "
			  "or invalid base image name\n" },
		{ .text = "FROM a:${V:-1}\n", .expected = "" },
		{ .text = "FROM --platform=$TARGETPLATFORM a\n",
		  .expected =
			  "1 RedundantTargetPlatform: Setting platform to predefined "
			  "$TARGETPLATFORM in FROM is redundant as this is the default behavior\n" },
		{ .text = "FROM --platform=$BUILDPLATFORM a\n", .expected = "" },
		{ .text = "FROM --platform=linux/amd64 a\n",
		  .expected =
			  "1 FromPlatformFlagConstDisallowed: FROM --platform flag should not use "
			  "constant value 'linux/amd64'\n" },
		{ .text = "FROM --platform=linux/amd64 a AS for-amd64\n", .expected = "" },
		{ .text = "FROM --platform=linux/arm64 a AS arm64\n",
		  .base_env = "",
		  .expected = "1 InvalidBaseImagePlatform: Base image a was pulled with platform "
			      "'linux/amd64', expected 'linux/arm64' for current build\n" },
	};

	(void)state;
	assert_checks(checks, ARRAY_LEN(checks));
}

static void variables(void **state)
{
	static const struct check checks[] = {
		{ .text = "FROM scratch\nENV NAME=x\nCOPY $NMAE /\n",
		  .expected = "3 UndefinedVar: Usage of undefined variable '$NMAE' (did you mean "
			      "$NAME?)\n" },
		{ .text = "FROM a\nCOPY $X /\n", .expected = "" }, /* the base may set it */
		{ .text = "FROM a\nCOPY $X /\n",
		  .base_env = "Y=1",
		  .expected = "2 UndefinedVar: Usage of undefined variable '$X'\n" },
		{ .text = "FROM a\nCOPY $X /\n", .base_env = "X=1", .expected = "" },
		{ .text = "FROM scratch\nARG X\nCOPY $X /\n", .expected = "" },
		{ .text = "FROM scratch\nCOPY ${X:-a} ${Y+b} /c/\n", .expected = "" },
		{ .text = "FROM scratch\nCOPY '$X' \\$Y /c/\n", .expected = "" },
		{ .text = "FROM scratch\nENV PATH=/x:$PATH\n", .expected = "" },
		{ .text = "FROM scratch AS b\nENV X=1\nFROM b\nLABEL l=$X\n", .expected = "" },
		{ .text = "FROM scratch AS b\nENV X=1\nFROM scratch\nLABEL l=$X\n",
		  .expected = "4 UndefinedVar: Usage of undefined variable '$X'\n" },
		{ .text = "FROM scratch\nENV A=1 B=$A\n",
		  .expected = "2 UndefinedVar: Usage of undefined variable '$A'\n" },
		{ .text = "FROM scratch\nARG B=$A\n",
		  .expected = "2 UndefinedVar: Usage of undefined variable '$A'\n" },
		{ .text = "FROM scratch\nRUN echo $NOT_OURS\n", .expected = "" },
	};

	(void)state;
	assert_checks(checks, ARRAY_LEN(checks));
}

static void secrets(void **state)
{
	static const struct check checks[] = {
		{ .text = "FROM scratch\nARG DB_PASSWORD\n",
		  .expected = "2 SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for "
			      "sensitive data (ARG 'DB_PASSWORD')\n" },
		{ .text = "FROM scratch\nENV api_key=x\n",
		  .expected = "2 SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for "
			      "sensitive data (ENV 'api_key')\n" },
		{ .text = "FROM scratch\nENV PUBLIC_KEY=x TOKEN_FILE=y TOKENS=1 KEYBOARD=us\n",
		  .expected = "" },
	};

	(void)state;
	assert_checks(checks, ARRAY_LEN(checks));
}

static void instructions(void **state)
{
	static const struct check checks[] = {
		{ .text = "FROM a\nCMD x\n",
		  .expected =
			  "2 JSONArgsRecommended: JSON arguments recommended for CMD to prevent "
			  "unintended behavior related to OS signals\n" },
		{ .text = "FROM a\nSHELL [\"/bin/bash\", \"-c\"]\nCMD x\n", .expected = "" },
		{ .text = "FROM a\nMAINTAINER me\n",
		  .expected =
			  "2 MaintainerDeprecated: Maintainer instruction is deprecated in favor "
			  "of using label\n" },
		{ .text = "FROM a\nWORKDIR x\nWORKDIR y\n",
		  .expected = "2 WorkdirRelativePath: Relative workdir 'x' can have unexpected "
			      "results if the base image changes\n" },
		{ .text = "FROM a\nWORKDIR /x\nWORKDIR y\n", .expected = "" },
		{ .text = "FROM scratch\nENV D=/d\nWORKDIR $D/x\n", .expected = "" },
		{ .text = "FROM a\nCMD [\"x\"]\nRUN y\nCMD [\"z\"]\n",
		  .expected =
			  "2 MultipleInstructionsDisallowed: Multiple CMD instructions should not "
			  "be used in the same stage because only the last one will be used\n" },
		{ .text = "FROM a AS b\nCMD [\"x\"]\nFROM b\nCMD [\"z\"]\n", .expected = "" },
		{ .text = "FROM a\nENV x y\n",
		  .expected = "2 LegacyKeyValueFormat: 'ENV key=value' should be used instead of "
			      "legacy 'ENV key value' format\n" },
		{ .text = "FROM a\nEXPOSE 80/TCP\n",
		  .expected =
			  "2 ExposeProtoCasing: Defined protocol '80/TCP' in EXPOSE instruction "
			  "should be lowercase\n" },
		{ .text = "FROM a\nEXPOSE 127.0.0.1:80:80\n",
		  .expected = "2 ExposeInvalidFormat: EXPOSE instruction should not define an IP "
			      "address or host-port mapping, found '127.0.0.1:80:80'\n" },
		{ .text = "FROM scratch\nCOPY a/b.txt /\n",
		  .ignore = "*/*.txt\n",
		  .expected =
			  "2 CopyIgnoredFile: Attempting to Copy file 'a/b.txt' that is excluded "
			  "by .dockerignore\n" },
		{ .text = "FROM scratch\nCOPY a/b.txt /\n",
		  .ignore = "*/*.txt\n!c\n",
		  .expected = "" },
		{ .text = "FROM scratch\nCOPY . /\n", .ignore = "*\n", .expected = "" },
	};

	(void)state;
	assert_checks(checks, ARRAY_LEN(checks));
}

static void checks_can_be_turned_off_and_on(void **state)
{
	static const struct check checks[] = {
		{ .text = "# check=skip=StageNameCasing\nFROM a AS B\n", .expected = "" },
		{ .text = "# check=skip=all\nFROM a as B\nCMD x\n", .expected = "" },
		{ .text = "FROM a\n# check=skip=JSONArgsRecommended\nCMD x\n", .expected = "" },
		{ .text = "FROM a\n# check=skip=JSONArgsRecommended\n\nCMD x\n",
		  .expected =
			  "4 JSONArgsRecommended: JSON arguments recommended for CMD to prevent "
			  "unintended behavior related to OS signals\n" },
		{ .text = "# says nothing of the name\nFROM a AS b\n", .expected = "" },
		{ .text = "# check=experimental=InvalidDefinitionDescription\n\n# what it is\nFROM a AS b\n"
			  "# X is something\nARG X\n# nothing\nARG Y\n",
		  .expected = "4 InvalidDefinitionDescription: Comment for FROM should follow the "
			      "format: '# b <description>'\n"
			      "8 InvalidDefinitionDescription: Comment for ARG should follow the "
			      "format: '# Y <description>'\n" },
	};

	(void)state;
	assert_checks(checks, ARRAY_LEN(checks));
}

static void warnings_become_errors_when_the_file_asks(void **state)
{
	CLEANUP(linted_release) struct linted t, clean, wrong;

	(void)state;
	run(&t, "# check=error=true\nFROM a AS B\n", NULL, NULL);
	assert_int_equal(t.lint.nr, 1);
	assert_true(t.lint.is_error);
	run(&clean, "# check=error=true\nFROM a\n", NULL, NULL);
	assert_false(clean.lint.is_error);
	run(&wrong, "# check=sikp=all\nFROM a\n", NULL, NULL);
	assert_int_equal(wrong.r, -1);
	assert_int_equal(wrong.err.kind, ERR_INPUT);
	assert_non_null(strstr(wrong.err.text, "sikp=all"));
}

static void rules_have_their_pages(void **state)
{
	char url[LINT_URL_MAX];

	(void)state;
	lint_url(url, "JSONArgsRecommended");
	assert_string_equal(url,
			    "https://docs.docker.com/go/dockerfile/rule/json-args-recommended/");
	lint_url(url, "SecretsUsedInArgOrEnv");
	assert_string_equal(
		url, "https://docs.docker.com/go/dockerfile/rule/secrets-used-in-arg-or-env/");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_casing),
		cmocka_unit_test(bases_and_platforms),
		cmocka_unit_test(variables),
		cmocka_unit_test(secrets),
		cmocka_unit_test(instructions),
		cmocka_unit_test(checks_can_be_turned_off_and_on),
		cmocka_unit_test(warnings_become_errors_when_the_file_asks),
		cmocka_unit_test(rules_have_their_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
