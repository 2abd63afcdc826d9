/*
 * A file or a whole directory copied as it is: owners, modes, times, attributes, links among its
 * files, holes. Where a mount would show it and cannot be had.
 */
#ifndef OCI_RUN_COPY_TREE_H
#define OCI_RUN_COPY_TREE_H

#include "base/err.h"

/*
 * What from_fd is (O_PATH will do, sockets will not) as `name` in dirfd, where that is not yet. What
 * an error leaves there is the caller's to remove. stop_fd: anything on it, looked at from file to
 * file, is ERR_CANCELLED; -1: nothing is.
 */
int copy_tree(int dirfd, const char *name, int from_fd, int stop_fd, struct err *e) MUST_CHECK;

#endif
