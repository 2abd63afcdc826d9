/*
 * What every RUN finds mounted: /proc, /sys, /dev, /etc/hosts, /etc/resolv.conf.
 *
 * Mount points that the image lacks are made before the run (stubs_make, on the tree, outside the
 * new namespaces) and taken away after it (stubs_remove), so that they never stay in
 * a layer. Images are hostile: no mount point is reached through a link of theirs.
 */
#ifndef OCI_RUN_MOUNTS_H
#define OCI_RUN_MOUNTS_H

#include <sys/types.h>

#include "base/err.h"
#include "base/span.h"

#define STUBS_MAX 16

struct stub {
	char *path; /* in the tree */
	ino_t ino;
	bool is_dir;
};
struct stubs {
	struct stub v[STUBS_MAX];
	size_t nr;
	char *resolv_conf, *hosts; /* where they are in the tree, links followed inside it */
};

int stubs_make(struct stubs *s, int root_fd, struct err *e) MUST_CHECK;
void stubs_remove(struct stubs *s, int root_fd); /* only what is still ours and empty; frees s */

/*
 * In the new mount namespace, with the tree's root as working directory and the old root still in
 * place. hosts, resolv_conf: contents of the two files.
 */
int mounts_make(const struct stubs *s, struct span hosts, struct span resolv_conf, struct err *e)
	MUST_CHECK;

#endif
