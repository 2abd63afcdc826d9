/*
 * The directories behind RUN --mount=type=cache: below cache/mounts of the root, one for each id, each
 * with a lock beside it. They outlive builds and are never part of a layer.
 *
 * Who may use one at the same time is docker's `sharing`: shared by all, private (another one for who
 * comes second), locked (who comes second waits). Builds of one root on one machine see each other.
 */
#ifndef OCI_BUILD_RUN_CACHE_H
#define OCI_BUILD_RUN_CACHE_H

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
 * *dir_fd: the directory; *lock: held until it is closed. name: for a directory of the workspace.
 * ERR_CANCELLED while it waits.
 */
int run_cache_open(int *dir_fd, int *lock, const struct op *op, const struct workspace *ws,
		   const char *name, const struct run_cache *c, struct err *e) MUST_CHECK;

#endif
