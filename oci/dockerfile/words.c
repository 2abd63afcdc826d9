/*
 * The cutters follow docker's parser in what counts as a word, also where that
 * is odd: flags always know '\' as their escape, and a JSON array that does not
 * parse is simply a shell command ("[ -f x ] && y" is one).
 */
#include "oci/dockerfile/words.h"

#include <jansson.h>

#include "base/json.h"

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

int words_take_flag(struct buf *out, struct span *rest, struct err *e)
{
	struct span s = span_ltrim(*rest);
	char quote = 0;
	size_t i = 0;

	buf_reset(out);
	if (!span_starts(s, "--"))
		return 0;
	for (; i < s.n && (quote || !is_blank(s.p[i])); i++) {
		if (s.p[i] == quote)
			quote = 0;
		else if (!quote && (s.p[i] == '\'' || s.p[i] == '"'))
			quote = s.p[i];
		else if (s.p[i] != '\\')
			buf_add_char(out, s.p[i]);
		else if (i + 1 < s.n)
			buf_add_char(out, s.p[++i]);
	}
	if (quote)
		return err_set(e, ERR_INPUT, "a quote in a flag is not closed");
	*rest = span_ltrim(span_sub(s, i));
	return span_eq_str(buf_span(out), "--") ? 0 : 1;
}

void words_split(struct strv *out, struct span text)
{
	struct span word;

	while (out->n <= WORDS_MAX && span_word(&text, &word))
		strv_add_span(out, word);
}

/* The length of the word s begins with: up to a blank outside quotes. */
static size_t quoted_word_len(struct span s, char escape)
{
	char quote = 0;
	size_t i = 0;

	for (; i < s.n && (quote || !is_blank(s.p[i])); i++) {
		if (s.p[i] == escape && quote != '\'' && i + 1 < s.n)
			i++;
		else if (s.p[i] == quote)
			quote = 0;
		else if (!quote && (s.p[i] == '\'' || s.p[i] == '"'))
			quote = s.p[i];
	}
	return i;
}

void words_split_quoted(struct strv *out, struct span text, char escape)
{
	for (text = span_ltrim(text); text.n && out->n <= WORDS_MAX; text = span_ltrim(text)) {
		size_t n = quoted_word_len(text, escape);

		strv_add_span(out, span_head(text, n));
		text = span_sub(text, n);
	}
}

int words_from_json(struct strv *out, struct span text, struct err *e)
{
	struct err why = ERR_INIT;
	auto_json json_t *root = NULL;
	json_t *item;
	size_t i;

	text = span_ltrim(text);
	if (!span_starts(text, "["))
		return 0;
	root = json_load_span(text, text.n, "exec form", &why);
	/* JSON can say it, but no program can be given it; a shell should not get to see it */
	if (!root && strstr(why.text, "\\u0000 is not allowed"))
		return err_set(e, ERR_INPUT, "a NUL character cannot be in an argument");
	if (!root)
		return 0;
	json_array_foreach(root, i, item) if (!json_is_string(item)) return err_set(
		e, ERR_INPUT,
		"when using JSON array syntax, arrays must be comprised of "
		"strings only");
	json_array_foreach(root, i, item) strv_add(out, json_string_value(item));
	return 1;
}
