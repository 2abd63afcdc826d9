/*
 * The configuration as text. What we model is taken out of the document while
 * it is read; what stays behind is what others put there, and is the ground on which
 * the new document is written. Names inside "config" are docker's.
 *
 * All keys are written sorted and nothing that is empty is written, so equal
 * values are equal bytes.
 */
#include "base/json.h"
#include "base/mem.h"
#include "oci/image/config.h"
#include "oci/image/descriptor.h"
#include "oci/image/document_json.h"

static const char *const top_keys[] = { "architecture", "author",     "created", "history",
					"os",		"os.version", "rootfs",	 "variant" };
static const char *const inner_keys[] = { "ArgsEscaped",  "Cmd",	 "Entrypoint", "Env",
					  "ExposedPorts", "Healthcheck", "Labels",     "OnBuild",
					  "Shell",	  "StopSignal",	 "User",       "Volumes",
					  "WorkingDir" };

/* Strings that are not there and empty ones mean the same. */
static int take_str(char **out, const json_t *o, const char *key, const char *path, struct err *e)
{
	const char *text;

	if (json_opt_str(&text, o, key, path, "", e) < 0)
		return -1;
	*out = *text ? mem_strdup(text) : NULL;
	return 0;
}

/* A list where "not there" and "empty" differ. */
static int take_list(struct strv *out, bool *has, const json_t *o, const char *key, struct err *e)
{
	*has = json_is_array(json_object_get(o, key));
	return json_opt_strv(out, o, key, "config", e);
}

/* {"80/tcp":{}} is Go's way of writing a set. */
static int take_set(struct strv *out, const json_t *o, const char *key, struct err *e)
{
	const char *name;
	json_t *set, *v;

	if (json_opt_obj(&set, o, key, "config", e) < 0)
		return -1;
	json_object_foreach(set, name, v)
	{
		if (!json_is_object(v) && !json_is_null(v))
			return err_set(e, ERR_CORRUPT, "config.%s.'%s': not an empty object", key,
				       name);
		strv_add(out, name);
	}
	return 0;
}

static int take_ns(int64_t *out, const json_t *o, const char *key, struct err *e)
{
	uint64_t n;

	if (json_opt_u64(&n, o, key, "config.Healthcheck", 0, e) < 0)
		return -1;
	*out = (int64_t)n; /* json integers end at INT64_MAX */
	return 0;
}

static int take_health(struct oci_health *h, const json_t *o, struct err *e)
{
	json_t *v;

	if (json_opt_obj(&v, o, "Healthcheck", "config", e) < 0)
		return -1;
	if (!v)
		return 0;
	h->is_set = true;
	if (json_opt_strv(&h->test, v, "Test", "config.Healthcheck", e) < 0 ||
	    take_ns(&h->interval_ns, v, "Interval", e) < 0 ||
	    take_ns(&h->timeout_ns, v, "Timeout", e) < 0 ||
	    take_ns(&h->start_period_ns, v, "StartPeriod", e) < 0 ||
	    take_ns(&h->start_interval_ns, v, "StartInterval", e) < 0 ||
	    json_opt_u64(&h->retries, v, "Retries", "config.Healthcheck", 0, e) < 0)
		return -1;
	return 0;
}

static int take_inner(struct oci_config *c, const json_t *o, struct err *e)
{
	if (take_str(&c->user, o, "User", "config", e) < 0 ||
	    take_str(&c->working_dir, o, "WorkingDir", "config", e) < 0 ||
	    take_str(&c->stop_signal, o, "StopSignal", "config", e) < 0 ||
	    json_opt_strv(&c->env, o, "Env", "config", e) < 0 ||
	    take_list(&c->entrypoint, &c->has_entrypoint, o, "Entrypoint", e) < 0 ||
	    take_list(&c->cmd, &c->has_cmd, o, "Cmd", e) < 0)
		return -1;
	if (take_list(&c->shell, &c->has_shell, o, "Shell", e) < 0 ||
	    json_opt_bool(&c->args_escaped, o, "ArgsEscaped", "config", false, e) < 0 ||
	    json_opt_map(&c->labels, o, "Labels", "config", e) < 0 ||
	    take_set(&c->exposed_ports, o, "ExposedPorts", e) < 0 ||
	    take_set(&c->volumes, o, "Volumes", e) < 0 ||
	    json_opt_strv(&c->onbuild, o, "OnBuild", "config", e) < 0)
		return -1;
	return take_health(&c->health, o, e);
}

static int take_platform(struct oci_config *c, const json_t *root, struct err *e)
{
	const char *os, *arch, *variant;

	if (json_get_str(&os, root, "os", "", e) < 0 ||
	    json_get_str(&arch, root, "architecture", "", e) < 0 ||
	    json_opt_str(&variant, root, "variant", "", "", e) < 0)
		return -1;
	return oci_platform_set(&c->platform, os, arch, variant, e);
}

static int take_rootfs(struct oci_config *c, const json_t *root, struct err *e)
{
	auto_strv struct strv ids = STRV_INIT;
	json_t *rootfs;
	const char *type;

	if (json_get_obj(&rootfs, root, "rootfs", "", e) < 0 ||
	    json_opt_str(&type, rootfs, "type", "rootfs", "layers", e) < 0 ||
	    json_opt_strv(&ids, rootfs, "diff_ids", "rootfs", e) < 0)
		return -1;
	if (strcmp(type, "layers") != 0)
		return err_set(e, ERR_CORRUPT, "rootfs.type: '%s' instead of 'layers'", type);
	if (ids.n > OCI_LAYERS_MAX)
		return err_set(e, ERR_CORRUPT, "rootfs.diff_ids: %zu, more than the %d allowed",
			       ids.n, OCI_LAYERS_MAX);
	for (size_t i = 0; i < ids.n; i++) {
		struct oci_digest d;

		if (oci_digest_parse(&d, span_of_str(ids.v[i]), e) < 0)
			return err_wrap(e, "rootfs.diff_ids[%zu]", i);
		oci_config_add_diff_id(c, &d);
	}
	return 0;
}

static int take_history_entry(struct oci_config *c, const json_t *o, const char *path,
			      struct err *e)
{
	struct oci_history *h;

	oci_config_add_history(c, NULL, NULL, NULL, false);
	h = &c->history[c->nr_history - 1];
	if (take_str(&h->created, o, "created", path, e) < 0 ||
	    take_str(&h->created_by, o, "created_by", path, e) < 0 ||
	    take_str(&h->comment, o, "comment", path, e) < 0 ||
	    take_str(&h->author, o, "author", path, e) < 0)
		return -1;
	return json_opt_bool(&h->empty_layer, o, "empty_layer", path, false, e);
}

static int take_history(struct oci_config *c, const json_t *root, struct err *e)
{
	json_t *list, *v;
	size_t i;

	if (json_opt_arr(&list, root, "history", "", e) < 0)
		return -1;
	json_array_foreach(list, i, v)
	{
		char path[32];

		snprintf(path, sizeof(path), "history[%zu]", i);
		if (take_history_entry(c, v, path, e) < 0)
			return -1;
	}
	return 0;
}

/* What is left of the document without what the struct holds; NULL: nothing. */
static json_t *keep_unknown(json_t *root)
{
	json_t *inner = json_object_get(root, "config");

	for (size_t i = 0; i < ARRAY_LEN(top_keys); i++)
		json_object_del(root, top_keys[i]);
	for (size_t i = 0; inner && i < ARRAY_LEN(inner_keys); i++)
		json_object_del(inner, inner_keys[i]);
	if (!json_object_size(inner))
		json_object_del(root, "config");
	return json_object_size(root) ? json_incref(root) : NULL;
}

int oci_config_parse(struct oci_config **out, struct span text, struct err *e)
{
	auto_config struct oci_config *c = mem_zalloc(sizeof(*c));
	auto_json json_t *root = NULL;
	json_t *inner;

	if (text.n > OCI_CONFIG_MAX)
		return err_set(e, ERR_CORRUPT,
			       "image configuration: %zu bytes, more than %u allowed", text.n,
			       OCI_CONFIG_MAX);
	root = json_load_span(text, OCI_CONFIG_MAX, "document", e);
	if (!root || take_platform(c, root, e) < 0 ||
	    take_str(&c->created, root, "created", "", e) < 0 ||
	    take_str(&c->author, root, "author", "", e) < 0 ||
	    take_str(&c->os_version, root, "os.version", "", e) < 0 ||
	    json_opt_obj(&inner, root, "config", "", e) < 0 ||
	    (inner && take_inner(c, inner, e) < 0) || take_rootfs(c, root, e) < 0 ||
	    take_history(c, root, e) < 0)
		return err_wrap(e, "image configuration");
	c->unknown = keep_unknown(root);
	*out = STEAL(&c);
	return 0;
}

static void put_str(json_t *o, const char *key, const char *text)
{
	if (text && *text)
		json_object_set_new(o, key, json_str(text));
}

static void put_list(json_t *o, const char *key, const struct strv *s, bool even_empty)
{
	if (s->n || even_empty)
		json_object_set_new(o, key, json_from_strv(s));
}

static void put_set(json_t *o, const char *key, const struct strv *s)
{
	json_t *set;

	if (!s->n)
		return;
	set = json_object();
	for (size_t i = 0; i < s->n; i++) {
		auto_json json_t *name = json_str(s->v[i]);

		json_object_set_new(set, json_string_value(name), json_object());
	}
	json_object_set_new(o, key, set);
}

static void put_number(json_t *o, const char *key, int64_t n)
{
	if (n)
		json_object_set_new(o, key, json_integer(n));
}

static json_t *health_json(const struct oci_health *h)
{
	json_t *o = json_object();

	put_list(o, "Test", &h->test, false);
	put_number(o, "Interval", h->interval_ns);
	put_number(o, "Timeout", h->timeout_ns);
	put_number(o, "StartPeriod", h->start_period_ns);
	put_number(o, "StartInterval", h->start_interval_ns);
	put_number(o, "Retries", (int64_t)h->retries);
	return o;
}

static void put_inner(json_t *o, const struct oci_config *c)
{
	put_str(o, "User", c->user);
	put_str(o, "WorkingDir", c->working_dir);
	put_str(o, "StopSignal", c->stop_signal);
	put_list(o, "Env", &c->env, false);
	put_list(o, "Entrypoint", &c->entrypoint, c->has_entrypoint);
	put_list(o, "Cmd", &c->cmd, c->has_cmd);
	put_list(o, "Shell", &c->shell, c->has_shell);
	put_list(o, "OnBuild", &c->onbuild, false);
	put_set(o, "ExposedPorts", &c->exposed_ports);
	put_set(o, "Volumes", &c->volumes);
	if (c->args_escaped)
		json_object_set_new(o, "ArgsEscaped", json_true());
	if (c->labels.n)
		json_object_set_new(o, "Labels", oci_json_from_map(&c->labels));
	if (c->health.is_set)
		json_object_set_new(o, "Healthcheck", health_json(&c->health));
}

static json_t *history_json(const struct oci_config *c)
{
	json_t *list = json_array();

	for (size_t i = 0; i < c->nr_history; i++) {
		const struct oci_history *h = &c->history[i];
		json_t *o = json_object();

		put_str(o, "created", h->created);
		put_str(o, "created_by", h->created_by);
		put_str(o, "comment", h->comment);
		put_str(o, "author", h->author);
		if (h->empty_layer)
			json_object_set_new(o, "empty_layer", json_true());
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *rootfs_json(const struct oci_config *c)
{
	json_t *rootfs = json_object(), *ids = json_array();

	for (size_t i = 0; i < c->nr_diff_ids; i++)
		json_array_append_new(ids, json_string(c->diff_ids[i].text));
	json_object_set_new(rootfs, "type", json_string("layers"));
	json_object_set_new(rootfs, "diff_ids", ids);
	return rootfs;
}

void oci_config_write(struct buf *out, const struct oci_config *c)
{
	auto_json json_t *root = c->unknown ? json_deep_copy(c->unknown) : json_object();
	json_t *inner = json_object_get(root, "config");

	if (!inner) {
		inner = json_object();
		json_object_set_new(root, "config", inner);
	}
	put_inner(inner, c);
	put_str(root, "architecture", c->platform.arch);
	put_str(root, "os", c->platform.os);
	put_str(root, "os.version", c->os_version);
	put_str(root, "variant", c->platform.variant);
	put_str(root, "created", c->created);
	put_str(root, "author", c->author);
	if (c->nr_history)
		json_object_set_new(root, "history", history_json(c));
	json_object_set_new(root, "rootfs", rootfs_json(c));
	json_write(out, root, true);
}
