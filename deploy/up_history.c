/*
 * What a deploy has to do with the history. It is read before the first write, under the lock, for the number; it is
 * added to when all has gone well, even after a signal, for that is one request.
 *
 * A history that cannot be read or written is no reason to break off: whoever deploys mends something.
 */
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

int up_history_begin(struct up *u, struct err *e)
{
	if (!u->opt->note || !deploy_plan_writes(&u->plan))
		return 0;
	if (deploy_history_get(&u->history, u->op, u->eng, &u->opt->owner, e) == 0) {
		u->has_history = true;
		u->options.owner.revision =
			deploy_history_next(&u->history, &u->state, &u->opt->owner);
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

static bool record(struct up *u, const struct deploy_owner *owner)
{
	unsigned long long revision = owner->revision;
	struct op unstoppable = *u->op;
	struct err e = ERR_INIT;

	unstoppable.cancel = NULL;
	if (deploy_history_add(&unstoppable, u->eng, u->stack, owner, u->opt->note, &e) < 0) {
		progress_warn(
			u->op->progress,
			"revision %llu is not in the history, and nobody can go back to it: %s",
			revision, e.text);
		return false;
	}
	progress_note(u->op->progress, "this is revision %llu of the history", revision);
	return true;
}

/* The service of the stack that was written last; NULL: none has a number. */
static const json_t *newest_spec(const struct up *u)
{
	const json_t *newest = NULL;
	uint64_t highest = 0;

	for (size_t i = 0; i < u->plan.nr; i++) {
		const json_t *spec = spec_of(u->plan.v[i].have);
		uint64_t n = deploy_history_revision_of(spec);

		if (n > highest) {
			highest = n;
			newest = spec;
		}
	}
	return newest;
}

/* 1: what runs is in the history. 0: it is not, and *revision is its number. */
static int is_recorded(uint64_t *revision, struct up *u, const json_t *newest, struct err *e)
{
	if (newest) {
		*revision = deploy_history_revision_of(newest);
		return deploy_history_has(u->op, u->eng, &u->opt->owner, *revision, e);
	}
	/* of a time before there was a history */
	*revision = 1;
	if (!u->has_history &&
	    deploy_history_get(&u->history, u->op, u->eng, &u->opt->owner, e) < 0)
		return -1;
	return u->history.nr > 0;
}

/* This run has asked for tasks already: a run that writes nothing is to be a few requests. */
static bool has_asked_enough(const struct up *u)
{
	for (size_t i = 0; i < u->plan.nr; i++)
		if (u->plan.v[i].unproven && !u->plan.v[i].unfinished)
			return true;
	return false;
}

/*
 * Nothing was written: but whoever did write may have been killed before he recorded it. Where this run had to ask
 * whether the services run at all, that is left to the next.
 */
static void heal(struct up *u)
{
	struct deploy_owner owner = u->opt->owner;
	const json_t *newest = newest_spec(u), *any;
	struct err e = ERR_INIT;
	int known;

	if (!u->opt->note || !u->plan.nr || u->opt->detach || has_asked_enough(u))
		return;
	known = is_recorded(&owner.revision, u, newest, &e);
	if (known < 0)
		progress_warn(u->op->progress, "%s", e.text);
	if (known)
		return;
	/* it is that deploy's, not ours */
	any = newest ? newest : spec_of(u->plan.v[0].have);
	owner.commit = deploy_label(any, DEPLOY_LABEL_COMMIT);
	owner.pipeline = deploy_label(any, DEPLOY_LABEL_PIPELINE);
	owner.back_to = deploy_history_back_to_of(any);
	record(u, &owner);
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
			     has_written(u));
}

void up_end_well(struct up *u)
{
	bool changed = has_written(u) || u->plan.nr_surplus;

	if (!changed)
		heal(u);
	else if (u->has_history && record(u, &u->opt->owner))
		deploy_history_cut(u->op, u->eng, &u->history);
	prune_objects(u);
}
