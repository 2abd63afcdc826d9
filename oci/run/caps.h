/*
 * The capabilities of a RUN, as masks: Docker's default set or less, nothing inheritable, nothing
 * ambient. What we do not have ourselves is no error.
 */
#ifndef OCI_RUN_CAPS_H
#define OCI_RUN_CAPS_H

#include "base/err.h"

uint64_t caps_docker(void);
/*
 * For a RUN that shares our /proc: that set, so that this process, and every other that has as much,
 * has one capability more than it. The kernel then lets it neither trace us nor see our environment,
 * memory, files, root and working directory. ERR_IMPOSSIBLE: we have none that could make the
 * difference.
 */
int caps_apart(uint64_t *kept, struct err *e) MUST_CHECK;
/* That, without what leads out of a chroot: the right to do it again and, where devices are not
 * restricted by other means, to make them. dirfd: a directory to try that in. */
int caps_apart_chroot(uint64_t *kept, int dirfd, struct err *e) MUST_CHECK;

/* First half, with all rights still there: the bounding set, so that no program brings more. */
int caps_bound(uint64_t kept, struct err *e) MUST_CHECK;
/* Second half, after the ids are set. */
int caps_set(uint64_t kept, struct err *e) MUST_CHECK;

#endif
