/*
 * One pass over a word, left to right, in the manner of docker's lexer: single
 * quotes keep, double quotes keep all but '$' and an escaped '"', '$' or escape
 * character, the escape character outside quotes keeps what follows it.
 *
 * What stands inside ${…} is expanded whether it is used or not, so mistakes in
 * it are found. Nothing is expanded twice: cost is length times nesting, and
 * both are bounded, as is what comes out.
 */
#include "oci/dockerfile/expand.h"

#include "base/buf.h"
#include "oci/dockerfile/message.h"
#include "oci/dockerfile/pattern.h"

#define EXPAND_DEPTH_MAX 64

struct expander {
	const char *p; /* what is left; ends in NUL */
	const struct strv *env;
	char escape;
	bool no_quotes; /* they are text */
	bool raw;	/* escapes stay, for who reads a pattern */
	bool check;	/* only whether it is well formed: nothing is too little */
	unsigned depth;
	size_t max;
	struct strv *unset; /* gets the names that are not set; NULL: nobody asks */
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

static int too_big(const struct expander *x, struct err *e)
{
	return err_set(e, ERR_INPUT, "more than %zu bytes after expansion", x->max);
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

/* As lookup; for forms that do not say themselves what is to be when it is not set. */
static const char *lookup_set(const struct expander *x, struct span name)
{
	const char *value = lookup(x, name);
	auto_free char *text = NULL;

	if (value || !x->unset || !is_name_start(*name.p))
		return value;
	text = span_dup(name);
	if (!strv_has(x->unset, text))
		strv_add(x->unset, text);
	return NULL;
}

static int expand_until(struct expander *x, char stop, struct expand_out *o, struct err *e);

/* A part of ${…}, up to and with `stop`. */
static int expand_operand(struct expander *x, char stop, bool raw, struct buf *out, struct err *e)
{
	struct expand_out o = { .text = BUF_INIT(x->max) };
	bool was_raw = x->raw;
	int r;

	if (x->depth == EXPAND_DEPTH_MAX)
		return err_set(e, ERR_INPUT, "substitutions nested more than %d deep",
			       EXPAND_DEPTH_MAX);
	x->depth++;
	x->raw = raw;
	r = expand_until(x, stop, &o, e);
	x->raw = was_raw;
	x->depth--;
	*out = o.text;
	return r;
}

/* What ${…} is about. */
struct variable {
	struct span name;
	const char *value; /* NULL: not set */
};

static const char *text_of(const struct variable *v)
{
	return v->value ? v->value : "";
}

/* ${v?message} ${v:?message} */
static int must_be_set(const struct variable *v, const struct buf *message, struct err *e)
{
	const char *why = v->value ? "is not allowed to be empty" : "is not allowed to be unset";

	return err_set(e, ERR_INPUT, MESSAGE_FMT ": %s", MESSAGE_ARG(v->name),
		       message->len ? buf_str(message) : why);
}

/* At '-', '+' or '?'; colon: empty is as unset. */
static int expand_choice(struct expander *x, const struct variable *v, bool colon,
			 struct expand_out *o, struct err *e)
{
	auto_buf struct buf word = BUF_INIT(0);
	bool is_set = v->value && (*v->value || !colon);
	char kind = *x->p++;

	if (expand_operand(x, '}', false, &word, e) < 0)
		return -1;
	if (kind == '?' && !is_set && !x->check)
		return must_be_set(v, &word, e);
	if (kind == '+')
		out_value(o, is_set ? buf_str(&word) : "");
	else
		out_value(o, is_set || kind == '?' ? text_of(v) : buf_str(&word));
	return 0;
}

static void out_span(struct expand_out *o, struct span text)
{
	auto_free char *value = span_dup(text);

	out_value(o, value);
}

/* At '#' or '%': what matches is taken off. */
static int expand_trim(struct expander *x, const struct variable *v, struct expand_out *o,
		       struct err *e)
{
	auto_buf struct buf word = BUF_INIT(0);
	auto_pattern struct pattern pattern = { 0 };
	struct span value = span_of_str(text_of(v)), text;
	char kind = *x->p++;
	bool longest;
	size_t n = 0;

	if (expand_operand(x, '}', true, &word, e) < 0)
		return -1;
	text = buf_span(&word);
	longest = span_take(&text, (const char[]){ kind, '\0' });
	if (pattern_parse(&pattern, text, e) < 0)
		return -1;
	if (kind == '#')
		out_span(o,
			 pattern_prefix(&pattern, value, longest, &n) ? span_sub(value, n) : value);
	else
		out_span(o, pattern_suffix(&pattern, value, longest, &n)
				    ? span_head(value, value.n - n)
				    : value);
	return 0;
}

/* A match of nothing right behind another match is none. */
static void replace(struct buf *out, const struct pattern *pattern, struct span value,
		    struct span by, bool all)
{
	size_t copied = 0, at = 0, n;
	bool behind_match = false;

	while (!out->over && at <= value.n && pattern_find(pattern, value, &at, &n)) {
		buf_add_span(out, span_head(span_sub(value, copied), at - copied));
		if (n || !behind_match)
			buf_add_span(out, by);
		copied = at + n;
		behind_match = n > 0;
		at = copied;
		if (!all || at >= value.n)
			break;
		if (!n) {
			size_t step = utf8_len(span_sub(value, at));

			at += step ? step : 1;
		}
	}
	buf_add_span(out, span_sub(value, copied));
}

/* At '/'. */
static int expand_replace(struct expander *x, const struct variable *v, struct expand_out *o,
			  struct err *e)
{
	auto_buf struct buf word = BUF_INIT(0), by = BUF_INIT(0), out = BUF_INIT(x->max);
	auto_pattern struct pattern pattern = { 0 };
	bool all = x->p[1] == '/';

	x->p += all ? 2 : 1;
	if (expand_operand(x, '/', true, &word, e) < 0 ||
	    expand_operand(x, '}', true, &by, e) < 0 ||
	    pattern_parse(&pattern, buf_span(&word), e) < 0)
		return -1;
	replace(&out, &pattern, span_of_str(text_of(v)), buf_span(&by), all);
	if (out.over)
		return too_big(x, e);
	out_value(o, buf_str(&out));
	return 0;
}

static int refuse_modifier(const char *p, struct err *e)
{
	bool colon = *p == ':';

	if (!p[colon])
		return err_set(e, ERR_INPUT, "syntax error: missing '}'");
	return err_set(e, ERR_INPUT, "unsupported modifier (%s%.*s) in substitution",
		       colon ? ":" : "", (int)utf8_len(span_of_str(p + colon)), p + colon);
}

/* Behind "${". */
static int expand_braces(struct expander *x, struct expand_out *o, struct err *e)
{
	struct variable v;
	bool colon;

	if (!*x->p)
		return err_set(e, ERR_INPUT, "syntax error: missing '}'");
	v.name = take_name(x);
	if (!v.name.n)
		return err_set(e, ERR_INPUT, "syntax error: bad substitution");
	v.value = *x->p && strchr("}#%/", *x->p) ? lookup_set(x, v.name) : lookup(x, v.name);
	if (*x->p == '}') {
		x->p++;
		out_value(o, text_of(&v));
		return 0;
	}
	if (*x->p == '#' || *x->p == '%')
		return expand_trim(x, &v, o, e);
	if (*x->p == '/')
		return expand_replace(x, &v, o, e);
	colon = *x->p == ':';
	if (!x->p[colon] || !strchr("-+?", x->p[colon]))
		return refuse_modifier(x->p, e);
	x->p += colon;
	return expand_choice(x, &v, colon, o, e);
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
	value = lookup_set(x, name);
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

			if (*x->p == x->escape &&
			    (next == '"' || next == '$' || next == x->escape)) {
				if (x->raw)
					buf_add_char(&o.text, x->escape);
				x->p++;
			}
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
	if (x->raw)
		buf_add_char(&o->text, x->escape);
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
		else if (*x->p == '\'' && !x->no_quotes)
			r = take_single_quoted(x, &o->text, e);
		else if (*x->p == '"' && !x->no_quotes)
			r = expand_double_quoted(x, &o->text, e);
		else
			take_plain(x, o);
		if (r < 0)
			return -1;
		if (o->text.over || o->listed > x->max)
			return too_big(x, e);
	}
	if (!stop)
		return 0;
	if (!*x->p)
		return err_set(e, ERR_INPUT,
			       stop == '/' ? "syntax error: missing '/' in ${}"
					   : "syntax error: missing '}'");
	x->p++;
	return 0;
}

/* All of word; o is released by the caller. */
static int expand_all(struct expander *x, const char *word, struct expand_out *o, struct err *e)
{
	o->text = BUF_INIT(x->max);
	x->p = word;
	/* also bounds the work: a word may hold many names that are all unset */
	if (strnlen(word, x->max + 1) > x->max)
		return err_set(e, ERR_INPUT, "a word of more than %zu bytes", x->max);
	if (expand_until(x, '\0', o, e) == 0)
		return 0;
	if (x->no_quotes)
		return err_wrap(e, "failed to process a heredoc");
	return err_wrap(e, "failed to process '" MESSAGE_FMT "'", MESSAGE_ARG(span_of_str(word)));
}

static int expand_text(struct expander *x, char **out, const char *word, struct err *e)
{
	struct expand_out o = { 0 };
	int r = expand_all(x, word, &o, e);

	if (r == 0 && out)
		*out = buf_steal(&o.text);
	buf_release(&o.text);
	return r;
}

int dockerfile_expand(char **out, const char *word, const struct strv *env, char escape,
		      struct err *e)
{
	struct expander x = { .env = env, .escape = escape, .max = DOCKERFILE_WORD_MAX };

	return expand_text(&x, out, word, e);
}

int dockerfile_expand_words(struct strv *out, const char *word, const struct strv *env, char escape,
			    struct err *e)
{
	struct expander x = { .env = env, .escape = escape, .max = DOCKERFILE_WORD_MAX };
	auto_strv struct strv words = STRV_INIT;
	struct expand_out o = { .list = &words };
	int r = expand_all(&x, word, &o, e);

	if (r == 0) {
		out_word_end(&o);
		strv_copy(out, &words);
	}
	buf_release(&o.text);
	return r;
}

int dockerfile_expand_body(char **out, const char *body, const struct strv *env, struct err *e)
{
	struct expander x = {
		.env = env, .escape = '\\', .no_quotes = true, .max = DOCKERFILE_BODY_MAX
	};

	return expand_text(&x, out, body, e);
}

static const struct strv nothing = STRV_INIT;

int dockerfile_expand_check(const char *word, char escape, struct err *e)
{
	struct expander x = {
		.env = &nothing, .escape = escape, .check = true, .max = DOCKERFILE_WORD_MAX
	};

	return expand_text(&x, NULL, word, e);
}

int dockerfile_expand_body_check(const char *body, struct err *e)
{
	struct expander x = { .env = &nothing,
			      .escape = '\\',
			      .no_quotes = true,
			      .check = true,
			      .max = DOCKERFILE_BODY_MAX };

	return expand_text(&x, NULL, body, e);
}

void dockerfile_unset_names(struct strv *out, const char *word, const struct strv *env, char escape)
{
	struct expander x = { .env = env,
			      .escape = escape,
			      .check = true,
			      .max = DOCKERFILE_WORD_MAX,
			      .unset = out };
	struct err ignored = ERR_INIT;

	if (expand_text(&x, NULL, word, &ignored) < 0)
		err_clear(&ignored); /* the build will say it */
}
