/* Which words are addresses, and what they say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "oci/build/remote.h"

static void words_are_paths_files_or_repositories(void **state)
{
	static const struct {
		const char *word;
		enum remote_kind kind;
	} cases[] = {
		{ "a", REMOTE_NONE },
		{ "", REMOTE_NONE },
		{ "./https://h/x", REMOTE_NONE },
		{ "file:///x.git", REMOTE_NONE },
		{ "ftp://h/x", REMOTE_NONE },
		{ "github.com/a/b", REMOTE_NONE },
		{ "a@b", REMOTE_NONE },
		{ "a@:b", REMOTE_NONE },
		{ "@b:c", REMOTE_NONE },
		{ "a:b@c", REMOTE_NONE },
		{ "http:/h", REMOTE_NONE },
		{ "http://h/x", REMOTE_FILE },
		{ "https://h/x.git/y", REMOTE_FILE },
		{ "https://h.git", REMOTE_FILE },
		{ "https://h/x?y=.git", REMOTE_FILE },
		{ "https://h/x#y.git", REMOTE_FILE },
		{ "https://h/x.git", REMOTE_GIT },
		{ "http://u:p@h/x.git#main:sub", REMOTE_GIT },
		{ "https://h/x.git?ref=a", REMOTE_GIT },
		{ "git://h/x", REMOTE_GIT },
		{ "ssh://git@h/x", REMOTE_GIT },
		{ "git@h.example:a/b.git#v1", REMOTE_GIT },
		{ "git@h:", REMOTE_GIT },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (remote_kind_of(cases[i].word) != cases[i].kind)
			fail_msg("'%s'", cases[i].word);
}

/* -- files ------------------------------------------------------------------------- */

static void a_file_is_called_as_its_path_ends(void **state)
{
	static const char *const cases[][2] = {
		{ "http://h/a/b.txt", "b.txt" },
		{ "http://h/a/b%20c?x=/y", "b c" },
		{ "http://h/a/", "a" },
		{ "http://h/a%2Fb", "b" },
		{ "http://h/", NULL },
		{ "http://h", NULL },
		{ "http://h/a/..", NULL },
		{ "http://h/..", NULL },
		{ "http://h/a/%2e%2e/b/%2E", "b" },
		{ "http://h/%zz", NULL },
		{ "http://h/a%00", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_remote_file struct remote_file f = { .user = NULL };
		struct err e = ERR_INIT;

		if (remote_file_parse(&f, cases[i][0], &e) < 0)
			fail_msg("%s", e.text);
		if (!cases[i][1] != !f.name || (f.name && strcmp(f.name, cases[i][1]) != 0))
			fail_msg("'%s': '%s'", cases[i][0], f.name ? f.name : "(none)");
	}
}

static void a_password_is_not_shown(void **state)
{
	auto_remote_file struct remote_file f = { .user = NULL };
	auto_remote_git struct remote_git g = { .address = NULL };
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(0, remote_file_parse(&f, "https://u:s%40crt@h/x", &e));
	assert_string_equal("u:s@crt", f.user);
	assert_string_equal("https://h/x", f.shown);
	assert_int_equal(0, remote_git_parse(&g, "https://u:s@h/x.git#v", &e));
	assert_string_equal("u:s", g.user);
	assert_string_equal("https://h/x.git#v", g.shown);
	assert_string_equal("https://h/x.git", g.address);
	assert_int_equal(-1, remote_file_parse(&f, "https://u:secret@h:x/", &e));
	assert_null(strstr(e.text, "secret"));
}

/* -- git ---------------------------------------------------------------------------- */

/* "address ref subdir checksum keep submodules", "-" for what is not said. */
static char *tell(const char *word)
{
	auto_remote_git struct remote_git g = { .address = NULL };
	struct err e = ERR_INIT;

	if (remote_git_parse(&g, word, &e) < 0) {
		assert_int_equal(ERR_INPUT, e.kind);
		return mem_printf("! %s", e.text);
	}
	return mem_printf("%s %s %s %s %s %s", g.address, g.ref ? g.ref : "-",
			  g.subdir ? g.subdir : "-", g.checksum ? g.checksum : "-",
			  !g.has_keep_git_dir ? "-"
			  : g.keep_git_dir    ? "yes"
					      : "no",
			  !g.has_submodules ? "-"
			  : g.submodules    ? "yes"
					    : "no");
}

static void a_git_word_says_what_to_fetch(void **state)
{
	static const char *const cases[][2] = {
		{ "https://h/x.git", "https://h/x.git - - - - -" },
		{ "https://h:8443/x.git#", "https://h:8443/x.git - - - - -" },
		{ "http://h/x.git#v1.2", "http://h/x.git v1.2 - - - -" },
		{ "https://h/x.git#a/b:sub/dir", "https://h/x.git a/b sub/dir - - -" },
		{ "https://h/x.git#:sub", "https://h/x.git - sub - - -" },
		{ "https://h/x.git#a%2Fb", "https://h/x.git a/b - - - -" },
		{ "https://h/x.git?ref=a&subdir=s", "https://h/x.git a s - - -" },
		{ "https://h/x.git?branch=a", "https://h/x.git refs/heads/a - - - -" },
		{ "https://h/x.git?tag=refs/tags/a", "https://h/x.git refs/tags/a - - - -" },
		{ "https://h/x.git?commit=abc123", "https://h/x.git abc123 - abc123 - -" },
		{ "https://h/x.git?checksum=abc#v1", "https://h/x.git v1 - abc - -" },
		{ "https://h/x.git?keep-git-dir=1&submodules=false",
		  "https://h/x.git - - - yes no" },
		{ "https://h/x.git?keep-git-dir&submodules=", "https://h/x.git - - - yes yes" },
		{ "git://h:9418/a/b", "git://h:9418/a/b - - - - -" },
		{ "ssh://git@h:22/a#b", "ssh://git@h:22/a b - - - -" },
		{ "ssh://git:pw@h/a", "ssh://git@h/a - - - - -" },
		{ "git@h:a/b.git#c:d", "git@h:a/b.git c d - - -" },
		{ "git@h:a.git?ref=x", "git@h:a.git x - - - -" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_free char *got = tell(cases[i][0]);

		assert_string_equal(cases[i][1], got);
	}
}

static void what_git_could_misread_is_refused(void **state)
{
	static const char *const cases[][2] = {
		{ "https://h/x.git#--upload-pack=x", "not a valid branch" },
		{ "https://h/x.git#+a", "not a valid branch" },
		{ "https://h/x.git?ref=a:b", "not a valid branch" },
		{ "https://h/x.git?ref=a%20b", "not a valid branch" },
		{ "https://h/x.git#a..b", "not a valid branch" },
		{ "https://h/x.git?branch=*", "not a valid branch" },
		{ "https://h/x.git#%0a", "not a valid branch" },
		{ "https://h/x.git#%0", "broken escape" },
		{ "https://h/x.git?ref", "has no value" },
		{ "https://h/x.git?nope=1", "unknown key 'nope'" },
		{ "https://h/x.git?ref=a#b", "two values" },
		{ "https://h/x.git?tag=a&branch=a", "a branch and a tag" },
		{ "https://h/x.git?commit=xyz", "hexadecimal" },
		{ "https://h/x.git?submodules=maybe", "true or false" },
		{ "ssh://-oProxyCommand=x/a", "not a valid" },
		{ "ssh://-o@h/a", "not a valid" },
		{ "ssh://h", "not a valid" },
		{ "ssh://a b@h/x", "not a valid" },
		{ "git://u@h/x", "knows no users" },
		{ "git@h:", "not a valid" },
		{ "-x@h:a", "not a valid" },
		{ "a@-h:b", "not a valid" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_free char *got = tell(cases[i][0]);

		if (got[0] != '!' || !strstr(got, cases[i][1]))
			fail_msg("'%s': %s", cases[i][0], got);
	}
}

static void a_commit_is_hexadecimal(void **state)
{
	(void)state;
	assert_true(remote_is_commit("a") && remote_is_commit("0123456789abcdefABCDEF"));
	assert_false(remote_is_commit("") || remote_is_commit("g") || remote_is_commit("a "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_paths_files_or_repositories),
		cmocka_unit_test(a_file_is_called_as_its_path_ends),
		cmocka_unit_test(a_password_is_not_shown),
		cmocka_unit_test(a_git_word_says_what_to_fetch),
		cmocka_unit_test(what_git_could_misread_is_refused),
		cmocka_unit_test(a_commit_is_hexadecimal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
