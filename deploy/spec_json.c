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
#include "deploy/spec_part.h"

#define SPEC_MAX	  (64u << 20) /* a file of 1 MiB with variables cannot come near */
#define UPDATE_MONITOR_NS INT64_C(5000000000)

/* "gpu=2" is a number of things of a kind, "gpu=card1" one thing by its name. */
static json_t *generic_json(const struct strv *list)
{
	json_t *all = json_array();

	for (size_t i = 0; i < list->n; i++) {
		json_t *o = json_object(), *what = json_object();
		auto_free char *kind = NULL;
		struct span key, value;
		int64_t n;

		span_cut(span_of_str(list->v[i]), '=', &key, &value);
		kind = span_dup(key);
		spec_set(what, "Kind", json_str(kind));
		if (span_to_i64(&n, value) == 0) {
			spec_set(what, "Value", json_integer(n));
			spec_set(o, "DiscreteResourceSpec", what);
		} else {
			spec_set(what, "Value", json_str(value.p));
			spec_set(o, "NamedResourceSpec", what);
		}
		spec_append(all, o);
	}
	return all;
}

static json_t *resources_json(const struct deploy_service *s)
{
	json_t *o = json_object(), *limits = json_object(), *reserved = json_object();

	spec_set_number(limits, "NanoCPUs", s->nano_cpus);
	spec_set_number(limits, "MemoryBytes", s->memory_bytes);
	spec_set_number(limits, "Pids", s->pids);
	spec_set_number(reserved, "NanoCPUs", s->reserved_nano_cpus);
	spec_set_number(reserved, "MemoryBytes", s->reserved_memory_bytes);
	if (s->reserved_generic.n)
		spec_set(reserved, "GenericResources", generic_json(&s->reserved_generic));
	spec_set(o, "Limits", limits);
	spec_set(o, "Reservations", reserved);
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
			spec_set(o, "Architecture", json_str(arch));
		spec_set(o, "OS", json_str(p->os));
		for (size_t j = 0; j < json_array_size(list) && !seen; j++)
			seen = json_equal(json_array_get(list, j), o);
		if (seen)
			json_decref(o);
		else
			spec_append(list, o);
	}
	return list;
}

static json_t *spread_json(const struct strv *spread)
{
	json_t *list = json_array();

	for (size_t i = 0; i < spread->n; i++) {
		json_t *o = json_object(), *by = json_object();

		spec_set(by, "SpreadDescriptor", json_str(spread->v[i]));
		spec_set(o, "Spread", by);
		spec_append(list, o);
	}
	return list;
}

static json_t *placement_json(const struct deploy_service *s)
{
	json_t *o = json_object(), *platforms = platforms_json(s);

	spec_set_list(o, "Constraints", &s->constraints);
	if (s->spread.n)
		spec_set(o, "Preferences", spread_json(&s->spread));
	spec_set_number(o, "MaxReplicas", (int64_t)s->max_replicas_per_node);
	if (json_array_size(platforms))
		spec_set(o, "Platforms", platforms);
	else
		json_decref(platforms);
	return o;
}

static json_t *network_json(const struct deploy_service *s, const char *name)
{
	json_t *o = json_object();
	auto_strv struct strv aliases = STRV_INIT;

	for (size_t i = 0; i < s->aliases.n; i++) {
		struct span network, alias;

		span_cut(span_of_str(s->aliases.v[i]), '=', &network, &alias);
		if (span_eq_str(network, name))
			strv_add_span(&aliases, alias);
	}
	spec_set(o, "Target", json_str(name));
	spec_set_list(o, "Aliases", &aliases);
	return o;
}

static void add_networks(json_t *o, const struct deploy_service *s)
{
	json_t *networks;

	if (!s->networks.n)
		return;
	networks = json_array();
	for (size_t i = 0; i < s->networks.n; i++)
		spec_append(networks, network_json(s, s->networks.v[i]));
	spec_set(o, "Networks", networks);
}

/* A delay of 0 is a wish; none is the engine's 5 s. */
static void add_restart(json_t *o, const struct deploy_restart *r)
{
	json_t *restart = json_object();

	spec_set_text(restart, "Condition", r->condition);
	if (r->has_delay)
		spec_set(restart, "Delay", json_integer(r->delay_ns));
	if (r->has_max_attempts)
		spec_set(restart, "MaxAttempts", json_integer((json_int_t)r->max_attempts));
	if (r->has_window)
		spec_set(restart, "Window", json_integer(r->window_ns));
	if (json_object_size(restart))
		spec_set(o, "RestartPolicy", restart);
	else
		json_decref(restart);
}

static void add_log_driver(json_t *o, const struct deploy_service *s)
{
	json_t *log;

	if (!s->log_driver && !s->log_options.n)
		return;
	log = json_object();
	spec_set_text(log, "Name", s->log_driver);
	spec_set_map(log, "Options", &s->log_options);
	spec_set(o, "LogDriver", log);
}

static json_t *task_json(const struct deploy_service *s)
{
	json_t *o = json_object();

	spec_set(o, "ContainerSpec", spec_container(s));
	spec_set(o, "Resources", resources_json(s));
	add_restart(o, &s->restart);
	spec_set(o, "Placement", placement_json(s));
	spec_set(o, "ForceUpdate", json_integer(0));
	add_networks(o, s);
	add_log_driver(o, s);
	return o;
}

static json_t *mode_json(const struct deploy_service *s)
{
	static const char *const names[] = {
		[DEPLOY_REPLICATED] = "Replicated",
		[DEPLOY_GLOBAL] = "Global",
		[DEPLOY_REPLICATED_JOB] = "ReplicatedJob",
		[DEPLOY_GLOBAL_JOB] = "GlobalJob",
	};
	json_t *o = json_object(), *mode = json_object();
	uint64_t at_once = s->max_concurrent ? s->max_concurrent : s->replicas;

	if (s->mode == DEPLOY_REPLICATED && s->has_replicas)
		spec_set(mode, "Replicas", json_integer((json_int_t)s->replicas));
	if (s->mode == DEPLOY_REPLICATED_JOB) {
		spec_set(mode, "MaxConcurrent", json_integer((json_int_t)at_once));
		spec_set(mode, "TotalCompletions", json_integer((json_int_t)s->replicas));
	}
	spec_set(o, names[s->mode], mode);
	return o;
}

static json_t *endpoint_json(const struct deploy_service *s)
{
	json_t *o = json_object(), *ports = json_array();

	spec_set(o, "Mode", json_string(s->dns_rr ? "dnsrr" : "vip"));
	for (size_t i = 0; i < s->nr_ports; i++) {
		const struct deploy_port *p = &s->ports[i];
		json_t *port = json_object();

		spec_set(port, "Protocol", json_str(p->protocol));
		spec_set(port, "TargetPort", json_integer(p->target));
		spec_set_number(port, "PublishedPort", p->published);
		spec_set(port, "PublishMode", json_string(p->host_mode ? "host" : "ingress"));
		spec_append(ports, port);
	}
	if (s->nr_ports)
		spec_set(o, "Ports", ports);
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
 * Whether the new task may run beside the old one for a while. Not where they would fight for a port
 * of the node or write into one volume, or the node may have no second one; a global service is mostly something
 * of which a node bears just one.
 */
static bool may_overlap(const struct deploy_service *s)
{
	if (s->mode != DEPLOY_REPLICATED || s->max_replicas_per_node ||
	    strv_has(&s->networks, "host"))
		return false;
	for (size_t i = 0; i < s->nr_ports; i++)
		if (s->ports[i].host_mode)
			return false;
	for (size_t i = 0; i < s->nr_mounts; i++)
		if (s->mounts[i].type != DEPLOY_MOUNT_TMPFS && !s->mounts[i].read_only)
			return false;
	return true;
}

static uint64_t at_once(const struct deploy_update *u, uint64_t dflt)
{
	return u->has_parallelism ? u->parallelism : dflt;
}

static json_t *update_json(const struct deploy_update *u, uint64_t parallelism,
			   const char *on_failure, const char *order)
{
	json_t *o = json_object();

	spec_set(o, "Parallelism", json_integer((json_int_t)parallelism));
	spec_set_number(o, "Delay", u->delay_ns);
	spec_set(o, "FailureAction", json_string(on_failure));
	spec_set(o, "Monitor", json_integer(u->monitor_ns ? u->monitor_ns : UPDATE_MONITOR_NS));
	if (u->max_failure_ratio > 0)
		spec_set(o, "MaxFailureRatio", json_real(u->max_failure_ratio));
	spec_set(o, "Order", json_string(u->order ? u->order : order));
	return o;
}

static bool is_said(const struct deploy_update *u)
{
	return u->has_parallelism || u->delay_ns || u->monitor_ns || u->failure_action ||
	       u->max_failure_ratio > 0 || u->order;
}

static bool is_server(const struct deploy_service *s)
{
	const struct strv *test = &s->health.test;

	return s->nr_ports || (test->n && strcmp(test->v[0], "NONE") != 0);
}

/*
 * What ends with 0 and is not started again has done its work (a migration), but the engine, as long as it watches,
 * takes any end for a failure: it would undo what went well. So it is told to go on, and the watch over the rollout,
 * which knows better, takes back what fails. Not for several tasks, of which the engine would go on to the last one,
 * and not for servers, which are to be brought back also when that watch is killed.
 */
static bool may_be_done(const struct deploy_service *s)
{
	const char *when = s->restart.condition;

	return s->mode == DEPLOY_REPLICATED && s->replicas <= 1 && when &&
	       strcmp(when, "any") != 0 && !is_server(s);
}

static const char *on_failure(const struct deploy_update *u, const struct deploy_service *s,
			      const char *dflt)
{
	if (u->failure_action)
		return u->failure_action;
	return may_be_done(s) ? "continue" : dflt;
}

/*
 * One task after the other, and back on its own when one fails: should this program be killed in the
 * middle, the swarm still does not stop half way (its default is to pause there). The new task comes
 * before the old one goes where that is possible. The way back is as the way forth, in what the file does not
 * say of it: who replaces ten tasks at a time does not wait for one after the other then. A job knows no
 * update: it is run anew.
 */
static void add_update(json_t *o, const struct deploy_service *s)
{
	const char *forth = on_failure(&s->update, s, "rollback");
	const char *back = on_failure(&s->rollback, s, "pause");
	const char *order = may_overlap(s) ? "start-first" : "stop-first";
	const char *chosen = s->update.order ? s->update.order : order;
	uint64_t many = at_once(&s->update, 1);

	if (deploy_mode_is_job(s->mode))
		return;
	if (s->stays_failed && strcmp(forth, "rollback") == 0)
		forth = "pause";
	spec_set(o, "UpdateConfig", update_json(&s->update, many, forth, order));
	/* the engine's own way back stops first, one after the other */
	if (is_said(&s->rollback) || strcmp(chosen, "start-first") == 0 || many != 1 ||
	    may_be_done(s))
		spec_set(o, "RollbackConfig",
			 update_json(&s->rollback, at_once(&s->rollback, many), back, chosen));
}

static bool is_action(const json_t *config, const char *name)
{
	const char *action = json_string_value(json_object_get(config, "FailureAction"));

	return action && strcmp(action, name) == 0;
}

json_t *deploy_spec_taken_back(const json_t *spec, const struct deploy_service *s)
{
	const json_t *task = json_object_get(spec, "TaskTemplate");
	const json_t *restart = json_object_get(task, "RestartPolicy");
	const char *when = json_string_value(json_object_get(restart, "Condition"));
	json_t *o, *back;

	if (s->update.failure_action || !when || strcmp(when, "any") == 0 ||
	    !is_action(json_object_get(spec, "UpdateConfig"), "continue"))
		return NULL;
	o = json_deep_copy(spec);
	spec_set(json_object_get(o, "UpdateConfig"), "FailureAction",
		 json_string(s->stays_failed ? "pause" : "rollback"));
	back = json_object_get(o, "RollbackConfig");
	if (!s->rollback.failure_action && is_action(back, "continue"))
		spec_set(back, "FailureAction", json_string("pause"));
	return o;
}

static json_t *spec_as_read(const struct deploy_service *s)
{
	json_t *o = json_object();

	spec_set(o, "Name", json_str(s->name));
	spec_set(o, "Labels", spec_map(&s->labels));
	spec_set(o, "TaskTemplate", task_json(s));
	spec_set(o, "Mode", mode_json(s));
	add_update(o, s);
	spec_set(o, "EndpointSpec", endpoint_json(s));
	return o;
}

static json_t *spec_as_recorded(const struct deploy_service *s)
{
	json_t *o = json_deep_copy(s->recorded), *update = json_object_get(o, "UpdateConfig");

	if (s->stays_failed && is_action(update, "rollback"))
		spec_set(update, "FailureAction", json_string("pause"));
	return o;
}

json_t *deploy_spec_json(const struct deploy_service *s, const struct deploy_owner *owner)
{
	json_t *o = s->recorded ? spec_as_recorded(s) : spec_as_read(s);
	json_t *labels = json_object_get(o, "Labels");

	deploy_owner_label(labels, owner);
	spec_set(labels, DEPLOY_LABEL_HASH, hash_json(o));
	deploy_owner_label_deploy(labels, owner);
	return o;
}
