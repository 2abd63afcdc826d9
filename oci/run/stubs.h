/*
 * Mount points that the tree lacks: made before the RUN (on the tree, outside the new
 * namespaces) and taken away after it, so that they never stay in a layer; directories that had
 * them keep their times.
 *
 * Images are hostile, and so is what a RUN leaves: a mount point is reached through links only
 * inside the tree, and it is removed through the descriptor of the directory it was made in, as
 * long as it is the same file and empty.
 */
#ifndef OCI_RUN_STUBS_H
#define OCI_RUN_STUBS_H

#include <sys/types.h>

#include "base/err.h"
#include "oci/run/spec.h"

#define STUBS_MAX 512 /* each holds a descriptor */

struct stub {
	int parent_fd;
	char *name;
	ino_t ino;
	bool is_dir;
};
struct stubs {
	struct stub *v;
	size_t nr, cap;
	/* Where things are in the tree, links followed inside it. */
	char *resolv_conf, *hosts;
	char **mounts; /* of the spec's mounts */
	size_t nr_mounts;
};

/* fds: of the mounts that are BIND, in their order. ERR_FAILED: the tree has something else there. */
int stubs_make(struct stubs *s, int root_fd, const struct run_spec *spec, const int *fds,
	       struct err *e) MUST_CHECK;
/* Only the directories that path (absolute) is in, and where it really is, links followed inside the
 * tree (owned by the caller). s is zero, or what an earlier call left. */
int stubs_parents(struct stubs *s, int root_fd, const char *path, char **found, struct err *e)
	MUST_CHECK;
/* Below /proc and /sys: what is there is the kernel's, and what is hidden there must stay hidden. */
bool stubs_are_kernels(const char *path);
void stubs_remove(struct stubs *s); /* also what a failed stubs_make left; frees s */

#endif
