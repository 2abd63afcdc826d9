/* See config_object.h. */
#include "deploy/config_object.h"

#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"

void config_object_release(struct config_object *o)
{
	free(o->id);
	json_decref(o->spec);
	*o = (struct config_object){ 0 };
}

static int take_id(char **out, const json_t *o, struct err *e)
{
	const char *id;

	if (json_get_str(&id, o, "ID", "config", e) < 0)
		return -1;
	/* it becomes part of an address */
	if (!*id || strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789") != strlen(id))
		return err_set(e, ERR_CORRUPT, "config.ID: '%s' is not an id", id);
	*out = mem_strdup(id);
	return 0;
}

int config_object_read(struct config_object *out, const json_t *o, struct err *e)
{
	auto_config_object struct config_object c = { 0 };
	json_t *version, *spec;
	const char *name;

	if (json_get_obj(&version, o, "Version", "config", e) < 0 ||
	    json_get_u64(&c.version, version, "Index", "config.Version", e) < 0 ||
	    json_get_obj(&spec, o, "Spec", "config", e) < 0 ||
	    json_get_str(&name, spec, "Name", "config.Spec", e) < 0 || take_id(&c.id, o, e) < 0)
		return -1;
	c.spec = json_incref(spec);
	*out = c;
	c = (struct config_object){ 0 };
	return 0;
}

int config_object_create(char **id, struct op *op, struct engine *eng, const char *name,
			 const json_t *labels, struct span data, struct err *e)
{
	auto_free char *text = base64_encode(data, false);
	auto_json json_t *body = json_object(), *answer = NULL;

	json_object_set_new(body, "Name", json_str(name));
	json_object_set_new(body, "Labels", json_deep_copy(labels));
	json_object_set_new(body, "Data", json_str(text));
	if (engine_call(&answer, op, eng, "POST", "/configs/create", body, NULL, e) < 0)
		return -1;
	return take_id(id, answer, e);
}

int config_object_get(struct config_object *out, struct op *op, struct engine *eng,
		      const char *name, struct err *e)
{
	auto_free char *path = mem_printf("/configs/%s", name);
	auto_json json_t *o = NULL;

	if (engine_call(&o, op, eng, "GET", path, NULL, NULL, e) < 0)
		return -1;
	return config_object_read(out, o, e);
}

int config_object_relabel(struct op *op, struct engine *eng, const struct config_object *o,
			  const json_t *labels, struct err *e)
{
	auto_free char *path = mem_printf("/configs/%s/update?version=%llu", o->id,
					  (unsigned long long)o->version);
	auto_json json_t *body = json_copy(o->spec);

	json_object_set_new(body, "Labels", json_deep_copy(labels));
	return engine_call(NULL, op, eng, "POST", path, body, NULL, e);
}

int config_object_remove(struct op *op, struct engine *eng, const char *id, struct err *e)
{
	auto_free char *path = mem_printf("/configs/%s", id);

	if (engine_call(NULL, op, eng, "DELETE", path, NULL, NULL, e) == 0)
		return 0;
	if (e->kind != ERR_ABSENT)
		return -1;
	err_clear(e);
	return 0;
}
