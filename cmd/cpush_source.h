/*
 * Where the image that cpush pushes comes from: one store and one descriptor, whatever SOURCE says.
 * Owns all: _open, _release.
 */
#ifndef CMD_CPUSH_SOURCE_H
#define CMD_CPUSH_SOURCE_H

#include "base/op.h"
#include "oci/image/platform.h"
#include "oci/image/reference.h"
#include "oci/image/store.h"

struct cpush_source {
	struct oci_store *store;
	struct oci_descriptor image;
};

struct cpush_source_request { /* borrowed */
	/* a layout's DIR or an archive's FILE, each also with :NAME or @DIGEST; "-": an archive on
	 * standard input; NULL: the image named `to` in the store below root */
	const char *text;
	const char *root;
	const struct oci_reference *to;
	const struct oci_platform *platform; /* of an index only this one's image; NULL: all */
};

/* ERR_ABSENT: no such source, or no such image in it. */
int cpush_source_open(struct cpush_source *out, struct op *op,
		      const struct cpush_source_request *rq, struct err *e) MUST_CHECK;
void cpush_source_release(struct cpush_source *s);

#define auto_cpush_source CLEANUP(cpush_source_release)

#endif
