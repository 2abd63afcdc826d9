/*
 * One deploy of an owner at a time: a config object whose name can be taken once. It says who
 * holds it, and until when; who holds it for longer renews it. It is taken over
 * when that time is over, or when its process has surely ended, or when this is a later try of the very job that
 * holds it (GitLab tries a job again when the last try is over): first by a change of its labels, which
 * only one can make (the engine compares versions), then by a new object, so that
 * the old holder, should it live after all, removes nothing that is not its own.
 *
 * A holder that lives after all must also write nothing more: while the lock is held it guards the engine (engine.h).
 * Before a write it is looked at, unless that was done within the last second, and when it is another's, or
 * gone, the write is refused with ERR_LOCKED, and so is each one after it. Whoever takes it over waits for that
 * second before he has it, unless the other's process has surely ended.
 */
#ifndef DEPLOY_LOCK_H
#define DEPLOY_LOCK_H

#include <pthread.h>

#include "base/clock.h"
#include "base/op.h"
#include "deploy/engine.h"
#include "deploy/holder.h"
#include "deploy/owner.h"

struct deploy_lock {
	/* first: op's clock becomes this one, and whoever sleeps on it, in any thread while nobody writes, renews the
	 * lock when it is time */
	struct clock clock;
	struct engine_guard guard;
	struct op op; /* the caller's, with that clock; to be used while the lock is held */
	struct op *outer;
	struct engine *eng;
	char *id;	      /* NULL: not held */
	bool is_from_another; /* taken over from one who may live */
	bool has_cleared;     /* somebody's who was cut off was cleared away for it */
	char *name;
	char *lost; /* what has become of it, for people; NULL: ours, as far as is known */
	json_t *labels;
	pthread_mutex_t renewing;
	int64_t renewed_ms, seen_ms;
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

/* What the lock's object is called. Owned by the caller. */
char *deploy_lock_name(const struct deploy_owner *owner) MUST_CHECK;
/* Where the lock is in a list of config objects, and its holder dead: it is cleared away, and nobody has it. Was it? */
bool deploy_lock_sweep(struct op *op, struct engine *eng, const struct deploy_owner *owner,
		       const struct deploy_holder *holder, const json_t *list);

/*
 * `cdeploy unlock`: whoever holds it, who has written his last when this returns (a second later). *who: for people,
 * owned by the caller; NULL: nobody held it.
 */
int deploy_lock_break(char **who, struct op *op, struct engine *eng,
		      const struct deploy_owner *owner, struct err *e) MUST_CHECK;

#endif
