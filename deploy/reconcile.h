/*
 * What is wanted and what is there -> what to do, and why. Pure: no network, no
 * clock, no environment.
 */
#ifndef DEPLOY_RECONCILE_H
#define DEPLOY_RECONCILE_H

#include "base/err.h"
#include "deploy/service.h"
#include "deploy/spec_json.h"
#include "deploy/state.h"
#include "deploy/up.h"

struct deploy_action {
	enum deploy_verb verb;		   /* CREATED, UPDATED or UNCHANGED: what it is to become */
	const struct deploy_service *want; /* borrowed from the stack */
	const struct engine_service *have; /* borrowed from the state; NULL for a new one */
	json_t *spec;			   /* owned: to send; networks are ids where they exist */
	bool adopted;			   /* it was nobody's until now, or another scope's */
	char whose[128];		   /* then: "nobody's", "of scope 'api@staging'" */
	bool recreate; /* an update that the engine cannot do: removed, and created anew */
	bool resumed; /* nothing differs, but the engine has paused half way and goes on only when told to */
	bool unfinished; /* unchanged, but its last update or rollback is not over */
	bool unproven;	 /* unchanged, and the engine has never said that it came to run */
	char *kept_volume; /* owned: a volume whose options change, but not where it exists; NULL: none */
	char why[256]; /* "image, environment" */
};

struct deploy_plan {
	struct deploy_action *v; /* file order */
	size_t nr;
	/* what is in the state of this owner and in the file no longer; borrowed from the state */
	const struct engine_service **surplus;
	size_t nr_surplus;
	struct strv networks; /* to create first */
};

/* The names that the state must be asked for. */
void deploy_plan_names(struct strv *services, struct strv *networks,
		       const struct deploy_stack *want);

/*
 * ERR_ABSENT: a network that is not the stack's own does not exist. ERR_FAILED: a service is
 * another project's, would have to change between replicated and global (without owner->recreate), or
 * something is to be written and a later pipeline has deployed (without owner->allow_older).
 */
int deploy_reconcile(struct deploy_plan *out, const struct deploy_stack *want,
		     const struct engine_state *have, const struct deploy_owner *owner,
		     struct err *e) MUST_CHECK;
/*
 * The service has changed since the plan was made, and is as `now`. true: only as swarms do, which took an update back
 * that was under way then, or as those do who count (see the top of reconcile.c). a->spec is what it is to become
 * from there.
 */
bool deploy_action_follow(struct deploy_action *a, const struct engine_service *now);
/* false: `now` differs from spec by more than such counts. true: spec has those of `now`, and is it. */
bool deploy_spec_follow(json_t *spec, const struct deploy_service *want, const json_t *now);
/* Where the file gives no number, spec gets that of `now`: also on the way back it is the scaler's. */
void deploy_spec_keep_replicas(json_t *spec, const struct deploy_service *want, const json_t *now);
/* One version, written again by whoever scales it: that also is to the engine an update, with a version before. */
bool deploy_spec_is_scaled(const json_t *before, const json_t *now);
/* Is there anything to write? */
bool deploy_plan_writes(const struct deploy_plan *p);
void deploy_plan_release(struct deploy_plan *p);
#define auto_plan CLEANUP(deploy_plan_release)

#endif
