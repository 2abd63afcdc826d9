/*
 * What users are told about a line of theirs: "FILE:LINE: what is wrong", and
 * the name they may have meant.
 */
#ifndef OCI_DOCKERFILE_MESSAGE_H
#define OCI_DOCKERFILE_MESSAGE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"
#include "oci/dockerfile/ast.h"

/* For "'" MESSAGE_FMT "'": foreign text, cut after a hundred bytes. */
#define MESSAGE_FMT    "%.*s%s"
#define MESSAGE_ARG(s) (int)((s).n > 100 ? 100 : (s).n), (s).p ? (s).p : "", (s).n > 100 ? "…" : ""

/* ERR_INPUT, always -1. line 0: the file as a whole. */
int message_wrong(struct err *e, const char *file, unsigned line, const char *fmt, ...)
	PRINTF_FMT(4, 5);

/* Shows the lines that e is about above its text (base/excerpt.h). word may be NULL. */
void message_excerpt(struct err *e, const struct dockerfile *df, unsigned line, unsigned last_line,
		     const char *word);
/* The same for an instruction: what of it stands in 'ticks' in e's text is marked. */
void message_excerpt_instr(struct err *e, const struct dockerfile *df,
			   const struct dockerfile_instr *in);

/*
 * The closest candidate to word (ASCII case does not count) when it is close enough for a slip of
 * the fingers, else NULL.
 *
 *	struct message_guess g = { .word = word };
 *	message_guess_add(&g, "FROM");
 *	if (g.best) … "(did you mean %s?)", g.best
 */
struct message_guess {
	struct span word;
	const char *best; /* borrowed from what was added */
	size_t distance;
};
void message_guess_add(struct message_guess *g, const char *candidate);
/* " (did you mean X?)", or "". */
#define MESSAGE_HINT_MAX 100
void message_guess_hint(char out[MESSAGE_HINT_MAX], const struct message_guess *g);

#endif
