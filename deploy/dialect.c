/*
 * Legacy keys decide first: there are legacy files with `restart:` from compose in them, but
 * none the other way round. A file with keys of neither is what its name says.
 */
#include "deploy/dialect.h"

#include "base/mem.h"
#include "deploy/reader.h"
#include "deploy/yaml.h"

/* -- Kubernetes -------------------------------------------------------------------------- */

/* The value of a top-level `key: value`; false: the line is another one. */
static bool top_key(struct span *value, struct span line, const char *key)
{
	if (!span_take(&line, key) || !span_take(&line, ":"))
		return false;
	*value = span_trim(line);
	return true;
}

/* Line by line, for such files hold several documents, which the reader of YAML refuses. */
static int refuse_kubernetes(const struct deploy_input *f, struct err *e)
{
	struct span rest = f->text, line, value, kind = { 0 };
	unsigned nr = 0, begin = 1, document = 1;
	bool has_version = false;

	while (span_line(&rest, &line)) {
		nr++;
		if (span_starts(line, "---")) {
			document += nr > 1;
			begin = nr + 1;
			has_version = false;
			kind = (struct span){ 0 };
			continue;
		}
		if (top_key(&value, line, "apiVersion"))
			has_version = true;
		else if (top_key(&value, line, "kind"))
			kind = value;
		if (has_version && kind.n)
			return err_set(e, ERR_INPUT,
				       "%s:%u: document %u is one of Kubernetes (kind " SPAN_FMT
				       "); cdeploy deploys to a swarm",
				       f->file, begin, document, SPAN_ARG(kind));
	}
	return 0;
}

/* What the lines do not show: JSON, keys in quotes. */
static int refuse_kubernetes_tree(const struct deploy_input *f, const struct yaml_value *root,
				  struct err *e)
{
	if (!yaml_map_get(root, "apiVersion") || !yaml_map_get(root, "kind"))
		return 0;
	return err_set(e, ERR_INPUT,
		       "%s:%u: this is a document of Kubernetes; cdeploy deploys to a swarm",
		       f->file, root->line);
}

/* -- markers ------------------------------------------------------------------------------- */

struct marker {
	const struct yaml_value *at;
	char text[80];
};

static bool mark(struct marker *m, const struct yaml_value *at, const char *fmt, const char *key)
{
	m->at = at;
	snprintf(m->text, sizeof(m->text), fmt, key);
	return true;
}

static bool one_of(const char *key, const char *const *words)
{
	for (; *words; words++)
		if (strcmp(*words, key) == 0)
			return true;
	return false;
}

static bool find_key(struct marker *m, const struct yaml_value *map, const char *const *words,
		     const char *fmt)
{
	for (size_t i = 0; map && map->kind == YAML_MAP && i < map->nr; i++)
		if (one_of(map->pairs[i].key->text, words))
			return mark(m, map->pairs[i].key, fmt, map->pairs[i].key->text);
	return false;
}

static bool is_legacy_service(struct marker *m, const struct yaml_value *s)
{
	static const char *const keys[] = { "commands",	     "constraint", "constraints",
					    "auth",	     "cpu",	   "memory",
					    "replicas",	     "mode",	   "restart_policy",
					    "restartPolicy", "endpoint",   NULL };
	static const char *const deploy[] = { "delay", "iffailure", "order", NULL };
	const struct yaml_value *hosts = yaml_map_get(s, "hosts");

	if (hosts && hosts->kind == YAML_LIST)
		return mark(m, hosts, "'%s'", "hosts");
	return find_key(m, s, keys, "'%s'") ||
	       find_key(m, yaml_map_get(s, "deploy"), deploy, "'deploy.%s'");
}

static bool is_legacy(struct marker *m, const struct yaml_value *root)
{
	static const char *const top[] = { "stack", "domain", NULL };
	static const char *const volume[] = { "type", "source", "target", "address", NULL };
	const struct yaml_value *services = yaml_map_get(root, "services");
	const struct yaml_value *volumes = yaml_map_get(root, "volumes");

	if (find_key(m, root, top, "'%s'"))
		return true;
	for (size_t i = 0; services && services->kind == YAML_MAP && i < services->nr; i++)
		if (is_legacy_service(m, services->pairs[i].value))
			return true;
	for (size_t i = 0; volumes && volumes->kind == YAML_MAP && i < volumes->nr; i++)
		if (find_key(m, volumes->pairs[i].value, volume, "a volume's '%s'"))
			return true;
	return false;
}

static bool has_extension(struct marker *m, const struct yaml_value *map)
{
	for (size_t i = 0; map && map->kind == YAML_MAP && i < map->nr; i++)
		if (strncmp(map->pairs[i].key->text, "x-", 2) == 0)
			return mark(m, map->pairs[i].key, "'%.70s'", map->pairs[i].key->text);
	return false;
}

static bool is_compose_service(struct marker *m, const struct yaml_value *s)
{
	static const char *const keys[] = {
		"command", "entrypoint", "healthcheck",	 "depends_on", "env_file", "build",
		"restart", "secrets",	 "network_mode", "configs",    NULL,
	};
	static const char *const deploy[] = {
		"replicas", "resources", "update_config",  "rollback_config", "placement",
		"mode",	    "labels",	 "restart_policy", "endpoint_mode",   NULL,
	};
	const struct yaml_value *volumes = yaml_map_get(s, "volumes");

	for (size_t i = 0; volumes && volumes->kind == YAML_LIST && i < volumes->nr; i++) {
		const struct yaml_value *v = volumes->items[i];

		if (v->kind == YAML_MAP || (v->kind == YAML_SCALAR && strchr(v->text, ':')))
			return mark(m, v, "the form of '%s'", "volumes");
	}
	return find_key(m, s, keys, "'%s'") || has_extension(m, s) ||
	       find_key(m, yaml_map_get(s, "deploy"), deploy, "'deploy.%s'");
}

static bool is_compose(struct marker *m, const struct yaml_value *root)
{
	static const char *const top[] = {
		"version", "name", "networks", "configs", "secrets", NULL
	};
	const struct yaml_value *services = yaml_map_get(root, "services");

	if (find_key(m, root, top, "'%s'") || has_extension(m, root))
		return true;
	for (size_t i = 0; services && services->kind == YAML_MAP && i < services->nr; i++)
		if (is_compose_service(m, services->pairs[i].value))
			return true;
	return false;
}

/* -- the decision ------------------------------------------------------------------------------ */

static const char *const names[] = {
	[DEPLOY_DIALECT_LEGACY] = "legacy",
	[DEPLOY_DIALECT_COMPOSE] = "compose",
};

static bool is_called_orcinus(const struct deploy_input *f)
{
	const char *slash = strrchr(f->file, '/');

	return strncmp(slash ? slash + 1 : f->file, "orcinus", 7) == 0;
}

/* One key of compose more, as `restart`, and a file without a stack is another dialect. */
static enum deploy_dialect say(char **said, const struct deploy_input *f, enum deploy_dialect d,
			       const struct marker *m)
{
	bool surprises = d == DEPLOY_DIALECT_COMPOSE && is_called_orcinus(f);

	if (m->at)
		*said = mem_printf("%s is read as %s: %s on line %u%s", f->file, names[d], m->text,
				   m->at->line,
				   surprises ? "; its services are called STACK_NAME, with "
					       "--dialect legacy as orcinus called them"
					     : "");
	else
		*said = mem_printf("%s is read as %s: %s", f->file, names[d], m->text);
	return d;
}

static enum deploy_dialect by_name(char **said, const struct deploy_input *f, struct marker *m)
{
	mark(m, NULL, "by its %s", "name");
	return say(said, f, is_called_orcinus(f) ? DEPLOY_DIALECT_LEGACY : DEPLOY_DIALECT_COMPOSE,
		   m);
}

static int choose(enum deploy_dialect *out, char **said, const struct compose_input *in,
		  struct err *e)
{
	auto_deploy_yaml struct deploy_yaml *doc = NULL;
	auto_strv struct strv told_later = STRV_INIT;
	const struct deploy_input *f = &in->files[0];
	struct marker m = { 0 };

	if (*out != DEPLOY_DIALECT_AUTO) {
		mark(&m, NULL, "%s", "--dialect");
		say(said, f, *out, &m);
		return 0;
	}
	if (deploy_yaml_read(&doc, f->file, f->text, &told_later, e) < 0 ||
	    refuse_kubernetes_tree(f, doc->root, e) < 0)
		return -1;
	if (is_legacy(&m, doc->root))
		*out = say(said, f, DEPLOY_DIALECT_LEGACY, &m);
	else if (is_compose(&m, doc->root))
		*out = say(said, f, DEPLOY_DIALECT_COMPOSE, &m);
	else
		*out = by_name(said, f, &m);
	return 0;
}

int deploy_stack_read(struct deploy_stack *out, char **said, const struct compose_input *in,
		      enum deploy_dialect dialect, struct strv *warnings, struct err *e)
{
	struct deploy_input legacy;

	for (size_t i = 0; i < in->nr; i++)
		if (refuse_kubernetes(&in->files[i], e) < 0)
			return -1;
	if (choose(&dialect, said, in, e) < 0)
		return -1;
	if (dialect == DEPLOY_DIALECT_COMPOSE)
		return deploy_compose_read(out, in, warnings, e);
	if (in->nr > 1)
		return err_set(e, ERR_INPUT,
			       "%s is a legacy file, of which there is one; several -f are for "
			       "compose files",
			       in->files[0].file);
	legacy = in->files[0];
	legacy.read_file = in->read_file;
	legacy.read_arg = in->read_arg;
	return deploy_manifest_read(out, &legacy, warnings, e);
}
