/*
 * Variables, quotes and escapes in one word.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "oci/dockerfile/expand.h"

static const char *const env_entries[] = {
	"a=one",
	"b=two words",
	"empty=",
	"quoted='x'",
	"ab=two letters",
	"_u1=under",
	"list=80  81 ",
	"path=/usr/local/lib/libx.so.1",
	"xx=xxyy",
	"slash=/",
	"stars=a***yy*",
	"special=()[]{}^$.*?|\\x",
	"korean=\xed\x95\x9c\xea\xb5\xad\xec\x96\xb4",
};
/* read only, so the strings may be literals */
static const struct strv env = { .v = (char **)(uintptr_t)env_entries,
				 .n = ARRAY_LEN(env_entries) };
static const struct strv nothing = STRV_INIT;

static void assert_expands_with(const char *word, char escape, const char *expected)
{
	auto_free char *out = NULL;
	struct err e = ERR_INIT;

	if (dockerfile_expand(&out, word, &env, escape, &e) < 0)
		fail_msg("'%s': %s", word, e.text);
	assert_string_equal(out, expected);
}

static void assert_expands(const char *word, const char *expected)
{
	assert_expands_with(word, '\\', expected);
}

static void assert_refused(const char *word, const char *expected)
{
	struct err e = ERR_INIT;
	char *out = NULL;

	assert_int_equal(dockerfile_expand(&out, word, &env, '\\', &e), -1);
	assert_null(out);
	assert_int_equal(e.kind, ERR_INPUT);
	assert_non_null(strstr(e.text, expected));
	assert_true(strncmp(e.text, "failed to process '", 19) == 0);
}

/* The words joined with '|', an end mark behind each. */
static void assert_words(const char *word, const char *expected)
{
	auto_strv struct strv out = STRV_INIT;
	auto_buf struct buf joined = BUF_INIT(BUF_SMALL);
	struct err e = ERR_INIT;

	assert_int_equal(dockerfile_expand_words(&out, word, &env, '\\', &e), 0);
	for (size_t i = 0; i < out.n; i++)
		buf_addf(&joined, "%s|", out.v[i]);
	assert_string_equal(buf_str(&joined), expected);
}

static void variables_are_replaced(void **state)
{
	static const struct {
		const char *word, *expected;
	} cases[] = {
		{ "", "" },
		{ "plain", "plain" },
		{ "$a", "one" },
		{ "${a}", "one" },
		{ "x$a-${a}y", "xone-oney" },
		{ "$a$b", "onetwo words" },
		{ "$ab", "two letters" },
		{ "${a}b", "oneb" },
		{ "$_u1.", "under." },
		{ "[$unset]", "[]" },
		{ "[${unset}]", "[]" },
		/* values are not read again */
		{ "$quoted", "'x'" },
		/* a run of digits, or one special character, is a name; anything else is not */
		{ "$12x", "x" },
		{ "$@$*$#$?$-$!$$", "" },
		{ "$", "$" },
		{ "a$ b", "a$ b" },
		{ "$.", "$." },
		{ "$(x)", "$(x)" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_expands(cases[i].word, cases[i].expected);
}

static void defaults_stand_in_for_unset_and_empty(void **state)
{
	static const struct {
		const char *word, *expected;
	} cases[] = {
		{ "${a:-x}", "one" },
		{ "${unset:-x}", "x" },
		{ "${empty:-x}", "x" },
		{ "${unset:-}", "" },
		{ "${unset:-$b}", "two words" },
		{ "${unset:-${empty:-${a}!}}.", "one!." },
		{ "${unset:-\"q}\"}.", "q}." },
		{ "${unset:-'q}'}.", "q}." },
		{ "${unset:-a\\}b}.", "a}b." },
		{ "\"${unset:-x y}\"", "x y" },
		{ "${a:-${unset:-x}}", "one" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_expands(cases[i].word, cases[i].expected);
}

static void quotes_and_escapes_are_undone(void **state)
{
	static const struct {
		const char *word, *expected;
	} cases[] = {
		{ "'$a \\ \"'", "$a \\ \"" },
		{ "\"$a 'x'\"", "one 'x'" },
		{ "\"\\\"\\$a\\\\\\n\"", "\"$a\\\\n" },
		{ "x\"\"''y", "xy" },
		{ "\\$a", "$a" },
		{ "\\a\\'\\\"\\\\", "a'\"\\" },
		{ "end\\", "end" },
		{ "a\\ b", "a b" },
		{ "`$a`", "`one`" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_expands(cases[i].word, cases[i].expected);
	assert_expands_with("`$a\\$a \"`\"\\\"", '`', "$a\\one \"\\");
}

static void mistakes_are_refused_with_words(void **state)
{
	static const struct {
		const char *word, *expected;
	} cases[] = {
		{ "'x", "unexpected end of statement while looking for matching single-quote" },
		{ "\"x", "unexpected end of statement while looking for matching double-quote" },
		{ "\"x\\\"",
		  "unexpected end of statement while looking for matching double-quote" },
		{ "${", "syntax error: missing '}'" },
		{ "${a", "syntax error: missing '}'" },
		{ "${a:", "syntax error: missing '}'" },
		{ "${a:-", "syntax error: missing '}'" },
		{ "${a:-${b}", "syntax error: missing '}'" },
		{ "${}", "syntax error: bad substitution" },
		{ "${{a}}", "syntax error: bad substitution" },
		{ "${:-x}", "syntax error: bad substitution" },
		{ "${ a}", "syntax error: bad substitution" },
		{ "${a.b}", "unsupported modifier (.) in substitution" },
		{ "${a:x}", "unsupported modifier (:x) in substitution" },
		{ "${a:#x}", "unsupported modifier (:#) in substitution" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_refused(cases[i].word, cases[i].expected);
}

static void choices_depend_on_set_and_empty(void **state)
{
	static const struct {
		const char *form, *set, *empty, *unset; /* "!…": refused with these words */
	} cases[] = {
		{ "${%s-w$a}", "one", "", "wone" },
		{ "${%s:-w$a}", "one", "wone", "wone" },
		{ "${%s+w$a}", "wone", "wone", "" },
		{ "${%s:+w$a}", "wone", "", "" },
		{ "${%s?w$a}", "one", "", "!unset: wone" },
		{ "${%s:?w$a}", "one", "!empty: wone", "!unset: wone" },
		{ "${%s?}", "one", "", "!unset: is not allowed to be unset" },
		{ "${%s:?}", "one", "!empty: is not allowed to be empty",
		  "!unset: is not allowed to be unset" },
		{ "${%s-}", "one", "", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *const names[] = { "a", "empty", "unset" };
		const char *const expected[] = { cases[i].set, cases[i].empty, cases[i].unset };

		for (size_t k = 0; k < ARRAY_LEN(names); k++) {
			struct span head, tail;
			auto_free char *word = NULL;

			span_cut(span_of_str(cases[i].form), '%', &head, &tail);
			word = mem_printf("%.*s%s%s", (int)head.n, head.p, names[k], tail.p + 1);
			if (expected[k][0] == '!')
				assert_refused(word, expected[k] + 1);
			else
				assert_expands(word, expected[k]);
		}
	}
}

static void patterns_trim_and_replace(void **state)
{
	static const struct {
		const char *word, *expected;
	} cases[] = {
		/* from the front: the shortest, the longest */
		{ "${path#/}", "usr/local/lib/libx.so.1" },
		{ "${path#*/}", "usr/local/lib/libx.so.1" },
		{ "${path##*/}", "libx.so.1" },
		{ "${path#*l}", "ocal/lib/libx.so.1" },
		{ "${path#x}", "/usr/local/lib/libx.so.1" },
		{ "${path#}", "/usr/local/lib/libx.so.1" },
		{ "${path##*}", "" },
		{ "${path#*}", "/usr/local/lib/libx.so.1" },
		/* from the end */
		{ "${path%.*}", "/usr/local/lib/libx.so" },
		{ "${path%%.*}", "/usr/local/lib/libx" },
		{ "${path%/*}", "/usr/local/lib" },
		{ "${path%%/*}", "" },
		{ "${path%?}", "/usr/local/lib/libx.so." },
		{ "${path%x}", "/usr/local/lib/libx.so.1" },
		{ "${path##*b*l}", "ibx.so.1" },
		{ "${xx#*x*y}", "y" },
		{ "${xx##*x}", "yy" },
		{ "${xx%%x*y}", "" },
		{ "${xx%x*y}", "x" },
		/* one '?' is one character, not one byte */
		{ "${korean#?}", "\xea\xb5\xad\xec\x96\xb4" },
		{ "${korean%?}", "\xed\x95\x9c\xea\xb5\xad" },
		{ "${korean%%?*}", "" },
		/* escapes: the three that mean something, '}' and '/' */
		{ "${stars%%\\**}", "a" },
		{ "${stars%%\\**\\*}", "a" },
		{ "${stars#?\\*}", "**yy*" },
		{ "${special#()[]{\\}^$.\\*\\?|\\\\}", "x" },
		{ "${empty#*}", "" },
		{ "${unset%%*}", "" },
		{ "${path#$slash}", "usr/local/lib/libx.so.1" },
		{ "${path#'/'}", "usr/local/lib/libx.so.1" },
		/* replacing: the first, all; as much as fits */
		{ "${path/l/L}", "/usr/Local/lib/libx.so.1" },
		{ "${path//l/L}", "/usr/LocaL/Lib/Libx.so.1" },
		{ "${path/l*b/X}", "/usr/Xx.so.1" },
		{ "${path//l*b/X}", "/usr/Xx.so.1" },
		{ "${path//\\//-}", "-usr-local-lib-libx.so.1" },
		{ "${path//\\//\\/}", "\\/usr\\/local\\/lib\\/libx.so.1" },
		{ "${path/usr/$a}", "/one/local/lib/libx.so.1" },
		{ "${path/usr/${unset:-{\\}}}", "/{}/local/lib/libx.so.1" },
		{ "${path//[l]/x}", "/usr/local/lib/libx.so.1" },
		{ "${path/nope/x}", "/usr/local/lib/libx.so.1" },
		{ "${path/usr/}", "//local/lib/libx.so.1" },
		{ "${xx/$empty/ww}", "wwxxyy" },
		{ "${xx//$empty/w}", "wxwxwywyw" },
		{ "${xx///}", "xxyy" },
		{ "${xx//*/w}", "w" },
		{ "${xx//?/w}", "wwww" },
		{ "${unset//x/y}", "" },
		/* what is put in is not a template */
		{ "${xx//x/\\$1}", "\\$1\\$1yy" },
		{ "${xx//x/'$1'}", "$1$1yy" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_expands(cases[i].word, cases[i].expected);
	assert_refused("${a#\\x}", "invalid pattern (\\x) in substitution: invalid escape '\\x'");
	assert_refused("${a%'\\'}", "invalid pattern (\\) in substitution: invalid escape '\\'");
	assert_refused("${a/x", "syntax error: missing '/' in ${}");
	assert_refused("${a//x}", "syntax error: missing '/' in ${}");
	assert_refused("${a/x/y", "syntax error: missing '}'");
	assert_refused("${a#x", "syntax error: missing '}'");
	assert_refused("${a=x}", "unsupported modifier (=) in substitution");
	assert_refused("${a:\xc3\xa9}", "unsupported modifier (:\xc3\xa9) in substitution");
}

static void bodies_know_variables_but_no_quotes(void **state)
{
	static const struct {
		const char *body, *expected;
	} cases[] = {
		{ "a '$a' \"$a\"\n", "a 'one' \"one\"\n" },
		{ "it's \"open\n", "it's \"open\n" },
		{ "\\$a \\\\ \\n \\\"\n", "$a \\ n \"\n" },
		{ "${unset:-'x y'}", "'x y'" },
		{ "`$a`", "`one`" },
		{ "5$ $(x) $", "5$ $(x) $" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_free char *out = NULL;
		struct err e = ERR_INIT;

		assert_int_equal(dockerfile_expand_body(&out, cases[i].body, &env, &e), 0);
		assert_string_equal(out, cases[i].expected);
	}
}

static void checking_finds_what_is_wrong_whatever_is_set(void **state)
{
	static const char *const fine[] = { "$x",      "${x:?}",    "${x?no x}",
					    "${x#*y}", "${x//a/b}", "${x:+${y:?}}" };
	static const char *const wrong[] = {
		"${", "${x:!}", "'", "${x:-${}}", "${x/a}", "${x%\\q}"
	};
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(fine); i++)
		assert_int_equal(dockerfile_expand_check(fine[i], '\\', &e), 0);
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		assert_int_equal(dockerfile_expand_check(wrong[i], '\\', &e), -1);
	assert_int_equal(dockerfile_expand_body_check("it's ${x:?}", &e), 0);
	assert_int_equal(dockerfile_expand_body_check("${x!}", &e), -1);
	assert_string_equal(e.text, "failed to process a heredoc: unsupported modifier (!) in "
				    "substitution");
}

/* Would take hours if a match that fails were tried in all ways. */
static void matching_does_not_explode(void **state)
{
	auto_buf struct buf word = BUF_INIT(1 << 20), entry = BUF_INIT(1 << 20);
	auto_strv struct strv big = STRV_INIT;
	auto_free char *out = NULL;
	struct err e = ERR_INIT;

	(void)state;
	buf_add_str(&entry, "v=");
	while (entry.len < 200000)
		buf_add_char(&entry, 'a');
	strv_add(&big, buf_str(&entry));
	buf_add_str(&word, "${v//");
	while (word.len < 1000)
		buf_add_str(&word, "*a");
	buf_add_str(&word, "*b/x}");
	assert_int_equal(dockerfile_expand(&out, buf_str(&word), &big, '\\', &e), 0);
	assert_int_equal(strlen(out), entry.len - 2);
}

static void mistakes_in_an_unused_default_are_found(void **state)
{
	(void)state;
	assert_refused("${a:-${}}", "syntax error: bad substitution");
}

static void words_form_splits_values_at_blanks(void **state)
{
	(void)state;
	assert_words("80", "80|");
	assert_words("$list", "80|81|");
	assert_words("x$list.y", "x80|81|.y|");
	assert_words("\"$list\"", "80  81 |");
	assert_words("$empty", "");
	assert_words("${unset:-1 2}", "1|2|");
	assert_words("a\\ b", "a b|");
}

static char *nested(size_t depth)
{
	auto_buf struct buf b = BUF_INIT(SIZE_MAX);

	for (size_t i = 0; i < depth; i++)
		buf_add_str(&b, "${x:-");
	for (size_t i = 0; i < depth; i++)
		buf_add_char(&b, '}');
	return buf_steal(&b);
}

static void nesting_is_bounded(void **state)
{
	auto_free char *fine = nested(64), *deep = nested(65), *abyss = nested(100000);

	(void)state;
	assert_expands(fine, "");
	assert_refused(deep, "substitutions nested more than 64 deep");
	assert_refused(abyss, "substitutions nested more than 64 deep");
}

static char *repeated(const char *piece, size_t bytes)
{
	auto_buf struct buf b = BUF_INIT(SIZE_MAX);

	while (b.len < bytes)
		buf_add_str(&b, piece);
	return buf_steal(&b);
}

static void size_is_bounded(void **state)
{
	auto_free char *half = repeated("x ", DOCKERFILE_WORD_MAX / 2);
	auto_free char *most = repeated("x ", DOCKERFILE_WORD_MAX);
	auto_free char *more = repeated("x ", DOCKERFILE_WORD_MAX + 2);
	auto_strv struct strv big = STRV_INIT, words = STRV_INIT;
	struct err e = ERR_INIT;
	char *out = NULL;

	(void)state;
	strv_addf(&big, "v=%s", half);
	assert_int_equal(dockerfile_expand(&out, "$v$v", &big, '\\', &e), 0);
	assert_string_equal(out, most);
	free(out);
	out = NULL;
	assert_int_equal(dockerfile_expand(&out, "$v$v.", &big, '\\', &e), -1);
	assert_string_equal(e.text,
			    "failed to process '$v$v.': more than 1048576 bytes after expansion");
	assert_int_equal(dockerfile_expand(&out, "${n:-$v$v$v}", &big, '\\', &e), -1);
	assert_int_equal(dockerfile_expand_words(&words, "$v$v$v$v$v", &big, '\\', &e), -1);
	assert_int_equal(words.n, 0);
	assert_int_equal(dockerfile_expand(&out, more, &nothing, '\\', &e), -1);
	assert_string_equal(e.text, "a word of more than 1048576 bytes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(variables_are_replaced),
		cmocka_unit_test(defaults_stand_in_for_unset_and_empty),
		cmocka_unit_test(quotes_and_escapes_are_undone),
		cmocka_unit_test(mistakes_are_refused_with_words),
		cmocka_unit_test(choices_depend_on_set_and_empty),
		cmocka_unit_test(patterns_trim_and_replace),
		cmocka_unit_test(bodies_know_variables_but_no_quotes),
		cmocka_unit_test(checking_finds_what_is_wrong_whatever_is_set),
		cmocka_unit_test(matching_does_not_explode),
		cmocka_unit_test(mistakes_in_an_unused_default_are_found),
		cmocka_unit_test(words_form_splits_values_at_blanks),
		cmocka_unit_test(nesting_is_bounded),
		cmocka_unit_test(size_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
