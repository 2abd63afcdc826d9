/*
 * The engine changes nothing but the labels of a secret or config, hence a name per content; whether
 * one that is there holds what we want is told by its label, for a secret's data cannot be read back.
 */
#include "deploy/objects.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/progress.h"
#include "deploy/compose.h"

#define LOST_TRIES    3
#define LOST_PAUSE_MS 1000

static const struct kind {
	const char *name, *path, *list, *id, *ref; /* ref: its name in a ServiceSpec */
} kinds[] = {
	{ "config", "/configs", "Configs", "ConfigID", "ConfigName" },
	{ "secret", "/secrets", "Secrets", "SecretID", "SecretName" },
};

static const struct engine_object *find(const struct engine_state *s, bool is_secret,
					const char *name)
{
	for (size_t i = 0; i < s->nr_objects; i++)
		if (s->objects[i].is_secret == is_secret && strcmp(s->objects[i].name, name) == 0)
			return &s->objects[i];
	return NULL;
}

/* -- looking ----------------------------------------------------------------------------- */

static int add_object(struct engine_state *s, const json_t *o, bool is_secret, struct err *e)
{
	struct engine_object found = { .is_secret = is_secret };
	const char *id, *name, *data;
	json_t *spec;

	if (json_get_str(&id, o, "ID", kinds[is_secret].name, e) < 0 ||
	    json_get_obj(&spec, o, "Spec", kinds[is_secret].name, e) < 0 ||
	    json_get_str(&name, spec, "Name", "Spec", e) < 0)
		return -1;
	if (find(s, is_secret, name))
		return 0; /* of two questions' answers */
	if (json_opt_str(&data, spec, "Data", "Spec", NULL, e) < 0 ||
	    json_opt_map(&found.labels, spec, "Labels", "Spec", e) < 0) {
		strv_release(&found.labels);
		return -1;
	}
	if (!*id || strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789") != strlen(id)) {
		strv_release(&found.labels);
		return err_set(e, ERR_CORRUPT, "%s: '%s' is not an id", kinds[is_secret].name, id);
	}
	found.id = mem_strdup(id);
	found.name = mem_strdup(name);
	found.data = mem_strdup(data);
	MEM_GROW(s->objects, s->nr_objects, s->cap_objects);
	s->objects[s->nr_objects++] = found;
	return 0;
}

static int look_by(struct engine_state *s, struct op *op, struct engine *eng, bool is_secret,
		   const char *key, const struct strv *values, struct err *e)
{
	auto_json json_t *list = NULL;
	json_t *o;
	size_t i;

	if (!values->n)
		return 0;
	list = engine_list(op, eng, kinds[is_secret].path, key, values, e);
	if (!list)
		return err_wrap(e, "read the %ss", kinds[is_secret].name);
	json_array_foreach(list, i, o)
	{
		if (add_object(s, o, is_secret, e) < 0)
			return err_wrap(e, "read the %ss", kinds[is_secret].name);
	}
	return 0;
}

/* A name of its own may be another stack's, or nobody's: those are asked for by it. */
static int look_for_kind(struct engine_state *s, struct op *op, struct engine *eng,
			 const struct deploy_stack *stack, bool is_secret, struct err *e)
{
	auto_strv struct strv names = STRV_INIT, labels = STRV_INIT;

	for (size_t i = 0; i < stack->nr_objects; i++) {
		const struct deploy_object *o = &stack->objects[i];

		if (o->is_secret != is_secret)
			continue;
		if (!labels.n && !o->is_external)
			strv_addf(&labels, DEPLOY_LABEL_NAMESPACE "=%s", stack->name);
		if (o->is_external || o->is_named)
			strv_add(&names, o->name);
	}
	if (look_by(s, op, eng, is_secret, "label", &labels, e) < 0)
		return -1;
	return look_by(s, op, eng, is_secret, "name", &names, e);
}

/* What others made has no hash of ours: the data of a config is told, that of a secret never. */
static bool has_same_data(const struct engine_object *found, const struct deploy_object *o)
{
	const char *have = strv_env_get(&found->labels, DEPLOY_LABEL_OBJECT_HASH);
	const char *want = strv_env_get(&o->labels, DEPLOY_LABEL_OBJECT_HASH);
	auto_free char *data = NULL;

	if (have)
		return want && strcmp(have, want) == 0;
	if (!found->data)
		return false;
	data = base64_encode(span_of(o->data, o->size), false);
	return strcmp(found->data, data) == 0;
}

static int check_found(const struct engine_state *s, const struct deploy_object *o, struct err *e)
{
	const struct engine_object *found = find(s, o->is_secret, o->name);
	const char *kind = kinds[o->is_secret].name;

	if (o->is_external && !found)
		return err_set(e, ERR_ABSENT, "%s '%s' does not exist in the swarm; %s", kind,
			       o->name,
			       o->logical ? "it is external" : "its data is not in the history");
	if (o->is_external || !found || has_same_data(found, o))
		return 0;
	if (o->is_secret && !strv_env_get(&found->labels, DEPLOY_LABEL_OBJECT_HASH))
		return err_set(
			e, ERR_FAILED,
			"secret '%s' is there, not made by cdeploy, and no engine tells what "
			"is in a secret: 'external: true' uses it as it is, and another "
			"name, or none, makes a new one",
			o->name);
	return err_set(e, ERR_FAILED,
		       "%s '%s' is there with other data, which no engine changes: give it another "
		       "name, or none, and it is named by its data",
		       kind, o->name);
}

int deploy_objects_look(struct engine_state *s, struct op *op, struct engine *eng,
			const struct deploy_stack *stack, struct err *e)
{
	if (look_for_kind(s, op, eng, stack, true, e) < 0 ||
	    look_for_kind(s, op, eng, stack, false, e) < 0)
		return -1;
	for (size_t i = 0; i < stack->nr_objects; i++)
		if (check_found(s, &stack->objects[i], e) < 0)
			return -1;
	return 0;
}

/* -- in a spec ------------------------------------------------------------------------------ */

void deploy_objects_resolve(json_t *spec, const struct engine_state *s)
{
	json_t *task = json_object_get(spec, "TaskTemplate"), *ref;
	json_t *container = json_object_get(task, "ContainerSpec");
	size_t i;

	for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
		json_array_foreach(json_object_get(container, kinds[k].list), i, ref)
		{
			const char *name = json_string_value(json_object_get(ref, kinds[k].ref));
			const struct engine_object *o = name ? find(s, k == 1, name) : NULL;

			if (o)
				json_object_set_new(ref, kinds[k].id, json_string(o->id));
		}
}

/* -- making --------------------------------------------------------------------------------- */

static json_t *object_json(const struct deploy_object *o, const struct deploy_owner *owner)
{
	json_t *body = json_object(), *labels = json_object();
	char *data = base64_encode(span_of(o->data, o->size), false);

	for (size_t i = 0; i < o->labels.n; i++) {
		struct span key, value;
		auto_free char *k = NULL;

		span_cut(span_of_str(o->labels.v[i]), '=', &key, &value);
		k = span_dup(key);
		json_object_set_new(labels, k, json_str(value.p));
	}
	deploy_owner_label(labels, owner);
	json_object_set_new(body, "Name", json_str(o->name));
	json_object_set_new(body, "Labels", labels);
	json_object_set_new(body, "Data", json_string(data));
	if (o->template_driver)
		json_object_set_new(body, "Templating",
				    json_pack("{s:o}", "Name", json_str(o->template_driver)));
	explicit_bzero(data, strlen(data));
	free(data);
	return body;
}

/* 1: it is there, and what we want. 0: it is not. */
static int is_there(struct op *op, struct engine *eng, const struct deploy_object *o, struct err *e)
{
	auto_engine_state struct engine_state now = { 0 };
	auto_strv struct strv names = STRV_INIT;

	strv_add(&names, o->name);
	if (look_by(&now, op, eng, o->is_secret, "name", &names, e) < 0 ||
	    check_found(&now, o, e) < 0)
		return -1;
	return find(&now, o->is_secret, o->name) != NULL;
}

static int make(struct op *op, struct engine *eng, const struct deploy_object *o,
		const struct deploy_owner *owner, struct err *e)
{
	auto_json json_t *body = object_json(o, owner);
	auto_free char *path = mem_printf("%s/create", kinds[o->is_secret].path);

	for (unsigned tries = LOST_TRIES;; tries--) {
		struct err why = ERR_INIT;
		int there;

		if (engine_call(NULL, op, eng, "POST", path, body, NULL, e) == 0)
			return 0;
		/* 409 is ERR_FAILED: another deploy made it meanwhile, or our own lost try */
		if (e->kind != ERR_UNAVAILABLE && e->kind != ERR_FAILED)
			break;
		there = is_there(op, eng, o, &why);
		if (there > 0) {
			err_clear(e);
			return 0;
		}
		if (there < 0 && why.kind == ERR_FAILED)
			*e = why;
		if (there < 0 || e->kind != ERR_UNAVAILABLE || tries == 1)
			break;
		op->clock->sleep_ms(op->clock, LOST_PAUSE_MS, op->cancel);
	}
	return err_wrap(e, "create %s '%s'", kinds[o->is_secret].name, o->name);
}

int deploy_objects_make(bool *made, struct op *op, struct engine *eng,
			const struct deploy_stack *stack, const struct engine_state *s,
			const struct deploy_owner *owner, struct err *e)
{
	*made = false;
	for (size_t i = 0; i < stack->nr_objects; i++) {
		const struct deploy_object *o = &stack->objects[i];

		if (o->is_external || find(s, o->is_secret, o->name))
			continue;
		if (make(op, eng, o, owner, e) < 0)
			return -1;
		progress_note(op->progress, "%s '%s' created", kinds[o->is_secret].name, o->name);
		*made = true;
	}
	return 0;
}

/* -- pruning -------------------------------------------------------------------------------- */

static bool is_wanted(const struct deploy_stack *stack, const struct engine_object *o)
{
	for (size_t i = 0; i < stack->nr_objects; i++)
		if (stack->objects[i].is_secret == o->is_secret &&
		    strcmp(stack->objects[i].name, o->name) == 0)
			return true;
	return false;
}

static bool has_label(const struct engine_object *o, const char *key, const char *value)
{
	const char *have = strv_env_get(&o->labels, key);

	return value ? have && strcmp(have, value) == 0 : !have;
}

static bool is_owned(const struct engine_object *o, const struct deploy_owner *owner)
{
	return owner->project && has_label(o, DEPLOY_LABEL_PROJECT, owner->project) &&
	       has_label(o, DEPLOY_LABEL_SCOPE, owner->scope);
}

static bool was_ours(const struct deploy_stack *stack, const struct engine_object *o,
		     const struct deploy_owner *owner)
{
	return has_label(o, DEPLOY_LABEL_NAMESPACE, stack->name) && is_owned(o, owner);
}

/* -1: the lock is lost, and nothing more is to be written. What else goes wrong is told. */
static int prune(struct op *op, struct engine *eng, const struct engine_object *o, struct err *e)
{
	const struct kind *k = &kinds[o->is_secret];
	auto_free char *path = mem_printf("%s/%s", k->path, o->id);

	if (engine_call(NULL, op, eng, "DELETE", path, NULL, NULL, e) == 0)
		progress_note(op->progress, "%s '%s' removed: nothing uses it any more", k->name,
			      o->name);
	else if (e->kind == ERR_LOCKED)
		return err_wrap(e, "remove %s '%s'", k->name, o->name);
	/* ERR_INPUT: another service uses it */
	else if (e->kind != ERR_ABSENT && e->kind != ERR_INPUT)
		progress_warn(op->progress, "%s '%s' is no longer used, and is left: %s", k->name,
			      o->name, e->text);
	err_clear(e);
	return 0;
}

static bool is_kept(const struct strv *kept, const struct engine_object *o)
{
	auto_free char *name = mem_printf("%s %s", kinds[o->is_secret].name, o->name);

	return strv_has(kept, name);
}

static void prune_all(struct op *op, struct engine *eng, const struct deploy_stack *stack,
		      const struct engine_state *s, const struct deploy_owner *owner,
		      const struct strv *kept)
{
	struct err e = ERR_INIT;

	for (size_t i = 0; i < s->nr_objects; i++) {
		const struct engine_object *o = &s->objects[i];

		if (was_ours(stack, o, owner) && !is_wanted(stack, o) && !is_kept(kept, o) &&
		    prune(op, eng, o, &e) < 0) {
			progress_warn(op->progress, "%s", e.text);
			return;
		}
	}
}

static bool has_namespace(const struct deploy_stack *stack)
{
	return stack->nr && strv_env_get(&stack->services[0].labels, DEPLOY_LABEL_NAMESPACE);
}

/* A stack that has none now, and was not asked about, may have had some before. */
static void prune_last(struct op *op, struct engine *eng, const struct deploy_stack *stack,
		       const struct deploy_owner *owner, const struct strv *kept)
{
	auto_engine_state struct engine_state s = { 0 };
	auto_strv struct strv labels = STRV_INIT;
	struct err e = ERR_INIT;

	strv_addf(&labels, DEPLOY_LABEL_NAMESPACE "=%s", stack->name);
	if (look_by(&s, op, eng, true, "label", &labels, &e) < 0 ||
	    look_by(&s, op, eng, false, "label", &labels, &e) < 0)
		progress_warn(op->progress, "secrets and configs no longer used may be left: %s",
			      e.text);
	prune_all(op, eng, stack, &s, owner, kept);
}

void deploy_objects_prune(struct op *op, struct engine *eng, const struct deploy_stack *stack,
			  const struct engine_state *s, const struct deploy_owner *owner,
			  const struct strv *kept, bool changed)
{
	if (changed && has_namespace(stack))
		prune_last(op, eng, stack, owner, kept);
	else
		prune_all(op, eng, stack, s, owner, kept);
}

/* Locks and histories are configs, too; those of stacks have a namespace. */
int deploy_objects_remove(struct op *op, struct engine *eng, const struct deploy_owner *owner,
			  struct err *e)
{
	auto_engine_state struct engine_state s = { 0 };
	auto_strv struct strv labels = STRV_INIT;

	strv_addf(&labels, DEPLOY_LABEL_PROJECT "=%s", owner->project);
	strv_add(&labels, DEPLOY_LABEL_NAMESPACE);
	if (look_by(&s, op, eng, true, "label", &labels, e) < 0 ||
	    look_by(&s, op, eng, false, "label", &labels, e) < 0)
		return -1;
	for (size_t i = 0; i < s.nr_objects; i++)
		if (is_owned(&s.objects[i], owner) &&
		    strv_env_get(&s.objects[i].labels, DEPLOY_LABEL_NAMESPACE) &&
		    prune(op, eng, &s.objects[i], e) < 0)
			return -1;
	return 0;
}
