/*
 * Instructions: what each line becomes, and what is said about a wrong one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "oci/dockerfile/parse.h"

static struct dockerfile *parsed(const char *text)
{
	struct dockerfile *df = NULL;
	struct err e = ERR_INIT;

	if (dockerfile_parse(&df, "Dockerfile", span_of_str(text), &e) < 0)
		fail_msg("%s", e.text);
	return df;
}

static void assert_refused_span(struct span text, const char *expected)
{
	struct dockerfile *df = NULL;
	struct err e = ERR_INIT;

	assert_int_equal(dockerfile_parse(&df, "Dockerfile", text, &e), -1);
	assert_null(df);
	assert_int_equal(e.kind, ERR_INPUT);
	assert_string_equal(e.text, expected);
}

static void assert_refused(const char *text, const char *expected)
{
	assert_refused_span(span_of_str(text), expected);
}

static void show_flag(struct buf *out, const char *name, const char *value)
{
	if (value)
		buf_addf(out, " %s=%s", name, value);
}

/* KIND[ exec][ flags]: word|word| */
static void show(struct buf *out, const struct dockerfile_instr *in)
{
	buf_addf(out, "%s%s", dockerfile_kind_name(in->kind), in->exec_form ? " exec" : "");
	show_flag(out, "from", in->from);
	show_flag(out, "chown", in->chown);
	show_flag(out, "chmod", in->chmod);
	show_flag(out, "platform", in->platform);
	show_flag(out, "name", in->name);
	buf_add_str(out, ":");
	for (size_t i = 0; i < in->words.n; i++)
		buf_addf(out, " %s|", in->words.v[i]);
}

/* One line of a stage. */
static void assert_instr(const char *line, const char *expected)
{
	auto_free char *text = mem_printf("FROM x\n%s\n", line);
	auto_dockerfile struct dockerfile *df = parsed(text);
	auto_buf struct buf out = BUF_INIT(BUF_SMALL);

	assert_int_equal(df->stages[0].nr, 1);
	show(&out, &df->stages[0].instrs[0]);
	assert_string_equal(buf_str(&out), expected);
}

/* One line of a stage; `expected` is what comes behind "Dockerfile:2: ". */
static void assert_bad_instr(const char *line, const char *expected)
{
	auto_free char *text = mem_printf("FROM x\n%s\n", line);
	auto_free char *whole = mem_printf("Dockerfile:2: %s", expected);

	assert_refused(text, whole);
}

static void instructions_become_words(void **state)
{
	static const struct {
		const char *line, *expected;
	} cases[] = {
		{ "RUN a  b | c", "RUN: a  b | c|" },
		{ "run a \\\n  b", "RUN: a   b|" },
		{ "RUN [\"a\", \"b c\"]", "RUN exec: a| b c|" },
		{ "RUN [ \"\\u00e9\\n\" ] ", "RUN exec: \xc3\xa9\n|" },
		{ "RUN [ -f x ] && y", "RUN: [ -f x ] && y|" },
		{ "RUN ['a']", "RUN: ['a']|" },
		{ "RUN [\"a\"] b", "RUN: [\"a\"] b|" },
		{ "RUN -- --x", "RUN: --x|" },
		{ "RUN x --mount", "RUN: x --mount|" },
		{ "RUN echo '${x:+y}' \"", "RUN: echo '${x:+y}' \"|" },
		{ "CMD [\"a\"]", "CMD exec: a|" },
		{ "CMD []", "CMD exec:" },
		{ "CMD a b", "CMD: a b|" },
		{ "ENTRYPOINT []", "ENTRYPOINT exec:" },
		{ "ENTRYPOINT [\"/e\", \"-x\"]", "ENTRYPOINT exec: /e| -x|" },
		{ "ENV a=b c=\"d e\" f=g\\ h", "ENV: a| b| c| \"d e\"| f| g\\ h|" },
		{ "ENV a=", "ENV: a| |" },
		{ "ENV a=b=c", "ENV: a| b=c|" },
		{ "ENV a b  c=d", "ENV: a| b  c=d|" },
		{ "ENV a='x y'\"z w\"", "ENV: a| 'x y'\"z w\"|" },
		{ "ENV a=\"x\\\" y\" b=c", "ENV: a| \"x\\\" y\"| b| c|" },
		{ "ENV a='x\\' b=c", "ENV: a| 'x\\'| b| c|" },
		{ "LABEL \"a b\"=c d=e", "LABEL: \"a b\"| c| d| e|" },
		{ "LABEL a b", "LABEL: a| b|" },
		{ "ARG a", "ARG: a|" },
		{ "ARG a=b c d=\"e f\"", "ARG: a=b| c| d=\"e f\"|" },
		{ "WORKDIR /a b ", "WORKDIR: /a b|" },
		{ "USER $U:g", "USER: $U:g|" },
		{ "EXPOSE 90 80/tcp\t443", "EXPOSE: 443| 80/tcp| 90|" },
		{ "COPY a b", "COPY: a| b|" },
		{ "COPY a b c/", "COPY: a| b| c/|" },
		{ "COPY a b .", "COPY: a| b| .|" },
		{ "COPY a b \"/d/\"", "COPY: a| b| \"/d/\"|" },
		{ "COPY a b $D", "COPY: a| b| $D|" },
		{ "COPY [\"a b\", \"c\"]", "COPY: a b| c|" },
		{ "COPY --from=X --chown=$U:g --chmod=755 a b",
		  "COPY from=X chown=$U:g chmod=755: a| b|" },
		{ "COPY --chown='a'\\b a b", "COPY chown=ab: a| b|" },
		{ "COPY --from=x -- --a b", "COPY from=x: --a| b|" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_instr(cases[i].line, cases[i].expected);
}

static void wrong_instructions_are_refused(void **state)
{
	static const struct {
		const char *line, *expected;
	} cases[] = {
		{ "FORM x", "unknown instruction: FORM (did you mean FROM?)" },
		{ "cpoy a b", "unknown instruction: cpoy (did you mean COPY?)" },
		{ "apt-get install x", "unknown instruction: apt-get" },
		{ "RUN[\"a\"]", "unknown instruction: RUN[\"a\"]" },
		{ "RUN", "RUN requires at least one argument" },
		{ "RUN []", "RUN requires at least one argument" },
		{ "CMD", "CMD requires at least one argument" },
		{ "RUN [\"a\", 1]",
		  "when using JSON array syntax, arrays must be comprised of strings only" },
		{ "COPY [\"a\", []]",
		  "when using JSON array syntax, arrays must be comprised of strings only" },
		{ "RUN [\"\\u0000\"]", "a NUL character cannot be in an argument" },
		{ "ENV", "ENV requires at least one argument" },
		{ "ENV a", "ENV must have two arguments" },
		{ "ENV a=b c", "can't find = in 'c', must be of the form: name=value" },
		{ "ENV =b", "ENV names can not be blank" },
		{ "LABEL a=b =c", "LABEL names can not be blank" },
		{ "ARG", "ARG requires at least one argument" },
		{ "ARG a =b", "ARG names can not be blank" },
		{ "EXPOSE", "EXPOSE requires at least one argument" },
		{ "USER", "USER requires exactly one argument" },
		{ "WORKDIR ", "WORKDIR requires exactly one argument" },
		{ "COPY", "COPY requires at least two arguments" },
		{ "COPY a", "COPY requires at least two arguments, but only one was provided. "
			    "Destination could not be determined" },
		{ "COPY a b c", "COPY of several sources: the destination 'c' must be a directory "
				"and end with /" },
		{ "COPY [\"a\", \"b\", \"c\"]", "COPY of several sources: the destination 'c' must "
						"be a directory and end with /" },
		{ "COPY --from=$x a b",
		  "variable expansion is not supported for --from, define a new stage with FROM "
		  "using ARG from global scope as a workaround" },
		{ "FROM", "FROM requires either one or three arguments" },
		{ "FROM a b", "FROM requires either one or three arguments" },
		{ "FROM a is b", "FROM requires either one or three arguments" },
		{ "FROM a AS 1b", "invalid name for build stage: '1b', name can't start with a "
				  "number or contain symbols" },
		{ "FROM a AS b/c", "invalid name for build stage: 'b/c', name can't start with a "
				   "number or contain symbols" },
		{ "FROM a AS Scratch", "a build stage cannot be named 'scratch': that name is the "
				       "empty image" },
		{ "WORKDIR 'a", "in ''a': unexpected end of statement while looking for matching "
				"single-quote" },
		{ "ENV a=${b:+c}", "in '${b:+c}': the form ${b:+…} is not supported by this "
				   "version" },
		{ "COPY --chown=${} a b", "in '${}': syntax error: bad substitution" },
		{ "COPY --chmod=${ a b", "in '${': syntax error: missing '}'" },
		{ "FROM --platform=${ a", "in '${': syntax error: missing '}'" },
		{ "COPY a \"b", "in '\"b': unexpected end of statement while looking for matching "
				"double-quote" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_bad_instr(cases[i].line, cases[i].expected);
}

static void wrong_flags_are_refused(void **state)
{
	static const struct {
		const char *line, *expected;
	} cases[] = {
		{ "COPY --form=x a b", "COPY: unknown flag: --form (did you mean from?)" },
		{ "COPY --zzz a b", "COPY: unknown flag: --zzz" },
		{ "COPY --FROM=x a b", "COPY: unknown flag: --FROM (did you mean from?)" },
		{ "CMD --x", "CMD: unknown flag: --x" },
		{ "ENV --x a=b", "ENV: unknown flag: --x" },
		{ "COPY --from=x --from=x a b", "duplicate flag specified: --from" },
		{ "COPY --from a b", "missing a value on flag: --from" },
		{ "COPY --from= a b", "missing a value on flag: --from" },
		{ "COPY --from='x a b", "a quote in a flag is not closed" },
		{ "FROM --platform a", "missing a value on flag: --platform" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_bad_instr(cases[i].line, cases[i].expected);
}

static void what_is_not_carried_out_is_refused_by_name(void **state)
{
	static const char *const instrs[] = { "ADD",   "HEALTHCHECK", "MAINTAINER", "ONBUILD",
					      "SHELL", "STOPSIGNAL",  "VOLUME" };
	static const char *const flags[] = {
		"RUN --mount", "RUN --network",	 "RUN --security", "RUN --device",
		"COPY --link", "COPY --parents", "COPY --exclude",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(instrs); i++) {
		auto_free char *line = mem_printf("%s x", instrs[i]);
		auto_free char *text = mem_printf("%s is not supported by this version", instrs[i]);

		assert_bad_instr(line, text);
	}
	for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
		auto_free char *line = mem_printf("%s=a a b", flags[i]);
		auto_free char *text = mem_printf("%s is not supported by this version", flags[i]);

		assert_bad_instr(line, text);
	}
}

static void heredocs_are_refused_and_shifts_are_not(void **state)
{
	(void)state;
	assert_bad_instr("RUN <<EOF\nx\nEOF",
			 "RUN with a heredoc ('<<EOF') is not supported by this version");
	assert_bad_instr("RUN cat 3<<-\"E F\" >x",
			 "RUN with a heredoc ('3<<-\"E F\"') is not supported by this version");
	assert_bad_instr("COPY <<a.txt /x",
			 "COPY with a heredoc ('<<a.txt') is not supported by this version");
	assert_bad_instr("COPY a <<x",
			 "COPY with a heredoc ('<<x') is not supported by this version");
	assert_instr("RUN echo \" <<EOF\" ' <<EOF'", "RUN: echo \" <<EOF\" ' <<EOF'|");
	assert_instr("RUN echo $((1<<2)) <<<x", "RUN: echo $((1<<2)) <<<x|");
	assert_instr("RUN [\"<<EOF\"]", "RUN exec: <<EOF|");
	assert_instr("RUN x \\<<EOF", "RUN: x \\<<EOF|");
}

static void stages_hold_their_instructions(void **state)
{
	auto_dockerfile struct dockerfile *df =
		parsed("# escape=`\nARG a=1\nARG b c\nFROM --platform=$p img:$a As Build_1.x\n"
		       "RUN a `\n  b\nCOPY a b\nFROM build_1.X\n\nUSER u\n");
	auto_buf struct buf out = BUF_INIT(BUF_SMALL);

	(void)state;
	assert_string_equal(df->file, "Dockerfile");
	assert_int_equal(df->escape, '`');
	assert_int_equal(df->nr_global_args, 2);
	assert_int_equal(df->global_args[1].words.n, 2);
	assert_int_equal(df->nr_stages, 2);
	show(&out, &df->stages[0].from);
	assert_string_equal(buf_str(&out), "FROM platform=$p name=build_1.x: img:$a|");
	assert_int_equal(df->stages[0].nr, 2);
	assert_int_equal(df->stages[0].instrs[0].line, 5);
	assert_string_equal(df->stages[0].instrs[0].text, "RUN a   b");
	assert_int_equal(df->stages[1].from.line, 8);
	assert_null(df->stages[1].from.name);
	assert_int_equal(df->stages[1].nr, 1);
	assert_int_equal(df->stages[1].instrs[0].line, 10);
}

static void files_without_a_stage_are_refused(void **state)
{
	(void)state;
	assert_refused("", "Dockerfile: the Dockerfile cannot be empty");
	assert_refused("# x\n\n", "Dockerfile: file with no instructions");
	assert_refused("ARG a\n", "Dockerfile: no FROM: no stage to build");
	assert_refused("ARG a\nRUN x\nFROM y\n",
		       "Dockerfile:2: no build stage in current context: RUN before FROM");
}

static void long_lines_are_fine_up_to_the_limit(void **state)
{
	auto_free char *text = mem_alloc(DOCKERFILE_MAX + 1);
	auto_dockerfile struct dockerfile *df = NULL;
	struct err e = ERR_INIT;

	(void)state;
	memset(text, 'x', DOCKERFILE_MAX + 1);
	memcpy(text, "FROM a\nRUN ", 11);
	assert_int_equal(dockerfile_parse(&df, "Dockerfile", span_of(text, DOCKERFILE_MAX), &e), 0);
	assert_int_equal(strlen(df->stages[0].instrs[0].words.v[0]), DOCKERFILE_MAX - 11);
	assert_refused_span(span_of(text, DOCKERFILE_MAX + 1),
			    "Dockerfile: more than 8388608 bytes");
}

static void words_are_bounded(void **state)
{
	static const char *const heads[] = { "FROM a\nEXPOSE ", "FROM a\nENV a=a ", "FROM a\nARG ",
					     "FROM a\nCOPY ", "FROM " };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
		auto_buf struct buf text = BUF_INIT(DOCKERFILE_MAX);
		auto_dockerfile struct dockerfile *df = NULL;
		struct err e = ERR_INIT;

		buf_add_str(&text, heads[i]);
		while (text.len < (1 << 20))
			buf_add_str(&text, "a=a/ ");
		assert_int_equal(dockerfile_parse(&df, "Dockerfile", buf_span(&text), &e), -1);
		assert_int_equal(e.kind, ERR_INPUT);
	}
	for (int over = 0; over < 2; over++) {
		auto_buf struct buf text = BUF_INIT(DOCKERFILE_MAX);
		auto_dockerfile struct dockerfile *df = NULL;
		struct err e = ERR_INIT;

		buf_add_str(&text, "FROM a\n");
		for (int i = 0; i < 8191 + over; i++)
			buf_add_str(&text, "USER a\n");
		assert_int_equal(dockerfile_parse(&df, "Dockerfile", buf_span(&text), &e), -over);
		if (over)
			assert_string_equal(e.text,
					    "Dockerfile:8193: more than 16384 words in one file");
	}
}

static void foreign_text_in_messages_is_bounded(void **state)
{
	auto_buf struct buf text = BUF_INIT(DOCKERFILE_MAX), expected = BUF_INIT(BUF_SMALL);

	(void)state;
	while (text.len < 5000)
		buf_add_char(&text, 'Z');
	buf_add_str(&expected, "Dockerfile:1: unknown instruction: ");
	for (int i = 0; i < 100; i++)
		buf_add_char(&expected, 'Z');
	buf_add_str(&expected, "…");
	assert_refused(buf_str(&text), buf_str(&expected));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(instructions_become_words),
		cmocka_unit_test(wrong_instructions_are_refused),
		cmocka_unit_test(wrong_flags_are_refused),
		cmocka_unit_test(what_is_not_carried_out_is_refused_by_name),
		cmocka_unit_test(heredocs_are_refused_and_shifts_are_not),
		cmocka_unit_test(stages_hold_their_instructions),
		cmocka_unit_test(files_without_a_stage_are_refused),
		cmocka_unit_test(long_lines_are_fine_up_to_the_limit),
		cmocka_unit_test(words_are_bounded),
		cmocka_unit_test(foreign_text_in_messages_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
