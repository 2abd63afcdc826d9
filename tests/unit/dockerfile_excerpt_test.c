/*
 * The lines that errors are about, as they are shown.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "oci/dockerfile/message.h"
#include "oci/dockerfile/parse.h"
#include "oci/dockerfile/plan.h"

/* Text and excerpt of what dockerfile_parse or a plan says. */
static void assert_said(const char *text, const char *expected)
{
	auto_dockerfile struct dockerfile *df = NULL;
	auto_plan struct dockerfile_plan *plan = NULL;
	struct oci_platform platform;
	struct plan_options opt = { 0 };
	auto_buf struct buf said = BUF_INIT(BUF_SMALL);
	struct err e = ERR_INIT;

	oci_platform_host(&platform);
	opt.platforms = &platform;
	opt.nr_platforms = 1;
	if (dockerfile_parse(&df, "D", span_of_str(text), &e) == 0)
		assert_int_equal(dockerfile_plan_make(&plan, df, &opt, &e), -1);
	buf_addf(&said, "%s%s", e.excerpt, e.text);
	assert_string_equal(buf_str(&said), expected);
}

static void errors_show_what_they_are_about(void **state)
{
	static const struct {
		const char *text, *said;
	} cases[] = {
		{ "FROM a\nFORM b\n", "D:2\n     2 | FORM b\n       | ^^^^\n"
				      "D:2: unknown instruction: FORM (did you mean FROM?)" },
		{ "FROM a\nCOPY --fom=x a b\n",
		  "D:2\n     2 | COPY --fom=x a b\n       |      ^^^^^\n"
		  "D:2: COPY: unknown flag: --fom (did you mean from?)" },
		{ "FROM a\nENV a=b \\\n  c=${\n",
		  "D:2\n     2 | ENV a=b \\\n     3 |   c=${\n       |     ^^\n"
		  "D:2: failed to process '${': syntax error: missing '}'" },
		{ "FROM a\nCOPY <<x /y\n1\n",
		  "D:2\n     2 | COPY <<x /y\n       |        ^\n"
		  "D:2: unterminated heredoc: no line below is 'x' alone" },
		{ "FROM a AS 1\n",
		  "D:1\n     1 | FROM a AS 1\n       |           ^\n"
		  "D:1: invalid name for build stage: \"1\", name can't start with a "
		  "number or contain symbols" },
		{ "# escape=!\nFROM a\n", "D:1\n     1 | # escape=!\n       |          ^\n"
					  "D:1: invalid escape token '!' does not match ` or \\" },
		{ "FROM a\nCOPY --from=b x y\nFROM z AS b\n",
		  "D:2\n     2 | COPY --from=b x y\n       |             ^\n"
		  "D:2: cannot copy from stage 'b', it needs to be defined before current stage "
		  "'stage-0'" },
		{ "ARG x=${y?no}\nFROM a\n", "D:1\n     1 | ARG x=${y?no}\n       |     ^^^^^^^^^\n"
					     "D:1: failed to process '${y?no}': y: no" },
		{ "ARG x\nFROM $x\n", "D:2\n     2 | FROM $x\n       |      ^^\n"
				      "D:2: base name ('$x') should not be blank (x is not "
				      "set: ARG NAME=VALUE is needed before the first FROM)" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_said(cases[i].text, cases[i].said);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errors_show_what_they_are_about),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
