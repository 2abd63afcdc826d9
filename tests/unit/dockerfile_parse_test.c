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
#include "oci/dockerfile/mount.h"
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

static void show_mount(struct buf *out, const struct dockerfile_mount *m)
{
	buf_addf(out, " mount(%s", dockerfile_mount_type_name(m->type));
	show_flag(out, "target", m->target);
	show_flag(out, "source", m->source);
	show_flag(out, "from", m->from);
	show_flag(out, "id", m->id);
	show_flag(out, "env", m->env);
	show_flag(out, "sharing", m->sharing);
	show_flag(out, "size", m->size);
	show_flag(out, "mode", m->mode);
	show_flag(out, "uid", m->uid);
	show_flag(out, "gid", m->gid);
	if (m->has_readonly)
		buf_add_str(out, m->readonly ? " ro" : " rw");
	buf_add_str(out, m->required ? " required)" : ")");
}

static void show_health(struct buf *out, const struct dockerfile_health *h)
{
	const struct {
		const char *name;
		int64_t ns;
	} times[] = { { "interval", h->interval_ns },
		      { "timeout", h->timeout_ns },
		      { "start-period", h->start_period_ns },
		      { "start-interval", h->start_interval_ns } };

	for (size_t i = 0; i < ARRAY_LEN(times); i++)
		if (times[i].ns)
			buf_addf(out, " %s=%jd", times[i].name, (intmax_t)times[i].ns);
	if (h->retries)
		buf_addf(out, " retries=%ju", (uintmax_t)h->retries);
	if (h->none)
		buf_add_str(out, " none");
}

/* KIND[ exec][ flags]: word|word| <<NAME[!]:body| (script) */
static void show(struct buf *out, const struct dockerfile_instr *in)
{
	buf_addf(out, "%s%s", dockerfile_kind_name(in->kind), in->exec_form ? " exec" : "");
	show_flag(out, "from", in->from);
	show_flag(out, "chown", in->chown);
	show_flag(out, "chmod", in->chmod);
	show_flag(out, "checksum", in->checksum);
	if (in->link)
		buf_add_str(out, " link");
	if (in->parents)
		buf_add_str(out, " parents");
	if (in->keep_git_dir)
		buf_add_str(out, " keep-git-dir");
	if (in->has_unpack)
		buf_add_str(out, in->unpack ? " unpack" : " no-unpack");
	for (size_t i = 0; i < in->exclude.n; i++)
		show_flag(out, "exclude", in->exclude.v[i]);
	show_flag(out, "network", in->network);
	show_flag(out, "security", in->security);
	for (size_t i = 0; i < in->nr_mounts; i++)
		show_mount(out, &in->mounts[i]);
	show_health(out, &in->health);
	show_flag(out, "platform", in->platform);
	show_flag(out, "name", in->name);
	buf_add_str(out, in->legacy_pair ? " legacy:" : ":");
	for (size_t i = 0; i < in->words.n; i++)
		buf_addf(out, " %s|", in->words.v[i]);
	for (size_t i = 0; i < in->nr_heredocs; i++)
		buf_addf(out, " <<%s%s:%s|", in->heredocs[i].name,
			 in->heredocs[i].expand ? "" : "!", in->heredocs[i].body);
	if (in->script)
		buf_addf(out, " (%s)", in->script);
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
		{ "ENV a b  c=d", "ENV legacy: a| b  c=d|" },
		{ "ENV a='x y'\"z w\"", "ENV: a| 'x y'\"z w\"|" },
		{ "ENV a=\"x\\\" y\" b=c", "ENV: a| \"x\\\" y\"| b| c|" },
		{ "ENV a='x\\' b=c", "ENV: a| 'x\\'| b| c|" },
		{ "LABEL \"a b\"=c d=e", "LABEL: \"a b\"| c| d| e|" },
		{ "LABEL a b", "LABEL legacy: a| b|" },
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
		{ "COPY [\"a b\", \"c\"]", "COPY exec: a b| c|" },
		{ "COPY --from=X --chown=$U:g --chmod=755 a b",
		  "COPY from=X chown=$U:g chmod=755: a| b|" },
		{ "COPY --chown='a'\\b a b", "COPY chown=ab: a| b|" },
		{ "COPY --from=x -- --a b", "COPY from=x: --a| b|" },
		{ "COPY --from= --chown= a b", "COPY: a| b|" },
		{ "COPY --link --parents --exclude=*.o --exclude=!a a b",
		  "COPY link parents exclude=*.o exclude=!a: a| b|" },
		{ "COPY --link=FALSE --parents=true a b", "COPY parents: a| b|" },
		{ "ADD --checksum=sha256:$X --keep-git-dir --unpack=false --chmod=u=rwX,go=rX a b",
		  "ADD chmod=u=rwX,go=rX checksum=sha256:$X keep-git-dir no-unpack: a| b|" },
		{ "ADD --unpack --link [\"a\",\"b\"]", "ADD exec link unpack: a| b|" },
		{ "RUN --network=none --security=sandbox x",
		  "RUN network=none security=sandbox: x|" },
		{ "SHELL [\"/bin/bash\", \"-c\"]", "SHELL exec: /bin/bash| -c|" },
		{ "STOPSIGNAL SIGTERM", "STOPSIGNAL: SIGTERM|" },
		{ "STOPSIGNAL \"rtmin+3\"", "STOPSIGNAL: \"rtmin+3\"|" },
		{ "STOPSIGNAL $S", "STOPSIGNAL: $S|" },
		{ "STOPSIGNAL 9", "STOPSIGNAL: 9|" },
		{ "MAINTAINER Me  <me@x> $y '", "MAINTAINER: Me  <me@x> $y '|" },
		{ "VOLUME /a  /b", "VOLUME: /a| /b|" },
		{ "VOLUME [\" /a \", \"/b c\"]", "VOLUME exec: /a| /b c|" },
		{ "HEALTHCHECK NONE", "HEALTHCHECK none:" },
		{ "healthcheck --interval=5s none", "HEALTHCHECK none:" },
		{ "HEALTHCHECK CMD curl -f x || exit 1", "HEALTHCHECK: curl -f x || exit 1|" },
		{ "HEALTHCHECK --interval=1m30s --timeout=1ms --start-period=0 "
		  "--start-interval=2s --retries=3 cmd [\"a\", \"b\"]",
		  "HEALTHCHECK exec interval=90000000000 timeout=1000000 start-interval=2000000000 "
		  "retries=3: a| b|" },
		{ "ONBUILD RUN  a  b", "ONBUILD: RUN  a  b|" },
		{ "ONBUILD\trun  a \\\n b\t ", "ONBUILD: run  a  b\t |" },
		{ "onbuild copy --from=x a b", "ONBUILD: copy --from=x a b|" },
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
		{ "ENV a=b c", "Syntax error - can't find = in \"c\". Must be of the form: "
			       "name=value" },
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
		{ "FROM a AS 1b", "invalid name for build stage: \"1b\", name can't start with a "
				  "number or contain symbols" },
		{ "FROM a AS b/c", "invalid name for build stage: \"b/c\", name can't start with a "
				   "number or contain symbols" },
		{ "WORKDIR 'a",
		  "failed to process ''a': unexpected end of statement while looking for matching "
		  "single-quote" },
		{ "COPY --chown=${} a b",
		  "failed to process '${}': syntax error: bad substitution" },
		{ "COPY --chmod=888 a b",
		  "invalid chmod parameter: '888'. it should be octal string "
		  "and between 0 and 07777" },
		{ "ADD --chmod=10000 a b", "invalid chmod parameter: '10000'. it should be octal "
					   "string and between 0 and 07777" },
		{ "COPY --chmod=u:rw a b",
		  "invalid chmod parameter: 'u:rw'. it should be octal or a "
		  "list like u=rwX,go=rX" },
		{ "COPY --chmod=rw a b",
		  "invalid chmod parameter: 'rw'. it should be octal or a list "
		  "like u=rwX,go=rX" },
		{ "COPY --chmod=${ a b", "failed to process '${': syntax error: missing '}'" },
		{ "FROM --platform=${ a", "failed to process '${': syntax error: missing '}'" },
		{ "COPY <<x <<y /d/\n${\nx\ny",
		  "failed to process a heredoc: syntax error: bad substitution" },
		{ "ADD x", "ADD requires at least two arguments, but only one was provided. "
			   "Destination could not be determined" },
		{ "ADD a b c", "ADD of several sources: the destination 'c' must be a directory "
			       "and end with /" },
		{ "SHELL", "SHELL requires at least one argument" },
		{ "SHELL []", "SHELL requires at least one argument" },
		{ "SHELL /bin/sh -c", "SHELL requires the arguments to be in JSON form" },
		{ "STOPSIGNAL", "STOPSIGNAL requires exactly one argument" },
		{ "STOPSIGNAL SIGFOO", "invalid signal: SIGFOO" },
		{ "STOPSIGNAL 0", "invalid signal: 0" },
		{ "MAINTAINER", "MAINTAINER requires exactly one argument" },
		{ "VOLUME", "VOLUME requires at least one argument" },
		{ "VOLUME [\"/a\", \" \"]", "VOLUME specified can not be an empty string" },
		{ "VOLUME ${", "failed to process '${': syntax error: missing '}'" },
		{ "HEALTHCHECK", "HEALTHCHECK requires at least one argument" },
		{ "HEALTHCHECK NONE x", "HEALTHCHECK NONE takes no arguments" },
		{ "HEALTHCHECK CMD", "Missing command after HEALTHCHECK CMD" },
		{ "HEALTHCHECK CMD []", "Missing command after HEALTHCHECK CMD" },
		{ "HEALTHCHECK curl x", "Unknown type \"curl\" in HEALTHCHECK (try CMD)" },
		{ "ONBUILD", "ONBUILD requires at least one argument" },
		{ "ONBUILD ONBUILD RUN x", "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed" },
		{ "ONBUILD from x", "FROM isn't allowed as an ONBUILD trigger" },
		{ "ONBUILD MAINTAINER x", "MAINTAINER isn't allowed as an ONBUILD trigger" },
		{ "ONBUILD CPOY a b", "unknown instruction: CPOY (did you mean COPY?)" },
		{ "ONBUILD COPY a", "COPY requires at least two arguments, but only one was "
				    "provided. Destination could not be determined" },
		{ "COPY a \"b",
		  "failed to process '\"b': unexpected end of statement while looking for matching "
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
		{ "COPY --link --link a b", "duplicate flag specified: --link" },
		{ "COPY --link= a b", "missing a value on flag: --link" },
		{ "COPY --link=yes a b", "expecting boolean value for flag link, not: yes" },
		{ "COPY --checksum=x a b", "COPY: unknown flag: --checksum" },
		{ "COPY --exclude a b", "missing a value on flag: --exclude" },
		{ "ADD --from=x a b", "ADD: unknown flag: --from" },
		{ "ADD --chekcsum=x a b",
		  "ADD: unknown flag: --chekcsum (did you mean checksum?)" },
		{ "ONBUILD --x RUN y", "ONBUILD: unknown flag: --x" },
		{ "RUN --device=x y",
		  "RUN --device is not supported: it is of BuildKit's labs only" },
		{ "RUN --network=bridge x",
		  "invalid network mode 'bridge' (default, none or host)" },
		{ "RUN --security=none x", "security 'none' is not valid (sandbox or insecure)" },
		{ "HEALTHCHECK --interval=5 CMD x",
		  "--interval: '5' is not a duration (30s, 1m30s, 500ms)" },
		{ "HEALTHCHECK --timeout=10us CMD x",
		  "Interval \"timeout\" cannot be less than 1ms" },
		{ "HEALTHCHECK --retries=-1 CMD x", "--retries: '-1' is not a number from 0" },
		{ "COPY --from='x a b", "a quote in a flag is not closed" },
		{ "FROM --platform a", "missing a value on flag: --platform" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_bad_instr(cases[i].line, cases[i].expected);
}

static void heredocs_become_bodies(void **state)
{
	static const struct {
		const char *lines, *expected;
	} cases[] = {
		{ "RUN <<EOF\na\n # b\\\n\nEOF", "RUN: a\n # b\\\n\n| <<EOF:a\n # b\\\n\n|" },
		{ "RUN <<EOF\n\tEOF\nEOF", "RUN: \tEOF\n| <<EOF:\tEOF\n|" },
		{ "RUN <<EMPTY\nEMPTY", "RUN: | <<EMPTY:|" },
		{ "RUN 3<<EOF\na\nEOF", "RUN: a\n| <<EOF:a\n|" },
		{ "RUN <<-EOF\n\ta\n\t\tb\tc\n d\n\t\tEOF",
		  "RUN: a\nb\tc\n d\n| <<EOF:a\nb\tc\n d\n|" },
		{ "RUN <<'EOF'\n$a\nEOF", "RUN: $a\n| <<EOF!:$a\n|" },
		{ "RUN <<E\"O\"F\nEOF", "RUN: | <<EOF!:|" },
		{ "RUN <<eo\\'f\neo'f", "RUN: | <<eo'f:|" },
		{ "RUN <<'one two'\none two", "RUN: | <<one two!:|" },
		{ "RUN <<$EOF\n$EOF", "RUN: | <<$EOF:|" },
		{ "RUN <<  EOF\nEOF", "RUN: | <<EOF:|" },
		/* the shell's, as they were written */
		{ "RUN cat <<A <<-B >x\na\nA\n\tb\n\tB",
		  "RUN: cat <<A <<-B >x\na\nA\n\tb\nB| <<A:a\n| <<B:b\n|" },
		{ "RUN <<EOF python3\np\nEOF", "RUN: <<EOF python3\np\nEOF| <<EOF:p\n|" },
		{ "RUN \\\n cat \\\n <<EOF\na\nEOF", "RUN: cat  <<EOF\na\nEOF| <<EOF:a\n|" },
		{ "RUN <<EOF\n#!/bin/x -y\nz\nEOF",
		  "RUN: /dev/pipes/EOF| <<EOF:#!/bin/x -y\nz\n| (#!/bin/x -y\nz\n)" },
		{ "RUN <<EOF cat\n#!/bin/x\nEOF",
		  "RUN: <<EOF cat\n#!/bin/x\nEOF| <<EOF:#!/bin/x\n|" },
		{ "RUN --network=none <<EOF\na\nEOF", "RUN network=none: a\n| <<EOF:a\n|" },
		/* line ends are the body's own */
		{ "RUN <<EOF\r\na\r\nb\nEOF\r\n", "RUN: a\r\nb\n| <<EOF:a\r\nb\n|" },
		{ "COPY <<a.txt <<'b' c /d/\n$x\na.txt\n'\nb",
		  "COPY: <<a.txt| <<b| c| /d/| <<a.txt:$x\n| <<b!:'\n|" },
		{ "COPY <<X <<Y /d/\nY\nX\nX\nY", "COPY: <<X| <<Y| /d/| <<X:Y\n| <<Y:X\n|" },
		{ "COPY <<\"a b\" /d\nx\na b", "COPY: <<a b| /d| <<a b!:x\n|" },
		{ "ADD --chown=1 <<-f /d\n\tx\n\tf", "ADD chown=1: <<f| /d| <<f:x\n|" },
		{ "ONBUILD RUN cat <<-A\n\ta\n\tA", "ONBUILD: RUN cat <<-A\n\ta\nA|" },
		{ "ONBUILD COPY <<f /d\nx\nf", "ONBUILD: COPY <<f /d\nx\nf|" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_instr(cases[i].lines, cases[i].expected);
}

static void what_only_looks_like_a_heredoc_is_none(void **state)
{
	static const struct {
		const char *line, *expected;
	} cases[] = {
		{ "RUN echo \" <<EOF\" ' <<EOF'", "RUN: echo \" <<EOF\" ' <<EOF'|" },
		{ "RUN echo $((1<<2)) <<<x", "RUN: echo $((1<<2)) <<<x|" },
		{ "RUN x <<a<b", "RUN: x <<a<b|" },
		{ "RUN x <<", "RUN: x <<|" },
		{ "RUN x <<\"\"", "RUN: x <<\"\"|" },
		{ "RUN x <<'a", "RUN: x <<'a|" },
		{ "RUN [\"<<EOF\"]", "RUN exec: <<EOF|" },
		{ "COPY [\"<<EOF\", \"/x\"]", "COPY exec: <<EOF| /x|" },
		{ "RUN x \\<<EOF", "RUN: x \\<<EOF|" },
		{ "USER <<EOF", "USER: <<EOF|" },
		{ "CMD cat <<EOF", "CMD: cat <<EOF|" },
		{ "ONBUILD RUN [\"<<EOF\"]", "ONBUILD: RUN [\"<<EOF\"]|" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_instr(cases[i].line, cases[i].expected);
}

static void wrong_heredocs_are_refused(void **state)
{
	(void)state;
	assert_bad_instr("RUN <<EOF\nx\n EOF\nEOF x\n",
			 "unterminated heredoc: no line below is 'EOF' alone");
	assert_bad_instr("RUN <<EOF", "unterminated heredoc: no line below is 'EOF' alone");
	assert_bad_instr("COPY <<A <<B /x/\nB\nA\n",
			 "unterminated heredoc: no line below is 'B' alone");
	assert_bad_instr("ONBUILD RUN <<A\n", "unterminated heredoc: no line below is 'A' alone");
	assert_bad_instr("COPY a <<x\nx", "COPY cannot accept a heredoc as a destination");
	assert_bad_instr("COPY <<a/b /x\na/b", "a heredoc named 'a/b' cannot be a file");
	assert_bad_instr("ADD <<.. /x\n..", "a heredoc named '..' cannot be a file");
	assert_bad_instr("RUN <<../x\n#!/bin/sh\n../x", "a heredoc named '../x' cannot be a file");
	assert_instr("RUN <<../x\necho\n../x", "RUN: echo\n| <<../x:echo\n|");
}

static void mounts_are_read(void **state)
{
	static const struct {
		const char *mount, *expected;
	} cases[] = {
		{ "target=/t", "(bind target=/t)" },
		{ "type=bind,source=$s,dst=/t,from=x,rw", "(bind target=/t source=$s from=x rw)" },
		{ "TYPE=Cache,Target=/t,id=i,sharing=locked,mode=0700,uid=1,gid=$g,ro=false",
		  "(cache target=/t id=i sharing=locked mode=0700 uid=1 gid=$g rw)" },
		{ "type=tmpfs,destination=/t,size=64m", "(tmpfs target=/t size=64m)" },
		{ "type=secret,src=s,required,env=E", "(secret id=s env=E required)" },
		{ "type=secret,id=s,target=/t,required=0,mode=$m",
		  "(secret target=/t id=s mode=$m)" },
		{ "required=true,type=ssh", "(ssh required)" },
		{ "type=ssh,readonly", "(ssh ro)" },
		{ "readwrite=false,target=/t", "(bind target=/t ro)" },
		{ "target=/a,target=/b,source=", "(bind target=/b)" },
		{ "'\"target=/a,\"\"b\"\"\",ro'", "(bind target=/a,\"b\" ro)" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_free char *line = mem_printf("RUN --mount=%s x", cases[i].mount);
		auto_free char *expected = mem_printf("RUN mount%s: x|", cases[i].expected);

		assert_instr(line, expected);
	}
	assert_instr("RUN --mount=target=/a --mount=type=ssh x",
		     "RUN mount(bind target=/a) mount(ssh): x|");
}

static void wrong_mounts_are_refused(void **state)
{
	static const struct {
		const char *mount, *expected;
	} cases[] = {
		{ "", "failed to parse csv mounts: there is nothing" },
		{ "taget=/x", "unexpected key 'taget' in 'taget=/x' (did you mean target?)" },
		{ "bind-propagation=x",
		  "unexpected key 'bind-propagation' in 'bind-propagation=x'" },
		{ "x", "invalid field 'x' must be a key=value pair" },
		{ "target", "invalid field 'target' must be a key=value pair" },
		{ "target=/x,", "invalid field '' must be a key=value pair" },
		{ "type=cahce", "unsupported mount type \"cahce\" (did you mean cache?)" },
		{ "type=volume,target=/x", "unsupported mount type \"volume\"" },
		{ "type=$t", "unsupported mount type \"$t\"" },
		{ "target=/x,ro=maybe", "invalid value for ro: maybe" },
		{ "type=cache,target=/x,sharing=share",
		  "unsupported sharing value \"share\" (did you mean shared?)" },
		{ "target=/x,mode=755", "mode not allowed for \"bind\" type mounts" },
		{ "type=tmpfs,target=/x,uid=1", "uid not allowed for \"tmpfs\" type mounts" },
		{ "type=tmpfs,target=/x,gid=1", "gid not allowed for \"tmpfs\" type mounts" },
		{ "target=/x,required", "unexpected key 'required' for mount type 'bind'" },
		{ "type=cache,target=/x,size=1m", "unexpected key 'size' for mount type 'cache'" },
		{ "type=ssh,env=X", "unexpected key 'env' for mount type 'ssh'" },
		{ "type=secret,id=x,from=y", "secret mount should not have a from" },
		{ "type=secret,id=x,sharing=shared", "secret mount should not define sharing" },
		{ "type=secret", "invalid secret mount. one of source, target required" },
		{ "type=secret,id=x,source=y", "both source and id can't be set" },
		{ "type=bind,target=/x,sharing=shared",
		  "invalid cache sharing set for bind mount" },
		{ "target=/x,from=$x",
		  "'from' doesn't support variable expansion, define alias stage instead" },
		{ "type=cache,target=/x,mode=8", "invalid value 8 for mode" },
		{ "type=cache,target=/x,uid=me", "invalid value me for uid" },
		{ "type=cache,target=/x,gid=-1", "invalid value -1 for gid" },
		{ "type=tmpfs,target=/x,size=big", "invalid value for size: big" },
		{ "'target=/x,\"ro'", "failed to parse csv mounts: extraneous or missing \" in "
				      "quoted-field" },
		{ "'\"target=/x\"y'", "failed to parse csv mounts: extraneous or missing \" in "
				      "quoted-field" },
		{ "'target=\"/x\"'", "failed to parse csv mounts: bare \" in non-quoted-field" },
		{ "target=${", "failed to process '${': syntax error: missing '}'" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_free char *line = mem_printf("RUN --mount=%s x", cases[i].mount);
		auto_free char *expected = mem_printf("--mount: %s", cases[i].expected);

		assert_bad_instr(line, expected);
	}
}

static void mounts_are_expanded(void **state)
{
	auto_dockerfile struct dockerfile *df =
		parsed("FROM x\nRUN --mount=type=cache,target=/c/$A,id=${N:-none},sharing=$S,"
		       "mode=$M,uid=$U,source=$E x\n");
	const struct dockerfile_mount *raw = &df->stages[0].instrs[0].mounts[0];
	auto_buf struct buf out = BUF_INIT(BUF_SMALL);
	auto_mount struct dockerfile_mount m = { 0 };
	auto_strv struct strv env = STRV_INIT;
	struct err e = ERR_INIT;

	(void)state;
	strv_add(&env, "A=a b");
	strv_add(&env, "S=Private");
	strv_add(&env, "M=0750");
	strv_add(&env, "U=70000");
	assert_int_equal(dockerfile_mount_expand(&m, raw, &env, '\\', &e), 0);
	show_mount(&out, &m);
	assert_string_equal(buf_str(&out), " mount(cache target=/c/a b id=none sharing=private "
					   "mode=0750 uid=70000)");
	strv_env_set(&env, "M", "rwx");
	dockerfile_mount_release(&m);
	assert_int_equal(dockerfile_mount_expand(&m, raw, &env, '\\', &e), -1);
	assert_string_equal(e.text, "invalid value rwx for mode");
}

static void triggers_are_parsed_alone(void **state)
{
	static const struct {
		const char *trigger, *expected; /* "!…": refused */
	} cases[] = {
		{ "RUN a", "RUN: a|" },
		{ "run cat <<-A\n\tx\nA", "RUN: cat <<-A\n\tx\nA| <<A:x\n|" },
		{ "COPY --from=b <<f a /d/\nx\nf\n", "COPY from=b: <<f| a| /d/| <<f:x\n|" },
		{ "", "!an ONBUILD without an instruction" },
		{ "FROM x", "!FROM isn't allowed as an ONBUILD trigger" },
		{ "ONBUILD RUN x", "!Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed" },
		{ "MAINTAINER x", "!MAINTAINER isn't allowed as an ONBUILD trigger" },
		{ "RUN a\nRUN b", "!more than one instruction in an ONBUILD: 'RUN b'" },
		{ "RUN <<A\nx", "!unterminated heredoc: no line below is 'A' alone" },
	};
	auto_dockerfile struct dockerfile *df = parsed("FROM x\n");

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_buf struct buf out = BUF_INIT(BUF_SMALL);
		struct dockerfile_instr in = { 0 };
		struct err e = ERR_INIT;

		if (cases[i].expected[0] == '!') {
			assert_int_equal(dockerfile_parse_onbuild(&in, df, cases[i].trigger, &e),
					 -1);
			assert_string_equal(e.text, cases[i].expected + 1);
			continue;
		}
		assert_int_equal(dockerfile_parse_onbuild(&in, df, cases[i].trigger, &e), 0);
		assert_int_equal(in.line, 0);
		show(&out, &in);
		assert_string_equal(buf_str(&out), cases[i].expected);
		dockerfile_instr_release(&in);
	}
}

static void signals_are_names_or_numbers(void **state)
{
	static const char *const good[] = { "SIGTERM",	"term",	   "SigKill", "1",
					    "9",	"64",	   "RTMIN",   "SIGRTMIN+15",
					    "rtmax-14", "SIGWINCH" };
	static const char *const bad[] = { "",		 "0",	  "-1",		 "SIG",
					   "SIGSIGTERM", "TERM ", "RTMIN+16",	 "RTMIN+",
					   "RTMAX-15",	 "FOO",	  "99999999999", "RTMIN+0" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_true(dockerfile_signal_valid(good[i]));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(dockerfile_signal_valid(bad[i]));
}

static void spelling_and_place_are_kept(void **state)
{
	auto_dockerfile struct dockerfile *df =
		parsed("# syntax=docker/dockerfile:1.7 x\n# Check = skip=all\n"
		       "# base is the base\n# and more\nFrom x aS Base_1\n\n"
		       "# no doc\n#\n  # v is a thing\n"
		       "arg v \\\n\n  # c\n\n w\nRUN <<A <<B\n\nA\nB\n\nCOPY <<A \\\n /x\na\nA\n");
	const struct dockerfile_stage *st = &df->stages[0];

	(void)state;
	assert_string_equal(df->syntax, "docker/dockerfile:1.7 x");
	assert_string_equal(df->check, "skip=all");
	assert_true(strncmp(df->text, "# syntax=docker", 15) == 0);
	assert_string_equal(st->from.keyword, "From");
	assert_string_equal(st->from.as_keyword, "aS");
	assert_string_equal(st->from.raw_name, "Base_1");
	assert_string_equal(st->from.name, "base_1");
	assert_string_equal(st->from.doc, "base is the base\nand more");
	assert_int_equal(st->from.line, 5);
	assert_int_equal(st->from.last_line, 5);
	assert_string_equal(st->instrs[0].keyword, "arg");
	assert_string_equal(st->instrs[0].doc, "v is a thing");
	assert_int_equal(st->instrs[0].line, 10);
	assert_int_equal(st->instrs[0].last_line, 14);
	assert_int_equal(df->nr_empty, 2);
	assert_int_equal(df->empty_continuations[0], 11);
	assert_int_equal(df->empty_continuations[1], 13);
	assert_null(st->instrs[1].doc);
	assert_int_equal(st->instrs[1].line, 15);
	assert_int_equal(st->instrs[1].last_line, 18);
	assert_int_equal(st->instrs[1].heredocs[0].line, 16);
	assert_int_equal(st->instrs[1].heredocs[1].line, 18);
	assert_int_equal(st->instrs[2].line, 20);
	assert_int_equal(st->instrs[2].heredocs[0].line, 22);
	assert_int_equal(st->instrs[2].last_line, 23);
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
	assert_refused_span(
		span_of(text, DOCKERFILE_MAX + 1),
		"Dockerfile:2: more than 8388608 bytes, which end in this line: is this a Dockerfile?");
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
		cmocka_unit_test(heredocs_become_bodies),
		cmocka_unit_test(what_only_looks_like_a_heredoc_is_none),
		cmocka_unit_test(wrong_heredocs_are_refused),
		cmocka_unit_test(mounts_are_read),
		cmocka_unit_test(wrong_mounts_are_refused),
		cmocka_unit_test(mounts_are_expanded),
		cmocka_unit_test(triggers_are_parsed_alone),
		cmocka_unit_test(signals_are_names_or_numbers),
		cmocka_unit_test(spelling_and_place_are_kept),
		cmocka_unit_test(stages_hold_their_instructions),
		cmocka_unit_test(files_without_a_stage_are_refused),
		cmocka_unit_test(long_lines_are_fine_up_to_the_limit),
		cmocka_unit_test(words_are_bounded),
		cmocka_unit_test(foreign_text_in_messages_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
