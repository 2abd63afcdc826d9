/*
 * RUN in new mount, pid, ipc and uts namespaces over overlayfs; for a user
 * who is not root in a new user namespace, too.
 *
 * sandbox_ns_open must be called while the process has one thread: it enters a user namespace
 * when needed, a private mount namespace always (so that no mount of ours is seen outside
 * and none outlives us, whatever ends us), and forks the helper, a small
 * process that knows no credentials and starts every RUN.
 */
#ifndef OCI_RUN_SANDBOX_NS_H
#define OCI_RUN_SANDBOX_NS_H

#include "oci/run/sandbox.h"

/*
 * ERR_IMPOSSIBLE: says which call was refused. *how (owned by the caller; how may be NULL) tells
 * in a few words what was chosen: "ns (root)", "ns (user namespace with 65537 ids)", …
 */
int sandbox_ns_open(struct sandbox **out, char **how, struct err *e) MUST_CHECK;

#endif
