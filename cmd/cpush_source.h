/* Where the image that cpush pushes comes from: one store and one descriptor, whatever SOURCE says. */
#ifndef CMD_CPUSH_SOURCE_H
#define CMD_CPUSH_SOURCE_H

#include "oci/image/reference.h"
#include "oci/image/store.h"

/*
 * source: a layout's DIR, DIR:TAG, DIR@DIGEST; NULL: the image named `to` in the store below root.
 * ERR_ABSENT: no such source, or no such image in it.
 */
int cpush_source_open(struct oci_store **out, struct oci_descriptor *image, const char *source,
		      const char *root, const struct oci_reference *to, struct err *e) MUST_CHECK;

#endif
