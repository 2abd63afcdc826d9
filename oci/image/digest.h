/*
 * The name of bytes: "sha256:" and 64 lower-case hex digits (image-spec,
 * descriptor.md#digests). Only sha256 is accepted. A digest is a plain value; all
 * zero bytes means "none".
 */
#ifndef OCI_IMAGE_DIGEST_H
#define OCI_IMAGE_DIGEST_H

#include "base/cc.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/span.h"

#define OCI_DIGEST_MAX (7 + HASH_SHA256_HEX + 1)

struct oci_digest {
	char text[OCI_DIGEST_MAX]; /* terminated */
};

/* ERR_CORRUPT: not such a digest. */
int oci_digest_parse(struct oci_digest *out, struct span text, struct err *e) MUST_CHECK;
void oci_digest_of_raw(struct oci_digest *out, const unsigned char raw[HASH_SHA256_LEN]);
void oci_digest_of_bytes(struct oci_digest *out, struct span bytes);
bool oci_digest_eq(const struct oci_digest *a, const struct oci_digest *b);
bool oci_digest_is_set(const struct oci_digest *d);
const char *oci_digest_hex(const struct oci_digest *d); /* the part behind ':' ; borrowed */

#endif
