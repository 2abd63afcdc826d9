/* Which ref of a repository a word means. Fetching is told end to end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "oci/build/remote_git.h"

#define LISTING                                                                                    \
	"1111\tHEAD\n"                                                                             \
	"1111\trefs/heads/main\n"                                                                  \
	"2222\trefs/heads/v1\n"                                                                    \
	"3333\trefs/heads/x/main\n"                                                                \
	"4444\trefs/pull/7/head\n"                                                                 \
	"5555\trefs/tags/light\n"                                                                  \
	"6666\trefs/tags/v1\n"                                                                     \
	"7777\trefs/tags/v1^{}\n"                                                                  \
	"8888\trefs/tags/v2\n"                                                                     \
	"9999\trefs/tags/v2^{}\n"

static void assert_picked(const char *ref, const char *want)
{
	struct remote_ref r;
	auto_free char *got = NULL;

	if (!remote_git_pick(&r, SPAN_LIT(LISTING), ref))
		got = mem_strdup("none");
	else
		got = mem_printf(SPAN_FMT " " SPAN_FMT, SPAN_ARG(r.name), SPAN_ARG(r.object));
	assert_string_equal(want, got);
}

static void a_ref_is_a_full_name_else_a_branch_else_a_tag(void **state)
{
	(void)state;
	assert_picked("HEAD", "HEAD 1111");
	assert_picked("main", "refs/heads/main 1111");
	assert_picked("x/main", "refs/heads/x/main 3333");
	assert_picked("v1", "refs/heads/v1 2222");
	assert_picked("refs/tags/v1", "refs/tags/v1 6666");
	assert_picked("tags/v1", "refs/tags/v1 6666");
	assert_picked("v2", "refs/tags/v2 8888");
	assert_picked("light", "refs/tags/light 5555");
	assert_picked("pull/7/head", "refs/pull/7/head 4444");
}

static void what_is_not_listed_is_none(void **state)
{
	struct remote_ref r;

	(void)state;
	assert_picked("nope", "none");
	assert_picked("mai", "none");
	assert_picked("v1^{}", "none");
	assert_picked("1111", "none");
	assert_false(remote_git_pick(&r, SPAN_LIT("no tab\n\n\t\n"), "a"));
	assert_false(remote_git_pick(&r, SPAN_LIT(""), "a"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_ref_is_a_full_name_else_a_branch_else_a_tag),
		cmocka_unit_test(what_is_not_listed_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
