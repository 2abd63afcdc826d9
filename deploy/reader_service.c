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

#define CPU_DIGITS    9	      /* the engine counts in 1e-9 CPUs */
#define CPU_MIN	      1000000 /* 0.001 */
#define CPU_WHOLE_MAX 1000000
#define MEMORY_MIN    (4ull << 20) /* the engine refuses less */
#define REPLICAS_MAX  1000000

/* One entry of a list. */
typedef int read_item(struct reader *r, struct deploy_service *s, const struct yaml_value *v,
		      const char *path, struct err *e);

static int read_list(struct reader *r, struct deploy_service *s, const struct yaml_value *v,
		     const char *path, const char *hint, read_item *read, struct err *e)
{
	if (reader_want(r, v, YAML_LIST, path, hint, e) < 0)
		return -1;
	for (size_t i = 0; i < v->nr; i++) {
		auto_free char *at = reader_item_path(path, i);

		if (read(r, s, v->items[i], at, e) < 0)
			return -1;
	}
	return 0;
}

/* -- lists ------------------------------------------------------------------------ */

static int read_port(struct reader *r, struct deploy_service *s, const struct yaml_value *v,
		     const char *path, struct err *e)
{
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
	return read_list(r, arg, v, path, "write - 8080:80", read_port, e);
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
		reader_warn(r, v, path, "'%s' is written again; this one, the last, counts", name);
		strv_remove(&s->env, i);
		return;
	}
}

static int read_variable(struct reader *r, struct deploy_service *s, const struct yaml_value *v,
			 const char *path, struct err *e)
{
	auto_free char *text = NULL, *name = NULL;
	struct span key, value;
	const char *ours;
	bool has_value;

	if (reader_want(r, v, YAML_SCALAR, path, "write - KEY=value", e) < 0 ||
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
	if (ours)
		strv_addf(&s->env, "%s=%s", name, ours);
	else
		strv_add(&s->env, text);
	return 0;
}

static int read_environment(struct reader *r, void *arg, const struct yaml_value *v,
			    const char *path, struct err *e)
{
	return read_list(r, arg, v, path, "write - KEY=value", read_variable, e);
}

static int read_words(struct reader *r, struct deploy_service *s, const struct yaml_value *v,
		      const char *path, struct err *e)
{
	return reader_words(&s->args, r, v, path, e);
}

static int read_commands(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
			 struct err *e)
{
	return read_list(r, arg, v, path, "write [\"command\", \"argument\"]", read_words, e);
}

static int read_constraint(struct reader *r, struct deploy_service *s, const struct yaml_value *v,
			   const char *path, struct err *e)
{
	auto_free char *text = NULL;

	if (reader_text(&text, r, v, path, e) < 0)
		return -1;
	if (!strstr(text, "==") && !strstr(text, "!="))
		return reader_fail(r, v, path, e, "must be 'key==value' or 'key!=value'");
	if (!strv_has(&s->constraints, text))
		strv_add(&s->constraints, text);
	return 0;
}

static int read_constraints(struct reader *r, void *arg, const struct yaml_value *v,
			    const char *path, struct err *e)
{
	if (v->kind == YAML_SCALAR)
		return read_constraint(r, arg, v, path, e);
	return read_list(r, arg, v, path, "write - node.role==worker", read_constraint, e);
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

static int read_network(struct reader *r, struct deploy_service *s, const struct yaml_value *v,
			const char *path, struct err *e)
{
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
	return read_list(r, arg, v, path, "write - network", read_network, e);
}

static int read_volume(struct reader *r, struct deploy_service *s, const struct yaml_value *v,
		       const char *path, struct err *e)
{
	auto_free char *name = NULL;

	if (reader_text(&name, r, v, path, e) < 0)
		return -1;
	return reader_mount(s, r, name, v, path, e);
}

static int read_volumes(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
			struct err *e)
{
	return read_list(r, arg, v, path, "list names of the top-level 'volumes'", read_volume, e);
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

static int read_labels(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
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
	auto_free char *text = NULL;

	if (reader_want(r, v, YAML_SCALAR, path, "credentials come from the registry's own files",
			e) < 0 ||
	    reader_text(&text, r, v, path, e) < 0)
		return -1;
	s->with_auth = span_eq_nocase(span_of_str(text), "true");
	if (!s->with_auth && !span_eq_nocase(span_of_str(text), "false"))
		return reader_fail(r, v, path, e, "must be true or false");
	return 0;
}

static int read_mode(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
		     struct err *e)
{
	struct deploy_service *s = arg;
	auto_free char *text = NULL;

	if (reader_text(&text, r, v, path, e) < 0)
		return -1;
	s->mode = strcmp(text, "global") == 0 ? DEPLOY_GLOBAL : DEPLOY_REPLICATED;
	if (s->mode == DEPLOY_REPLICATED && strcmp(text, "replicated") != 0)
		return reader_fail(r, v, path, e, "'%s' is not replicated or global", text);
	return 0;
}

static int read_replicas(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
			 struct err *e)
{
	struct deploy_service *s = arg;
	auto_free char *text = NULL;
	uint64_t n;

	if (reader_text(&text, r, v, path, e) < 0)
		return -1;
	if (span_to_u64(&n, span_of_str(text)) < 0 || n > REPLICAS_MAX)
		return reader_fail(r, v, path, e, "'%s' is not a number of replicas (0 to %d)",
				   text, REPLICAS_MAX);
	s->replicas = n;
	s->has_replicas = true;
	return 0;
}

/* "2", "0.5", ".25": at most nine digits behind the point, as docker takes it. */
static int to_nano_cpus(int64_t *out, struct span text)
{
	struct span whole, part;
	uint64_t w = 0, f = 0;

	span_cut(text, '.', &whole, &part);
	if ((!whole.n && !part.n) || part.n > CPU_DIGITS ||
	    (whole.n && (span_to_u64(&w, whole) < 0 || w > CPU_WHOLE_MAX)) ||
	    (part.n && span_to_u64(&f, part) < 0))
		return -1;
	for (size_t i = part.n; i < CPU_DIGITS; i++)
		f *= 10;
	*out = (int64_t)(w * 1000000000u + f);
	return 0;
}

static int read_cpu(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
		    struct err *e)
{
	struct deploy_service *s = arg;
	auto_free char *text = NULL;
	int64_t nano;

	if (reader_text(&text, r, v, path, e) < 0)
		return -1;
	if (to_nano_cpus(&nano, span_trim(span_of_str(text))) < 0)
		return reader_fail(r, v, path, e, "'%s' is not a number of CPUs such as 2 or 0.5",
				   text);
	if (nano && nano < CPU_MIN)
		return reader_fail(r, v, path, e, "'%s' is less than the engine's minimum of 0.001",
				   text);
	s->nano_cpus = nano;
	return 0;
}

static int read_memory(struct reader *r, void *arg, const struct yaml_value *v, const char *path,
		       struct err *e)
{
	struct deploy_service *s = arg;
	auto_free char *text = NULL;
	uint64_t bytes;

	if (reader_text(&text, r, v, path, e) < 0)
		return -1;
	if (span_to_size(&bytes, span_trim(span_of_str(text))) < 0 || bytes > INT64_MAX)
		return reader_fail(r, v, path, e, "'%s' is not a size such as 512m or 1g", text);
	if (bytes && bytes < MEMORY_MIN)
		return reader_fail(
			r, v, path, e,
			"%llu bytes are less than the engine's minimum of 4 MiB; a number "
			"without a unit counts bytes",
			(unsigned long long)bytes);
	s->memory_bytes = (int64_t)bytes;
	return 0;
}

/* -- the service ------------------------------------------------------------------ */

static const struct reader_key service_keys[] = {
	{ "image", read_image, true },
	{ "ports", read_ports, false },
	{ "environment", read_environment, false },
	{ "commands", read_commands, false },
	{ "replicas", read_replicas, false },
	{ "cpu", read_cpu, false },
	{ "memory", read_memory, false },
	{ "networks", read_networks, false },
	{ "constraint", read_constraints, false },
	{ "constraints", read_constraints, false },
	{ "labels", read_labels, false },
	{ "mode", read_mode, false },
	{ "volumes", read_volumes, false },
	{ "auth", read_auth, false },
	{ "restart_policy", NULL, false },
	{ "restartPolicy", NULL, false },
	{ "deploy", NULL, false },
	{ "sysctls", NULL, false },
	{ "user", NULL, false },
	{ "hosts", NULL, false },
	{ "dns", NULL, false },
	{ "endpoint", NULL, false },
};

static int check_whole(const struct deploy_service *s, const struct reader *r,
		       const struct yaml_pair *entry, const char *path, struct err *e)
{
	const struct yaml_value *replicas = yaml_map_get(entry->value, "replicas");

	if (!s->image)
		return reader_fail(r, entry->key, path, e, "has no image");
	if (s->mode == DEPLOY_GLOBAL && s->has_replicas)
		return reader_fail(r, replicas, path, e,
				   "replicas and mode global exclude each other; a global service "
				   "runs once on every node");
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
			"or digit at both ends, at most 63");
	if (reader_want(r, entry->value, YAML_MAP, path, NULL, e) < 0)
		return -1;
	out->name = mem_strdup(name);
	out->line = entry->key->line;
	out->replicas = 1;
	r->service = name;
	if (reader_keys(r, out, entry->value, path, service_keys, ARRAY_LEN(service_keys), e) < 0)
		return -1;
	r->service = NULL;
	return check_whole(out, r, entry, path, e);
}
