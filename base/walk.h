/*
 * A tree in sorted order (bytes), depth first, parents before children, by
 * descriptors only: nothing that changes meanwhile can lead the walk outside.
 *
 *	struct walk_entry ent;
 *	while ((r = walk_next(w, &ent, e)) > 0) {
 *		if (S_ISDIR(ent.st.st_mode) && uninteresting)
 *			walk_skip(w);
 *	}
 *
 * The walk does not enter other file systems (it reports where they are mounted) unless told to.
 * What disappears before it is looked at is left out. It holds one descriptor per level; a tree
 * deeper than WALK_DEPTH_MAX is ERR_INPUT.
 */
#ifndef BASE_WALK_H
#define BASE_WALK_H

#include <sys/stat.h>

#include "base/cc.h"
#include "base/err.h"

#define WALK_DEPTH_MAX 512

struct walk;
struct walk_entry {
	const char *path; /* from the start, "a/b"; borrowed until the next call */
	const char *name; /* last component of path */
	int dirfd;	  /* directory that holds name; borrowed */
	struct stat st;	  /* lstat */
	size_t depth;	  /* 0 for entries directly in the start */
};

/* Starts below dirfd (which stays the caller's). The start itself is not reported. */
int walk_open(struct walk **out, int dirfd, struct err *e) MUST_CHECK;
/* 1 an entry, 0 the end, -1 an error. */
int walk_next(struct walk *w, struct walk_entry *ent, struct err *e) MUST_CHECK;
void walk_cross_mounts(struct walk *w); /* enter other file systems, too */
void walk_skip(struct walk *w);		/* do not enter the directory just reported */
void walk_close(struct walk *w);	/* NULL is fine */

DEFINE_AUTO(walk, walk_close)
#define auto_walk CLEANUP(walk_auto_)

#endif
