/* What a push would do, asked with reading requests alone. */
#ifndef REGISTRY_PUSH_PREVIEW_H
#define REGISTRY_PUSH_PREVIEW_H

#include "registry/push.h"

/*
 * A line for each blob ("send DIGEST BYTES", "exists DIGEST BYTES", "mount DIGEST BYTES PATH") and each tag
 * ("tag NAME new", "tag NAME moves from DIGEST", "tag NAME is up to date"). What a push would refuse
 * before it begins is refused here, too.
 */
int registry_push_preview(struct buf *out, struct op *op, struct registry_session *s,
			  struct oci_store *from, const struct oci_descriptor *image,
			  const struct oci_reference *to, const struct registry_push_options *opt,
			  struct err *e) MUST_CHECK;

#endif
