/*
 * Logical lines: what a Dockerfile's text is before words mean anything.
 *
 * Takes off the byte order mark, "\r\n", comments, blank lines and
 * continuations, and knows the parser directives at the top (directive.h). Bodies of
 * here-documents are taken from it by who knows that a line opens one.
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
#include "oci/dockerfile/directive.h"

struct lex {
	struct span rest; /* borrowed text */
	unsigned line;	  /* physical lines taken so far */
	struct directives directives;
	struct buf folded, doc;
	unsigned *empty; /* lines that are empty inside an instruction */
	size_t nr_empty, cap_empty;
};

struct lex_line {
	/* begins with a word; blanks at its end are kept. This and doc are good until the next lex_next */
	struct span text;
	struct span doc; /* the comment lines right above, "#" and blanks taken off; may be empty */
	unsigned number; /* of the physical line with the first word, from 1 */
};

/* ERR_INPUT: NUL bytes, a wrong or repeated directive. text must outlive lx; release it only
 * after success. */
int lex_open(struct lex *lx, const char *file, struct span text, struct err *e) MUST_CHECK;
bool lex_next(struct lex *lx, struct lex_line *out); /* false at the end */
/*
 * Lines as they stand in the file, with their ends, up to the one that is `end` (and without that
 * one, which is taken; tabs may stand before it if `tabs`). false: there is none, and lx is at the
 * end of the text.
 */
bool lex_body(struct lex *lx, struct span *out, const char *end, bool tabs);
void lex_release(struct lex *lx);

#define auto_lex CLEANUP(lex_release)

#endif
