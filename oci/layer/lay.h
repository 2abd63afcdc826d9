/*
 * A list of changes as a directory that overlayfs can take as a lower one: where a RUN comes after
 * steps that made their layers without a file system.
 *
 * Deletions are character devices 0:0, opaque directories have the attribute overlay.opaque. Bytes
 * are copied by the kernel where it can. Devices that cannot be made here are left out, as in
 * apply.h. Owners need privilege: EPERM on chown is an error.
 */
#ifndef OCI_LAYER_LAY_H
#define OCI_LAYER_LAY_H

#include "oci/layer/changes.h"
#include "oci/layer/listing.h"

struct record;

struct layer_lay_options {
	int tree_fd;	/* where files without an origin_path are; -1: all have one */
	bool userxattr; /* the attribute of overlay mounts in a user namespace, "user.overlay." */
	const char *progress_id; /* ticks; NULL: none */
	/*
	 * Not NULL: dirfd holds what lies below, and this is the record of it. Then nothing is marked:
	 * deletions and replacements are carried out, and the record is kept up.
	 */
	struct record *record;
};

/*
 * dirfd: empty, unless there is a record. opt NULL: nothing of it. ERR_FAILED: a file is not as large
 * as the list says. After an error the directory is unusable: the caller removes it.
 */
int layer_lay_down(const struct op *op, const struct layer_changes *c, int dirfd,
		   const struct layer_lay_options *opt, struct err *e) MUST_CHECK;
/* The same as it is in bytes; without a record, which would keep the entries. */
int layer_lay_down_listing(const struct op *op, const struct layer_listing *listing, int dirfd,
			   const struct layer_lay_options *opt, struct err *e) MUST_CHECK;

#endif
