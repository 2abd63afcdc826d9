/*
 * A name in a tree that shows something else while a RUN runs, where that cannot be mounted on it: what
 * is there goes aside by a rename, and comes back by one.
 *
 *	cover_begin() -> parent_fd/name is free: something is put there -> cover_done()
 *	-> the RUN -> cover_end()
 *
 * What a RUN leaves is hostile: everything is done through the descriptor of the directory that held
 * the name, so a link in its place is removed like anything else and never followed.
 */
#ifndef OCI_RUN_COVER_H
#define OCI_RUN_COVER_H

#include <sys/stat.h>

#include "base/err.h"
#include "oci/run/stubs.h"

/* What becomes of what was put there. */
enum cover_after {
	COVER_GOES,  /* it is removed */
	COVER_WIPED, /* the same, wherever the RUN has moved it, and its bytes first: a secret */
	COVER_GOES_HOME, /* it goes to home, wherever the RUN has moved it */
};
struct cover {
	struct stubs stubs; /* directories above it that were missing */
	int parent_fd;
	char *name;
	char *covered;	    /* the name aside of what was there; NULL: nothing was */
	struct stat parent; /* as it was before */
	bool has_begun;	    /* the name is ours */

	enum cover_after after;
	int own_fd;  /* what was put there: O_PATH; of a secret it can be written */
	int home_fd; /* GOES_HOME: a directory and a name in it */
	char *home;
	bool is_copy; /* GOES_HOME: the original is still there, to be replaced */
};
#define COVER_INIT ((struct cover){ .parent_fd = -1, .own_fd = -1, .home_fd = -1 })

/*
 * path: absolute, links are followed inside the tree; missing parents are made. Without a slash at
 * its start it is a name in the root, whatever that is. What is there goes to aside_fd/aside_name.
 * ERR_FAILED; e->sys is EBUSY when it is a mount, EXDEV when aside_fd is on another file system.
 */
int cover_begin(struct cover *c, int root_fd, const char *path, int aside_fd,
		const char *aside_name, struct err *e) MUST_CHECK;
/* Takes note of what is there now. */
int cover_done(struct cover *c, struct err *e) MUST_CHECK;
/* Also after a failed cover_begin. Frees c. An error: the tree is not what it was. */
int cover_end(struct cover *c, int aside_fd, struct err *e) MUST_CHECK;

#endif
