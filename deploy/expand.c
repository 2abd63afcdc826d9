/*
 * A small reader of POSIX shell words (XCU 2.2 quoting, 2.6.2 parameters, 2.6.5
 * field splitting) that stops short of everything that acts.
 *
 * One pass over the text. What comes out goes to a sink: one text, or a list of
 * words. The word of ${V:-word} is read by the same function, once more,
 * up to its '}'; where it is not wanted it is read mute.
 */
#include "deploy/expand.h"

#include <ctype.h>

#include "base/buf.h"
#include "base/mem.h"

#define NESTING_MAX 16
#define UNSET_MAX   20 /* names told of one text */

struct sink {
	struct buf *text;
	struct strv *words; /* NULL: everything is one text */
	bool has_word;	    /* text holds a word, perhaps an empty one ('') */
};

struct scan {
	struct expand *x;
	const char *p;
	bool quoting; /* quotes are balanced, so they act */
	unsigned depth, mute;
	struct sink *sink;
};

static int scan_until(struct scan *s, char stop, bool in_quotes, struct err *e);

void expand_release(struct expand *x)
{
	strv_release(&x->unset);
	strv_release(&x->used);
}

/* -- output ------------------------------------------------------------------- */

static void end_word(struct sink *sink)
{
	if (!sink->words || !sink->has_word)
		return;
	strv_add(sink->words, buf_str(sink->text));
	buf_reset(sink->text);
	sink->has_word = false;
}

static void put(struct scan *s, char c, bool in_quotes)
{
	struct sink *sink = s->sink;

	if (s->mute)
		return;
	if (sink->words && !in_quotes && (c == ' ' || c == '\t' || c == '\n')) {
		end_word(sink);
		return;
	}
	if (++s->x->made > DEPLOY_EXPAND_MAX)
		return;
	buf_add_char(sink->text, c);
	sink->has_word = true;
}

static void put_text(struct scan *s, const char *text, bool in_quotes)
{
	for (; *text && s->x->made <= DEPLOY_EXPAND_MAX; text++)
		put(s, *text, in_quotes);
}

static void note_literal(struct scan *s, const char *at, size_t n)
{
	if (!s->mute && s->x->grammar == EXPAND_SHELL && !s->x->literal[0])
		memcpy(s->x->literal, at, n); /* n <= 2, the rest is zero */
}

/* -- $NAME and ${NAME…} ------------------------------------------------------- */

static bool is_name_start(char c)
{
	return c == '_' || isalpha((unsigned char)c);
}

static struct span take_name(const char **p)
{
	const char *start = *p;

	while (**p == '_' || isalnum((unsigned char)**p))
		(*p)++;
	return span_of(start, (size_t)(*p - start));
}

static const char *look_up(struct scan *s, const char *name)
{
	const char *value = s->x->env ? strv_env_get(s->x->env, name) : NULL;

	if (value && *value && !strv_has(&s->x->used, name))
		strv_add(&s->x->used, name);
	return value;
}

static void put_value(struct scan *s, const char *name, bool in_quotes)
{
	const char *value = look_up(s, name);

	if (value)
		put_text(s, value, in_quotes);
	else if (!s->mute && s->x->unset.n < UNSET_MAX && !strv_has(&s->x->unset, name))
		strv_add(&s->x->unset, name);
}

/* Reads the word up to '}' and over it; says nothing of it when it is not wanted. */
static int take_word(struct scan *s, bool wanted, bool in_quotes, struct err *e)
{
	int r;

	if (!wanted)
		s->mute++;
	s->depth++;
	r = s->depth > NESTING_MAX
		    ? err_set(e, ERR_INPUT, "'${' nested deeper than %d", NESTING_MAX)
		    : scan_until(s, '}', in_quotes, e);
	s->depth--;
	if (!wanted)
		s->mute--;
	return r;
}

static int require(struct scan *s, const char *name, struct err *e)
{
	auto_buf struct buf text = BUF_INIT(ERR_TEXT_MAX);
	struct sink said = { .text = &text };
	struct sink *before = s->sink;
	int r;

	s->sink = &said;
	r = take_word(s, true, true, e);
	s->sink = before;
	if (r < 0)
		return -1;
	return err_set(e, ERR_INPUT, "variable '%s': %s", name,
		       text.len ? buf_str(&text) : "not set, and the file requires it");
}

/* ${PASSWORD:hunter2} is a slip of the pen: what stands behind the form's signs is not told. */
static int unknown_form(struct scan *s, const char *name, struct err *e)
{
	size_t signs = 0;

	if (!*s->p || !strchr(s->p, '}'))
		return err_set(e, ERR_INPUT, "'${' without '}'");
	while (signs < 2 && ispunct((unsigned char)s->p[signs]) && s->p[signs] != '}')
		signs++;
	return err_set(e, ERR_INPUT, "'${%.60s%.*s…}' is not a form of ${VAR} that is understood",
		       name, (int)signs, s->p);
}

/* At "${" with a name behind it. */
static int take_braces(struct scan *s, bool in_quotes, struct err *e)
{
	auto_free char *name = NULL;
	const char *value;
	bool colon, has_value;
	char form;

	s->p += 2;
	name = span_dup(take_name(&s->p));
	if (*s->p == '}') {
		s->p++;
		put_value(s, name, in_quotes);
		return 0;
	}
	colon = *s->p == ':';
	form = s->p[colon];
	if (!form || !strchr("-?+", form))
		return unknown_form(s, name, e);
	s->p += colon + 1;
	value = look_up(s, name);
	has_value = value && !(colon && !*value);
	if (form == '?' && !has_value && !s->mute)
		return require(s, name, e);
	if (form != '+' && has_value)
		put_text(s, value, in_quotes);
	return take_word(s, form == '+' ? has_value : !has_value && form == '-', in_quotes, e);
}

/* compose: "$$" is one; what would be a form that it does not know is no text either. */
static int take_lone_dollar(struct scan *s, struct err *e)
{
	if (s->p[1] != '$')
		return err_set(e, ERR_INPUT,
			       "'$' begins no variable here; for the character write '$$'");
	put(s, '$', true);
	s->p += 2;
	return 0;
}

static int take_dollar(struct scan *s, bool in_quotes, struct err *e)
{
	char next = s->p[1];

	if (s->x->grammar == EXPAND_QUOTES) {
		put(s, *s->p++, in_quotes);
		return 0;
	}
	if (next == '{' && is_name_start(s->p[2]))
		return take_braces(s, in_quotes, e);
	if (is_name_start(next)) {
		auto_free char *name = NULL;

		s->p++;
		name = span_dup(take_name(&s->p));
		put_value(s, name, in_quotes);
		return 0;
	}
	if (s->x->grammar == EXPAND_COMPOSE)
		return take_lone_dollar(s, e);
	if (next == '{') {
		s->p += 2;
		return unknown_form(s, "", e);
	}
	/* $(command), $1, $$ and the like mean something to a shell, "$ " does not */
	if (next && (strchr("(@*#?!-$", next) || isdigit((unsigned char)next)))
		note_literal(s, s->p, 2);
	if (next == '$') /* the second begins nothing */
		put(s, *s->p++, in_quotes);
	put(s, *s->p++, in_quotes);
	return 0;
}

/* -- quotes ------------------------------------------------------------------- */

static bool quotes_balance(const char *p)
{
	char open = '\0';

	for (; *p; p++) {
		if (*p == '\\' && open != '\'') {
			if (!*++p)
				return false;
		} else if (*p == open) {
			open = '\0';
		} else if (!open && (*p == '\'' || *p == '"')) {
			open = *p;
		}
	}
	return !open;
}

static void take_single_quoted(struct scan *s)
{
	const char *end = strchr(s->p + 1, '\'');

	if (!end) {
		put(s, *s->p++, true);
		return;
	}
	s->sink->has_word |= !s->mute;
	for (s->p++; s->p < end; s->p++)
		put(s, *s->p, true);
	s->p++;
}

/* In "…" a backslash acts only before what would act itself. A backslash before a
 * newline joins the lines. */
static void take_backslash(struct scan *s, bool in_quotes)
{
	char next = s->p[1];

	if (!next || (in_quotes && !strchr("$`\"\\\n", next))) {
		put(s, *s->p++, true);
		return;
	}
	if (next != '\n')
		put(s, next, true);
	s->p += 2;
}

/* A quote or backslash that acts; false: it is a character like others. */
static bool take_quoting(struct scan *s, bool *quoted)
{
	if (!s->quoting)
		return false;
	if (*s->p == '\\') {
		take_backslash(s, *quoted);
	} else if (*s->p == '\'' && !*quoted) {
		take_single_quoted(s);
	} else if (*s->p == '"') {
		*quoted = !*quoted;
		s->sink->has_word |= !s->mute;
		s->p++;
	} else {
		return false;
	}
	return true;
}

static void take_plain(struct scan *s, bool quoted)
{
	char c = *s->p;

	if (c == '`' || (!quoted && strchr(";&|<>()", c)))
		note_literal(s, s->p, s->p[1] == c && strchr("&|<>", c) ? 2 : 1);
	put(s, c, quoted);
	s->p++;
}

/* Reads to the end of the text (stop 0) or over the stop character. */
static int scan_until(struct scan *s, char stop, bool in_quotes, struct err *e)
{
	bool quoted = in_quotes;

	while (*s->p) {
		if (stop && *s->p == stop && quoted == in_quotes) {
			s->p++;
			return 0;
		}
		if (*s->p == '$') {
			if (take_dollar(s, quoted, e) < 0)
				return -1;
		} else if (!take_quoting(s, &quoted)) {
			take_plain(s, quoted);
		}
	}
	return stop ? err_set(e, ERR_INPUT, "'${' without '%c'", stop) : 0;
}

/* -- doors -------------------------------------------------------------------- */

static int scan_all(struct sink *sink, struct expand *x, const char *text, struct err *e)
{
	bool quoting = x->grammar != EXPAND_COMPOSE && quotes_balance(text);
	struct scan s = { .x = x, .p = text, .quoting = quoting, .sink = sink };

	if (scan_until(&s, '\0', false, e) < 0)
		return -1;
	if (x->made > DEPLOY_EXPAND_MAX)
		return err_set(e, ERR_INPUT, "variables make the file larger than %u bytes",
			       DEPLOY_EXPAND_MAX);
	end_word(sink);
	return 0;
}

int expand_text(char **out, struct expand *x, const char *text, struct err *e)
{
	auto_buf struct buf made = BUF_INIT(DEPLOY_EXPAND_MAX);
	struct sink sink = { .text = &made };

	if (scan_all(&sink, x, text, e) < 0)
		return -1;
	*out = mem_strdup(buf_str(&made));
	return 0;
}

int expand_words(struct strv *out, struct expand *x, const char *text, struct err *e)
{
	auto_buf struct buf word = BUF_INIT(DEPLOY_EXPAND_MAX);
	auto_strv struct strv words = STRV_INIT;
	struct sink sink = { .text = &word, .words = &words };

	if (scan_all(&sink, x, text, e) < 0)
		return -1;
	strv_copy(out, &words);
	return 0;
}
