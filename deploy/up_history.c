/*
 * What a deploy has to do with the history. It is read before the first write, under the lock, for the number; it is
 * added to when all has gone well. What a run that was cut off did not come to, the next one does.
 *
 * A history that cannot be read or written is no reason to break off: whoever deploys mends something.
 */
#include "base/json.h"
#include "base/mem.h"
#include "base/progress.h"
#include "deploy/history_keep.h"
#include "deploy/history_stack.h"
#include "deploy/objects.h"
#include "deploy/up_part.h"

static const json_t *spec_of(const struct engine_service *s)
{
	return s ? s->spec : NULL;
}

/* -- before -------------------------------------------------------------------- */

static void label_plan(struct up *u)
{
	for (size_t i = 0; i < u->plan.nr; i++)
		deploy_owner_label_deploy(json_object_get(u->plan.v[i].spec, "Labels"),
					  &u->opt->owner);
}

/* Of all that runs, not only of what is in the file: a number that a run has used before it was killed is used up. */
static int next_revision(uint64_t *next, struct up *u, struct err *e)
{
	auto_engine_state struct engine_state all = { 0 };

	if (deploy_history_get(&u->history, u->op, u->eng, &u->opt->owner, e) < 0 ||
	    engine_state_add_owned(&all, u->op, u->eng, u->opt->owner.project, e) < 0)
		return -1;
	*next = deploy_history_next(&u->history, &all, &u->opt->owner);
	if (*next > DEPLOY_REVISION_MAX)
		return err_set(e, ERR_FAILED,
			       "revision %llu is there already, and no number is higher; remove "
			       "what has it from the labels (" DEPLOY_LABEL_REVISION
			       ") or the configs of the project",
			       (unsigned long long)DEPLOY_REVISION_MAX);
	return 0;
}

int up_history_begin(struct up *u, struct err *e)
{
	uint64_t next;

	if (!u->opt->note || !deploy_plan_writes(&u->plan))
		return 0;
	if (next_revision(&next, u, e) == 0) {
		u->has_history = true;
		u->options.owner.revision = next;
		label_plan(u);
		return 0;
	}
	if (e->kind == ERR_CANCELLED || e->kind == ERR_UNAVAILABLE)
		return -1;
	progress_warn(u->op->progress, "this deploy will not be in the history: %s", e->text);
	err_clear(e);
	return 0;
}

/* -- after --------------------------------------------------------------------- */

/* 0: it is recorded. 1: it is not, and that was told. -1: the lock is lost, so it is not ours to say what runs. */
static int record(struct up *u, const struct deploy_owner *owner, struct err *e)
{
	unsigned long long revision = owner->revision;

	if (deploy_history_add(u->op, u->eng, u->stack, owner, u->opt->note, e) < 0) {
		if (e->kind == ERR_LOCKED)
			return -1;
		progress_warn(
			u->op->progress,
			"revision %llu is not in the history, and nobody can go back to it: %s",
			revision, e->text);
		err_clear(e);
		return 1;
	}
	progress_note(u->op->progress, "this is revision %llu of the history", revision);
	return 0;
}

/* The service of the stack that was written last; NULL: none has a number. */
static const json_t *newest_spec(const struct deploy_plan *plan)
{
	const json_t *newest = NULL;
	uint64_t highest = 0;

	for (size_t i = 0; i < plan->nr; i++) {
		const json_t *spec = spec_of(plan->v[i].have);
		uint64_t n = deploy_history_revision_of(spec);

		if (n > highest) {
			highest = n;
			newest = spec;
		}
	}
	return newest;
}

/* One question, in which a lock is seen that a dead run left and that nobody needs, since nothing is to be written. */
static int has_record(struct up *u, uint64_t revision, struct err *e)
{
	auto_deploy_history struct deploy_history found = { 0 };
	auto_strv struct strv names = STRV_INIT;
	auto_json json_t *list = NULL;

	strv_take(&names, deploy_history_name(&u->opt->owner, revision));
	strv_take(&names, deploy_lock_name(&u->opt->owner));
	list = engine_list(u->op, u->eng, "/configs", "name", &names, e);
	if (!list || deploy_history_read(&found, list, &u->opt->owner, e) < 0)
		return err_wrap(e, "read the history");
	if (u->opt->holder && !u->lock.id)
		u->was_cut_off |=
			deploy_lock_sweep(u->op, u->eng, &u->opt->owner, u->opt->holder, list);
	return deploy_history_find(&found, revision) != NULL;
}

/* 1: what runs is in the history. 0: it is not, and *revision is its number. */
static int is_recorded(uint64_t *revision, struct up *u, const json_t *newest, struct err *e)
{
	auto_deploy_history struct deploy_history h = { 0 };

	if (newest) {
		*revision = deploy_history_revision_of(newest);
		return has_record(u, *revision, e);
	}
	/* of a time before there was a history */
	*revision = 1;
	if (deploy_history_get(&h, u->op, u->eng, &u->opt->owner, e) < 0)
		return -1;
	return h.nr > 0;
}

/* It is that deploy's, not ours. 0 too when it was recorded already. */
static int record_missing(struct up *u, const struct deploy_plan *plan, struct err *e)
{
	struct deploy_owner owner = u->opt->owner;
	const json_t *newest = newest_spec(plan), *any;
	int known = is_recorded(&owner.revision, u, newest, e);

	if (known != 0)
		return known < 0 ? -1 : 0;
	any = newest ? newest : spec_of(plan->v[0].have);
	owner.commit = deploy_label(any, DEPLOY_LABEL_COMMIT);
	owner.pipeline = deploy_label(any, DEPLOY_LABEL_PIPELINE);
	owner.back_to = deploy_history_back_to_of(any);
	return record(u, &owner, e) < 0 ? -1 : 0;
}

/* A run that was cut off may have been at its last: what it would have removed of the history goes now. */
static int tidy(struct up *u, struct err *e)
{
	if (!u->was_cut_off)
		return 0;
	if (deploy_history_get(&u->history, u->op, u->eng, &u->opt->owner, e) < 0)
		return -1;
	u->has_history = true;
	deploy_history_cut(u->op, u->eng, &u->history, DEPLOY_HISTORY_KEPT);
	return 0;
}

/*
 * The one who wrote may be at work still, and record it next: only who holds the lock can tell. What was seen before
 * that counts no more.
 */
static int record_under_lock(struct up *u, struct err *e)
{
	auto_plan struct deploy_plan plan = { 0 };
	auto_engine_state struct engine_state state = { 0 };

	if (deploy_lock_take(&u->lock, u->op, u->eng, &u->opt->owner, u->opt->holder, 0, e) < 0) {
		if (e->kind != ERR_LOCKED)
			return -1;
		err_clear(e);
		return 0;
	}
	u->op = &u->lock.op;
	if (deploy_up_plan(&plan, &state, u->op, u->eng, u->stack, u->opt, e) < 0)
		return -1;
	if (deploy_plan_writes(&plan))
		return 0;
	return record_missing(u, &plan, e) < 0 ? -1 : tidy(u, e);
}

/* Nothing was written: but whoever did write may have been killed before his record, or before his last removals. */
static void heal(struct up *u)
{
	const json_t *newest = newest_spec(&u->plan);
	struct err e = ERR_INIT;
	uint64_t revision;
	int n;

	if (!u->opt->note || !u->plan.nr || u->opt->detach)
		return;
	/* who has waited for the lock, to write, holds it already */
	if (!u->opt->holder || u->lock.id) {
		n = record_missing(u, &u->plan, &e);
		if (n == 0)
			n = tidy(u, &e);
	} else {
		n = is_recorded(&revision, u, newest, &e);
		if (n == 0 || (n > 0 && u->was_cut_off))
			n = record_under_lock(u, &e);
	}
	/* whoever has it now records it */
	if (n < 0 && e.kind != ERR_LOCKED)
		progress_warn(u->op->progress, "%s", e.text);
}

static bool has_written(const struct up *u)
{
	for (size_t i = 0; i < u->nr; i++)
		if (u->items[i].action->verb != DEPLOY_UNCHANGED)
			return true;
	return false;
}

static void prune_objects(struct up *u)
{
	auto_strv struct strv kept = STRV_INIT;

	/* the old tasks may still want what is old */
	if (u->opt->detach)
		return;
	/* without the history nobody knows what it names */
	if (u->opt->note && !u->has_history)
		return;
	for (size_t i = 0; i < u->history.nr; i++)
		deploy_body_objects(&kept, u->history.v[i].body);
	deploy_objects_prune(u->op, u->eng, u->stack, &u->state, &u->opt->owner, &kept,
			     has_written(u) || u->was_cut_off);
}

/* All that went are services that the last record never had: one more would be the same, and a way back to nowhere. */
static bool is_as_last(const struct up *u, const struct deploy_record *last)
{
	for (size_t i = 0; i < u->plan.nr; i++)
		if (!deploy_body_has(last->body, u->plan.v[i].want->name))
			return false;
	for (size_t i = 0; i < u->plan.nr_surplus; i++)
		if (deploy_body_has(last->body, u->plan.surplus[i]->name))
			return false;
	return true;
}

/* -1: the lock is lost. */
static int remember(struct up *u, struct err *e)
{
	const struct deploy_record *last = u->history.nr ? &u->history.v[0] : NULL;
	uint64_t runs = deploy_history_revision_of(newest_spec(&u->plan));
	size_t most = DEPLOY_HISTORY_KEPT - 1;
	int n = 0;

	if (has_written(u))
		n = record(u, &u->opt->owner, e);
	else if (runs > (last ? last->revision : 0)) /* of a run that was cut off */
		n = record_missing(u, &u->plan, e);
	else if (!last || !is_as_last(u, last))
		n = record(u, &u->opt->owner, e);
	else
		most = DEPLOY_HISTORY_KEPT;
	if (n == 0)
		deploy_history_cut(u->op, u->eng, &u->history, most);
	return n < 0 ? -1 : 0;
}

int up_end_well(struct up *u, struct err *e)
{
	bool changed = has_written(u) || u->plan.nr_surplus;

	if (changed && engine_may_write(u->op, u->eng, e) < 0) {
		if (e->kind == ERR_LOCKED)
			return -1;
		err_clear(e); /* each write says what comes of it */
	}
	if (!changed)
		heal(u);
	else if (u->has_history && remember(u, e) < 0)
		return -1;
	prune_objects(u);
	return 0;
}
