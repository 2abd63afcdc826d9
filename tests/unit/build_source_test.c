/* Which entries of a context the sources of a COPY mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <time.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/rootdir.h"
#include "oci/build/source.h"
#include "tests/fakes/tmpdir.h"

static void make(struct tmpdir *d, const char *const *files)
{
	tmpdir_init(d);
	for (; *files; files++)
		tmpdir_file(d, *files, "x");
}

typedef int match_fn(struct source_matches *out, const struct source_tree *t, const char *word,
		     struct err *e);

/* "path=real path=real …", or "! message". */
static char *match_by(struct tmpdir *d, match_fn *fn, const char *word)
{
	auto_context struct context c = CONTEXT_INIT;
	auto_source_tree struct source_tree t = { 0 };
	auto_matches struct source_matches m = { 0 };
	auto_buf struct buf out = BUF_INIT(BUF_SMALL);
	struct err e = ERR_INIT;

	if (context_open(&c, d->path, NULL, &e) < 0 || source_tree_of_context(&t, &c, &e) < 0 ||
	    fn(&m, &t, word, &e) < 0)
		return mem_printf("! %s", e.text);
	for (size_t i = 0; i < m.nr; i++)
		buf_addf(&out, "%s%s=%s", i ? " " : "", m.v[i].path, m.v[i].real);
	return mem_strdup(buf_str(&out));
}

static char *match(struct tmpdir *d, const char *word)
{
	return match_by(d, source_match_word, word);
}

static void assert_match(struct tmpdir *d, const char *word, const char *want)
{
	auto_free char *got = match(d, word);

	assert_string_equal(got, want);
}

static void assert_parents(struct tmpdir *d, const char *word, const char *want)
{
	auto_free char *got = match_by(d, source_match_parents, word);

	assert_string_equal(got, want);
}

static void assert_refused_by(struct tmpdir *d, match_fn *fn, const char *word, const char *part)
{
	auto_free char *got = match_by(d, fn, word);

	if (got[0] != '!' || !strstr(got, part))
		fail_msg("'%s' is not in '%s'", part, got);
}

static void assert_refused(struct tmpdir *d, const char *word, const char *part)
{
	assert_refused_by(d, source_match_word, word, part);
}

static void assert_refused_without(struct tmpdir *d, const char *word, const char *part)
{
	auto_free char *got = match_by(d, source_match_word, word);

	if (got[0] != '!' || strstr(got, part))
		fail_msg("'%s' is in '%s'", part, got);
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

static void the_nearest_name_is_suggested(void **state)
{
	auto_tmpdir struct tmpdir d;

	(void)state;
	make(&d, (const char *const[]){ "app/reqs.txt", "app/reqs.tx", "setup.py", NULL });
	tmpdir_link(&d, "lib", "app");
	assert_refused(&d, "app/req.txt", "(did you mean app/reqs.txt?)");
	assert_refused(&d, "setup.yp", "(did you mean setup.py?)");
	assert_refused(&d, "ap/reqs.txt", "(did you mean app?)");
	assert_refused(&d, "lib/req.txt", "did you mean lib/reqs.txt?");
	/* it is there, and leads nowhere */
	tmpdir_link(&d, "reqs.lnk", "nowhere");
	assert_refused_without(&d, "reqs.lnk", "did you mean");
	tmpdir_file(&d, ".dockerignore", "*.py\n**/*.txt\n");
	assert_refused(&d, "app/reqs.txt", "(did you mean app/reqs.tx?)");
	assert_refused(&d, "setup.yp", "in the context '");
	assert_match(&d, "lib/reqs.tx", "lib/reqs.tx=app/reqs.tx");
}

static void an_ignored_source_names_its_rule(void **state)
{
	auto_tmpdir struct tmpdir d;

	(void)state;
	make(&d, (const char *const[]){ "secret", "dir/x", NULL });
	tmpdir_link(&d, "alias", "secret");
	tmpdir_file(&d, ".dockerignore", "# no secrets\nsecret\ndir\n");
	assert_refused(&d, "secret", ".dockerignore:2 \"secret\" excludes it");
	assert_refused(&d, "dir/x", ".dockerignore:3 \"dir\" excludes it");
	assert_refused(&d, "alias", ".dockerignore:2 \"secret\" excludes it");
}

static void a_directory_with_something_brought_back_is_there(void **state)
{
	auto_tmpdir struct tmpdir d;

	(void)state;
	make(&d, (const char *const[]){ "dir/x", "dir/keep", NULL });
	tmpdir_file(&d, ".dockerignore", "dir\n!dir/keep\n");
	assert_match(&d, "dir", "dir=dir");
	assert_match(&d, "dir/*", "dir/keep=dir/keep");
	tmpdir_file(&d, ".dockerignore", "dir\n!dir/other\n");
	assert_refused(&d, "dir", "excludes it");
	assert_match(&d, "di*", "");
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

static void an_escape_alone_makes_no_pattern(void **state)
{
	auto_tmpdir struct tmpdir d;

	(void)state;
	make(&d, (const char *const[]){ "a\\b", "[x]", NULL });
	assert_match(&d, "a\\b", "a\\b=a\\b");
	assert_match(&d, "[[]x]", "[x]=[x]");
}

static void parents_name_a_directory_and_what_of_it(void **state)
{
	auto_tmpdir struct tmpdir d;

	(void)state;
	make(&d, (const char *const[]){ "a/b/c", "a/b/d", "x", NULL });
	tmpdir_link(&d, "link", "a");
	assert_parents(&d, "a/b/c", "=");
	assert_parents(&d, "a/./b/c", "a=a");
	assert_parents(&d, "link/./b", "link=a");
	assert_parents(&d, "a/?/./*", "a/b=a/b");
	assert_parents(&d, "**/none", "=");
	assert_refused_by(&d, source_match_parents, "a/b/e", "'a/b/e' is not in the context");
	assert_refused_by(&d, source_match_parents, "a/./b/e", "'a/b/e' is not in the context");
	assert_refused_by(&d, source_match_parents, "link/b", "no path through a link");
	assert_refused_by(&d, source_match_parents, "x/./y", "not a directory");
	assert_refused_by(&d, source_match_parents, "[", "syntax error in pattern");
}

static void the_dockerfiles_own_ignore_file_goes_first(void **state)
{
	auto_tmpdir struct tmpdir d;
	auto_context struct context t = CONTEXT_INIT;
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
	struct context t = CONTEXT_INIT;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(context_open(&t, "/nonexistent/dir", NULL, &e), -1);
	assert_int_equal(e.kind, ERR_ABSENT);
	assert_int_equal(t.fd, -1);
}

static void *open_it(void *dir)
{
	auto_context struct context c = CONTEXT_INIT;
	struct err e = ERR_INIT;

	return context_open(&c, dir, NULL, &e) < 0 ? NULL : dir;
}

static void a_context_is_not_opened_while_a_run_has_the_root(void **state)
{
	auto_tmpdir struct tmpdir d;
	struct timespec soon;
	pthread_t t;
	void *done;

	(void)state;
	tmpdir_init(&d);
	rootdir_take();
	assert_int_equal(pthread_create(&t, NULL, open_it, d.path), 0);
	clock_gettime(CLOCK_REALTIME, &soon);
	soon.tv_sec += soon.tv_nsec >= 950000000;
	soon.tv_nsec = (soon.tv_nsec + 50000000) % 1000000000;
	assert_int_not_equal(pthread_timedjoin_np(t, NULL, &soon), 0);
	rootdir_give();
	assert_int_equal(pthread_join(t, &done), 0);
	assert_non_null(done);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_word_is_one_path),
		cmocka_unit_test(nothing_leads_out_of_the_context),
		cmocka_unit_test(links_are_followed),
		cmocka_unit_test(a_missing_source_is_named),
		cmocka_unit_test(the_nearest_name_is_suggested),
		cmocka_unit_test(an_ignored_source_names_its_rule),
		cmocka_unit_test(a_directory_with_something_brought_back_is_there),
		cmocka_unit_test(wildcards_match_part_by_part_in_order),
		cmocka_unit_test(wildcards_pass_over_what_is_ignored),
		cmocka_unit_test(an_escape_alone_makes_no_pattern),
		cmocka_unit_test(parents_name_a_directory_and_what_of_it),
		cmocka_unit_test(the_dockerfiles_own_ignore_file_goes_first),
		cmocka_unit_test(a_context_that_is_not_there_is_absent),
		cmocka_unit_test(a_context_is_not_opened_while_a_run_has_the_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
