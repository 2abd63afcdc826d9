/*
 * The mounts that a RUN asks for (spec.h), from both sides:
 *
 *	main: attach_take() makes a mount of its own out of each source, one that hangs nowhere;
 *	it travels as a descriptor
 *	-> the RUN, in its mount namespace, with the tree's root as working directory: attach_files()
 *	before anything of the user's is mounted, then attach_all()
 *
 * So a source is never looked up by a path again once main has it, and no device on it can be opened.
 */
#ifndef OCI_RUN_ATTACH_H
#define OCI_RUN_ATTACH_H

#include "oci/run/spec.h"
#include "oci/run/stubs.h"

/* A descriptor for the helper; -1. ERR_IMPOSSIBLE: this kernel is older than Linux 5.12. */
int attach_take(const struct run_mount *m, struct err *e) MUST_CHECK;

struct attach {
	int fds[RUN_MOUNTS_MAX]; /* by the spec's mounts; TMPFS has -1 */
	size_t nr;
};
/* taken: what attach_take gave, of the mounts that are BIND; the new /dev is there. */
int attach_files(struct attach *a, const struct run_spec *spec, const int *taken, struct err *e)
	MUST_CHECK;
int attach_all(const struct attach *a, const struct run_spec *spec, const struct stubs *stubs,
	       struct err *e) MUST_CHECK;

#endif
