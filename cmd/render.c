/* What the renderers share: the table of things under way, and numbers for people. */
#include "cmd/render.h"

#include "base/mem.h"

struct render_task *render_task_find(struct render_tasks *t, const char *id)
{
	for (size_t i = 0; id && i < t->nr; i++)
		if (strcmp(t->v[i].id, id) == 0)
			return &t->v[i];
	return NULL;
}

struct render_task *render_task_begin(struct render_tasks *t, const char *id, const char *text,
				      int64_t now_ms)
{
	struct render_task *old = render_task_find(t, id);

	if (old)
		render_task_end(t, old);
	MEM_GROW(t->v, t->nr, t->cap);
	t->v[t->nr] = (struct render_task){ .id = mem_strdup(id ? id : ""),
					    .text = mem_strdup(text ? text : ""),
					    .begin_ms = now_ms };
	return &t->v[t->nr++];
}

void render_task_line(struct render_task *t, const char *line)
{
	if (t->nr_tail == ARRAY_LEN(t->tail)) {
		free(t->tail[0]);
		memmove(t->tail, t->tail + 1, sizeof(t->tail) - sizeof(t->tail[0]));
		t->nr_tail--;
	}
	t->tail[t->nr_tail++] = mem_strdup(line);
	t->has_lines = true;
}

static void task_release(struct render_task *task)
{
	free(task->id);
	free(task->text);
	for (size_t i = 0; i < task->nr_tail; i++)
		free(task->tail[i]);
}

void render_task_end(struct render_tasks *t, struct render_task *task)
{
	size_t i = (size_t)(task - t->v);

	task_release(task);
	memmove(task, task + 1, (t->nr - i - 1) * sizeof(*task));
	t->nr--;
}

void render_tasks_release(struct render_tasks *t)
{
	for (size_t i = 0; i < t->nr; i++)
		task_release(&t->v[i]);
	free(t->v);
	*t = (struct render_tasks){ 0 };
}

struct span render_task_label(const struct render_task *task)
{
	const char *end = task->text[0] == '[' ? strchr(task->text, ']') : NULL;

	return end ? span_of(task->text, (size_t)(end - task->text) + 1) : span_of(NULL, 0);
}

void render_last_take(struct render_last *l, struct render_task *from)
{
	struct span label = render_task_label(from);

	if (l->nr || !from->nr_tail)
		return;
	l->id = mem_strdup(from->id);
	l->label = label.n ? span_dup(label) : mem_strdup(from->text);
	memcpy(l->lines, from->tail, sizeof(l->lines));
	l->nr = from->nr_tail;
	from->nr_tail = 0;
}

void render_last_release(struct render_last *l)
{
	free(l->id);
	free(l->label);
	for (size_t i = 0; i < l->nr; i++)
		free(l->lines[i]);
	*l = (struct render_last){ 0 };
}

size_t render_char(const char *p)
{
	size_t n = utf8_len(span_of(p, strnlen(p, 4)));

	return n ? n : 1;
}

size_t render_control(const char *p)
{
	return *p ? utf8_control_len(span_of(p, strnlen(p, 4))) : 1;
}

void render_bytes(char out[24], uint64_t n)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB" };
	double v = (double)n;
	size_t u = 0;

	while (v >= 999.5 && u + 1 < ARRAY_LEN(units)) {
		v /= 1000;
		u++;
	}
	snprintf(out, 24, u == 0 || v >= 99.95 ? "%.0f %s" : "%.1f %s", v, units[u]);
}

void render_time(char out[24], int64_t ms)
{
	if (ms < 59950)
		snprintf(out, 24, "%.1fs", (double)ms / 1000);
	else
		snprintf(out, 24, "%lldm%02llds", (long long)(ms / 60000),
			 (long long)(ms / 1000 % 60));
}

void render_rate(char out[40], uint64_t bytes, int64_t ms)
{
	char rate[24];

	*out = '\0';
	if (ms < 1000)
		return;
	render_bytes(rate, (uint64_t)((double)bytes * 1000 / (double)ms));
	snprintf(out, 40, ", %s/s", rate);
}
