/*
 * A service as the engine's ServiceSpec (API 1.41). The same value always gives the
 * same bytes.
 */
#ifndef DEPLOY_SPEC_JSON_H
#define DEPLOY_SPEC_JSON_H

#include <jansson.h>

#include "base/err.h"
#include "deploy/service.h"

/* Labels of ours on every service begin with this. */
#define DEPLOY_LABEL_PREFIX  "io.cdeploy."
#define DEPLOY_LABEL_PROJECT DEPLOY_LABEL_PREFIX "project"
#define DEPLOY_LABEL_HASH    DEPLOY_LABEL_PREFIX "hash"

struct deploy_owner {
	const char *project; /* io.cdeploy.project */
};

/*
 * New reference. Networks' Targets are names here. io.cdeploy.hash is the SHA-256 of the spec
 * without it.
 */
json_t *deploy_spec_json(const struct deploy_service *s, const struct deploy_owner *owner)
	MUST_CHECK;

#endif
