/*
 * What cpush has pushed from this machine: for each tag the digest that it had then. Only a hint,
 * by which the first request of the next push is chosen; it may be lost, old or wrong without harm.
 */
#ifndef CMD_CPUSH_SEEN_H
#define CMD_CPUSH_SEEN_H

#include "base/op.h"
#include "base/strv.h"
#include "oci/image/digest.h"
#include "oci/image/reference.h"

/* TAG=DIGEST of the tags of this repository. root: where state lives. */
void cpush_seen_load(struct strv *out, const char *root, const struct oci_reference *to);
/* to->tag and `tags` have this digest now. */
void cpush_seen_save(struct op *op, const char *root, const struct oci_reference *to,
		     const struct strv *tags, const struct oci_digest *digest);
/* One line of the file, "HOST/PATH:TAG DIGEST"; false: none that we would have written. */
bool cpush_seen_parse(struct oci_reference *ref, struct oci_digest *digest, struct span line);

#endif
