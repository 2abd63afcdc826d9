/*
 * What a step changed, as a sorted list: read from the upper directory of an
 * overlay mount, written into a layer by write.h.
 *
 * Overlay's marks become the image's marks: a 0:0 character device (or a file with the
 * overlay.whiteout xattr) is a deletion; a directory with overlay.opaque "y" (trusted. or user.) in
 * the place of another is a deletion of each name that is gone. Entries that are equal to what was
 * below (compare.h) are left out, except directories that lead to a change and the other names of
 * a file that is not left out. Sockets are left out. ERR_INPUT: a name that begins with ".wh.".
 * ERR_IMPOSSIBLE: the overlay was mounted so that content lies elsewhere.
 */
#ifndef OCI_LAYER_CHANGES_H
#define OCI_LAYER_CHANGES_H

#include <sys/stat.h>

#include "base/err.h"
#include "base/op.h"

enum layer_change_kind {
	LAYER_ENTRY,   /* is there now: new or changed */
	LAYER_DELETED, /* was there before */
	LAYER_OPAQUE,  /* directory entry whose lower content is hidden (builder.h makes such) */
};
struct layer_change {
	enum layer_change_kind kind;
	char *path;	/* "usr/bin/x" */
	struct stat st; /* not for LAYER_DELETED */
	char *link;	/* symlink target, or for hard_link the first path; else NULL */
	bool hard_link;
	void *capability; /* security.capability, raw; NULL: none */
	size_t capability_len;
	/* A regular file's bytes; origin_path NULL: at `path` below the directory that was read. */
	int origin_fd;	   /* borrowed */
	char *origin_path; /* owned */
};
struct layer_changes {
	struct layer_change *v; /* parents before children, siblings by bytes */
	size_t nr, cap;
	uint64_t bytes; /* of regular files */
};

/* A list in whatever form, one by one (also listing.h); NULL: that was all. */
struct layer_change_reader {
	const struct layer_change *(*next)(struct layer_change_reader *r);
};
struct layer_changes_reader {
	struct layer_change_reader reader;
	const struct layer_changes *c;
	size_t at;
};
struct layer_change_reader *layer_changes_read(struct layer_changes_reader *r,
					       const struct layer_changes *c);

/*
 * upper_fd: the upper directory. lowers: the directories below it, topmost first, to compare
 * with; nr_lowers may be 0 (everything counts as new).
 */
int layer_changes_from_upper(struct layer_changes *out, const struct op *op, int upper_fd,
			     const int *lower_fds, size_t nr_lowers, struct err *e) MUST_CHECK;
/*
 * Who opens a name of a file for writing has overlayfs copy it up, apart from the other names below,
 * though it may be changed in nothing. Such copies are removed from the upper directory, which nobody
 * may have mounted, so that whoever comes next sees what layer_changes_from_upper tells: no change.
 */
int layer_rejoin_names(const struct op *op, int upper_fd, const int *lower_fds, size_t nr_lowers,
		       struct err *e) MUST_CHECK;
void layer_changes_release(struct layer_changes *c);
#define auto_changes CLEANUP(layer_changes_release)

#endif
