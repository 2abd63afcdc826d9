/* Views of bytes: taking text apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/span.h"

#define assert_span(want, got)                                                                     \
	do {                                                                                       \
		struct span got_ = (got);                                                          \
		assert_int_equal(strlen(want), got_.n);                                            \
		assert_true(!got_.n || !memcmp(want, got_.p, got_.n));                             \
	} while (0)

static void null_is_an_empty_span(void **state)
{
	struct span s = span_of_str(NULL);
	auto_free char *copy = span_dup(s);

	(void)state;
	assert_int_equal(0, s.n);
	assert_string_equal("", copy);
	assert_true(span_eq_str(s, ""));
	assert_int_equal(0, span_trim(s).n);
	assert_int_equal(-1, span_find(s, 'a'));
	assert_int_equal(0, span_sub(s, 3).n);
	assert_true(span_ends(s, ""));
}

static void equal_means_same_length_and_bytes(void **state)
{
	struct span abc = SPAN_LIT("abc");

	(void)state;
	assert_true(span_eq(abc, span_of("abcd", 3)));
	assert_false(span_eq_str(abc, "ab"));
	assert_false(span_eq_str(abc, "abd"));
	assert_true(span_eq_nocase(abc, "aBC"));
	assert_false(span_eq_nocase(abc, "aB"));
	assert_true(span_in_nocase(abc, (const char *const[]){ "x", "ABC" }, 2));
	assert_false(span_in_nocase(abc, (const char *const[]){ "x", "ab" }, 2));
	assert_false(span_eq_nocase(SPAN_LIT("a["), "a{")); /* 0x20 apart, no letters */
}

static void beginnings_and_ends(void **state)
{
	struct span s = SPAN_LIT("prefix-x");

	(void)state;
	assert_true(span_starts(s, "prefix"));
	assert_false(span_starts(s, "prefix-xx"));
	assert_true(span_ends(s, "-x"));
	assert_false(span_ends(s, "prefix"));
	assert_true(span_take(&s, "prefix-"));
	assert_span("x", s);
	assert_false(span_take(&s, "y"));
	assert_span("x", s);
}

static void find_from_both_sides(void **state)
{
	(void)state;
	assert_int_equal(1, span_find(SPAN_LIT("abcb"), 'b'));
	assert_int_equal(3, span_rfind(SPAN_LIT("abcb"), 'b'));
	assert_int_equal(-1, span_rfind(SPAN_LIT("abcb"), 'x'));
	assert_true(span_has_nul(SPAN_LIT("a\0b")));
	assert_false(span_has_nul(SPAN_LIT("ab")));
}

static void pieces_stay_inside(void **state)
{
	(void)state;
	assert_span("c", span_sub(SPAN_LIT("abc"), 2));
	assert_span("", span_sub(SPAN_LIT("abc"), 9));
	assert_span("ab", span_head(SPAN_LIT("abc"), 2));
	assert_span("abc", span_head(SPAN_LIT("abc"), 9));
}

static void trim_takes_blanks_only(void **state)
{
	(void)state;
	assert_span("a b", span_trim(SPAN_LIT(" \t\r\n\v\fa b \n")));
	assert_span("a ", span_ltrim(SPAN_LIT(" a ")));
	assert_span(" a", span_rtrim(SPAN_LIT(" a ")));
	assert_span("", span_trim(SPAN_LIT(" \n ")));
	assert_span("\x1c", span_trim(SPAN_LIT("\x1c"))); /* no blank here */
}

static void assert_split(const char *text, const char *want)
{
	struct span rest = span_of_str(text), piece;
	char got[64];
	size_t n = 0;

	while (span_split(&rest, ',', &piece))
		n += (size_t)snprintf(got + n, sizeof(got) - n, "<" SPAN_FMT ">", SPAN_ARG(piece));
	got[n] = '\0';
	assert_string_equal(want, got);
	assert_null(rest.p);
}

static void split_gives_the_empty_pieces_too(void **state)
{
	(void)state;
	assert_split("a,,b", "<a><><b>");
	assert_split("", "");
	assert_split("a,", "<a><>");
	assert_split(",", "<><>");
	assert_split("a", "<a>");
}

static void an_empty_piece_splits_into_none(void **state)
{
	struct span rest = SPAN_LIT("a,"), piece = SPAN_LIT("x"), inner;

	(void)state;
	assert_true(span_split(&rest, ',', &piece));
	assert_true(span_split(&rest, ',', &piece));
	assert_int_equal(0, piece.n);
	assert_false(span_split(&piece, ',', &inner));
}

static void lines_lose_their_newline_and_keep_the_return(void **state)
{
	struct span rest = SPAN_LIT("a\r\n\nb\n"), line;

	(void)state;
	assert_true(span_line(&rest, &line));
	assert_span("a\r", line);
	assert_true(span_line(&rest, &line));
	assert_span("", line);
	assert_true(span_line(&rest, &line));
	assert_span("b", line);
	assert_false(span_line(&rest, &line));
}

static void a_last_line_needs_no_newline(void **state)
{
	struct span rest = SPAN_LIT("ab"), line;

	(void)state;
	assert_true(span_line(&rest, &line));
	assert_span("ab", line);
	assert_false(span_line(&rest, &line));
}

static void words_are_between_blanks(void **state)
{
	struct span rest = SPAN_LIT("  ab\tc "), word;

	(void)state;
	assert_true(span_word(&rest, &word));
	assert_span("ab", word);
	assert_true(span_word(&rest, &word));
	assert_span("c", word);
	assert_false(span_word(&rest, &word));
}

static void cut_at_the_first_separator(void **state)
{
	struct span head, tail;

	(void)state;
	assert_true(span_cut(SPAN_LIT("a=b=c"), '=', &head, &tail));
	assert_span("a", head);
	assert_span("b=c", tail);
	assert_false(span_cut(SPAN_LIT("abc"), '=', &head, &tail));
	assert_span("abc", head);
	assert_span("", tail);
}

static void utf8_characters_are_valid_or_nothing(void **state)
{
	static const struct {
		const char *text;
		size_t len;
	} cases[] = {
		{ "a", 1 },
		{ "\xc3\xa9", 2 },
		{ "\xe2\x82\xac", 3 },
		{ "\xf0\x9f\x98\x80", 4 },
		{ "", 0 },
		{ "\x80", 0 },
		{ "\xc3", 0 }, /* cut short */
		{ "\xc3"
		  "a",
		  0 },			   /* not continued */
		{ "\xc0\x80", 0 },	   /* overlong */
		{ "\xe0\x80\x80", 0 },	   /* overlong */
		{ "\xed\xa0\x80", 0 },	   /* surrogate */
		{ "\xf4\x90\x80\x80", 0 }, /* past U+10FFFF */
		{ "\xff", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(cases[i].len, utf8_len(span_of_str(cases[i].text)));
}

static void what_a_terminal_would_act_on_is_told_and_made_plain(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		const char *plain;
	} cases[] = {
		{ "a", 0, "a" },	 { "\x1b[2J", 1, "?[2J" },	{ "\x7f", 1, "?" },
		{ "\xc2\x9b", 2, "??" }, { "\xc2\xa0", 0, "\xc2\xa0" }, { "\xc3", 1, "?" },
		{ "\x80x", 1, "?x" },	 { "\u00e4", 0, "\u00e4" },	{ "", 0, "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_free char *text = span_dup(span_of_str(cases[i].text));

		assert_int_equal(cases[i].len, utf8_control_len(span_of_str(cases[i].text)));
		utf8_make_plain(text);
		assert_string_equal(cases[i].plain, text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_terminal_would_act_on_is_told_and_made_plain),
		cmocka_unit_test(null_is_an_empty_span),
		cmocka_unit_test(equal_means_same_length_and_bytes),
		cmocka_unit_test(beginnings_and_ends),
		cmocka_unit_test(find_from_both_sides),
		cmocka_unit_test(pieces_stay_inside),
		cmocka_unit_test(trim_takes_blanks_only),
		cmocka_unit_test(split_gives_the_empty_pieces_too),
		cmocka_unit_test(an_empty_piece_splits_into_none),
		cmocka_unit_test(lines_lose_their_newline_and_keep_the_return),
		cmocka_unit_test(a_last_line_needs_no_newline),
		cmocka_unit_test(words_are_between_blanks),
		cmocka_unit_test(cut_at_the_first_separator),
		cmocka_unit_test(utf8_characters_are_valid_or_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
