/*
 * Whether a file is still what it was, as image builders see it: type, mode, owner, device, size,
 * time, link, capability and content decide. A time alone proves nothing: whoever writes a file can
 * set it back.
 */
#ifndef OCI_LAYER_COMPARE_H
#define OCI_LAYER_COMPARE_H

#include <sys/stat.h>

#include "base/err.h"
#include "oci/layer/marks.h"

struct compare_side {
	int dirfd;
	const char *name;
	const struct stat *st; /* of name */
	const struct marks *marks;
};

/* Without looking at content: enough for directories. */
bool compare_attributes(const struct compare_side *a, const struct compare_side *b);

/* 1: equal; 0: not; -1. */
int compare_entries(const struct compare_side *a, const struct compare_side *b, struct err *e)
	MUST_CHECK;

#endif
