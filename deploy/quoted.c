/*
 * A message is a sentence of ours with words of the user's in ticks. Only those are looked at, so that a reason stays
 * one, whatever it sounds like. Where such a word ends is not sure, for it may hold ticks itself: the longest that
 * the user has written counts.
 */
#include "deploy/quoted.h"

#include <ctype.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/secret_name.h"
#include "deploy/mask.h"

#define VALUE_MIN 3  /* shorter ones are found anywhere */
#define TICKS_MAX 16 /* in one word; of one with more a piece is taken for it */

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
		text = span_sub(text, from + 1);
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

/* -- what the user wrote ------------------------------------------------------------ */

/* Texts of the user's, each with what may be shown of it; variables' values are the last. */
struct written {
	struct strv texts, shown;
	size_t nr_lines;
};

static void written_release(struct written *w)
{
	strv_release(&w->texts);
	strv_release(&w->shown);
}

static void add_text(struct written *w, struct span text, char *shown)
{
	strv_add_span(&w->texts, text);
	strv_take(&w->shown, shown);
}

static void collect(struct written *w, const struct quoted_from *from)
{
	add_text(w, from->line, span_dup(from->shown));
	if (from->value.n && !find(from->line, from->value))
		add_text(w, from->value, mask_text(from->value));
	w->nr_lines = w->texts.n;
	for (size_t i = 0; from->variables && i < from->variables->n; i++) {
		struct span name, value;

		if (span_cut(span_of_str(from->variables->v[i]), '=', &name, &value) &&
		    value.n >= VALUE_MIN)
			add_text(w, value, names_secret(name) ? mem_strdup("") : mask_text(value));
	}
}

static bool is_shown_whole(const struct written *w, size_t i)
{
	return strcmp(w->texts.v[i], w->shown.v[i]) == 0;
}

/* Does it hold a variable's value that may not be shown? */
static bool holds_hidden_value(const struct written *w, struct span word)
{
	for (size_t i = w->nr_lines; i < w->texts.n; i++)
		if (!is_shown_whole(w, i) && find(word, span_of_str(w->texts.v[i])))
			return true;
	return false;
}

static bool wrote(const struct written *w, struct span word)
{
	for (size_t i = 0; i < w->texts.n; i++)
		if (has_word(span_of_str(w->texts.v[i]), word))
			return true;
	return false;
}

/* Has one of them this word, and not what is left of it? */
static bool hides(const struct written *w, struct span word, struct span masked)
{
	for (size_t i = 0; i < w->texts.n; i++)
		if (has_word(span_of_str(w->texts.v[i]), word) &&
		    !has_word(span_of_str(w->shown.v[i]), masked))
			return true;
	return false;
}

static bool hides_any(const struct written *w)
{
	for (size_t i = 0; i < w->texts.n; i++)
		if (!is_shown_whole(w, i))
			return true;
	return false;
}

/* -- messages ------------------------------------------------------------------------- */

/* A tick that opens: not that of "doesn't". */
static bool opens(const char *message, const char *tick)
{
	return tick == message || !is_word_char(tick[-1]);
}

/* The tick that ends the word which begins here; NULL: the message was cut. */
static const char *word_end(const char *word, const struct written *w)
{
	const char *found = strchr(word, '\''), *end = found;

	for (unsigned i = 0; i < TICKS_MAX && end; i++) {
		if (wrote(w, span_of(word, (size_t)(end - word))))
			found = end;
		end = strchr(end + 1, '\'');
	}
	return found;
}

static void add_word(struct buf *out, struct span word, const struct written *w)
{
	auto_free char *masked = mask_text(word);
	bool is_hidden = hides(w, word, span_of_str(masked)) ||
			 (!wrote(w, word) && holds_hidden_value(w, word));

	buf_add_str(out, is_hidden && !is_sign(word) ? MASKED : masked);
}

static void add_cut_word(struct buf *out, const char *word, const struct written *w)
{
	buf_add_str(out, hides_any(w) ? MASKED : word);
}

char *quoted_hide(const char *message, const struct quoted_from *from)
{
	auto_buf struct buf out = BUF_INIT(SIZE_MAX);
	CLEANUP(written_release) struct written w = { 0 };

	collect(&w, from);
	for (const char *p = message, *end; *p; p++) {
		buf_add_char(&out, *p);
		if (*p != '\'' || !opens(message, p))
			continue;
		end = word_end(p + 1, &w);
		if (!end) {
			add_cut_word(&out, p + 1, &w);
			break;
		}
		add_word(&out, span_of(p + 1, (size_t)(end - p - 1)), &w);
		buf_add_char(&out, '\'');
		p = end;
	}
	return buf_steal(&out);
}
