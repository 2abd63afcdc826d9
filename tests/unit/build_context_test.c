/* Which entries of a context the sources of a COPY mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "oci/build/context.h"
#include "tests/fakes/tmpdir.h"

static void make(struct tmpdir *d, const char *const *files)
{
	tmpdir_init(d);
	for (; *files; files++)
		tmpdir_file(d, *files, "x");
}

/* "path=real path=real …", or "! message". */
static char *match(struct tmpdir *d, const char *word)
{
	auto_source_tree struct source_tree t = SOURCE_TREE_INIT;
	auto_matches struct source_matches m = { 0 };
	auto_buf struct buf out = BUF_INIT(BUF_SMALL);
	struct err e = ERR_INIT;

	if (context_open(&t, d->path, NULL, &e) < 0 || source_match_word(&m, &t, word, &e) < 0)
		return mem_printf("! %s", e.text);
	for (size_t i = 0; i < m.nr; i++)
		buf_addf(&out, "%s%s=%s", i ? " " : "", m.v[i].path, m.v[i].real);
	return mem_strdup(buf_str(&out));
}

static void assert_match(struct tmpdir *d, const char *word, const char *want)
{
	auto_free char *got = match(d, word);

	assert_string_equal(got, want);
}

static void assert_refused(struct tmpdir *d, const char *word, const char *part)
{
	auto_free char *got = match(d, word);

	assert_int_equal(got[0], '!');
	assert_non_null(strstr(got, part));
}

static void a_plain_word_is_one_path(void **state)
{
	auto_tmpdir struct tmpdir d;

	(void)state;
	make(&d, (const char *const[]){ "a/b", "c", NULL });
	assert_match(&d, "c", "c=c");
	assert_match(&d, "./a//b", "a/b=a/b");
	assert_match(&d, ".", "=");
	assert_match(&d, "a/", "a=a");
}

static void nothing_leads_out_of_the_context(void **state)
{
	auto_tmpdir struct tmpdir d;

	(void)state;
	make(&d, (const char *const[]){ "c", "sub/x", NULL });
	tmpdir_link(&d, "passwd", "/etc/passwd");
	tmpdir_link(&d, "up", "../../../../etc/passwd");
	tmpdir_link(&d, "inside", "/sub/x");
	assert_match(&d, "../../c", "c=c");
	assert_match(&d, "/c", "c=c");
	assert_refused(&d, "passwd", "'passwd' is not in the context '");
	assert_refused(&d, "up", "'up' is not in the context '");
	assert_refused(&d, "up", "links lead to '/etc/passwd' in there");
	assert_match(&d, "inside", "inside=sub/x");
}

static void links_are_followed(void **state)
{
	auto_tmpdir struct tmpdir d;

	(void)state;
	make(&d, (const char *const[]){ "real/x", NULL });
	tmpdir_link(&d, "dir", "real");
	tmpdir_link(&d, "loop", "loop");
	assert_match(&d, "dir/x", "dir/x=real/x");
	assert_refused(&d, "loop", "too many links");
}

static void a_missing_source_is_named(void **state)
{
	auto_tmpdir struct tmpdir d;

	(void)state;
	make(&d, (const char *const[]){ "a", NULL });
	assert_refused(&d, "nope", "'nope' is not in the context '");
	assert_refused(&d, "a/b", "not a directory");
}

static void an_ignored_source_names_its_rule(void **state)
{
	auto_tmpdir struct tmpdir d;

	(void)state;
	make(&d, (const char *const[]){ "secret", "dir/x", NULL });
	tmpdir_link(&d, "alias", "secret");
	tmpdir_file(&d, ".dockerignore", "# no secrets\nsecret\ndir\n");
	assert_refused(&d, "secret", ".dockerignore:2 excludes it");
	assert_refused(&d, "dir/x", ".dockerignore:3 excludes it");
	assert_refused(&d, "alias", ".dockerignore:2 excludes it");
}

static void a_directory_with_something_brought_back_is_there(void **state)
{
	auto_tmpdir struct tmpdir d;

	(void)state;
	make(&d, (const char *const[]){ "dir/x", "dir/keep", NULL });
	tmpdir_file(&d, ".dockerignore", "dir\n!dir/keep\n");
	assert_match(&d, "dir", "dir=dir");
	assert_match(&d, "dir/*", "dir/keep=dir/keep");
}

static void wildcards_match_part_by_part_in_order(void **state)
{
	auto_tmpdir struct tmpdir d;

	(void)state;
	make(&d, (const char *const[]){ "b.py", "a.py", "a.txt", "x/1/f.py", "x/2/f.py", "x/2/g",
					".hidden.py", NULL });
	assert_match(&d, "*.py", ".hidden.py=.hidden.py a.py=a.py b.py=b.py");
	assert_match(&d, "x/?/f*", "x/1/f.py=x/1/f.py x/2/f.py=x/2/f.py");
	assert_match(&d, "[^b].*", "a.py=a.py a.txt=a.txt");
	assert_match(&d, "*.none", "");
	assert_match(&d, "none/*", "");
	assert_refused(&d, "[", "is not a pattern");
}

static void wildcards_pass_over_what_is_ignored(void **state)
{
	auto_tmpdir struct tmpdir d;

	(void)state;
	make(&d, (const char *const[]){ "a.py", "b.py", NULL });
	tmpdir_file(&d, ".dockerignore", "b.py\n.dockerignore\n");
	tmpdir_link(&d, "broken", "nowhere");
	assert_match(&d, "*", "a.py=a.py");
}

static void the_dockerfiles_own_ignore_file_goes_first(void **state)
{
	auto_tmpdir struct tmpdir d;
	auto_source_tree struct source_tree t = SOURCE_TREE_INIT;
	auto_free char *dockerfile = NULL;
	struct err e = ERR_INIT;

	(void)state;
	make(&d, (const char *const[]){ "a", NULL });
	tmpdir_file(&d, ".dockerignore", "a\n");
	tmpdir_file(&d, "prod.dockerignore", "b\n");
	dockerfile = mem_printf("%s/prod", d.path);
	assert_int_equal(context_open(&t, d.path, dockerfile, &e), 0);
	assert_false(ignore_is_excluded(t.ignore, "a"));
	assert_true(ignore_is_excluded(t.ignore, "b"));
}

static void a_context_that_is_not_there_is_absent(void **state)
{
	struct source_tree t = SOURCE_TREE_INIT;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(context_open(&t, "/nonexistent/dir", NULL, &e), -1);
	assert_int_equal(e.kind, ERR_ABSENT);
	assert_int_equal(t.fd, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_word_is_one_path),
		cmocka_unit_test(nothing_leads_out_of_the_context),
		cmocka_unit_test(links_are_followed),
		cmocka_unit_test(a_missing_source_is_named),
		cmocka_unit_test(an_ignored_source_names_its_rule),
		cmocka_unit_test(a_directory_with_something_brought_back_is_there),
		cmocka_unit_test(wildcards_match_part_by_part_in_order),
		cmocka_unit_test(wildcards_pass_over_what_is_ignored),
		cmocka_unit_test(the_dockerfiles_own_ignore_file_goes_first),
		cmocka_unit_test(a_context_that_is_not_there_is_absent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
