/*
 * RUN in a chroot: for root who may make neither namespaces nor mounts, in a container say.
 * The tree is a directory that is changed in place (is_flat), the process is bare (helper.h).
 *
 * A RUN sees the tree and in it a /dev with a few devices, but no /proc and no /sys: java, cargo
 * and ps do not work there. It has the network, the limits and the processes' numbers of whoever
 * builds. It keeps an ordinary RUN inside, but is no wall: it can send signals to all of root's.
 *
 * sandbox_chroot_open must be called while the process has one thread: it forks the helper.
 */
#ifndef OCI_RUN_SANDBOX_CHROOT_H
#define OCI_RUN_SANDBOX_CHROOT_H

#include "oci/run/sandbox.h"

/* ERR_IMPOSSIBLE: says which call was refused. *how (owned by the caller; how may be NULL): one line
 * for people. */
int sandbox_chroot_open(struct sandbox **out, char **how, struct err *e) MUST_CHECK;

#endif
