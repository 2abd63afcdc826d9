/*
 * A pattern is runs of characters with stars between them. Each run but the last goes to the
 * first place where it fits; that never loses a match, so there is no going back.
 * The end of a text is matched by turning both around.
 */
#include "oci/dockerfile/pattern.h"

#include "base/mem.h"
#include "oci/dockerfile/message.h"

enum piece_kind {
	PIECE_CHAR,
	PIECE_ANY, /* one character */
	PIECE_STAR,
};

struct pattern_piece {
	uint8_t kind, n;
	char bytes[4];
};

/* Bytes that are not UTF-8 are characters of their own. */
static size_t char_len(struct span s)
{
	size_t n = utf8_len(s);

	return n ? n : 1;
}

static int bad_escape(struct span text, struct span escaped, struct err *e)
{
	return err_set(e, ERR_INPUT,
		       "invalid pattern (" MESSAGE_FMT ") in substitution: invalid escape '\\%.*s'",
		       MESSAGE_ARG(text), (int)(escaped.n ? char_len(escaped) : 0), escaped.p);
}

/* Behind a '\': what may stand here; '}' and '/' had to be escaped only to get here. */
static bool may_be_escaped(struct span s)
{
	return s.n && strchr("*?\\}/", s.p[0]);
}

int pattern_parse(struct pattern *out, struct span text, struct err *e)
{
	struct pattern p = { 0 };
	struct span rest = text;

	if (text.n > PATTERN_MAX)
		return err_set(e, ERR_INPUT, "a pattern of more than %d bytes", PATTERN_MAX);
	p.v = mem_zalloc((text.n + 1) * sizeof(*p.v));
	while (rest.n) {
		struct pattern_piece *piece = &p.v[p.n++];
		bool escaped = span_take(&rest, "\\");

		if (escaped && !may_be_escaped(rest)) {
			free(p.v);
			return bad_escape(text, rest, e);
		}
		piece->n = (uint8_t)char_len(rest);
		memcpy(piece->bytes, rest.p, piece->n);
		if (!escaped && rest.p[0] == '*')
			piece->kind = PIECE_STAR;
		else if (!escaped && rest.p[0] == '?')
			piece->kind = PIECE_ANY;
		rest = span_sub(rest, piece->n);
	}
	*out = p;
	return 0;
}

void pattern_release(struct pattern *p)
{
	free(p->v);
	*p = (struct pattern){ 0 };
}

/* -- one run ----------------------------------------------------------------------- */

struct run {
	const struct pattern_piece *v;
	size_t n;
};

/* The run at p's piece *i, which goes to the star behind it or to p's end. */
static struct run take_run(const struct pattern *p, size_t *i)
{
	struct run r = { .v = p->v + *i };

	while (*i < p->n && p->v[*i].kind != PIECE_STAR)
		++*i;
	r.n = (size_t)(p->v + *i - r.v);
	return r;
}

/* Whether it fits at text's start; *n: how much. */
static bool run_fits(const struct run *r, struct span text, size_t *n)
{
	size_t at = 0;

	for (size_t i = 0; i < r->n; i++) {
		const struct pattern_piece *piece = &r->v[i];
		struct span rest = span_sub(text, at);

		if (!rest.n)
			return false;
		if (piece->kind == PIECE_CHAR &&
		    (rest.n < piece->n || memcmp(rest.p, piece->bytes, piece->n) != 0))
			return false;
		at += piece->kind == PIECE_CHAR ? piece->n : char_len(rest);
	}
	*n = at;
	return true;
}

/* From `at` on; *end: behind it. The first place, or the last one. */
static bool run_search(const struct run *r, struct span text, size_t at, bool last, size_t *end)
{
	bool found = false;
	size_t n;

	for (;;) {
		if (run_fits(r, span_sub(text, at), &n)) {
			found = true;
			*end = at + n;
			if (!last)
				break;
		}
		if (at >= text.n)
			break;
		at += char_len(span_sub(text, at));
	}
	return found;
}

/* -- all of it ----------------------------------------------------------------------- */

bool pattern_prefix(const struct pattern *p, struct span text, bool longest, size_t *n)
{
	size_t i = 0, end;
	struct run r = take_run(p, &i);

	if (!run_fits(&r, text, &end))
		return false;
	while (i < p->n) {
		i++; /* the star */
		r = take_run(p, &i);
		if (!run_search(&r, text, end, longest && i == p->n, &end))
			return false;
	}
	*n = end;
	return true;
}

bool pattern_find(const struct pattern *p, struct span text, size_t *at, size_t *n)
{
	for (size_t i = *at;; i += char_len(span_sub(text, i))) {
		size_t begin = 0, ignored;
		struct run first = take_run(p, &begin);

		if (run_fits(&first, span_sub(text, i), &ignored)) {
			*at = i;
			/* what is not found behind this place is not found behind a later one */
			return pattern_prefix(p, span_sub(text, i), true, n);
		}
		if (i >= text.n)
			return false;
	}
}

static void turn(struct span text, char *out)
{
	out += text.n;
	while (text.n) {
		size_t n = char_len(text);

		out -= n;
		memcpy(out, text.p, n);
		text = span_sub(text, n);
	}
}

bool pattern_suffix(const struct pattern *p, struct span text, bool longest, size_t *n)
{
	auto_free char *turned = mem_alloc(text.n + 1);
	auto_pattern struct pattern q = { .v = mem_zalloc((p->n + 1) * sizeof(*q.v)), .n = p->n };

	turn(text, turned);
	for (size_t i = 0; i < p->n; i++)
		q.v[i] = p->v[p->n - 1 - i];
	return pattern_prefix(&q, span_of(turned, text.n), longest, n);
}
