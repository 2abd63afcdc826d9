/*
 * Output of a RUN is indented below its step; bytes below 0x20 in it are dropped, except tabs
 * and the escape of colours, so that a log cannot be made to lie by cursor movements.
 */
#include "cmd/render_story.h"

#include "base/mem.h"

#define SHOWN_MS 100   /* what took less and said nothing has no line for its end */
#define STILL_MS 60000 /* how often what moves for long is told */

/* An "ESC [ … letter" at p; *color: it is a colour ("m"). */
static size_t escape_len(const char *p, bool *color)
{
	size_t n = 2 + strspn(p + 2, "0123456789;");

	*color = p[n] == 'm';
	return p[n] && !render_control(p + n) ? n + 1 : n;
}

/* Keeps tabs and "ESC [ digits m" (colours) and drops every other control character. A colour
 * that is left on is turned off: it may be one that hides the lines to come. */
void render_add_clean(struct buf *out, const char *text)
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
const char *render_after_cr(const char *text)
{
	size_t n = strlen(text);

	while (n && text[n - 1] == '\r')
		n--;
	for (size_t i = n; i; i--)
		if (text[i - 1] == '\r')
			return text + i;
	return text;
}

/* What a line about the end of it begins with: a step's whole text stands above. */
static void add_name(struct buf *out, const struct render_task *task)
{
	struct span label = render_task_label(task);
	auto_free char *name = label.n ? span_dup(label) : NULL;

	render_add_clean(out, name ? name : task->text);
}

static void add_more(struct buf *out, const char *text)
{
	if (!text)
		return;
	buf_add_str(out, " (");
	render_add_clean(out, text);
	buf_add_char(out, ')');
}

static void on_end(struct render_story *p, struct render_task *task,
		   const struct progress_event *ev, struct buf *out)
{
	int64_t ms = p->clock->mono_ms(p->clock) - task->begin_ms;
	char bytes[24], time[24], rate[40];

	render_time(time, ms);
	render_rate(rate, ev->done, ms);
	if (ev->kind == PROGRESS_CACHED) {
		add_name(out, task);
		buf_add_str(out, ": ");
		render_add_clean(out, ev->text ? ev->text : "cached");
	} else if (ev->done) {
		render_bytes(bytes, ev->done);
		add_name(out, task);
		buf_addf(out, ": %s in %s%s", bytes, time, rate);
		add_more(out, ev->text);
	} else if (task->has_lines || ms >= SHOWN_MS || ev->text) {
		add_name(out, task);
		buf_addf(out, ": %s", time);
		add_more(out, ev->text);
	}
	render_task_end(&p->tasks, task);
}

/* A large transfer that is under way: a line a minute, so that nobody takes the job for dead. */
static void on_tick(struct render_story *p, struct render_task *task,
		    const struct progress_event *ev, struct buf *out)
{
	int64_t now_ms = p->clock->mono_ms(p->clock);
	char done[24], total[24], rate[40];

	if (now_ms - task->told_ms < STILL_MS)
		return;
	task->told_ms = now_ms;
	render_bytes(done, ev->done);
	render_bytes(total, ev->total);
	render_rate(rate, ev->done, now_ms - task->begin_ms);
	add_name(out, task);
	buf_addf(out, ": %s%s%s%s", done, ev->total ? " of " : "", ev->total ? total : "", rate);
}

/* Whose line it is goes without saying, unless other steps are under way. */
static void add_label(struct buf *out, const struct render_story *s, const struct render_task *task)
{
	auto_free char *label = NULL;
	size_t steps = 0;

	for (size_t i = 0; i < s->tasks.nr; i++)
		steps += render_task_label(&s->tasks.v[i]).n > 0;
	if (!s->has_labels || !task || steps < 2 || !render_task_label(task).n)
		return;
	label = span_dup(render_task_label(task));
	render_add_clean(out, label);
	buf_add_char(out, ' ');
}

static void on_line(struct render_story *p, struct render_task *task,
		    const struct progress_event *ev, struct buf *out)
{
	const char *text = render_after_cr(ev->text ? ev->text : "");

	if (task)
		render_task_line(task, text);
	buf_add_str(out, "  ");
	add_label(out, p, task);
	render_add_clean(out, text);
}

/* The reason stands here only when nobody tells it at the end. */
static void on_fail(struct render_story *p, struct render_task *task,
		    const struct progress_event *ev, struct buf *out)
{
	char time[24];

	if (task && ev->returned)
		add_name(out, task);
	else
		render_add_clean(out, task ? task->text : ev->id);
	if (!ev->returned) {
		buf_add_str(out, ": ");
		render_add_clean(out, ev->text ? ev->text : "failed");
	} else if (task) {
		render_time(time, p->clock->mono_ms(p->clock) - task->begin_ms);
		buf_addf(out, ": failed after %s", time);
	}
	if (!task)
		return;
	if (ev->returned)
		render_last_take(&p->last, task);
	render_task_end(&p->tasks, task);
}

static void on_task(struct render_story *p, const struct progress_event *ev, struct buf *out)
{
	struct render_task *task = render_task_find(&p->tasks, ev->id);

	switch (ev->kind) {
	case PROGRESS_TICK:
		if (task)
			on_tick(p, task, ev, out);
		break;
	case PROGRESS_LINE:
		on_line(p, task, ev, out);
		break;
	case PROGRESS_END:
	case PROGRESS_CACHED:
		if (task)
			on_end(p, task, ev, out);
		break;
	case PROGRESS_FAIL:
		on_fail(p, task, ev, out);
		break;
	default:
		break;
	}
}

static void on_begin(struct render_story *p, const struct progress_event *ev, struct buf *out)
{
	int64_t now_ms = p->clock->mono_ms(p->clock);

	render_task_begin(&p->tasks, ev->id, ev->text, now_ms)->told_ms = now_ms;
	buf_add_str(out, p->color ? "\033[1m" : "");
	render_add_clean(out, ev->text);
	buf_add_str(out, p->color ? "\033[0m" : "");
}

void render_story_tell(struct render_story *p, const struct progress_event *ev, struct buf *out)
{
	switch (ev->kind) {
	case PROGRESS_BEGIN:
		on_begin(p, ev, out);
		break;
	case PROGRESS_WARN:
		buf_addf(out, "%swarning:%s ", p->color ? "\033[33m" : "",
			 p->color ? "\033[0m" : "");
		render_add_clean(out, ev->text);
		break;
	case PROGRESS_NOTE:
		render_add_clean(out, ev->text);
		break;
	default:
		on_task(p, ev, out);
		break;
	}
}

void render_story_last_words(const struct render_story *s, bool has_head, struct buf *out)
{
	const struct render_last *l = &s->last;

	if (has_head) {
		buf_add_str(out, "the last output of ");
		render_add_clean(out, l->label);
		buf_add_str(out, ":\n");
	}
	for (size_t i = 0; i < l->nr; i++) {
		buf_add_str(out, i ? "\n  " : "  ");
		render_add_clean(out, l->lines[i]);
	}
}

void render_story_release(struct render_story *s)
{
	render_tasks_release(&s->tasks);
	render_last_release(&s->last);
}
