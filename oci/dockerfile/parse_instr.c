/*
 * The instructions that are only words, one function for each way in which those stand in a line.
 */
#include "base/mem.h"
#include "oci/dockerfile/expand.h"
#include "oci/dockerfile/message.h"
#include "oci/dockerfile/parse.h"
#include "oci/dockerfile/parser.h"
#include "oci/dockerfile/words.h"

/* CMD ENTRYPOINT: the exec form, or a text for the shell. */
int parse_command(struct parser *p, struct dockerfile_instr *in, struct span rest, struct err *e)
{
	int json = words_from_json(&in->words, rest, e);

	(void)p;
	if (json < 0)
		return -1;
	in->exec_form = json == 1;
	if (in->exec_form)
		return 0; /* CMD [] and ENTRYPOINT [] take back what the base says */
	if (rest.n)
		strv_add_span(&in->words, rest);
	return parse_need_some(in, e);
}

/* "KEY rest of the line": the form without '=', one pair a line. */
static int parse_legacy_pair(struct dockerfile_instr *in, struct span rest, struct err *e)
{
	struct span key, value;

	if (!span_word(&rest, &key) || !(value = span_trim(rest)).n)
		return err_set(e, ERR_INPUT, "%s must have two arguments",
			       dockerfile_kind_name(in->kind));
	in->legacy_pair = true;
	strv_add_span(&in->words, key);
	strv_add_span(&in->words, value);
	return 0;
}

/* ENV LABEL */
int parse_pairs(struct parser *p, struct dockerfile_instr *in, struct span rest, struct err *e)
{
	const char *kind = dockerfile_kind_name(in->kind);
	auto_strv struct strv words = STRV_INIT;
	struct span key, value;

	words_split_quoted(&words, rest, p->escape);
	if (words.n && !strchr(words.v[0], '='))
		return parse_legacy_pair(in, rest, e);
	for (size_t i = 0; i < words.n; i++) {
		struct span word = span_of_str(words.v[i]);

		parse_mark(p, word);
		if (!span_cut(word, '=', &key, &value))
			return err_set(e, ERR_INPUT,
				       "Syntax error - can't find = in \"" MESSAGE_FMT
				       "\". Must be of the form: name=value",
				       MESSAGE_ARG(word));
		if (!key.n)
			return err_set(e, ERR_INPUT, "%s names can not be blank", kind);
		strv_add_span(&in->words, key);
		strv_add_span(&in->words, value);
	}
	return parse_need_some(in, e);
}

int parse_arg(struct parser *p, struct dockerfile_instr *in, struct span rest, struct err *e)
{
	words_split_quoted(&in->words, rest, p->escape);
	for (size_t i = 0; i < in->words.n; i++) {
		if (in->words.v[i][0] != '=')
			continue;
		parse_mark(p, span_of_str(in->words.v[i]));
		return err_set(e, ERR_INPUT, "ARG names can not be blank");
	}
	return parse_need_some(in, e);
}

/* MAINTAINER STOPSIGNAL USER WORKDIR */
int parse_line(struct parser *p, struct dockerfile_instr *in, struct span rest, struct err *e)
{
	(void)p;
	if (!rest.n)
		return err_set(e, ERR_INPUT, "%s requires exactly one argument",
			       dockerfile_kind_name(in->kind));
	strv_add_span(&in->words, rest);
	return 0;
}

int parse_stopsignal(struct parser *p, struct dockerfile_instr *in, struct span rest, struct err *e)
{
	static const struct strv nothing = STRV_INIT;
	auto_free char *signal = NULL;

	if (parse_line(p, in, rest, e) < 0)
		return -1;
	if (strchr(in->words.v[0], '$'))
		return 0; /* known only when the stage is built */
	if (dockerfile_expand(&signal, in->words.v[0], &nothing, p->escape, e) < 0)
		return -1;
	parse_mark(p, rest);
	if (!dockerfile_signal_valid(signal))
		return err_set(e, ERR_INPUT, "invalid signal: " MESSAGE_FMT,
			       MESSAGE_ARG(span_of_str(signal)));
	return 0;
}

int parse_expose(struct parser *p, struct dockerfile_instr *in, struct span rest, struct err *e)
{
	(void)p;
	words_split(&in->words, rest);
	strv_sort(&in->words);
	return parse_need_some(in, e);
}

int parse_volume(struct parser *p, struct dockerfile_instr *in, struct span rest, struct err *e)
{
	auto_strv struct strv words = STRV_INIT;
	int json = words_from_json(&words, rest, e);

	(void)p;
	if (json < 0)
		return -1;
	in->exec_form = json == 1;
	if (!json)
		words_split(&words, rest);
	for (size_t i = 0; i < words.n; i++) {
		struct span path = span_trim(span_of_str(words.v[i]));

		if (!path.n)
			return err_set(e, ERR_INPUT, "VOLUME specified can not be an empty string");
		strv_add_span(&in->words, path);
	}
	return parse_need_some(in, e);
}

int parse_shell(struct parser *p, struct dockerfile_instr *in, struct span rest, struct err *e)
{
	int json = words_from_json(&in->words, rest, e);

	(void)p;
	if (json < 0)
		return -1;
	if (!json && rest.n)
		return err_set(e, ERR_INPUT, "SHELL requires the arguments to be in JSON form");
	in->exec_form = true;
	return parse_need_some(in, e);
}

static int parse_health_command(struct dockerfile_instr *in, struct span rest, struct err *e)
{
	int json = words_from_json(&in->words, rest, e);

	if (json < 0)
		return -1;
	in->exec_form = json == 1;
	if (!json && rest.n)
		strv_add_span(&in->words, rest);
	if (!in->words.n)
		return err_set(e, ERR_INPUT, "Missing command after HEALTHCHECK CMD");
	return 0;
}

int parse_healthcheck(struct parser *p, struct dockerfile_instr *in, struct span rest,
		      struct err *e)
{
	struct span type;

	if (!span_word(&rest, &type))
		return parse_need_some(in, e);
	rest = span_trim(rest);
	if (span_eq_nocase(type, "CMD"))
		return parse_health_command(in, rest, e);
	parse_mark(p, type);
	if (!span_eq_nocase(type, "NONE"))
		return err_set(e, ERR_INPUT,
			       "Unknown type \"" MESSAGE_FMT "\" in HEALTHCHECK (try CMD)",
			       MESSAGE_ARG(type));
	if (rest.n)
		return err_set(e, ERR_INPUT, "HEALTHCHECK NONE takes no arguments");
	in->health = (struct dockerfile_health){ .none = true };
	return 0;
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

int parse_from(struct parser *p, struct dockerfile_instr *in, struct span rest, struct err *e)
{
	struct strv *w = &in->words;

	words_split(w, rest);
	if (w->n != 1 && (w->n != 3 || !span_eq_nocase(span_of_str(w->v[1]), "as")))
		return err_set(e, ERR_INPUT, "FROM requires either one or three arguments");
	if (w->n == 1)
		return 0;
	in->as_keyword = mem_strdup(w->v[1]);
	in->raw_name = mem_strdup(w->v[2]);
	in->name = mem_strdup(w->v[2]);
	parse_mark(p, span_of_str(in->raw_name));
	if (!lower_stage_name(in->name))
		return err_set(e, ERR_INPUT,
			       "invalid name for build stage: \"" MESSAGE_FMT
			       "\", name can't start with a number or contain symbols",
			       MESSAGE_ARG(span_of_str(in->raw_name)));
	strv_remove(w, 2);
	strv_remove(w, 1);
	return 0;
}

/* The trigger is read now, to find what is wrong in it, and kept as text. */
int parse_onbuild(struct parser *p, struct dockerfile_instr *in, struct span rest, struct err *e)
{
	auto_buf struct buf text = BUF_INIT(3 * DOCKERFILE_MAX);
	struct dockerfile_instr trigger = { 0 };
	int r;

	if (!rest.n)
		return parse_need_some(in, e);
	p->is_trigger = true;
	r = parse_instr(p, &trigger, rest, e);
	p->is_trigger = false;
	dockerfile_instr_release(&trigger);
	if (r < 0)
		return -1;
	/* docker keeps the blanks at its end, too */
	buf_add_span(&text, span_sub(p->line, (size_t)(rest.p - p->line.p)));
	buf_add_span(&text, buf_span(&p->bodies));
	strv_add_span(&in->words, buf_span(&text));
	return 0;
}
