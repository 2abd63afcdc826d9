/*
 * What a signature says ("simple signing"): this digest, under this name. One fixed text, so that
 * the same image under the same name always gives the same bytes; read strictly, because
 * a text that can be read in two ways could be signed for one thing and used for another.
 */
#ifndef REGISTRY_SIGNATURE_PAYLOAD_H
#define REGISTRY_SIGNATURE_PAYLOAD_H

#include "base/buf.h"
#include "base/err.h"
#include "oci/image/digest.h"

#define SIGNATURE_PAYLOAD_MAX (64u << 10)

/* name: "host/path[:tag]". */
void signature_payload_write(struct buf *out, const char *name, const struct oci_digest *image);

struct signature_payload {
	char *name; /* as it was signed; the caller releases */
	struct oci_digest image;
};
/* ERR_CORRUPT: anything else than such a text: an unknown key, one twice, another type. */
int signature_payload_read(struct signature_payload *out, struct span text, struct err *e)
	MUST_CHECK;
void signature_payload_release(struct signature_payload *p);
#define auto_payload CLEANUP(signature_payload_release)

#endif
