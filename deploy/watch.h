/*
 * Several rollouts watched at once: asks the engine for pictures, shows them to the
 * machines, tells users what moved, sleeps in between.
 */
#ifndef DEPLOY_WATCH_H
#define DEPLOY_WATCH_H

#include "deploy/rollout.h"

struct deploy_watch {
	const char *name; /* borrowed */
	const char *id;	  /* of the service; borrowed */
	json_t *spec;	  /* the one to be reached; borrowed */
	/* what it is made of, borrowed: spec and rollout follow whoever counts what the file does not give. NULL: none */
	const struct deploy_service *want;
	struct deploy_rollout rollout;
};

enum watch_until {
	WATCH_ALL_UP,	 /* all run, or one has failed */
	WATCH_ALL_DONE,	 /* all are done, or one has failed */
	WATCH_ALL_ENDED, /* whatever their ends are */
};

/*
 * Those that have not ended are ROLLOUT_GOING_ON and can be watched further.
 * ERR_UNAVAILABLE: the engine did not answer for a minute. ERR_CANCELLED.
 */
int deploy_watch_run(struct op *op, struct engine *eng, struct deploy_watch *v, size_t nr,
		     enum watch_until until, struct err *e) MUST_CHECK;

#endif
