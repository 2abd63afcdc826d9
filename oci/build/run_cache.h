/*
 * The directories behind RUN --mount=type=cache: below cache/mounts of the root, one for each id, each
 * with a lock beside it. They outlive builds and are never part of a layer.
 *
 * Who may use one at the same time is docker's `sharing`: shared by all, private (another one for who
 * comes second), locked (who comes second waits). Builds of one root on one machine see each other.
 */
#ifndef OCI_BUILD_RUN_CACHE_H
#define OCI_BUILD_RUN_CACHE_H

#include "base/hash.h"
#include "base/op.h"
#include "oci/build/workspace.h"

enum run_cache_sharing { RUN_CACHE_SHARED, RUN_CACHE_PRIVATE, RUN_CACHE_LOCKED };

struct run_cache {
	const char *id, *ns; /* ns: BUILDKIT_CACHE_MOUNT_NS, or NULL */
	/* Whatever else makes it another one ("uid=1000"), or "". */
	const char *kind;
	enum run_cache_sharing sharing;
	uint32_t mode, uid, gid; /* of a new one */
	/* Fills a new one; NULL: it is empty. */
	int (*fill)(void *arg, const char *dir, struct err *e);
	void *arg;
};

/*
 * One cache that a RUN has, under however many targets: it is one directory to that RUN, whatever the
 * sharing, so nobody waits for themselves. Whoever wants several takes them in the order of their
 * keys, lest two wait for each other.
 */
struct run_cache_hold {
	char key[HASH_SHA256_HEX + 1]; /* equal for equal caches */
	char *name;		       /* which directory it came to be */
	int lock;
};
#define RUN_CACHE_HOLD_INIT                                                                        \
	{                                                                                          \
		.lock = -1                                                                         \
	}
void run_cache_key(char key[HASH_SHA256_HEX + 1], const struct run_cache *c);
/* ERR_CANCELLED while it waits. */
int run_cache_hold(struct run_cache_hold *out, const struct op *op, const struct workspace *ws,
		   const struct run_cache *c, struct err *e) MUST_CHECK;
void run_cache_release(struct run_cache_hold *h);

/* The directory that h holds, made when it is missing. name: for a directory of the workspace. */
int run_cache_open(const struct run_cache_hold *h, const struct op *op, const struct workspace *ws,
		   const char *name, const struct run_cache *c, struct err *e) MUST_CHECK;

#endif
