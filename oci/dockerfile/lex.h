/*
 * Logical lines: what a Dockerfile's text is before words mean anything.
 *
 * Takes off the byte order mark, "\r\n", comments, blank lines and
 * continuations, and reads the parser directives at the top (escape, syntax,
 * check; only escape changes anything here, a frontend is never fetched).
 *
 *	struct lex lx;
 *	if (lex_open(&lx, file, text, e) < 0) …
 *	while (lex_next(&lx, &line))
 *		use(line.text, line.number);
 *	lex_release(&lx);
 */
#ifndef OCI_DOCKERFILE_LEX_H
#define OCI_DOCKERFILE_LEX_H

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

struct lex {
	struct span rest; /* borrowed text */
	unsigned line;	  /* physical lines taken so far */
	char escape;	  /* '\\' or '`' */
	struct buf folded;
};

struct lex_line {
	struct span text; /* trimmed, never empty; good until the next lex_next */
	unsigned number;  /* of the physical line with the first word, from 1 */
};

/* ERR_INPUT: NUL bytes, a wrong or repeated directive. text must outlive lx; release it only
 * after success. */
int lex_open(struct lex *lx, const char *file, struct span text, struct err *e) MUST_CHECK;
bool lex_next(struct lex *lx, struct lex_line *out); /* false at the end */
void lex_release(struct lex *lx);

#define auto_lex CLEANUP(lex_release)

#endif
