/*
 * Entries of directories moved on one file system: by rename, and where overlayfs refuses to rename a
 * directory of a lower layer (EXDEV), by a new directory into which what is in it is moved. Files
 * keep their inode or are copied up by the kernel; names of one file stay names of one file.
 */
#ifndef OCI_RUN_MOVE_H
#define OCI_RUN_MOVE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/strv.h"

struct move_link; /* move.c's */

/* One for all that is moved between the same two directories. */
struct mover {
	int from, to;	  /* borrowed */
	bool was_by_hand; /* a directory could not be renamed */
	struct buf path;  /* where we are below both */
	struct move_link *links;
	size_t nr_links, cap_links;
};
void mover_init(struct mover *m, int from, int to);
void mover_release(struct mover *m);
#define auto_mover CLEANUP(mover_release)

/*
 * A directory that is there already takes what is in the one that comes; its own attributes stay. Any
 * other that is there is replaced. After an error what was moved stays moved: the same call again goes on.
 */
int move_entry(struct mover *m, const char *name, struct err *e) MUST_CHECK;

/* The names in a directory, sorted, but for those in `without`. */
int move_names(struct strv *out, int dirfd, const struct strv *without, struct err *e) MUST_CHECK;

#endif
