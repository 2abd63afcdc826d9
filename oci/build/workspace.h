/*
 * One build's own directory, tmp/<id>/ below the root, and who may remove it: a lock file
 * beside it is held as long as the build lives. Opening one removes what killed builds left, less what a RUN
 * of theirs still holds after a moment.
 */
#ifndef OCI_BUILD_WORKSPACE_H
#define OCI_BUILD_WORKSPACE_H

#include <sys/types.h>

#include "base/err.h"

struct workspace {
	char *root; /* absolute */
	char *path; /* absolute: root/tmp/<id> */
	char *id;
	int tmp_fd, lock; /* -1: not open */
	dev_t root_dev;	  /* of root: never part of a context */
	ino_t root_ino;
};
#define WORKSPACE_INIT ((struct workspace){ .tmp_fd = -1, .lock = -1 })

/* root is made when missing. */
int workspace_open(struct workspace *w, const char *root, struct err *e) MUST_CHECK;
void workspace_release(struct workspace *w); /* removes the directory */

/* A new directory in it; its absolute path, owned by the caller. NULL: e says why. */
char *workspace_dir(const struct workspace *w, const char *name, struct err *e) MUST_CHECK;

/* From here on directories are made in a new one, and may have the same names as before. */
int workspace_begin_again(struct workspace *w, struct err *e) MUST_CHECK;

#define auto_workspace CLEANUP(workspace_release)

#endif
