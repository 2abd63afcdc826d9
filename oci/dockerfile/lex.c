/*
 * Physical lines to logical lines. A line goes on when it ends in the escape
 * character (blanks may follow it) and that is not itself escaped; comment lines
 * and empty lines inside are dropped and it goes on behind them. Blanks at the
 * start of a continuation line are kept: they are part of what a shell gets.
 */
#include "oci/dockerfile/lex.h"

#include "oci/dockerfile/message.h"

static const char bom[] = "\xef\xbb\xbf";

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool take_physical(struct lex *lx, struct span *line)
{
	if (!span_line(&lx->rest, line))
		return false;
	lx->line++;
	while (line->n && line->p[line->n - 1] == '\r')
		line->n--;
	return true;
}

/* "# key = value" from column 0; false: not of that form. */
static bool cut_directive(struct span line, struct span *key, struct span *value)
{
	if (!span_take(&line, "#") || !span_cut(line, '=', key, value))
		return false;
	*key = span_trim(*key);
	*value = span_trim(*value);
	if (!key->n || !value->n || (key->p[0] >= '0' && key->p[0] <= '9'))
		return false;
	for (size_t i = 0; i < key->n; i++)
		if (!is_alnum(key->p[i]))
			return false;
	return true;
}

/*
 * Directives end at the first line that is anything else; an unknown key makes
 * the line a comment, and so ends them too.
 */
static int read_directives(struct lex *lx, const char *file, struct err *e)
{
	static const char *const known[] = { "escape", "syntax", "check" };
	struct span rest = lx->rest, line, key, value;
	bool seen[ARRAY_LEN(known)] = { false };

	for (unsigned nr = 1; span_line(&rest, &line) && cut_directive(line, &key, &value); nr++) {
		size_t k = 0;

		while (k < ARRAY_LEN(known) && !span_eq_nocase(key, known[k]))
			k++;
		if (k == ARRAY_LEN(known))
			break;
		if (seen[k])
			return message_wrong(e, file, nr,
					     "only one %s parser directive can be used", known[k]);
		seen[k] = true;
		if (k != 0)
			continue;
		if (!span_eq_str(value, "\\") && !span_eq_str(value, "`"))
			return message_wrong(e, file, nr,
					     "invalid escape token '" MESSAGE_FMT
					     "' does not match ` or \\",
					     MESSAGE_ARG(value));
		lx->escape = value.p[0];
	}
	return 0;
}

static int refuse_nul(const char *file, struct span text, struct err *e)
{
	ptrdiff_t at = span_find(text, '\0');
	unsigned line = 1;

	if (at < 0)
		return 0;
	for (ptrdiff_t i = 0; i < at; i++)
		line += text.p[i] == '\n';
	return message_wrong(e, file, line, "a NUL byte: this is not text");
}

int lex_open(struct lex *lx, const char *file, struct span text, struct err *e)
{
	struct lex fresh = { .rest = text, .escape = '\\', .folded = BUF_INIT(text.n) };

	if (refuse_nul(file, text, e) < 0)
		return -1;
	span_take(&fresh.rest, bom);
	if (read_directives(&fresh, file, e) < 0)
		return -1;
	*lx = fresh;
	return 0;
}

void lex_release(struct lex *lx)
{
	buf_release(&lx->folded);
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

/* Adds the next lines as long as the logical line goes on. */
static void take_continuations(struct lex *lx, struct lex_line *out)
{
	bool more = true, has_word = lx->folded.len > 0;
	struct span line;

	while (more && take_physical(lx, &line)) {
		struct span trimmed = span_ltrim(line);

		if (!trimmed.n || trimmed.p[0] == '#')
			continue;
		more = cut_continuation(&line, lx->escape);
		if (!has_word && span_trim(line).n) {
			has_word = true;
			out->number = lx->line;
		}
		buf_add_span(&lx->folded, line);
	}
}

bool lex_next(struct lex *lx, struct lex_line *out)
{
	struct span line;

	while (take_physical(lx, &line)) {
		line = span_ltrim(line);
		if (!line.n || line.p[0] == '#')
			continue;
		out->number = lx->line;
		out->text = line;
		if (cut_continuation(&line, lx->escape)) {
			buf_reset(&lx->folded);
			buf_add_span(&lx->folded, line);
			take_continuations(lx, out);
			out->text = buf_span(&lx->folded);
		}
		out->text = span_trim(out->text);
		if (out->text.n)
			return true;
	}
	return false;
}
