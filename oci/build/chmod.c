/*
 * Clauses are applied one after the other, each to what the one before left. As in GNU chmod, a
 * directory keeps setuid and setgid through "=" unless the clause itself has an s.
 */
#include "oci/build/chmod.h"

#include <sys/stat.h>

#include "base/span.h"

#define ALL_X (S_IXUSR | S_IXGRP | S_IXOTH)

static mode_t who_bits(char c)
{
	switch (c) {
	case 'u':
		return S_ISUID | S_IRWXU;
	case 'g':
		return S_ISGID | S_IRWXG;
	case 'o':
		return S_ISVTX | S_IRWXO;
	case 'a':
		return 07777;
	default:
		return 0;
	}
}

/* One letter behind the operator; false: it is none. */
static bool take_perm(struct chmod_clause *c, char letter)
{
	switch (letter) {
	case 'r':
		c->bits |= S_IRUSR | S_IRGRP | S_IROTH;
		return true;
	case 'w':
		c->bits |= S_IWUSR | S_IWGRP | S_IWOTH;
		return true;
	case 'x':
		c->bits |= ALL_X;
		return true;
	case 'X':
		c->x_if_any = true;
		return true;
	case 's':
		c->bits |= S_ISUID | S_ISGID;
		return true;
	case 't':
		c->bits |= S_ISVTX;
		return true;
	default:
		return false;
	}
}

static bool is_operator(char c)
{
	return c == '+' || c == '-' || c == '=';
}

/* "=rwX", "+g": p is at the operator. NULL: what follows is no permission. */
static const char *take_action(struct chmod_clause *c, const char *p)
{
	c->op = *p++;
	if (*p == 'u' || *p == 'g' || *p == 'o') {
		c->like = *p++;
	} else {
		while (take_perm(c, *p))
			p++;
	}
	c->named = c->bits & (S_ISUID | S_ISGID);
	return !*p || *p == ',' || is_operator(*p) ? p : NULL;
}

/* "go=rX+w" up to the comma. NULL: malformed, or too many. */
static const char *take_clause(struct chmod_rule *r, const char *p)
{
	mode_t affected = 0;

	while (who_bits(*p))
		affected |= who_bits(*p++);
	if (!is_operator(*p))
		return NULL;
	while (p && is_operator(*p)) {
		struct chmod_clause c = { .affected = affected ? affected : 07777 };

		if (r->nr == CHMOD_CLAUSES_MAX)
			return NULL;
		p = take_action(&c, p);
		r->clauses[r->nr++] = c;
	}
	return p;
}

static int parse_list(struct chmod_rule *r, const char *text)
{
	const char *p = text;

	do {
		p = take_clause(r, p);
		if (!p)
			return -1;
	} while (*p++ == ',');
	return 0;
}

int chmod_parse(struct chmod_rule *out, const char *text, struct err *e)
{
	struct chmod_rule r = { .nr = 0 };
	uint32_t octal;

	if (span_to_octal(&octal, span_of_str(text)) == 0) {
		*out = (struct chmod_rule){ .is_octal = true, .mode = octal };
		return 0;
	}
	if (*text >= '0' && *text <= '9')
		return err_set(e, ERR_INPUT,
			       "invalid chmod parameter: '%.100s'. it should be octal string and "
			       "between 0 and 07777",
			       text);
	if (parse_list(&r, text) < 0)
		return err_set(e, ERR_INPUT,
			       "invalid chmod parameter: '%.100s'. it should be octal or a list "
			       "like u=rwX,go=rX",
			       text);
	*out = r;
	return 0;
}

/* What u, g or o may now, for all three. */
static mode_t bits_like(char who, mode_t mode)
{
	mode_t three = who == 'u' ? mode >> 6 : who == 'g' ? mode >> 3 : mode;

	three &= 7;
	return three << 6 | three << 3 | three;
}

static mode_t apply_clause(const struct chmod_clause *c, mode_t mode, bool is_dir)
{
	mode_t kept = is_dir ? (S_ISUID | S_ISGID) & ~c->named : 0;
	mode_t bits = c->like ? bits_like(c->like, mode) : c->bits;

	if (c->x_if_any && (is_dir || (mode & ALL_X)))
		bits |= ALL_X;
	bits &= c->affected;
	if (c->op == '+')
		return mode | bits;
	if (c->op == '-')
		return mode & ~bits;
	return (mode & (~c->affected | kept)) | bits;
}

mode_t chmod_apply(const struct chmod_rule *r, mode_t mode)
{
	bool is_dir = S_ISDIR(mode);

	if (r->is_octal)
		return r->mode;
	mode &= 07777;
	for (size_t i = 0; i < r->nr; i++)
		mode = apply_clause(&r->clauses[i], mode, is_dir);
	return mode;
}
