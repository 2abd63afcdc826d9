/*
 * The namespaces of the whole program: a user namespace when we lack the rights
 * of root, and a mount namespace in which our mounts stay ours.
 * For a process with one thread only.
 */
#ifndef OCI_RUN_USERNS_H
#define OCI_RUN_USERNS_H

#include "base/err.h"

struct userns {
	bool entered;	    /* false: we were root already */
	bool inside;	    /* in a user namespace: that one, or one we were started in */
	bool can_setgroups; /* false: the namespace denies it (one id) */
	char how[96];	    /* one line for people */
};

/* ERR_IMPOSSIBLE names the call that was refused and what would allow it. */
int userns_enter(struct userns *out, struct err *e) MUST_CHECK;

/* A range of /etc/subuid or /etc/subgid for a user (by name or number); false: none. Pure. */
struct span;
bool userns_subid_find(uint64_t *start, uint64_t *count, struct span file, const char *name,
		       uint32_t uid);

#endif
