/*
 * The engine tells of tasks only when asked, so it is asked: twice a second while
 * something moves, less often when nothing does. An engine that does not answer is not a
 * failed rollout (managers are restarted, leaders change): it gets a minute.
 */
#include "deploy/watch.h"

#include "base/cancel.h"
#include "base/clock.h"
#include "base/progress.h"
#include "deploy/diff.h"

#define POLL_FIRST_MS	500
#define POLL_LONGEST_MS 2000
#define SILENCE_MAX_MS	60000

static int show_picture(enum rollout_step *step, struct op *op, struct engine *eng,
			struct deploy_watch *w, struct err *e)
{
	auto_engine_service struct engine_service service = { 0 };
	auto_engine_tasks struct engine_tasks tasks = { 0 };
	struct rollout_picture pic = { .service = &service, .tasks = &tasks };

	if (engine_service_get(&service, op, eng, w->id, e) < 0) {
		if (e->kind != ERR_ABSENT)
			return -1;
		err_clear(e);
		pic.service = NULL;
	} else if (engine_tasks_get(&tasks, op, eng, w->id, e) < 0) {
		return -1;
	} else {
		pic.is_ours = deploy_spec_equal(service.spec, w->spec);
	}
	*step = deploy_rollout_step(&w->rollout, &pic, op->clock->mono_ms(op->clock));
	return 0;
}

/* 1: a line was told. */
static int watch_one(struct op *op, struct engine *eng, struct deploy_watch *w, struct err *e)
{
	enum rollout_step step;

	if (show_picture(&step, op, eng, w, e) < 0)
		return -1;
	switch (step) {
	case ROLLOUT_MOVED:
		progress_note(op->progress, "%s: %s", w->name, w->rollout.line);
		return 1;
	case ROLLOUT_DONE:
		progress_end(op->progress, w->name, 0);
		return 0;
	case ROLLOUT_FAILED:
		progress_fail(op->progress, w->name, w->rollout.reason);
		return 0;
	case ROLLOUT_WAIT:
		break;
	}
	return 0;
}

struct round {
	bool moved, failed, all_ended;
};

static int watch_round(struct round *round, struct op *op, struct engine *eng,
		       struct deploy_watch *v, size_t nr, struct err *e)
{
	*round = (struct round){ .all_ended = true };
	for (size_t i = 0; i < nr; i++) {
		int n = 0;

		if (v[i].rollout.end == ROLLOUT_GOING_ON)
			n = watch_one(op, eng, &v[i], e);
		if (n < 0)
			return err_wrap(e, "service '%s'", v[i].name);
		round->moved |= n > 0;
		round->all_ended &= v[i].rollout.end != ROLLOUT_GOING_ON;
		round->failed |= v[i].rollout.end > ROLLOUT_CONVERGED;
	}
	return 0;
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
		     bool first_failure, struct err *e)
{
	int64_t pause = POLL_FIRST_MS, heard = op->clock->mono_ms(op->clock);
	bool warned = false;

	for (;;) {
		struct round round = { 0 };

		if (cancel_check(op->cancel, e) < 0)
			return -1;
		if (watch_round(&round, op, eng, v, nr, e) == 0) {
			heard = op->clock->mono_ms(op->clock);
			warned = false;
		} else if (bear_silence(op, heard, &warned, e) < 0) {
			return -1;
		} else {
			round = (struct round){ 0 }; /* half a round says nothing */
		}
		if (round.all_ended || (round.failed && first_failure))
			return 0;
		pause = round.moved ? POLL_FIRST_MS : pause * 3 / 2;
		if (pause > POLL_LONGEST_MS)
			pause = POLL_LONGEST_MS;
		op->clock->sleep_ms(op->clock, pause, op->cancel);
	}
}
