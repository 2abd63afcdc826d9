/*
 * May we push to a repository, and who are we there? Asked in a way that leaves nothing behind: a
 * manifest that no registry can take ("{}", under the digest of something else) is PUT. Who may not push is
 * refused for that, who may for the manifest. An upload that is begun and cancelled would tell the
 * same, but cancelling needs a right of its own in many registries.
 */
#ifndef REGISTRY_CHECK_H
#define REGISTRY_CHECK_H

#include "base/buf.h"
#include "registry/api.h"

/*
 * 0: we may push. ERR_DENIED: we may not, or not there. ERR_UNAVAILABLE: nobody knows. *who, for
 * people, in each case: "joe (credentials from DOCKER_AUTH_CONFIG)".
 */
int registry_check(struct buf *who, struct op *op, const struct registry_repo *repo, struct err *e)
	MUST_CHECK;

#endif
