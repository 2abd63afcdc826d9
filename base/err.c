/*
 * Errors are formatted aside and then copied into the err with everything made
 * harmless that a terminal would act on: control bytes and bytes that are not
 * UTF-8 appear as \n, \t or \xNN. A backslash stays as it is, so wrapping text
 * that was made harmless before does not change it again.
 *
 * Formatting aside is also what lets an argument point into the err itself.
 */
#include "base/err.h"

#include <errno.h>

#include "base/span.h"

#define ELLIPSIS     "\xe2\x80\xa6"
#define ELLIPSIS_LEN (sizeof(ELLIPSIS) - 1)

/* Twice what fits: what vsnprintf cuts off would not have fitted anyway. */
#define RAW_MAX (2 * ERR_TEXT_MAX)

struct raw {
	char text[RAW_MAX];
	size_t n;
};

static void raw_end(struct raw *r, int n)
{
	if (n > 0)
		r->n += (size_t)n;
	if (r->n >= sizeof(r->text))
		r->n = sizeof(r->text) - 1;
}

static void raw_vadd(struct raw *r, const char *fmt, va_list ap)
{
	raw_end(r, vsnprintf(r->text + r->n, sizeof(r->text) - r->n, fmt, ap));
}

static void raw_add(struct raw *r, const char *s)
{
	raw_end(r, snprintf(r->text + r->n, sizeof(r->text) - r->n, "%s", s));
}

/* One character of in, as it may be shown; returns how many bytes of in it took. */
static size_t show_char(char out[8], size_t *out_n, struct span in)
{
	unsigned char c = (unsigned char)in.p[0];
	size_t len = utf8_len(in);
	/* U+0080 to U+009F are control characters too */
	bool c1 = len == 2 && c == 0xc2 && (unsigned char)in.p[1] < 0xa0;

	if (len && !c1 && c >= 0x20 && c != 0x7f) {
		memcpy(out, in.p, len);
		*out_n = len;
		return len;
	}
	if (c == '\n' || c == '\t')
		*out_n = (size_t)snprintf(out, 8, "\\%c", c == '\n' ? 'n' : 't');
	else
		*out_n = (size_t)snprintf(out, 8, "\\x%02x", c1 ? (unsigned char)in.p[1] : c);
	return c1 ? 2 : 1;
}

static void store(struct err *e, const struct raw *r)
{
	struct span rest = span_of(r->text, r->n);
	size_t n = 0, room_for_more = 0; /* the longest text that leaves room for the ellipsis */

	while (rest.n) {
		char piece[8];
		size_t piece_n;

		rest = span_sub(rest, show_char(piece, &piece_n, rest));
		if (n + piece_n >= ERR_TEXT_MAX) {
			memcpy(e->text + room_for_more, ELLIPSIS, ELLIPSIS_LEN);
			n = room_for_more + ELLIPSIS_LEN;
			break;
		}
		memcpy(e->text + n, piece, piece_n);
		n += piece_n;
		if (n + ELLIPSIS_LEN < ERR_TEXT_MAX)
			room_for_more = n;
	}
	e->text[n] = '\0';
}

int err_vset(struct err *e, enum err_kind kind, const char *fmt, va_list ap)
{
	struct raw r = { .n = 0 };

	raw_vadd(&r, fmt, ap);
	e->kind = kind;
	e->sys = 0;
	e->excerpt[0] = '\0';
	store(e, &r);
	return -1;
}

int err_set(struct err *e, enum err_kind kind, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	err_vset(e, kind, fmt, ap);
	va_end(ap);
	return -1;
}

static enum err_kind kind_of_errno(int sys)
{
	switch (sys) {
	case ENOENT:
		return ERR_ABSENT;
	case ENOSPC:
	case EROFS:
	case EDQUOT:
		return ERR_IMPOSSIBLE;
	default:
		return ERR_FAILED;
	}
}

int err_sys(struct err *e, const char *fmt, ...)
{
	int sys = errno; /* before anything here can change it */
	struct raw r = { .n = 0 };
	char why[128];
	va_list ap;

	va_start(ap, fmt);
	raw_vadd(&r, fmt, ap);
	va_end(ap);
	raw_add(&r, ": ");
	raw_add(&r, strerror_r(sys, why, sizeof(why)));
	e->kind = kind_of_errno(sys);
	e->sys = sys;
	e->excerpt[0] = '\0';
	store(e, &r);
	errno = sys;
	return -1;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
	struct raw r = { .n = 0 };
	va_list ap;

	if (e->kind == ERR_CANCELLED)
		return -1;
	va_start(ap, fmt);
	raw_vadd(&r, fmt, ap);
	va_end(ap);
	raw_add(&r, ": ");
	raw_add(&r, e->text);
	store(e, &r);
	return -1;
}

int err_full_disk(struct err *e, const char *where)
{
	if (e->sys == ENOSPC || e->sys == EDQUOT) {
		err_wrap(e, "the disk of '%.200s' is full", where);
		e->sys = 0;
	}
	return -1;
}

/* What of one line can be shown, and its end; false: there is no room for it. */
static bool add_line(struct err *e, size_t *n, struct span line)
{
	size_t at = *n;

	while (line.n) {
		char piece[8];
		size_t piece_n;

		line = span_sub(line, show_char(piece, &piece_n, line));
		if (at + piece_n + 1 >= ERR_EXCERPT_MAX)
			return false;
		memcpy(e->excerpt + at, piece, piece_n);
		at += piece_n;
	}
	if (at + 1 >= ERR_EXCERPT_MAX)
		return false;
	e->excerpt[at++] = '\n';
	*n = at;
	return true;
}

void err_excerpt(struct err *e, struct span lines)
{
	struct span line;
	size_t n = 0;

	if (e->excerpt[0] || e->kind == ERR_CANCELLED)
		return;
	while (span_line(&lines, &line) && add_line(e, &n, line))
		;
	e->excerpt[n] = '\0';
}

void err_clear(struct err *e)
{
	e->excerpt[0] = '\0';
	e->kind = ERR_NONE;
	e->sys = 0;
	e->text[0] = '\0';
}
