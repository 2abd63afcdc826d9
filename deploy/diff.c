/*
 * Both sides are brought into one form: first the engine's defaults are written
 * where nothing is, then whatever says nothing (null, false, 0, "", {} and []) is
 * dropped. Maps that users fill (labels, options) and elements of lists keep
 * their empty values: there "" means something.
 */
#include "deploy/diff.h"

#include "deploy/spec_json.h"

static json_t *at(const json_t *o, const char *key)
{
	return json_object_get(o, key);
}

static void dflt_str(json_t *o, const char *key, const char *value)
{
	const json_t *v = at(o, key);

	if (json_is_object(o) && (!v || json_is_null(v) || !json_string_length(v)))
		json_object_set_new(o, key, json_string(value));
}

/* Where 0 is a wish, a missing number is filled in and a 0 is not dropped for being the default. */
static void dflt_int(json_t *o, const char *key, json_int_t value)
{
	const json_t *v = at(o, key);

	if (json_is_object(o) && (!v || json_is_null(v)))
		json_object_set_new(o, key, json_integer(value));
}

static json_t *dflt_object(json_t *o, const char *key)
{
	if (json_is_object(o) && !json_is_object(at(o, key)))
		json_object_set_new(o, key, json_object());
	return at(o, key);
}

#define SECOND INT64_C(1000000000)

static const char *target(const json_t *networks, size_t i)
{
	const char *text = json_string_value(at(json_array_get(networks, i), "Target"));

	return text ? text : "";
}

/* The engine asks for no order, and docker's client sends networks in that of their ids. */
static void sort_networks(json_t *networks)
{
	for (size_t i = 1; i < json_array_size(networks); i++) {
		size_t to = i;
		json_t *o = json_incref(json_array_get(networks, i));

		while (to > 0 && strcmp(target(networks, to - 1), target(networks, i)) > 0)
			to--;
		json_array_remove(networks, i);
		json_array_insert_new(networks, to, o);
	}
}

static void fill_task(json_t *task)
{
	json_t *container = dflt_object(task, "ContainerSpec");
	json_t *restart = dflt_object(task, "RestartPolicy");

	dflt_str(task, "Runtime", "container");
	dflt_str(container, "Isolation", "default");
	dflt_int(container, "StopGracePeriod", 10 * SECOND);
	dflt_str(restart, "Condition", "any");
	dflt_int(restart, "Delay", 5 * SECOND);
	sort_networks(at(task, "Networks"));
}

/* An empty object is a choice here, and a missing count is one. */
static void fill_mode(json_t *mode)
{
	dflt_int(at(mode, "Replicated"), "Replicas", 1);
	if (at(mode, "Global"))
		json_object_set_new(mode, "Global", json_true());
	if (at(mode, "GlobalJob"))
		json_object_set_new(mode, "GlobalJob", json_true());
}

static void fill_endpoint(json_t *spec)
{
	json_t *endpoint = dflt_object(spec, "EndpointSpec"), *port;
	size_t i;

	dflt_str(endpoint, "Mode", "vip");
	json_array_foreach(at(endpoint, "Ports"), i, port)
	{
		dflt_str(port, "Protocol", "tcp");
		dflt_str(port, "PublishMode", "ingress");
	}
}

/*
 * Without settings the engine takes its own, one task after the other; in settings it does read, a
 * missing Parallelism is 0, all at once. The ratio is a float there and comes back as one.
 */
static void fill_update(json_t *spec, const char *key)
{
	json_t *config = at(spec, key), *monitor, *ratio;

	if (!json_is_object(config)) {
		config = dflt_object(spec, key);
		dflt_int(config, "Parallelism", 1);
	}
	dflt_str(config, "FailureAction", "pause");
	dflt_str(config, "Order", "stop-first");
	monitor = at(config, "Monitor");
	if (!monitor || json_integer_value(monitor) == 0)
		json_object_set_new(config, "Monitor", json_integer(5 * SECOND));
	ratio = at(config, "MaxFailureRatio");
	if (json_is_real(ratio))
		json_real_set(ratio, (double)(float)json_real_value(ratio));
}

static bool says_nothing(const json_t *v)
{
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		return json_object_size(v) == 0;
	case JSON_ARRAY:
		return json_array_size(v) == 0;
	case JSON_STRING:
		return json_string_length(v) == 0;
	case JSON_INTEGER:
	case JSON_REAL:
		return json_number_value(v) == 0;
	case JSON_TRUE:
		return false;
	default:
		return true;
	}
}

static bool is_users_map(const char *key)
{
	return !strcmp(key, "Labels") || !strcmp(key, "Options") || !strcmp(key, "Sysctls") ||
	       !strcmp(key, "DriverOpts");
}

/* Depth is bounded where the document was read (base/json.c). */
static void prune(json_t *v)
{
	const char *key;
	json_t *child;
	size_t i;
	void *next;

	json_array_foreach(v, i, child) prune(child);
	json_object_foreach_safe(v, next, key, child)
	{
		if (!is_users_map(key))
			prune(child);
		if (says_nothing(child))
			json_object_del(v, key);
	}
}

json_t *deploy_spec_normal(const json_t *spec)
{
	json_t *o = json_deep_copy(spec);

	if (!json_is_object(o))
		return o;
	json_object_del(at(o, "Labels"), DEPLOY_LABEL_HASH);
	json_object_del(at(o, "Labels"), DEPLOY_LABEL_SCOPE);
	deploy_owner_unlabel_deploy(at(o, "Labels"));
	fill_task(dflt_object(o, "TaskTemplate"));
	fill_mode(at(o, "Mode"));
	fill_endpoint(o);
	fill_update(o, "UpdateConfig");
	fill_update(o, "RollbackConfig");
	prune(o);
	return o;
}

bool deploy_spec_equal(const json_t *a, const json_t *b)
{
	json_t *x = deploy_spec_normal(a), *y = deploy_spec_normal(b);
	bool same = x && y && json_equal(x, y);

	json_decref(x);
	json_decref(y);
	return same;
}

/* -- what differs ------------------------------------------------------------ */

static const struct {
	const char *path[3]; /* up to three keys deep */
	const char *word;
} parts[] = {
	{ { "TaskTemplate", "ContainerSpec", "Image" }, "image" },
	{ { "TaskTemplate", "ContainerSpec", "Command" }, "entrypoint" },
	{ { "TaskTemplate", "ContainerSpec", "Args" }, "commands" },
	{ { "TaskTemplate", "ContainerSpec", "Env" }, "environment" },
	{ { "TaskTemplate", "ContainerSpec", "Mounts" }, "volumes" },
	{ { "TaskTemplate", "ContainerSpec", "Secrets" }, "secrets" },
	{ { "TaskTemplate", "ContainerSpec", "Configs" }, "configs" },
	{ { "TaskTemplate", "ContainerSpec", "Healthcheck" }, "healthcheck" },
	{ { "TaskTemplate", "ContainerSpec", "Labels" }, "container labels" },
	{ { "TaskTemplate", "ContainerSpec", "User" }, "user" },
	{ { "TaskTemplate", "ContainerSpec", "Hosts" }, "hosts" },
	{ { "TaskTemplate", "ContainerSpec", "DNSConfig" }, "dns" },
	{ { "TaskTemplate", "ContainerSpec", "Sysctls" }, "sysctls" },
	{ { "TaskTemplate", "LogDriver" }, "logging" },
	{ { "TaskTemplate", "RestartPolicy" }, "restart policy" },
	{ { "TaskTemplate", "Networks" }, "networks" },
	{ { "TaskTemplate", "Resources" }, "cpu or memory" },
	{ { "TaskTemplate", "Placement", "Constraints" }, "constraints" },
	{ { "TaskTemplate", "Placement", "Platforms" }, "platforms" },
	{ { "Mode" }, "replicas or mode" },
	{ { "EndpointSpec" }, "ports" },
	{ { "Labels" }, "labels" },
	{ { "UpdateConfig" }, "update settings" },
	{ { "RollbackConfig" }, "rollback settings" },
};

/* New reference to the part, NULL when it is not there; it is not there afterwards. */
static json_t *cut_out(json_t *o, const char *const path[3])
{
	size_t last = 0;
	json_t *v;

	while (last < 2 && path[last + 1])
		o = at(o, path[last++]);
	v = json_incref(at(o, path[last]));
	json_object_del(o, path[last]);
	return v;
}

void deploy_spec_diff(struct strv *words, const json_t *want, const json_t *have)
{
	json_t *a = deploy_spec_normal(want), *b = deploy_spec_normal(have);

	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		json_t *x = cut_out(a, parts[i].path), *y = cut_out(b, parts[i].path);

		if ((x || y) && !(x && y && json_equal(x, y)))
			strv_add(words, parts[i].word);
		json_decref(x);
		json_decref(y);
	}
	/* what was cut out may leave an empty object on one side only */
	prune(a);
	prune(b);
	if (!json_equal(a, b))
		strv_add(words, "other settings");
	json_decref(a);
	json_decref(b);
}
