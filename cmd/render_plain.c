/*
 * For logs: each line of the story as it comes. Every line is whole (one write), so parallel work never
 * mixes within a line.
 */
#include <pthread.h>

#include "base/buf.h"
#include "base/mem.h"
#include "cmd/render_story.h"

struct plain {
	struct render base;
	pthread_mutex_t lock;
	struct render_story story;
	char *talker;  /* whose output the log ends with, … */
	size_t talked; /* … and how many lines of it */
	bool quiet;
};

static void put(struct buf *out)
{
	buf_add_char(out, '\n');
	fwrite(out->data, 1, out->len, stderr);
	fflush(stderr);
}

/* The log ends with one more line of that task's output; NULL: with something else. */
static void note_talker(struct plain *p, const char *id)
{
	bool same = id && p->talker && strcmp(id, p->talker) == 0;

	p->talked = same ? p->talked + 1 : 1;
	if (same)
		return;
	free(p->talker);
	p->talker = mem_strdup(id);
}

/* Nothing is told, but what failed has its last words. */
static void on_task_quiet(struct plain *p, const struct progress_event *ev)
{
	struct render_task *task = render_task_find(&p->story.tasks, ev->id);

	if (ev->kind == PROGRESS_BEGIN)
		render_task_begin(&p->story.tasks, ev->id, ev->text, 0);
	else if (task && ev->kind == PROGRESS_LINE)
		render_task_line(task, render_after_cr(ev->text ? ev->text : ""));
	else if (task) {
		if (ev->kind == PROGRESS_FAIL && ev->returned)
			render_last_take(&p->story.last, task);
		render_task_end(&p->story.tasks, task);
	}
}

static void plain_emit(struct progress *progress, const struct progress_event *ev)
{
	struct plain *p = CONTAINER_OF(progress, struct plain, base.progress);
	auto_buf struct buf out = BUF_INIT(BUF_SMALL);

	if (ev->kind == PROGRESS_WHY)
		return;
	if (p->quiet && (ev->kind == PROGRESS_TICK || ev->kind == PROGRESS_NOTE))
		return;
	pthread_mutex_lock(&p->lock);
	if (p->quiet && ev->kind != PROGRESS_WARN)
		on_task_quiet(p, ev);
	else
		render_story_tell(&p->story, ev, &out);
	/* that it failed comes between its output and the reason in any case */
	if (out.len && ev->kind != PROGRESS_FAIL)
		note_talker(p, ev->kind == PROGRESS_LINE ? ev->id : NULL);
	if (out.len)
		put(&out);
	pthread_mutex_unlock(&p->lock);
}

/* Unless the log ends with them. */
static void plain_last_words(struct render *r)
{
	struct plain *p = CONTAINER_OF(r, struct plain, base);
	const struct render_last *l = &p->story.last;
	bool fresh = l->nr && p->talker && strcmp(p->talker, l->id) == 0 && p->talked >= l->nr;
	auto_buf struct buf out = BUF_INIT(SIZE_MAX);

	if (!l->nr || fresh)
		return;
	render_story_last_words(&p->story, !p->quiet, &out);
	put(&out);
}

static void plain_finish(struct render *r)
{
	(void)r;
}

static void plain_free(struct render *r)
{
	struct plain *p = CONTAINER_OF(r, struct plain, base);

	render_story_release(&p->story);
	free(p->talker);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

struct render *render_plain_new(struct clock *clock, bool color, bool quiet)
{
	struct plain *p = mem_zalloc(sizeof(*p));

	p->base = (struct render){ .progress = { plain_emit },
				   .finish = plain_finish,
				   .last_words = plain_last_words,
				   .free = plain_free };
	p->story = (struct render_story){ .clock = clock, .color = color, .has_labels = true };
	p->quiet = quiet;
	pthread_mutex_init(&p->lock, NULL);
	return &p->base;
}
