/*
 * Views of bytes. A view may point at NULL as long as its length is 0, so no
 * mem* function is called with a length of 0 here.
 */
#include "base/span.h"

#include "base/mem.h"

struct span span_of(const void *p, size_t n)
{
	return (struct span){ p, n };
}

struct span span_of_str(const char *s)
{
	return (struct span){ s, s ? strlen(s) : 0 };
}

char *span_dup(struct span s)
{
	char *out = mem_alloc(s.n + 1);

	if (s.n)
		memcpy(out, s.p, s.n);
	out[s.n] = '\0';
	return out;
}

static bool bytes_eq(const char *a, const char *b, size_t n)
{
	return !n || memcmp(a, b, n) == 0;
}

bool span_eq(struct span a, struct span b)
{
	return a.n == b.n && bytes_eq(a.p, b.p, a.n);
}

bool span_eq_str(struct span a, const char *s)
{
	return span_eq(a, span_of_str(s));
}

/* Not tolower: that one asks the locale. */
static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool span_eq_nocase(struct span a, const char *s)
{
	struct span b = span_of_str(s);

	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (lower(a.p[i]) != lower(b.p[i]))
			return false;
	return true;
}

bool span_in_nocase(struct span a, const char *const *words, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		if (span_eq_nocase(a, words[i]))
			return true;
	return false;
}

bool span_starts(struct span a, const char *prefix)
{
	size_t n = strlen(prefix);

	return a.n >= n && bytes_eq(a.p, prefix, n);
}

bool span_ends(struct span a, const char *suffix)
{
	size_t n = strlen(suffix);

	return a.n >= n && (!n || bytes_eq(a.p + (a.n - n), suffix, n));
}

ptrdiff_t span_find(struct span a, char c)
{
	const char *at = a.n ? memchr(a.p, c, a.n) : NULL;

	return at ? at - a.p : -1;
}

ptrdiff_t span_rfind(struct span a, char c)
{
	const char *at = a.n ? memrchr(a.p, c, a.n) : NULL;

	return at ? at - a.p : -1;
}

bool span_has_nul(struct span a)
{
	return span_find(a, '\0') >= 0;
}

struct span span_sub(struct span a, size_t from)
{
	if (!from)
		return a;
	if (from > a.n)
		from = a.n;
	return from ? span_of(a.p + from, a.n - from) : a;
}

struct span span_head(struct span a, size_t n)
{
	return span_of(a.p, n < a.n ? n : a.n);
}

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

struct span span_ltrim(struct span a)
{
	size_t i = 0;

	while (i < a.n && is_blank(a.p[i]))
		i++;
	return span_sub(a, i);
}

struct span span_rtrim(struct span a)
{
	while (a.n && is_blank(a.p[a.n - 1]))
		a.n--;
	return a;
}

struct span span_trim(struct span a)
{
	return span_rtrim(span_ltrim(a));
}

/*
 * What *rest points at when the text ended in a separator: one empty piece is
 * still to come. Its length alone could not tell that from "nothing at all". The
 * middle of an array without a zero: no literal is merged with it, and no other
 * object ends there.
 */
static const char one_empty_piece[] = { 1, 1, 1 };

bool span_split(struct span *rest, char sep, struct span *piece)
{
	ptrdiff_t at;

	if (!rest->n) {
		bool last = rest->p == one_empty_piece + 1;

		*rest = span_of(NULL, 0);
		if (last)
			*piece = SPAN_LIT("");
		return last;
	}
	at = span_find(*rest, sep);
	if (at < 0) {
		*piece = *rest;
		*rest = span_of(NULL, 0);
		return true;
	}
	*piece = span_head(*rest, (size_t)at);
	*rest = span_sub(*rest, (size_t)at + 1);
	if (!rest->n)
		rest->p = one_empty_piece + 1;
	return true;
}

bool span_line(struct span *rest, struct span *line)
{
	ptrdiff_t at;

	if (!rest->n)
		return false;
	at = span_find(*rest, '\n');
	*line = at < 0 ? *rest : span_head(*rest, (size_t)at);
	*rest = span_sub(*rest, at < 0 ? rest->n : (size_t)at + 1);
	return true;
}

bool span_word(struct span *rest, struct span *word)
{
	size_t n = 0;

	*rest = span_ltrim(*rest);
	if (!rest->n)
		return false;
	while (n < rest->n && !is_blank(rest->p[n]))
		n++;
	*word = span_head(*rest, n);
	*rest = span_sub(*rest, n);
	return true;
}

bool span_cut(struct span a, char sep, struct span *head, struct span *tail)
{
	ptrdiff_t at = span_find(a, sep);

	if (at < 0) {
		*head = a;
		*tail = span_of(NULL, 0);
		return false;
	}
	*head = span_head(a, (size_t)at);
	*tail = span_sub(a, (size_t)at + 1);
	return true;
}

bool span_take(struct span *rest, const char *prefix)
{
	if (!span_starts(*rest, prefix))
		return false;
	*rest = span_sub(*rest, strlen(prefix));
	return true;
}

/* How long a character is by its first byte; 0: no character begins so. */
static size_t utf8_promised(unsigned char c)
{
	if (c < 0x80)
		return 1;
	if (c < 0xc0 || c >= 0xf8)
		return 0;
	return c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

static bool is_code_point(uint32_t code, size_t len)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	bool surrogate = code >= 0xd800 && code < 0xe000;

	return code >= least[len] && !surrogate && code <= 0x10ffff;
}

size_t utf8_len(struct span s)
{
	unsigned char first = s.n ? (unsigned char)s.p[0] : 0xff;
	size_t len = utf8_promised(first);
	uint32_t code = len > 1 ? first & (0x7fu >> len) : first;

	if (!len || len > s.n)
		return 0;
	for (size_t i = 1; i < len; i++) {
		unsigned char next = (unsigned char)s.p[i];

		if ((next & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (next & 0x3f);
	}
	return is_code_point(code, len) ? len : 0;
}

size_t utf8_control_len(struct span s)
{
	size_t len = utf8_len(s);
	unsigned char c = s.n ? (unsigned char)s.p[0] : ' ';

	if (c < 0x20 || c == 0x7f)
		return 1;
	if (len == 2 && c == 0xc2 && (unsigned char)s.p[1] < 0xa0)
		return 2;
	return s.n && !len;
}

void utf8_make_plain(char *text)
{
	for (struct span rest = span_of_str(text); rest.n;) {
		size_t bad = utf8_control_len(rest);
		char *at = text + (rest.p - text);

		memset(at, '?', bad);
		rest = span_sub(rest, bad ? bad : utf8_len(rest));
	}
}
