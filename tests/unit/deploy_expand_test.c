/* Quotes and ${VAR} as a POSIX shell has them; nothing that a shell would run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "deploy/expand.h"

struct fixture {
	struct strv env;
	struct expand x;
	struct err err;
};

static void fixture_init(struct fixture *f)
{
	*f = (struct fixture){ .err = ERR_INIT };
	strv_add(&f->env, "V=value");
	strv_add(&f->env, "EMPTY=");
	strv_add(&f->env, "TWO=one two");
	strv_add(&f->env, "TRICKY='a' $(date) \"b\" \\n");
	f->x = (struct expand)EXPAND_INIT(&f->env);
}

static void fixture_release(struct fixture *f)
{
	expand_release(&f->x);
	strv_release(&f->env);
}
#define auto_fixture CLEANUP(fixture_release)

/* literal: the shell character that is told of, "" none. unset: the names told of. */
static void assert_text_told(const char *want, const char *literal, const char *unset,
			     const char *text)
{
	auto_fixture struct fixture f;
	auto_free char *got = NULL, *names = NULL;

	fixture_init(&f);
	if (expand_text(&got, &f.x, text, &f.err) < 0)
		fail_msg("'%s' refused: %s", text, f.err.text);
	assert_string_equal(want, got);
	assert_string_equal(literal, f.x.literal);
	names = strv_join(&f.x.unset, " ");
	assert_string_equal(unset, names ? names : "");
}

static void assert_text(const char *want, const char *text)
{
	assert_text_told(want, "", "", text);
}

static void assert_words(const char *want, const char *text)
{
	auto_fixture struct fixture f;
	auto_strv struct strv words = STRV_INIT;
	auto_free char *got = NULL;

	fixture_init(&f);
	if (expand_words(&words, &f.x, text, &f.err) < 0)
		fail_msg("'%s' refused: %s", text, f.err.text);
	got = strv_join(&words, "|");
	assert_string_equal(want, got ? got : "");
}

static void assert_refused(const char *want, const char *text)
{
	auto_fixture struct fixture f;
	char *got = NULL;

	fixture_init(&f);
	assert_int_equal(-1, expand_text(&got, &f.x, text, &f.err));
	assert_null(got);
	assert_int_equal(ERR_INPUT, f.err.kind);
	assert_string_equal(want, f.err.text);
}

static void quotes_around_and_inside_are_removed(void **state)
{
	(void)state;
	assert_text("API_KEY=This secret key", "API_KEY=\"This secret key\"");
	assert_text("CORS=*", "CORS='*'");
	assert_text("abc", "'a'\"b\"c");
	assert_text("", "''");
	assert_text("a\"b'c", "'a\"b'\"'c\"");
}

static void unbalanced_quotes_stay(void **state)
{
	(void)state;
	assert_text("it's value", "it's $V");
	assert_text("say \"hi", "say \"hi");
	assert_text("C:\\", "C:\\");
	assert_text("a\\b it's", "a\\b it's");
}

static void a_backslash_takes_the_meaning_of_the_next_character(void **state)
{
	(void)state;
	assert_text("$V", "\\$V");
	assert_text("a'b", "a\\'b");
	assert_text("$V\\d\\", "\"\\$V\\d\\\\\"");
	assert_text("\\$V", "'\\$V'");
	assert_text("ab", "a\\\nb");
}

static void variables_are_filled_in_except_in_single_quotes(void **state)
{
	(void)state;
	assert_text("value-value.value", "$V-${V}.\"$V\"");
	assert_text("$V", "'$V'");
	assert_text_told("x", "", "NOT_SET", "x$NOT_SET");
	assert_text_told("", "", "A B", "${A}${B}${A}");
	assert_text("cost: 5$ or $", "cost: 5$ or $");
}

static void what_comes_from_a_variable_is_not_looked_at_again(void **state)
{
	(void)state;
	assert_text("'a' $(date) \"b\" \\n", "$TRICKY");
	assert_text("'a' $(date) \"b\" \\n", "\"${TRICKY}\"");
}

static void defaults_stand_for_what_is_not_set(void **state)
{
	(void)state;
	assert_text("d value", "${NONE:-d} ${V:-d}");
	assert_text("d [] d []", "${EMPTY:-d} [${EMPTY-d}] ${NONE-d} [${EMPTY}]");
	assert_text("a  a ", "${V:+a} ${EMPTY:+a} ${EMPTY+a} ${NONE+a}");
	assert_text("value", "${NONE:-${V}}");
	assert_text("a b}c", "${NONE:-'a b}'c}");
	assert_text("a 'b' c", "\"${NONE:-a 'b' c}\"");
	assert_text("value", "${V:-${NONE}$(date)}");
}

static void a_required_variable_is_asked_for(void **state)
{
	(void)state;
	assert_text("valuevalue", "${V:?must be set}${V?}");
	assert_text("", "${EMPTY?}");
	assert_refused("variable 'NONE': ask value", "${NONE?ask $V}");
	assert_refused("variable 'EMPTY': not set, and the file requires it", "${EMPTY:?}");
	assert_text("value", "${V:-${NONE:?not asked for}}");
}

static void other_forms_are_refused(void **state)
{
	(void)state;
	assert_refused("'${V%…}' is not a form of ${VAR} that is understood", "${V%e}");
	assert_refused("'${V:=…}' is not a form of ${VAR} that is understood", "${V:=x}");
	assert_refused("'${V:…}' is not a form of ${VAR} that is understood", "${V:hunter2}");
	assert_refused("'${…}' is not a form of ${VAR} that is understood", "${1}");
	assert_refused("'${#…}' is not a form of ${VAR} that is understood", "\"${#V}\"");
	assert_refused("'${…}' is not a form of ${VAR} that is understood", "${ V }");
	assert_refused("'${{…}' is not a form of ${VAR} that is understood", "${{ V }}");
	assert_refused("'${…}' is not a form of ${VAR} that is understood", "${}");
	assert_text("${ V } ${{V}} ${1}", "'${ V }' \\${{V}} \"\\${1}\"");
	assert_refused("'${' without '}'", "a ${V");
	assert_refused("'${' without '}'", "a ${V:-b");
	assert_refused("'${' without '}'", "a ${V:");
}

static void what_a_shell_would_run_stands_for_itself(void **state)
{
	(void)state;
	assert_text_told("cd /code && python3 app.py", "&&", "", "cd /code && python3 app.py");
	assert_text_told("$(rm -rf /)", "$(", "", "$(rm -rf /)");
	assert_text_told("Host(`a.example`)", "(", "", "Host(`a.example`)");
	assert_text_told("`id`", "`", "", "\"`id`\"");
	assert_text_told("a;b|c", ";", "", "a;b|c");
	assert_text_told("$$ $1 $$V $${V}", "$$", "", "$$ $1 $$V $${V}");
	assert_text_told("tcp://1|n", "", "", "\"tcp://1|n\"");
	assert_text_told("*/1 ?q=[a] ~ #x", "", "", "*/1 ?q=[a] ~ #x");
}

static void words_are_split_outside_of_quotes_only(void **state)
{
	(void)state;
	assert_words("sh|-c|a b", "  sh -c\t'a b' ");
	assert_words("one|two", "$TWO");
	assert_words("one two", "\"$TWO\"");
	assert_words("a||b", "a '' b");
	assert_words("", " $EMPTY ");
	assert_words("a b", "a\\ b");
	assert_words("x|y", "${NONE:-x y}");
}

static void words_are_added_only_when_all_is_well(void **state)
{
	auto_fixture struct fixture f;
	auto_strv struct strv words = STRV_INIT;

	(void)state;
	fixture_init(&f);
	assert_int_equal(-1, expand_words(&words, &f.x, "a b ${V", &f.err));
	assert_int_equal(0, words.n);
}

static void nesting_is_bounded(void **state)
{
	auto_buf struct buf text = BUF_INIT(BUF_SMALL);

	(void)state;
	for (int i = 0; i < 100; i++)
		buf_add_str(&text, "${A:-");
	for (int i = 0; i < 100; i++)
		buf_add_str(&text, "}");
	assert_refused("'${' nested deeper than 16", buf_str(&text));
}

static void a_file_cannot_grow_without_end(void **state)
{
	auto_fixture struct fixture f;
	auto_buf struct buf text = BUF_INIT(BUF_SMALL);
	auto_free char *big = mem_zalloc(100001);
	char *got = NULL;
	int r = 0;

	(void)state;
	fixture_init(&f);
	memset(big, 'x', 100000);
	strv_env_set(&f.env, "V", big);
	for (int i = 0; i < 30; i++)
		buf_add_str(&text, "$V");
	for (int i = 0; i < 2 && r == 0; i++) { /* the limit is the file's, not the text's */
		free(STEAL(&got));
		r = expand_text(&got, &f.x, buf_str(&text), &f.err);
	}
	assert_int_equal(-1, r);
	assert_int_equal(ERR_INPUT, f.err.kind);
	assert_non_null(strstr(f.err.text, "larger than"));
	free(got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quotes_around_and_inside_are_removed),
		cmocka_unit_test(unbalanced_quotes_stay),
		cmocka_unit_test(a_backslash_takes_the_meaning_of_the_next_character),
		cmocka_unit_test(variables_are_filled_in_except_in_single_quotes),
		cmocka_unit_test(what_comes_from_a_variable_is_not_looked_at_again),
		cmocka_unit_test(defaults_stand_for_what_is_not_set),
		cmocka_unit_test(a_required_variable_is_asked_for),
		cmocka_unit_test(other_forms_are_refused),
		cmocka_unit_test(what_a_shell_would_run_stands_for_itself),
		cmocka_unit_test(words_are_split_outside_of_quotes_only),
		cmocka_unit_test(words_are_added_only_when_all_is_well),
		cmocka_unit_test(nesting_is_bounded),
		cmocka_unit_test(a_file_cannot_grow_without_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
