/*
 * What overlayfs would show of a stack of directories: a flattened base and the upper directories
 * of earlier steps, with their whiteouts and opaque directories honoured.
 *
 * Keeps the directory of the last look-up open in every layer of the stack, so that
 * looking up its siblings is one fstatat each. Not thread-safe.
 */
#ifndef OCI_LAYER_LOWER_H
#define OCI_LAYER_LOWER_H

#include <sys/stat.h>

#include "base/err.h"
#include "oci/layer/marks.h"

struct lower_level;

struct lower {
	const int *fds; /* borrowed: topmost first */
	size_t nr;
	struct lower_level *levels; /* the root, then one per part of dir */
	size_t nr_levels, cap_levels;
	char *dir; /* the directory that is open; NULL: none yet */
	int *open; /* in the layers of the last level, in their order */
	size_t nr_open;
};

struct lower_hit {
	int dirfd;	  /* holds name; borrowed until the next look-up */
	const char *name; /* points into the path asked for */
	struct stat st;
	struct marks marks;
};

void lower_init(struct lower *l, const int *fds, size_t nr);
void lower_release(struct lower *l);

/* path: clean, "a/b". 1: it is there; 0: it is not; -1. */
int lower_find(struct lower *l, const char *path, struct lower_hit *hit, struct err *e) MUST_CHECK;

#define auto_lower CLEANUP(lower_release)

#endif
