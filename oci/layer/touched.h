/*
 * Which names the layer being applied has set by itself: its whiteouts may hide only
 * what was there before, wherever they stand in the tar (image-spec, layer.md#whiteouts).
 *
 * A directory is known by its inode, anything else by its directory's inode and its name,
 * since a hard link shares its inode with a file of an earlier layer. 8 to 32 bytes each.
 */
#ifndef OCI_LAYER_TOUCHED_H
#define OCI_LAYER_TOUCHED_H

#include <sys/types.h>

#include "base/cc.h"

struct touched {
	uint64_t *slots; /* 0: free */
	size_t nr, size;
};

void touched_add_dir(struct touched *t, ino_t dir);
bool touched_has_dir(const struct touched *t, ino_t dir);
void touched_add_name(struct touched *t, ino_t dir, const char *name);
bool touched_has_name(const struct touched *t, ino_t dir, const char *name);
void touched_release(struct touched *t);

#endif
