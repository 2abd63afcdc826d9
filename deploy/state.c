/*
 * Answers of the engine become structs here, and nothing of their types is taken on trust.
 *
 * The filters of the list calls are looser than they look (a service's name matches as
 * a prefix, a network's as a part), so every list is compared for equal names again.
 * Which tasks belong to the present spec is asked from the engine ("_up-to-date"):
 * only it knows which changes of a spec make it replace a task and which do not.
 */
#include "deploy/state.h"

#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/url.h"
#include "deploy/owner.h"

static const char *const task_states[] = {
	"new",	     "allocated", "pending",  "assigned", "accepted",
	"preparing", "ready",	  "starting", "running",  "complete",
	"shutdown",  "failed",	  "rejected", "remove",	  "orphaned",
};

static const char *const update_states[] = {
	"",
	"updating",
	"paused",
	"completed",
	"rollback_started",
	"rollback_paused",
	"rollback_completed",
};

const char *task_state_name(enum task_state s)
{
	return task_states[s];
}

static int state_lookup(unsigned *out, const char *const *names, size_t n, const char *text,
			const char *what, struct err *e)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], text) == 0) {
			*out = (unsigned)i;
			return 0;
		}
	return err_set(e, ERR_CORRUPT, "%s '%s' is not known", what, text);
}

int task_state_read(enum task_state *out, const char *name, struct err *e)
{
	unsigned found = 0;

	if (state_lookup(&found, task_states, ARRAY_LEN(task_states), name, "task state", e) < 0)
		return -1;
	*out = (enum task_state)found;
	return 0;
}

const char *update_state_name(enum update_state s)
{
	return update_states[s];
}

/* -- services ---------------------------------------------------------------- */

void engine_service_release(struct engine_service *s)
{
	free(s->id);
	free(s->name);
	free(s->update_message);
	json_decref(s->spec);
	json_decref(s->previous);
	*s = (struct engine_service){ 0 };
}

static int service_read_update(struct engine_service *s, const json_t *o, struct err *e)
{
	const char *state = "", *message = "";
	unsigned found = 0;
	json_t *update;

	if (json_opt_obj(&update, o, "UpdateStatus", "service", e) < 0)
		return -1;
	if (update && (json_opt_str(&state, update, "State", "UpdateStatus", "", e) < 0 ||
		       json_opt_str(&message, update, "Message", "UpdateStatus", "", e) < 0))
		return -1;
	if (state_lookup(&found, update_states, ARRAY_LEN(update_states), state, "update state",
			 e) < 0)
		return -1;
	s->update = (enum update_state)found;
	s->update_message = mem_strdup(message);
	return 0;
}

/* JobIteration.Index; 0 when there is none. */
static int read_iteration(uint64_t *out, const json_t *o, const char *what, struct err *e)
{
	json_t *iteration;

	*out = 0;
	if (json_opt_obj(&iteration, o, "JobIteration", what, e) < 0)
		return -1;
	if (!iteration || !json_object_get(iteration, "Index"))
		return 0;
	return json_get_u64(out, iteration, "Index", what, e);
}

static int service_read_job(struct engine_service *s, const json_t *o, struct err *e)
{
	json_t *job;

	if (json_opt_obj(&job, o, "JobStatus", "service", e) < 0)
		return -1;
	return job ? read_iteration(&s->job_iteration, job, "service.JobStatus", e) : 0;
}

/* Only where it was asked for, and from 1.41 on. */
static int service_read_counts(struct engine_service *s, const json_t *o, struct err *e)
{
	json_t *counts;

	if (json_opt_obj(&counts, o, "ServiceStatus", "service", e) < 0)
		return -1;
	s->is_counted = counts != NULL;
	if (counts &&
	    (json_get_u64(&s->running, counts, "RunningTasks", "service.ServiceStatus", e) < 0 ||
	     json_get_u64(&s->desired, counts, "DesiredTasks", "service.ServiceStatus", e) < 0 ||
	     json_opt_u64(&s->completed, counts, "CompletedTasks", "service.ServiceStatus", 0, e) <
		     0))
		return -1;
	return 0;
}

int engine_service_read(struct engine_service *out, const json_t *o, struct err *e)
{
	auto_engine_service struct engine_service s = { 0 };
	json_t *spec, *previous, *version;
	const char *id, *name;

	if (json_get_str(&id, o, "ID", "service", e) < 0 ||
	    json_get_obj(&version, o, "Version", "service", e) < 0 ||
	    json_get_u64(&s.version, version, "Index", "service.Version", e) < 0 ||
	    json_get_obj(&spec, o, "Spec", "service", e) < 0 ||
	    json_get_str(&name, spec, "Name", "service.Spec", e) < 0 ||
	    json_opt_obj(&previous, o, "PreviousSpec", "service", e) < 0 ||
	    service_read_update(&s, o, e) < 0 || service_read_job(&s, o, e) < 0 ||
	    service_read_counts(&s, o, e) < 0)
		return -1;
	/* it becomes part of an address */
	if (!*id || strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789") != strlen(id))
		return err_set(e, ERR_CORRUPT, "service.ID: '%s' is not an id", id);
	s.id = mem_strdup(id);
	s.name = mem_strdup(name);
	s.spec = json_incref(spec);
	s.previous = json_incref(previous);
	*out = s;
	s = (struct engine_service){ 0 };
	return 0;
}

int engine_service_get(struct engine_service *out, struct op *op, struct engine *eng,
		       const char *id, struct err *e)
{
	auto_free char *path = mem_printf("/services/%s", id);
	auto_json json_t *o = NULL;

	if (engine_call(&o, op, eng, "GET", path, NULL, NULL, e) < 0)
		return -1;
	return engine_service_read(out, o, e);
}

bool engine_service_is_paused(const struct engine_service *s)
{
	return s->update == UPDATE_PAUSED || s->update == UPDATE_ROLLBACK_PAUSED;
}

const char *engine_spec_image(const json_t *spec)
{
	const json_t *task = json_object_get(spec, "TaskTemplate");
	const json_t *container = json_object_get(task, "ContainerSpec");
	const char *image = json_string_value(json_object_get(container, "Image"));

	return image ? image : "";
}

/* -- tasks ------------------------------------------------------------------- */

void engine_tasks_release(struct engine_tasks *t)
{
	for (size_t i = 0; i < t->nr; i++) {
		free(t->v[i].id);
		free(t->v[i].service);
		free(t->v[i].node);
		free(t->v[i].why);
	}
	free(t->v);
	*t = (struct engine_tasks){ 0 };
}

/* ContainerStatus.ExitCode is absent as long as there is no container. */
static int task_read_exit(struct engine_task *t, const json_t *status, struct err *e)
{
	json_t *container, *code;

	if (json_opt_obj(&container, status, "ContainerStatus", "task.Status", e) < 0)
		return -1;
	code = json_object_get(container, "ExitCode");
	if (code && !json_is_integer(code))
		return err_set(e, ERR_CORRUPT,
			       "task.Status.ContainerStatus.ExitCode: not a number");
	t->exit_code = code ? json_integer_value(code) : 0;
	return 0;
}

static int task_read(struct engine_task *t, const json_t *o, struct err *e)
{
	const char *id, *service, *node, *state, *desired, *why;
	unsigned now = 0, want = 0;
	json_t *status;

	if (json_get_str(&id, o, "ID", "task", e) < 0 ||
	    json_opt_str(&service, o, "ServiceID", "task", "", e) < 0 ||
	    json_opt_str(&node, o, "NodeID", "task", "", e) < 0 ||
	    json_opt_str(&desired, o, "DesiredState", "task", "new", e) < 0 ||
	    json_get_obj(&status, o, "Status", "task", e) < 0 ||
	    json_opt_str(&state, status, "State", "task.Status", "new", e) < 0 ||
	    json_opt_str(&why, status, "Err", "task.Status", "", e) < 0 ||
	    task_read_exit(t, status, e) < 0 || read_iteration(&t->job_iteration, o, "task", e) < 0)
		return -1;
	if (state_lookup(&now, task_states, ARRAY_LEN(task_states), state, "task state", e) < 0 ||
	    state_lookup(&want, task_states, ARRAY_LEN(task_states), desired, "task state", e) < 0)
		return -1;
	t->state = (enum task_state)now;
	t->desired = (enum task_state)want;
	t->id = mem_strdup(id);
	t->service = mem_strdup(service);
	t->node = mem_strdup(node);
	t->why = task_error(why);
	return 0;
}

static int task_order(const void *a, const void *b)
{
	const struct engine_task *x = a, *y = b;
	int n = strcmp(x->service, y->service);

	return n ? n : strcmp(x->id, y->id);
}

/* v is sorted. A task that came to be between the two questions is left for the next time. */
static int tasks_mark(struct engine_tasks *t, const json_t *up_to_date, struct err *e)
{
	json_t *o;
	size_t i;

	json_array_foreach(up_to_date, i, o)
	{
		struct engine_task key = { 0 }, *found;
		const char *id, *service;

		if (json_get_str(&id, o, "ID", "task", e) < 0 ||
		    json_opt_str(&service, o, "ServiceID", "task", "", e) < 0)
			return -1;
		key.id = (char *)(uintptr_t)id;
		key.service = (char *)(uintptr_t)service;
		found = t->nr ? bsearch(&key, t->v, t->nr, sizeof(key), task_order) : NULL;
		if (found)
			found->up_to_date = true;
	}
	return 0;
}

int engine_tasks_read(struct engine_tasks *out, const json_t *all, const json_t *up_to_date,
		      struct err *e)
{
	auto_engine_tasks struct engine_tasks t = { 0 };
	json_t *o;
	size_t i;

	if (!json_is_array(all) || !json_is_array(up_to_date))
		return err_set(e, ERR_CORRUPT, "tasks: not a list");
	json_array_foreach(all, i, o)
	{
		struct engine_task task = { 0 };

		if (task_read(&task, o, e) < 0)
			return -1;
		MEM_GROW(t.v, t.nr, t.cap);
		t.v[t.nr++] = task;
	}
	if (t.nr)
		qsort(t.v, t.nr, sizeof(*t.v), task_order);
	if (tasks_mark(&t, up_to_date, e) < 0)
		return -1;
	*out = t;
	t = (struct engine_tasks){ 0 };
	return 0;
}

/* -- asking ------------------------------------------------------------------ */

/* path?filters={"key":[values…],"_up-to-date":["true"]}, percent-encoded. path may have a query. */
static json_t *state_list(struct op *op, struct engine *eng, const char *path, const char *key,
			  const struct strv *values, bool up_to_date, struct err *e)
{
	auto_json json_t *filters = json_object();
	auto_buf struct buf text = BUF_INIT(BUF_SMALL), where = BUF_INIT(BUF_SMALL);
	json_t *list = NULL;

	if (key)
		json_object_set_new(filters, key, json_from_strv(values));
	if (up_to_date)
		json_object_set_new(filters, "_up-to-date", json_pack("[s]", "true"));
	json_write(&text, filters, false);
	buf_addf(&where, "%s%sfilters=", path, strchr(path, '?') ? "&" : "?");
	url_encode(&where, buf_span(&text), "");
	if (text.over || where.over) {
		err_set(e, ERR_INPUT, "too many names to ask for");
		return NULL;
	}
	if (engine_call(&list, op, eng, "GET", buf_str(&where), NULL, NULL, e) < 0)
		return NULL;
	if (!json_is_array(list)) {
		json_decref(list);
		err_set(e, ERR_CORRUPT, "the engine's answer to %s: not a list", path);
		return NULL;
	}
	return list;
}

json_t *engine_list(struct op *op, struct engine *eng, const char *path, const char *key,
		    const struct strv *values, struct err *e)
{
	return state_list(op, eng, path, key, values, false, e);
}

int engine_tasks_get(struct engine_tasks *out, struct op *op, struct engine *eng,
		     const struct strv *service_ids, struct err *e)
{
	auto_json json_t *all = NULL, *up_to_date = NULL;

	if (!service_ids->n) {
		*out = (struct engine_tasks){ 0 };
		return 0;
	}
	all = state_list(op, eng, "/tasks", "service", service_ids, false, e);
	if (!all)
		return -1;
	up_to_date = state_list(op, eng, "/tasks", "service", service_ids, true, e);
	if (!up_to_date)
		return -1;
	return engine_tasks_read(out, all, up_to_date, e);
}

struct engine_tasks engine_tasks_of(const struct engine_tasks *all, const char *service_id)
{
	struct engine_tasks of = { .v = all->v };

	while ((size_t)(of.v - all->v) < all->nr && strcmp(of.v->service, service_id) != 0)
		of.v++;
	while ((size_t)(of.v - all->v) + of.nr < all->nr &&
	       strcmp(of.v[of.nr].service, service_id) == 0)
		of.nr++;
	return of;
}

/* -- the whole --------------------------------------------------------------- */

void engine_state_release(struct engine_state *s)
{
	for (size_t i = 0; i < s->nr; i++)
		engine_service_release(&s->services[i]);
	free(s->services);
	for (size_t i = 0; i < s->nr_networks; i++) {
		free(s->networks[i].id);
		free(s->networks[i].name);
	}
	free(s->networks);
	for (size_t i = 0; i < s->nr_objects; i++) {
		free(s->objects[i].id);
		free(s->objects[i].name);
		strv_release(&s->objects[i].labels);
		free(s->objects[i].data);
	}
	free(s->objects);
	*s = (struct engine_state){ 0 };
}

/* These exist on every node, so a service may use them, as far as the swarm knows them. */
static bool network_is_builtin(const char *name)
{
	return !strcmp(name, "host") || !strcmp(name, "none") || !strcmp(name, "bridge");
}

int engine_networks_read(struct engine_state *out, const json_t *list, struct err *e)
{
	json_t *o;
	size_t i;

	if (!json_is_array(list))
		return err_set(e, ERR_CORRUPT, "networks: not a list");
	json_array_foreach(list, i, o)
	{
		const char *id, *name, *scope;

		if (json_get_str(&id, o, "Id", "network", e) < 0 ||
		    json_get_str(&name, o, "Name", "network", e) < 0 ||
		    json_opt_str(&scope, o, "Scope", "network", "local", e) < 0)
			return -1;
		MEM_GROW(out->networks, out->nr_networks, out->cap_networks);
		out->networks[out->nr_networks++] = (struct engine_network){
			.id = mem_strdup(id),
			.name = mem_strdup(name),
			.usable = !strcmp(scope, "swarm") || network_is_builtin(name),
		};
	}
	return 0;
}

/*
 * Listed is the one of this node; the swarm has one of its own with another id, and that is what a service is
 * given, and what it is found with. Of "none" the swarm has none.
 */
static int find_builtin(struct engine_network *n, struct op *op, struct engine *eng, struct err *e)
{
	auto_free char *path = mem_printf("/networks/%s?scope=swarm", n->name);
	auto_json json_t *o = NULL;
	const char *id;

	if (engine_call(&o, op, eng, "GET", path, NULL, NULL, e) < 0) {
		if (e->kind != ERR_ABSENT)
			return -1;
		err_clear(e);
		n->usable = false;
		return 0;
	}
	if (json_get_str(&id, o, "Id", "network", e) < 0)
		return -1;
	free(n->id);
	n->id = mem_strdup(id);
	return 0;
}

static int find_builtins(struct engine_state *s, const struct strv *names, struct op *op,
			 struct engine *eng, struct err *e)
{
	for (size_t i = 0; i < s->nr_networks; i++) {
		struct engine_network *n = &s->networks[i];

		if (network_is_builtin(n->name) && strv_has(names, n->name) &&
		    find_builtin(n, op, eng, e) < 0)
			return -1;
	}
	return 0;
}

/* The engine matches more than was asked for: what counts is names, or ids, that are equal. */
static int services_read(struct engine_state *out, const json_t *list, const struct strv *names,
			 const struct strv *ids, struct err *e)
{
	json_t *o;
	size_t i;

	json_array_foreach(list, i, o)
	{
		auto_engine_service struct engine_service s = { 0 };

		if (engine_service_read(&s, o, e) < 0)
			return -1;
		if (names ? !strv_has(names, s.name) : !strv_has(ids, s.id))
			continue;
		MEM_GROW(out->services, out->nr, out->cap);
		out->services[out->nr++] = s;
		s = (struct engine_service){ 0 };
	}
	return 0;
}

int engine_services_get(struct engine_state *out, struct op *op, struct engine *eng,
			const struct strv *ids, struct err *e)
{
	auto_engine_state struct engine_state s = { 0 };
	auto_json json_t *list = NULL;

	if (ids->n) {
		list = state_list(op, eng, "/services", "id", ids, false, e);
		if (!list || services_read(&s, list, NULL, ids, e) < 0)
			return -1;
	}
	*out = s;
	s = (struct engine_state){ 0 };
	return 0;
}

int engine_state_get(struct engine_state *out, struct op *op, struct engine *eng,
		     const struct strv *services, const struct strv *networks, struct err *e)
{
	auto_engine_state struct engine_state s = { 0 };

	if (services->n) {
		auto_json json_t *list =
			state_list(op, eng, "/services?status=true", "name", services, false, e);

		if (!list || services_read(&s, list, services, NULL, e) < 0)
			return err_wrap(e, "read the services");
	}
	if (networks->n) {
		auto_json json_t *list =
			state_list(op, eng, "/networks", "name", networks, false, e);

		if (!list || engine_networks_read(&s, list, e) < 0 ||
		    find_builtins(&s, networks, op, eng, e) < 0)
			return err_wrap(e, "read the networks");
	}
	*out = s;
	s = (struct engine_state){ 0 };
	return 0;
}

const struct engine_service *engine_state_service(const struct engine_state *s, const char *name)
{
	for (size_t i = 0; i < s->nr; i++)
		if (strcmp(s->services[i].name, name) == 0)
			return &s->services[i];
	return NULL;
}

const struct engine_service *engine_state_service_by_id(const struct engine_state *s,
							const char *id)
{
	for (size_t i = 0; i < s->nr; i++)
		if (strcmp(s->services[i].id, id) == 0)
			return &s->services[i];
	return NULL;
}

const struct engine_network *engine_state_network(const struct engine_state *s, const char *name)
{
	const struct engine_network *found = NULL;

	for (size_t i = 0; i < s->nr_networks; i++) {
		const struct engine_network *n = &s->networks[i];

		if (strcmp(n->name, name) == 0 && (!found || n->usable))
			found = n;
	}
	return found;
}

int engine_state_add_owned(struct engine_state *s, struct op *op, struct engine *eng,
			   const char *project, struct err *e)
{
	auto_strv struct strv labels = STRV_INIT;
	auto_json json_t *list = NULL;
	json_t *o;
	size_t i;

	strv_addf(&labels, DEPLOY_LABEL_PROJECT "=%s", project);
	list = state_list(op, eng, "/services", "label", &labels, false, e);
	if (!list)
		return err_wrap(e, "read the project's services");
	json_array_foreach(list, i, o)
	{
		auto_engine_service struct engine_service one = { 0 };

		if (engine_service_read(&one, o, e) < 0)
			return err_wrap(e, "read the project's services");
		if (engine_state_service(s, one.name))
			continue;
		MEM_GROW(s->services, s->nr, s->cap);
		s->services[s->nr++] = one;
		one = (struct engine_service){ 0 };
	}
	return 0;
}
