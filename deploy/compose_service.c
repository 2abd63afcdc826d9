/*
 * The keys of a service. What a swarm has no use for is told, as `docker stack deploy` tells it;
 * what would change the containers' meaning when it is left out is an error.
 */
#include <ctype.h>

#include "base/mem.h"
#include "deploy/compose_part.h"
#include "deploy/ports.h"

/* -- texts ------------------------------------------------------------------------------- */

static int read_image(struct compose *c, void *arg, const struct yaml_value *v, const char *path,
		      struct err *e)
{
	struct deploy_service *s = arg;
	char *image;

	if (reader_image(&image, &c->r, v, path, e) < 0)
		return -1;
	free(s->image);
	s->image = image;
	return 0;
}

static int read_command(struct compose *c, void *arg, const struct yaml_value *v, const char *path,
			struct err *e)
{
	return compose_words(&((struct deploy_service *)arg)->args, c, v, path, e);
}

static int read_entrypoint(struct compose *c, void *arg, const struct yaml_value *v,
			   const char *path, struct err *e)
{
	return compose_words(&((struct deploy_service *)arg)->command, c, v, path, e);
}

static int read_init(struct compose *c, void *arg, const struct yaml_value *v, const char *path,
		     struct err *e)
{
	bool yes;

	if (reader_bool(&yes, &c->r, v, path, e) < 0)
		return -1;
	((struct deploy_service *)arg)->init = yes ? DEPLOY_INIT_YES : DEPLOY_INIT_NO;
	return 0;
}

static int read_grace(struct compose *c, void *arg, const struct yaml_value *v, const char *path,
		      struct err *e)
{
	struct deploy_service *s = arg;

	s->has_stop_grace = true;
	return reader_length(&s->stop_grace_ns, &c->r, v, path, e);
}

/* deploy.restart_policy counts more. */
static int read_restart(struct compose *c, void *arg, const struct yaml_value *v, const char *path,
			struct err *e)
{
	struct deploy_service *s = arg;
	struct deploy_restart restart;

	if (reader_restart_word(&restart, &c->r, v, path, e) < 0)
		return -1;
	if (!compose_meta(c, s)->has_policy)
		s->restart = restart;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct deploy_ulimit *)a)->name,
		      ((const struct deploy_ulimit *)b)->name);
}

static int read_ulimits(struct compose *c, void *arg, const struct yaml_value *v, const char *path,
			struct err *e)
{
	struct deploy_service *s = arg;

	if (reader_ulimits(&c->r, s, v, path, e) < 0)
		return -1;
	if (s->nr_ulimits) /* a map has no order, and the engine compares them in one */
		qsort(s->ulimits, s->nr_ulimits, sizeof(*s->ulimits), by_name);
	return 0;
}

/* -- what runs before ---------------------------------------------------------------------- */

struct dependency {
	const char *condition;
	bool required;
};

static int read_condition(struct compose *c, void *arg, const struct yaml_value *v,
			  const char *path, struct err *e)
{
	static const char *const words[] = { "service_started", "service_healthy",
					     "service_completed_successfully", NULL };

	return reader_choice(&((struct dependency *)arg)->condition, &c->r, v, path, words, e);
}

static int depend_on(struct compose *c, struct deploy_service *s, const char *key,
		     const struct yaml_value *at, const char *path, struct err *e)
{
	auto_free char *name = compose_scoped(c, key);

	for (size_t i = 0; i < c->nr_services; i++) {
		if (strcmp(c->services[i].key, key) != 0)
			continue;
		if (!strv_has(&s->depends_on, name))
			strv_add(&s->depends_on, name);
		return 0;
	}
	return reader_fail(&c->r, at, path, e, "no service '%s' in the file", key);
}

static int read_depends_on(struct compose *c, void *arg, const struct yaml_value *v,
			   const char *path, struct err *e)
{
	static const struct compose_key keys[] = {
		KEY_READ("condition", read_condition),
		KEY_BOOL("required", struct dependency, required),
		KEY_IGNORED("restart", "a swarm restarts no service for another"),
	};

	for (size_t i = 0; v->kind == YAML_MAP && i < v->nr; i++) {
		const struct yaml_pair *p = &v->pairs[i];
		auto_free char *at = reader_path(path, p->key->text);
		struct dependency d = { .required = true };

		if (!yaml_is_null(p->value) &&
		    compose_keys(c, &d, p->value, at, keys, ARRAY_LEN(keys), e) < 0)
			return -1;
		if (depend_on(c, arg, p->key->text, p->key, at, e) < 0)
			return -1;
	}
	if (v->kind == YAML_MAP)
		return 0;
	if (reader_want(&c->r, v, YAML_LIST, path, "write - NAME", e) < 0)
		return -1;
	for (size_t i = 0; i < v->nr; i++) {
		auto_free char *at = reader_item_path(path, i), *key = NULL;

		if (compose_text(&key, c, v->items[i], at, e) < 0 ||
		    depend_on(c, arg, key, v->items[i], at, e) < 0)
			return -1;
	}
	return 0;
}

/* -- lists with a grammar of their own --------------------------------------------------------- */

/* "host:ip" or "host=ip", or a map; the engine wants "ip host". */
static int add_host(struct compose *c, struct deploy_service *s, const char *host, const char *ip,
		    const struct yaml_value *at, const char *path, struct err *e)
{
	struct span address = span_of_str(ip);

	if (span_take(&address, "[") && address.n && address.p[address.n - 1] == ']')
		address.n--;
	if (!*host || !address.n || strpbrk(host, " \t") || span_find(address, ' ') >= 0)
		return reader_fail(&c->r, at, path, e, "must be HOST:ADDRESS");
	if (strncmp(ip, "host-gateway", 12) == 0)
		return reader_fail(&c->r, at, path, e, "a swarm has no host-gateway");
	strv_addf(&s->hosts, SPAN_FMT " %s", SPAN_ARG(address), host);
	return 0;
}

static int read_extra_hosts(struct compose *c, void *arg, const struct yaml_value *v,
			    const char *path, struct err *e)
{
	for (size_t i = 0; v->kind == YAML_MAP && i < v->nr; i++) {
		auto_free char *at = reader_path(path, v->pairs[i].key->text), *ip = NULL;

		if (compose_text(&ip, c, v->pairs[i].value, at, e) < 0 ||
		    add_host(c, arg, v->pairs[i].key->text, ip, v->pairs[i].value, at, e) < 0)
			return -1;
	}
	if (v->kind == YAML_MAP)
		return 0;
	if (reader_want(&c->r, v, YAML_LIST, path, "write - HOST:ADDRESS", e) < 0)
		return -1;
	for (size_t i = 0; i < v->nr; i++) {
		auto_free char *at = reader_item_path(path, i), *text = NULL;
		size_t n;

		if (compose_text(&text, c, v->items[i], at, e) < 0)
			return -1;
		n = strcspn(text, "=:");
		if (!text[n])
			return reader_fail(&c->r, v->items[i], at, e, "must be HOST:ADDRESS");
		text[n] = '\0';
		if (add_host(c, arg, text, text + n + 1, v->items[i], at, e) < 0)
			return -1;
	}
	return 0;
}

/* As docker's client writes them: NET_ADMIN and cap_net_admin are CAP_NET_ADMIN. */
static int read_caps(struct strv *out, struct compose *c, const struct yaml_value *v,
		     const char *path, struct err *e)
{
	auto_strv struct strv said = STRV_INIT;

	if (compose_list(&said, c, v, path, e) < 0)
		return -1;
	for (size_t i = 0; i < said.n; i++) {
		auto_free char *upper = mem_strdup(said.v[i]), *full = NULL;

		for (char *p = upper; *p; p++)
			*p = (char)toupper((unsigned char)*p);
		full = strcmp(upper, "ALL") == 0 || strncmp(upper, "CAP_", 4) == 0
			       ? mem_strdup(upper)
			       : mem_printf("CAP_%s", upper);
		if (!strv_has(out, full))
			strv_add(out, full);
	}
	strv_sort(out);
	return 0;
}

static int read_cap_add(struct compose *c, void *arg, const struct yaml_value *v, const char *path,
			struct err *e)
{
	return read_caps(&((struct deploy_service *)arg)->cap_add, c, v, path, e);
}

static int read_cap_drop(struct compose *c, void *arg, const struct yaml_value *v, const char *path,
			 struct err *e)
{
	return read_caps(&((struct deploy_service *)arg)->cap_drop, c, v, path, e);
}

/* -- what is not carried over ---------------------------------------------------------------- */

static int note_build(struct compose *c, void *arg, const struct yaml_value *v, const char *path,
		      struct err *e)
{
	(void)e;
	compose_meta(c, arg)->has_build = true;
	reader_warn(&c->r, v, path, "ignored: cbuild builds, and 'image' says what runs");
	return 0;
}

static int read_privileged(struct compose *c, void *arg, const struct yaml_value *v,
			   const char *path, struct err *e)
{
	bool yes;

	(void)arg;
	if (reader_bool(&yes, &c->r, v, path, e) < 0)
		return -1;
	if (yes)
		reader_warn(&c->r, v, path, "ignored: a service of a swarm cannot be privileged");
	return 0;
}

static int done_before(struct compose *c, void *arg, const struct yaml_value *v, const char *path,
		       struct err *e)
{
	(void)c;
	(void)arg;
	(void)v;
	(void)path;
	(void)e;
	return 0;
}

#define NO_SWARM "a service of a swarm has none"
#define OLD_FORM "belongs under deploy.resources"

static const struct compose_key service_keys[] = {
	KEY_READ("image", read_image),
	KEY_READ("command", read_command),
	KEY_READ("entrypoint", read_entrypoint),
	KEY_READ("env_file", done_before),
	KEY_READ("environment", compose_service_environment),
	KEY_READ("ports", compose_service_ports),
	KEY_READ("volumes", compose_service_volumes),
	KEY_READ("tmpfs", compose_service_tmpfs),
	KEY_READ("networks", compose_service_networks),
	KEY_READ("secrets", compose_service_secrets),
	KEY_READ("configs", compose_service_configs),
	KEY_READ("healthcheck", compose_service_healthcheck),
	KEY_READ("deploy", compose_service_deploy),
	KEY_READ("depends_on", read_depends_on),
	KEY_READ("restart", read_restart),
	KEY_READ("logging", compose_service_logging),
	KEY_READ("ulimits", read_ulimits),
	KEY_READ("extra_hosts", read_extra_hosts),
	KEY_READ("cap_add", read_cap_add),
	KEY_READ("cap_drop", read_cap_drop),
	KEY_READ("init", read_init),
	KEY_READ("stop_grace_period", read_grace),
	KEY_TEXT("hostname", struct deploy_service, hostname),
	KEY_MAP("labels", struct deploy_service, container_labels),
	KEY_MAP("sysctls", struct deploy_service, sysctls),
	KEY_LIST("dns", struct deploy_service, dns),
	KEY_LIST("dns_search", struct deploy_service, dns_search),
	KEY_LIST("dns_opt", struct deploy_service, dns_options),
	KEY_LIST("group_add", struct deploy_service, groups),
	KEY_TEXT("user", struct deploy_service, user),
	KEY_TEXT("working_dir", struct deploy_service, dir),
	KEY_TEXT("stop_signal", struct deploy_service, stop_signal),
	KEY_BOOL("read_only", struct deploy_service, read_only),
	KEY_BOOL("tty", struct deploy_service, tty),
	KEY_BOOL("stdin_open", struct deploy_service, open_stdin),
	KEY_READ("build", note_build),
	KEY_READ("privileged", read_privileged),
	KEY_IGNORED("container_name",
		    "the swarm names containers; the service is found by its name"),
	KEY_IGNORED("expose", "every port can be reached on a network that is shared"),
	KEY_IGNORED("links", "services on one network find each other by name"),
	KEY_IGNORED("external_links", NO_SWARM),
	KEY_IGNORED("network_mode", "use networks; the node's own is the external network 'host'"),
	KEY_IGNORED("cgroup_parent", NO_SWARM),
	KEY_IGNORED("cgroup", NO_SWARM),
	KEY_IGNORED("devices", NO_SWARM),
	KEY_IGNORED("device_cgroup_rules", NO_SWARM),
	KEY_IGNORED("domainname", NO_SWARM),
	KEY_IGNORED("ipc", NO_SWARM),
	KEY_IGNORED("mac_address", NO_SWARM),
	KEY_IGNORED("pid", NO_SWARM),
	KEY_IGNORED("security_opt", NO_SWARM),
	KEY_IGNORED("shm_size", "use volumes: {type: tmpfs, target: /dev/shm, tmpfs: {size: …}}"),
	KEY_IGNORED("userns_mode", NO_SWARM),
	KEY_IGNORED("uts", NO_SWARM),
	KEY_IGNORED("isolation", "of Windows"),
	KEY_IGNORED("platform", "the swarm places tasks by the platforms of the image"),
	KEY_IGNORED("pull_policy", "every image is taken by its digest"),
	KEY_IGNORED("attach", NO_SWARM),
	KEY_IGNORED("develop", "of `docker compose watch`"),
	KEY_IGNORED("annotations", NO_SWARM),
	KEY_IGNORED("oom_score_adj", NO_SWARM),
	KEY_IGNORED("oom_kill_disable", NO_SWARM),
	KEY_REFUSED("extends", "not supported; use an anchor, or several -f"),
	KEY_REFUSED("profiles", "not supported; keep such services in a file of their own"),
	KEY_REFUSED("scale", "write deploy: {replicas: N}"),
	KEY_REFUSED("credential_spec", "of Windows"),
	KEY_REFUSED("runtime", "a service of a swarm runs with the node's own"),
	KEY_REFUSED("volume_driver", "give each volume its driver in the top-level volumes"),
	KEY_REFUSED("volumes_from", "share a named volume"),
	KEY_REFUSED("cpu_quota", OLD_FORM),
	KEY_REFUSED("cpu_period", OLD_FORM),
	KEY_REFUSED("cpu_shares", OLD_FORM),
	KEY_REFUSED("cpu_count", OLD_FORM),
	KEY_REFUSED("cpu_percent", OLD_FORM),
	KEY_REFUSED("cpus", "write deploy: {resources: {limits: {cpus: …}}}"),
	KEY_REFUSED("cpuset", NO_SWARM),
	KEY_REFUSED("mem_limit", "write deploy: {resources: {limits: {memory: …}}}"),
	KEY_REFUSED("mem_reservation", "write deploy: {resources: {reservations: {memory: …}}}"),
	KEY_REFUSED("memswap_limit", OLD_FORM),
	KEY_REFUSED("mem_swappiness", NO_SWARM),
	KEY_REFUSED("pids_limit", "write deploy: {resources: {limits: {pids: …}}}"),
	KEY_REFUSED("blkio_config", NO_SWARM),
	KEY_REFUSED("gpus", "a swarm gives devices as generic_resources"),
	KEY_REFUSED("models", NO_SWARM),
	KEY_REFUSED("provider", NO_SWARM),
	KEY_REFUSED("post_start", NO_SWARM),
	KEY_REFUSED("pre_stop", NO_SWARM),
};

static int read_hints(struct compose *c, struct deploy_service *s, const struct yaml_value *v,
		      const char *path, struct err *e)
{
	for (size_t i = 0; i < v->nr; i++) {
		const struct yaml_pair *p = &v->pairs[i];
		auto_free char *at = reader_path(path, p->key->text);

		if (strncmp(p->key->text, "x-orcinus-", 10) == 0 &&
		    compose_service_hint(c, s, p->key->text + 10, p->value, at, e) < 0)
			return -1;
	}
	return 0;
}

int compose_service(struct compose *c, size_t i, const struct yaml_value *v, const char *path,
		    struct err *e)
{
	int r;

	c->r.service = c->services[i].key;
	r = compose_keys(c, &c->stack.services[i], v, path, service_keys, ARRAY_LEN(service_keys),
			 e);
	if (r == 0)
		r = read_hints(c, &c->stack.services[i], v, path, e);
	c->r.service = NULL;
	return r;
}
