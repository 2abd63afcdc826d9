/*
 * The log is fetched before anything is taken back: with the service or the next few tasks its
 * container goes, too.
 */
#include "deploy/failure.h"

#include <ctype.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/progress.h"
#include "deploy/logs.h"
#include "deploy/mask.h"

#define LOG_LINES     10
#define LOG_LINE_SHOW 500
#define LOG_BYTES     (64u << 10)
#define LOG_TIME_MS   5000

#define KILLED 137 /* by SIGKILL, as a shell tells it */

#define SECRET_LEAST 3
#define SECRET_LONG  6 /* a shorter one stands in many words and paths */

/* No part of a word or of a path; text: in which it is found. */
static bool stands_alone(const char *text, const char *at, size_t n)
{
	static const char *const more = "_-./";
	char before = at > text ? at[-1] : ' ', after = at[n] ? at[n] : ' ';

	/* a full stop ends a sentence, too */
	return !isalnum((unsigned char)before) && !strchr(more, before) &&
	       !isalnum((unsigned char)after) &&
	       (!strchr(more, after) || (after == '.' && !isalnum((unsigned char)at[n + 1])));
}

/* A task may print what it was given. *text is replaced. */
static void hide_value(char **text, const char *value)
{
	auto_buf struct buf b = BUF_INIT(SIZE_MAX);
	const char *rest = *text, *at = rest;
	size_t n = strlen(value);

	if (n < SECRET_LEAST)
		return;
	while ((at = strstr(at, value))) {
		if (n < SECRET_LONG && !stands_alone(*text, at, n)) {
			at++;
			continue;
		}
		buf_add(&b, rest, (size_t)(at - rest));
		buf_add_str(&b, MASKED);
		at = rest = at + n;
	}
	buf_add_str(&b, rest);
	free(*text);
	*text = buf_steal(&b);
}

/* Lines are looked at one by one, so of a value of several (a key in PEM) each is one of its own. */
static void add_lines(struct strv *values, struct span value)
{
	struct span line;

	while (span_line(&value, &line))
		strv_add_span(values, span_rtrim(line));
}

static int longer_first(const void *a, const void *b)
{
	size_t n = strlen(*(char *const *)a), m = strlen(*(char *const *)b);

	return (n < m) - (n > m);
}

char *deploy_failure_line(const char *line, const json_t *spec)
{
	const json_t *task = json_object_get(spec, "TaskTemplate"), *v;
	auto_strv struct strv values = STRV_INIT;
	char *text = mask_text(span_of_str(line));
	size_t i;

	json_array_foreach(json_object_get(json_object_get(task, "ContainerSpec"), "Env"), i, v)
	{
		struct span name, value;

		if (span_cut(span_of_str(json_string_value(v)), '=', &name, &value) &&
		    deploy_is_secret(name, value))
			add_lines(&values, value);
	}
	/* one may begin with another */
	if (values.n)
		qsort(values.v, values.n, sizeof(*values.v), longer_first);
	for (i = 0; i < values.n; i++)
		hide_value(&text, values.v[i]);
	return text;
}

/* is_only: there is no other. */
static void tell_node(struct op *op, const json_t *node, const char *service,
		      const struct deploy_rollout *r, bool is_only)
{
	bool limit = r->end == ROLLOUT_NO_NODE || r->end == ROLLOUT_TIME_OVER;
	const char *id, *state, *why, *name;
	struct err ignored = ERR_INIT; /* this is only help */
	json_t *status, *about;

	if (json_get_str(&id, node, "ID", "node", &ignored) < 0 ||
	    json_get_obj(&status, node, "Status", "node", &ignored) < 0 ||
	    json_get_obj(&about, node, "Description", "node", &ignored) < 0 ||
	    json_get_str(&state, status, "State", "node.Status", &ignored) < 0 ||
	    json_opt_str(&why, status, "Message", "node.Status", "", &ignored) < 0 ||
	    json_opt_str(&name, about, "Hostname", "node.Description", id, &ignored) < 0)
		return;
	if (!is_only && strcmp(id, r->last_node) == 0)
		progress_note(op->progress, "%s: it was a task on node '%.64s'", service, name);
	if (limit && strcmp(state, "ready") != 0)
		progress_warn(op->progress, "node '%.64s' is %.64s%s%.200s", name, state,
			      *why ? ": " : "", why);
}

/* Where it failed, and at a limit who is down: of a lost node the engine goes on saying that its tasks run. */
static void tell_nodes(struct op *op, struct engine *eng, const char *service,
		       const struct deploy_rollout *r)
{
	struct err ignored = ERR_INIT;
	auto_json json_t *nodes = engine_list(op, eng, "/nodes", NULL, NULL, &ignored);
	json_t *node;
	size_t i;

	json_array_foreach(nodes, i, node)
		tell_node(op, node, service, r, json_array_size(nodes) == 1);
}

static char *container_of(struct op *op, struct engine *eng, const char *task)
{
	auto_free char *path = mem_printf("/tasks/%s", task);
	struct err ignored = ERR_INIT; /* this is only help */
	auto_json json_t *o = NULL;
	json_t *status;
	const char *id;

	if (engine_call(&o, op, eng, "GET", path, NULL, NULL, &ignored) < 0)
		return NULL;
	status = json_object_get(json_object_get(o, "Status"), "ContainerStatus");
	id = json_string_value(json_object_get(status, "ContainerID"));
	return id && *id && strspn(id, "0123456789abcdef") == strlen(id) ? mem_strdup(id) : NULL;
}

/* The last one: what says most stands there. */
static struct span last_line(struct span text)
{
	ptrdiff_t end;

	text = span_trim(text);
	end = span_rfind(text, '\n');
	return end < 0 ? text : span_sub(text, (size_t)end + 1);
}

static json_int_t exit_code(const json_t *check)
{
	return json_integer_value(json_object_get(check, "ExitCode"));
}

/* The last one; but one that the task's end killed, or that was not begun any more, tells less than a failed one
 * before it. */
static const json_t *last_check(const json_t *log)
{
	size_t i = json_array_size(log);
	const json_t *last = i ? json_array_get(log, --i) : NULL;

	while (i && (exit_code(last) == KILLED || exit_code(last) < 0) &&
	       exit_code(json_array_get(log, i - 1)))
		last = json_array_get(log, --i);
	return last;
}

/* Only the engine of the task's own node knows; on a swarm of one node that is the one we talk to. */
static void tell_health(struct op *op, struct engine *eng, const char *name, const char *task,
			const json_t *spec)
{
	auto_free char *id = container_of(op, eng, task), *path = NULL, *text = NULL, *shown = NULL;
	struct err ignored = ERR_INIT;
	auto_json json_t *o = NULL;
	const json_t *last;
	const char *output;

	if (!id)
		return;
	path = mem_printf("/containers/%s/json", id);
	if (engine_call(&o, op, eng, "GET", path, NULL, NULL, &ignored) < 0)
		return;
	last = last_check(
		json_object_get(json_object_get(json_object_get(o, "State"), "Health"), "Log"));
	output = json_string_value(json_object_get(last, "Output"));
	if (!exit_code(last))
		return;
	text = span_dup(last_line(span_of_str(output ? output : "")));
	shown = deploy_failure_line(text, spec);
	progress_note(op->progress, "%s: its health check ended with %lld%s%.*s", name,
		      (long long)exit_code(last), *shown ? ": " : "", LOG_LINE_SHOW, shown);
}

static void tell_log(struct op *op, struct engine *eng, const char *name,
		     const struct deploy_rollout *r, const json_t *spec)
{
	auto_logs struct deploy_logs logs = { 0 };
	struct logs_options o = { .tail = LOG_LINES,
				  .bytes_max = LOG_BYTES,
				  .time_ms = LOG_TIME_MS,
				  .tty = engine_spec_tty(spec) };
	struct err e = ERR_INIT;

	if (deploy_logs_get(&logs, op, eng, "tasks", r->last_failed, &o, &e) < 0) {
		progress_note(op->progress, "%s: its log cannot be had: %s", name, e.text);
		return;
	}
	if (!logs.nr)
		progress_note(op->progress, "%s: the task printed nothing", name);
	for (size_t i = 0; i < logs.nr; i++) {
		auto_free char *shown = deploy_failure_line(logs.v[i].text, spec);

		progress_note(op->progress, "%s | %.*s", name, LOG_LINE_SHOW, shown);
	}
	if (logs.trouble)
		progress_note(op->progress, "%s: there may be more: %s", name, logs.trouble);
}

void deploy_failure_log(struct op *op, struct engine *eng, const char *name,
			const struct deploy_rollout *r, const json_t *spec)
{
	if (*r->last_node || r->end == ROLLOUT_NO_NODE || r->end == ROLLOUT_TIME_OVER)
		tell_nodes(op, eng, name, r);
	if (!*r->last_failed)
		return;
	tell_log(op, eng, name, r, spec);
	tell_health(op, eng, name, r->last_failed, spec);
}

static void tell_state(struct op *op, const struct engine_service *s, const char *name)
{
	if (!s)
		progress_warn(op->progress, "now: service '%s' does not exist", name);
	else if (s->is_counted)
		progress_warn(op->progress, "now: service '%s': %llu/%llu running, %s", name,
			      (unsigned long long)s->running, (unsigned long long)s->desired,
			      engine_spec_image(s->spec));
	else
		progress_warn(op->progress, "now: service '%s' has %s", name,
			      engine_spec_image(s->spec));
}

void deploy_failure_state(struct op *op, struct engine *eng, const struct strv *services)
{
	auto_engine_state struct engine_state now = { 0 };
	auto_strv struct strv networks = STRV_INIT;
	struct err e = ERR_INIT;

	if (engine_state_get(&now, op, eng, services, &networks, &e) < 0) {
		progress_warn(op->progress, "what runs now cannot be told: %s", e.text);
		return;
	}
	for (size_t i = 0; i < services->n; i++)
		tell_state(op, engine_state_service(&now, services->v[i]), services->v[i]);
}
