/*
 * Single writes to the swarm, each safe to lose an answer of: before a write is repeated,
 * the engine is asked whether the first one was done. Nothing here waits for tasks.
 */
#ifndef DEPLOY_APPLY_H
#define DEPLOY_APPLY_H

#include "deploy/spec_json.h"
#include "deploy/state.h"

/* A network of exactly that name exists afterwards, as `want` has it (NULL: an overlay). One that was there
 * is left as it is. */
int deploy_apply_network(struct op *op, struct engine *eng, const char *name,
			 const struct deploy_network *want, const struct deploy_owner *owner,
			 struct err *e) MUST_CHECK;

/* *id: owned by the caller. auth: value of X-Registry-Auth or NULL. */
int deploy_apply_create(char **id, struct op *op, struct engine *eng, const json_t *spec,
			const char *auth, struct err *e) MUST_CHECK;

/*
 * From `base` (what the change was worked out from) to spec. ERR_FAILED: somebody else
 * changed the service since. Where base has that spec it is to go on with what is paused.
 */
int deploy_apply_update(struct op *op, struct engine *eng, const struct engine_service *base,
			const json_t *spec, const char *auth, struct err *e) MUST_CHECK;

/*
 * From `ours` back to base->spec, by the engine's own rollback where it still has that
 * spec. Nothing is written when it is back already. `before` is what was there when `ours` was written, if that is not
 * base->spec: the engine's own way back leads there, and it is gone on from there. ERR_FAILED: it is none of these.
 */
int deploy_apply_rollback(struct op *op, struct engine *eng, const struct engine_service *base,
			  const json_t *ours, const json_t *before, struct err *e) MUST_CHECK;

/*
 * The same in the place of one that was removed for it. *id is NULL when there is none afterwards. As there is no
 * service meanwhile, an engine without a leader is waited for, up to a minute.
 */
int deploy_apply_recreate(char **id, struct op *op, struct engine *eng, const json_t *spec,
			  const char *auth, struct err *e) MUST_CHECK;

/*
 * After a write whose answer nobody heard. 1: spec is there (resumes: and is not paused); *id is the service, owned by
 * the caller. 0: it is not, though it was looked for for three seconds: the engine may still have been at it.
 */
int deploy_apply_arrived(char **id, struct op *op, struct engine *eng, const json_t *spec,
			 bool resumes, struct err *e) MUST_CHECK;

/* Already gone is fine, here and below. */
int deploy_apply_remove(struct op *op, struct engine *eng, const char *id, struct err *e)
	MUST_CHECK;
/* While its labels say that it is the owner's. 1: it is gone. 0: it is not the owner's any more, and stays. */
int deploy_apply_remove_owned(struct op *op, struct engine *eng, const char *id,
			      const struct deploy_owner *owner, struct err *e) MUST_CHECK;
/* While it has that spec; ERR_FAILED: somebody else changed it. The engine itself removes whatever is there. */
int deploy_apply_remove_as(struct op *op, struct engine *eng, const char *id, const json_t *spec,
			   struct err *e) MUST_CHECK;

#endif
