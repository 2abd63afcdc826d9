/*
 * Lines of a file go into the logs of jobs, which many may read. So a value is hidden
 * when its name says that it is secret, and, where the reader knows that it stands in an
 * environment, in any case. What is hidden reaches to the end of the line: where a value ends
 * depends on quotes and brackets that may be the very thing that is wrong.
 */
#include "deploy/place.h"

#include <ctype.h>

#include "base/buf.h"
#include "base/excerpt.h"
#include "base/url.h"
#include "deploy/mask.h"
#include "deploy/quoted.h"

/* -- lines ------------------------------------------------------------------------ */

static bool is_name_char(char c)
{
	return isalnum((unsigned char)c) || strchr("_-.", c);
}

/* In "NAME=value", "NAME: value", "'NAME': value": where the value begins; 0: it is none of these. */
static size_t value_of(struct span rest, size_t name_n)
{
	size_t i = name_n;

	while (i < rest.n && strchr("\"' \t", rest.p[i]))
		i++;
	if (i == rest.n || (rest.p[i] != '=' && rest.p[i] != ':'))
		return 0;
	if (rest.p[i] == ':' && i + 1 < rest.n && !strchr(" \t\"'[{", rest.p[i + 1]))
		return 0; /* http://, 80:80 */
	for (i++; i < rest.n && strchr(" \t", rest.p[i]);)
		i++;
	return i;
}

static bool begins_name(char c)
{
	return isalpha((unsigned char)c) || c == '_';
}

/* "$NAME" or "${…}" that rest begins with; 0: neither. */
static size_t variable_len(struct span rest)
{
	bool braced = rest.n > 2 && rest.p[1] == '{';
	size_t n = 1;
	const char *end;

	if (rest.n < 2 || rest.p[0] != '$' || !begins_name(rest.p[braced ? 2 : 1]))
		return 0;
	if (braced) {
		/* what stands behind the name may be a value: ${PW:-hunter2} */
		for (n = 2; n < rest.n && is_name_char(rest.p[n]);)
			n++;
		end = memchr(rest.p + n, '}', rest.n - n);
		if (!end) /* a password with "${" in it */
			return 0;
		/* nothing more, or what is said when it is missing */
		if (end == rest.p + n || rest.p[n + (rest.p[n] == ':')] == '?')
			return (size_t)(end - rest.p) + 1;
		return n;
	}
	while (n < rest.n && (isalnum((unsigned char)rest.p[n]) || rest.p[n] == '_'))
		n++;
	return n;
}

static void add_hidden(struct buf *out, struct span value)
{
	bool hidden = false;

	while (value.n) {
		size_t n = variable_len(value);

		if (!n && !hidden)
			buf_add_str(out, MASKED);
		hidden = !n;
		buf_add_span(out, span_head(value, n));
		/* "$$" is a dollar, and begins none */
		value = span_sub(value, n ? n : span_starts(value, "$$") ? 2 : 1);
	}
}

/* Where the value of a name that sounds secret begins; the line's length: there is none. */
static size_t named_value(struct span line)
{
	struct span rest = line;

	while (rest.n) {
		size_t n = 0, value;

		while (n < rest.n && is_name_char(rest.p[n]))
			n++;
		value = n ? value_of(rest, n) : 0;
		/* the data of a secret that stands where it may not */
		if (value && (span_eq_str(span_head(rest, n), "content") ||
			      deploy_begins_secret_of(span_head(rest, n), span_sub(rest, value))))
			return line.n - rest.n + value;
		rest = span_sub(rest, n ? n : 1);
	}
	return line.n;
}

/* In a command something may be hidden that has no name: as if its list were one of words. */
static size_t hidden_word(struct span line)
{
	auto_free char *words = span_dup(line);

	for (size_t i = 0; i < line.n; i++)
		if (strchr("[],\"'", words[i]))
			words[i] = ' ';
	return mask_first(span_of(words, line.n));
}

/* "auth: ture": a key of ours that is on or off, and a slip of the pen in letters only. */
static bool is_misspelt_auth(struct span line)
{
	size_t n = 0;

	if (!span_take(&line, "auth:"))
		return false;
	line = span_trim(line);
	while (n < line.n && isalpha((unsigned char)line.p[n]))
		n++;
	return n == line.n;
}

/* Up to the first value that has to be hidden, and that one. */
static void add_public(struct buf *out, struct span line)
{
	size_t named = is_misspelt_auth(line) ? line.n : named_value(line),
	       word = hidden_word(line);

	word = word < named ? word : named;
	buf_add_span(out, span_head(line, word));
	add_hidden(out, span_sub(line, word));
}

/* "- DEBUG": it takes the value that the variable has here. Elsewhere such a word may be a value. */
static bool is_name_of_item(struct span before, struct span rest, struct span value)
{
	size_t n = 0;

	before = span_rtrim(before);
	rest = span_rtrim(rest);
	while (n < rest.n && (isupper((unsigned char)rest.p[n]) || rest.p[n] == '_' ||
			      (n && isdigit((unsigned char)rest.p[n]))))
		n++;
	return n > 0 && n == rest.n && span_eq(rest, value) && span_eq_str(span_trim(before), "-");
}

static void add_private(struct buf *out, struct span rest)
{
	size_t n = 0, value;

	while (n < rest.n && (is_name_char(rest.p[n]) || strchr("\"'", rest.p[n])))
		n++;
	value = n ? value_of(rest, n) : 0;
	buf_add_span(out, span_head(rest, value));
	add_hidden(out, span_sub(rest, value));
}

static size_t char_len(struct span s)
{
	size_t n = utf8_len(s);

	return n ? n : 1;
}

/* Splits a line in front of the column. */
static void split_at(struct span line, unsigned column, struct span *before, struct span *rest)
{
	*rest = line;
	for (unsigned i = 1; i < column && rest->n; i++)
		*rest = span_sub(*rest, char_len(*rest));
	*before = span_head(line, line.n - rest->n);
}

static unsigned columns_of(struct span text)
{
	unsigned n = 0;

	for (; text.n; n++)
		text = span_sub(text, char_len(text));
	return n;
}

static void hide(struct buf *out, struct span line)
{
	auto_buf struct buf shown = BUF_INIT(SIZE_MAX);

	/* a tab in the indentation is mostly what is wrong, and cannot be seen */
	for (; line.n && strchr(" \t", line.p[0]); line = span_sub(line, 1))
		buf_add_str(&shown, line.p[0] == '\t' ? "→" : " ");
	add_public(&shown, line);
	url_redact(out, buf_span(&shown));
}

static struct span find_line(struct span text, unsigned nr)
{
	struct span line = { 0 };

	span_take(&text, "\xef\xbb\xbf");
	for (unsigned i = 0; i < nr; i++)
		if (!span_line(&text, &line))
			return (struct span){ 0 };
	return span_rtrim(line);
}

/* The line of the place, fit to be seen, up to its column in front. */
static void show(struct buf *shown, struct buf *front, struct span line,
		 const struct deploy_place *at)
{
	struct span before, rest;

	split_at(line, at->column ? at->column : 1, &before, &rest);
	hide(front, before);
	if (at->is_private) {
		buf_add_span(shown, buf_span(front));
		if (is_name_of_item(before, rest, at->value))
			buf_add_span(shown, rest);
		else
			add_private(shown, rest);
	} else {
		hide(shown, line);
	}
}

static char *said_of(const char *text, struct span line, struct span shown,
		     const struct deploy_place *at)
{
	return quoted_hide(text, &(struct quoted_from){ line, shown, at->value, at->variables });
}

struct span deploy_place_line(const struct deploy_place *at)
{
	return find_line(at->text, at->line);
}

char *deploy_place_said(const char *text, const struct deploy_place *at)
{
	auto_buf struct buf shown = BUF_INIT(SIZE_MAX), front = BUF_INIT(SIZE_MAX);
	struct span line = find_line(at->text, at->line);

	show(&shown, &front, line, at);
	return said_of(text, line, buf_span(&shown), at);
}

int deploy_place_wrap(struct err *e, const struct deploy_place *at)
{
	auto_buf struct buf shown = BUF_INIT(SIZE_MAX), front = BUF_INIT(SIZE_MAX);
	struct span line = find_line(at->text, at->line);
	auto_free char *said = NULL;

	show(&shown, &front, line, at);
	said = said_of(e->text, line, buf_span(&shown), at);
	err_set(e, e->kind, "%s", said);
	if (at->text.n && at->line)
		excerpt_line(e, at->file, at->line, buf_span(&shown),
			     at->column ? columns_of(buf_span(&front)) + 1 : 0, at->width);
	if (at->line && at->column)
		return err_wrap(e, "%s:%u:%u", at->file, at->line, at->column);
	return at->line ? err_wrap(e, "%s:%u", at->file, at->line) : err_wrap(e, "%s", at->file);
}
