/*
 * Physical lines to logical lines, and the directives at the top.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "oci/dockerfile/lex.h"

/* Each logical line as "NUMBER:TEXT|". */
static void assert_lines(const char *text, const char *expected)
{
	auto_buf struct buf out = BUF_INIT(BUF_SMALL);
	auto_lex struct lex lx = { 0 };
	struct err e = ERR_INIT;
	struct lex_line line;

	assert_int_equal(lex_open(&lx, "Dockerfile", span_of_str(text), &e), 0);
	while (lex_next(&lx, &line))
		buf_addf(&out, "%u:" SPAN_FMT "|", line.number, SPAN_ARG(line.text));
	assert_string_equal(buf_str(&out), expected);
}

static void assert_refused(struct span text, const char *expected)
{
	struct err e = ERR_INIT;
	struct lex lx;

	assert_int_equal(lex_open(&lx, "Dockerfile", text, &e), -1);
	assert_int_equal(e.kind, ERR_INPUT);
	assert_string_equal(e.text, expected);
}

static void lines_are_folded(void **state)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {
		{ "", "" },
		{ "\n \n\t\n", "" },
		{ "A b\nC d\n", "1:A b|2:C d|" },
		{ "A b", "1:A b|" },
		{ "  A b \t\n", "1:A b \t|" },
		{ "\xef\xbb\xbf"
		  "A b\n",
		  "1:A b|" },
		{ "A\n\xef\xbb\xbf"
		  "B\n",
		  "1:A|2:\xef\xbb\xbf"
		  "B|" },
		{ "A b\r\nC d\r\n", "1:A b|2:C d|" },
		{ "A b \\\r\n c\r\n", "1:A b  c|" },
		{ "# x\nA\n  # y\nB # z\n", "2:A|4:B # z|" },
		/* blanks at the start of a continuation are kept, and may follow the mark */
		{ "A b\\\n   c\\  \t\nd\nE\n", "1:A b   cd|4:E|" },
		/* a comment and an empty line inside are dropped and do not end it */
		{ "A \\\n# no\n  # no\n\n \t\n b\nC\n", "1:A  b|7:C|" },
		/* a comment's own mark continues nothing */
		{ "# a \\\nB\n", "2:B|" },
		{ "A \\\n# a \\\nb\nC\n", "1:A b|4:C|" },
		/* a doubled mark is a literal one */
		{ "A \\\\\nB\n", "1:A \\\\|2:B|" },
		{ "A \\", "1:A |" },
		{ "A \\\n", "1:A |" },
		{ "\\\n", "" },
		/* the number is the first word's */
		{ "\\\n\\\n A b\\\nc\nD\n", "3:A bc|5:D|" },
		{ "A `\nB\n", "1:A `|2:B|" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_lines(cases[i].text, cases[i].expected);
}

static void escape_directive_changes_the_mark(void **state)
{
	(void)state;
	assert_lines("# escape=`\nA b`\n c\\\nD\n", "2:A b c\\|4:D|");
	assert_lines("#  ESCAPE = ` \nA b`\nc\n", "2:A bc|");
	assert_lines("# syntax=docker/dockerfile:1\n# check=skip=all\n#escape=`\nA`\nb\n", "4:Ab|");
	assert_lines("\xef\xbb\xbf# escape=`\r\nA`\r\nb\r\n", "2:Ab|");
	assert_lines("# escape=\\\nA\\\nb\n", "2:Ab|");
	assert_lines(" # escape=`\nA`\nb\n", "2:Ab|");
}

static void directives_end_at_the_first_other_line(void **state)
{
	(void)state;
	assert_lines("\n# escape=`\nA`\nb\n", "3:A`|4:b|");
	assert_lines("# a comment\n# escape=`\nA`\nb\n", "3:A`|4:b|");
	assert_lines("# unknown=1\n# escape=`\nA`\nb\n", "3:A`|4:b|");
	assert_lines("#!/usr/bin/x\n# escape=`\nA`\nb\n", "3:A`|4:b|");
	assert_lines("A`\n# escape=x\nb\n", "1:A`|3:b|");
}

static void bad_directives_are_refused(void **state)
{
	(void)state;
	assert_refused(SPAN_LIT("# syntax=x\n# escape=x\n"),
		       "Dockerfile:2: invalid escape token 'x' does not match ` or \\");
	assert_refused(SPAN_LIT("# escape=\\\\\n"),
		       "Dockerfile:1: invalid escape token '\\\\' does not match ` or \\");
	assert_refused(SPAN_LIT("# escape=`\n# Escape=`\n"),
		       "Dockerfile:2: only one escape parser directive can be used");
	assert_refused(SPAN_LIT("# syntax=a\n# syntax=a\n"),
		       "Dockerfile:2: only one syntax parser directive can be used");
	assert_refused(SPAN_LIT("#!x\n# check=a\n# Check=a\n"),
		       "Dockerfile:3: only one check parser directive can be used");
}

static void files_in_other_languages_are_refused_by_their_frontend(void **state)
{
	static const char *const texts[] = { "// syntax=x/y:1\nlet a = 1\n",
					     "#!/usr/bin/env z\n// syntax = x/y:1\n",
					     "{\"syntax\": \"x/y:1\"}\n" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		assert_refused(span_of_str(texts[i]),
			       "Dockerfile:1: this is written for the frontend 'x/y:1', which is "
			       "never fetched: only Dockerfiles are read");
	assert_lines("// a\n", "1:// a|");
	assert_lines("{\"syntax\": 1}", "1:{\"syntax\": 1}|");
}

static void nul_bytes_are_refused_with_their_line(void **state)
{
	(void)state;
	assert_refused(SPAN_LIT("FROM a\n# x\0\n"), "Dockerfile:2: a NUL byte: this is not text");
}

/* Would take minutes if a fold looked again at what it has. */
static void long_folds_cost_what_they_are_long(void **state)
{
	const size_t n = 4 << 20;
	auto_free char *text = mem_alloc(n);
	auto_lex struct lex lx = { 0 };
	struct err e = ERR_INIT;
	struct lex_line line;

	(void)state;
	for (size_t i = 0; i < n; i += 4)
		memcpy(text + i, "  \\\n", 4);
	memcpy(text + n - 4, "END\n", 4);
	assert_int_equal(lex_open(&lx, "Dockerfile", span_of(text, n), &e), 0);
	assert_true(lex_next(&lx, &line));
	assert_true(span_eq_str(line.text, "END"));
	assert_int_equal(line.number, n / 4);
	assert_false(lex_next(&lx, &line));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_folded),
		cmocka_unit_test(escape_directive_changes_the_mark),
		cmocka_unit_test(directives_end_at_the_first_other_line),
		cmocka_unit_test(bad_directives_are_refused),
		cmocka_unit_test(files_in_other_languages_are_refused_by_their_frontend),
		cmocka_unit_test(nul_bytes_are_refused_with_their_line),
		cmocka_unit_test(long_folds_cost_what_they_are_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
