/*
 * An image that was built of the same input already, taken from a registry instead of being built
 * again (--reuse-from): the one that has the tag in-<digits of the input digest>. Whoever pushes an image
 * that others may find gives it this tag.
 */
#ifndef OCI_BUILD_REUSE_H
#define OCI_BUILD_REUSE_H

#include "oci/build/job.h"

/* Before any work: outputs that cannot be had of an image that is not built. ERR_INPUT. */
int reuse_check(const struct build_options *opt, struct err *e) MUST_CHECK;

/*
 * 1: there is one, and it went to all outputs, its digest unchanged; 0: there is none. What a registry
 * cannot tell (ERR_DENIED, ERR_UNAVAILABLE) is an error: a second image for one input helps nobody.
 */
int reuse_image(struct build_result *out, struct job *j, const struct oci_digest *input,
		struct err *e) MUST_CHECK;

#endif
