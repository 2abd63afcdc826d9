/*
 * TaskTemplate.ContainerSpec: the process, its files and what it sees around it. The engine
 * replaces a task whenever anything in here changes, so the order of lists is the file's.
 */
#include <ctype.h>

#include "base/json.h"
#include "base/mem.h"
#include "deploy/spec_part.h"

static json_t *volume_json(const struct deploy_mount *m)
{
	json_t *o = json_object();

	spec_set_true(o, "NoCopy", m->no_copy);
	spec_set_map(o, "Labels", &m->volume_labels);
	if (m->driver || m->driver_options.n) {
		json_t *driver = json_object();

		spec_set_text(driver, "Name", m->driver);
		spec_set_map(driver, "Options", &m->driver_options);
		spec_set(o, "DriverConfig", driver);
	}
	return o;
}

static json_t *tmpfs_json(const struct deploy_mount *m)
{
	json_t *o = json_object();

	spec_set_number(o, "SizeBytes", (int64_t)m->tmpfs_bytes);
	spec_set_number(o, "Mode", m->tmpfs_mode);
	return o;
}

static json_t *bind_json(const struct deploy_mount *m)
{
	json_t *o = json_object();

	spec_set_text(o, "Propagation", m->propagation);
	return o;
}

static json_t *mount_json(const struct deploy_mount *m)
{
	static const struct {
		const char *type, *key;
		json_t *(*options)(const struct deploy_mount *m);
	} kinds[] = {
		[DEPLOY_MOUNT_BIND] = { "bind", "BindOptions", bind_json },
		[DEPLOY_MOUNT_VOLUME] = { "volume", "VolumeOptions", volume_json },
		[DEPLOY_MOUNT_TMPFS] = { "tmpfs", "TmpfsOptions", tmpfs_json },
	};
	json_t *o = json_object(), *options = kinds[m->type].options(m);

	spec_set(o, "Type", json_string(kinds[m->type].type));
	spec_set_text(o, "Source", m->source);
	spec_set(o, "Target", json_str(m->target));
	spec_set_true(o, "ReadOnly", m->read_only);
	spec_set_text(o, "Consistency", m->consistency);
	if (json_object_size(options))
		spec_set(o, kinds[m->type].key, options);
	else
		json_decref(options);
	return o;
}

static void add_mounts(json_t *o, const struct deploy_service *s)
{
	json_t *list;

	if (!s->nr_mounts)
		return;
	list = json_array();
	for (size_t i = 0; i < s->nr_mounts; i++)
		spec_append(list, mount_json(&s->mounts[i]));
	spec_set(o, "Mounts", list);
}

/* SecretID and ConfigID are the swarm's: whoever knows its state puts them in (reconcile.c). */
static void add_files(json_t *o, const char *key, const char *name, const struct deploy_file *files,
		      size_t nr)
{
	json_t *list;

	if (!nr)
		return;
	list = json_array();
	for (size_t i = 0; i < nr; i++) {
		json_t *ref = json_object(), *file = json_object();

		spec_set(file, "Name", json_str(files[i].target));
		spec_set(file, "UID", json_str(files[i].uid ? files[i].uid : "0"));
		spec_set(file, "GID", json_str(files[i].gid ? files[i].gid : "0"));
		spec_set(file, "Mode", json_integer(files[i].mode));
		spec_set(ref, "File", file);
		spec_set(ref, name, json_str(files[i].object));
		spec_append(list, ref);
	}
	spec_set(o, key, list);
}

static void add_health(json_t *o, const struct deploy_health *h)
{
	json_t *health = json_object();

	spec_set_list(health, "Test", &h->test);
	spec_set_number(health, "Interval", h->interval_ns);
	spec_set_number(health, "Timeout", h->timeout_ns);
	spec_set_number(health, "StartPeriod", h->start_period_ns);
	spec_set_number(health, "Retries", (int64_t)h->retries);
	if (json_object_size(health))
		spec_set(o, "Healthcheck", health);
	else
		json_decref(health);
}

static void add_ulimits(json_t *o, const struct deploy_service *s)
{
	json_t *list;

	if (!s->nr_ulimits)
		return;
	list = json_array();
	for (size_t i = 0; i < s->nr_ulimits; i++) {
		json_t *u = json_object();

		spec_set(u, "Name", json_str(s->ulimits[i].name));
		spec_set(u, "Soft", json_integer(s->ulimits[i].soft));
		spec_set(u, "Hard", json_integer(s->ulimits[i].hard));
		spec_append(list, u);
	}
	spec_set(o, "Ulimits", list);
}

static json_t *dns_json(const struct deploy_service *s)
{
	json_t *o = json_object();

	spec_set_list(o, "Nameservers", &s->dns);
	spec_set_list(o, "Search", &s->dns_search);
	spec_set_list(o, "Options", &s->dns_options);
	return o;
}

static void add_process(json_t *o, const struct deploy_service *s)
{
	spec_set(o, "Image", json_str(s->pinned_image ? s->pinned_image : s->image));
	spec_set_list(o, "Command", &s->command);
	spec_set_list(o, "Args", &s->args);
	spec_set_list(o, "Env", &s->env);
	spec_set_text(o, "Dir", s->dir);
	spec_set_text(o, "User", s->user);
	spec_set_list(o, "Groups", &s->groups);
	spec_set_true(o, "TTY", s->tty);
	spec_set_true(o, "OpenStdin", s->open_stdin);
	spec_set_true(o, "ReadOnly", s->read_only);
	spec_set_text(o, "StopSignal", s->stop_signal);
	if (s->has_stop_grace)
		spec_set(o, "StopGracePeriod", json_integer(s->stop_grace_ns));
	if (s->init != DEPLOY_INIT_ENGINE)
		spec_set(o, "Init", json_boolean(s->init == DEPLOY_INIT_YES));
	add_health(o, &s->health);
}

/* As docker's client writes them, who knows "net_admin" and "CAP_NET_ADMIN" as one. */
static void add_capabilities(json_t *o, const char *key, const struct strv *names)
{
	auto_strv struct strv full = STRV_INIT;

	for (size_t i = 0; i < names->n; i++) {
		auto_free char *name = mem_strdup(names->v[i]);

		for (char *p = name; *p; p++)
			*p = (char)toupper((unsigned char)*p);
		if (strcmp(name, "ALL") == 0 || span_starts(span_of_str(name), "CAP_"))
			strv_add(&full, name);
		else
			strv_addf(&full, "CAP_%s", name);
	}
	spec_set_list(o, key, &full);
}

json_t *spec_container(const struct deploy_service *s)
{
	json_t *o = json_object();

	add_process(o, s);
	spec_set_map(o, "Labels", &s->container_labels);
	spec_set_text(o, "Hostname", s->hostname);
	spec_set_list(o, "Hosts", &s->hosts);
	spec_set_map(o, "Sysctls", &s->sysctls);
	add_capabilities(o, "CapabilityAdd", &s->cap_add);
	add_capabilities(o, "CapabilityDrop", &s->cap_drop);
	add_ulimits(o, s);
	add_mounts(o, s);
	add_files(o, "Secrets", "SecretName", s->secrets, s->nr_secrets);
	add_files(o, "Configs", "ConfigName", s->configs, s->nr_configs);
	spec_set(o, "DNSConfig", dns_json(s));
	return o;
}
