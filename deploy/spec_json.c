/*
 * What docker's own client sends for `docker service create` with the same wishes:
 * the fields it always sends stand here as well, so that a service made by orcinus
 * and the same one made by us do not differ.
 *
 * Lists keep the file's order (the engine compares environments in order), labels
 * are sorted. What the file does not say is not there: no Replicas without
 * `replicas`, so that a count set by hand can be kept by whoever compares.
 */
#include "deploy/spec_json.h"

#include "base/buf.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"

#define SPEC_MAX	  (64u << 20) /* a file of 1 MiB with variables cannot come near */
#define UPDATE_MONITOR_NS INT64_C(5000000000)

static void set(json_t *o, const char *key, json_t *v)
{
	if (json_object_set_new(o, key, v) < 0)
		abort(); /* only for want of memory: keys are ours or came through json_str */
}

static void append(json_t *a, json_t *v)
{
	if (json_array_append_new(a, v) < 0)
		abort();
}

static void set_list(json_t *o, const char *key, const struct strv *list)
{
	if (list->n)
		set(o, key, json_from_strv(list));
}

/* KEY=VALUE lines as an object; the first '=' divides. */
static json_t *map_json(const struct strv *map)
{
	auto_strv struct strv sorted = STRV_INIT;
	json_t *o = json_object();

	strv_copy(&sorted, map);
	strv_sort(&sorted);
	for (size_t i = 0; i < sorted.n; i++) {
		struct span key, value;
		auto_free char *k = NULL, *v = NULL;
		auto_json json_t *name = NULL;

		span_cut(span_of_str(sorted.v[i]), '=', &key, &value);
		k = span_dup(key);
		v = span_dup(value);
		name = json_str(k); /* the same text, surely UTF-8 */
		set(o, json_string_value(name), json_str(v));
	}
	return o;
}

static json_t *mount_json(const struct deploy_mount *m)
{
	json_t *o = json_object();

	set(o, "Type", json_string(m->type == DEPLOY_MOUNT_BIND ? "bind" : "volume"));
	set(o, "Source", json_str(m->source));
	set(o, "Target", json_str(m->target));
	if (m->driver_options.n) {
		json_t *driver = json_object(), *volume = json_object();

		set(driver, "Options", map_json(&m->driver_options));
		set(volume, "DriverConfig", driver);
		set(o, "VolumeOptions", volume);
	}
	return o;
}

static json_t *container_json(const struct deploy_service *s)
{
	json_t *o = json_object();

	set(o, "Image", json_str(s->pinned_image ? s->pinned_image : s->image));
	set_list(o, "Args", &s->args);
	set_list(o, "Env", &s->env);
	set(o, "Init", json_false());
	if (s->nr_mounts) {
		json_t *mounts = json_array();

		for (size_t i = 0; i < s->nr_mounts; i++)
			append(mounts, mount_json(&s->mounts[i]));
		set(o, "Mounts", mounts);
	}
	set(o, "DNSConfig", json_object());
	return o;
}

static json_t *resources_json(const struct deploy_service *s)
{
	json_t *o = json_object(), *limits = json_object();

	if (s->nano_cpus)
		set(limits, "NanoCPUs", json_integer(s->nano_cpus));
	if (s->memory_bytes)
		set(limits, "MemoryBytes", json_integer(s->memory_bytes));
	set(o, "Limits", limits);
	set(o, "Reservations", json_object());
	return o;
}

/*
 * As docker's client writes it: 32-bit arm without its architecture, because nodes say
 * "armv7l" and would never match; nothing twice.
 */
static json_t *platforms_json(const struct deploy_service *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->nr_platforms; i++) {
		const struct oci_platform *p = &s->platforms[i];
		const char *arch = strcmp(p->arch, "arm") == 0 ? "" : p->arch;
		json_t *o = json_object();
		bool seen = strcmp(p->os, "unknown") == 0;

		if (*arch)
			set(o, "Architecture", json_str(arch));
		set(o, "OS", json_str(p->os));
		for (size_t j = 0; j < json_array_size(list) && !seen; j++)
			seen = json_equal(json_array_get(list, j), o);
		if (seen)
			json_decref(o);
		else
			append(list, o);
	}
	return list;
}

static json_t *placement_json(const struct deploy_service *s)
{
	json_t *o = json_object(), *platforms = platforms_json(s);

	set_list(o, "Constraints", &s->constraints);
	if (json_array_size(platforms))
		set(o, "Platforms", platforms);
	else
		json_decref(platforms);
	return o;
}

static json_t *task_json(const struct deploy_service *s)
{
	json_t *o = json_object();

	set(o, "ContainerSpec", container_json(s));
	set(o, "Resources", resources_json(s));
	set(o, "Placement", placement_json(s));
	set(o, "ForceUpdate", json_integer(0));
	if (s->networks.n) {
		json_t *networks = json_array();

		for (size_t i = 0; i < s->networks.n; i++) {
			json_t *n = json_object();

			set(n, "Target", json_str(s->networks.v[i]));
			append(networks, n);
		}
		set(o, "Networks", networks);
	}
	return o;
}

static json_t *mode_json(const struct deploy_service *s)
{
	json_t *o = json_object(), *mode = json_object();

	if (s->mode == DEPLOY_REPLICATED && s->has_replicas)
		set(mode, "Replicas", json_integer((json_int_t)s->replicas));
	set(o, s->mode == DEPLOY_GLOBAL ? "Global" : "Replicated", mode);
	return o;
}

static json_t *endpoint_json(const struct deploy_service *s)
{
	json_t *o = json_object(), *ports = json_array();

	set(o, "Mode", json_string("vip"));
	for (size_t i = 0; i < s->nr_ports; i++) {
		const struct deploy_port *p = &s->ports[i];
		json_t *port = json_object();

		set(port, "Protocol", json_str(p->protocol));
		set(port, "TargetPort", json_integer(p->target));
		if (p->published)
			set(port, "PublishedPort", json_integer(p->published));
		set(port, "PublishMode", json_string(p->host_mode ? "host" : "ingress"));
		append(ports, port);
	}
	if (s->nr_ports)
		set(o, "Ports", ports);
	else
		json_decref(ports);
	return o;
}

static json_t *hash_json(const json_t *spec)
{
	auto_buf struct buf text = BUF_INIT(SPEC_MAX);
	unsigned char raw[HASH_SHA256_LEN];
	char hex[HASH_SHA256_HEX + 1];

	json_write(&text, spec, true);
	hash_sha256(raw, buf_str(&text), text.len);
	hash_hex(hex, raw);
	return json_string(hex);
}

/*
 * One task after the other, and back on its own when one fails: should this program be killed in the
 * middle, the swarm still does not stop half way (its default is to pause there).
 */
static json_t *update_json(const struct deploy_service *s)
{
	json_t *o = json_object();

	set(o, "Parallelism", json_integer(1));
	set(o, "FailureAction", json_string(s->stays_failed ? "pause" : "rollback"));
	set(o, "Monitor", json_integer(UPDATE_MONITOR_NS));
	set(o, "Order", json_string("stop-first"));
	return o;
}

json_t *deploy_spec_json(const struct deploy_service *s, const struct deploy_owner *owner)
{
	json_t *o = json_object(), *labels = map_json(&s->labels);

	set(o, "Name", json_str(s->name));
	set(o, "Labels", labels);
	if (owner->project)
		set(labels, DEPLOY_LABEL_PROJECT, json_str(owner->project));
	set(o, "TaskTemplate", task_json(s));
	set(o, "Mode", mode_json(s));
	set(o, "UpdateConfig", update_json(s));
	set(o, "EndpointSpec", endpoint_json(s));
	set(labels, DEPLOY_LABEL_HASH, hash_json(o));
	return o;
}
