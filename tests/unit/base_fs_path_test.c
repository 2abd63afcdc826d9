/* Paths as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/fs.h"

/* The table of Go's path.Clean and some more. */
static void paths_are_cleaned_as_go_does(void **state)
{
	static const struct {
		const char *path, *want;
	} cases[] = {
		{ "", "." },
		{ "abc", "abc" },
		{ "abc/def", "abc/def" },
		{ ".", "." },
		{ "..", ".." },
		{ "../..", "../.." },
		{ "../../abc", "../../abc" },
		{ "/abc", "/abc" },
		{ "/", "/" },
		{ "abc/", "abc" },
		{ "../", ".." },
		{ "/abc/", "/abc" },
		{ "abc//def//ghi", "abc/def/ghi" },
		{ "//abc", "/abc" },
		{ "///abc", "/abc" },
		{ "abc/./def", "abc/def" },
		{ "/./abc/def", "/abc/def" },
		{ "abc/.", "abc" },
		{ "abc/def/ghi/../jkl", "abc/def/jkl" },
		{ "abc/def/../ghi/../jkl", "abc/jkl" },
		{ "abc/def/..", "abc" },
		{ "abc/def/../..", "." },
		{ "/abc/def/../..", "/" },
		{ "abc/def/../../..", ".." },
		{ "/abc/def/../../..", "/" },
		{ "abc/def/../../../ghi/jkl/../../../mno", "../../mno" },
		{ "abc/./../def", "def" },
		{ "abc//./../def", "def" },
		{ "abc/../../././../def", "../../def" },
		{ "/../a", "/a" },
		{ "...", "..." },
		{ "a/..b/c", "a/..b/c" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_free char *got = fs_path_clean(cases[i].path);
		auto_free char *again = fs_path_clean(got);

		assert_string_equal(cases[i].want, got);
		assert_string_equal(got, again);
	}
}

static void joining_cleans(void **state)
{
	static const struct {
		const char *a, *b, *want;
	} cases[] = {
		{ "a", "b", "a/b" },	  { "a/", "/b", "a/b" },
		{ "/", "b", "/b" },	  { "", "b", "b" },
		{ "a", "", "a" },	  { "", "", "." },
		{ "/app", "../x", "/x" }, { "/app", ".", "/app" },
		{ "a", "../..", ".." },	  { "/app", "/etc", "/app/etc" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_free char *got = fs_path_join(cases[i].a, cases[i].b);

		assert_string_equal(cases[i].want, got);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_are_cleaned_as_go_does),
		cmocka_unit_test(joining_cleans),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
