/*
 * Signatures of images, kept where cosign keeps them: a small image in the same repository under the tag
 * sha256-<hex of the signed digest>.sig, with one layer for each signature: the signed text
 * (signature_payload.h), and the signature itself as an annotation. The digest is what is signed: that of
 * a manifest, or of an index for all of its platforms.
 */
#ifndef REGISTRY_SIGNATURE_H
#define REGISTRY_SIGNATURE_H

#include "base/sign.h"
#include "oci/image/reference.h"
#include "registry/api.h"

#define SIGNATURE_TAG_LEN    (sizeof("sha256-.sig") + 64)
#define SIGNATURE_LAYERS_MAX 256 /* signatures of one image that are looked at */

void registry_signature_tag(char out[SIGNATURE_TAG_LEN], const struct oci_digest *image);

/*
 * Adds a signature for each of the names ("host/path:tag") that this key has not signed yet; those that are
 * there stay. r: for pushing. Registries cannot add, only replace: whether ours is there is looked at
 * afterwards, and all of it is done again when somebody else has written meanwhile (then ERR_FAILED).
 */
int registry_sign(struct op *op, const struct registry_repo *r, const struct oci_digest *image,
		  const struct strv *names, const struct sign_key *key, struct err *e) MUST_CHECK;

/*
 * 0: the owner of key has signed this digest for the repository of ref (its tag is not looked at: tags
 * move, what is signed does not). ERR_DENIED: not so, and why.
 */
int registry_verify(struct op *op, const struct registry_repo *r, const struct oci_digest *image,
		    const struct oci_reference *ref, const struct sign_key *key, struct err *e)
	MUST_CHECK;

#endif
