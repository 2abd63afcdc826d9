/*
 * For logs: what begins is a line, output of a RUN is indented below it (with
 * the step's label, when several are under way), what ends after more than
 * a moment or with bytes to tell is a line. Every line is whole (one write), so
 * parallel work never mixes within a line. Bytes below 0x20 in output are dropped, except tabs
 * and the escape of colours, so that a log cannot be made to lie by cursor movements.
 */
#include <pthread.h>

#include "base/buf.h"
#include "base/mem.h"
#include "cmd/render.h"

struct plain {
	struct render base;
	pthread_mutex_t lock;
	struct clock *clock;
	struct render_tasks tasks;
	bool color, quiet;
};

static void put(struct buf *out)
{
	buf_add_char(out, '\n');
	fwrite(out->data, 1, out->len, stderr);
	fflush(stderr);
}

/* An "ESC [ … letter" at p; *color: it is a colour ("m"). */
static size_t escape_len(const char *p, bool *color)
{
	size_t n = 2 + strspn(p + 2, "0123456789;");

	*color = p[n] == 'm';
	return p[n] && !render_control(p + n) ? n + 1 : n;
}

/* Keeps tabs and "ESC [ digits m" (colours) and drops every other control character. A colour
 * that is left on is turned off: it may be one that hides the lines to come. */
static void add_clean(struct buf *out, const char *text)
{
	bool colored = false, color;
	size_t n;

	for (const char *p = text ? text : ""; *p; p += n) {
		if (p[0] == 0x1b && p[1] == '[') {
			n = escape_len(p, &color);
			if (!color)
				continue;
			buf_add(out, p, n);
			colored = n > 4 || p[2] != (n == 4 ? '0' : 'm');
		} else if (*p == '\t' || !(n = render_control(p))) {
			n = render_char(p);
			buf_add(out, p, n);
		}
	}
	if (colored)
		buf_add_str(out, "\033[0m");
}

/* The last part after a carriage return is what a terminal would show. */
static const char *after_cr(const char *text)
{
	size_t n = strlen(text);

	while (n && text[n - 1] == '\r')
		n--;
	for (size_t i = n; i; i--)
		if (text[i - 1] == '\r')
			return text + i;
	return text;
}

static void on_end(struct plain *p, struct render_task *task, const struct progress_event *ev,
		   struct buf *out)
{
	int64_t ms = p->clock->mono_ms(p->clock) - task->begin_ms;
	char bytes[24], time[24];

	render_time(time, ms);
	if (ev->kind == PROGRESS_CACHED) {
		add_clean(out, task->text);
		buf_add_str(out, ": ");
		add_clean(out, ev->text ? ev->text : "cached");
	} else if (ev->done) {
		render_bytes(bytes, ev->done);
		add_clean(out, task->text);
		buf_addf(out, ": %s in %s", bytes, time);
	} else if (task->has_lines || ms >= 1000) {
		add_clean(out, task->text);
		buf_addf(out, ": %s", time);
	}
	render_task_end(&p->tasks, task);
}

/* The "[stage 2/5]" that a step's text begins with; empty: it is no step. */
static struct span label_of(const struct render_task *task)
{
	const char *end = task->text[0] == '[' ? strchr(task->text, ']') : NULL;

	return end ? span_of(task->text, (size_t)(end - task->text) + 1) : span_of(NULL, 0);
}

/* Whose line it is goes without saying, unless other steps are under way. */
static void add_label(struct buf *out, const struct render_tasks *all,
		      const struct render_task *task)
{
	auto_free char *label = NULL;
	size_t steps = 0;

	for (size_t i = 0; i < all->nr; i++)
		steps += label_of(&all->v[i]).n > 0;
	if (!task || steps < 2 || !label_of(task).n)
		return;
	label = span_dup(label_of(task));
	add_clean(out, label);
	buf_add_char(out, ' ');
}

static void on_task(struct plain *p, const struct progress_event *ev, struct buf *out)
{
	struct render_task *task = render_task_find(&p->tasks, ev->id);

	switch (ev->kind) {
	case PROGRESS_LINE:
		if (task)
			task->has_lines = true;
		buf_add_str(out, "  ");
		add_label(out, &p->tasks, task);
		add_clean(out, after_cr(ev->text ? ev->text : ""));
		break;
	case PROGRESS_END:
	case PROGRESS_CACHED:
		if (task)
			on_end(p, task, ev, out);
		break;
	case PROGRESS_FAIL:
		add_clean(out, task ? task->text : ev->id);
		buf_add_str(out, ": ");
		add_clean(out, ev->text ? ev->text : "failed");
		if (task)
			render_task_end(&p->tasks, task);
		break;
	default:
		break;
	}
}

/* Nothing is told, but what failed tells its last lines: they are the reason. */
static void on_task_quiet(struct plain *p, const struct progress_event *ev, struct buf *out)
{
	struct render_task *task = render_task_find(&p->tasks, ev->id);

	if (ev->kind == PROGRESS_BEGIN)
		render_task_begin(&p->tasks, ev->id, ev->text, 0);
	else if (task && ev->kind == PROGRESS_LINE)
		render_task_line(task, after_cr(ev->text ? ev->text : ""));
	else if (task && ev->kind != PROGRESS_FAIL)
		render_task_end(&p->tasks, task);
	else if (task) {
		for (size_t i = 0; i < task->nr_tail; i++) {
			buf_add_str(out, i ? "\n  " : "  ");
			add_clean(out, task->tail[i]);
		}
		render_task_end(&p->tasks, task);
	}
}

static void plain_emit(struct progress *progress, const struct progress_event *ev)
{
	struct plain *p = CONTAINER_OF(progress, struct plain, base.progress);
	auto_buf struct buf out = BUF_INIT(BUF_SMALL);

	if (ev->kind == PROGRESS_TICK || (p->quiet && ev->kind == PROGRESS_NOTE))
		return;
	pthread_mutex_lock(&p->lock);
	if (p->quiet && ev->kind != PROGRESS_WARN) {
		on_task_quiet(p, ev, &out);
	} else if (ev->kind == PROGRESS_BEGIN) {
		render_task_begin(&p->tasks, ev->id, ev->text, p->clock->mono_ms(p->clock));
		buf_add_str(&out, p->color ? "\033[1m" : "");
		add_clean(&out, ev->text);
		buf_add_str(&out, p->color ? "\033[0m" : "");
	} else if (ev->kind == PROGRESS_WARN) {
		buf_addf(&out, "%swarning:%s ", p->color ? "\033[33m" : "",
			 p->color ? "\033[0m" : "");
		add_clean(&out, ev->text);
	} else if (ev->kind == PROGRESS_NOTE) {
		add_clean(&out, ev->text);
	} else {
		on_task(p, ev, &out);
	}
	if (out.len)
		put(&out);
	pthread_mutex_unlock(&p->lock);
}

static void plain_finish(struct render *r)
{
	(void)r;
}

static void plain_free(struct render *r)
{
	struct plain *p = CONTAINER_OF(r, struct plain, base);

	render_tasks_release(&p->tasks);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

struct render *render_plain_new(struct clock *clock, bool color, bool quiet)
{
	struct plain *p = mem_zalloc(sizeof(*p));

	p->base = (struct render){ .progress = { plain_emit },
				   .finish = plain_finish,
				   .free = plain_free };
	p->clock = clock;
	p->color = color;
	p->quiet = quiet;
	pthread_mutex_init(&p->lock, NULL);
	return &p->base;
}
