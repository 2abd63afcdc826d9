/*
 * One line a field, marked as diffs are: + - ~. What is hidden on both sides is told as "changed".
 */
#include "deploy/plan_text.h"

#include "base/json.h"
#include "deploy/changes.h"

struct plan_counts deploy_plan_count(const struct deploy_plan *p)
{
	struct plan_counts n = { .delete = p->nr_surplus };

	for (size_t i = 0; i < p->nr; i++) {
		switch (p->v[i].verb) {
		case DEPLOY_CREATED:
			n.create++;
			break;
		case DEPLOY_REMOVED:
			n.delete ++;
			break;
		case DEPLOY_UNCHANGED:
			n.unchanged++;
			break;
		default:
			n.update++;
		}
	}
	return n;
}

static const char *action_name(enum deploy_verb verb)
{
	return verb == DEPLOY_CREATED	  ? "create"
	       : verb == DEPLOY_UNCHANGED ? "unchanged"
					  : "update";
}

static void find_changes(struct spec_changes *c, const struct deploy_action *a,
			 const struct engine_state *s)
{
	if (a->verb == DEPLOY_CREATED || a->verb == DEPLOY_UPDATED)
		spec_changes_find(c, a->have ? a->have->spec : NULL, a->spec, s);
}

/* -- text -------------------------------------------------------------------- */

static const char *cost_text(enum change_cost cost)
{
	static const char *const texts[] = {
		[CHANGE_FREE] = "no task is restarted",
		[CHANGE_MOVES] = "only tasks on nodes that no longer fit are restarted",
		[CHANGE_RESTARTS] = "its tasks are restarted",
	};

	return texts[cost];
}

static void heading(struct buf *out, const struct deploy_action *a, const struct spec_changes *c)
{
	buf_addf(out, "%s: %s", a->want->name, action_name(a->verb));
	if (a->recreate)
		buf_add_str(out, ", it is removed and created anew");
	else if (a->resumed)
		buf_addf(out, ", %s", a->why);
	else if (a->verb == DEPLOY_UPDATED)
		buf_addf(out, ", %s", cost_text(spec_changes_cost(c)));
	if (a->adopted && a->verb == DEPLOY_UPDATED)
		buf_addf(out, "; it is %s until now", a->whose);
	if (a->kept_volume)
		buf_addf(out, "; a node that has the volume %s keeps its old options",
			 a->kept_volume);
	if (a->unfinished)
		buf_add_str(out, ", but its last update is not over");
	buf_add_char(out, '\n');
}

static void change_line(struct buf *out, const struct spec_change *c, int width)
{
	const char *value = c->new ? c->new : c->old;
	int n = (int)strlen(c->field);

	buf_addf(out, "  %c %s", !c->old ? '+' : !c->new ? '-' : '~', c->field);
	if (c->old && c->new &&strcmp(c->old, c->new) == 0)
		value = "changed";
	if (*value)
		buf_addf(out, "%*s  ", n < width ? width - n : 0, "");
	if (c->old && c->new &&strcmp(c->old, c->new) != 0)
		buf_addf(out, "%s -> %s", c->old, c->new);
	else
		buf_add_str(out, value);
	buf_add_char(out, '\n');
}

/* "container label com.docker.stack.namespace" is in each plan of a compose file */
#define FIELD_WIDTH 44 /* longer ones push their value to the right */

/* Only of those that have a value behind them. */
static int field_width(const struct spec_changes *c)
{
	int width = 0;

	for (size_t i = 0; i < c->nr; i++) {
		const struct spec_change *x = &c->v[i];
		int n = (int)strlen(x->field);

		bool has_value = (x->old && x->new) || *(x->new ? x->new : x->old);

		if (has_value && n > width && n <= FIELD_WIDTH)
			width = n;
	}
	return width;
}

static void service_text(struct buf *out, const struct deploy_action *a,
			 const struct engine_state *s)
{
	auto_spec_changes struct spec_changes c = { 0 };

	find_changes(&c, a, s);
	heading(out, a, &c);
	for (size_t i = 0; i < c.nr; i++)
		change_line(out, &c.v[i], field_width(&c));
}

void deploy_plan_text(struct buf *out, const struct deploy_plan *p, const struct engine_state *s)
{
	struct plan_counts n = deploy_plan_count(p);

	for (size_t i = 0; i < p->networks.n; i++)
		buf_addf(out, "network %s: create\n", p->networks.v[i]);
	for (size_t i = 0; i < p->nr; i++)
		service_text(out, &p->v[i], s);
	for (size_t i = 0; i < p->nr_surplus; i++)
		buf_addf(out, "%s: delete\n", p->surplus[i]->name);
	buf_addf(out, "services: %zu to create, %zu to update, %zu to delete, %zu unchanged",
		 n.create, n.update, n.delete, n.unchanged);
}

/* -- JSON -------------------------------------------------------------------- */

static json_t *text_or_null(const char *s)
{
	return s ? json_str(s) : json_null();
}

static json_t *change_json(const struct spec_change *c)
{
	json_t *o = json_object();

	json_object_set_new(o, "field", json_str(c->field));
	json_object_set_new(o, "old", text_or_null(c->old));
	json_object_set_new(o, "new", text_or_null(c->new));
	json_object_set_new(o, "restarts", json_boolean(c->cost == CHANGE_RESTARTS));
	return o;
}

static json_t *service_json(const struct deploy_action *a, const struct engine_state *s)
{
	auto_spec_changes struct spec_changes c = { 0 };
	json_t *o = json_object(), *list = json_array();

	find_changes(&c, a, s);
	for (size_t i = 0; i < c.nr; i++)
		json_array_append_new(list, change_json(&c.v[i]));
	json_object_set_new(o, "service", json_str(a->want->name));
	json_object_set_new(o, "action", json_string(action_name(a->verb)));
	json_object_set_new(o, "restarts",
			    json_boolean(a->verb == DEPLOY_UPDATED &&
					 (a->recreate || a->resumed ||
					  spec_changes_cost(&c) == CHANGE_RESTARTS)));
	json_object_set_new(o, "changes", list);
	return o;
}

static json_t *surplus_json(const struct engine_service *s)
{
	return json_pack("{s:o,s:s,s:b,s:[]}", "service", json_str(s->name), "action", "delete",
			 "restarts", 0, "changes");
}

json_t *deploy_plan_json(const struct deploy_plan *p, const struct engine_state *s)
{
	struct plan_counts n = deploy_plan_count(p);
	json_t *o = json_object(), *services = json_array();

	for (size_t i = 0; i < p->nr; i++)
		json_array_append_new(services, service_json(&p->v[i], s));
	for (size_t i = 0; i < p->nr_surplus; i++)
		json_array_append_new(services, surplus_json(p->surplus[i]));
	json_object_set_new(o, "create", json_integer((json_int_t)n.create));
	json_object_set_new(o, "update", json_integer((json_int_t)n.update));
	json_object_set_new(o, "delete", json_integer((json_int_t)n.delete));
	json_object_set_new(o, "unchanged", json_integer((json_int_t)n.unchanged));
	json_object_set_new(o, "networks", json_from_strv(&p->networks));
	json_object_set_new(o, "services", services);
	return o;
}
