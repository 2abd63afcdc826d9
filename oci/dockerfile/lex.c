/*
 * Physical lines to logical lines. A line goes on when it ends in the escape
 * character (blanks may follow it) and that is not itself escaped; comment lines
 * and empty lines inside are dropped and it goes on behind them. Blanks at the
 * start of a continuation line are kept: they are part of what a shell gets.
 */
#include "oci/dockerfile/lex.h"

#include "base/excerpt.h"
#include "base/mem.h"
#include "oci/dockerfile/message.h"

static bool take_physical(struct lex *lx, struct span *line)
{
	if (!span_line(&lx->rest, line))
		return false;
	lx->line++;
	while (line->n && line->p[line->n - 1] == '\r')
		line->n--;
	return true;
}

static int refuse_nul(const char *file, struct span text, struct err *e)
{
	ptrdiff_t at = span_find(text, '\0');
	unsigned line = 1;

	if (at < 0)
		return 0;
	for (ptrdiff_t i = 0; i < at; i++)
		line += text.p[i] == '\n';
	message_wrong(e, file, line, "a NUL byte: this is not text");
	excerpt_word(e, file, text, line, line, span_of_str(NULL));
	return -1;
}

int lex_open(struct lex *lx, const char *file, struct span text, struct err *e)
{
	struct lex fresh = { .rest = text, .folded = BUF_INIT(text.n), .doc = BUF_INIT(text.n) };

	if (refuse_nul(file, text, e) < 0)
		return -1;
	span_take(&fresh.rest, "\xef\xbb\xbf"); /* the byte order mark */
	if (directives_read(&fresh.directives, file, fresh.rest, e) < 0)
		return -1;
	*lx = fresh;
	return 0;
}

void lex_release(struct lex *lx)
{
	buf_release(&lx->folded);
	buf_release(&lx->doc);
	free(lx->empty);
}

/* Takes the continuation mark off; false when the line ends here. */
static bool cut_continuation(struct span *line, char escape)
{
	struct span s = *line;

	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	if (!s.n || s.p[s.n - 1] != escape)
		return false;
	s.n--;
	/* a doubled escape character is a literal one, not a mark */
	if (s.n && s.p[s.n - 1] == escape)
		return false;
	*line = s;
	return true;
}

static void note_empty(struct lex *lx)
{
	MEM_GROW(lx->empty, lx->nr_empty, lx->cap_empty);
	lx->empty[lx->nr_empty++] = lx->line;
}

/* Adds the next lines as long as the logical line goes on. */
static void take_continuations(struct lex *lx, struct lex_line *out)
{
	bool more = true, has_word = lx->folded.len > 0;
	struct span line;

	while (more && take_physical(lx, &line)) {
		struct span trimmed = span_ltrim(line);

		if (!trimmed.n)
			note_empty(lx);
		if (!trimmed.n || trimmed.p[0] == '#')
			continue;
		more = cut_continuation(&line, lx->directives.escape);
		if (!has_word && span_trim(line).n) {
			has_word = true;
			out->number = lx->line;
		}
		buf_add_span(&lx->folded, line);
	}
}

/* line: trimmed. An empty line and an empty comment part what stands above from what follows. */
static void take_comment(struct lex *lx, struct span line)
{
	struct span text = line.n ? span_trim(span_sub(line, 1)) : line;

	if (lx->line <= lx->directives.lines)
		return;
	if (!text.n) {
		buf_reset(&lx->doc);
		return;
	}
	if (lx->doc.len)
		buf_add_char(&lx->doc, '\n');
	buf_add_span(&lx->doc, text);
}

bool lex_next(struct lex *lx, struct lex_line *out)
{
	struct span line;

	buf_reset(&lx->doc);
	while (take_physical(lx, &line)) {
		line = span_ltrim(line);
		if (!line.n || line.p[0] == '#') {
			take_comment(lx, line);
			continue;
		}
		out->number = lx->line;
		out->text = line;
		if (cut_continuation(&line, lx->directives.escape)) {
			buf_reset(&lx->folded);
			buf_add_span(&lx->folded, line);
			take_continuations(lx, out);
			out->text = buf_span(&lx->folded);
		}
		out->text = span_ltrim(out->text);
		out->doc = buf_span(&lx->doc);
		if (out->text.n)
			return true;
	}
	return false;
}

bool lex_body(struct lex *lx, struct span *out, const char *end, bool tabs)
{
	const char *start = lx->rest.p;
	struct span line;

	while (start && lx->rest.n) {
		size_t n = (size_t)(lx->rest.p - start);

		if (!take_physical(lx, &line))
			break;
		while (tabs && line.n && line.p[0] == '\t')
			line = span_sub(line, 1);
		if (span_eq_str(line, end)) {
			*out = span_of(start, n);
			return true;
		}
	}
	return false;
}
