/* Archives that cannot be read in place, since they are compressed or come through a pipe. */
#ifndef CMD_CPUSH_SPOOL_H
#define CMD_CPUSH_SPOOL_H

#include "base/cc.h"
#include "base/err.h"
#include "base/op.h"

/*
 * A descriptor to read `path` at any place: the file itself, or an unnamed copy of its bytes,
 * unpacked, in $TMPDIR (/var/tmp), which is gone with the descriptor. "-": standard input. -1: *e.
 */
int cpush_spool_open(const struct op *op, const char *path, struct err *e) MUST_CHECK;

#endif
