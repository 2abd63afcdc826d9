/*
 * What overlayfs writes beside the files of an upper directory to say what is gone
 * (Documentation/filesystems/overlayfs.rst), and security.capability, which is read
 * in the same go.
 */
#ifndef OCI_LAYER_MARKS_H
#define OCI_LAYER_MARKS_H

#include <sys/stat.h>

#include "base/err.h"
#include "oci/layer/tar.h"

struct marks {
	bool whiteout; /* the name is deleted */
	bool opaque;   /* a directory that hides what is below it */
	bool redirect; /* content is elsewhere (redirect_dir, metacopy): cannot be read here */
	unsigned char capability[TAR_CAPABILITY_MAX];
	size_t capability_len; /* 0: none */
};

/* st: of name, not following links. */
int marks_read(struct marks *m, int dirfd, const char *name, const struct stat *st, struct err *e)
	MUST_CHECK;

#endif
