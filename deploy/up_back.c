/*
 * The way back: what this run wrote is written back, service by service, the last one first. Here it is only
 * asked for; up_end.c watches what comes of it.
 */
#include "base/mem.h"
#include "base/progress.h"
#include "deploy/apply.h"
#include "deploy/diff.h"
#include "deploy/up_part.h"

#define SCALED_TRIES 3

int up_item_is_gone(struct err *e)
{
	struct err why = *e;

	return err_set(e, why.kind == ERR_LOCKED ? ERR_LOCKED : ERR_STUCK,
		       "it was removed, to be created anew, and there is none now; the "
		       "next run of cdeploy creates it (%.400s)",
		       why.text);
}

void up_stuck(struct way_back *b, struct up_item *it, enum err_kind kind, const char *why)
{
	if (b->why.kind == ERR_NONE)
		err_set(&b->why, kind, "service '%s': %s", up_item_name(it), why);
	it->begun = false;
	it->has_outcome = false;
}

static void item_remove(struct up *u, struct way_back *b, struct up_item *it)
{
	struct err e = ERR_INIT;

	it->begun = false;
	b->asked = true;
	if (deploy_apply_remove_as(u->op, u->eng, it->id, it->action->spec, &e) < 0) {
		up_stuck(b, it, e.kind, e.text);
		return;
	}
	up_item_settle(it, DEPLOY_REMOVED);
	b->removed = true;
	progress_note(u->op->progress, "%s: removed again", up_item_name(it));
}

/* The old service once more, in place of the one made for it (if there is one). */
static int item_remake(struct up *u, struct up_item *it, struct err *e)
{
	auto_free char *failed = STEAL(&it->id);
	char *auth;
	int n;

	if (failed && deploy_apply_remove_as(u->op, u->eng, failed, it->action->spec, e) < 0)
		return -1;
	auth = up_item_auth(u, it);
	n = deploy_apply_recreate(&it->id, u->op, u->eng, it->back, auth, e);
	if (auth)
		explicit_bzero(auth, strlen(auth));
	free(auth);
	return n < 0 ? up_item_is_gone(e) : 0;
}

static int item_revert(struct up *u, struct up_item *it, struct err *e)
{
	struct engine_service base = { .id = it->id, .spec = it->back };
	const json_t *replaced = it->now.id ? it->now.spec : it->action->have->spec;
	auto_engine_tasks struct engine_tasks before = { 0 };
	auto_strv struct strv ids = STRV_INIT;

	strv_add(&ids, it->id);
	if (engine_tasks_get(&before, u->op, u->eng, &ids, e) < 0)
		return -1;
	deploy_rollout_know(&it->rollout, &before, false);
	return deploy_apply_rollback(u->op, u->eng, &base, it->action->spec, replaced, e);
}

/* Since the last look: then that is what is to be taken back. Clears *e. */
static bool item_is_scaled(struct up *u, struct up_item *it, struct err *e)
{
	json_t *ours = it->action->spec;
	auto_engine_service struct engine_service now = { 0 };
	struct err ignored = ERR_INIT;

	if (it->remade || e->kind != ERR_FAILED ||
	    engine_service_get(&now, u->op, u->eng, it->id, &ignored) < 0 ||
	    deploy_spec_equal(ours, now.spec) ||
	    !deploy_spec_follow(ours, it->action->want, now.spec))
		return false;
	err_clear(e);
	return true;
}

static void item_roll_back(struct up *u, struct way_back *b, struct up_item *it)
{
	struct err e = ERR_INIT;
	unsigned tries = SCALED_TRIES;
	int n;

	b->asked = true;
	progress_begin(u->op->progress, up_item_name(it), "roll back service '%s'",
		       up_item_name(it));
	do {
		/* the watch has followed whoever scales */
		deploy_spec_keep_replicas(it->back, it->action->want, it->action->spec);
		up_item_start(u, it, it->back, true);
		n = it->remade ? item_remake(u, it, &e) : item_revert(u, it, &e);
	} while (n < 0 && tries-- && item_is_scaled(u, it, &e));
	if (n == 0)
		return;
	progress_fail(u->op->progress, up_item_name(it), e.text);
	up_stuck(b, it, e.kind, e.text);
}

/* A write whose answer nobody heard: what has not arrived needs no way back. */
static bool item_has_arrived(struct up *u, struct way_back *b, struct up_item *it)
{
	auto_free char *id = NULL;
	struct err e = ERR_INIT;
	int n = deploy_apply_arrived(&id, u->op, u->eng, it->action->spec, it->action->resumed, &e);

	if (n > 0) {
		free(it->id);
		it->id = STEAL(&id);
		it->in_doubt = false;
	} else if (it->remade) {
		return true; /* whatever there is now, the old one is wanted back */
	} else if (n < 0) {
		up_stuck(b, it, e.kind, e.text);
	} else {
		it->begun = false;
	}
	return n > 0;
}

/* An engine that does not answer is not asked again for each service. */
static bool item_is_out_of_reach(struct way_back *b, struct up_item *it)
{
	if (b->why.kind != ERR_UNAVAILABLE || it->remade)
		return false;
	up_stuck(b, it, ERR_UNAVAILABLE, b->why.text);
	return true;
}

/* Of one that was only found on its way it is to be known when it does not work. */
static void item_leave(struct way_back *b, struct up_item *it)
{
	it->begun = false;
	if (it->action->verb != DEPLOY_UNCHANGED || it->rollout.end > ROLLOUT_CONVERGED)
		strv_addf(&b->left, "'%s'", up_item_name(it));
}

void up_undo(struct up *u, struct way_back *b)
{
	for (size_t i = u->nr; i-- > 0;) {
		struct up_item *it = &u->items[i];

		if (!it->begun || item_is_out_of_reach(b, it) ||
		    (it->in_doubt && !item_has_arrived(u, b, it)))
			continue;
		if (it->back)
			item_roll_back(u, b, it);
		else if (it->action->verb == DEPLOY_CREATED)
			item_remove(u, b, it);
		else
			item_leave(b, it);
	}
}
