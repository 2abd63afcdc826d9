/*
 * The engine tells of tasks only when asked, so it is asked: ten times a second while something
 * moves, less often when nothing does, and never more than half of the time.
 * An engine that does not answer is not a failed rollout (managers are restarted, leaders
 * change): it gets a minute.
 */
#include "deploy/watch.h"

#include "base/cancel.h"
#include "base/clock.h"
#include "base/progress.h"
#include "deploy/diff.h"
#include "deploy/reconcile.h"

#define SILENCE_MAX_MS	 60000
#define SILENCE_PAUSE_MS 1000

/* What the engine says of all that still go on: three questions, however many they are. */
struct look {
	struct engine_state services;
	struct engine_tasks tasks;
};

static void look_release(struct look *l)
{
	engine_state_release(&l->services);
	engine_tasks_release(&l->tasks);
}

static int look_get(struct look *l, struct op *op, struct engine *eng, const struct deploy_watch *v,
		    size_t nr, struct err *e)
{
	auto_strv struct strv ids = STRV_INIT;

	for (size_t i = 0; i < nr; i++)
		if (v[i].rollout.end == ROLLOUT_GOING_ON)
			strv_add(&ids, v[i].id);
	if (engine_services_get(&l->services, op, eng, &ids, e) < 0)
		return -1;
	return engine_tasks_get(&l->tasks, op, eng, &ids, e);
}

/* A scaler may be at work all the time. */
static bool is_ours(struct deploy_watch *w, const struct engine_service *s)
{
	const json_t *mode = json_object_get(s->spec, "Mode"), *replicas;

	if (deploy_spec_equal(s->spec, w->spec))
		return true;
	if (!w->want || !deploy_spec_follow(w->spec, w->want, s->spec))
		return false;
	replicas = json_object_get(json_object_get(mode, "Replicated"), "Replicas");
	if (json_is_integer(replicas) && json_integer_value(replicas) >= 0)
		w->rollout.opt.replicas = (uint64_t)json_integer_value(replicas);
	return true;
}

static enum rollout_step show_picture(struct op *op, struct deploy_watch *w, const struct look *l)
{
	struct engine_tasks tasks = engine_tasks_of(&l->tasks, w->id);
	struct rollout_picture pic = { .service = engine_state_service_by_id(&l->services, w->id),
				       .tasks = &tasks };

	pic.is_ours = pic.service && is_ours(w, pic.service);
	return deploy_rollout_step(&w->rollout, &pic, op->clock->mono_ms(op->clock));
}

static void watch_one(struct op *op, struct deploy_watch *w, const struct look *l)
{
	enum rollout_step step = show_picture(op, w, l);

	if (step == ROLLOUT_MOVED)
		progress_note(op->progress, "%s: %s", w->name, w->rollout.line);
	else if (step == ROLLOUT_DONE)
		progress_end(op->progress, w->name, 0);
	else if (step == ROLLOUT_FAILED)
		progress_fail(op->progress, w->name, w->rollout.reason);
}

static int watch_round(struct op *op, struct engine *eng, struct deploy_watch *v, size_t nr,
		       struct err *e)
{
	CLEANUP(look_release) struct look look = { 0 };

	if (look_get(&look, op, eng, v, nr, e) < 0)
		return err_wrap(e, "watch the rollout");
	for (size_t i = 0; i < nr; i++)
		if (v[i].rollout.end == ROLLOUT_GOING_ON)
			watch_one(op, &v[i], &look);
	return 0;
}

static bool is_over(const struct deploy_watch *v, size_t nr, enum watch_until until)
{
	bool all = true, failed = false;

	for (size_t i = 0; i < nr; i++) {
		enum rollout_end end = v[i].rollout.end;

		failed |= end > ROLLOUT_CONVERGED;
		all &= end != ROLLOUT_GOING_ON ||
		       (until == WATCH_ALL_UP && deploy_rollout_is_up(&v[i].rollout));
	}
	return all || (failed && until != WATCH_ALL_ENDED);
}

/* Until the one that is to be looked at next. */
static int64_t round_pause(const struct deploy_watch *v, size_t nr, int64_t began, int64_t now)
{
	int64_t pause = INT64_MAX;

	for (size_t i = 0; i < nr; i++) {
		int64_t its = deploy_rollout_pause(&v[i].rollout, now);

		if (v[i].rollout.end == ROLLOUT_GOING_ON && its < pause)
			pause = its;
	}
	return pause > now - began ? pause : now - began;
}

/* -1: it has been silent for too long (or the error is of another kind). */
static int bear_silence(struct op *op, int64_t heard_ms, bool *warned, struct err *e)
{
	if (e->kind != ERR_UNAVAILABLE ||
	    op->clock->mono_ms(op->clock) - heard_ms >= SILENCE_MAX_MS)
		return -1;
	if (!*warned)
		progress_warn(op->progress, "%s; going on asking", e->text);
	*warned = true;
	err_clear(e);
	return 0;
}

int deploy_watch_run(struct op *op, struct engine *eng, struct deploy_watch *v, size_t nr,
		     enum watch_until until, struct err *e)
{
	int64_t heard = op->clock->mono_ms(op->clock);
	bool warned = false;

	for (;;) {
		int64_t began = op->clock->mono_ms(op->clock), pause = SILENCE_PAUSE_MS;

		if (cancel_check(op->cancel, e) < 0)
			return -1;
		if (watch_round(op, eng, v, nr, e) == 0) {
			heard = op->clock->mono_ms(op->clock);
			warned = false;
			/* half a round says nothing */
			if (is_over(v, nr, until))
				return 0;
			pause = round_pause(v, nr, began, heard);
		} else if (bear_silence(op, heard, &warned, e) < 0) {
			return -1;
		}
		op->clock->sleep_ms(op->clock, pause, op->cancel);
	}
}
