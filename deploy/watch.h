/*
 * Several rollouts watched at once: asks the engine for pictures, shows them to the
 * machines, tells users what moved, sleeps in between.
 */
#ifndef DEPLOY_WATCH_H
#define DEPLOY_WATCH_H

#include "deploy/rollout.h"

struct deploy_watch {
	const char *name;   /* borrowed */
	const char *id;	    /* of the service; borrowed */
	const json_t *spec; /* the one to be reached; borrowed */
	struct deploy_rollout rollout;
};

/*
 * Until every rollout has ended, or, with `first_failure`, until one has failed (the others then
 * are ROLLOUT_GOING_ON). ERR_UNAVAILABLE: the engine did not answer for a minute.
 * ERR_CANCELLED.
 */
int deploy_watch_run(struct op *op, struct engine *eng, struct deploy_watch *v, size_t nr,
		     bool first_failure, struct err *e) MUST_CHECK;

#endif
