/*
 * The tables, and the same as JSON. Headings and words are those of docker's client.
 */
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "deploy/table.h"
#include "deploy/view.h"

#define NS_PER_S INT64_C(1000000000)

/* -- status ------------------------------------------------------------------ */

static char *replicas_of(const struct engine_service *s)
{
	if (!s->is_counted)
		return mem_strdup("?");
	return mem_printf("%llu/%llu", (unsigned long long)s->running,
			  (unsigned long long)s->desired);
}

/* What the engine says of the last update; nothing when it went well. */
static char *update_of(const struct engine_service *s)
{
	if (s->update == UPDATE_NONE || s->update == UPDATE_COMPLETED)
		return mem_strdup("");
	return mem_printf("%s%s%s", update_state_name(s->update), *s->update_message ? ": " : "",
			  s->update_message);
}

void view_status_text(struct buf *out, const struct view *v)
{
	auto_table struct table t =
		TABLE_INIT("NAME", "MODE", "REPLICAS", "IMAGE", "PORTS", "UPDATE");

	for (size_t i = 0; i < v->nr; i++) {
		const struct view_service *s = &v->services[i];
		auto_free char *replicas = replicas_of(&s->s), *update = update_of(&s->s);

		table_row(&t, s->s.name, s->mode, replicas, s->image, s->ports, update);
	}
	for (size_t i = 0; i < v->absent.n; i++)
		table_row(&t, v->absent.v[i], "-", "-", "-", "-", "not deployed");
	table_print(&t, out);
}

static json_t *service_json(const struct view_service *s)
{
	const char *revision = deploy_label(s->s.spec, DEPLOY_LABEL_REVISION);
	json_t *o = json_object();

	json_object_set_new(o, "name", json_str(s->s.name));
	json_object_set_new(o, "mode", json_string(s->mode));
	json_object_set_new(o, "running",
			    s->s.is_counted ? json_integer((json_int_t)s->s.running) : json_null());
	json_object_set_new(o, "desired",
			    s->s.is_counted ? json_integer((json_int_t)s->s.desired) : json_null());
	json_object_set_new(o, "image", json_str(engine_spec_image(s->s.spec)));
	json_object_set_new(o, "ports", json_str(s->ports));
	json_object_set_new(o, "update", json_string(update_state_name(s->s.update)));
	json_object_set_new(o, "update_message", json_str(s->s.update_message));
	json_object_set_new(o, "revision", revision ? json_str(revision) : json_null());
	return o;
}

json_t *view_status_json(const struct view *v)
{
	json_t *list = json_array();

	for (size_t i = 0; i < v->nr; i++)
		json_array_append_new(list, service_json(&v->services[i]));
	return list;
}

/* -- ps ---------------------------------------------------------------------- */

/* "Running 3 minutes ago"; a state that began in the future is one of another clock. */
static char *state_since(const struct view_task *t, int64_t now_ns)
{
	static const struct {
		int64_t seconds;
		const char *unit;
	} units[] = { { 86400, "day" }, { 3600, "hour" }, { 60, "minute" }, { 1, "second" } };
	int64_t s = t->since_ns ? (now_ns - t->since_ns) / NS_PER_S : 0;
	const char *name = task_state_name(t->state);
	size_t i = 0;

	if (s <= 0)
		return mem_printf("%c%s now", name[0] - 'a' + 'A', name + 1);
	while (s < units[i].seconds)
		i++;
	s /= units[i].seconds;
	return mem_printf("%c%s %lld %s%s ago", name[0] - 'a' + 'A', name + 1, (long long)s,
			  units[i].unit, s == 1 ? "" : "s");
}

void view_ps_text(struct buf *out, const struct view *v, int64_t now_ns)
{
	auto_table struct table t =
		TABLE_INIT("NAME", "IMAGE", "NODE", "DESIRED STATE", "CURRENT STATE", "ERROR");

	for (size_t i = 0; i < v->nr_tasks; i++) {
		const struct view_task *x = &v->tasks[i];
		auto_free char *since = state_since(x, now_ns);
		/* as docker marks those that came before in the same place */
		bool former = i && strcmp(x->name, v->tasks[i - 1].name) == 0;
		auto_free char *name = mem_printf("%s%s", former ? " \\_ " : "", x->name);

		table_row(&t, name, x->image, x->node, task_state_name(x->desired), since,
			  x->error);
	}
	table_print(&t, out);
}

json_t *view_ps_json(const struct view *v)
{
	json_t *list = json_array();

	for (size_t i = 0; i < v->nr_tasks; i++) {
		const struct view_task *x = &v->tasks[i];
		char since[CLOCK_TEXT_MAX];
		json_t *o = json_object();

		clock_format(since, x->since_ns);
		json_object_set_new(o, "id", json_str(x->id));
		json_object_set_new(o, "name", json_str(x->name));
		json_object_set_new(o, "image", json_str(x->image));
		json_object_set_new(o, "node", json_str(x->node));
		json_object_set_new(o, "desired", json_string(task_state_name(x->desired)));
		json_object_set_new(o, "state", json_string(task_state_name(x->state)));
		json_object_set_new(o, "since", json_string(since));
		json_object_set_new(o, "error", json_str(x->error));
		json_array_append_new(list, o);
	}
	return list;
}
