/*
 * How a run ends. A failure is taken back and the way back is watched as strictly as the way forth; a
 * signal is followed by the few requests that ask for it, and nobody waits.
 */
#include "base/progress.h"
#include "deploy/failure.h"
#include "deploy/up_part.h"

/* Ends the story of those that are neither here nor there. Of a write without an answer that was told. */
static void up_leave_open(struct up *u, const char *text)
{
	for (size_t i = 0; i < u->nr; i++) {
		struct up_item *it = &u->items[i];

		if (it->begun && !it->in_doubt && it->rollout.end == ROLLOUT_GOING_ON)
			progress_fail(u->op->progress, up_item_name(it), text);
	}
}

static void up_check_undone(struct up *u, struct way_back *b)
{
	for (size_t i = 0; i < u->nr; i++) {
		struct up_item *it = &u->items[i];

		if (!it->begun)
			continue;
		if (it->rollout.end == ROLLOUT_CONVERGED) {
			up_item_settle(it, DEPLOY_VERB_ROLLED_BACK);
			b->restored = true;
		} else {
			up_stuck(b, it, ERR_STUCK, it->rollout.reason);
		}
	}
}

static void up_tell_state(struct up *u)
{
	auto_strv struct strv names = STRV_INIT;

	for (size_t i = 0; i < u->nr; i++)
		strv_add(&names, up_item_name(&u->items[i]));
	deploy_failure_state(u->op, u->eng, &names);
}

/* The way back is asked for whole, though a signal comes meanwhile: a few requests, and no patience from then on. */
static void up_undo_surely(struct up *u, struct way_back *b)
{
	struct op *usual = u->op, unstoppable = *u->op;

	unstoppable.cancel = NULL;
	u->op = &unstoppable;
	up_undo(u, b);
	u->op = usual;
}

/* Then all is left as it is, for whoever has it now; *e says so as well. */
static bool has_lost_lock(struct up *u, enum err_kind kind, struct err *e)
{
	struct op unstoppable = *u->op;
	struct err why = ERR_INIT, cause = *e;

	unstoppable.cancel = NULL;
	if (engine_may_write(&unstoppable, u->eng, &why) == 0 || why.kind != ERR_LOCKED)
		return false;
	up_leave_open(u, "left to whoever has the lock now");
	err_set(e, kind, "%s; %s", cause.text, why.text);
	return true;
}

/* A job that was taken back has been run to its end once more: that is to be known, and nothing of it runs. */
static bool are_jobs(const struct up *u)
{
	bool has_job = false;

	for (size_t i = 0; i < u->nr; i++) {
		const struct up_item *it = &u->items[i];

		if (!it->has_outcome || it->verb != DEPLOY_VERB_ROLLED_BACK)
			continue;
		if (!it->rollout.opt.job)
			return false;
		has_job = true;
	}
	return has_job;
}

static void way_back_release(struct way_back *b)
{
	strv_release(&b->left);
}

/* Half is as it was and half is not: nobody may take that for a stack of the previous version. */
static int say_left(const struct way_back *b, enum err_kind kind, struct err *e)
{
	auto_free char *names = strv_join(&b->left, ", ");
	struct err cause = *e;

	return err_set(e, kind, "%s; the rest is %s, but %s not: no version before it is known",
		       cause.text, kind == ERR_CANCELLED ? "being taken back" : "taken back",
		       names);
}

/* *e says what failed; afterwards also what became of it. */
static int up_take_back(struct up *u, struct err *e)
{
	CLEANUP(way_back_release) struct way_back b = { .why = ERR_INIT };
	struct err cause = *e, why = ERR_INIT;

	if (has_lost_lock(u, ERR_LOCKED, e))
		return -1;
	up_leave_open(u, "taken back");
	up_undo_surely(u, &b);
	if (up_watch(u, WATCH_ALL_ENDED, &why) < 0) {
		up_leave_open(u, "left to the engine, which goes on with it");
		if (b.why.kind == ERR_NONE)
			b.why = why;
	} else {
		up_check_undone(u, &b);
	}
	if (b.why.kind == ERR_CANCELLED)
		return err_set(e, ERR_CANCELLED, "%s; interrupted while it was taken back",
			       cause.text);
	if (b.why.kind == ERR_UNAVAILABLE && cause.kind == ERR_UNAVAILABLE)
		return err_set(e, ERR_UNAVAILABLE,
			       "%s; what was begun is left to the engine, and the next run of "
			       "cdeploy goes on with it",
			       cause.text);
	if (b.why.kind == ERR_LOCKED)
		return err_set(e, ERR_LOCKED, "%s; %s", cause.text, b.why.text);
	if (b.why.kind != ERR_NONE) {
		up_tell_state(u);
		return err_set(e, ERR_STUCK, "%s; and it could not be taken back: %s", cause.text,
			       b.why.text);
	}
	if (b.left.n && (b.restored || b.removed)) {
		up_tell_state(u);
		return say_left(&b, ERR_STUCK, e);
	}
	if (b.restored)
		return err_set(e, ERR_ROLLED_BACK, "%s; the previous version %s again", cause.text,
			       are_jobs(u) ? "has run" : "is running");
	if (b.removed)
		return err_set(e, cause.kind, "%s; what was created is removed again", cause.text);
	return -1;
}

/* -- ends ---------------------------------------------------------------------- */

static bool is_begun(const struct up *u)
{
	for (size_t i = 0; i < u->nr; i++)
		if (u->items[i].begun && u->items[i].action->verb != DEPLOY_UNCHANGED)
			return true;
	return false;
}

/*
 * A signal: what this run wrote is written back, in the time of a few requests, and nobody waits
 * for it to run, for whoever sends a signal kills soon after. What another run began is
 * the next one's affair.
 */
static int up_cancelled(struct up *u, struct err *e)
{
	CLEANUP(way_back_release) struct way_back b = { .why = ERR_INIT };

	if (has_lost_lock(u, ERR_CANCELLED, e))
		return -1;
	engine_set_patience(u->eng, 0, NULL);
	up_leave_open(u, "interrupted");
	for (size_t i = 0; i < u->nr; i++)
		if (u->items[i].action->verb == DEPLOY_UNCHANGED)
			u->items[i].begun = false;
	up_undo_surely(u, &b);
	up_leave_open(u, "asked for; the engine goes on with it");
	if (b.why.kind != ERR_NONE)
		return err_set(e, ERR_CANCELLED, "%s; and it could not be taken back: %s", e->text,
			       b.why.text);
	if (!b.asked)
		return -1;
	if (b.left.n)
		return say_left(&b, ERR_CANCELLED, e);
	return err_set(e, ERR_CANCELLED, "%s; what was begun is being taken back", e->text);
}

/* A write was refused, or the watch broke off. */
int up_broke_off(struct up *u, bool may_undo, struct err *e)
{
	if (e->kind == ERR_CANCELLED && !u->opt->no_rollback && is_begun(u))
		return up_cancelled(u, e);
	if (e->kind == ERR_LOCKED) {
		up_leave_open(u, "left to whoever has the lock now");
		return -1;
	}
	if (e->kind == ERR_CANCELLED || u->opt->no_rollback || !may_undo || !is_begun(u)) {
		up_leave_open(u, "left to the engine, which goes on with it");
		return -1;
	}
	return up_take_back(u, e);
}

static int up_failed(struct up *u, const struct up_item *it, struct err *e)
{
	enum rollout_end end = it->rollout.end;
	bool limit = end == ROLLOUT_NO_NODE || end == ROLLOUT_TIME_OVER;
	bool theirs = end == ROLLOUT_SUPERSEDED || end == ROLLOUT_GONE;

	err_set(e, limit ? ERR_TIMEOUT : ERR_FAILED, "service '%s': %s", up_item_name(it),
		it->rollout.reason);
	deploy_failure_log(u->op, u->eng, up_item_name(it), &it->rollout, it->action->spec);
	if (theirs && has_lost_lock(u, ERR_LOCKED, e))
		return -1;
	/* what the engine takes back by itself is waited for in any case */
	if (theirs || (u->opt->no_rollback && end != ROLLOUT_TAKEN_BACK)) {
		up_leave_open(u, "left to the engine, which goes on with it");
		return -1;
	}
	return up_take_back(u, e);
}

int up_settle(struct up *u, struct err *e)
{
	struct up_item *failed = NULL;

	for (size_t i = 0; i < u->nr; i++) {
		struct up_item *it = &u->items[i];

		if (!it->begun)
			continue;
		if (it->rollout.end == ROLLOUT_CONVERGED)
			up_item_settle(it, it->action->verb);
		else
			it->has_outcome = false;
		if (it->rollout.end > ROLLOUT_CONVERGED && !failed)
			failed = it;
	}
	return failed ? up_failed(u, failed, e) : 0;
}

void up_report(struct deploy_outcome *outcomes, size_t *nr, const struct up *u)
{
	*nr = 0;
	for (size_t i = 0; i < u->nr; i++) {
		const struct up_item *it = &u->items[i];
		const struct deploy_service *s = it->action->want;
		struct deploy_outcome *o = &outcomes[*nr];

		if (!it->has_outcome)
			continue;
		*o = (struct deploy_outcome){ .name = s->name, .verb = it->verb };
		o->image = s->pinned_image ? s->pinned_image : s->image;
		if (it->verb == DEPLOY_VERB_ROLLED_BACK) {
			snprintf(o->previous, sizeof(o->previous), "%s",
				 engine_spec_image(it->back));
			o->image = o->previous;
		}
		(*nr)++;
	}
}
