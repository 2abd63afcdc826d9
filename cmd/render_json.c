/* For programs: {"kind":"tick","id":…,"text":…,"done":n,"total":n} a line, every event. */
#include <pthread.h>

#include "base/buf.h"
#include "base/mem.h"
#include "cmd/render.h"

struct json_render {
	struct render base;
	pthread_mutex_t lock;
	struct clock *clock;
};

static void json_emit(struct progress *progress, const struct progress_event *ev)
{
	static const char *const kinds[] = { "begin", "tick", "line", "end", "cached",
					     "fail",  "note", "warn", "why" };
	struct json_render *j = CONTAINER_OF(progress, struct json_render, base.progress);
	auto_buf struct buf out = BUF_INIT(BUF_SMALL);
	char time[CLOCK_TEXT_MAX];

	clock_format(time, j->clock->wall_ns(j->clock));
	buf_addf(&out, "{\"time\":\"%s\",\"kind\":\"%s\"", time, kinds[ev->kind]);
	if (ev->id) {
		buf_add_str(&out, ",\"id\":");
		buf_add_json(&out, ev->id);
	}
	if (ev->text) {
		buf_add_str(&out, ",\"text\":");
		buf_add_json(&out, ev->text);
	}
	if (ev->stream)
		buf_addf(&out, ",\"stream\":%d", ev->stream);
	if (ev->done || ev->total)
		buf_addf(&out, ",\"done\":%llu,\"total\":%llu", (unsigned long long)ev->done,
			 (unsigned long long)ev->total);
	buf_add_str(&out, "}\n");
	pthread_mutex_lock(&j->lock);
	fwrite(out.data, 1, out.len, stderr);
	fflush(stderr);
	pthread_mutex_unlock(&j->lock);
}

static void json_finish(struct render *r)
{
	(void)r;
}

static void json_free(struct render *r)
{
	struct json_render *j = CONTAINER_OF(r, struct json_render, base);

	pthread_mutex_destroy(&j->lock);
	free(j);
}

struct render *render_json_new(struct clock *clock)
{
	struct json_render *j = mem_zalloc(sizeof(*j));

	j->base = (struct render){ .progress = { json_emit },
				   .finish = json_finish,
				   .free = json_free };
	j->clock = clock;
	pthread_mutex_init(&j->lock, NULL);
	return &j->base;
}
