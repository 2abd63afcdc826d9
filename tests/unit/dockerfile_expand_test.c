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
	"a=one",	  "b=two words", "empty=",	 "quoted='x'",
	"ab=two letters", "_u1=under",	 "list=80  81 ",
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
	assert_string_equal(e.text, expected);
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

static void forms_not_carried_out_are_named(void **state)
{
	static const char *const forms[] = { "-", "+", "?", ":+", ":?", "#", "%", "/" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		auto_free char *word = mem_printf("${a%sx}", forms[i]);
		auto_free char *text =
			mem_printf("the form ${a%s…} is not supported by this version", forms[i]);

		assert_refused(word, text);
	}
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
	assert_string_equal(e.text, "a word of more than 1048576 bytes after expansion");
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
		cmocka_unit_test(forms_not_carried_out_are_named),
		cmocka_unit_test(mistakes_in_an_unused_default_are_found),
		cmocka_unit_test(words_form_splits_values_at_blanks),
		cmocka_unit_test(nesting_is_bounded),
		cmocka_unit_test(size_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
