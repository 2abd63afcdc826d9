/*
 * One deploy of an owner at a time: a config object whose name can be taken once. It says who
 * holds it, and until when; who holds it for longer renews it. It is taken over
 * when that time is over, or when its process has surely ended, or when this is a later try of the very job that
 * holds it (GitLab tries a job again when the last try is over): first by a change of its labels, which
 * only one can make (the engine compares versions), then by a new object, so that
 * the old holder, should it live after all, removes nothing that is not its own.
 */
#ifndef DEPLOY_LOCK_H
#define DEPLOY_LOCK_H

#include "base/clock.h"
#include "base/op.h"
#include "deploy/engine.h"
#include "deploy/holder.h"
#include "deploy/owner.h"

struct deploy_lock {
	/* first: op's clock becomes this one, and whoever sleeps on it renews the lock when it is time */
	struct clock clock;
	struct op op; /* the caller's, with that clock; to be used while the lock is held */
	struct op *outer;
	struct engine *eng;
	char *id; /* NULL: not held */
	json_t *labels;
	int64_t renewed_ms;
};

/*
 * wait_ms: how long to wait for another holder; 0: not at all. ERR_LOCKED: held by another, and
 * the text says by whom. l must not be moved while it is held.
 */
int deploy_lock_take(struct deploy_lock *l, struct op *op, struct engine *eng,
		     const struct deploy_owner *owner, const struct deploy_holder *holder,
		     int64_t wait_ms, struct err *e) MUST_CHECK;
/* Also after a signal. What cannot be removed is told, and ends by itself. */
void deploy_lock_release(struct deploy_lock *l);

/* `cdeploy unlock`: whoever holds it. *who: for people, owned by the caller; NULL: nobody held it. */
int deploy_lock_break(char **who, struct op *op, struct engine *eng,
		      const struct deploy_owner *owner, struct err *e) MUST_CHECK;

#endif
