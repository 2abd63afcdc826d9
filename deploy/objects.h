/*
 * Secrets and configs of a stack in the swarm: looked for, made before the services that use them,
 * removed when no service does. Their data is in nothing but the request that makes them.
 */
#ifndef DEPLOY_OBJECTS_H
#define DEPLOY_OBJECTS_H

#include "deploy/service.h"
#include "deploy/spec_json.h"
#include "deploy/state.h"

/*
 * Adds to s what the stack has and what it uses of others; one question for each kind that it has,
 * one more where names of the file's own are among them, and none without any. One of such a name that somebody
 * else made is used where its data is the same, and stays theirs. ERR_ABSENT: an external one is not
 * there. ERR_FAILED: one of that name is, with other data, or nobody can tell.
 */
int deploy_objects_look(struct engine_state *s, struct op *op, struct engine *eng,
			const struct deploy_stack *stack, struct err *e) MUST_CHECK;

/* SecretID and ConfigID of a ServiceSpec, as far as they are known. */
void deploy_objects_resolve(json_t *spec, const struct engine_state *s);

/* Makes those that are not in s; *made says whether there were any. Safe to lose an answer of. */
int deploy_objects_make(bool *made, struct op *op, struct engine *eng,
			const struct deploy_stack *stack, const struct engine_state *s,
			const struct deploy_owner *owner, struct err *e) MUST_CHECK;

/*
 * Removes those that were the stack's and the project's and that the stack has no more. They are in s, or
 * asked for anew where a service has changed. What a service still uses stays, and so does what is in kept ("secret
 * NAME", "config NAME"): a rollback may want it. What cannot be removed is only told: the deploy is done.
 */
void deploy_objects_prune(struct op *op, struct engine *eng, const struct deploy_stack *stack,
			  const struct engine_state *s, const struct deploy_owner *owner,
			  const struct strv *kept, bool changed);

/* All that this owner's stacks had and no service uses, whatever there is in a file. */
int deploy_objects_remove(struct op *op, struct engine *eng, const struct deploy_owner *owner,
			  struct err *e) MUST_CHECK;

#endif
