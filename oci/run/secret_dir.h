/*
 * A directory in memory (/dev/shm) for the secrets of one RUN, where "/" is the RUN's own tree. A link
 * to it in our own directory is there before it is, and goes after it, so that whoever comes after a
 * kill finds it. The monitor removes it, too, when main is dead.
 */
#ifndef OCI_RUN_SECRET_DIR_H
#define OCI_RUN_SECRET_DIR_H

#include "base/err.h"

/* What is made in it can be reached by who knows its name. -1 without an error: there is no such memory. */
int secret_dir_make(int own_fd, struct err *e) MUST_CHECK;
/* What the link leads to, if there is one. */
int secret_dir_remove(int own_fd, struct err *e) MUST_CHECK;

#endif
