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
	uint64_t
		replicas; /* how many must run, or complete; of a global one: as many as there are */
	bool global;
	bool job;	 /* its tasks are to end, once per change */
	bool one_shot;	 /* a task that ended with 0 has done its work */
	uint64_t tries;	 /* how often the spec has a task started at most; 0: it does not say */
	bool has_health; /* the spec tells how its health is found out */
	bool has_memory_limit;
	bool taking_back;
	int64_t timeout_ms, pending_ms, stable_ms;
	int64_t spent_ms;   /* of the limit, before timeout_ms began: rollout_options_spend */
	int64_t most_ms;    /* time spent pulling images lengthens timeout_ms up to this */
	int64_t monitor_ms; /* so long the engine watches an update itself, once all run */
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
	struct strv known;     /* ids of tasks whose end is not this rollout's fault */
	struct strv failed;    /* ids of tasks that were counted */
	struct strv ran;       /* ids of tasks that were seen running */
	char last_error[1024]; /* of the last task that failed: what is wrong is said at its end */
	char last_failed[64];  /* its id, or of the one that was never ready */
	char last_node[64];    /* where that one was, an id; "": on none */
	int64_t pulling_ms;    /* so far */
	int64_t seen_ms;       /* when the last picture was taken */
	int64_t moved_ms;      /* when a picture last differed from the one before */
	enum rollout_end end;
	char line[1280]; /* after MOVED: "1/2 running (starting)" */
	char counts[64]; /* its first part; to see what changed */
	char state[256]; /* its second part, and whether it was told */
	bool state_is_told;
	char reason[1536]; /* after FAILED */
};

/*
 * What the spec says about how its tasks are to run, and for how long to watch them: a
 * timeout_ms or stable_ms of 0 is filled in (deploy/rollout_options.c says from what).
 */
void rollout_options_from_spec(struct rollout_options *o, const json_t *spec);

/*
 * The limit that was given is for a whole run, of which spent_ms are over: what is left of it is this service's,
 * be it next to nothing. Before rollout_options_from_spec.
 */
void rollout_options_spend(struct rollout_options *o, int64_t spent_ms);

void deploy_rollout_init(struct deploy_rollout *r, const struct rollout_options *opt,
			 int64_t now_ms);
/* all false: only those that have ended. */
void deploy_rollout_know(struct deploy_rollout *r, const struct engine_tasks *tasks, bool all);
/* Does what is wanted run at this moment? */
bool deploy_rollout_all_run(struct deploy_rollout *r, const struct engine_service *service,
			    const struct engine_tasks *tasks);
enum rollout_step deploy_rollout_step(struct deploy_rollout *r, const struct rollout_picture *pic,
				      int64_t now_ms);
/* All run at this moment, though perhaps not long enough yet. */
bool deploy_rollout_is_up(const struct deploy_rollout *r);
/* When to look again, in ms from now: soon while tasks move, at the window's end while all run. */
int64_t deploy_rollout_pause(const struct deploy_rollout *r, int64_t now_ms);
void deploy_rollout_release(struct deploy_rollout *r);

#endif
