/*
 * A change list as a tar stream that depends on the changes only: USTAR,
 * PAX where needed, no user names, whole seconds, whiteouts with mode 0 and time 0.
 * A file that shrinks or grows while it is read is an error that names it.
 *
 * tree_fd: where files without an origin_path are, by their path; -1 when all have one.
 */
#ifndef OCI_LAYER_WRITE_H
#define OCI_LAYER_WRITE_H

#include "base/io.h"
#include "oci/layer/changes.h"

struct layer_write_options {
	bool has_epoch;
	int64_t epoch; /* newer times become this one (SOURCE_DATE_EPOCH) */
};

int layer_write(const struct op *op, const struct layer_changes *c, int tree_fd, struct sink *out,
		const struct layer_write_options *opt, struct err *e) MUST_CHECK;
int layer_write_from(const struct op *op, struct layer_change_reader *from, int tree_fd,
		     struct sink *out, const struct layer_write_options *opt, struct err *e)
	MUST_CHECK;

#endif
