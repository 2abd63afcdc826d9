/*
 * Whether this is a container whose root may be anybody's for a while, or a machine: told from what
 * container engines leave behind, since there is no call to ask.
 */
#ifndef OCI_RUN_CONTAINER_H
#define OCI_RUN_CONTAINER_H

#include "base/err.h"
#include "base/span.h"
#include "base/strv.h"

struct container_facts {
	bool has_marker;       /* /.dockerenv or /run/.containerenv */
	struct span cgroup;    /* /proc/1/cgroup and /proc/self/cgroup */
	struct span first;     /* /proc/1/comm: the first process's name */
	struct span mountinfo; /* /proc/self/mountinfo */
};

/* Pure. ERR_IMPOSSIBLE: it is none, says why. */
int container_judge(const struct container_facts *f, struct err *e) MUST_CHECK;
/* The same with the facts of here. */
int container_check(struct err *e) MUST_CHECK;

/* All mount points of a mountinfo but "/" itself, without the slash at the front. Pure. */
void container_mounts(struct strv *out, struct span mountinfo);
#define MOUNTINFO_MAX (16u << 20)

#endif
