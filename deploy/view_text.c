/*
 * The tables, and the same as JSON. Headings and words are those of docker's client.
 */
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "deploy/changes.h"
#include "deploy/table.h"
#include "deploy/view.h"

#define NS_PER_S INT64_C(1000000000)

/* -- status ------------------------------------------------------------------ */

/* How many tasks of a job are to complete; 0: it is none. */
static uint64_t completions_of(const struct engine_service *s)
{
	const json_t *mode = json_object_get(s->spec, "Mode");
	const json_t *job = json_object_get(mode, "ReplicatedJob");
	const json_t *total = json_object_get(job, "TotalCompletions");

	if (json_object_get(mode, "GlobalJob"))
		return s->desired + s->completed;
	if (!job)
		return 0;
	return json_is_integer(total) ? (uint64_t)json_integer_value(total) : 1;
}

static char *replicas_of(const struct engine_service *s)
{
	unsigned long long running = s->running, desired = s->desired, total = completions_of(s);

	if (!s->is_counted)
		return mem_strdup("?");
	/* one that is done has none running, and looks as if it were not */
	if (total)
		return mem_printf("%llu/%llu (%llu/%llu completed)", running, desired,
				  (unsigned long long)s->completed, total);
	return mem_printf("%llu/%llu", running, desired);
}

/* "rollback_completed: rollback completed" says it twice. */
static bool says_more(const char *message, const char *state)
{
	while (*state && (*message == *state || (*message == ' ' && *state == '_')))
		message++, state++;
	return *message != '\0';
}

/* What the engine says of the last update; nothing when it went well. */
static char *update_of(const struct engine_service *s)
{
	const char *state = update_state_name(s->update);

	if (s->update == UPDATE_NONE || s->update == UPDATE_COMPLETED)
		return mem_strdup("");
	if (!says_more(s->update_message, state))
		return mem_strdup(state);
	return mem_printf("%s: %s", state, s->update_message);
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
		table_row(&t, v->absent.v[i], "-", "-", "-", "-",
			  strchr(v->absent.v[i], ' ') ? "not ours" : "not deployed");
	table_print(&t, out);
}

static json_t *count_or_null(bool is_known, uint64_t n)
{
	return is_known ? json_integer((json_int_t)n) : json_null();
}

static json_t *service_json(const struct view_service *s)
{
	const char *revision = deploy_label(s->s.spec, DEPLOY_LABEL_REVISION);
	bool is_job = completions_of(&s->s) != 0, is_counted = s->s.is_counted;
	json_t *o = json_object();

	json_object_set_new(o, "name", json_str(s->s.name));
	json_object_set_new(o, "mode", json_string(s->mode));
	json_object_set_new(o, "running", count_or_null(is_counted, s->s.running));
	json_object_set_new(o, "desired", count_or_null(is_counted, s->s.desired));
	json_object_set_new(o, "completed", count_or_null(is_counted && is_job, s->s.completed));
	json_object_set_new(o, "image", json_str(engine_spec_image(s->s.spec)));
	json_object_set_new(o, "ports", json_str(s->ports));
	json_object_set_new(o, "update", json_string(update_state_name(s->s.update)));
	json_object_set_new(o, "update_message", json_str(s->s.update_message));
	json_object_set_new(o, "revision", revision ? json_str(revision) : json_null());
	return o;
}

/* The same members, so that whoever compares two of them finds that nothing runs. */
static json_t *absent_json(const char *text)
{
	static const char *const unknown[] = { "mode",	    "running",	      "desired",
					       "completed", "image",	      "ports",
					       "update",    "update_message", "revision" };
	json_t *o = json_object();

	json_object_set_new(o, "name", json_stringn(text, strcspn(text, " ")));
	for (size_t i = 0; i < ARRAY_LEN(unknown); i++)
		json_object_set_new(o, unknown[i], json_null());
	return o;
}

json_t *view_status_json(const struct view *v)
{
	json_t *list = json_array();

	for (size_t i = 0; i < v->nr; i++)
		json_array_append_new(list, service_json(&v->services[i]));
	for (size_t i = 0; i < v->absent.n; i++)
		json_array_append_new(list, absent_json(v->absent.v[i]));
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
		auto_free char *image = spec_short_image(x->image);

		table_row(&t, name, image, x->node, task_state_name(x->desired), since, x->error);
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
