/* See history_running.h. A record runs when a deploy of it would find nothing to do. */
#include "deploy/history_running.h"

#include "base/mem.h"
#include "deploy/history_hide.h"
#include "deploy/history_stack.h"
#include "deploy/reconcile.h"

void deploy_running_release(struct deploy_running *r)
{
	strv_release(&r->changes);
	*r = (struct deploy_running){ 0 };
}

static int restore(struct deploy_stack *out, const struct deploy_record *r,
		   const struct engine_state *services, struct err *e)
{
	auto_strv struct strv known = STRV_INIT;

	for (size_t i = 0; i < services->nr; i++)
		deploy_hide_known(&known, services->services[i].spec);
	return deploy_stack_of_body(out, r->body, &known, e);
}

/* --no-rollback is a wish of the run that wrote it, and in no record: it is no change. */
static void wish_as_they_run(struct deploy_stack *s, const struct engine_state *services)
{
	for (size_t i = 0; i < s->nr; i++) {
		const struct engine_service *now =
			engine_state_service(services, s->services[i].name);
		const json_t *update = now ? json_object_get(now->spec, "UpdateConfig") : NULL;
		const char *action = json_string_value(json_object_get(update, "FailureAction"));

		s->services[i].stays_failed = action && strcmp(action, "pause") == 0;
	}
}

static void add_changes(struct strv *changes, const struct deploy_plan *p)
{
	for (size_t i = 0; i < p->networks.n; i++)
		strv_addf(changes, "network '%s': it does not exist", p->networks.v[i]);
	for (size_t i = 0; i < p->nr; i++)
		if (p->v[i].verb != DEPLOY_UNCHANGED)
			strv_addf(changes, "service '%s': %s", p->v[i].want->name, p->v[i].why);
}

/* Nothing in changes afterwards: it runs. -1: the engine could not be asked. */
static int compare(struct strv *changes, struct op *op, struct engine *eng,
		   const struct deploy_record *r, const struct engine_state *services,
		   const struct deploy_owner *owner, struct err *e)
{
	struct deploy_options opt = { .owner = { .project = owner->project,
						 .scope = owner->scope,
						 .allow_older = true,
						 .recreate = true } };
	auto_stack struct deploy_stack stack = { 0 };
	auto_engine_state struct engine_state state = { 0 };
	auto_plan struct deploy_plan plan = { 0 };

	if (!r->body) {
		strv_add(changes, r->why.text);
		return 0;
	}
	if (restore(&stack, r, services, e) == 0) {
		wish_as_they_run(&stack, services);
		if (deploy_up_plan(&plan, &state, op, eng, &stack, &opt, e) == 0) {
			add_changes(changes, &plan);
			return 0;
		}
	}
	if (e->kind == ERR_CANCELLED || e->kind == ERR_UNAVAILABLE || e->kind == ERR_DENIED)
		return err_wrap(e, "compare with the history");
	strv_add(changes, e->text);
	err_clear(e);
	return 0;
}

/*
 * A deploy of a record leaves alone what is not in it: what came with the last one, and is there still, tells an
 * earlier one from it.
 */
static bool lacks(const struct deploy_record *r, const struct deploy_record *last,
		  const struct engine_state *services, const struct deploy_owner *owner)
{
	for (size_t i = 0; i < services->nr; i++) {
		const struct engine_service *s = &services->services[i];

		if (deploy_owner_has(s->spec, owner) && deploy_body_has(last->body, s->name) &&
		    !deploy_body_has(r->body, s->name))
			return true;
	}
	return false;
}

int deploy_history_look(struct deploy_running *out, struct op *op, struct engine *eng,
			const struct deploy_history *h, const struct engine_state *services,
			const struct deploy_owner *owner, struct err *e)
{
	auto_running struct deploy_running r = { .was = deploy_history_running(h, services,
									       owner) };
	const struct deploy_record *tried = r.was;

	if (r.was && compare(&r.changes, op, eng, r.was, services, owner, e) < 0)
		return -1;
	if (r.was && !r.changes.n) {
		r.now = r.was;
		r.was = NULL;
	}
	for (size_t i = 0; tried && i < h->nr && !r.now; i++) {
		auto_strv struct strv changes = STRV_INIT;

		if (&h->v[i] == tried || lacks(&h->v[i], tried, services, owner))
			continue;
		if (compare(&changes, op, eng, &h->v[i], services, owner, e) < 0)
			return -1;
		if (!changes.n)
			r.now = &h->v[i];
	}
	*out = r;
	r = (struct deploy_running){ 0 };
	return 0;
}
