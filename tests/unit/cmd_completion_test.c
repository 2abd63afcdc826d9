/* What shells complete is made of the option tables. */
#include "cmd/completion.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct args {
	bool flag;
	unsigned count;
	const char *file, *choice, *tail, *age, *name;
	struct strv list;
};

static const struct opt own[] = {
	OPT_STR('f', "file", NULL, struct args, file, "FILE", "the file: [x] of today's"),
	OPT_LIST('t', "tag", NULL, struct args, list, "NAME:TAG", "a tag"),
	OPT_STR(0, "root", NULL, struct args, name, "DIR", "where"),
	OPT_CHOICE(0, "how", NULL, struct args, choice, "one|two", "a choice"),
	OPT_MAYBE(0, "prune", struct args, age, "AGE", "old ones"),
	OPT_END,
};
static const struct opt common[] = {
	OPT_STR(0, "tail", NULL, struct args, tail, "N|all", "lines"),
	OPT_COUNT('v', "verbose", NULL, struct args, count, "more"),
	OPT_FLAG(0, "help", NULL, struct args, flag, "this text"),
	OPT_END,
};
static const struct opt_table tables[] = { { own, NULL, NULL }, { common, NULL, NULL } };

static char *script(const char *shell, const char *command)
{
	auto_buf struct buf out = BUF_INIT(BUF_SMALL);
	auto_strv struct strv commands = STRV_INIT;
	struct completion c = { "tool", tables, 2, &commands };
	struct err e = ERR_INIT;

	if (command) {
		strv_add(&commands, "up");
		strv_add(&commands, command);
	}
	if (completion_write(&out, &c, shell, &e) < 0)
		fail_msg("%s", e.text);
	return buf_steal(&out);
}

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not in: %s", part, text);
}

static void bash_has_all_names_and_what_may_stand_behind_them(void **state)
{
	auto_free char *text = script("bash", NULL);

	(void)state;
	assert_has(text, "' --file --tag --root --how --prune --tail --verbose --help'");
	assert_has(text, "\tcase $before in\n"
			 "\t-f | --file) _tool_files -f ;;\n"
			 "\t-t | --tag) ;;\n"
			 "\t--root) _tool_files -d ;;\n"
			 "\t--how) _tool_words 'one two' ;;\n"
			 "\t--tail) _tool_words 'all' ;;\n"
			 "\t*)\n");
	assert_has(text, "complete -F _tool tool\n");
}

static void zsh_has_a_line_for_each(void **state)
{
	auto_free char *text = script("zsh", NULL);

	(void)state;
	assert_has(text, "#compdef tool\n");
	assert_has(
		text,
		"_arguments -s -S \\\n"
		"\t'(-f --file)'{-f+,--file=}'[the file\\: \\[x\\] of today'\\''s]:FILE:_files' \\\n"
		"\t'*'{-t+,--tag=}'[a tag]:NAME\\:TAG: ' \\\n"
		"\t--root='[where]:DIR:_files -/' \\\n"
		"\t--how='[a choice]:one|two:(one two)' \\\n"
		"\t--prune=-'[old ones]::AGE: ' \\\n"
		"\t--tail='[lines]:N|all:(all)' \\\n"
		"\t'*'{-v,--verbose}'[more]' \\\n"
		"\t--help'[this text]' \\\n");
}

static void fish_has_a_line_for_each(void **state)
{
	auto_free char *text = script("fish", NULL);

	(void)state;
	assert_has(text,
		   "complete -c tool -s f -l file -r -F -d 'the file: [x] of today'\\''s'\n"
		   "complete -c tool -s t -l tag -x -d 'a tag'\n"
		   "complete -c tool -l root -x -a '(__fish_complete_directories)' -d 'where'\n"
		   "complete -c tool -l how -x -a 'one two' -d 'a choice'\n"
		   "complete -c tool -l prune -d 'old ones'\n"
		   "complete -c tool -l tail -x -a 'all' -d 'lines'\n"
		   "complete -c tool -s v -l verbose -d 'more'\n"
		   "complete -c tool -l help -d 'this text'\n");
}

static void commands_are_words_in_all_three(void **state)
{
	static const char *const shells[] = { "bash", "zsh", "fish" };
	static const char *const parts[] = { "_tool_words 'up down'", "'1:command:(up down)'",
					     " -a 'up down'\n" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		auto_free char *text = script(shells[i], "down");

		assert_has(text, parts[i]);
	}
}

static void another_shell_is_refused(void **state)
{
	auto_buf struct buf out = BUF_INIT(BUF_SMALL);
	auto_strv struct strv none = STRV_INIT;
	struct completion c = { "tool", tables, 2, &none };
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(completion_write(&out, &c, "tcsh", &e), -1);
	assert_int_equal(e.kind, ERR_INPUT);
	assert_non_null(strstr(e.text, "'tcsh'"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bash_has_all_names_and_what_may_stand_behind_them),
		cmocka_unit_test(zsh_has_a_line_for_each),
		cmocka_unit_test(fish_has_a_line_for_each),
		cmocka_unit_test(commands_are_words_in_all_three),
		cmocka_unit_test(another_shell_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
