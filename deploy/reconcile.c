/*
 * A service is compared as it would be after the update: what the file is silent
 * about and the engine or an operator has counted on (ForceUpdate, a number of
 * replicas that only the swarm knows) is taken over from the service first. So a
 * scaler's work or a `docker service update --force` is neither undone nor a reason to
 * restart anything.
 */
#include "deploy/reconcile.h"

#include "base/json.h"
#include "base/mem.h"
#include "deploy/diff.h"
#include "deploy/objects.h"

void deploy_plan_release(struct deploy_plan *p)
{
	for (size_t i = 0; i < p->nr; i++) {
		json_decref(p->v[i].spec);
		free(p->v[i].kept_volume);
	}
	free(p->v);
	free(p->surplus);
	strv_release(&p->networks);
	*p = (struct deploy_plan){ 0 };
}

static void add_once(struct strv *list, const struct strv *names)
{
	for (size_t i = 0; i < names->n; i++)
		if (!strv_has(list, names->v[i]))
			strv_add(list, names->v[i]);
}

void deploy_plan_names(struct strv *services, struct strv *networks,
		       const struct deploy_stack *want)
{
	add_once(networks, &want->make_networks);
	for (size_t i = 0; i < want->nr; i++) {
		strv_add(services, want->services[i].name);
		add_once(networks, &want->services[i].networks);
	}
}

/* -- networks ---------------------------------------------------------------- */

static int plan_network(struct deploy_plan *p, const struct deploy_stack *want,
			const struct engine_state *have, const char *name, struct err *e)
{
	const struct engine_network *n = engine_state_network(have, name);

	if (n && n->usable)
		return 0;
	if (n)
		return err_set(
			e, ERR_FAILED,
			"network '%s' exists on one node only (scope local); a service needs "
			"one of the swarm",
			name);
	if (!strv_has(&want->make_networks, name))
		return err_set(e, ERR_ABSENT,
			       "network '%s' does not exist in the swarm; only the stack's own "
			       "are created",
			       name);
	strv_add(&p->networks, name);
	return 0;
}

static int plan_networks(struct deploy_plan *p, const struct deploy_stack *want,
			 const struct engine_state *have, struct err *e)
{
	auto_strv struct strv services = STRV_INIT, networks = STRV_INIT;

	deploy_plan_names(&services, &networks, want);
	for (size_t i = 0; i < networks.n; i++)
		if (plan_network(p, want, have, networks.v[i], e) < 0)
			return -1;
	return 0;
}

/* Names to ids, so that it compares with what the engine gives back. */
static void resolve_networks(json_t *spec, const struct engine_state *have)
{
	json_t *list = json_object_get(json_object_get(spec, "TaskTemplate"), "Networks"), *o;
	size_t i;

	json_array_foreach(list, i, o)
	{
		const char *name = json_string_value(json_object_get(o, "Target"));
		const struct engine_network *n = name ? engine_state_network(have, name) : NULL;

		if (n)
			json_object_set_new(o, "Target", json_string(n->id));
	}
}

/* -- services ---------------------------------------------------------------- */

static json_t *spec_mode(const json_t *spec, const char *mode)
{
	return json_object_get(json_object_get(spec, "Mode"), mode);
}

static void take_replicas(json_t *spec, const json_t *from)
{
	json_t *replicas = json_object_get(spec_mode(from, "Replicated"), "Replicas");

	if (json_is_integer(replicas))
		json_object_set(spec_mode(spec, "Replicated"), "Replicas", replicas);
}

void deploy_spec_keep_replicas(json_t *spec, const struct deploy_service *want, const json_t *now)
{
	if (!want->has_replicas)
		take_replicas(spec, now);
}

bool deploy_spec_is_scaled(const json_t *before, const json_t *now)
{
	auto_json json_t *scaled = json_deep_copy(before);

	take_replicas(scaled, now);
	return deploy_spec_equal(scaled, now);
}

/* See the top of the file. */
static void keep_counts(json_t *spec, const struct deploy_service *want, const json_t *have)
{
	json_t *force = json_object_get(json_object_get(have, "TaskTemplate"), "ForceUpdate");

	if (json_is_integer(force))
		json_object_set(json_object_get(spec, "TaskTemplate"), "ForceUpdate", force);
	deploy_spec_keep_replicas(spec, want, have);
}

/* -- volumes ------------------------------------------------------------------- */

static const json_t *mounts_of(const json_t *spec)
{
	const json_t *task = json_object_get(spec, "TaskTemplate");

	return json_object_get(json_object_get(task, "ContainerSpec"), "Mounts");
}

static const json_t *driver_of(const json_t *mount)
{
	return json_object_get(json_object_get(mount, "VolumeOptions"), "DriverConfig");
}

static bool is_volume(const json_t *mount, const char *name)
{
	const char *type = json_string_value(json_object_get(mount, "Type"));
	const char *source = json_string_value(json_object_get(mount, "Source"));

	return type && strcmp(type, "volume") == 0 && source && (!name || !strcmp(source, name));
}

/* A node makes a volume when it first needs it and does not look at its options again. */
static char *find_kept_volume(const json_t *before, const json_t *after)
{
	auto_json json_t *a = deploy_spec_normal(before), *b = deploy_spec_normal(after);
	json_t *was, *is;
	size_t i, j;

	json_array_foreach(mounts_of(b), i, is)
	{
		const char *name = json_string_value(json_object_get(is, "Source"));

		if (!is_volume(is, NULL))
			continue;
		json_array_foreach(mounts_of(a), j, was)
		{
			const json_t *x = driver_of(was), *y = driver_of(is);

			if (is_volume(was, name) && x != y && !(x && y && json_equal(x, y)))
				return mem_strdup(name);
		}
	}
	return NULL;
}

/* -- whose they are ------------------------------------------------------------ */

/* Two scopes with services of one name take them from each other: that is to be seen. */
static void say_whose(struct deploy_action *a)
{
	const char *scope = deploy_label(a->have->spec, DEPLOY_LABEL_SCOPE);

	if (!deploy_label(a->have->spec, DEPLOY_LABEL_PROJECT))
		snprintf(a->whose, sizeof(a->whose), "nobody's");
	else if (scope && *scope)
		snprintf(a->whose, sizeof(a->whose), "of scope '%s'", scope);
	else
		snprintf(a->whose, sizeof(a->whose), "of no scope");
}

/* Of `none` it is plain that it may be done; `on-failure` is what servers have, too. */
static bool is_left_alone(const json_t *spec, const struct deploy_service *want)
{
	const json_t *task = json_object_get(spec, "TaskTemplate");
	const json_t *restart = json_object_get(task, "RestartPolicy");
	const char *when = json_string_value(json_object_get(restart, "Condition"));

	return want->unwatched && when && strcmp(when, "on-failure") == 0;
}

/*
 * How many tasks there are is known only now, and of several the engine is not told to go on when they fail; nor of one
 * that nobody watches. That alone is no reason to write.
 */
static void settle_failures(struct deploy_action *a, const json_t *have)
{
	const json_t *replicas = json_object_get(spec_mode(a->spec, "Replicated"), "Replicas");
	auto_json json_t *taken_back = deploy_spec_taken_back(a->spec, a->want);

	if (!taken_back || deploy_spec_equal(a->spec, have))
		return;
	if (json_integer_value(replicas) > 1 || is_left_alone(a->spec, a->want) ||
	    deploy_spec_equal(taken_back, have)) {
		json_decref(a->spec);
		a->spec = STEAL(&taken_back);
	}
}

static int check_owner(struct deploy_action *a, const struct deploy_owner *owner, struct err *e)
{
	const char *theirs = deploy_label(a->have->spec, DEPLOY_LABEL_PROJECT);
	enum deploy_ownership whose = deploy_owner_of(a->have->spec, owner);

	a->adopted = !deploy_owner_has(a->have->spec, owner);
	say_whose(a);
	if (whose != DEPLOY_THEIRS)
		return 0;
	return err_set(
		e, ERR_FAILED,
		"service '%s' belongs to project '%s', this is '%s': name it differently, or "
		"deploy it with --project '%s'",
		a->want->name, theirs, owner->project ? owner->project : "", theirs);
}

/* "Replicated", "Global", …: what a spec's Mode has. */
static const char *mode_name(const json_t *spec)
{
	void *first = json_object_iter(json_object_get(spec, "Mode"));

	return first ? json_object_iter_key(first) : "Replicated";
}

static int check_mode(struct deploy_action *a, const struct deploy_owner *owner, struct err *e)
{
	const char *mine = mode_name(a->spec), *theirs = mode_name(a->have->spec);

	a->recreate = strcmp(mine, theirs) != 0;
	if (!a->recreate || owner->recreate)
		return 0;
	return err_set(
		e, ERR_FAILED,
		"service '%s' is to become %s and is %s, which the engine cannot change while "
		"it exists: with --recreate it is removed and created anew",
		a->want->name, mine, theirs);
}

static void say_why(struct deploy_action *a)
{
	auto_strv struct strv words = STRV_INIT;
	auto_free char *list = NULL;
	const char *mine = deploy_label(a->spec, DEPLOY_LABEL_HASH);
	const char *theirs = deploy_label(a->have->spec, DEPLOY_LABEL_HASH);
	bool drifted = mine && theirs && strcmp(mine, theirs) == 0;

	deploy_spec_diff(&words, a->spec, a->have->spec);
	list = strv_join(&words, ", ");
	snprintf(a->why, sizeof(a->why), "%s%s", list,
		 drifted ? " (changed by someone since the last deploy)" : "");
}

static bool is_job(const struct engine_service *s)
{
	return spec_mode(s->spec, "ReplicatedJob") || spec_mode(s->spec, "GlobalJob");
}

/* Nobody in the engine ends the update of a job: a way back says "started" for ever. */
static bool is_unfinished(const struct engine_service *s)
{
	return !is_job(s) && (s->update == UPDATE_UPDATING || s->update == UPDATE_ROLLBACK_STARTED);
}

/* Of none it is also before the engine has made the tasks of a global service. */
static bool is_number_known(const struct engine_service *s)
{
	const json_t *replicas = json_object_get(spec_mode(s->spec, "Replicated"), "Replicas");

	return s->is_counted &&
	       (s->desired || (json_is_integer(replicas) && json_integer_value(replicas) == 0));
}

/*
 * No update was ever reported to have come to its end. Of a service that was never updated either, all
 * tasks are of its one spec: then the engine's count is enough, and they need not be looked at.
 */
static bool is_unproven(const struct engine_service *s)
{
	bool all_run = !s->previous && is_number_known(s) && s->running == s->desired;

	return is_job(s) || (s->update == UPDATE_NONE && !all_run);
}

static int plan_service(struct deploy_action *a, const struct deploy_service *want,
			const struct engine_state *have, const struct deploy_owner *owner,
			struct err *e)
{
	a->want = want;
	a->have = engine_state_service(have, want->name);
	a->spec = deploy_spec_json(want, owner);
	resolve_networks(a->spec, have);
	deploy_objects_resolve(a->spec, have);
	if (!a->have) {
		a->verb = DEPLOY_CREATED;
		snprintf(a->why, sizeof(a->why), "it does not exist");
		return 0;
	}
	if (check_owner(a, owner, e) < 0 || check_mode(a, owner, e) < 0)
		return -1;
	keep_counts(a->spec, want, a->have->spec);
	settle_failures(a, a->have->spec);
	if (deploy_spec_equal(a->spec, a->have->spec) && engine_service_is_paused(a->have)) {
		a->verb = DEPLOY_UPDATED;
		a->resumed = true;
		snprintf(a->why, sizeof(a->why), "%s was paused and goes on",
			 a->have->update == UPDATE_PAUSED ? "its last update" : "the way back");
		return 0;
	}
	if (deploy_spec_equal(a->spec, a->have->spec)) {
		a->verb = DEPLOY_UNCHANGED;
		a->unfinished = is_unfinished(a->have);
		a->unproven = is_unproven(a->have);
		return 0;
	}
	a->verb = DEPLOY_UPDATED;
	a->kept_volume = find_kept_volume(a->have->spec, a->spec);
	say_why(a);
	return 0;
}

/* Is `now` what `before` becomes by counting alone? */
static bool is_counted_on(const json_t *before, const json_t *now,
			  const struct deploy_service *want)
{
	auto_json json_t *counted = json_deep_copy(before);

	keep_counts(counted, want, now);
	return deploy_spec_equal(counted, now);
}

/* By itself, and not because somebody asked for it. */
static bool is_taken_back(const struct engine_service *before, const struct engine_service *now)
{
	return (before->update == UPDATE_NONE || before->update == UPDATE_UPDATING) &&
	       now->update >= UPDATE_ROLLBACK_STARTED && !strstr(now->update_message, "manual");
}

bool deploy_spec_follow(json_t *spec, const struct deploy_service *want, const json_t *now)
{
	bool follows = is_counted_on(spec, now, want);

	if (follows)
		keep_counts(spec, want, now);
	return follows;
}

bool deploy_action_follow(struct deploy_action *a, const struct engine_service *now)
{
	const json_t *previous = is_taken_back(a->have, now) ? a->have->previous : NULL;

	if (!is_counted_on(a->have->spec, now->spec, a->want) &&
	    (!previous || !is_counted_on(previous, now->spec, a->want)))
		return false;
	keep_counts(a->spec, a->want, now->spec);
	settle_failures(a, now->spec);
	return true;
}

/* -- the whole --------------------------------------------------------------- */

static bool is_wanted(const struct deploy_stack *want, const char *name)
{
	for (size_t i = 0; i < want->nr; i++)
		if (strcmp(want->services[i].name, name) == 0)
			return true;
	return false;
}

static void find_surplus(struct deploy_plan *p, const struct deploy_stack *want,
			 const struct engine_state *have, const struct deploy_owner *owner)
{
	size_t cap = 0;

	for (size_t i = 0; i < have->nr; i++) {
		const struct engine_service *s = &have->services[i];

		if (!deploy_owner_has(s->spec, owner) || is_wanted(want, s->name))
			continue;
		MEM_GROW(p->surplus, p->nr_surplus, cap);
		p->surplus[p->nr_surplus++] = s;
	}
}

bool deploy_plan_writes(const struct deploy_plan *p)
{
	bool writes = p->networks.n || p->nr_surplus;

	for (size_t i = 0; i < p->nr; i++)
		writes |= p->v[i].verb != DEPLOY_UNCHANGED;
	return writes;
}

static int check_age(const struct deploy_plan *p, const struct engine_state *have,
		     const struct deploy_owner *owner, struct err *e)
{
	if (owner->allow_older || !deploy_plan_writes(p))
		return 0;
	for (size_t i = 0; i < have->nr; i++) {
		const struct engine_service *s = &have->services[i];

		if (deploy_owner_of(s->spec, owner) == DEPLOY_OURS &&
		    deploy_owner_is_older(owner, s->spec))
			return err_set(
				e, ERR_FAILED,
				"service '%s' was deployed by pipeline %s, and this one (%s) "
				"is older; with --allow-older it is deployed all the same",
				s->name, deploy_label(s->spec, DEPLOY_LABEL_PIPELINE),
				owner->pipeline);
	}
	return 0;
}

int deploy_reconcile(struct deploy_plan *out, const struct deploy_stack *want,
		     const struct engine_state *have, const struct deploy_owner *owner,
		     struct err *e)
{
	auto_plan struct deploy_plan p = { 0 };

	if (plan_networks(&p, want, have, e) < 0)
		return -1;
	p.v = mem_zalloc((want->nr ? want->nr : 1) * sizeof(*p.v));
	p.nr = want->nr; /* zeroed ones are harmless to release */
	for (size_t i = 0; i < p.nr; i++)
		if (plan_service(&p.v[i], &want->services[i], have, owner, e) < 0)
			return -1;
	find_surplus(&p, want, have, owner);
	if (check_age(&p, have, owner, e) < 0)
		return -1;
	*out = p;
	p = (struct deploy_plan){ 0 };
	return 0;
}
