/*
 * The lists are asked for whole or by id: filters by name match prefixes, and a label is
 * compared here anyway. Of a task only what is shown is read; what an engine leaves out (a
 * task no node has taken yet) stays empty.
 */
#include "deploy/view.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "deploy/changes.h"

#define NAMESPACE "com.docker.stack.namespace"

static void service_release(struct view_service *s)
{
	engine_service_release(&s->s);
	free(s->ports);
	free(s->image);
}

static void task_release(struct view_task *t)
{
	free(t->id);
	free(t->service);
	free(t->name);
	free(t->image);
	free(t->node);
	free(t->error);
}

static void release_tasks(struct view *v)
{
	for (size_t i = 0; i < v->nr_tasks; i++)
		task_release(&v->tasks[i]);
	free(v->tasks);
	v->tasks = NULL;
	v->nr_tasks = v->cap_tasks = 0;
}

void view_release(struct view *v)
{
	for (size_t i = 0; i < v->nr; i++)
		service_release(&v->services[i]);
	free(v->services);
	release_tasks(v);
	strv_release(&v->absent);
	*v = (struct view){ 0 };
}

/* -- services ---------------------------------------------------------------- */

bool view_is_called(const struct engine_service *s, const char *name)
{
	const char *stack = deploy_label(s->spec, NAMESPACE);
	size_t n = stack ? strlen(stack) : 0;

	if (strcmp(s->name, name) == 0)
		return true;
	return stack && strncmp(s->name, stack, n) == 0 && s->name[n] == '_' &&
	       strcmp(s->name + n + 1, name) == 0;
}

static const char *mode_of(const json_t *spec)
{
	static const struct {
		const char *key, *name;
	} modes[] = {
		{ "Global", "global" },
		{ "ReplicatedJob", "replicated-job" },
		{ "GlobalJob", "global-job" },
	};
	const json_t *mode = json_object_get(spec, "Mode");

	for (size_t i = 0; i < ARRAY_LEN(modes); i++)
		if (json_object_get(mode, modes[i].key))
			return modes[i].name;
	return "replicated";
}

static const char *text_at(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

/* As `docker service ls` shows them. What the engine chose itself is in Endpoint only. */
static char *ports_of(const json_t *service)
{
	const json_t *ports = json_object_get(json_object_get(service, "Endpoint"), "Ports"), *port;
	auto_strv struct strv list = STRV_INIT;
	size_t i;

	json_array_foreach(ports, i, port)
	{
		long long to = json_integer_value(json_object_get(port, "PublishedPort"));
		long long target = json_integer_value(json_object_get(port, "TargetPort"));
		const char *protocol = text_at(port, "Protocol");

		if (to)
			strv_addf(&list, "*:%lld->%lld/%s", to, target, protocol);
		else
			strv_addf(&list, "%lld/%s", target, protocol);
	}
	return list.n ? strv_join(&list, ", ") : mem_strdup("");
}

static bool is_wanted(const struct view_filter *f, const struct engine_service *s)
{
	bool named = !f->names;

	for (size_t i = 0; f->names && i < f->names->n; i++)
		named |= view_is_called(s, f->names->v[i]);
	return named;
}

static bool is_owned(const struct view_filter *f, const struct engine_service *s)
{
	return !f->owner || deploy_owner_has(s->spec, f->owner);
}

/* What is told of a service of the file that is not this owner's, instead of "not there". */
static char *whose(const struct engine_service *s, const struct view_filter *f)
{
	const char *project = deploy_label(s->spec, DEPLOY_LABEL_PROJECT);
	const char *scope = deploy_label(s->spec, DEPLOY_LABEL_SCOPE);

	if (!project)
		return mem_printf("%s (nobody's)", s->name);
	if (!f->owner || strcmp(project, f->owner->project) != 0)
		return mem_printf("%s (of project '%s')", s->name, project);
	if (!scope || !*scope)
		return mem_printf("%s (of no scope)", s->name);
	return mem_printf("%s (of scope '%s')", s->name, scope);
}

static int add_service(struct view *v, const json_t *o, const struct view_filter *f, struct err *e)
{
	struct view_service x = { 0 };

	if (engine_service_read(&x.s, o, e) < 0)
		return -1;
	if (!is_wanted(f, &x.s) || !is_owned(f, &x.s)) {
		auto_free char *told = whose(&x.s, f);

		if (f->names && strv_has(f->names, x.s.name))
			strv_add(&v->absent, told);
		engine_service_release(&x.s);
		return 0;
	}
	x.mode = mode_of(x.s.spec);
	x.ports = ports_of(o);
	x.image = spec_short_image(engine_spec_image(x.s.spec));
	MEM_GROW(v->services, v->nr, v->cap);
	v->services[v->nr++] = x;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	const struct view_service *x = a, *y = b;

	return strcmp(x->s.name, y->s.name);
}

static void add_absent(struct view *v, const struct view_filter *f)
{
	for (size_t i = 0; f->names && i < f->names->n; i++) {
		const char *name = f->names->v[i];
		size_t n = strlen(name);
		bool found = view_find(v, name) != NULL;

		for (size_t k = 0; k < v->absent.n; k++)
			found |= strncmp(v->absent.v[k], name, n) == 0 &&
				 (!v->absent.v[k][n] || v->absent.v[k][n] == ' ');
		if (!found)
			strv_add(&v->absent, name);
	}
}

int view_read_services(struct view *v, const json_t *list, const struct view_filter *f,
		       struct err *e)
{
	json_t *o;
	size_t i;

	if (!json_is_array(list))
		return err_set(e, ERR_CORRUPT, "services: not a list");
	json_array_foreach(list, i, o) if (add_service(v, o, f, e) < 0) return -1;
	if (v->nr)
		qsort(v->services, v->nr, sizeof(*v->services), by_name);
	add_absent(v, f);
	return 0;
}

const struct view_service *view_find(const struct view *v, const char *name)
{
	for (size_t i = 0; i < v->nr; i++)
		if (view_is_called(&v->services[i].s, name))
			return &v->services[i];
	return NULL;
}

/* -- tasks ------------------------------------------------------------------- */

static const json_t *find_node(const json_t *nodes, const char *id)
{
	json_t *o;
	size_t i;

	json_array_foreach(nodes, i, o) if (strcmp(text_at(o, "ID"), id) == 0) return o;
	return NULL;
}

static void task_set_node(struct view_task *t, const json_t *nodes, const char *id)
{
	const json_t *node = *id ? find_node(nodes, id) : NULL;
	const char *name = text_at(json_object_get(node, "Description"), "Hostname");

	t->node = mem_strdup(*name ? name : id);
	/* one that was taken out of the swarm answers no more than one that is down */
	t->node_is_down =
		*id && strcmp(text_at(json_object_get(node, "Status"), "State"), "ready") != 0;
}

static int read_status(struct view_task *t, const json_t *o, struct err *e)
{
	json_t *status, *container;
	const char *state, *desired, *why, *when;
	uint64_t slot;

	if (json_get_obj(&status, o, "Status", "task", e) < 0 ||
	    json_get_str(&state, status, "State", "task.Status", e) < 0 ||
	    json_opt_str(&why, status, "Err", "task.Status", "", e) < 0 ||
	    json_opt_str(&when, status, "Timestamp", "task.Status", "", e) < 0 ||
	    json_opt_obj(&container, status, "ContainerStatus", "task.Status", e) < 0 ||
	    json_get_str(&desired, o, "DesiredState", "task", e) < 0 ||
	    json_opt_u64(&slot, o, "Slot", "task", 0, e) < 0 ||
	    task_state_read(&t->state, state, e) < 0 ||
	    task_state_read(&t->desired, desired, e) < 0)
		return -1;
	t->slot = slot;
	t->has_container = *text_at(container, "ContainerID") != '\0';
	t->error = task_error(why);
	if (clock_parse(&t->since_ns, when) < 0)
		t->since_ns = 0;
	return 0;
}

static const struct view_service *service_of(const struct view *v, const char *id)
{
	for (size_t i = 0; i < v->nr; i++)
		if (strcmp(v->services[i].s.id, id) == 0)
			return &v->services[i];
	return NULL;
}

static int read_task(struct view_task *t, const struct view *v, const json_t *o,
		     const json_t *nodes, struct err *e)
{
	const struct view_service *s;
	const char *id, *service, *node;

	if (json_get_str(&id, o, "ID", "task", e) < 0 ||
	    json_get_str(&service, o, "ServiceID", "task", e) < 0 ||
	    json_opt_str(&node, o, "NodeID", "task", "", e) < 0 || read_status(t, o, e) < 0)
		return -1;
	/* it becomes part of an address */
	if (!*id || strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789") != strlen(id))
		return err_set(e, ERR_CORRUPT, "task.ID: '%s' is not an id", id);
	t->id = mem_strdup(id);
	t->image = mem_strdup(
		text_at(json_object_get(json_object_get(o, "Spec"), "ContainerSpec"), "Image"));
	task_set_node(t, nodes, node);
	s = service_of(v, service);
	t->service = mem_strdup(s ? s->s.name : service);
	if (t->slot)
		t->name = mem_printf("%s.%llu", t->service, (unsigned long long)t->slot);
	else
		t->name = mem_printf("%s.%s", t->service, t->node);
	return 0;
}

static int by_age(const struct view_task *x, const struct view_task *y)
{
	if ((x->desired == TASK_RUNNING) != (y->desired == TASK_RUNNING))
		return x->desired == TASK_RUNNING ? -1 : 1;
	if (x->since_ns != y->since_ns)
		return x->since_ns > y->since_ns ? -1 : 1;
	return strcmp(x->id, y->id);
}

static int newest_first(const void *a, const void *b)
{
	return by_age(a, b);
}

void view_tasks_newest_first(struct view *v)
{
	if (v->nr_tasks)
		qsort(v->tasks, v->nr_tasks, sizeof(*v->tasks), newest_first);
}

static int by_slot(const void *a, const void *b)
{
	const struct view_task *x = a, *y = b;
	int n = strcmp(x->service, y->service);

	if (!n && x->slot != y->slot)
		return x->slot < y->slot ? -1 : 1;
	if (!n)
		n = strcmp(x->name, y->name);
	return n ? n : by_age(x, y);
}

int view_read_tasks(struct view *v, const json_t *list, const json_t *nodes, struct err *e)
{
	json_t *o;
	size_t i;

	if (!json_is_array(list) || !json_is_array(nodes))
		return err_set(e, ERR_CORRUPT, "tasks or nodes: not a list");
	release_tasks(v);
	json_array_foreach(list, i, o)
	{
		struct view_task t = { 0 };

		if (read_task(&t, v, o, nodes, e) < 0) {
			task_release(&t);
			return -1;
		}
		MEM_GROW(v->tasks, v->nr_tasks, v->cap_tasks);
		v->tasks[v->nr_tasks++] = t;
	}
	if (v->nr_tasks)
		qsort(v->tasks, v->nr_tasks, sizeof(*v->tasks), by_slot);
	return 0;
}

/* -- asking ------------------------------------------------------------------ */

int view_get_tasks(struct view *v, struct op *op, struct engine *eng, struct err *e)
{
	auto_json json_t *list = NULL, *nodes = NULL;
	auto_strv struct strv ids = STRV_INIT;

	if (!v->nr)
		return 0;
	for (size_t i = 0; i < v->nr; i++)
		strv_add(&ids, v->services[i].s.id);
	list = engine_list(op, eng, "/tasks", "service", &ids, e);
	if (!list)
		return err_wrap(e, "tasks");
	nodes = engine_list(op, eng, "/nodes", NULL, NULL, e);
	if (!nodes)
		return err_wrap(e, "nodes");
	return view_read_tasks(v, list, nodes, e);
}

int view_get(struct view *v, struct op *op, struct engine *eng, const struct view_filter *f,
	     bool with_tasks, struct err *e)
{
	auto_json json_t *list = engine_list(op, eng, "/services?status=true", NULL, NULL, e);

	if (!list)
		return err_wrap(e, "services");
	if (view_read_services(v, list, f, e) < 0)
		return -1;
	return with_tasks ? view_get_tasks(v, op, eng, e) : 0;
}
