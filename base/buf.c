/*
 * A growing buffer whose ceiling is part of it. An addition that does not fit
 * adds nothing, and neither does any after it: a buffer is a whole text up to
 * some point or it is `over`, never a text with a hole.
 */
#include "base/buf.h"

#include "base/mem.h"

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .max = max };
}

void buf_release(struct buf *b)
{
	free(b->data);
	*b = (struct buf){ .max = b->max };
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->over = false;
	if (b->data)
		b->data[0] = '\0';
}

/* Room for n more bytes and the NUL; false when that passes the ceiling. */
static bool reserve(struct buf *b, size_t n)
{
	size_t need, cap = b->cap ? b->cap : 64;

	if (b->over || n > b->max - b->len) {
		b->over = true;
		return false;
	}
	need = b->len + n;
	if (need < b->cap)
		return true;
	while (cap <= need && cap <= SIZE_MAX / 2)
		cap *= 2;
	if (cap <= need || (b->max < SIZE_MAX && cap > b->max + 1))
		cap = b->max < SIZE_MAX ? b->max + 1 : SIZE_MAX;
	b->data = mem_resize(b->data, cap, 1);
	b->cap = cap;
	return true;
}

void buf_add(struct buf *b, const void *p, size_t n)
{
	if (!reserve(b, n))
		return;
	if (n)
		memcpy(b->data + b->len, p, n);
	b->len += n;
	b->data[b->len] = '\0';
}

void buf_add_str(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_add_span(struct buf *b, struct span s)
{
	buf_add(b, s.p, s.n);
}

void buf_add_char(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void buf_vaddf(struct buf *b, const char *fmt, va_list ap)
{
	size_t room = b->cap - b->len;
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(b->data ? b->data + b->len : NULL, b->data ? room : 0, fmt, ap);
	if (n < 0) {
		b->over = true;
	} else if (reserve(b, (size_t)n)) {
		if ((size_t)n >= room)
			vsnprintf(b->data + b->len, (size_t)n + 1, fmt, again);
		b->len += (size_t)n;
	}
	va_end(again);
	if (b->data)
		b->data[b->len] = '\0'; /* takes back what did not fit */
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(b, fmt, ap);
	va_end(ap);
}

static const char *json_short_escape(char c)
{
	switch (c) {
	case '"':
		return "\\\"";
	case '\\':
		return "\\\\";
	case '\n':
		return "\\n";
	case '\r':
		return "\\r";
	case '\t':
		return "\\t";
	case '\b':
		return "\\b";
	case '\f':
		return "\\f";
	default:
		return NULL;
	}
}

/* One literal is added whole or not at all. */
void buf_add_json(struct buf *b, const char *s)
{
	struct span rest = span_of_str(s);
	size_t start = b->len;

	buf_add_char(b, '"');
	while (rest.n && !b->over) {
		size_t len = utf8_len(rest);
		const char *escape = json_short_escape(rest.p[0]);

		if (!len)
			buf_add_str(b, "\xef\xbf\xbd");
		else if (escape)
			buf_add_str(b, escape);
		else if ((unsigned char)rest.p[0] < 0x20)
			buf_addf(b, "\\u%04x", (unsigned)rest.p[0]);
		else
			buf_add(b, rest.p, len);
		rest = span_sub(rest, len ? len : 1);
	}
	buf_add_char(b, '"');
	if (b->over) {
		b->len = start;
		if (b->data)
			b->data[start] = '\0';
	}
}

const char *buf_str(const struct buf *b)
{
	return b->data ? b->data : "";
}

struct span buf_span(const struct buf *b)
{
	return span_of(b->data, b->len);
}

char *buf_steal(struct buf *b)
{
	char *out = b->data ? b->data : mem_strdup("");

	*b = (struct buf){ .max = b->max };
	return out;
}
