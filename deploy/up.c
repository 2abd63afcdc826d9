/*
 * The order of things: look, plan, networks, services, watch, and when one service
 * fails, take all back that this run has changed, so that a stack is never left half
 * in one version and half in another. A service that somebody else changed or
 * removed meanwhile is theirs: then nothing is taken back, for it would be taken from them.
 *
 * What counts as taken back is watched as strictly as the way forth: the engine says
 * "rollback completed" before the old version runs.
 */
#include "deploy/up.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/progress.h"
#include "deploy/apply.h"
#include "deploy/diff.h"
#include "deploy/objects.h"
#include "deploy/spec_api.h"
#include "deploy/up_part.h"
#include "deploy/waves.h"
#include "oci/image/reference.h"

#define PENDING_DFLT_MS INT64_C(60000)
#define PATIENCE_MS	INT64_C(60000) /* managers elect a leader, an engine starts anew */
#define FOLLOW_TRIES	3

static void up_release(struct up *u)
{
	for (size_t i = 0; i < u->nr; i++) {
		free(u->items[i].id);
		engine_service_release(&u->items[i].now);
		deploy_rollout_release(&u->items[i].rollout);
	}
	free(u->items);
	engine_tasks_release(&u->tasks);
	deploy_plan_release(&u->plan);
	engine_state_release(&u->state);
	deploy_history_release(&u->history);
}

const char *up_item_name(const struct up_item *it)
{
	return it->action->want->name;
}

void up_item_settle(struct up_item *it, enum deploy_verb verb)
{
	it->has_outcome = true;
	it->verb = verb;
}

void up_item_start(struct up *u, struct up_item *it, const json_t *spec, bool taking_back)
{
	int64_t now = u->op->clock->mono_ms(u->op->clock);
	struct rollout_options o = {
		.taking_back = taking_back,
		.timeout_ms = u->opt->timeout_ms,
		.pending_ms =
			u->opt->pending_timeout_ms ? u->opt->pending_timeout_ms : PENDING_DFLT_MS,
		.stable_ms = u->opt->stable_ms,
	};

	/* the limit is for all of it, the way back has it once more */
	if (!taking_back)
		rollout_options_spend(&o, now - u->began_ms);
	rollout_options_from_spec(&o, spec);
	deploy_rollout_release(&it->rollout);
	deploy_rollout_init(&it->rollout, &o, now);
}

/* -- plan and networks ------------------------------------------------------- */

int deploy_up_plan(struct deploy_plan *plan, struct engine_state *state, struct op *op,
		   struct engine *eng, const struct deploy_stack *stack,
		   const struct deploy_options *opt, struct err *e)
{
	auto_strv struct strv services = STRV_INIT, networks = STRV_INIT;

	deploy_plan_release(plan);
	engine_state_release(state);
	deploy_plan_names(&services, &networks, stack);
	if (engine_state_get(state, op, eng, &services, &networks, e) < 0 ||
	    deploy_objects_look(state, op, eng, stack, e) < 0 ||
	    (opt->prune && engine_state_add_owned(state, op, eng, opt->owner.project, e) < 0))
		return -1;
	if (deploy_reconcile(plan, stack, state, &opt->owner, e) < 0)
		return -1;
	for (size_t i = 0; i < plan->nr; i++)
		if (deploy_spec_fits_api(plan->v[i].spec, engine_api(eng), e) < 0)
			return -1;
	return 0;
}

static int up_plan(struct up *u, struct err *e)
{
	return deploy_up_plan(&u->plan, &u->state, u->op, u->eng, u->stack, u->opt, e);
}

/* Who writes nothing needs no lock. What was seen before it was held counts no more. */
static int up_hold(struct up *u, struct err *e)
{
	if (!u->opt->holder || !deploy_plan_writes(&u->plan))
		return 0;
	if (deploy_lock_take(&u->lock, u->op, u->eng, &u->opt->owner, u->opt->holder,
			     u->opt->lock_wait_ms, e) < 0)
		return -1;
	u->op = &u->lock.op;
	u->was_cut_off = u->lock.has_cleared;
	return up_plan(u, e);
}

/* What services stand on: networks, then secrets and configs. */
static int up_ground(struct up *u, struct err *e)
{
	bool made;

	if (up_networks(u, e) < 0 ||
	    deploy_objects_make(&made, u->op, u->eng, u->stack, &u->state, &u->opt->owner, e) < 0)
		return -1;
	if (!made && !u->plan.networks.n)
		return 0;
	/* the specs want the ids of what is new */
	if (up_plan(u, e) < 0)
		return -1;
	if (u->plan.networks.n)
		return err_set(e, ERR_FAILED, "network '%s' was removed by somebody meanwhile",
			       u->plan.networks.v[0]);
	return 0;
}

static void up_items(struct up *u, const size_t *wave)
{
	u->items = mem_zalloc((u->plan.nr ? u->plan.nr : 1) * sizeof(*u->items));
	u->nr = u->plan.nr;
	for (size_t i = 0; i < u->nr; i++)
		u->items[i] = (struct up_item){ .action = &u->plan.v[i], .wave = wave[i] };
}

/* Only the engine knows the tasks' part in it: see item_is_open. */
static bool is_proof_needed(const struct up *u, const struct deploy_action *a)
{
	return a->verb == DEPLOY_UNCHANGED && a->unproven && !a->unfinished && !u->opt->detach;
}

/* Of all services at once, so that the requests do not grow with them. */
static int up_tasks(struct up *u, struct err *e)
{
	auto_strv struct strv ids = STRV_INIT;

	for (size_t i = 0; i < u->nr; i++) {
		const struct deploy_action *a = u->items[i].action;

		if (a->verb == DEPLOY_UPDATED || is_proof_needed(u, a))
			strv_add(&ids, a->have->id);
	}
	return engine_tasks_get(&u->tasks, u->op, u->eng, &ids, e);
}

/* -- services ---------------------------------------------------------------- */

char *up_item_auth(struct up *u, const struct up_item *it)
{
	const struct deploy_service *s = it->action->want;
	auto_reference struct oci_reference ref = { 0 };
	struct err ignored = ERR_INIT; /* the engine will say what it thinks of the image */
	char *auth = NULL;

	if (!u->opt->registry_auth ||
	    oci_reference_parse(&ref, s->pinned_image ? s->pinned_image : s->image, &ignored) < 0)
		return NULL;
	auth = u->opt->registry_auth(u->opt->registry_auth_arg, &ref);
	if (!auth && s->with_auth)
		progress_warn(u->op->progress,
			      "service '%s' asks for credentials, but there are none for '%s'",
			      s->name, ref.host);
	return auth;
}

static int item_create(struct up *u, struct up_item *it, const char *auth, struct err *e)
{
	int n;

	progress_begin(u->op->progress, up_item_name(it), "create service '%s'", up_item_name(it));
	up_item_start(u, it, it->action->spec, false);
	do
		n = deploy_apply_create(&it->id, u->op, u->eng, it->action->spec, auth, e);
	while (n < 0 && up_network_again(u, e) == 0);
	return n;
}

/*
 * An update that was left paused has never come to run: the version before it is the one to go back to, as
 * long as the engine has it. Whether that one ran the engine does not know. When the update was asked for once
 * more, or scaled, the engine has only itself, and behind a way back that was paused is the version that failed.
 * NULL: none is known.
 */
static json_t *good_spec(const struct deploy_action *a)
{
	const struct engine_service *have = a->have;
	json_t *good = have->spec;

	if (have->update == UPDATE_PAUSED && have->previous) {
		good = have->previous;
		if (deploy_spec_is_scaled(good, have->spec))
			return NULL;
	}
	return deploy_spec_equal(good, a->spec) ? NULL : good;
}

/* Somebody was faster: an earlier wave may have taken long, or the swarm takes back what a dead run began. */
static bool item_follows(struct up *u, struct up_item *it, const struct err *e)
{
	const json_t *from = it->now.id ? it->now.spec : it->action->have->spec;
	bool is_back = it->back == from;
	auto_engine_service struct engine_service now = { 0 };
	struct err ignored = ERR_INIT;

	if (e->kind != ERR_FAILED ||
	    engine_service_get(&now, u->op, u->eng, it->id, &ignored) < 0 ||
	    deploy_spec_equal(from, now.spec) || !deploy_action_follow(it->action, &now))
		return false;
	if (is_back)
		it->back = now.spec;
	engine_service_release(&it->now);
	it->now = now;
	now = (struct engine_service){ 0 };
	return true;
}

/* What holds for a service that was there, be it changed or made anew. */
static void item_warn(const struct up *u, const struct up_item *it)
{
	const struct deploy_action *a = it->action;

	if (a->adopted)
		progress_warn(u->op->progress,
			      "service '%s' was %s until now; it is ours from here on",
			      up_item_name(it), a->whose);
	if (a->kept_volume)
		progress_warn(
			u->op->progress,
			"a node that has the volume '%s' keeps its old options until somebody "
			"removes it there",
			a->kept_volume);
}

static int item_update(struct up *u, struct up_item *it, const char *auth, struct err *e)
{
	const struct deploy_action *a = it->action;
	struct engine_tasks before = engine_tasks_of(&u->tasks, a->have->id);
	unsigned tries = FOLLOW_TRIES;

	item_warn(u, it);
	progress_begin(u->op->progress, up_item_name(it), "update service '%s': %s",
		       up_item_name(it), a->why);
	it->id = mem_strdup(a->have->id);
	it->back = good_spec(a);
	up_item_start(u, it, a->spec, false);
	deploy_rollout_know(&it->rollout, &before, true);
	while (deploy_apply_update(u->op, u->eng, it->now.id ? &it->now : a->have, a->spec, auth,
				   e) < 0)
		if (up_network_again(u, e) < 0 && (!tries-- || !item_follows(u, it, e)))
			return -1;
	return 0;
}

/* What the engine cannot change: there is none of it for a moment, and whoever fails has to remake the old one. */
static int item_recreate(struct up *u, struct up_item *it, const char *auth, struct err *e)
{
	const struct deploy_action *a = it->action;

	item_warn(u, it);
	progress_begin(u->op->progress, up_item_name(it),
		       "remove service '%s' and create it anew: %s", up_item_name(it), a->why);
	if (deploy_apply_remove_as(u->op, u->eng, a->have->id, a->have->spec, e) < 0 &&
	    (e->kind == ERR_FAILED || e->kind == ERR_LOCKED))
		return -1; /* it is there as before, or another's now */
	it->back = a->have->spec;
	it->remade = it->begun = true;
	up_item_start(u, it, a->spec, false);
	if (e->kind != ERR_NONE)
		return -1;
	if (deploy_apply_recreate(&it->id, u->op, u->eng, a->spec, auth, e) == 0)
		return 0;
	/* else the old one is made again */
	return e->kind == ERR_LOCKED ? up_item_is_gone(e) : -1;
}

/* An earlier run may have been cut off before the service came to run. */
static bool item_is_open(struct up *u, struct up_item *it)
{
	const struct deploy_action *a = it->action;
	struct engine_tasks now = engine_tasks_of(&u->tasks, a->have->id);

	if (u->opt->detach || (!a->unfinished && !a->unproven))
		return false;
	it->id = mem_strdup(a->have->id);
	up_item_start(u, it, a->spec, false);
	if (a->unfinished)
		return true;
	/* it may have had its troubles long ago */
	deploy_rollout_know(&it->rollout, &now, false);
	return !deploy_rollout_all_run(&it->rollout, a->have, &now);
}

/*
 * Nothing to write. But where an earlier run was cut off on its way, the way is watched to its end:
 * "unchanged" must not hide a service that does not run. Only an update has a version to go
 * back to; what is before a rollback is what did not work.
 */
static void item_keep(struct up *u, struct up_item *it)
{
	const struct engine_service *have = it->action->have;
	bool has_back = have->update == UPDATE_UPDATING && have->previous &&
			!deploy_spec_is_scaled(have->previous, have->spec);
	bool open = item_is_open(u, it);

	up_item_settle(it, DEPLOY_UNCHANGED);
	/* its line on standard output says it */
	if (!open)
		return;
	progress_begin(u->op->progress, up_item_name(it), "service '%s' is unchanged, but %s",
		       up_item_name(it),
		       it->action->unfinished ? "its last update is not over" : "does not run yet");
	it->back = has_back ? have->previous : NULL;
	it->begun = true;
}

static int item_apply(struct up *u, struct up_item *it, struct err *e)
{
	enum deploy_verb verb = it->action->verb;
	char *auth;
	int n;

	if (verb == DEPLOY_UNCHANGED) {
		item_keep(u, it);
		return 0;
	}
	auth = up_item_auth(u, it);
	if (verb == DEPLOY_CREATED)
		n = item_create(u, it, auth, e);
	else if (it->action->recreate)
		n = item_recreate(u, it, auth, e);
	else
		n = item_update(u, it, auth, e);
	if (auth)
		explicit_bzero(auth, strlen(auth));
	free(auth);
	if (n < 0) {
		it->in_doubt = e->kind == ERR_CANCELLED || e->kind == ERR_UNAVAILABLE;
		it->begun |= it->in_doubt;
		progress_fail(u->op->progress, up_item_name(it), e->text);
		return err_wrap(e, "%s service '%s'", verb == DEPLOY_CREATED ? "create" : "update",
				up_item_name(it));
	}
	it->begun = true;
	if (u->opt->detach) {
		up_item_settle(it, verb);
		progress_end(u->op->progress, up_item_name(it), 0);
	}
	return 0;
}

/* -- watching ---------------------------------------------------------------- */

/* Those that have begun, watched with one loop; their machines go there and come back. */
int up_watch(struct up *u, enum watch_until until, struct err *e)
{
	bool taking_back = until == WATCH_ALL_ENDED;
	struct deploy_watch *v = mem_zalloc((u->nr ? u->nr : 1) * sizeof(*v));
	size_t n = 0;
	int r;

	for (size_t i = 0; i < u->nr; i++) {
		struct up_item *it = &u->items[i];

		if (it->begun)
			v[n++] = (struct deploy_watch){
				.name = up_item_name(it),
				.id = it->id,
				.spec = taking_back ? it->back : it->action->spec,
				.want = it->action->want,
				.rollout = it->rollout,
			};
	}
	r = deploy_watch_run(u->op, u->eng, v, n, until, e);
	n = 0;
	for (size_t i = 0; i < u->nr; i++)
		if (u->items[i].begun)
			u->items[i].rollout = v[n++].rollout;
	free(v);
	return r;
}

/* -- the whole --------------------------------------------------------------- */

static bool has_failed(const struct up *u)
{
	for (size_t i = 0; i < u->nr; i++)
		if (u->items[i].rollout.end > ROLLOUT_CONVERGED)
			return true;
	return false;
}

/* A wave begins when all of the ones before it run; that they go on running is seen in the end. */
static int up_services(struct up *u, size_t nr_waves, struct err *e)
{
	for (size_t wave = 0; wave < nr_waves && !has_failed(u); wave++) {
		bool last = wave + 1 == nr_waves;

		for (size_t i = 0; i < u->nr; i++)
			if (u->items[i].wave == wave && item_apply(u, &u->items[i], e) < 0)
				return up_broke_off(u, true, e);
		if (!u->opt->detach && up_watch(u, last ? WATCH_ALL_DONE : WATCH_ALL_UP, e) < 0)
			return up_broke_off(u, false, e);
	}
	return u->opt->detach ? 0 : up_settle(u, e);
}

/* After success only: what this owner had and the file has no longer. That was seen before the rollout. */
static int up_prune(struct up *u, struct err *e)
{
	for (size_t i = 0; i < u->plan.nr_surplus; i++) {
		const struct engine_service *s = u->plan.surplus[i];
		int n = deploy_apply_remove_owned(u->op, u->eng, s->id, &u->opt->owner, e);

		if (n < 0)
			return err_wrap(e, "remove service '%s'", s->name);
		if (n == 0) {
			progress_warn(u->op->progress,
				      "service '%s' is not removed: somebody has taken it over",
				      s->name);
			continue;
		}
		progress_note(u->op->progress, "service '%s' removed: it is in the file no longer",
			      s->name);
		strv_addf(u->opt->pruned, "%s removed %s", s->name, engine_spec_image(s->spec));
	}
	return 0;
}

/* All run. What is left are a few requests: done at once, or to be made up for by another run. */
static int up_finish(struct up *u, struct err *e)
{
	u->unstoppable = *u->op;
	u->unstoppable.cancel = NULL;
	u->op = &u->unstoppable;
	return up_prune(u, e) < 0 ? -1 : up_end_well(u, e);
}

static int up_run(struct up *u, struct err *e)
{
	auto_free size_t *wave = mem_zalloc((u->stack->nr + 1) * sizeof(*wave));
	size_t nr_waves = 0;

	if (deploy_waves(wave, &nr_waves, u->stack, e) < 0 || up_plan(u, e) < 0 ||
	    up_hold(u, e) < 0 || up_history_begin(u, e) < 0 || up_ground(u, e) < 0)
		return -1;
	/* after the wait for another deploy, which is not this one's */
	u->began_ms = u->op->clock->mono_ms(u->op->clock);
	up_items(u, wave);
	if (up_tasks(u, e) < 0)
		return -1;
	return up_services(u, nr_waves, e) < 0 ? -1 : up_finish(u, e);
}

int deploy_up(struct deploy_outcome *outcomes, size_t *nr, struct op *op, struct engine *eng,
	      const struct deploy_stack *stack, const struct deploy_options *opt, struct err *e)
{
	struct up u = { .op = op, .eng = eng, .stack = stack, .options = *opt, .opt = &u.options };
	int r;

	engine_set_patience(eng, PATIENCE_MS, op->cancel);
	r = up_run(&u, e);
	engine_set_patience(eng, 0, NULL);
	deploy_lock_release(&u.lock);
	up_report(outcomes, nr, &u);
	up_release(&u);
	return r;
}
