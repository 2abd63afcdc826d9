/*
 * Numbers are written only where the kind of event has them, so that a test's
 * expectation shows nothing that says nothing.
 */
#include "tests/fakes/recorder.h"

static const char *const names[] = {
	[PROGRESS_BEGIN] = "begin", [PROGRESS_TICK] = "tick",	  [PROGRESS_LINE] = "line",
	[PROGRESS_END] = "end",	    [PROGRESS_CACHED] = "cached", [PROGRESS_FAIL] = "fail",
	[PROGRESS_NOTE] = "note",   [PROGRESS_WARN] = "warn",
};

static void record(struct progress *p, const struct progress_event *ev)
{
	struct recorder *r = CONTAINER_OF(p, struct recorder, base);

	if (ev->kind == PROGRESS_WHY || (ev->kind == PROGRESS_TICK && !r->ticks))
		return;
	pthread_mutex_lock(&r->lock);
	buf_add_str(&r->text, names[ev->kind]);
	if (ev->id)
		buf_addf(&r->text, " %s", ev->id);
	if (ev->kind == PROGRESS_TICK)
		buf_addf(&r->text, " %llu/%llu", (unsigned long long)ev->done,
			 (unsigned long long)ev->total);
	if (ev->kind == PROGRESS_LINE)
		buf_addf(&r->text, " %d", ev->stream);
	if (ev->kind == PROGRESS_END)
		buf_addf(&r->text, " %llu", (unsigned long long)ev->done);
	if (ev->text)
		buf_addf(&r->text, ": %s", ev->text);
	buf_add_char(&r->text, '\n');
	pthread_mutex_unlock(&r->lock);
}

struct progress *recorder_init(struct recorder *r)
{
	*r = (struct recorder){
		.base = { record },
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.text = BUF_INIT(16 * BUF_SMALL),
	};
	return &r->base;
}

void recorder_release(struct recorder *r)
{
	buf_release(&r->text);
	pthread_mutex_destroy(&r->lock);
}

const char *recorder_text(const struct recorder *r)
{
	return buf_str(&r->text);
}

bool recorder_has(const struct recorder *r, const char *part)
{
	return strstr(buf_str(&r->text), part) != NULL;
}

void recorder_clear(struct recorder *r)
{
	pthread_mutex_lock(&r->lock);
	buf_reset(&r->text);
	pthread_mutex_unlock(&r->lock);
}
