/*
 * cdeploy logs SERVICE: the last lines of all its tasks, by time. Each task is asked alone: a
 * node that is gone would end the answer for all of them.
 */
#include <unistd.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/progress.h"
#include "cmd/cdeploy.h"
#include "deploy/logs.h"
#include "deploy/view.h"

#define NS_PER_MS	INT64_C(1000000)
#define FOLLOW_PAUSE_MS 1000
#define TASKS_MAX	64 /* the newest of more */

struct shown_task {
	char *id;
	int64_t last_ns; /* of the last line printed */
};

struct logs {
	struct cdeploy *c;
	const char *service;
	int64_t since_ns;
	uint64_t tail; /* 0: all */
	struct shown_task *tasks;
	size_t nr, cap;
	bool again; /* following: not the first look */
};

struct line {
	const struct log_line *l;
	const char *task;
};

static int64_t *last_of(struct logs *x, const char *id)
{
	for (size_t i = 0; i < x->nr; i++)
		if (strcmp(x->tasks[i].id, id) == 0)
			return &x->tasks[i].last_ns;
	MEM_GROW(x->tasks, x->nr, x->cap);
	x->tasks[x->nr] = (struct shown_task){ mem_strdup(id), x->since_ns };
	return &x->tasks[x->nr++].last_ns;
}

static int by_time(const void *a, const void *b)
{
	const struct line *x = a, *y = b;

	if (x->l->wall_ns != y->l->wall_ns)
		return x->l->wall_ns < y->l->wall_ns ? -1 : 1;
	return x->l < y->l ? -1 : x->l > y->l;
}

/* One task's; what cannot be had is warned about, once. */
static int get_one(struct deploy_logs *l, struct logs *x, const struct view_task *t, bool tty,
		   struct err *e)
{
	struct op *op = &x->c->app->op;
	struct logs_options o = { .tail = x->again ? 0 : x->tail,
				  .since_ns = *last_of(x, t->id),
				  .tty = tty };
	struct err why = ERR_INIT;

	if (deploy_logs_get(l, op, x->c->engine, "tasks", t->id, &o, &why) < 0) {
		if (why.kind == ERR_CANCELLED) {
			*e = why;
			return -1;
		}
		if (!x->again)
			progress_warn(op->progress, "log of '%s': %s", t->name, why.text);
	} else if (l->trouble && !x->again) {
		progress_warn(op->progress, "log of '%s': %s", t->name, l->trouble);
	}
	return 0;
}

static int print_lines(struct logs *x, const struct line *v, size_t nr, struct err *e)
{
	size_t first = !x->again && x->tail && nr > x->tail ? nr - (size_t)x->tail : 0;
	bool terminal = isatty(STDOUT_FILENO);
	auto_buf struct buf text = BUF_INIT(64u << 20);

	if (first == nr)
		return 0;
	for (size_t i = first; i < nr; i++) {
		buf_addf(&text, "%s%s | ", i > first ? "\n" : "", v[i].task);
		if (terminal)
			deploy_log_add_plain(&text, v[i].l->text);
		else
			buf_add_str(&text, v[i].l->text);
	}
	if (text.over)
		return err_set(e, ERR_FAILED, "logs: too much at once; use --tail or --since");
	return app_result(x->c->app, buf_str(&text), e);
}

/* logs[i] are of v->tasks[i]. */
static int print_new(struct logs *x, const struct view *v, const struct deploy_logs *logs,
		     struct err *e)
{
	size_t nr = 0, cap = 0;
	auto_free struct line *lines = NULL;

	for (size_t i = 0; i < v->nr_tasks; i++) {
		int64_t *last = last_of(x, v->tasks[i].id), newest = *last;

		for (size_t k = 0; k < logs[i].nr; k++) {
			const struct log_line *l = &logs[i].v[k];

			/* the engine gives the line of that very moment again */
			if (l->wall_ns && l->wall_ns <= *last)
				continue;
			newest = l->wall_ns > newest ? l->wall_ns : newest;
			MEM_GROW(lines, nr, cap);
			lines[nr++] = (struct line){ l, v->tasks[i].name };
		}
		*last = newest;
	}
	if (nr)
		qsort(lines, nr, sizeof(*lines), by_time);
	return print_lines(x, lines, nr, e);
}

static bool has_log(const struct logs *x, const struct view_task *t)
{
	if (t->has_container && t->node_is_down && !x->again)
		progress_warn(x->c->app->op.progress, "log of '%s': its node '%s' is down", t->name,
			      t->node);
	return t->has_container && !t->node_is_down;
}

static int look_once(struct logs *x, struct err *e)
{
	/* whoever's it is: a log changes nothing */
	struct strv names = { .v = (char *[]){ (char *)x->service, NULL }, .n = 1 };
	struct view_filter f = { .names = &names };
	auto_view struct view v = { 0 };
	struct deploy_logs *logs;
	size_t asked = 0;
	int n;

	if (view_get(&v, &x->c->app->op, x->c->engine, &f, true, e) < 0)
		return -1;
	if (!v.nr)
		return err_set(e, ERR_ABSENT, "service '%s': there is none", x->service);
	if (v.nr > 1)
		return err_set(e, ERR_INPUT, "'%s' may be '%s' or '%s'", x->service,
			       v.services[0].s.name, v.services[1].s.name);
	view_tasks_newest_first(&v);
	logs = mem_zalloc((v.nr_tasks + 1) * sizeof(*logs));
	n = 0;
	for (size_t i = 0; i < v.nr_tasks && n == 0; i++)
		if (has_log(x, &v.tasks[i]) && asked++ < TASKS_MAX)
			n = get_one(&logs[i], x, &v.tasks[i], engine_spec_tty(v.services[0].s.spec),
				    e);
	if (asked > TASKS_MAX && !x->again)
		progress_warn(x->c->app->op.progress,
			      "service '%s' has %zu tasks with a log: only the newest %d are asked",
			      v.services[0].s.name, asked, TASKS_MAX);
	if (n == 0)
		n = print_new(x, &v, logs, e);
	for (size_t i = 0; i < v.nr_tasks; i++)
		deploy_logs_release(&logs[i]);
	free(logs);
	return n;
}

/* A length of time back from now, or a time. */
static int read_since(int64_t *out, struct cdeploy *c, struct err *e)
{
	const char *text = c->args.since;
	struct clock *clock = c->app->op.clock;
	int64_t ns;

	*out = 0;
	if (!text)
		return 0;
	if (span_to_duration_ns(&ns, span_of_str(text)) == 0)
		*out = clock->wall_ns(clock) - ns;
	else if (clock_parse(out, text) < 0)
		return err_set(e, ERR_INPUT,
			       "--since '%s': neither a duration (10m) nor a time "
			       "(2026-01-02T03:04:05Z)",
			       text);
	return 0;
}

static int read_tail(uint64_t *out, const char *text, struct err *e)
{
	*out = 100;
	if (text && strcmp(text, "all") == 0)
		*out = 0;
	else if (text && (span_to_u64(out, span_of_str(text)) < 0 || !*out))
		return err_set(e, ERR_INPUT, "--tail '%s': neither a number nor 'all'", text);
	return 0;
}

static int run(struct logs *x, struct err *e)
{
	struct op *op = &x->c->app->op;

	if (cdeploy_connect(x->c, e) < 0 || read_since(&x->since_ns, x->c, e) < 0 ||
	    look_once(x, e) < 0)
		return -1;
	while (x->c->args.follow) {
		x->again = true;
		op->clock->sleep_ms(op->clock, FOLLOW_PAUSE_MS, op->cancel);
		if (cancel_check(op->cancel, e) < 0 || look_once(x, e) < 0)
			return -1;
	}
	return 0;
}

int cdeploy_logs(struct cdeploy *c, struct err *e)
{
	struct logs x = { .c = c };
	int n;

	if (c->app->positional.n < 2)
		return err_set(e, ERR_INPUT, "logs: SERVICE is needed");
	x.service = c->app->positional.v[1];
	if (read_tail(&x.tail, c->args.tail, e) < 0)
		return -1;
	n = run(&x, e);
	for (size_t i = 0; i < x.nr; i++)
		free(x.tasks[i].id);
	free(x.tasks);
	return n;
}
