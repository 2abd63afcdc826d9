/*
 * Logical lines to instructions. A table says for each instruction which flags
 * it knows and which function reads the rest of its line. What docker knows and
 * this program does not carry out yet is in the tables too, so that the message
 * is about that and not about a slip of the fingers.
 *
 * Words are expanded once here with nothing set, only to find what is wrong in
 * them: no instruction starts running before the last one was read.
 */
#include "oci/dockerfile/parse.h"

#include "base/mem.h"
#include "oci/dockerfile/expand.h"
#include "oci/dockerfile/lex.h"
#include "oci/dockerfile/message.h"
#include "oci/dockerfile/words.h"

struct parser {
	struct dockerfile *df;
	unsigned line;
	size_t nr_words; /* of all instructions, each counting as one, too */
};

struct flag_rule {
	const char *name;
	size_t field; /* of a char * in struct dockerfile_instr; 0: known, not carried out */
};

struct instr_rule {
	const char *name;
	enum dockerfile_kind kind;
	int (*parse)(struct parser *p, struct dockerfile_instr *in, struct span rest,
		     struct err *e); /* NULL: known, not carried out */
	const struct flag_rule *flags;
};

#define FLAG(name, member)                                                                         \
	{                                                                                          \
		name, offsetof(struct dockerfile_instr, member)                                    \
	}
#define FLAG_LATER(name)                                                                           \
	{                                                                                          \
		name, 0                                                                            \
	}

static int need_some(const struct dockerfile_instr *in, struct err *e)
{
	if (in->words.n)
		return 0;
	return err_set(e, ERR_INPUT, "%s requires at least one argument",
		       dockerfile_kind_name(in->kind));
}

/* Heredoc bodies would be read as instructions, so this cannot be left to the shell. */
static int refuse_heredoc(const struct parser *p, const struct dockerfile_instr *in,
			  struct span rest, struct err *e)
{
	struct span word;

	if (!words_find_heredoc(rest, p->df->escape, &word))
		return 0;
	return err_set(e, ERR_INPUT,
		       "%s with a heredoc ('" MESSAGE_FMT "') is not supported by this version",
		       dockerfile_kind_name(in->kind), MESSAGE_ARG(word));
}

/* RUN CMD ENTRYPOINT: the exec form, or a text for the shell. */
static int parse_command(struct parser *p, struct dockerfile_instr *in, struct span rest,
			 struct err *e)
{
	int json = words_from_json(&in->words, rest, e);

	if (json < 0)
		return -1;
	in->exec_form = json == 1;
	if (in->exec_form && (in->kind != DOCKERFILE_RUN || in->words.n))
		return 0; /* CMD [] and ENTRYPOINT [] take back what the base says */
	if (!in->exec_form && rest.n)
		strv_add_span(&in->words, rest);
	if (need_some(in, e) < 0)
		return -1;
	return in->kind == DOCKERFILE_RUN ? refuse_heredoc(p, in, rest, e) : 0;
}

/* "KEY rest of the line": the form without '=', one pair a line. */
static int parse_legacy_pair(struct dockerfile_instr *in, struct span rest, struct err *e)
{
	struct span key, value;

	if (!span_word(&rest, &key) || !(value = span_trim(rest)).n)
		return err_set(e, ERR_INPUT, "%s must have two arguments",
			       dockerfile_kind_name(in->kind));
	strv_add_span(&in->words, key);
	strv_add_span(&in->words, value);
	return 0;
}

/* ENV LABEL */
static int parse_pairs(struct parser *p, struct dockerfile_instr *in, struct span rest,
		       struct err *e)
{
	const char *kind = dockerfile_kind_name(in->kind);
	auto_strv struct strv words = STRV_INIT;
	struct span key, value;

	words_split_quoted(&words, rest, p->df->escape);
	if (words.n && !strchr(words.v[0], '='))
		return parse_legacy_pair(in, rest, e);
	for (size_t i = 0; i < words.n; i++) {
		struct span word = span_of_str(words.v[i]);

		if (!span_cut(word, '=', &key, &value))
			return err_set(e, ERR_INPUT,
				       "can't find = in '" MESSAGE_FMT
				       "', must be of the form: name=value",
				       MESSAGE_ARG(word));
		if (!key.n)
			return err_set(e, ERR_INPUT, "%s names can not be blank", kind);
		strv_add_span(&in->words, key);
		strv_add_span(&in->words, value);
	}
	return need_some(in, e);
}

static int parse_arg(struct parser *p, struct dockerfile_instr *in, struct span rest, struct err *e)
{
	words_split_quoted(&in->words, rest, p->df->escape);
	for (size_t i = 0; i < in->words.n; i++)
		if (in->words.v[i][0] == '=')
			return err_set(e, ERR_INPUT, "ARG names can not be blank");
	return need_some(in, e);
}

/* USER WORKDIR */
static int parse_line_word(struct parser *p, struct dockerfile_instr *in, struct span rest,
			   struct err *e)
{
	(void)p;
	if (!rest.n)
		return err_set(e, ERR_INPUT, "%s requires exactly one argument",
			       dockerfile_kind_name(in->kind));
	strv_add_span(&in->words, rest);
	return 0;
}

static int parse_expose(struct parser *p, struct dockerfile_instr *in, struct span rest,
			struct err *e)
{
	(void)p;
	words_split(&in->words, rest);
	strv_sort(&in->words);
	return need_some(in, e);
}

/* [a-z][a-z0-9-_.]* once lower-cased, which *name is afterwards. */
static bool lower_stage_name(char *name)
{
	for (char *c = name; *c; c++) {
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
		if ((*c < 'a' || *c > 'z') &&
		    (c == name || ((*c < '0' || *c > '9') && !strchr("-_.", *c))))
			return false;
	}
	return true;
}

static int parse_from(struct parser *p, struct dockerfile_instr *in, struct span rest,
		      struct err *e)
{
	struct strv *w = &in->words;
	struct span name;

	(void)p;
	words_split(w, rest);
	if (w->n != 1 && (w->n != 3 || !span_eq_nocase(span_of_str(w->v[1]), "as")))
		return err_set(e, ERR_INPUT, "FROM requires either one or three arguments");
	if (w->n == 1)
		return 0;
	name = span_of_str(w->v[2]);
	in->name = span_dup(name);
	if (!lower_stage_name(in->name))
		return err_set(e, ERR_INPUT,
			       "invalid name for build stage: '" MESSAGE_FMT
			       "', name can't start with a number or contain symbols",
			       MESSAGE_ARG(name));
	if (strcmp(in->name, "scratch") == 0)
		return err_set(e, ERR_INPUT,
			       "a build stage cannot be named 'scratch': that name "
			       "is the empty image");
	strv_remove(w, 2);
	strv_remove(w, 1);
	return 0;
}

static bool names_directory(const char *dest)
{
	struct span d = span_of_str(dest);

	return span_ends(d, "/") || span_ends(d, "/.") || span_ends(d, "/..") ||
	       span_eq_str(d, ".") || span_eq_str(d, "..");
}

/* One with a variable in it is known only when its stage is built. */
static int check_destination(const struct parser *p, const struct strv *words, struct err *e)
{
	static const struct strv nothing = STRV_INIT;
	const char *last = words->v[words->n - 1];
	auto_free char *dest = NULL;

	if (words->n == 2 || strchr(last, '$'))
		return 0;
	if (dockerfile_expand(&dest, last, &nothing, p->df->escape, e) < 0)
		return -1;
	if (names_directory(dest))
		return 0;
	return err_set(e, ERR_INPUT,
		       "COPY of several sources: the destination '" MESSAGE_FMT
		       "' must be a directory and end with /",
		       MESSAGE_ARG(span_of_str(dest)));
}

static int parse_copy(struct parser *p, struct dockerfile_instr *in, struct span rest,
		      struct err *e)
{
	int json = words_from_json(&in->words, rest, e);

	if (json < 0)
		return -1;
	if (!json) {
		if (refuse_heredoc(p, in, rest, e) < 0)
			return -1;
		words_split(&in->words, rest);
	}
	if (in->words.n < 2)
		return err_set(e, ERR_INPUT, "COPY requires at least two arguments%s",
			       in->words.n ? ", but only one was provided. Destination could not "
					     "be determined"
					   : "");
	if (in->from && strchr(in->from, '$'))
		return err_set(e, ERR_INPUT,
			       "variable expansion is not supported for --from, define a new stage "
			       "with FROM using ARG from global scope as a workaround");
	return check_destination(p, &in->words, e);
}

static const struct flag_rule no_flags[] = { { 0 } };
static const struct flag_rule copy_flags[] = {
	FLAG("chmod", chmod),
	FLAG("chown", chown),
	FLAG("from", from),
	FLAG_LATER("exclude"),
	FLAG_LATER("link"),
	FLAG_LATER("parents"),
	{ 0 },
};
static const struct flag_rule from_flags[] = { FLAG("platform", platform), { 0 } };
static const struct flag_rule run_flags[] = {
	FLAG_LATER("device"),
	FLAG_LATER("mount"),
	FLAG_LATER("network"),
	FLAG_LATER("security"),
	{ 0 },
};

static const struct instr_rule rules[] = {
	{ "ADD", 0, NULL, NULL },
	{ "ARG", DOCKERFILE_ARG, parse_arg, no_flags },
	{ "CMD", DOCKERFILE_CMD, parse_command, no_flags },
	{ "COPY", DOCKERFILE_COPY, parse_copy, copy_flags },
	{ "ENTRYPOINT", DOCKERFILE_ENTRYPOINT, parse_command, no_flags },
	{ "ENV", DOCKERFILE_ENV, parse_pairs, no_flags },
	{ "EXPOSE", DOCKERFILE_EXPOSE, parse_expose, no_flags },
	{ "FROM", DOCKERFILE_FROM, parse_from, from_flags },
	{ "HEALTHCHECK", 0, NULL, NULL },
	{ "LABEL", DOCKERFILE_LABEL, parse_pairs, no_flags },
	{ "MAINTAINER", 0, NULL, NULL },
	{ "ONBUILD", 0, NULL, NULL },
	{ "RUN", DOCKERFILE_RUN, parse_command, run_flags },
	{ "SHELL", 0, NULL, NULL },
	{ "STOPSIGNAL", 0, NULL, NULL },
	{ "USER", DOCKERFILE_USER, parse_line_word, no_flags },
	{ "VOLUME", 0, NULL, NULL },
	{ "WORKDIR", DOCKERFILE_WORKDIR, parse_line_word, no_flags },
};

static int find_rule(const struct instr_rule **out, struct span word, struct err *e)
{
	struct message_guess guess = { .word = word };
	char hint[MESSAGE_HINT_MAX];

	for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
		if (!span_eq_nocase(word, rules[i].name)) {
			message_guess_add(&guess, rules[i].name);
			continue;
		}
		if (!rules[i].parse)
			return err_set(e, ERR_INPUT, "%s is not supported by this version",
				       rules[i].name);
		*out = &rules[i];
		return 0;
	}
	message_guess_hint(hint, &guess);
	return err_set(e, ERR_INPUT, "unknown instruction: " MESSAGE_FMT "%s", MESSAGE_ARG(word),
		       hint);
}

static int unknown_flag(const struct instr_rule *rule, struct span name, struct err *e)
{
	struct message_guess guess = { .word = name };
	char hint[MESSAGE_HINT_MAX];

	for (const struct flag_rule *f = rule->flags; f->name; f++)
		message_guess_add(&guess, f->name);
	message_guess_hint(hint, &guess);
	return err_set(e, ERR_INPUT, "%s: unknown flag: --" MESSAGE_FMT "%s", rule->name,
		       MESSAGE_ARG(name), hint);
}

/* flag: "--name[=value]" */
static int set_flag(const struct instr_rule *rule, struct dockerfile_instr *in, struct span flag,
		    struct err *e)
{
	const struct flag_rule *f = rule->flags;
	struct span name, value;
	char **field;

	span_cut(span_sub(flag, 2), '=', &name, &value);
	while (f->name && !span_eq_str(name, f->name))
		f++;
	if (!f->name)
		return unknown_flag(rule, name, e);
	if (!f->field)
		return err_set(e, ERR_INPUT, "%s --%s is not supported by this version", rule->name,
			       f->name);
	if (!value.n)
		return err_set(e, ERR_INPUT, "missing a value on flag: --%s", f->name);
	field = (char **)(void *)((char *)in + f->field);
	if (*field)
		return err_set(e, ERR_INPUT, "duplicate flag specified: --%s", f->name);
	*field = span_dup(value);
	return 0;
}

static int parse_flags(const struct instr_rule *rule, struct dockerfile_instr *in,
		       struct span *rest, struct err *e)
{
	auto_buf struct buf flag = BUF_INIT(DOCKERFILE_MAX);
	int r;

	while ((r = words_take_flag(&flag, rest, e)) > 0)
		if (set_flag(rule, in, buf_span(&flag), e) < 0)
			return -1;
	return r;
}

static int check_word(const struct parser *p, const char *word, struct err *e)
{
	static const struct strv nothing = STRV_INIT;
	auto_free char *out = NULL;

	if (!word || dockerfile_expand(&out, word, &nothing, p->df->escape, e) == 0)
		return 0;
	return err_wrap(e, "in '" MESSAGE_FMT "'", MESSAGE_ARG(span_of_str(word)));
}

/* All that will be expanded later. */
static int check_expansions(struct parser *p, const struct dockerfile_instr *in, struct err *e)
{
	p->nr_words += in->words.n + 1;
	if (p->nr_words > WORDS_MAX)
		return err_set(e, ERR_INPUT, "more than %d words in one file", WORDS_MAX);
	if (in->kind == DOCKERFILE_RUN || in->kind == DOCKERFILE_CMD ||
	    in->kind == DOCKERFILE_ENTRYPOINT)
		return 0;
	for (size_t i = 0; i < in->words.n; i++)
		if (check_word(p, in->words.v[i], e) < 0)
			return -1;
	if (check_word(p, in->chown, e) < 0 || check_word(p, in->chmod, e) < 0)
		return -1;
	return check_word(p, in->platform, e);
}

static int parse_instr(struct parser *p, struct dockerfile_instr *in, struct span text,
		       struct err *e)
{
	struct span rest = text, word;
	const struct instr_rule *rule = NULL;

	if (!span_word(&rest, &word) || find_rule(&rule, word, e) < 0)
		return -1;
	in->kind = rule->kind;
	in->line = p->line;
	in->text = span_dup(text);
	rest = span_trim(rest);
	if (parse_flags(rule, in, &rest, e) < 0 || rule->parse(p, in, rest, e) < 0)
		return -1;
	return check_expansions(p, in, e);
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

static int parse_line(struct parser *p, const struct lex_line *line, struct err *e)
{
	struct dockerfile_instr in = { 0 };
	int r;

	p->line = line->number;
	r = parse_instr(p, &in, line->text, e);
	if (r == 0)
		r = add_instr(p->df, &in, e);
	dockerfile_instr_release(&in);
	return r < 0 ? err_wrap(e, "%s:%u", p->df->file, line->number) : 0;
}

static int check_whole(const struct dockerfile *df, const char *file, struct err *e)
{
	if (df->nr_stages)
		return 0;
	return message_wrong(e, file, 0, "%s",
			     df->nr_global_args ? "no FROM: no stage to build"
						: "file with no instructions");
}

int dockerfile_parse(struct dockerfile **out, const char *file, struct span text, struct err *e)
{
	auto_dockerfile struct dockerfile *df = NULL;
	auto_lex struct lex lx = { 0 };
	struct parser p = { 0 };
	struct lex_line line;

	if (!text.n)
		return message_wrong(e, file, 0, "the Dockerfile cannot be empty");
	if (text.n > DOCKERFILE_MAX)
		return message_wrong(e, file, 0, "more than %u bytes", DOCKERFILE_MAX);
	if (lex_open(&lx, file, text, e) < 0)
		return -1;
	df = mem_zalloc(sizeof(*df));
	df->file = mem_strdup(file);
	df->escape = lx.escape;
	p.df = df;
	while (lex_next(&lx, &line))
		if (parse_line(&p, &line, e) < 0)
			return -1;
	if (check_whole(df, file, e) < 0)
		return -1;
	*out = STEAL(&df);
	return 0;
}
