/*
 * Watching one service until its new tasks run and stay running: a machine that is
 * shown pictures and says what they mean. Pure; the caller owns clock and network.
 *
 *	deploy_rollout_init(&r, &opt, now);
 *	deploy_rollout_know(&r, &tasks_before, true);	// not to be blamed for
 *	for (;;) switch (deploy_rollout_step(&r, &picture, now)) {
 *		case ROLLOUT_MOVED: print r.line; case ROLLOUT_WAIT: sleep; …
 *		case ROLLOUT_DONE: return; case ROLLOUT_FAILED: read r.end and r.reason
 *	}
 *
 * The same machine watches a way back (taking_back): then the spec to be reached is the old one.
 */
#ifndef DEPLOY_ROLLOUT_H
#define DEPLOY_ROLLOUT_H

#include "base/strv.h"
#include "deploy/state.h"

enum rollout_step { ROLLOUT_WAIT, ROLLOUT_MOVED, ROLLOUT_DONE, ROLLOUT_FAILED };

enum rollout_end {
	ROLLOUT_GOING_ON,
	ROLLOUT_CONVERGED,
	ROLLOUT_TASKS_FAIL, /* tasks end again and again, or none is left to run */
	ROLLOUT_PAUSED,	    /* the engine gave the update up */
	ROLLOUT_NO_NODE,    /* a limit: a task that no node takes */
	ROLLOUT_TIME_OVER,  /* a limit */
	ROLLOUT_TAKEN_BACK, /* the engine rolls back, or has done so */
	ROLLOUT_SUPERSEDED, /* somebody else changed the service meanwhile */
	ROLLOUT_GONE,	    /* somebody removed it */
};

struct rollout_options {
	uint64_t replicas; /* how many must run; of a global service: as many as there are */
	bool global;
	bool one_shot; /* a task that ended with 0 has done its work */
	bool taking_back;
	int64_t timeout_ms, pending_ms, stable_ms;
};

struct rollout_picture {
	const struct engine_service *service; /* NULL: there is none any more */
	bool is_ours;			      /* its spec is the one to be reached */
	const struct engine_tasks *tasks;
};

struct deploy_rollout {
	struct rollout_options opt;
	int64_t start_ms;
	int64_t stable_since; /* -1: not all run */
	int64_t waiting_since;
	int64_t dead_since; /* -1: something is left to run */
	char waiting[64];   /* id of a task that has no node yet; "" none was made */
	bool is_waiting;
	struct strv known;    /* ids of tasks whose end is not this rollout's fault */
	struct strv failed;   /* ids of tasks that were counted */
	char last_error[256]; /* of the last task that failed */
	enum rollout_end end;
	char line[512];	  /* after MOVED: "1/2 running (starting)" */
	char counts[512]; /* the line without failures; to see what changed */
	char reason[768]; /* after FAILED */
};

/* What the spec says about how its tasks are to run. Limits are left alone. */
void rollout_options_from_spec(struct rollout_options *o, const json_t *spec);

void deploy_rollout_init(struct deploy_rollout *r, const struct rollout_options *opt,
			 int64_t now_ms);
/* all false: only those that have ended. */
void deploy_rollout_know(struct deploy_rollout *r, const struct engine_tasks *tasks, bool all);
/* Does what is wanted run at this moment? */
bool deploy_rollout_all_run(struct deploy_rollout *r, const struct engine_tasks *tasks);
enum rollout_step deploy_rollout_step(struct deploy_rollout *r, const struct rollout_picture *pic,
				      int64_t now_ms);
void deploy_rollout_release(struct deploy_rollout *r);

#endif
