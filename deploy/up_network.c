/*
 * A stack's own networks: made when they are missing, and made again where one is on its way out.
 *
 * Who removes a stack by hand (`docker stack rm`) removes its networks at once. The engine goes on listing one for as
 * long as tasks on its own node are ending in it, though the swarm knows it no longer: a service that is to join it is
 * refused, "network ID not found". Only that tells it from one that is alive.
 */
#include "base/cancel.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/progress.h"
#include "deploy/apply.h"
#include "deploy/up_part.h"

#define GONE_MS INT64_C(120000)
#define POLL_MS 500

static int make(struct up *u, const char *name, struct err *e)
{
	if (deploy_apply_network(u->op, u->eng, name, deploy_stack_network(u->stack, name),
				 &u->opt->owner, e) < 0)
		return -1;
	progress_note(u->op->progress, "network '%s' created", name);
	return 0;
}

int up_networks(struct up *u, struct err *e)
{
	for (size_t i = 0; i < u->plan.networks.n; i++)
		if (make(u, u->plan.networks.v[i], e) < 0)
			return -1;
	return 0;
}

/* -- on their way out ---------------------------------------------------------- */

static struct engine_network *missed_network(struct up *u, const struct err *e)
{
	for (size_t i = 0; strstr(e->text, "not found") && i < u->state.nr_networks; i++) {
		struct engine_network *n = &u->state.networks[i];

		if (*n->id && strstr(e->text, n->id) && strv_has(&u->stack->make_networks, n->name))
			return n;
	}
	return NULL;
}

/* Its id, owned by the caller; NULL: none of that name is there. */
static int look(char **id, struct up *u, const char *name, struct err *e)
{
	auto_engine_state struct engine_state now = { 0 };
	auto_strv struct strv services = STRV_INIT, names = STRV_INIT;
	const struct engine_network *n;

	*id = NULL;
	strv_add(&names, name);
	if (engine_state_get(&now, u->op, u->eng, &services, &names, e) < 0)
		return -1;
	n = engine_state_network(&now, name);
	*id = n ? mem_strdup(n->id) : NULL;
	return 0;
}

static int await_end(struct up *u, const struct engine_network *old, struct err *e)
{
	int64_t end = u->op->clock->mono_ms(u->op->clock) + GONE_MS;

	progress_note(u->op->progress, "network '%s' is being removed; waiting until it is gone",
		      old->name);
	for (;;) {
		auto_free char *id = NULL;

		if (look(&id, u, old->name, e) < 0)
			return -1;
		if (!id || strcmp(id, old->id) != 0)
			return 0;
		if (u->op->clock->mono_ms(u->op->clock) >= end)
			return err_set(e, ERR_TIMEOUT,
				       "network '%s' is being removed, and tasks of earlier "
				       "services have not left it within %lld s",
				       old->name, (long long)(GONE_MS / 1000));
		u->op->clock->sleep_ms(u->op->clock, POLL_MS, u->op->cancel);
		if (cancel_check(u->op->cancel, e) < 0)
			return -1;
	}
}

static void rename_in_specs(struct up *u, const char *old, const char *now)
{
	for (size_t i = 0; i < u->plan.nr; i++) {
		json_t *task = json_object_get(u->plan.v[i].spec, "TaskTemplate"), *o;
		size_t k;

		json_array_foreach(json_object_get(task, "Networks"), k, o)
		{
			const char *target = json_string_value(json_object_get(o, "Target"));

			if (target && strcmp(target, old) == 0)
				json_object_set_new(o, "Target", json_string(now));
		}
	}
}

int up_network_again(struct up *u, struct err *e)
{
	struct engine_network *n = missed_network(u, e);
	auto_free char *id = NULL;

	if (!n || await_end(u, n, e) < 0 || make(u, n->name, e) < 0 || look(&id, u, n->name, e) < 0)
		return -1;
	if (!id)
		return err_set(e, ERR_FAILED, "network '%s' was removed by somebody meanwhile",
			       n->name);
	rename_in_specs(u, n->id, id);
	free(n->id);
	n->id = STEAL(&id);
	err_clear(e);
	return 0;
}
