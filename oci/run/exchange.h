/*
 * A tree in the place of another, by renames, and back: how a stage's directory becomes "/" where
 * nothing can be mounted.
 *
 * What is kept stays where it is: mount points, our own files. A directory that holds something kept
 * is merged: the entries of the one tree leave it, those of the other come, and it takes the other's
 * mode, owner and times. Everything else goes by one rename, whatever is in it.
 *
 *	exchange_in()  -> the tree is in root_fd -> exchange_out()
 *	killed between -> exchange_restore(), in another process
 *
 * What comes to be in a merged directory meanwhile belongs to the tree and goes with it; what comes
 * to be in something kept stays there. An entry of the tree that has a kept one's name stays
 * out of sight in the tree, unchanged.
 *
 * State, in the directory `own` on the same file system:
 *	aside/N/	entries of the N-th merged directory that had to leave
 *	files/N		copies of files whose bytes are put back
 *	journal.job	the list of merged directories (merged.h): what is in them is their own, or lies aside
 *	journal.tree	the same list: their own lies aside, what is in them is the tree's
 *	journal.new	a list that was not written to its end: says nothing
 * The journal's name changes by one rename between the two halves of each way, so that an end at any
 * moment can be told from the names alone.
 */
#ifndef OCI_RUN_EXCHANGE_H
#define OCI_RUN_EXCHANGE_H

#include "base/err.h"
#include "base/strv.h"

#define EXCHANGE_JOB  "journal.job"
#define EXCHANGE_TREE "journal.tree"
#define EXCHANGE_NEW  "journal.new"

struct exchange_place {
	int root_fd;	   /* what is exchanged: "/", or a test's directory */
	const char *own;   /* path of own_fd, for messages */
	int own_fd;	   /* below it, and kept */
	struct strv kept;  /* paths from the root, without a slash at either end */
	struct strv files; /* kept ones that are regular files, whose bytes are put back */
};

struct exchange;

/* tree_fd: the directory that comes, on the same file system; borrowed until out. After an error
 * everything is as it was, or the error says what is not. */
int exchange_in(struct exchange **out, const struct exchange_place *place, int tree_fd,
		struct err *e) MUST_CHECK;

/* Paths of the tree that are out of sight, because something kept is in their place. */
const struct strv *exchange_hidden(const struct exchange *x);

/*
 * Frees x in any case. An error may also say that the tree has lost something; when the root's own
 * entries and files could not all be put back it says what lies where, and the journal and all copies
 * stay.
 */
int exchange_out(struct exchange *x, struct err *e) MUST_CHECK;

/* 1: something was put back. 0: there was nothing to do. What was in the tree is removed. */
int exchange_restore(const struct exchange_place *place, struct err *e) MUST_CHECK;

#endif
