/*
 * What the toolkit itself consists of, before and after a RUN that could write to it: root can change a
 * program that the job starts next, with the job's secrets. It cannot be hindered, but noticed: the
 * time of a change of an inode is nobody's to set.
 */
#ifndef OCI_RUN_GUARD_H
#define OCI_RUN_GUARD_H

#include "base/err.h"
#include "base/strv.h"

/* All that is below dir but for the names directly in it that `without` has, a line each. */
int guard_look(struct strv *out, int dirfd, const struct strv *without, struct err *e) MUST_CHECK;
/* ERR_FAILED names the first difference. dir: for the message. */
int guard_compare(const struct strv *before, const struct strv *after, const char *dir,
		  struct err *e) MUST_CHECK;

#endif
