/*
 * A manifest or an index as the registry serves it: its bytes, verified, and what it is.
 * Owns all: _get, _release.
 */
#ifndef REGISTRY_DOCUMENT_H
#define REGISTRY_DOCUMENT_H

#include "oci/image/manifest.h"
#include "oci/image/store.h"
#include "registry/api.h"

struct registry_document {
	struct oci_descriptor desc;
	enum oci_document kind;
	struct buf bytes;
};

/*
 * ref: a tag or a digest; want: the digest it must have, NULL: none. The digest is always
 * that of the bytes. ERR_CORRUPT: other bytes, or nothing that we can read. ERR_ABSENT.
 */
int registry_document_get(struct registry_document *out, struct op *op,
			  const struct registry_repo *r, const char *ref,
			  const struct oci_digest *want, struct err *e) MUST_CHECK;
/* The same out of a store that has it (a document of an earlier pull), verified. */
int registry_document_read(struct registry_document *out, struct oci_store *from,
			   const struct oci_digest *d, struct err *e) MUST_CHECK;
void registry_document_release(struct registry_document *d);

/* Content-Type without parameters, when it is one of a manifest or an index (owned), else NULL. */
char *registry_document_type(const struct http_response *rs) MUST_CHECK;

#define auto_document CLEANUP(registry_document_release)

#endif
