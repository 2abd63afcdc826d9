/*
 * Secrets that a RUN writes to its output are not shown: each text of a list is replaced by "***".
 * A help against accidents, not a wall: a secret that is written in any other form is shown.
 */
#ifndef OCI_RUN_HIDE_H
#define OCI_RUN_HIDE_H

#include "base/buf.h"
#include "base/strv.h"

#define HIDE_MIN      4 /* shorter texts are too common in ordinary output to be replaced */
#define HIDE_LINE_MIN 8 /* the same for one of several lines of a secret */

/* What of a secret's bytes is looked for in lines. Adds to texts. */
void hide_add(struct strv *texts, struct span secret);
/* The line as it may be shown; false: it is as it was, and out is not touched. */
bool hide_line(struct buf *out, struct span line, const struct strv *texts);

#endif
