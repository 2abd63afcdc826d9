/*
 * One pass over a word, left to right, in the manner of docker's lexer: single
 * quotes keep, double quotes keep all but '$' and an escaped '"', '$' or escape
 * character, the escape character outside quotes keeps what follows it.
 *
 * A default (${x:-word}) is expanded whether it is used or not, so mistakes in
 * it are found. Nothing is expanded twice: cost is length times nesting, and
 * both are bounded, as is what comes out.
 */
#include "oci/dockerfile/expand.h"

#include "base/buf.h"
#include "oci/dockerfile/message.h"

#define EXPAND_DEPTH_MAX 64

struct expander {
	const char *p; /* what is left; ends in NUL */
	const struct strv *env;
	char escape;
	unsigned depth;
};

/* Where characters go: joined in one text, or (list set) cut at unquoted blanks. */
struct expand_out {
	struct buf text;
	struct strv *list;
	size_t listed; /* bytes in list */
};

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_name_start(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static void out_word_end(struct expand_out *o)
{
	if (o->text.len)
		strv_add_span(o->list, buf_span(&o->text));
	o->listed += o->text.len;
	buf_reset(&o->text);
}

static void out_char(struct expand_out *o, char c)
{
	if (o->list && is_blank(c))
		out_word_end(o);
	else
		buf_add_char(&o->text, c);
}

static void out_value(struct expand_out *o, const char *value)
{
	if (!o->list)
		buf_add_str(&o->text, value);
	else
		for (; *value; value++)
			out_char(o, *value);
}

static int too_big(struct err *e)
{
	return err_set(e, ERR_INPUT, "a word of more than %u bytes after expansion",
		       DOCKERFILE_WORD_MAX);
}

/* A name, one of the shell's special parameters, or a run of digits; empty: none of them. */
static struct span take_name(struct expander *x)
{
	const char *start = x->p;

	if (*x->p && strchr("@*#?-$!", *x->p)) {
		x->p++;
	} else if (is_digit(*x->p)) {
		while (is_digit(*x->p))
			x->p++;
	} else if (is_name_start(*x->p)) {
		while (is_name_start(*x->p) || is_digit(*x->p))
			x->p++;
	}
	return span_of(start, (size_t)(x->p - start));
}

/* NULL: not set. Compares in place: names come by the thousand. */
static const char *lookup(const struct expander *x, struct span name)
{
	for (size_t i = 0; i < x->env->n; i++) {
		const char *entry = x->env->v[i];

		if (strncmp(entry, name.p, name.n) == 0 && entry[name.n] == '=')
			return entry + name.n + 1;
	}
	return NULL;
}

static int expand_until(struct expander *x, char stop, struct expand_out *o, struct err *e);

/* The word of ${name:-word}, up to and with its brace. */
static int expand_default(struct expander *x, struct buf *out, struct err *e)
{
	struct expand_out o = { .text = BUF_INIT(DOCKERFILE_WORD_MAX) };
	int r;

	if (x->depth == EXPAND_DEPTH_MAX)
		return err_set(e, ERR_INPUT, "substitutions nested more than %d deep",
			       EXPAND_DEPTH_MAX);
	x->depth++;
	r = expand_until(x, '}', &o, e);
	x->depth--;
	*out = o.text;
	return r;
}

/* Says which form this is that we do not carry out, or that it is none at all. */
static int refuse_modifier(const char *p, struct span name, struct err *e)
{
	bool colon = *p == ':';
	char c = p[colon];

	if (!c)
		return err_set(e, ERR_INPUT, "syntax error: missing '}'");
	if (c == '+' || c == '?' || (!colon && strchr("-#%/", c)))
		return err_set(e, ERR_INPUT,
			       "the form ${" MESSAGE_FMT "%s%c…} is not supported by this version",
			       MESSAGE_ARG(name), colon ? ":" : "", c);
	return err_set(e, ERR_INPUT, "unsupported modifier (%s%c) in substitution",
		       colon ? ":" : "", c);
}

/* Behind "${". */
static int expand_braces(struct expander *x, struct expand_out *o, struct err *e)
{
	auto_buf struct buf dflt = BUF_INIT(0);
	struct span name;
	const char *value;

	if (!*x->p)
		return err_set(e, ERR_INPUT, "syntax error: missing '}'");
	name = take_name(x);
	if (!name.n)
		return err_set(e, ERR_INPUT, "syntax error: bad substitution");
	value = lookup(x, name);
	if (*x->p == '}') {
		x->p++;
		out_value(o, value ? value : "");
		return 0;
	}
	if (x->p[0] != ':' || x->p[1] != '-')
		return refuse_modifier(x->p, name, e);
	x->p += 2;
	if (expand_default(x, &dflt, e) < 0)
		return -1;
	out_value(o, value && *value ? value : buf_str(&dflt));
	return 0;
}

/* At a '$'. */
static int expand_dollar(struct expander *x, struct expand_out *o, struct err *e)
{
	struct span name;
	const char *value;

	x->p++;
	if (*x->p == '{') {
		x->p++;
		return expand_braces(x, o, e);
	}
	name = take_name(x);
	if (!name.n) {
		out_char(o, '$');
		return 0;
	}
	value = lookup(x, name);
	out_value(o, value ? value : "");
	return 0;
}

/* At a "'". */
static int take_single_quoted(struct expander *x, struct buf *out, struct err *e)
{
	const char *end = strchr(x->p + 1, '\'');

	if (!end)
		return err_set(e, ERR_INPUT,
			       "unexpected end of statement while looking for matching "
			       "single-quote");
	buf_add(out, x->p + 1, (size_t)(end - x->p - 1));
	x->p = end + 1;
	return 0;
}

/* At a '"'. What a variable gives in here is not split, so it goes past `list`. */
static int expand_double_quoted(struct expander *x, struct buf *out, struct err *e)
{
	struct expand_out o = { .text = *out };
	int r = 0;

	for (x->p++; r == 0 && *x->p != '"';) {
		if (!*x->p) {
			r = err_set(e, ERR_INPUT,
				    "unexpected end of statement while looking for matching "
				    "double-quote");
		} else if (*x->p == '$') {
			r = expand_dollar(x, &o, e);
		} else {
			char next = x->p[1];

			if (*x->p == x->escape && (next == '"' || next == '$' || next == x->escape))
				x->p++;
			buf_add_char(&o.text, *x->p++);
		}
	}
	*out = o.text;
	if (r == 0)
		x->p++;
	return r;
}

/* One character outside quotes that is neither quote nor '$'. */
static void take_plain(struct expander *x, struct expand_out *o)
{
	if (*x->p != x->escape) {
		out_char(o, *x->p++);
		return;
	}
	x->p++; /* at the end of a word it escapes nothing and is dropped */
	if (*x->p)
		buf_add_char(&o->text, *x->p++);
}

/* Up to the end, or up to and with `stop`. */
static int expand_until(struct expander *x, char stop, struct expand_out *o, struct err *e)
{
	while (*x->p && (!stop || *x->p != stop)) {
		int r = 0;

		if (*x->p == '$')
			r = expand_dollar(x, o, e);
		else if (*x->p == '\'')
			r = take_single_quoted(x, &o->text, e);
		else if (*x->p == '"')
			r = expand_double_quoted(x, &o->text, e);
		else
			take_plain(x, o);
		if (r < 0)
			return -1;
		if (o->text.over || o->listed > DOCKERFILE_WORD_MAX)
			return too_big(e);
	}
	if (!stop)
		return 0;
	if (!*x->p)
		return err_set(e, ERR_INPUT, "syntax error: missing '}'");
	x->p++;
	return 0;
}

int dockerfile_expand(char **out, const char *word, const struct strv *env, char escape,
		      struct err *e)
{
	struct expander x = { .p = word, .env = env, .escape = escape };
	struct expand_out o = { .text = BUF_INIT(DOCKERFILE_WORD_MAX) };
	int r;

	/* also bounds the work: a word may hold many names that are all unset */
	if (strnlen(word, DOCKERFILE_WORD_MAX + 1) > DOCKERFILE_WORD_MAX)
		return err_set(e, ERR_INPUT, "a word of more than %u bytes", DOCKERFILE_WORD_MAX);
	r = expand_until(&x, '\0', &o, e);
	if (r == 0)
		*out = buf_steal(&o.text);
	buf_release(&o.text);
	return r;
}

int dockerfile_expand_words(struct strv *out, const char *word, const struct strv *env, char escape,
			    struct err *e)
{
	struct expander x = { .p = word, .env = env, .escape = escape };
	auto_strv struct strv words = STRV_INIT;
	struct expand_out o = { .text = BUF_INIT(DOCKERFILE_WORD_MAX), .list = &words };
	int r;

	if (strnlen(word, DOCKERFILE_WORD_MAX + 1) > DOCKERFILE_WORD_MAX)
		return err_set(e, ERR_INPUT, "a word of more than %u bytes", DOCKERFILE_WORD_MAX);
	r = expand_until(&x, '\0', &o, e);
	if (r == 0) {
		out_word_end(&o);
		strv_copy(out, &words);
	}
	buf_release(&o.text);
	return r;
}
