/* Steps are what has a label, "[stage 2/5]"; the rest passes through. */
#include "cmd/facts.h"

#include "base/mem.h"

static struct fact *find(struct facts *f, const char *id)
{
	for (size_t i = f->nr; id && i-- > 0;)
		if (!f->v[i].has_ended && strcmp(f->v[i].id, id) == 0)
			return &f->v[i];
	return NULL;
}

static void begin(struct facts *f, const struct progress_event *ev, int64_t now_ms)
{
	if (!ev->id || !ev->text || ev->text[0] != '[')
		return;
	MEM_GROW(f->v, f->nr, f->cap);
	f->v[f->nr++] = (struct fact){ .id = mem_strdup(ev->id),
				       .text = mem_strdup(ev->text),
				       .begin_ms = now_ms };
}

static void end(struct fact *it, enum fact_outcome outcome, int64_t now_ms)
{
	it->outcome = outcome;
	it->end_ms = now_ms;
	it->has_ended = true;
}

static void take(struct facts *f, const struct progress_event *ev)
{
	int64_t now_ms = f->clock->mono_ms(f->clock) - f->begin_ms;
	struct fact *it = find(f, ev->id);

	if (ev->kind == PROGRESS_BEGIN)
		begin(f, ev, now_ms);
	else if (it && ev->kind == PROGRESS_END)
		end(it, FACT_DONE, now_ms);
	else if (it && ev->kind == PROGRESS_CACHED)
		end(it, FACT_CACHED, now_ms);
	else if (it && ev->kind == PROGRESS_FAIL)
		end(it, FACT_FAILED, now_ms);
	else if (it && ev->kind == PROGRESS_WHY) {
		free(it->why);
		it->why = mem_strdup(ev->text);
	}
}

static void facts_emit(struct progress *p, const struct progress_event *ev)
{
	struct facts *f = CONTAINER_OF(p, struct facts, base);

	if (ev->kind != PROGRESS_TICK && ev->kind != PROGRESS_LINE) {
		pthread_mutex_lock(&f->lock);
		take(f, ev);
		pthread_mutex_unlock(&f->lock);
	}
	progress_emit(f->to, ev);
}

struct progress *facts_init(struct facts *f, struct progress *to, struct clock *clock)
{
	*f = (struct facts){
		.base = { facts_emit }, .to = to, .clock = clock, .begin_ms = clock->mono_ms(clock)
	};
	pthread_mutex_init(&f->lock, NULL);
	return &f->base;
}

void facts_release(struct facts *f)
{
	for (size_t i = 0; i < f->nr; i++) {
		free(f->v[i].id);
		free(f->v[i].text);
		free(f->v[i].why);
	}
	free(f->v);
	if (f->clock)
		pthread_mutex_destroy(&f->lock);
	*f = (struct facts){ .nr = 0 };
}
