/* Signatures as cpush's options ask for them (registry/signature.h makes and checks them). */
#ifndef CMD_CPUSH_SIGN_H
#define CMD_CPUSH_SIGN_H

#include "base/sign.h"
#include "cmd/cpush_args.h"
#include "oci/image/descriptor.h"
#include "registry/session.h"

/*
 * The key that --sign-key or --verify-key names; *out stays NULL when neither is given. The passphrase is in
 * --passphrase-file, else in COSIGN_PASSWORD.
 */
int cpush_sign_key(struct sign_key **out, const struct cpush_args *a, struct err *e) MUST_CHECK;

/* Signs what was pushed under each of its names. */
int cpush_sign(struct op *op, struct registry_session *s, const struct cpush_args *a,
	       const struct oci_digest *image, const struct sign_key *key, struct err *e)
	MUST_CHECK;

/* Finds IMAGE in the registry and checks its signature; *image: what it is now. */
int cpush_verify(struct oci_descriptor *image, struct op *op, struct registry_session *s,
		 const struct cpush_args *a, const struct sign_key *key, struct err *e) MUST_CHECK;

#endif
