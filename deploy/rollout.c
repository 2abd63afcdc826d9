/*
 * When is a rollout over? Not when the engine says so:
 *
 * - right after an update was accepted the engine has no status at all, and the
 *   old tasks run: so only tasks of the present spec count (up_to_date);
 * - "completed" means that nothing failed within the engine's short monitor time:
 *   so all must run for a time of ours, without a new failure;
 * - "rollback_completed" comes up to five seconds before the old version runs
 *   again: so a way back is watched like a way forth;
 * - a task that finds no node, or pulls for ever, is no failure to the engine: so there
 *   are limits;
 * - a task of the old version that is killed while it is replaced ends as "failed": so
 *   tasks that were there before are never evidence.
 *
 * A failure is counted once per task. A spec that cannot work makes new tasks fail for
 * ever, so some tries (as many as the restart policy says, where it does) and then an end.
 */
#include "deploy/rollout.h"

#include "base/mem.h"

#define FAILURES_MIN   3
#define FAILED_IDS_MAX 1000
#define DEAD_MS	       2000 /* a replacement is made together with the end; this is ample */
#define GRACE_MS       200  /* for the engine to say that its own watch is over, too */
#define EXIT_KILLED    137  /* by SIGKILL */
#define STATE_TELL_MS  3000 /* states are passed in no time; told is where a task stays */

/* When to look again: see deploy_rollout_pause. */
#define LOOK_SOON_MS   100
#define LOOK_OFTEN_MS  200
#define LOOK_SELDOM_MS 1000
#define LOOK_SOON_FOR  5000
#define LOOK_OFTEN_FOR 30000

struct census {
	uint64_t live;			   /* up to date and still meant to run */
	uint64_t running;		   /* of those */
	uint64_t completed;		   /* up to date, ended with 0 */
	uint64_t old;			   /* of an earlier spec and still meant to run */
	const struct engine_task *behind;  /* the live one that is least far */
	const struct engine_task *no_node; /* a live one without a node */
	bool new_failure, new_running, pulling;
};

void deploy_rollout_init(struct deploy_rollout *r, const struct rollout_options *opt,
			 int64_t now_ms)
{
	*r = (struct deploy_rollout){
		.opt = *opt,
		.start_ms = now_ms,
		.seen_ms = now_ms,
		.moved_ms = now_ms,
		.stable_since = -1,
		.dead_since = -1,
	};
}

void deploy_rollout_release(struct deploy_rollout *r)
{
	strv_release(&r->known);
	strv_release(&r->failed);
	strv_release(&r->ran);
}

static bool has_ended(const struct engine_task *t)
{
	return t->state > TASK_RUNNING;
}

/* What a job is to come to is its end. */
static bool is_live(const struct deploy_rollout *r, const struct engine_task *t)
{
	return !has_ended(t) && t->desired <= (r->opt.job ? TASK_COMPLETE : TASK_RUNNING);
}

void deploy_rollout_know(struct deploy_rollout *r, const struct engine_tasks *tasks, bool all)
{
	for (size_t i = 0; i < tasks->nr; i++)
		if (all || has_ended(&tasks->v[i]))
			strv_add(&r->known, tasks->v[i].id);
}

/* -- what one picture shows ------------------------------------------------- */

static bool is_failure(const struct deploy_rollout *r, const struct engine_task *t)
{
	if (t->state == TASK_FAILED || t->state == TASK_REJECTED || t->state == TASK_ORPHANED)
		return true;
	/* a server that ends with 0 is as gone as one that crashes */
	return t->state == TASK_COMPLETE && !(r->opt.one_shot && t->exit_code == 0);
}

/* A kernel that ends what wants too much memory says so to nobody here, and somebody else may have killed it. */
static bool may_be_too_big(const struct deploy_rollout *r, const struct engine_task *t)
{
	return r->opt.has_memory_limit && t->state == TASK_FAILED && t->exit_code == EXIT_KILLED &&
	       !strstr(t->why, "unhealthy");
}

/* What an engine does not say of it, though people may want to look there. */
static const char *perhaps(const struct deploy_rollout *r, const struct engine_task *t)
{
	if (may_be_too_big(r, t))
		return ", killed, perhaps at the limit of its memory";
	/* the registry has it, for its digest was asked for; why a pull fails the engine tells its own log only */
	if (strncmp(t->why, "No such image: ", 15) == 0)
		return ", or the node could not pull it (no credentials, or no way to the registry)";
	return "";
}

static void keep_error(struct deploy_rollout *r, const struct engine_task *t)
{
	const char *why = *t->why ? t->why : task_state_name(t->state);

	/* what does not get healthy is ended by the engine, which then does not say so */
	if (t->state == TASK_COMPLETE)
		why = r->opt.has_health
			      ? "it ended, exit status 0, perhaps as it did not get healthy"
			      : "it ended, exit status 0";
	snprintf(r->last_error, sizeof(r->last_error), "%.*s%s", (int)strcspn(why, "\r\n"), why,
		 perhaps(r, t));
	snprintf(r->last_node, sizeof(r->last_node), "%s", t->node);
	/* one that was rejected never came to print anything */
	snprintf(r->last_failed, sizeof(r->last_failed), "%s",
		 t->state == TASK_REJECTED ? "" : t->id);
}

static void note_failure(struct deploy_rollout *r, struct census *c, const struct engine_task *t)
{
	if (strv_has(&r->known, t->id) || strv_has(&r->failed, t->id) ||
	    r->failed.n >= FAILED_IDS_MAX)
		return;
	strv_add(&r->failed, t->id);
	keep_error(r, t);
	c->new_failure = true;
}

static void count_running(struct deploy_rollout *r, struct census *c, const struct engine_task *t)
{
	c->running++;
	if (strv_has(&r->ran, t->id))
		return;
	strv_add(&r->ran, t->id);
	c->new_running = true;
}

static void count_live(struct deploy_rollout *r, struct census *c, const struct engine_task *t)
{
	c->live++;
	c->pulling |= t->state == TASK_PREPARING;
	if (t->state == TASK_RUNNING)
		count_running(r, c, t);
	else if (!c->behind || t->state < c->behind->state)
		c->behind = t;
	if (t->state < TASK_ASSIGNED && !c->no_node)
		c->no_node = t;
}

/* A job that is run anew without a change has tasks of earlier runs that look like this one's. */
static bool is_present(const struct deploy_rollout *r, const struct engine_service *s,
		       const struct engine_task *t)
{
	if (r->opt.job)
		return t->job_iteration == s->job_iteration;
	return t->up_to_date;
}

static void take_census(struct census *c, struct deploy_rollout *r, const struct engine_service *s,
			const struct engine_tasks *tasks)
{
	*c = (struct census){ 0 };
	for (size_t i = 0; i < tasks->nr; i++) {
		const struct engine_task *t = &tasks->v[i];

		if (!is_present(r, s, t)) {
			c->old += is_live(r, t);
			continue;
		}
		if (is_live(r, t))
			count_live(r, c, t);
		else if (is_failure(r, t))
			note_failure(r, c, t);
		else if (t->state == TASK_COMPLETE)
			c->completed++;
	}
}

static uint64_t wanted(const struct deploy_rollout *r, const struct census *c)
{
	uint64_t seen = c->live + (r->opt.job ? c->completed : 0);

	if (!r->opt.global)
		return r->opt.replicas;
	return seen ? seen : 1;
}

/* All that is wanted runs; the old ones may still be there. */
static bool new_run(const struct deploy_rollout *r, const struct census *c)
{
	uint64_t done = r->opt.one_shot ? c->completed : 0;

	if (r->opt.job)
		return done >= wanted(r, c);
	if (c->live != c->running)
		return false;
	if (done)
		return c->running + done >= wanted(r, c);
	return c->running == wanted(r, c);
}

static bool all_run(const struct deploy_rollout *r, const struct census *c)
{
	return new_run(r, c) && (r->opt.job || !c->old);
}

bool deploy_rollout_all_run(struct deploy_rollout *r, const struct engine_service *service,
			    const struct engine_tasks *tasks)
{
	struct census c;

	take_census(&c, r, service, tasks);
	return all_run(r, &c);
}

/* -- ends -------------------------------------------------------------------- */

static enum rollout_step fail(struct deploy_rollout *r, enum rollout_end end, const char *fmt, ...)
	PRINTF_FMT(3, 4);

static enum rollout_step fail(struct deploy_rollout *r, enum rollout_end end, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->reason, sizeof(r->reason), fmt, ap);
	va_end(ap);
	r->end = end;
	return ROLLOUT_FAILED;
}

/* ": why", when a task told why. */
static const char *because(const struct deploy_rollout *r)
{
	return *r->last_error ? ": " : "";
}

/*
 * The spec is not the one we set, and which tasks are up to date is now said of the one put back, which may fail as
 * well. Any other task that was not there before is one of ours.
 */
static bool was_ours(const struct deploy_rollout *r, const struct engine_task *t)
{
	return !t->up_to_date && !strv_has(&r->known, t->id);
}

/* To the engine's watch any end is a failure, also that of a task that has done its work. */
static bool has_completed(const struct deploy_rollout *r, const struct engine_tasks *tasks)
{
	for (size_t i = 0; i < tasks->nr; i++)
		if (tasks->v[i].state == TASK_COMPLETE && was_ours(r, &tasks->v[i]))
			return true;
	return false;
}

static enum rollout_step not_ours(struct deploy_rollout *r, const struct rollout_picture *pic)
{
	bool rolled_back = pic->service->update >= UPDATE_ROLLBACK_STARTED;

	if (r->opt.taking_back || !rolled_back)
		return fail(r, ROLLOUT_SUPERSEDED, "somebody else changed it meanwhile");
	for (size_t i = 0; i < pic->tasks->nr && !*r->last_error; i++) {
		const struct engine_task *t = &pic->tasks->v[i];

		if (is_failure(r, t) && was_ours(r, t))
			keep_error(r, t);
	}
	if (!*r->last_error && has_completed(r, pic->tasks))
		return fail(r, ROLLOUT_TAKEN_BACK,
			    "the engine took the update back: a task ended, exit status 0, which "
			    "it takes for a failure unless it is told to continue then");
	return fail(r, ROLLOUT_TAKEN_BACK, "the engine took the update back%s%s", because(r),
		    r->last_error);
}

static enum rollout_step paused(struct deploy_rollout *r, const struct engine_service *s)
{
	bool back = r->opt.taking_back || s->update == UPDATE_ROLLBACK_PAUSED;
	const char *what = back ? "the way back" : "the update";

	if (*r->last_error)
		return fail(r, ROLLOUT_PAUSED, "the engine paused %s: %s", what, r->last_error);
	return fail(r, ROLLOUT_PAUSED, "the engine paused %s: %s", what, s->update_message);
}

/* Each may fail once, and one as often as the spec has it started again. */
static uint64_t most_failures(const struct deploy_rollout *r, const struct census *c)
{
	uint64_t most = wanted(r, c) > FAILURES_MIN ? wanted(r, c) : FAILURES_MIN;

	return most > r->opt.tries ? most : r->opt.tries;
}

/* Tries used up, or nothing left that could still come to run. */
static enum rollout_step failures(struct deploy_rollout *r, const struct census *c, int64_t now)
{
	uint64_t most = most_failures(r, c);

	if (r->failed.n >= most || r->failed.n >= FAILED_IDS_MAX)
		return fail(r, ROLLOUT_TASKS_FAIL, "%zu tasks failed, the last%s%s", r->failed.n,
			    because(r), r->last_error);
	if (!r->failed.n || c->live || c->old || all_run(r, c)) {
		r->dead_since = -1;
		return ROLLOUT_WAIT;
	}
	if (r->dead_since < 0)
		r->dead_since = now;
	if (now - r->dead_since < DEAD_MS)
		return ROLLOUT_WAIT;
	return fail(r, ROLLOUT_TASKS_FAIL, "no task is left to run%s%s", because(r), r->last_error);
}

/* One task at a time is timed: in a long rollout another one may always be waiting. */
static enum rollout_step no_node(struct deploy_rollout *r, const struct census *c, int64_t now)
{
	bool none_made = !c->live && !r->failed.n && !all_run(r, c);
	const char *id = c->no_node ? c->no_node->id : "";

	if (!c->no_node && !none_made) {
		r->is_waiting = false;
		return ROLLOUT_WAIT;
	}
	if (!r->is_waiting || strncmp(r->waiting, id, sizeof(r->waiting) - 1) != 0) {
		r->is_waiting = true;
		r->waiting_since = now;
		snprintf(r->waiting, sizeof(r->waiting), "%s", id);
	}
	if (now - r->waiting_since < r->opt.pending_ms)
		return ROLLOUT_WAIT;
	if (!c->no_node)
		return fail(r, ROLLOUT_NO_NODE, "the swarm made no task within %lld s%s",
			    (long long)(r->opt.pending_ms / 1000),
			    r->opt.global ? ": it goes on every node that fits, and none does"
					  : "");
	return fail(r, ROLLOUT_NO_NODE, "no node took a task within %lld s: %s",
		    (long long)(r->opt.pending_ms / 1000),
		    *c->no_node->why ? c->no_node->why : task_state_name(c->no_node->state));
}

/* Pulling an image takes as long as it takes: see deploy/rollout_options.c. */
static enum rollout_step time_over(struct deploy_rollout *r, const struct census *c, int64_t now)
{
	int64_t limit = r->opt.timeout_ms;

	if (c->pulling)
		r->pulling_ms += now - r->seen_ms;
	r->seen_ms = now;
	if (r->opt.most_ms > limit) {
		limit += r->pulling_ms;
		limit = limit < r->opt.most_ms ? limit : r->opt.most_ms;
	}
	if (now - r->start_ms < limit)
		return ROLLOUT_WAIT;
	/* what it prints may tell why it does not get healthy */
	if (!*r->last_failed && c->behind && c->behind->state == TASK_STARTING) {
		snprintf(r->last_failed, sizeof(r->last_failed), "%s", c->behind->id);
		snprintf(r->last_node, sizeof(r->last_node), "%s", c->behind->node);
	}
	return fail(r, ROLLOUT_TIME_OVER, "not done within %lld s, %s%s%s%s",
		    (long long)((r->opt.spent_ms + limit) / 1000),
		    *r->counts ? r->counts : "no task seen", r->state, because(r), r->last_error);
}

/* -- the story --------------------------------------------------------------- */

static void write_counts(char *out, size_t n, const struct deploy_rollout *r,
			 const struct census *c)
{
	if (r->opt.job)
		snprintf(out, n, "%llu/%llu done", (unsigned long long)c->completed,
			 (unsigned long long)wanted(r, c));
	else if (r->opt.one_shot && c->completed)
		snprintf(out, n, "%llu/%llu running, %llu done", (unsigned long long)c->running,
			 (unsigned long long)wanted(r, c), (unsigned long long)c->completed);
	else
		snprintf(out, n, "%llu/%llu running", (unsigned long long)c->running,
			 (unsigned long long)wanted(r, c));
}

/* Where the one that is least far stands; the scheduler's words when it waits for a node. */
static void write_state(char *out, size_t n, const struct census *c)
{
	*out = '\0';
	if (c->no_node && c->no_node->state == TASK_PENDING && *c->no_node->why)
		snprintf(out, n, " (%.200s)", c->no_node->why);
	else if (c->behind)
		snprintf(out, n, " (%s)", task_state_name(c->behind->state));
}

/* "1/2 running", and " (preparing)" when it stays that way. A failure is always told. */
static enum rollout_step tell(struct deploy_rollout *r, const struct census *c, int64_t now)
{
	char counts[sizeof(r->counts)], state[sizeof(r->state)];
	bool counted, stays;

	write_counts(counts, sizeof(counts), r, c);
	write_state(state, sizeof(state), c);
	counted = strcmp(counts, r->counts) != 0;
	if (counted || strcmp(state, r->state) != 0 || c->new_failure)
		r->moved_ms = now;
	stays = *state && !r->state_is_told && now - r->moved_ms >= STATE_TELL_MS;
	if (counted || strcmp(state, r->state) != 0)
		r->state_is_told = false;
	memcpy(r->counts, counts, sizeof(counts));
	memcpy(r->state, state, sizeof(state));
	if (!counted && !stays && !c->new_failure)
		return ROLLOUT_WAIT;
	if (c->new_failure)
		snprintf(r->line, sizeof(r->line), "a task failed%s%s; %s", because(r),
			 r->last_error, counts);
	else
		snprintf(r->line, sizeof(r->line), "%s%s", counts, stays ? state : "");
	r->state_is_told |= stays;
	return ROLLOUT_MOVED;
}

static bool is_busy(const struct engine_service *s)
{
	return s->update == UPDATE_UPDATING || s->update == UPDATE_ROLLBACK_STARTED;
}

/*
 * The engine still watches after all tasks run. Its end is waited for on a way back, and else where
 * it comes with the end of our window: a window that was chosen shorter is not lengthened.
 */
static bool is_waited_for(const struct deploy_rollout *r, const struct engine_service *s,
			  int64_t stable_ms)
{
	/* nobody in the engine ends the update of a job: a way back says "started" for ever */
	if (r->opt.job)
		return false;
	if (!is_busy(s) || r->opt.taking_back)
		return is_busy(s);
	return r->opt.stable_ms >= r->opt.monitor_ms && stable_ms < r->opt.stable_ms + GRACE_MS;
}

/* All run, for long enough. */
static bool is_done(struct deploy_rollout *r, const struct rollout_picture *pic,
		    const struct census *c, int64_t now)
{
	if (c->new_failure || !new_run(r, c)) {
		r->stable_since = -1;
		return false;
	}
	/* between two looks the last of a global service may come to run, or one of any may be replaced */
	if (r->stable_since < 0 || (c->new_running && !r->opt.job))
		r->stable_since = now;
	return all_run(r, c) && now - r->stable_since >= r->opt.stable_ms &&
	       !is_waited_for(r, pic->service, now - r->stable_since);
}

enum rollout_step deploy_rollout_step(struct deploy_rollout *r, const struct rollout_picture *pic,
				      int64_t now)
{
	struct census c;

	if (!pic->service)
		return fail(r, ROLLOUT_GONE, "somebody removed it meanwhile");
	if (!pic->is_ours)
		return not_ours(r, pic);
	take_census(&c, r, pic->service, pic->tasks);
	if (pic->service->update == UPDATE_PAUSED || pic->service->update == UPDATE_ROLLBACK_PAUSED)
		return paused(r, pic->service);
	if (is_done(r, pic, &c, now)) {
		r->end = ROLLOUT_CONVERGED;
		return ROLLOUT_DONE;
	}
	if (failures(r, &c, now) == ROLLOUT_FAILED || no_node(r, &c, now) == ROLLOUT_FAILED ||
	    time_over(r, &c, now) == ROLLOUT_FAILED)
		return ROLLOUT_FAILED;
	return tell(r, &c, now);
}

bool deploy_rollout_is_up(const struct deploy_rollout *r)
{
	return r->end == ROLLOUT_CONVERGED || (r->end == ROLLOUT_GOING_ON && r->stable_since >= 0);
}

int64_t deploy_rollout_pause(const struct deploy_rollout *r, int64_t now)
{
	int64_t still = now - r->moved_ms, pause = LOOK_SELDOM_MS, left;

	if (still < LOOK_SOON_FOR)
		pause = LOOK_SOON_MS;
	else if (still < LOOK_OFTEN_FOR)
		pause = LOOK_OFTEN_MS;
	if (r->stable_since < 0)
		return pause;
	left = r->stable_since + r->opt.stable_ms - now;
	if (left <= 0)
		return LOOK_SOON_MS;
	/* a failure in the window is not missed: the engine remembers it */
	return left < LOOK_SELDOM_MS / 2 ? left : LOOK_SELDOM_MS / 2;
}
