/* A tag to its digest (HEAD, or GET where HEAD is not served), and what platforms it has. */
#ifndef REGISTRY_RESOLVE_H
#define REGISTRY_RESOLVE_H

#include "oci/image/descriptor.h"
#include "oci/image/platform.h"
#include "oci/image/reference.h"
#include "registry/session.h"

/* ERR_ABSENT: no such repository or tag. ERR_DENIED: credentials refused or missing. */
int registry_resolve(struct oci_descriptor *out, struct op *op, struct registry_session *s,
		     const struct oci_reference *ref, struct err *e) MUST_CHECK;

/* All platforms of the image (one for a manifest, read from its config). *out is allocated
 * (free it), *nr may be 0. */
int registry_platforms(struct oci_platform **out, size_t *nr, struct op *op,
		       struct registry_session *s, const struct oci_reference *ref,
		       const struct oci_descriptor *image, struct err *e) MUST_CHECK;

#endif
