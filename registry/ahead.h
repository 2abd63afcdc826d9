/*
 * Blobs of images that are still being built, sent to the repositories that these will be pushed to,
 * on threads of its own: the workers of an op are for work, and a registry is mostly waited for.
 *
 * Nothing of this has to succeed. After the first failure no more is sent, and the push that comes when
 * the image is finished does what is missing, and tells what is wrong. A blob that no manifest
 * names is harmless: registries collect such.
 */
#ifndef REGISTRY_AHEAD_H
#define REGISTRY_AHEAD_H

#include "oci/image/reference.h"
#include "registry/push.h"

struct registry_ahead;

/* h and opt are borrowed and must outlive it. */
struct registry_ahead *registry_ahead_new(struct http *h, const struct registry_options *opt);
void registry_ahead_free(struct registry_ahead *a); /* settles it; NULL is fine */

/* names: full references. op is borrowed until it is settled. */
void registry_ahead_expect(struct registry_ahead *a, struct op *op, const struct strv *names);
/* Returns at once. from is borrowed until it is settled. Thread-safe. */
void registry_ahead_send(struct registry_ahead *a, struct oci_store *from,
			 const struct oci_descriptor *blob);
/* All that was begun has ended when it returns. */
void registry_ahead_wait(struct registry_ahead *a);
/* Nothing more is begun: the image will not come to be. */
void registry_ahead_give_up(struct registry_ahead *a);
/* Waits, and forgets what was expected and what was sent. */
void registry_ahead_settle(struct registry_ahead *a);

/* What a repository has got. Valid, after a wait, until something is sent or settled. */
struct registry_ahead_repo {
	struct registry_session *session;
	const struct registry_push_known *known;
	size_t nr;
};
/* False: nothing was expected there. */
bool registry_ahead_repo(struct registry_ahead_repo *out, const struct registry_ahead *a,
			 const struct oci_reference *to);

#endif
