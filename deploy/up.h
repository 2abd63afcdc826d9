/*
 * Carries a stack out: state of the engine -> plan -> networks, services ->
 * watch every changed service until the new tasks run and stay running.
 * A service that an earlier run left on its way is watched as well, though nothing is written.
 * On a rollout that fails: the previous version is brought back (ERR_ROLLED_BACK,
 * or ERR_STUCK when that fails too); a new service that never works is removed again (ERR_FAILED).
 */
#ifndef DEPLOY_UP_H
#define DEPLOY_UP_H

#include "base/err.h"
#include "base/op.h"
#include "deploy/engine.h"
#include "deploy/holder.h"
#include "deploy/service.h"
#include "deploy/spec_json.h"
#include "oci/image/reference.h"

enum deploy_verb {
	DEPLOY_CREATED,
	DEPLOY_UPDATED,
	DEPLOY_UNCHANGED,
	DEPLOY_REMOVED,
	DEPLOY_VERB_ROLLED_BACK
};

struct deploy_note;

struct deploy_options {
	struct deploy_owner owner;
	int64_t timeout_ms;	    /* of a rollout; 0: what its spec allows (rollout_options.c) */
	int64_t pending_timeout_ms; /* a task that finds no node; 0: 1 minute */
	int64_t stable_ms;	    /* how long new tasks must stay running; 0: 5 s, or as above */
	bool detach;		    /* do not watch */
	bool no_rollback;
	const struct deploy_holder *holder; /* who takes the lock; NULL: no lock is taken */
	int64_t lock_wait_ms;		    /* 0: another holder is an error at once */
	/* what went well is recorded with it (history_keep.h); NULL: it is not. Without holder the caller has the lock */
	const struct deploy_note *note;
	bool prune;	     /* not with detach: only what has succeeded may remove anything */
	struct strv *pruned; /* with prune: gets "NAME removed IMAGE" lines */
	/* X-Registry-Auth for the services that want it, by their image; NULL result: none.
	 * Owned by the caller of the callback. */
	char *(*registry_auth)(void *arg, const struct oci_reference *image);
	void *registry_auth_arg;
};

/* What deploy_up would begin with: asks the engine, changes nothing. Errors as there. */
struct deploy_plan;
struct engine_state;
int deploy_up_plan(struct deploy_plan *plan, struct engine_state *state, struct op *op,
		   struct engine *eng, const struct deploy_stack *stack,
		   const struct deploy_options *opt, struct err *e) MUST_CHECK;

/*
 * One line of the result, in file order. name and image are borrowed from the stack; of a
 * service that was rolled back, image is the one that runs again and lies in `previous`.
 */
struct deploy_outcome {
	const char *name;
	enum deploy_verb verb;
	const char *image;
	char previous[512];
};

/*
 * eng: a swarm manager. outcomes: room for stack->nr; *nr says how many are filled, also after a failure. A deploy is
 * one thing: when one service fails, all that this call changed are taken back.
 *
 * ERR_ROLLED_BACK, ERR_STUCK: see above. ERR_FAILED: a new service does not work, or a service is
 * another project's. ERR_TIMEOUT: a limit, and there was no previous version. ERR_ABSENT: a
 * network that is not the stack's own. ERR_INPUT: the engine refuses a spec. ERR_CANCELLED: what
 * was begun is left to the engine. ERR_UNAVAILABLE.
 */
int deploy_up(struct deploy_outcome *outcomes, size_t *nr, struct op *op, struct engine *eng,
	      const struct deploy_stack *stack, const struct deploy_options *opt, struct err *e)
	MUST_CHECK;

#endif
