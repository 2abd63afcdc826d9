/*
 * From the tags a file names to what the registry has under them now: pinned_image (name:tag@sha256:…)
 * and platforms of every service, before anything is changed. A tag alone would let
 * the engine go on with whatever it has under that name.
 */
#ifndef DEPLOY_IMAGES_H
#define DEPLOY_IMAGES_H

#include "base/http.h"
#include "base/op.h"
#include "base/sign.h"
#include "deploy/service.h"
#include "oci/image/reference.h"
#include "registry/session.h"

/*
 * ERR_ABSENT: an image that is not there; ERR_DENIED, ERR_UNAVAILABLE: its registry's answer. Each image is asked for
 * once, eight at a time, whatever became of the others; all that failed are named, with a service each, in the
 * order of the file, and the first of them says of what kind it is. verify: a key with which each must be
 * signed (registry/signature.h), else ERR_DENIED; NULL: none. silent: gets what else would have been an
 * ERR_UNAVAILABLE, and those services stay as they are; NULL: that is an error, too.
 */
int deploy_images_pin(struct deploy_stack *stack, struct op *op, struct http *h,
		      const struct registry_options *opt, const struct sign_key *verify,
		      struct strv *silent, struct err *e) MUST_CHECK;

/* ERR_DENIED: one is named without a digest, so that nobody can say what it was. */
int deploy_images_are_fixed(const struct deploy_stack *stack, struct err *e) MUST_CHECK;

/*
 * The value of X-Registry-Auth for an image: base64url of docker's AuthConfig. The engine keeps it with the
 * service, so a deploy token of GitLab's goes before what ends with the job. NULL: no
 * credentials are known for it, or (*e set) they could not be read. Owned by the caller,
 * who wipes it. *ends_with_job: it is a job's own token, which nobody can pull with afterwards.
 */
char *deploy_registry_auth(struct op *op, const struct credentials_env *env,
			   const struct oci_reference *image, bool *ends_with_job, struct err *e);

#endif
