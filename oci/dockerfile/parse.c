/*
 * Logical lines to instructions. A table says for each instruction which flags
 * it knows and which function reads the rest of its line.
 *
 * What will be expanded is checked here with nothing set, only to find what is wrong
 * in it: no instruction starts running before the last one was read.
 */
#include "oci/dockerfile/parse.h"

#include "base/excerpt.h"
#include "base/mem.h"
#include "oci/dockerfile/expand.h"
#include "oci/dockerfile/heredoc.h"
#include "oci/dockerfile/message.h"
#include "oci/dockerfile/mount.h"
#include "oci/dockerfile/parser.h"
#include "oci/dockerfile/words.h"

#define MARK_MAX 200

static const struct instr_rule rules[] = {
	{ "ADD", DOCKERFILE_ADD, parse_copy, flags_add, true },
	{ "ARG", DOCKERFILE_ARG, parse_arg, flags_none, true },
	{ "CMD", DOCKERFILE_CMD, parse_command, flags_none, false },
	{ "COPY", DOCKERFILE_COPY, parse_copy, flags_copy, true },
	{ "ENTRYPOINT", DOCKERFILE_ENTRYPOINT, parse_command, flags_none, false },
	{ "ENV", DOCKERFILE_ENV, parse_pairs, flags_none, true },
	{ "EXPOSE", DOCKERFILE_EXPOSE, parse_expose, flags_none, true },
	{ "FROM", DOCKERFILE_FROM, parse_from, flags_from, true },
	{ "HEALTHCHECK", DOCKERFILE_HEALTHCHECK, parse_healthcheck, flags_healthcheck, false },
	{ "LABEL", DOCKERFILE_LABEL, parse_pairs, flags_none, true },
	{ "MAINTAINER", DOCKERFILE_MAINTAINER, parse_line, flags_none, false },
	{ "ONBUILD", DOCKERFILE_ONBUILD, parse_onbuild, flags_none, false },
	{ "RUN", DOCKERFILE_RUN, parse_run, flags_run, false },
	{ "SHELL", DOCKERFILE_SHELL, parse_shell, flags_none, false },
	{ "STOPSIGNAL", DOCKERFILE_STOPSIGNAL, parse_stopsignal, flags_none, true },
	{ "USER", DOCKERFILE_USER, parse_line, flags_none, true },
	{ "VOLUME", DOCKERFILE_VOLUME, parse_volume, flags_none, true },
	{ "WORKDIR", DOCKERFILE_WORKDIR, parse_line, flags_none, true },
};

void parse_mark(struct parser *p, struct span word)
{
	buf_reset(&p->mark);
	buf_add_span(&p->mark, span_head(word, MARK_MAX));
}

int parse_need_some(const struct dockerfile_instr *in, struct err *e)
{
	if (in->words.n)
		return 0;
	return err_set(e, ERR_INPUT, "%s requires at least one argument",
		       dockerfile_kind_name(in->kind));
}

static int count_words(struct parser *p, size_t n, struct err *e)
{
	p->nr_words += n;
	if (p->nr_words > WORDS_MAX)
		return err_set(e, ERR_INPUT, "more than %d words in one file", WORDS_MAX);
	return 0;
}

int parse_heredoc(struct parser *p, struct dockerfile_instr *in, struct heredoc_word *w,
		  struct err *e)
{
	struct dockerfile_heredoc doc = { .name = w->name,
					  .expand = w->expand,
					  .line = p->lx->line + 1 };
	struct span body;

	MEM_GROW(in->heredocs, in->nr_heredocs, in->cap_heredocs);
	if (count_words(p, 1, e) < 0) {
		free(doc.name);
		return -1;
	}
	if (!lex_body(p->lx, &body, doc.name, w->tabs)) {
		parse_mark(p, span_of_str(doc.name));
		err_set(e, ERR_INPUT,
			"unterminated heredoc: no line below is '" MESSAGE_FMT "' alone",
			MESSAGE_ARG(span_of_str(doc.name)));
		free(doc.name);
		return -1;
	}
	buf_add_char(&p->bodies, '\n');
	buf_add_span(&p->bodies, body);
	buf_add_str(&p->bodies, doc.name);
	doc.body = w->tabs ? heredoc_untab(body) : span_dup(body);
	in->heredocs[in->nr_heredocs++] = doc;
	return 0;
}

static int find_rule(const struct instr_rule **out, struct span word, struct err *e)
{
	struct message_guess guess = { .word = word };
	char hint[MESSAGE_HINT_MAX];

	for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
		if (span_eq_nocase(word, rules[i].name)) {
			*out = &rules[i];
			return 0;
		}
		message_guess_add(&guess, rules[i].name);
	}
	message_guess_hint(hint, &guess);
	return err_set(e, ERR_INPUT, "unknown instruction: " MESSAGE_FMT "%s", MESSAGE_ARG(word),
		       hint);
}

/* -- what is wrong whatever the variables are -------------------------------------- */

static int check_word(struct parser *p, const char *word, struct err *e)
{
	parse_mark(p, span_of_str(word));
	return word ? dockerfile_expand_check(word, p->escape, e) : 0;
}

static int check_words(struct parser *p, const struct dockerfile_instr *in, struct err *e)
{
	for (size_t i = 0; i < in->words.n; i++)
		/* a here-document's name is as it is */
		if ((!in->nr_heredocs || strncmp(in->words.v[i], "<<", 2) != 0) &&
		    check_word(p, in->words.v[i], e) < 0)
			return -1;
	parse_mark(p, span_of_str(NULL));
	for (size_t i = 0; i < in->nr_heredocs; i++)
		if (in->heredocs[i].expand &&
		    dockerfile_expand_body_check(in->heredocs[i].body, e) < 0)
			return -1;
	return 0;
}

static int check_expansions(struct parser *p, const struct instr_rule *rule,
			    const struct dockerfile_instr *in, struct err *e)
{
	const char *const flags[] = { in->chown, in->chmod, in->checksum, in->platform };

	if (count_words(p, in->words.n + in->exclude.n + in->nr_mounts + 1, e) < 0)
		return -1;
	if (rule->is_expanded && check_words(p, in, e) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		if (check_word(p, flags[i], e) < 0)
			return -1;
	for (size_t i = 0; i < in->nr_mounts; i++)
		if (dockerfile_mount_check(&in->mounts[i], p->escape, e) < 0)
			return err_wrap(e, "--mount");
	return 0;
}

/* -- instructions ------------------------------------------------------------------- */

static int check_trigger(enum dockerfile_kind kind, struct err *e)
{
	if (kind == DOCKERFILE_ONBUILD)
		return err_set(e, ERR_INPUT,
			       "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
	if (kind == DOCKERFILE_FROM || kind == DOCKERFILE_MAINTAINER)
		return err_set(e, ERR_INPUT, "%s isn't allowed as an ONBUILD trigger",
			       dockerfile_kind_name(kind));
	return 0;
}

int parse_instr(struct parser *p, struct dockerfile_instr *in, struct span text, struct err *e)
{
	struct span rest = text, word;
	const struct instr_rule *rule = NULL;

	if (!span_word(&rest, &word))
		return err_set(e, ERR_INPUT, "an instruction is missing");
	parse_mark(p, word);
	if (find_rule(&rule, word, e) < 0 || (p->is_trigger && check_trigger(rule->kind, e) < 0))
		return -1;
	in->kind = rule->kind;
	in->keyword = span_dup(word);
	in->text = span_dup(text);
	rest = span_trim(rest);
	if (parse_flags(p, rule, in, &rest, e) < 0)
		return -1;
	parse_mark(p, word);
	if (rule->parse(p, in, rest, e) < 0)
		return -1;
	return check_expansions(p, rule, in, e);
}

/* *in is the dockerfile's afterwards, and empty. */
static int add_instr(struct dockerfile *df, struct dockerfile_instr *in, struct err *e)
{
	struct dockerfile_stage *st = df->nr_stages ? &df->stages[df->nr_stages - 1] : NULL;

	if (in->kind == DOCKERFILE_FROM) {
		MEM_GROW(df->stages, df->nr_stages, df->cap_stages);
		df->stages[df->nr_stages++] = (struct dockerfile_stage){ .from = *in };
	} else if (st) {
		MEM_GROW(st->instrs, st->nr, st->cap);
		st->instrs[st->nr++] = *in;
	} else if (in->kind == DOCKERFILE_ARG) {
		MEM_GROW(df->global_args, df->nr_global_args, df->cap_global_args);
		df->global_args[df->nr_global_args++] = *in;
	} else {
		return err_set(e, ERR_INPUT, "no build stage in current context: %s before FROM",
			       dockerfile_kind_name(in->kind));
	}
	*in = (struct dockerfile_instr){ 0 };
	return 0;
}

static int parse_whole_line(struct parser *p, struct dockerfile *df, const struct lex_line *line,
			    struct err *e)
{
	struct dockerfile_instr in = { .line = line->number };
	int r;

	if (line->doc.n)
		in.doc = span_dup(line->doc);
	buf_reset(&p->bodies);
	p->line = line->text;
	r = parse_instr(p, &in, span_rtrim(line->text), e);
	in.last_line = p->lx->line;
	if (r == 0)
		r = add_instr(df, &in, e);
	dockerfile_instr_release(&in);
	if (r < 0)
		message_excerpt(e, df, line->number, p->lx->line, buf_str(&p->mark));
	return r < 0 ? err_wrap(e, "%s:%u", df->file, line->number) : 0;
}

static int check_whole(const struct dockerfile *df, const char *file, struct err *e)
{
	if (df->nr_stages)
		return 0;
	return message_wrong(e, file, 0, "%s",
			     df->nr_global_args ? "no FROM: no stage to build"
						: "file with no instructions");
}

static char *dup_given(struct span value)
{
	return value.n ? span_dup(value) : NULL;
}

static int parse_lines(struct dockerfile *df, struct lex *lx, struct err *e)
{
	struct parser p = { .lx = lx,
			    .escape = df->escape,
			    .bodies = BUF_INIT(2 * DOCKERFILE_MAX),
			    .mark = BUF_INIT(BUF_SMALL) };
	struct lex_line line;
	int r = 0;

	while (r == 0 && lex_next(lx, &line))
		r = parse_whole_line(&p, df, &line, e);
	buf_release(&p.bodies);
	buf_release(&p.mark);
	return r;
}

int dockerfile_too_long(const char *file, struct span begin, struct err *e)
{
	unsigned line = 1;

	for (size_t i = 0; i < begin.n; i++)
		line += begin.p[i] == '\n';
	message_wrong(e, file, line,
		      "more than %u bytes, which end in this line: is this a Dockerfile?",
		      DOCKERFILE_MAX);
	excerpt_word(e, file, begin, line, line, span_of_str(NULL));
	return -1;
}

int dockerfile_parse(struct dockerfile **out, const char *file, struct span text, struct err *e)
{
	auto_dockerfile struct dockerfile *df = NULL;
	auto_lex struct lex lx = { 0 };

	if (!text.n)
		return message_wrong(e, file, 0, "the Dockerfile cannot be empty");
	if (text.n > DOCKERFILE_MAX)
		return dockerfile_too_long(file, span_head(text, DOCKERFILE_MAX), e);
	if (lex_open(&lx, file, text, e) < 0)
		return -1;
	df = mem_zalloc(sizeof(*df));
	df->file = mem_strdup(file);
	df->text = span_dup(text);
	df->escape = lx.directives.escape;
	df->check = dup_given(lx.directives.check);
	df->syntax = dup_given(lx.directives.syntax);
	if (parse_lines(df, &lx, e) < 0 || check_whole(df, file, e) < 0)
		return -1;
	df->empty_continuations = STEAL(&lx.empty);
	df->nr_empty = lx.nr_empty;
	df->cap_empty = lx.cap_empty;
	*out = STEAL(&df);
	return 0;
}

int dockerfile_parse_onbuild(struct dockerfile_instr *out, const struct dockerfile *df,
			     const char *trigger, struct err *e)
{
	struct parser p = { .escape = df->escape,
			    .is_trigger = true,
			    .bodies = BUF_INIT(2 * DOCKERFILE_MAX),
			    .mark = BUF_INIT(BUF_SMALL) };
	struct dockerfile_instr in = { 0 };
	struct span text = span_of_str(trigger);
	auto_lex struct lex lx = { 0 };
	struct lex_line line, behind;
	int r;

	if (text.n > DOCKERFILE_MAX)
		return err_set(e, ERR_INPUT, "an ONBUILD of more than %u bytes", DOCKERFILE_MAX);
	if (lex_open(&lx, "ONBUILD", text, e) < 0)
		return -1;
	lx.directives.escape = df->escape;
	p.lx = &lx;
	r = lex_next(&lx, &line) ? parse_instr(&p, &in, span_rtrim(line.text), e)
				 : err_set(e, ERR_INPUT, "an ONBUILD without an instruction");
	if (r == 0 && lex_next(&lx, &behind))
		r = err_set(e, ERR_INPUT,
			    "more than one instruction in an ONBUILD: '" MESSAGE_FMT "'",
			    MESSAGE_ARG(behind.text));
	buf_release(&p.bodies);
	buf_release(&p.mark);
	if (r < 0)
		dockerfile_instr_release(&in);
	else
		*out = in;
	return r;
}
