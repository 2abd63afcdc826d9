/*
 * One table of the fields that have a form of their own; all others are shown by their name
 * in the engine's API, so that a field nobody thought of is seen as well.
 *
 * What a change costs is the engine's rule (swarmkit, manager/orchestrator/task.go): a task is
 * replaced when its template or the service's ports differ, not for labels, numbers or update
 * settings; for placement only where its node does not fit any more.
 */
#include "deploy/fields.h"

#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "deploy/mask.h"
#include "deploy/spec_json.h"

#define TASK	  "TaskTemplate."
#define CONTAINER "TaskTemplate.ContainerSpec."
#define SECOND	  INT64_C(1000000000)

void spec_fields_release(struct spec_fields *f)
{
	for (size_t i = 0; i < f->nr; i++) {
		free(f->v[i].name);
		if (f->v[i].value)
			explicit_bzero(f->v[i].value, strlen(f->v[i].value));
		free(f->v[i].value);
		free(f->v[i].shown);
	}
	free(f->v);
	*f = (struct spec_fields){ .names = f->names };
}

/* What is shown is one line and moves no cursor, whatever the service's owner wrote. */
static char *make_plain(char *shown)
{
	utf8_make_plain(shown);
	return shown;
}

/* Takes all three strings; shown NULL: the value with what is secret in it hidden. */
static void add(struct spec_fields *f, enum change_cost cost, char *name, char *value, char *shown)
{
	if (!shown)
		shown = mask_text(span_of_str(value));
	MEM_GROW(f->v, f->nr, f->cap);
	f->v[f->nr++] = (struct spec_field){
		.name = make_plain(name), .value = value, .shown = make_plain(shown), .cost = cost
	};
}

static const char *text_at(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static char *json_text(const json_t *v)
{
	auto_buf struct buf b = BUF_INIT(BUF_SMALL);

	if (json_is_string(v))
		return mem_strdup(json_string_value(v));
	json_write(&b, v, false);
	return buf_steal(&b);
}

/* -- forms: each adds what it makes of v ------------------------------------- */

typedef void add_form(struct spec_fields *f, const char *name, const json_t *v,
		      enum change_cost cost);

static void add_plain(struct spec_fields *f, const char *name, const json_t *v,
		      enum change_cost cost)
{
	add(f, cost, mem_strdup(name), json_text(v), NULL);
}

/* That it is there is all that there is to say. */
static void add_bare(struct spec_fields *f, const char *name, const json_t *v,
		     enum change_cost cost)
{
	(void)v;
	add(f, cost, mem_strdup(name), mem_strdup(""), NULL);
}

static void add_image(struct spec_fields *f, const char *name, const json_t *v,
		      enum change_cost cost)
{
	char *image = json_text(v);

	add(f, cost, mem_strdup(name), image, spec_short_image(image));
}

/* "1m30s", "500ms" */
static void add_time(struct spec_fields *f, const char *name, const json_t *v,
		     enum change_cost cost)
{
	int64_t ns = json_integer_value(v), s = ns / SECOND;
	auto_buf struct buf b = BUF_INIT(100);

	if (s >= 3600)
		buf_addf(&b, "%lldh", (long long)(s / 3600));
	if (s % 3600 >= 60)
		buf_addf(&b, "%lldm", (long long)(s % 3600 / 60));
	if (ns % SECOND)
		buf_addf(&b, "%gs", (double)(s % 60) + (double)(ns % SECOND) / (double)SECOND);
	else if (s % 60 || !s)
		buf_addf(&b, "%llds", (long long)(s % 60));
	add(f, cost, mem_strdup(name), buf_steal(&b), NULL);
}

static void add_size(struct spec_fields *f, const char *name, const json_t *v,
		     enum change_cost cost)
{
	static const struct {
		const char *unit;
		int shift;
	} units[] = { { "GiB", 30 }, { "MiB", 20 }, { "KiB", 10 }, { "B", 0 } };
	int64_t n = json_integer_value(v);
	size_t i = 0;

	while (units[i].shift && (!n || n % (INT64_C(1) << units[i].shift)))
		i++;
	add(f, cost, mem_strdup(name),
	    mem_printf("%lld %s", (long long)(n >> units[i].shift), units[i].unit), NULL);
}

static void add_cpus(struct spec_fields *f, const char *name, const json_t *v,
		     enum change_cost cost)
{
	add(f, cost, mem_strdup(name),
	    mem_printf("%.10g", (double)json_integer_value(v) / (double)SECOND), NULL);
}

/* Words with blanks are quoted. */
static void add_word(struct buf *line, const char *text)
{
	if (line->len)
		buf_add_char(line, ' ');
	if (*text && !strpbrk(text, " \t\n\"'"))
		buf_add_str(line, text);
	else
		buf_add_json(line, text);
}

/* A command line. */
static void add_words(struct spec_fields *f, const char *name, const json_t *v,
		      enum change_cost cost)
{
	auto_buf struct buf value = BUF_INIT(BUF_SMALL), shown = BUF_INIT(BUF_SMALL);
	struct mask_words words = { 0 };
	json_t *word;
	size_t i;

	json_array_foreach(v, i, word)
	{
		auto_free char *text = json_text(word);
		auto_free char *open = mask_item(&words, span_of_str(text));

		add_word(&value, text);
		add_word(&shown, open);
	}
	add(f, cost, mem_strdup(name), mem_strdup(buf_str(&value)), mem_strdup(buf_str(&shown)));
}

/* Each element is a field of its own: what comes and goes is seen at once. */
static void add_set(struct spec_fields *f, const char *name, const json_t *v, enum change_cost cost)
{
	json_t *item;
	size_t i;

	json_array_foreach(v, i, item)
	{
		auto_free char *text = json_text(item);

		add(f, cost, mem_printf("%s %s", name, text), mem_strdup(""), NULL);
	}
}

static void add_env(struct spec_fields *f, const char *name, const json_t *v, enum change_cost cost)
{
	json_t *item;
	size_t i;

	json_array_foreach(v, i, item)
	{
		auto_free char *text = json_text(item);
		struct span key, value;

		span_cut(span_of_str(text), '=', &key, &value);
		add(f, cost, mem_printf("%s " SPAN_FMT, name, SPAN_ARG(key)), span_dup(value),
		    mem_strdup(MASKED));
	}
}

static bool is_bookkeeping(const char *key)
{
	return strncmp(key, DEPLOY_LABEL_PREFIX, strlen(DEPLOY_LABEL_PREFIX)) == 0 &&
	       strcmp(key, DEPLOY_LABEL_PROJECT) != 0;
}

static void add_map(struct spec_fields *f, const char *name, const json_t *v, enum change_cost cost)
{
	const char *key;
	json_t *item;

	json_object_foreach((json_t *)v, key, item)
	{
		auto_free char *text = json_text(item);
		bool secret = deploy_is_secret(span_of_str(key), span_of_str(text));

		if (!is_bookkeeping(key))
			add(f, cost, mem_printf("%s %s", name, key), mem_strdup(text),
			    secret ? mem_strdup(MASKED) : NULL);
	}
}

static const char *network_name(const struct spec_fields *f, const char *id)
{
	for (size_t i = 0; f->names && i < f->names->nr_networks; i++)
		if (strcmp(f->names->networks[i].id, id) == 0)
			return f->names->networks[i].name;
	return id;
}

/* What is left of an object without the fields already told; "" when nothing is. */
static char *rest_of(const json_t *o, const char *const *told)
{
	auto_json json_t *copy = json_copy((json_t *)o);

	for (; *told; told++)
		json_object_del(copy, *told);
	return json_object_size(copy) ? json_text(copy) : mem_strdup("");
}

static void add_networks(struct spec_fields *f, const char *name, const json_t *v,
			 enum change_cost cost)
{
	static const char *const told[] = { "Target", NULL };
	json_t *o;
	size_t i;

	json_array_foreach(v, i, o)
		add(f, cost, mem_printf("%s %s", name, network_name(f, text_at(o, "Target"))),
		    rest_of(o, told), NULL);
}

static void add_ports(struct spec_fields *f, const char *name, const json_t *v,
		      enum change_cost cost)
{
	json_t *o;
	size_t i;

	json_array_foreach(v, i, o)
	{
		json_int_t target = json_integer_value(json_object_get(o, "TargetPort"));
		json_int_t published = json_integer_value(json_object_get(o, "PublishedPort"));
		bool host = strcmp(text_at(o, "PublishMode"), "host") == 0;
		const char *protocol = text_at(o, "Protocol");
		auto_free char *at =
			published ? mem_printf("%lld", (long long)published) : mem_strdup("any");

		add(f, cost,
		    mem_printf("%s %lld/%s", name, (long long)target, *protocol ? protocol : "tcp"),
		    mem_printf("%s%s", at, host ? " (on its node only)" : ""), NULL);
	}
}

static void add_mounts(struct spec_fields *f, const char *name, const json_t *v,
		       enum change_cost cost)
{
	static const char *const told[] = { "Type", "Source", "Target", "ReadOnly", NULL };
	json_t *o;
	size_t i;

	json_array_foreach(v, i, o)
	{
		auto_free char *rest = rest_of(o, told);

		add(f, cost, mem_printf("%s %s", name, text_at(o, "Target")),
		    mem_printf("%s %s%s%s%s", text_at(o, "Type"), text_at(o, "Source"),
			       json_is_true(json_object_get(o, "ReadOnly")) ? " read-only" : "",
			       *rest ? " " : "", rest),
		    NULL);
	}
}

/* Secrets and configs: the object's name; its id says the same and nothing to people. */
static void add_files(struct spec_fields *f, const char *name, const json_t *v,
		      enum change_cost cost)
{
	json_t *o;
	size_t i;

	json_array_foreach(v, i, o)
	{
		const json_t *file = json_object_get(o, "File");
		const char *object = text_at(o, "SecretName"), *target = text_at(file, "Name");

		if (!*object)
			object = text_at(o, "ConfigName");
		add(f, cost, mem_printf("%s %s", name, *target ? target : object),
		    mem_printf(
			    "%s mode %04llo", object,
			    (unsigned long long)json_integer_value(json_object_get(file, "Mode"))),
		    NULL);
	}
}

static void add_platforms(struct spec_fields *f, const char *name, const json_t *v,
			  enum change_cost cost)
{
	auto_strv struct strv list = STRV_INIT;
	json_t *o;
	size_t i;

	json_array_foreach(v, i, o)
		strv_addf(&list, "%s/%s", text_at(o, "OS"), text_at(o, "Architecture"));
	add(f, cost, mem_strdup(name), strv_join(&list, " "), NULL);
}

/* -- the table --------------------------------------------------------------- */

static const struct form {
	const char *path, *name;
	add_form *add;
	enum change_cost cost;
} forms[] = {
	{ "Labels", "label", add_map, CHANGE_FREE },
	{ "Mode.Replicated.Replicas", "replicas", add_plain, CHANGE_FREE },
	{ "Mode.Global", "mode global", add_bare, CHANGE_FREE },
	{ "Mode.GlobalJob", "mode global-job", add_bare, CHANGE_FREE },
	{ "Mode.ReplicatedJob.TotalCompletions", "job replicas", add_plain, CHANGE_FREE },
	{ "Mode.ReplicatedJob.MaxConcurrent", "job replicas at once", add_plain, CHANGE_FREE },
	{ "EndpointSpec.Ports", "port", add_ports, CHANGE_RESTARTS },
	{ CONTAINER "Image", "image", add_image, CHANGE_RESTARTS },
	{ CONTAINER "Command", "entrypoint", add_words, CHANGE_RESTARTS },
	{ CONTAINER "Args", "command", add_words, CHANGE_RESTARTS },
	{ CONTAINER "Env", "environment", add_env, CHANGE_RESTARTS },
	{ CONTAINER "Labels", "container label", add_map, CHANGE_RESTARTS },
	{ CONTAINER "Sysctls", "sysctl", add_map, CHANGE_RESTARTS },
	{ CONTAINER "Mounts", "volume", add_mounts, CHANGE_RESTARTS },
	{ CONTAINER "Secrets", "secret", add_files, CHANGE_RESTARTS },
	{ CONTAINER "Configs", "config", add_files, CHANGE_RESTARTS },
	{ CONTAINER "Hosts", "host", add_set, CHANGE_RESTARTS },
	{ CONTAINER "StopGracePeriod", "stop grace period", add_time, CHANGE_RESTARTS },
	{ CONTAINER "Healthcheck.Test", "healthcheck", add_words, CHANGE_RESTARTS },
	{ CONTAINER "Healthcheck.Interval", "healthcheck interval", add_time, CHANGE_RESTARTS },
	{ CONTAINER "Healthcheck.Timeout", "healthcheck timeout", add_time, CHANGE_RESTARTS },
	{ CONTAINER "Healthcheck.StartPeriod", "healthcheck start period", add_time,
	  CHANGE_RESTARTS },
	{ TASK "Networks", "network", add_networks, CHANGE_RESTARTS },
	{ TASK "LogDriver.Options", "log option", add_map, CHANGE_RESTARTS },
	{ TASK "Resources.Limits.NanoCPUs", "cpu limit", add_cpus, CHANGE_RESTARTS },
	{ TASK "Resources.Limits.MemoryBytes", "memory limit", add_size, CHANGE_RESTARTS },
	{ TASK "Resources.Reservations.NanoCPUs", "cpu reservation", add_cpus, CHANGE_RESTARTS },
	{ TASK "Resources.Reservations.MemoryBytes", "memory reservation", add_size,
	  CHANGE_RESTARTS },
	{ TASK "RestartPolicy.Delay", "restart delay", add_time, CHANGE_RESTARTS },
	{ TASK "RestartPolicy.Window", "restart window", add_time, CHANGE_RESTARTS },
	{ TASK "Placement.Constraints", "constraint", add_set, CHANGE_MOVES },
	{ TASK "Placement.Platforms", "platforms", add_platforms, CHANGE_MOVES },
	{ TASK "RestartPolicy.Condition", "restart condition", add_plain, CHANGE_RESTARTS },
	{ TASK "RestartPolicy.MaxAttempts", "restart attempts", add_plain, CHANGE_RESTARTS },
	{ "EndpointSpec.Mode", "endpoint mode", add_plain, CHANGE_RESTARTS },
	{ "UpdateConfig.Parallelism", "update parallelism", add_plain, CHANGE_FREE },
	{ "UpdateConfig.FailureAction", "update failure action", add_plain, CHANGE_FREE },
	{ "UpdateConfig.Order", "update order", add_plain, CHANGE_FREE },
	{ "RollbackConfig.Parallelism", "rollback parallelism", add_plain, CHANGE_FREE },
	{ "RollbackConfig.FailureAction", "rollback failure action", add_plain, CHANGE_FREE },
	{ "RollbackConfig.Order", "rollback order", add_plain, CHANGE_FREE },
	{ "UpdateConfig.Delay", "update delay", add_time, CHANGE_FREE },
	{ "UpdateConfig.Monitor", "update monitor", add_time, CHANGE_FREE },
	{ "RollbackConfig.Delay", "rollback delay", add_time, CHANGE_FREE },
	{ "RollbackConfig.Monitor", "rollback monitor", add_time, CHANGE_FREE },
};

static const struct form *find_form(const char *path)
{
	for (size_t i = 0; i < ARRAY_LEN(forms); i++)
		if (strcmp(forms[i].path, path) == 0)
			return &forms[i];
	return NULL;
}

static enum change_cost cost_of(const char *path)
{
	if (strncmp(path, TASK "Placement.", strlen(TASK "Placement.")) == 0)
		return CHANGE_MOVES;
	if (strncmp(path, TASK, strlen(TASK)) == 0 || strncmp(path, "EndpointSpec.", 13) == 0)
		return CHANGE_RESTARTS;
	return CHANGE_FREE;
}

static const char *name_of(const char *path)
{
	static const char *const known[] = { CONTAINER, TASK };

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strncmp(path, known[i], strlen(known[i])) == 0)
			return path + strlen(known[i]);
	return path;
}

/* Depth is bounded where the document was read (base/json.c). */
static void walk(struct spec_fields *f, const char *path, const json_t *v)
{
	const struct form *form = find_form(path);
	const char *key;
	json_t *child;

	if (form) {
		form->add(f, form->name, v, form->cost);
	} else if (json_is_object(v) && json_object_size(v)) {
		json_object_foreach((json_t *)v, key, child)
		{
			auto_free char *below = mem_printf("%s%s%s", path, *path ? "." : "", key);

			walk(f, below, child);
		}
	} else if (strcmp(path, "Name") != 0) {
		add_plain(f, name_of(path), v, cost_of(path));
	}
}

void spec_fields_read(struct spec_fields *f, const json_t *spec)
{
	walk(f, "", spec);
}
