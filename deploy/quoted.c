/*
 * A message is a sentence of ours with words of the user's in ticks; what stands around them is ours. Which of the
 * words are the user's cannot be told, for a value is put together of variables and their defaults, and taken apart at
 * colons and commas. So where a part of it is secret, a word is shown only if the excerpt shows it.
 */
#include "deploy/quoted.h"

#include <ctype.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/secret_name.h"
#include "deploy/mask.h"

#define VALUE_MIN 3 /* a shorter value is no secret, and is found anywhere; */
#define PIECE_MIN 6 /* a shorter one within words, too, and counts as a word only */

/* -- words ------------------------------------------------------------------------- */

static bool is_word_char(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* Where the first one is; NULL: it is empty, or not there. */
static const char *find(struct span text, struct span part)
{
	return part.n && text.n ? memmem(text.p, text.n, part.p, part.n) : NULL;
}

/* As a word of its own: "on" is not in "once". */
static bool has_word(struct span text, struct span word)
{
	const char *at;

	while ((at = find(text, word))) {
		size_t from = (size_t)(at - text.p), end = from + word.n;

		if (!(from && is_word_char(text.p[from - 1]) && is_word_char(word.p[0])) &&
		    !(end < text.n && is_word_char(text.p[end]) &&
		      is_word_char(word.p[word.n - 1])))
			return true;
		/* none begins before the next word */
		from++;
		while (from < text.n && is_word_char(text.p[from]) &&
		       is_word_char(text.p[from - 1]))
			from++;
		text = span_sub(text, from);
	}
	return false;
}

/* As in "a value with ': ' in it". */
static bool is_sign(struct span word)
{
	for (size_t i = 0; i < word.n; i++)
		if (is_word_char(word.p[i]))
			return false;
	return true;
}

/* -- what the user wrote -------------------------------------------------------------- */

/* A variable's value, and what may be told of it: found out when it is asked for, for there may be much of both. */
struct variable {
	struct span name, value;
	char *shown;
};

struct written {
	struct strv shown; /* all that may be told of this value */
	struct variable *variables;
	size_t nr;
	bool is_hidden; /* some of this value is not shown */
	bool has_tick;	/* so it cannot be told where a word of it ends */
};

static void written_release(struct written *w)
{
	strv_release(&w->shown);
	for (size_t i = 0; i < w->nr; i++)
		free(w->variables[i].shown);
	free(w->variables);
}

static const char *shown_of(struct variable *v)
{
	if (!v->shown)
		v->shown = names_secret(v->name) ? mem_strdup("") : mask_text(v->value);
	return v->shown;
}

static bool is_hidden(struct variable *v)
{
	return v->value.n >= VALUE_MIN && !span_eq_str(v->value, shown_of(v));
}

/* The value names it: what is told is made of both. */
static void add_named(struct written *w, struct variable *v)
{
	strv_add(&w->shown, shown_of(v));
	w->is_hidden |= is_hidden(v);
	w->has_tick |= span_find(v->value, '\'') >= 0;
}

static void collect(struct written *w, const struct quoted_from *from)
{
	struct span ticks = from->value.n ? from->value : from->line;

	strv_add_span(&w->shown, from->shown);
	w->is_hidden = !span_eq(from->line, from->shown);
	w->has_tick = span_find(ticks, '\'') >= 0;
	if (from->value.n && !find(from->line, from->value)) {
		auto_free char *shown = mask_text(from->value);

		strv_add(&w->shown, shown);
		w->is_hidden |= !span_eq_str(from->value, shown);
	}
	w->nr = from->variables ? from->variables->n : 0;
	w->variables = mem_zalloc(w->nr * sizeof(*w->variables));
	for (size_t i = 0; i < w->nr; i++) {
		struct variable *v = &w->variables[i];

		span_cut(span_of_str(from->variables->v[i]), '=', &v->name, &v->value);
		if (has_word(from->value, v->name))
			add_named(w, v);
	}
}

static bool is_shown(const struct written *w, struct span word)
{
	for (size_t i = 0; i < w->shown.n; i++)
		if (has_word(span_of_str(w->shown.v[i]), word))
			return true;
	return false;
}

/* Is it a piece of a value that may not be shown? */
static bool is_hidden_piece(const struct written *w, struct span word)
{
	for (size_t i = 0; i < w->nr; i++)
		if (has_word(w->variables[i].value, word) && is_hidden(&w->variables[i]) &&
		    !has_word(span_of_str(shown_of(&w->variables[i])), word))
			return true;
	return false;
}

/* Does the hidden value of this one stand at that place of the text? A short one only as a word. */
static bool stands_at(struct variable *v, struct span text, size_t at)
{
	size_t end = at + v->value.n;

	return v->value.n && span_eq(span_head(span_sub(text, at), v->value.n), v->value) &&
	       is_hidden(v) &&
	       (v->value.n >= PIECE_MIN || (!(at && is_word_char(text.p[at - 1])) &&
					    !(end < text.n && is_word_char(text.p[end]))));
}

/* The longest that stands there; NULL: none. */
static struct variable *hidden_at(const struct written *w, struct span text, size_t at)
{
	struct variable *found = NULL;

	for (size_t i = 0; i < w->nr; i++)
		if (stands_at(&w->variables[i], text, at) &&
		    (!found || w->variables[i].value.n > found->value.n))
			found = &w->variables[i];
	return found;
}

/* -- messages ------------------------------------------------------------------------- */

/* A tick that opens: not that of "doesn't". */
static const char *first_tick(const char *message)
{
	const char *tick = strchr(message, '\'');

	while (tick && tick > message && is_word_char(tick[-1]))
		tick = strchr(tick + 1, '\'');
	return tick;
}

/* before: what stands in front of it. */
static void add_word(struct buf *out, struct span before, struct span word, const struct written *w)
{
	auto_free char *masked = mask_text(word);
	struct span left = span_of_str(masked);
	bool is_ours = is_sign(word) || span_ends(before, "did you mean '");
	bool hide = w->is_hidden ? !is_shown(w, left) : is_hidden_piece(w, left);

	buf_add_str(out, hide && !is_ours ? MASKED : masked);
}

/* Words in ticks, and what stands between them. A word that was cut may be a piece of anything. */
static void add_words(struct buf *out, const char *rest, const struct written *w)
{
	const char *tick, *end;

	while ((tick = first_tick(rest))) {
		buf_add(out, rest, (size_t)(tick + 1 - rest));
		end = strchr(tick + 1, '\'');
		if (!end) {
			buf_add_str(out, w->is_hidden || w->nr ? MASKED : tick + 1);
			return;
		}
		add_word(out, buf_span(out), span_of(tick + 1, (size_t)(end - tick - 1)), w);
		buf_add_char(out, '\'');
		rest = end + 1;
	}
	buf_add_str(out, rest);
}

/* The words as one: from the first tick to the last. */
static void add_as_one(struct buf *out, const char *rest)
{
	const char *tick = first_tick(rest), *last = tick ? strrchr(rest, '\'') : NULL;

	if (!last) {
		buf_add_str(out, rest);
		return;
	}
	buf_add(out, rest, (size_t)(tick + 1 - rest));
	buf_add_str(out, MASKED);
	/* what was cut has no last one */
	if (last > tick && !span_ends(span_of_str(rest), "…"))
		buf_add_str(out, last);
}

/* A copy with what may be shown of hidden values, however these were put together with others. */
static char *without_values(const char *message, const struct written *w)
{
	auto_buf struct buf out = BUF_INIT(SIZE_MAX);
	struct span text = span_of_str(message);
	const char *tick = first_tick(message);
	size_t i = tick ? (size_t)(tick - message) : text.n;

	buf_add_span(&out, span_head(text, i));
	while (i < text.n) {
		struct variable *v = hidden_at(w, text, i);

		if (!v) {
			buf_add_char(&out, text.p[i++]);
			continue;
		}
		buf_add_str(&out, *shown_of(v) ? shown_of(v) : MASKED);
		i += v->value.n;
	}
	return buf_steal(&out);
}

char *quoted_hide_all(const char *message)
{
	auto_buf struct buf out = BUF_INIT(SIZE_MAX);

	add_as_one(&out, message);
	return buf_steal(&out);
}

char *quoted_hide(const char *message, const struct quoted_from *from)
{
	auto_buf struct buf out = BUF_INIT(SIZE_MAX);
	CLEANUP(written_release) struct written w = { 0 };
	auto_free char *rest = NULL;

	if (!first_tick(message))
		return mem_strdup(message);
	collect(&w, from);
	rest = without_values(message, &w);
	if (w.is_hidden && w.has_tick)
		add_as_one(&out, rest);
	else
		add_words(&out, rest, &w);
	return buf_steal(&out);
}
