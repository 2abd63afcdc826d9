/*
 * Ways in which the rest of an instruction's line is cut into words. Nothing is
 * expanded; quotes stay where expansion will want them.
 */
#ifndef OCI_DOCKERFILE_WORDS_H
#define OCI_DOCKERFILE_WORDS_H

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"
#include "base/strv.h"

/*
 * More than this many in one file are refused; the cutters stop soon after it. Keeps what costs
 * words times words later (environments, names) harmless for a hostile file.
 */
#define WORDS_MAX 16384

/*
 * Takes one "--flag[=value]" off, its quotes and escapes undone, into out (reset first).
 * 1: taken, 0: no flag is next (a bare "--" is taken and ends the flags), -1: a quote is not
 * closed.
 */
int words_take_flag(struct buf *out, struct span *rest, struct err *e) MUST_CHECK;

/* At blanks; adds to out. */
void words_split(struct strv *out, struct span text);

/* At blanks outside quotes; quotes and escapes are kept. */
void words_split_quoted(struct strv *out, struct span text, char escape);

/*
 * The exec form: a JSON array of strings. 1: it is one, its strings are added; 0: it is not JSON;
 * -1: an array that holds something else.
 */
int words_from_json(struct strv *out, struct span text, struct err *e) MUST_CHECK;

#endif
