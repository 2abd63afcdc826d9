/*
 * .dockerignore and the globs of COPY.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "oci/dockerfile/ignore.h"

static struct ignore *parsed(const char *text)
{
	struct ignore *ig = NULL;
	struct err e = ERR_INIT;

	if (ignore_parse(&ig, ".dockerignore", span_of_str(text), &e) < 0)
		fail_msg("%s", e.text);
	return ig;
}

static void assert_refused(struct span text, const char *expected)
{
	struct ignore *ig = NULL;
	struct err e = ERR_INIT;

	assert_int_equal(ignore_parse(&ig, ".dockerignore", text, &e), -1);
	assert_null(ig);
	assert_int_equal(e.kind, ERR_INPUT);
	assert_string_equal(e.text, expected);
}

static void one_pattern_matches_paths_and_what_is_below(void **state)
{
	static const struct {
		const char *pattern, *path;
		bool excluded;
	} cases[] = {
		{ "a", "a", true },
		{ "a", "a/b", true },
		{ "a", "a/b/c", true },
		{ "a", "b/a", false },
		{ "a", "ab", false },
		{ "a", "A", false },
		{ "/a", "a", true },
		{ "a/", "a", true },
		{ "./a//b/../c", "a/c", true },
		{ " a \t", "a", true },
		{ "a/b", "a", false },
		{ "../a", "a", false },
		{ ".", "a", false },
		{ "/", "a", false },
		/* a star stays inside one component */
		{ "*", "a", true },
		{ "*", "a/b", true },
		{ "*", ".git", true },
		{ "*.md", "x.md", true },
		{ "*.md", "a/x.md", false },
		{ "a/*.md", "a/x.md", true },
		{ "a/*.md", "a/b/x.md", false },
		{ "a*c", "abbc", true },
		{ "a*c", "ab/c", false },
		{ "a*", "a", true },
		{ "*/b", "a/b/c", true },
		{ "a?c", "abc", true },
		{ "a?c", "a/c", false },
		{ "a?c",
		  "a\xc3\xa9"
		  "c",
		  true },
		{ "a?c", "ac", false },
		{ "[a-c]x", "bx", true },
		{ "[a-c]x", "dx", false },
		{ "[^a-c]x", "dx", true },
		{ "[^a-c]x", "bx", false },
		{ "[\\]]x", "]x", true },
		{ "\\*", "*", true },
		{ "\\*", "a", false },
		{ "a.c", "abc", false },
		{ "a+(b)|{c}$", "a+(b)|{c}$", true },
		/* two stars are any number of components */
		{ "**", "a/b", true },
		{ "**/b", "b", true },
		{ "**/b", "a/b", true },
		{ "**/b", "a/c/b", true },
		{ "**/b", "ab", false },
		{ "**/b", "a/xb", false },
		{ "a/**", "a", false },
		{ "a/**", "a/b", true },
		{ "a/**", "a/b/c", true },
		{ "a/**", "ab", false },
		{ "a/**/c", "a/c", true },
		{ "a/**/c", "a/b/b/c", true },
		{ "a/**/c", "a/bc", false },
		{ "**/*.o", "x.o", true },
		{ "**/*.o", "a/b/x.o", true },
		{ "**/*.o", "a/b/x.c", false },
		{ "**/a/**", "x/a/y", true },
		{ "**/a/**", "x/a", false },
		{ "**x", "a/bx", true },
		{ "a**", "ab/c", true },
		{ "a**b", "ab", true },
		{ "a**b", "ax/b", true },
		{ "a**b", "axb", false },
		/* bytes that are no UTF-8 are themselves */
		{ "\xff", "\xff", true },
		{ "\xff", "\xfe", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_ignore struct ignore *ig = parsed(cases[i].pattern);

		if (ignore_is_excluded(ig, cases[i].path) != cases[i].excluded)
			fail_msg("pattern '%s', path '%s'", cases[i].pattern, cases[i].path);
	}
}

static void last_matching_pattern_decides(void **state)
{
	auto_ignore struct ignore *ig = parsed("\xef\xbb\xbf# comment\n*.md\r\n!README.md\n\n"
					       "docs\n! docs/keep\ndocs/keep/not\n #x\n");

	(void)state;
	assert_int_equal(ignore_line_of(ig, "a.md"), 2);
	assert_int_equal(ignore_line_of(ig, "README.md"), 0);
	assert_int_equal(ignore_line_of(ig, "docs/a"), 5);
	assert_int_equal(ignore_line_of(ig, "docs/keep"), 0);
	assert_int_equal(ignore_line_of(ig, "docs/keep/a"), 0);
	assert_int_equal(ignore_line_of(ig, "docs/keep/not/a"), 7);
	assert_int_equal(ignore_line_of(ig, "#x"), 8);
	assert_int_equal(ignore_line_of(ig, "src"), 0);
	assert_false(ignore_is_excluded(ig, "docs/keep/a"));
}

static void root_and_nothing_are_never_excluded(void **state)
{
	auto_ignore struct ignore *all = parsed("**\n"), *none = parsed("");

	(void)state;
	assert_false(ignore_is_excluded(all, ""));
	assert_false(ignore_is_excluded(all, "."));
	assert_true(ignore_is_excluded(all, "a"));
	assert_false(ignore_is_excluded(none, "a"));
	assert_false(ignore_is_excluded(NULL, "a"));
	assert_true(ignore_may_hold_included(NULL, "a"));
	assert_int_equal(ignore_line_of(NULL, "a"), 0);
}

static void excluded_folders_are_entered_only_for_what_is_brought_back(void **state)
{
	static const struct {
		const char *text, *dir;
		bool may;
	} cases[] = {
		{ "a", "a", false },	     { "a", "b", true },
		{ "a\n!a/b", "a", true },    { "a\n!a/b/c", "a/b", true },
		{ "a\n!a/b", "a/c", false }, { "a\n!ab/c", "a", false },
		{ "a\n!b", "a", false },     { "*\n!*/x", "a", true },
		{ "*\n!*/x", "a/b", false }, { "*\n!**/x", "a/b/c", true },
		{ "!a/b\na", "a", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_ignore struct ignore *ig = parsed(cases[i].text);

		if (ignore_may_hold_included(ig, cases[i].dir) != cases[i].may)
			fail_msg("'%s', dir '%s'", cases[i].text, cases[i].dir);
	}
}

static void bad_patterns_are_refused_with_their_line(void **state)
{
	auto_buf struct buf long_one = BUF_INIT(BUF_SMALL);

	(void)state;
	assert_refused(SPAN_LIT("a\n!\n"), ".dockerignore:2: illegal exclusion pattern: '!'");
	assert_refused(SPAN_LIT("a\n[\n"), ".dockerignore:2: syntax error in pattern '['");
	assert_refused(SPAN_LIT("[]a]"), ".dockerignore:1: syntax error in pattern '[]a]'");
	assert_refused(SPAN_LIT("a[b-]"), ".dockerignore:1: syntax error in pattern 'a[b-]'");
	assert_refused(SPAN_LIT("a\\"), ".dockerignore:1: syntax error in pattern 'a\\'");
	assert_refused(SPAN_LIT("a\0b"), ".dockerignore: a NUL byte: this is not text");
	while (long_one.len <= 4096)
		buf_add_char(&long_one, 'a');
	assert_refused(buf_span(&long_one), ".dockerignore:1: a pattern of more than 4096 bytes");
}

/* Backtracking would not come back from this one. */
static void hostile_patterns_end_soon(void **state)
{
	auto_buf struct buf pattern = BUF_INIT(BUF_SMALL), path = BUF_INIT(BUF_SMALL);
	auto_ignore struct ignore *ig = NULL;

	(void)state;
	for (size_t i = 0; i < 400; i++) {
		buf_add_str(&pattern, "*a**/");
		buf_add_str(&path, "aaaa/");
	}
	buf_add_str(&pattern, "x");
	buf_add_str(&path, "y");
	ig = parsed(buf_str(&pattern));
	assert_false(ignore_is_excluded(ig, buf_str(&path)));
}

static void globs_match_one_component(void **state)
{
	static const struct {
		const char *pattern, *name;
		int result;
	} cases[] = {
		{ "", "", 1 },
		{ "", "a", 0 },
		{ "abc", "abc", 1 },
		{ "abc", "ab", 0 },
		{ "*", "abc", 1 },
		{ "*", "", 1 },
		{ "*", "a/b", 0 },
		{ "*c", "abc", 1 },
		{ "a*b*c", "aXbYbZc", 1 },
		{ "a*b*c", "aXbY", 0 },
		{ "a*/b", "ax/b", 1 },
		{ "a*/b", "a/c/b", 0 },
		{ "a*b?c*x", "abxbbxdbxebxczzx", 1 },
		{ "a*b?c*x", "abxbbxdbxebxczzy", 0 },
		{ "ab[b-d]", "abc", 1 },
		{ "ab[e-g]", "abc", 0 },
		{ "ab[^c]", "abc", 0 },
		{ "ab[^e-g]", "abc", 1 },
		{ "a\\*b", "a*b", 1 },
		{ "a\\*b", "axb", 0 },
		{ "a?b",
		  "a\xe2\x98\xba"
		  "b",
		  1 },
		{ "a[^a]b",
		  "a\xe2\x98\xba"
		  "b",
		  1 },
		{ "a???b",
		  "a\xe2\x98\xba"
		  "b",
		  0 },
		{ "[a-\xce\xb6]*", "\xce\xb1", 1 },
		{ "*[a-\xce\xb6]", "A", 0 },
		{ "a?b", "a/b", 0 },
		{ "[\\]a]", "]", 1 },
		{ "[\\-]", "-", 1 },
		{ "[x\\-]", "-", 1 },
		{ "[[]x", "[x", 1 },
		{ "[]a]", "]", -1 },
		{ "[-]", "-", -1 },
		{ "[x-]", "x", -1 },
		{ "[a-b-c]", "a", -1 },
		{ "[", "a", -1 },
		{ "[^", "a", -1 },
		{ "[^bc", "a", -1 },
		{ "a[", "a", -1 },
		{ "x[", "a", -1 },
		{ "a\\", "a", -1 },
		{ "[\xff]", "\xff", -1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int r = glob_match(span_of_str(cases[i].pattern), span_of_str(cases[i].name));

		if (r != cases[i].result)
			fail_msg("pattern '%s', name '%s': %d", cases[i].pattern, cases[i].name, r);
	}
}

static void patterns_can_come_one_by_one(void **state)
{
	auto_strv struct strv patterns = STRV_INIT;
	auto_ignore struct ignore *ig = NULL;
	struct ignore *none = NULL;
	struct err e = ERR_INIT;

	(void)state;
	strv_add(&patterns, "*.md");
	strv_add(&patterns, "#x");
	strv_add(&patterns, "!keep.md");
	assert_int_equal(ignore_of_patterns(&ig, "--exclude", &patterns, &e), 0);
	assert_true(ignore_is_excluded(ig, "a.md"));
	assert_true(ignore_is_excluded(ig, "#x"));
	assert_false(ignore_is_excluded(ig, "keep.md"));
	strv_add(&patterns, "[");
	assert_int_equal(ignore_of_patterns(&none, "--exclude", &patterns, &e), -1);
	assert_string_equal(e.text, "--exclude: syntax error in pattern '['");
}

static void the_pattern_that_excludes_can_be_named(void **state)
{
	auto_ignore struct ignore *ig = parsed("# text\n*.txt\nd\n!d/keep\n");

	(void)state;
	assert_string_equal(ignore_pattern_of(ig, "a.txt"), "*.txt");
	assert_int_equal(ignore_line_of(ig, "a.txt"), 2);
	assert_string_equal(ignore_pattern_of(ig, "d/x"), "d");
	assert_string_equal(ignore_pattern_of(ig, "d/keep"), "");
	assert_string_equal(ignore_pattern_of(NULL, "a"), "");
}

static void meta_characters_are_told(void **state)
{
	(void)state;
	assert_true(glob_has_meta(SPAN_LIT("a*")));
	assert_true(glob_has_meta(SPAN_LIT("a?")));
	assert_true(glob_has_meta(SPAN_LIT("[a")));
	assert_true(glob_has_meta(SPAN_LIT("a\\b")));
	assert_false(glob_has_meta(SPAN_LIT("a]{b}")));
	assert_false(glob_has_meta(SPAN_LIT("")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_pattern_matches_paths_and_what_is_below),
		cmocka_unit_test(last_matching_pattern_decides),
		cmocka_unit_test(root_and_nothing_are_never_excluded),
		cmocka_unit_test(excluded_folders_are_entered_only_for_what_is_brought_back),
		cmocka_unit_test(bad_patterns_are_refused_with_their_line),
		cmocka_unit_test(hostile_patterns_end_soon),
		cmocka_unit_test(globs_match_one_component),
		cmocka_unit_test(patterns_can_come_one_by_one),
		cmocka_unit_test(the_pattern_that_excludes_can_be_named),
		cmocka_unit_test(meta_characters_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
