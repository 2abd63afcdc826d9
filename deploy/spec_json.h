/*
 * A service as the engine's ServiceSpec (API 1.41). The same value always gives the
 * same bytes.
 */
#ifndef DEPLOY_SPEC_JSON_H
#define DEPLOY_SPEC_JSON_H

#include <jansson.h>

#include "base/err.h"
#include "deploy/owner.h"
#include "deploy/service.h"

/*
 * New reference. Networks' Targets are names here. io.cdeploy.hash is the SHA-256 of the spec
 * without it and without the labels that say which deploy it was.
 */
json_t *deploy_spec_json(const struct deploy_service *s, const struct deploy_owner *owner)
	MUST_CHECK;

/*
 * The same where the engine is to take a failed update back after all, though for a task that may be done with its work
 * spec tells it to go on. NULL: spec does not, or the file says so. New reference.
 */
json_t *deploy_spec_taken_back(const json_t *spec, const struct deploy_service *s) MUST_CHECK;

#endif
