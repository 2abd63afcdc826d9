/*
 * RUN --mount: its text, and its values once variables are known.
 *
 * A secret's source= is another word for its id=; it is kept in `id`.
 */
#ifndef OCI_DOCKERFILE_MOUNT_H
#define OCI_DOCKERFILE_MOUNT_H

#include "base/err.h"
#include "base/strv.h"
#include "oci/dockerfile/ast.h"

/* value: what stands behind "--mount=", quotes undone. ERR_INPUT: BuildKit's words. */
int dockerfile_mount_parse(struct dockerfile_mount *out, struct span value, struct err *e)
	MUST_CHECK;

/*
 * A copy with all values expanded (`from` never has variables) and seen to be good: mode is octal
 * (span_to_octal), uid and gid are numbers below 2^32, size is one for span_to_size, sharing is
 * "shared", "private" or "locked". Values that are empty are NULL.
 */
int dockerfile_mount_expand(struct dockerfile_mount *out, const struct dockerfile_mount *raw,
			    const struct strv *env, char escape, struct err *e) MUST_CHECK;
/* What is wrong with it whatever the variables are. */
int dockerfile_mount_check(const struct dockerfile_mount *raw, char escape, struct err *e)
	MUST_CHECK;

void dockerfile_mount_release(struct dockerfile_mount *m);
#define auto_mount CLEANUP(dockerfile_mount_release)

const char *dockerfile_mount_type_name(enum dockerfile_mount_type t); /* "bind" */

#endif
