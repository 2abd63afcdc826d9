/*
 * A service that is removed is gone at once, its tasks are not: they get their grace period, and
 * hold ports and networks as long. So their end is waited for.
 */
#include "deploy/operate.h"

#include "base/cancel.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/progress.h"
#include "deploy/apply.h"
#include "deploy/objects.h"
#include "deploy/watch.h"

#define POLL_MS	      500
#define NETWORK_TRIES 20
#define TIMEOUT_RM_MS 120000

/* -- scale ------------------------------------------------------------------- */

static int scaled_spec(json_t **out, const struct view_service *s, uint64_t replicas, struct err *e)
{
	json_t *spec, *mode;

	if (!json_object_get(json_object_get(s->s.spec, "Mode"), "Replicated"))
		return err_set(e, ERR_INPUT, "service '%s' is %s: it has no number of replicas",
			       s->s.name, s->mode);
	spec = json_deep_copy(s->s.spec);
	mode = json_object_get(json_object_get(spec, "Mode"), "Replicated");
	json_object_set_new(mode, "Replicas", json_integer((json_int_t)replicas));
	*out = spec;
	return 0;
}

static int watch_scaled(struct op *op, struct engine *eng, struct deploy_watch *w,
			const struct engine_tasks *before, const struct rollout_options *opt,
			struct err *e)
{
	struct rollout_options o = *opt;
	enum rollout_end end;

	rollout_options_from_spec(&o, w->spec);
	deploy_rollout_init(&w->rollout, &o, op->clock->mono_ms(op->clock));
	deploy_rollout_know(&w->rollout, before, false);
	if (deploy_watch_run(op, eng, w, 1, WATCH_ALL_ENDED, e) < 0)
		return -1;
	end = w->rollout.end;
	if (end == ROLLOUT_CONVERGED)
		return 0;
	return err_set(
		e, end == ROLLOUT_NO_NODE || end == ROLLOUT_TIME_OVER ? ERR_TIMEOUT : ERR_FAILED,
		"service '%s': %s; the number is left as it was asked for", w->name,
		w->rollout.reason);
}

int deploy_scale(struct op *op, struct engine *eng, const struct view_service *s, uint64_t replicas,
		 const struct rollout_options *o, struct err *e)
{
	struct deploy_watch w = { .name = s->s.name, .id = s->s.id };
	auto_engine_tasks struct engine_tasks before = { 0 };
	auto_strv struct strv ids = STRV_INIT;
	auto_json json_t *spec = NULL;
	int n;

	if (scaled_spec(&spec, s, replicas, e) < 0)
		return -1;
	strv_add(&ids, s->s.id);
	if (engine_tasks_get(&before, op, eng, &ids, e) < 0)
		return err_wrap(e, "service '%s'", s->s.name);
	w.spec = spec;
	progress_begin(op->progress, w.name, "scale service '%s' to %llu", w.name,
		       (unsigned long long)replicas);
	if (!json_equal(spec, s->s.spec) &&
	    deploy_apply_update(op, eng, &s->s, spec, NULL, e) < 0) {
		progress_fail(op->progress, w.name, e->text);
		return err_wrap(e, "scale service '%s'", w.name);
	}
	n = watch_scaled(op, eng, &w, &before, o, e);
	if (n < 0 && w.rollout.end == ROLLOUT_GOING_ON)
		progress_fail(op->progress, w.name, "left to the engine, which goes on with it");
	deploy_rollout_release(&w.rollout);
	return n;
}

/* -- remove ------------------------------------------------------------------ */

static int remove_services(struct op *op, struct engine *eng, const struct view *v, struct err *e)
{
	for (size_t i = 0; i < v->nr; i++) {
		const struct engine_service *s = &v->services[i].s;

		progress_begin(op->progress, s->name, "remove service '%s'", s->name);
		if (deploy_apply_remove(op, eng, s->id, e) < 0) {
			progress_fail(op->progress, s->name, e->text);
			return err_wrap(e, "remove service '%s'", s->name);
		}
	}
	return 0;
}

/*
 * The engine keeps tasks of a service that is gone until their containers have ended. A filter by a service that is
 * gone is refused, but tasks keep the labels that it had; all tasks of a swarm may be too many to ask for.
 */
static int count_tasks(size_t *nr, struct op *op, struct engine *eng, const struct strv *labels,
		       const struct strv *ids, struct err *e)
{
	auto_json json_t *list = engine_list(op, eng, "/tasks", "label", labels, e);
	const json_t *task;
	size_t i;

	if (!list)
		return err_wrap(e, "tasks");
	*nr = 0;
	json_array_foreach(list, i, task)
	{
		const char *id = json_string_value(json_object_get(task, "ServiceID"));

		*nr += id && strv_has(ids, id);
	}
	return 0;
}

static int await_tasks(struct op *op, struct engine *eng, const struct view *v,
		       const struct deploy_owner *owner, int64_t timeout_ms, struct err *e)
{
	int64_t end = op->clock->mono_ms(op->clock) + (timeout_ms ? timeout_ms : TIMEOUT_RM_MS);
	auto_strv struct strv ids = STRV_INIT, labels = STRV_INIT;
	size_t left = 0;

	strv_addf(&labels, DEPLOY_LABEL_PROJECT "=%s", owner->project);
	for (size_t i = 0; i < v->nr; i++)
		strv_add(&ids, v->services[i].s.id);
	for (;;) {
		if (count_tasks(&left, op, eng, &labels, &ids, e) < 0)
			return -1;
		if (!left)
			return 0;
		if (op->clock->mono_ms(op->clock) >= end)
			return err_set(e, ERR_TIMEOUT,
				       "the services are removed, but %zu of their tasks %s still "
				       "ending",
				       left, left == 1 ? "is" : "are");
		op->clock->sleep_ms(op->clock, POLL_MS, op->cancel);
		if (cancel_check(op->cancel, e) < 0)
			return -1;
	}
}

/* 0: removed, 1: somebody uses it. */
static int remove_network(struct op *op, struct engine *eng, const char *id, struct err *e)
{
	auto_free char *path = mem_printf("/networks/%s", id);

	for (unsigned tries = NETWORK_TRIES; tries; tries--) {
		err_clear(e);
		if (engine_call(NULL, op, eng, "DELETE", path, NULL, NULL, e) == 0 ||
		    e->kind == ERR_ABSENT)
			return 0;
		if (e->kind == ERR_CANCELLED || e->kind == ERR_UNAVAILABLE || e->kind == ERR_LOCKED)
			return -1;
		/* "has active endpoints", "is in use by service/task": those that end let go late */
		if (strstr(e->text, "in use by service"))
			return 1;
		op->clock->sleep_ms(op->clock, POLL_MS, op->cancel);
	}
	return 1;
}

/* Those of the project's other scopes are not ours to remove. */
static int remove_networks(struct op *op, struct engine *eng, const struct deploy_owner *owner,
			   struct err *e)
{
	auto_strv struct strv labels = STRV_INIT;
	auto_json json_t *list = NULL;
	json_t *o;
	size_t i;

	strv_addf(&labels, DEPLOY_LABEL_PROJECT "=%s", owner->project);
	list = engine_list(op, eng, "/networks", "label", &labels, e);
	if (!list)
		return err_wrap(e, "networks");
	json_array_foreach(list, i, o)
	{
		const char *id, *name;
		int n;

		if (json_get_str(&id, o, "Id", "network", e) < 0 ||
		    json_get_str(&name, o, "Name", "network", e) < 0)
			return -1;
		if (!deploy_owner_has(o, owner) ||
		    strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789") != strlen(id))
			continue;
		n = remove_network(op, eng, id, e);
		if (n < 0)
			return err_wrap(e, "remove network '%s'", name);
		progress_note(op->progress,
			      n ? "network '%s' stays: somebody uses it" : "network '%s' removed",
			      name);
	}
	err_clear(e);
	return 0;
}

int deploy_remove(struct op *op, struct engine *eng, const struct view *v,
		  const struct deploy_owner *owner, int64_t timeout_ms, struct err *e)
{
	int n = remove_services(op, eng, v, e);

	if (n == 0 && v->nr)
		n = await_tasks(op, eng, v, owner, timeout_ms, e);
	for (size_t i = 0; i < v->nr; i++) {
		if (n == 0)
			progress_end(op->progress, v->services[i].s.name, 0);
		else
			progress_fail(op->progress, v->services[i].s.name, e->text);
	}
	if (n < 0 || deploy_objects_remove(op, eng, owner, e) < 0)
		return -1;
	return remove_networks(op, eng, owner, e);
}
