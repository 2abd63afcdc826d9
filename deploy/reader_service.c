/*
 * The keys of one service: a table, one small function per key, then what only
 * shows when all keys are read. orcinus handed its values to docker's command
 * line; the functions keep docker's meaning of them.
 */
#include <ctype.h>

#include "base/mem.h"
#include "deploy/ports.h"
#include "deploy/reader.h"
#include "deploy/spec_json.h"

#define CPU_MIN	   1000000     /* 0.001, in 1e-9 */
#define MEMORY_MIN (4ll << 20) /* the engine refuses less */

/* -- lists ------------------------------------------------------------------------ */

static int read_port(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
		     struct err *e)
{
	struct deploy_service *s = arg;
	auto_free char *text = NULL;

	if (reader_want(r, v, YAML_SCALAR, path, "write published=8080,target=80,mode=host", e) <
		    0 ||
	    reader_text(&text, r, v, path, e) < 0)
		return -1;
	return deploy_ports_add(s, span_of_str(text), e) < 0 ? reader_wrap(r, v, path, e) : 0;
}

static int read_ports(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
		      struct err *e)
{
	return reader_each(r, arg, v, path, "write - 8080:80", read_port, e);
}

/* As docker has it: of two variables of one name the last counts, in the last one's place. */
static void drop_earlier(struct reader *r, struct deploy_service *s, const char *name,
			 const struct yaml_value *v, const char *path)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < s->env.n; i++) {
		const char *have = s->env.v[i];

		if (strncmp(have, name, n) != 0 || (have[n] && have[n] != '='))
			continue;
		if (i < r->nr_from_files)
			r->nr_from_files--;
		else
			reader_warn(r, v, path, "'%s' is written again; this one, the last, counts",
				    name);
		strv_remove(&s->env, i);
		return;
	}
}

/* - MSG=a: b is a map to YAML. */
static const char *variable_hint(const struct yaml_value *v)
{
	if (v->kind == YAML_MAP && v->nr && strchr(v->pairs[0].key->text, '='))
		return "a value with ': ' in it needs quotes around the whole";
	return "write - KEY=value";
}

static int read_variable(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
			 struct err *e)
{
	struct deploy_service *s = arg;
	auto_free char *text = NULL, *name = NULL;
	struct span key, value;
	const char *ours;
	bool has_value;

	if (reader_want(r, v, YAML_SCALAR, path, variable_hint(v), e) < 0 ||
	    reader_text(&text, r, v, path, e) < 0)
		return -1;
	has_value = span_cut(span_of_str(text), '=', &key, &value);
	name = span_dup(key);
	if (!key.n)
		return reader_fail(r, v, path, e, "has no name; write - KEY=value");
	for (size_t i = 0; i < key.n; i++)
		if (isspace((unsigned char)key.p[i]))
			return reader_fail(r, v, path, e, "has a blank in its name");
	drop_earlier(r, s, name, v, path);
	ours = has_value || !r->in->env ? NULL : strv_env_get(r->in->env, name);
	if (!has_value && !ours)
		reader_warn(r, v, path,
			    "'%s' has no value, here neither: the container has no such variable",
			    name);
	if (ours)
		strv_addf(&s->env, "%s=%s", name, ours);
	else
		strv_add(&s->env, text);
	return 0;
}

static int read_environment(struct reader *r, void *arg, const struct yaml_value *v,
			    const char *path, struct err *e)
{
	return reader_each(r, arg, v, path, "write - KEY=value", read_variable, e);
}

static int read_words(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
		      struct err *e)
{
	return reader_words(&((struct deploy_service *)arg)->args, r, v, path, e);
}

static int read_commands(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
			 struct err *e)
{
	return reader_each(r, arg, v, path, "write [\"command\", \"argument\"]", read_words, e);
}

static int read_constraint(struct reader *r, void *arg, const struct yaml_value *v,
			   const char *path, struct err *e)
{
	struct deploy_service *s = arg;
	auto_free char *text = NULL;

	if (reader_text(&text, r, v, path, e) < 0)
		return -1;
	if (!strstr(text, "==") && !strstr(text, "!="))
		return reader_fail(r, v, path, e, "must be 'name==value' or 'name!=value'");
	if (!strv_has(&s->constraints, text))
		strv_add(&s->constraints, text);
	return 0;
}

int reader_constraints(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
		       struct err *e)
{
	if (v->kind == YAML_SCALAR)
		return read_constraint(r, arg, v, path, e);
	return reader_each(r, arg, v, path, "write - node.role==worker", read_constraint, e);
}

/* An existing network may have dots in its name; the engine would not make one. */
static bool is_network(const char *text)
{
	size_t n = strlen(text);

	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)text[i]) && (i == 0 || !strchr("._-", text[i])))
			return false;
	return n > 0 && n <= 128;
}

static int read_network(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
			struct err *e)
{
	struct deploy_service *s = arg;
	auto_free char *text = NULL;

	if (reader_text(&text, r, v, path, e) < 0)
		return -1;
	if (!is_network(text))
		return reader_fail(r, v, path, e, "'%s' cannot be a network's name", text);
	if (!strv_has(&s->networks, text))
		strv_add(&s->networks, text);
	return 0;
}

static int read_networks(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
			 struct err *e)
{
	return reader_each(r, arg, v, path, "write - network", read_network, e);
}

static bool is_listed_before(const struct yaml_value *list, const struct yaml_value *v)
{
	for (size_t i = 0; list && i < list->nr && list->items[i] != v; i++)
		if (list->items[i]->kind == YAML_SCALAR && !strcmp(list->items[i]->text, v->text))
			return true;
	return false;
}

static int read_volume(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
		       struct err *e)
{
	struct deploy_service *s = arg;
	auto_free char *name = NULL;

	if (reader_text(&name, r, v, path, e) < 0)
		return -1;
	if (is_listed_before(yaml_map_get(r->keys, "volumes"), v))
		return reader_fail(r, v, path, e, "this volume is listed twice");
	return reader_mount(s, r, name, v, path, e);
}

static int read_volumes(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
			struct err *e)
{
	return reader_each(r, arg, v, path, "list names of the top-level 'volumes'", read_volume,
			   e);
}

/* -- single values ---------------------------------------------------------------- */

static int read_image(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
		      struct err *e)
{
	return reader_image(&((struct deploy_service *)arg)->image, r, v, path, e);
}

static int read_label(struct reader *r, struct deploy_service *s, const struct yaml_pair *p,
		      const char *path, struct err *e)
{
	auto_free char *key = NULL, *value = NULL;

	if (reader_expand(&key, r, p->key, p->key->text, path, e) < 0)
		return -1;
	if (!*key || strchr(key, '='))
		return reader_fail(r, p->key, path, e,
				   "a label's name is not empty and has no '='");
	if (span_starts(span_of_str(key), DEPLOY_LABEL_PREFIX))
		return reader_fail(r, p->key, path, e,
				   "labels that begin with " DEPLOY_LABEL_PREFIX
				   " are cdeploy's own");
	if (!yaml_is_null(p->value) && reader_text(&value, r, p->value, path, e) < 0)
		return -1;
	strv_env_set(&s->labels, key, value ? value : "");
	return 0;
}

int reader_labels(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
		  struct err *e)
{
	if (reader_want(r, v, YAML_MAP, path, "write key: value", e) < 0)
		return -1;
	for (size_t i = 0; i < v->nr; i++) {
		auto_free char *at = reader_path(path, v->pairs[i].key->text);

		if (read_label(r, arg, &v->pairs[i], at, e) < 0)
			return -1;
	}
	return 0;
}

static int read_auth(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
		     struct err *e)
{
	struct deploy_service *s = arg;

	if (reader_want(r, v, YAML_SCALAR, path, "credentials come from the registry's own files",
			e) < 0)
		return -1;
	return reader_bool(&s->with_auth, r, v, path, e);
}

int reader_cpu(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
	       struct err *e)
{
	int64_t nano;

	if (reader_nano(&nano, r, v, path, "a number of CPUs such as 2 or 0.5", e) < 0)
		return -1;
	if (nano && nano < CPU_MIN)
		return reader_fail(r, v, path, e, "less than the engine's minimum of 0.001");
	((struct deploy_service *)arg)->nano_cpus = nano;
	return 0;
}

int reader_memory(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
		  struct err *e)
{
	int64_t bytes;

	if (reader_bytes(&bytes, r, v, path, e) < 0)
		return -1;
	if (bytes && bytes < MEMORY_MIN)
		return reader_fail(
			r, v, path, e,
			"%lld bytes are less than the engine's minimum of 4 MiB; a number "
			"without a unit counts bytes",
			(long long)bytes);
	((struct deploy_service *)arg)->memory_bytes = bytes;
	return 0;
}

/* -- the service ------------------------------------------------------------------ */

#define FIELD(kind, name, field) READER_FIELD(kind, name, struct deploy_service, field)

/* Read before all others, see reader_service. */
static int note_env_file(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
			 struct err *e)
{
	(void)r, (void)arg, (void)v, (void)path, (void)e;
	return 0;
}

/* docs/ORCINUS.md is this table in words. */
static const struct reader_key service_keys[] = {
	{ .name = "image", .read = read_image, .null_too = true },
	{ .name = "ports", .read = read_ports },
	{ .name = "environment", .read = read_environment },
	{ .name = "commands", .read = read_commands },
	{ .name = "replicas", .read = reader_replicas },
	{ .name = "cpu", .read = reader_cpu },
	{ .name = "memory", .read = reader_memory },
	{ .name = "networks", .read = read_networks },
	{ .name = "constraint", .read = reader_constraints },
	{ .name = "constraints", .read = reader_constraints },
	{ .name = "labels", .read = reader_labels },
	{ .name = "mode", .read = reader_mode },
	{ .name = "volumes", .read = read_volumes },
	{ .name = "auth", .read = read_auth },
	{ .name = "restart_policy", .read = reader_restart_policy },
	{ .name = "restartPolicy",
	  .read = reader_api_restart_policy,
	  .by = { "restart_policy" },
	  .is_api = true },
	{ .name = "deploy", .read = reader_deploy },
	{ .name = "sysctls",
	  .kind = READER_MAP,
	  .offset = offsetof(struct deploy_service, sysctls) },
	{ .name = "user", .kind = READER_TEXT, .offset = offsetof(struct deploy_service, user) },
	{ .name = "hosts", .read = reader_hosts, .is_api = true },
	{ .name = "dns", .read = reader_dns, .is_api = true },
	{ .name = "endpoint", .read = reader_endpoint, .is_api = true },

	READER_BELOW("command", reader_command, "commands"),
	READER_NEW("entrypoint", reader_entrypoint),
	READER_NEW("env_file", note_env_file),
	READER_NEW("healthcheck", reader_healthcheck),
	READER_BELOW("restart", reader_restart, "restart_policy", "restartPolicy",
		     "deploy.restart_policy"),
	READER_NEW("depends_on", reader_depends_on),
	READER_NEW("logging", reader_logging),
	READER_NEW("extra_hosts", reader_hosts),
	FIELD(READER_LIST, "dns_search", dns_search),
	FIELD(READER_LIST, "dns_opt", dns_options),
	FIELD(READER_TEXT, "working_dir", dir),
	FIELD(READER_TEXT, "hostname", hostname),
	FIELD(READER_LIST, "group_add", groups),
	FIELD(READER_BOOL, "tty", tty),
	FIELD(READER_BOOL, "stdin_open", open_stdin),
	FIELD(READER_BOOL, "read_only", read_only),
	READER_NEW("init", reader_init),
	FIELD(READER_TEXT, "stop_signal", stop_signal),
	READER_NEW("stop_grace_period", reader_stop_grace),
	FIELD(READER_LIST, "cap_add", cap_add),
	FIELD(READER_LIST, "cap_drop", cap_drop),
	READER_NEW("ulimits", reader_ulimits),
	READER_NEW("tmpfs", reader_tmpfs),

	READER_IGNORE("secrets", "only a compose file says where they come from"),
	READER_IGNORE("configs", "only a compose file says where they come from"),
	READER_IGNORE("network", "write networks: [NAME]"),
	READER_IGNORE("network_mode", "a swarm's services are reached by 'ports' and 'networks'"),
	READER_IGNORE("build", "cbuild builds the image"),
	READER_IGNORE("container_name", "the swarm names containers"),
	READER_IGNORE("expose", "within a network all ports are open"),
	READER_IGNORE("links", "within a network services find each other by name"),
	READER_IGNORE("external_links", "within a network services find each other by name"),
	READER_IGNORE("privileged", "a swarm runs no privileged containers"),
	READER_IGNORE("devices", "a swarm hands out no devices"),
	READER_IGNORE("security_opt", "a swarm knows no such options"),
	READER_IGNORE("pid", "a swarm's containers have a process table of their own"),
	READER_IGNORE("ipc", "a swarm's containers have memory of their own"),
	READER_IGNORE("shm_size", "a swarm cannot set it"),
	READER_IGNORE("mem_limit", "write memory: 512m"),
	READER_IGNORE("cpus", "write cpu: 0.5"),
	READER_IGNORE("scale", "write replicas: 2"),
	READER_IGNORE("pull_policy", "every deploy looks up what the tag is now"),
	READER_IGNORE("platform", "the image says it"),
	READER_IGNORE("profiles", "the service is always deployed"),
};

/* Whatever `environment` says as well counts more, wherever in the file it stands. */
static int read_environment_files(struct deploy_service *s, struct reader *r, const char *path,
				  struct err *e)
{
	const struct yaml_value *v = yaml_map_get(r->keys, "env_file");
	auto_free char *at = reader_path(path, "env_file");

	return yaml_is_null(v) ? 0 : reader_env_file(r, s, v, at, e);
}

static int check_whole(const struct deploy_service *s, const struct reader *r,
		       const struct yaml_pair *entry, const char *path, struct err *e)
{
	const struct yaml_value *replicas = yaml_map_get(entry->value, "replicas");

	if (!replicas)
		replicas = yaml_map_get(r->deploy, "replicas");

	if (!s->image)
		return reader_fail(r, entry->key, path, e, "has no image");
	if ((s->mode == DEPLOY_GLOBAL || s->mode == DEPLOY_GLOBAL_JOB) && s->has_replicas)
		return reader_fail(r, replicas, path, e,
				   "replicas and mode %s exclude each other; such a service runs "
				   "once on every node",
				   deploy_mode_name(s->mode));
	return 0;
}

/* The engine refuses it, but only when other services have been changed already. */
static int check_job(const struct deploy_service *s, const struct reader *r,
		     const struct yaml_value *at, const char *path, struct err *e)
{
	const struct deploy_update *u = &s->update, *back = &s->rollback;

	if (!deploy_mode_is_job(s->mode))
		return 0;
	if (u->delay_ns || u->order || u->failure_action || u->has_parallelism || back->delay_ns ||
	    back->order || back->failure_action || back->has_parallelism)
		return reader_fail(r, at, path, e,
				   "a job is not updated but run anew, so 'deploy' cannot say how");
	return 0;
}

int reader_service(struct deploy_service *out, struct reader *r, const struct yaml_pair *entry,
		   struct err *e)
{
	const char *name = entry->key->text;
	auto_free char *path = reader_path("services", name);

	if (!reader_is_name(name))
		return reader_fail(
			r, entry->key, path, e,
			"cannot be a service's name: letters, digits, '-' and '_', a letter "
			"or digit at both ends, at most 63%s",
			strchr(name, '$') ? "; variables are not filled in here" : "");
	if (reader_want(r, entry->value, YAML_MAP, path, "write image: NAME below it", e) < 0)
		return -1;
	out->name = mem_strdup(name);
	out->line = entry->key->line;
	out->replicas = 1;
	r->service = name;
	r->keys = entry->value;
	r->deploy = yaml_map_get(entry->value, "deploy");
	if (read_environment_files(out, r, path, e) < 0)
		return -1;
	r->nr_from_files = out->env.n;
	if (reader_keys(r, out, entry->value, path, service_keys, ARRAY_LEN(service_keys), e) < 0)
		return -1;
	r->service = NULL;
	if (check_whole(out, r, entry, path, e) < 0)
		return -1;
	return check_job(out, r, r->deploy ? r->deploy : entry->key, path, e);
}
