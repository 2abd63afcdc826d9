/*
 * For terminals: what is finished scrolls up as in the plain form, what is under way stays
 * below it, redrawn in place: one line a task with a bar where the size is known, and the
 * last line of output of a RUN. When something fails its last lines of
 * output are printed. All control bytes of foreign text are dropped here.
 */
#include <pthread.h>
#include <sys/ioctl.h>

#include "base/buf.h"
#include "base/mem.h"
#include "cmd/render.h"

#define LIVE_MAX  8 /* tasks shown at once */
#define REDRAW_MS 80
#define BAR_CELLS 20

struct tty {
	struct render base;
	pthread_mutex_t lock;
	struct clock *clock;
	struct render_tasks tasks;
	bool color;
	size_t drawn; /* lines of the live area on the screen */
	int64_t drawn_ms;
};

static size_t columns(void)
{
	struct winsize w;

	return ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 20 ? w.ws_col : 80;
}

/* At most max characters. */
static void add_clean(struct buf *out, const char *text, size_t max)
{
	size_t n;

	for (const char *p = text ? text : ""; *p && max; p += n) {
		n = render_control(p);
		if (n)
			continue;
		n = render_char(p);
		buf_add(out, p, n);
		max--;
	}
}

static void erase(struct tty *t, struct buf *out)
{
	if (t->drawn)
		buf_addf(out, "\033[%zuA\r\033[J", t->drawn);
	t->drawn = 0;
}

static void draw_task(const struct render_task *task, struct buf *out, size_t width, int64_t now_ms)
{
	char time[24], done[24], total[24], rate[40];

	render_time(time, now_ms - task->begin_ms);
	render_rate(rate, task->done, now_ms - task->begin_ms);
	if (task->total) {
		size_t full = (size_t)(task->done * BAR_CELLS / task->total);

		render_bytes(done, task->done);
		render_bytes(total, task->total);
		buf_add_char(out, '[');
		for (size_t i = 0; i < BAR_CELLS; i++)
			buf_add_char(out, i < full ? '#' : '.');
		buf_addf(out, "] %s/%s%s ", done, total, rate);
		width = width > 58 ? width - 58 : 1;
		add_clean(out, task->text, width);
	} else {
		buf_addf(out, "%6s ", time);
		add_clean(out, task->text, width > 8 ? width - 8 : 1);
	}
	buf_add_str(out, "\033[K\n");
}

static void draw(struct tty *t, struct buf *out)
{
	size_t width = columns() - 1;
	int64_t now_ms = t->clock->mono_ms(t->clock);

	for (size_t i = 0; i < t->tasks.nr && i < LIVE_MAX; i++) {
		const struct render_task *task = &t->tasks.v[i];

		draw_task(task, out, width, now_ms);
		t->drawn++;
		if (task->nr_tail) {
			buf_add_str(out, t->color ? "\033[2m       " : "       ");
			add_clean(out, task->tail[task->nr_tail - 1], width > 9 ? width - 9 : 1);
			buf_add_str(out, t->color ? "\033[0m\033[K\n" : "\033[K\n");
			t->drawn++;
		}
	}
	t->drawn_ms = now_ms;
}

static void finished_why(struct buf *out, const char *why)
{
	buf_add_str(out, ": ");
	add_clean(out, why, 8192);
	buf_add_char(out, '\n');
}

static void finished(struct tty *t, struct render_task *task, const struct progress_event *ev,
		     struct buf *out)
{
	char time[24], bytes[24] = "", rate[40] = "";
	int64_t ms = t->clock->mono_ms(t->clock) - task->begin_ms;
	const char *mark = ev->kind == PROGRESS_FAIL	 ? "!"
			   : ev->kind == PROGRESS_CACHED ? "="
							 : "+";

	render_time(time, ms);
	if (ev->done) {
		render_bytes(bytes, ev->done);
		render_rate(rate, ev->done, ms);
	}
	if (ev->kind == PROGRESS_FAIL)
		for (size_t i = 0; i < task->nr_tail; i++) {
			buf_add_str(out, "  ");
			add_clean(out, task->tail[i], 4096);
			buf_add_char(out, '\n');
		}
	buf_addf(out, "%s ", mark);
	add_clean(out, task->text, 4096);
	if (ev->kind == PROGRESS_END) {
		buf_addf(out, " (%s%s%s%s%s", bytes, ev->done ? ", " : "", time, rate,
			 ev->text ? "; " : "");
		add_clean(out, ev->text, 4096);
		buf_add_str(out, ")\n");
	} else if (ev->returned)
		buf_addf(out, " (failed after %s)\n", time);
	else
		finished_why(out, ev->text);
	render_task_end(&t->tasks, task);
}

static void on_message(const struct tty *t, const struct progress_event *ev, struct buf *out)
{
	if (ev->kind == PROGRESS_WARN)
		buf_add_str(out, t->color ? "\033[33mwarning:\033[0m " : "warning: ");
	add_clean(out, ev->text, 8192);
	buf_add_char(out, '\n');
}

/* False: nothing permanent was added. */
static bool on_event(struct tty *t, const struct progress_event *ev, struct buf *out)
{
	struct render_task *task = render_task_find(&t->tasks, ev->id);

	switch (ev->kind) {
	case PROGRESS_NOTE:
	case PROGRESS_WARN:
		on_message(t, ev, out);
		return true;
	case PROGRESS_BEGIN:
		render_task_begin(&t->tasks, ev->id, ev->text, t->clock->mono_ms(t->clock));
		return true;
	case PROGRESS_TICK:
		if (task) {
			task->done = ev->done;
			task->total = ev->total;
		}
		return false;
	case PROGRESS_WHY:
		return false;
	case PROGRESS_LINE:
		if (task)
			render_task_line(task, ev->text ? ev->text : "");
		return false;
	default:
		if (task)
			finished(t, task, ev, out);
		return true;
	}
}

static void tty_emit(struct progress *progress, const struct progress_event *ev)
{
	struct tty *t = CONTAINER_OF(progress, struct tty, base.progress);
	auto_buf struct buf text = BUF_INIT(BUF_SMALL);
	auto_buf struct buf out = BUF_INIT(BUF_SMALL);
	bool now;

	pthread_mutex_lock(&t->lock);
	now = on_event(t, ev, &text) || t->clock->mono_ms(t->clock) - t->drawn_ms >= REDRAW_MS;
	if (now) {
		erase(t, &out);
		buf_add_span(&out, buf_span(&text));
		draw(t, &out);
		fwrite(buf_str(&out), 1, out.len, stderr);
		fflush(stderr);
	}
	pthread_mutex_unlock(&t->lock);
}

static void tty_tick(struct render *r)
{
	struct tty *t = CONTAINER_OF(r, struct tty, base);
	auto_buf struct buf out = BUF_INIT(BUF_SMALL);

	pthread_mutex_lock(&t->lock);
	if (t->tasks.nr && t->clock->mono_ms(t->clock) - t->drawn_ms >= REDRAW_MS) {
		erase(t, &out);
		draw(t, &out);
		fwrite(buf_str(&out), 1, out.len, stderr);
		fflush(stderr);
	}
	pthread_mutex_unlock(&t->lock);
}

static void tty_finish(struct render *r)
{
	struct tty *t = CONTAINER_OF(r, struct tty, base);
	auto_buf struct buf out = BUF_INIT(BUF_SMALL);

	pthread_mutex_lock(&t->lock);
	erase(t, &out);
	fwrite(buf_str(&out), 1, out.len, stderr);
	fflush(stderr);
	pthread_mutex_unlock(&t->lock);
}

static void tty_free(struct render *r)
{
	struct tty *t = CONTAINER_OF(r, struct tty, base);

	render_tasks_release(&t->tasks);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

struct render *render_tty_new(struct clock *clock, bool color)
{
	struct tty *t = mem_zalloc(sizeof(*t));

	t->base = (struct render){
		.progress = { tty_emit }, .finish = tty_finish, .tick = tty_tick, .free = tty_free
	};
	t->clock = clock;
	t->color = color;
	pthread_mutex_init(&t->lock, NULL);
	return &t->base;
}
