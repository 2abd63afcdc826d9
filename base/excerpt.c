/*
 * A word is looked for where blanks, quotes, '=' or ',' stand around it, and if that is nowhere,
 * anywhere.
 */
#include "base/excerpt.h"

#include "base/buf.h"
#include "base/url.h"

#define EXCERPT_COLUMNS 120
#define EXCERPT_BEFORE	40 /* columns kept before a word that is far to the right */
#define EXCERPT_PLAIN	3  /* lines shown when no word is marked */

struct lines {
	struct span text;
	unsigned first, last;
};

static size_t char_len(struct span s)
{
	size_t n = utf8_len(s);

	return n ? n : 1;
}

/* Line number nr, its end taken off. */
static struct span line_of(struct span text, unsigned nr)
{
	struct span line = span_of(NULL, 0);

	for (unsigned i = 0; i < nr; i++)
		if (!span_line(&text, &line))
			return span_of(NULL, 0);
	if (nr == 1)
		span_take(&line, "\xef\xbb\xbf");
	return span_rtrim(line);
}

static bool is_edge(const char *p)
{
	return strchr(" \t\"'=,[]:<", *p) || !*p;
}

/* Where word stands in line; -1: nowhere. */
static ptrdiff_t find_word(struct span line, struct span word, bool whole)
{
	size_t at = 0;

	while (word.n && at + word.n <= line.n) {
		const char *p = memmem(line.p + at, line.n - at, word.p, word.n);
		size_t end;

		if (!p)
			return -1;
		at = (size_t)(p - line.p);
		end = at + word.n;
		if (!whole || ((!at || is_edge(p - 1)) && (end == line.n || is_edge(p + word.n))))
			return (ptrdiff_t)at;
		at++;
	}
	return -1;
}

/* What can be shown of text, one column a character; returns how many. */
static size_t add_shown(struct buf *out, struct span text, size_t max)
{
	size_t columns = 0;

	for (; text.n && columns < max; columns++) {
		size_t n = char_len(text);
		unsigned char c = (unsigned char)text.p[0];
		bool control = c < 0x20 || c == 0x7f || !utf8_len(text) ||
			       (c == 0xc2 && (unsigned char)text.p[1] < 0xa0);

		if (control)
			buf_add_char(out, c == '\t' ? ' ' : '?');
		else
			buf_add_span(out, span_head(text, n));
		text = span_sub(text, n);
	}
	if (text.n)
		buf_add_str(out, "…");
	return columns;
}

/* Begins EXCERPT_BEFORE columns before byte `at`, or at the start; sets how much was left out. */
static struct span cut_left(struct span line, size_t at, size_t *skipped)
{
	*skipped = 0;
	if (at <= EXCERPT_COLUMNS - EXCERPT_BEFORE)
		return line;
	*skipped = at - EXCERPT_BEFORE;
	/* not in the middle of a character */
	while (*skipped < at && ((unsigned char)line.p[*skipped] & 0xc0) == 0x80)
		++*skipped;
	return span_sub(line, *skipped);
}

static void add_line(struct buf *out, unsigned nr, struct span line)
{
	buf_addf(out, "%6u | ", nr);
	add_shown(out, line, EXCERPT_COLUMNS);
	buf_add_char(out, '\n');
}

static size_t columns_of(struct span text)
{
	size_t n = 0;

	for (; text.n; n++)
		text = span_sub(text, char_len(text));
	return n;
}

/* The line, and a line of marks below the word at byte `at`. */
static void add_marked(struct buf *out, unsigned nr, struct span line, size_t at, size_t n)
{
	size_t skipped, before, marks;
	struct span shown = cut_left(line, at, &skipped);

	before = columns_of(span_head(shown, at - skipped));
	marks = columns_of(span_head(span_sub(line, at), n));
	if (marks > EXCERPT_COLUMNS - before)
		marks = EXCERPT_COLUMNS - before;
	buf_addf(out, "%6u | %s", nr, skipped ? "…" : "");
	add_shown(out, shown, EXCERPT_COLUMNS);
	buf_addf(out, "\n       | %*s", (int)(before + (skipped != 0)), "");
	for (size_t i = 0; i < marks; i++)
		buf_add_char(out, '^');
	buf_add_char(out, '\n');
}

static void add_gap(struct buf *out)
{
	buf_add_str(out, "       | …\n");
}

static bool add_word(struct buf *out, const struct lines *l, struct span word, bool whole)
{
	struct span rest = l->text, line;

	for (unsigned nr = 1; nr <= l->last && span_line(&rest, &line); nr++) {
		ptrdiff_t at = -1;

		if (nr >= l->first)
			at = find_word(nr == 1 ? line_of(l->text, 1) : span_rtrim(line), word,
				       whole);
		if (at < 0)
			continue;
		if (nr > l->first)
			add_line(out, l->first, line_of(l->text, l->first));
		if (nr > l->first + 1)
			add_gap(out);
		add_marked(out, nr, nr == 1 ? line_of(l->text, 1) : span_rtrim(line), (size_t)at,
			   word.n);
		return true;
	}
	return false;
}

static void add_plain(struct buf *out, const struct lines *l)
{
	for (unsigned i = 0; i < EXCERPT_PLAIN && l->first + i <= l->last; i++)
		add_line(out, l->first + i, line_of(l->text, l->first + i));
	if (l->last >= l->first + EXCERPT_PLAIN)
		add_gap(out);
}

void excerpt_word(struct err *e, const char *file, struct span text, unsigned line,
		  unsigned last_line, struct span word)
{
	struct lines l = { .first = line, .last = last_line > line ? last_line : line };
	auto_buf struct buf out = BUF_INIT(BUF_SMALL), plain = BUF_INIT(SIZE_MAX),
			    plain_word = BUF_INIT(SIZE_MAX);

	if (!line || e->excerpt[0])
		return;
	/* passwords in addresses are for nobody's eyes */
	url_redact(&plain, text);
	url_redact(&plain_word, word);
	l.text = buf_span(&plain);
	word = buf_span(&plain_word);
	buf_addf(&out, "%s:%u\n", file, line);
	if (!add_word(&out, &l, word, true) && !add_word(&out, &l, word, false))
		add_plain(&out, &l);
	err_excerpt(e, buf_span(&out));
}

void excerpt_line(struct err *e, const char *file, unsigned nr, struct span line, unsigned column,
		  size_t n)
{
	auto_buf struct buf out = BUF_INIT(BUF_SMALL);
	struct span rest = line, marked;

	if (!nr || e->excerpt[0])
		return;
	for (unsigned i = 1; i < column && rest.n; i++)
		rest = span_sub(rest, char_len(rest));
	marked = rest;
	for (size_t i = 0; i < n && marked.n; i++)
		marked = span_sub(marked, char_len(marked));
	buf_addf(&out, "%s:%u\n", file, nr);
	if (column && rest.n > marked.n)
		add_marked(&out, nr, line, line.n - rest.n, rest.n - marked.n);
	else
		add_line(&out, nr, line);
	err_excerpt(e, buf_span(&out));
}
