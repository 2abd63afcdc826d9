/*
 * Where a path leads inside a tree: links followed as if the tree were "/", so that nothing
 * leads out of it. Parts that are missing are kept as they are written.
 *
 * The tree must not change meanwhile; what is opened afterwards by the path given here is
 * opened without following links, so that a change is an error and never a way out.
 */
#ifndef OCI_BUILD_INROOT_H
#define OCI_BUILD_INROOT_H

#include <sys/stat.h>

#include "base/err.h"

struct inroot {
	char *path; /* "usr/bin/x"; "": the tree itself. Owned by the caller */
	bool exists;
	struct stat st; /* when it exists; never a link */
};

/* ERR_INPUT: more links than INROOT_LINKS_MAX, or a path through something that is no directory. */
#define INROOT_LINKS_MAX 255
int inroot_resolve(struct inroot *out, int root_fd, const char *path, struct err *e) MUST_CHECK;
void inroot_release(struct inroot *r);

/* Who owns what is made, and its mode; without it 0:0 and 0755. */
struct inroot_attrs {
	uint32_t uid, gid;
	uint32_t mode;
};
/*
 * Makes the missing directories of path, which has no links (inroot_resolve gave it), and opens
 * the last one. ERR_INPUT: something in the way is no directory.
 */
int inroot_make_dirs(int root_fd, const char *path, const struct inroot_attrs *attrs, struct err *e)
	MUST_CHECK;

#define auto_inroot CLEANUP(inroot_release)

#endif
