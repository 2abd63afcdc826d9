/*
 * [digits] "<<" ["-"] delimiter, as a word of its own: words end at blanks outside quotes, except
 * that blanks may stand between "<<" and the delimiter. '\' is the escape character here whatever
 * the file's directive says. A '<' in the delimiter makes it something else ("<<<"), and so does a
 * quote that is not closed.
 */
#include "oci/dockerfile/heredoc.h"

#include "base/buf.h"

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The length of the word s begins with; *ok: its quotes are closed. */
static size_t word_len(struct span s, bool *ok)
{
	char quote = 0;
	size_t i = 0;

	for (; i < s.n && (quote || !is_blank(s.p[i])); i++) {
		if (s.p[i] == '\\' && quote != '\'' && i + 1 < s.n)
			i++;
		else if (s.p[i] == quote)
			quote = 0;
		else if (!quote && (s.p[i] == '\'' || s.p[i] == '"'))
			quote = s.p[i];
	}
	*ok = !quote;
	return i;
}

/* Up to where the delimiter begins; false: this is no opening. */
static bool take_mark(struct span *s, bool *tabs)
{
	while (s->n && s->p[0] >= '0' && s->p[0] <= '9')
		*s = span_sub(*s, 1);
	if (!span_take(s, "<<"))
		return false;
	*tabs = span_take(s, "-");
	*s = span_ltrim(*s);
	return true;
}

/* Quotes undone; *quoted: there were some. */
static void undo_quotes(struct buf *out, struct span word, bool *quoted)
{
	char quote = 0;

	*quoted = false;
	for (size_t i = 0; i < word.n; i++) {
		char c = word.p[i], next = i + 1 < word.n ? word.p[i + 1] : 0;

		if (c == quote) {
			quote = 0;
		} else if (!quote && (c == '\'' || c == '"')) {
			quote = c;
			*quoted = true;
		} else if (c == '\\' && quote != '\'' && next &&
			   (!quote || next == '"' || next == '$' || next == '\\')) {
			buf_add_char(out, word.p[++i]);
		} else {
			buf_add_char(out, c);
		}
	}
}

bool heredoc_take(struct heredoc_word *out, struct span *text)
{
	auto_buf struct buf name = BUF_INIT(text->n);
	struct span rest = span_ltrim(*text), word;
	struct heredoc_word found = { 0 };
	bool ok, quoted;

	if (!take_mark(&rest, &found.tabs))
		return false;
	word = span_head(rest, word_len(rest, &ok));
	if (!ok || span_find(word, '<') >= 0)
		return false;
	undo_quotes(&name, word, &quoted);
	if (!name.len)
		return false;
	*text = span_sub(rest, word.n);
	found.name = buf_steal(&name);
	found.expand = !quoted;
	*out = found;
	return true;
}

bool heredoc_next(struct heredoc_word *out, struct span *text)
{
	bool ignored;

	for (*text = span_ltrim(*text); text->n; *text = span_ltrim(*text)) {
		if (heredoc_take(out, text))
			return true;
		*text = span_sub(*text, word_len(*text, &ignored));
	}
	return false;
}

bool heredoc_is_lone(struct span text)
{
	struct heredoc_word w;

	if (!heredoc_take(&w, &text))
		return false;
	free(w.name);
	return !span_trim(text).n;
}

char *heredoc_untab(struct span body)
{
	auto_buf struct buf out = BUF_INIT(body.n);
	bool at_start = true;

	for (size_t i = 0; i < body.n; i++) {
		if (at_start && body.p[i] == '\t')
			continue;
		at_start = body.p[i] == '\n';
		buf_add_char(&out, body.p[i]);
	}
	return span_dup(buf_span(&out));
}
