/*
 * The lines that errors are about, as they are shown.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/excerpt.h"

static void assert_excerpt(const char *text, unsigned line, unsigned last, const char *word,
			   const char *expected)
{
	struct err e = ERR_INIT;

	err_set(&e, ERR_INPUT, "x");
	excerpt_word(&e, "D", span_of_str(text), line, last, span_of_str(word));
	assert_string_equal(e.excerpt, expected);
}

static void words_are_marked_where_they_stand(void **state)
{
	(void)state;
	assert_excerpt("A\nB c\n", 2, 2, "c", "D:2\n     2 | B c\n       |   ^\n");
	assert_excerpt("A b", 1, 1, "A", "D:1\n     1 | A b\n       | ^\n");
	/* a whole word before a piece of one */
	assert_excerpt("RUN cat a", 1, 1, "a", "D:1\n     1 | RUN cat a\n       |         ^\n");
	assert_excerpt("RUN cat", 1, 1, "a", "D:1\n     1 | RUN cat\n       |      ^\n");
	assert_excerpt("COPY --from=x y", 1, 1, "x",
		       "D:1\n     1 | COPY --from=x y\n       |             ^\n");
	/* in a later line of the instruction, never in others */
	assert_excerpt("z\nA \\\n\n#\n  z\nz\n", 2, 5, "z",
		       "D:2\n     2 | A \\\n       | …\n     5 |   z\n       |   ^\n");
	assert_excerpt("A \\\n z\n", 1, 2, "z", "D:1\n     1 | A \\\n     2 |  z\n       |  ^\n");
	assert_excerpt("A\nB\nq\n", 1, 2, "q", "D:1\n     1 | A\n     2 | B\n");
	/* nothing to mark */
	assert_excerpt("A\nB\nC\nD\n", 1, 4, NULL,
		       "D:1\n     1 | A\n     2 | B\n     3 | C\n       | …\n");
	assert_excerpt("A\n", 0, 0, "A", "");
	assert_excerpt("A\n", 7, 7, "A", "D:7\n     7 | \n");
	assert_excerpt("\xef\xbb\xbf"
		       "A b\r\n",
		       1, 1, "b", "D:1\n     1 | A b\n       |   ^\n");
}

static void passwords_of_addresses_are_not_shown(void **state)
{
	(void)state;
	assert_excerpt("ADD https://u:pw@h/x y", 1, 1, "y",
		       "D:1\n     1 | ADD https://h/x y\n       |                 ^\n");
	assert_excerpt("ADD https://u:pw@h/x y", 1, 1, "https://u:pw@h/x",
		       "D:1\n     1 | ADD https://h/x y\n       |     ^^^^^^^^^^^\n");
}

static void what_a_terminal_would_act_on_is_not_shown(void **state)
{
	(void)state;
	assert_excerpt("A\t\x1b[2Jb\x7f\xff\xc2\x9b c\n", 1, 1, "c",
		       "D:1\n     1 | A ?[2Jb??? c\n       |            ^\n");
	/* a column a character */
	assert_excerpt("\xc3\xa4\xe2\x82\xac x\n", 1, 1, "x",
		       "D:1\n     1 | \xc3\xa4\xe2\x82\xac x\n       |    ^\n");
}

static void long_lines_are_cut_around_the_word(void **state)
{
	auto_buf struct buf text = BUF_INIT(BUF_SMALL), out = BUF_INIT(BUF_SMALL);

	(void)state;
	for (int i = 0; i < 1000; i++)
		buf_add_str(&text, "\xc3\xa4");
	buf_add_str(&text, " here ");
	for (int i = 0; i < 1000; i++)
		buf_add_char(&text, 'b');
	buf_add_str(&out, "D:1\n     1 | …");
	for (int i = 0; i < 19; i++)
		buf_add_str(&out, "\xc3\xa4");
	buf_add_str(&out, " here ");
	for (int i = 0; i < 95; i++)
		buf_add_char(&out, 'b');
	buf_addf(&out, "…\n       | %*s^^^^\n", 21, "");
	assert_excerpt(buf_str(&text), 1, 1, "here", buf_str(&out));
}

static void the_first_excerpt_stays_and_a_new_error_has_none(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	err_set(&e, ERR_INPUT, "x");
	err_excerpt(&e, span_of_str("one\n"));
	err_excerpt(&e, span_of_str("two\n"));
	err_wrap(&e, "y");
	assert_string_equal(e.excerpt, "one\n");
	err_set(&e, ERR_INPUT, "z");
	assert_string_equal(e.excerpt, "");
	err_set(&e, ERR_CANCELLED, "z");
	err_excerpt(&e, span_of_str("one\n"));
	assert_string_equal(e.excerpt, "");
}

static void assert_line(const char *line, unsigned column, size_t n, const char *expected)
{
	struct err e = ERR_INIT;

	err_set(&e, ERR_INPUT, "x");
	excerpt_line(&e, "D", 2, span_of_str(line), column, n);
	assert_string_equal(e.excerpt, expected);
}

static void columns_are_marked_as_far_as_the_line_goes(void **state)
{
	(void)state;
	assert_line(" b: cd", 5, 2, "D:2\n     2 |  b: cd\n       |     ^^\n");
	assert_line(" b: cd", 5, SIZE_MAX, "D:2\n     2 |  b: cd\n       |     ^^\n");
	assert_line("\xc3\xa4: \xc3\xa4x", 4, 1,
		    "D:2\n     2 | \xc3\xa4: \xc3\xa4x\n       |    ^\n");
	/* nothing to mark, or nothing there */
	assert_line("a:", 0, 1, "D:2\n     2 | a:\n");
	assert_line("a:", 9, 1, "D:2\n     2 | a:\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_marked_where_they_stand),
		cmocka_unit_test(passwords_of_addresses_are_not_shown),
		cmocka_unit_test(what_a_terminal_would_act_on_is_not_shown),
		cmocka_unit_test(long_lines_are_cut_around_the_word),
		cmocka_unit_test(the_first_excerpt_stays_and_a_new_error_has_none),
		cmocka_unit_test(columns_are_marked_as_far_as_the_line_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
