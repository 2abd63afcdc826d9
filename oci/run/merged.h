/*
 * Which directories of a tree have something in them that must stay where it is ("merged": theirs
 * are the names below it that stay, everything else in them is exchanged), and that as text, for
 * whoever has to put back what a killed exchange left.
 */
#ifndef OCI_RUN_MERGED_H
#define OCI_RUN_MERGED_H

#include <sys/stat.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/strv.h"

#define MERGED_MAX	(4u << 20) /* of the text */
#define MERGED_DIRS_MAX 1024

struct merged_dir {
	char *path;	   /* from the root, "" for the root itself, "var/lib" */
	size_t parent;	   /* index; the root is its own */
	struct strv stays; /* names in it; those of merged directories among them */
	/* of the tree's own directory */
	mode_t mode;
	uid_t uid;
	gid_t gid;
	struct timespec atime, mtime;
	dev_t dev;
	ino_t ino;
};
struct merged {
	struct merged_dir *v; /* parents before children; the root first */
	size_t nr, cap;
};

void merged_release(struct merged *m);
#define auto_merged CLEANUP(merged_release)

/*
 * kept: paths from the root, cleaned, without a slash at either end. Those that are not there are
 * left out, and so are those that lie below another or behind a symbolic link.
 */
int merged_find(struct merged *out, int root_fd, const struct strv *kept, struct err *e) MUST_CHECK;

/* The last component of a merged directory's path. */
const char *merged_name(const struct merged_dir *d);

void merged_encode(struct buf *out, const struct merged *m);
/* ERR_CORRUPT: not what encode wrote. */
int merged_decode(struct merged *out, struct span bytes, struct err *e) MUST_CHECK;

#endif
