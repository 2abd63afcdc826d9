/* See up_world.h. */
#include "tests/fakes/up_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/mem.h"
#include "deploy/lock.h"

void world_add_service(struct up_world *w, const char *name)
{
	struct deploy_service *s;

	MEM_GROW(w->stack.services, w->stack.nr, w->stack.cap);
	s = &w->stack.services[w->stack.nr++];
	*s = (struct deploy_service){ .name = mem_strdup(name),
				      .image = mem_strdup("r:5000/app:2"),
				      .has_replicas = true,
				      .replicas = 1 };
}

json_t *world_spec_with_image(struct up_world *w, const char *image)
{
	struct deploy_service *s = &w->stack.services[0];
	char *kept = s->image;
	json_t *o;

	s->image = (char *)(uintptr_t)image;
	o = deploy_spec_json(s, &w->opt.owner);
	s->image = kept;
	return o;
}

int world_setup(void **state)
{
	struct up_world *w = calloc(1, sizeof(*w));

	assert_int_equal(0, cancel_init(&w->cancel, &w->e));
	w->op = (struct op){ .clock = fake_clock_init(&w->clock),
			     .progress = recorder_init(&w->rec),
			     .cancel = &w->cancel };
	w->opt = (struct deploy_options){ .owner = { .project = "team/app" }, .stable_ms = 1 };
	world_add_service(w, "app");
	w->spec = world_spec_with_image(w, "r:5000/app:2");
	w->old = world_spec_with_image(w, "r:5000/app:1");
	w->eng = scripted_engine_open(&w->s, &w->op);
	*state = w;
	return 0;
}

int world_teardown(void **state)
{
	struct up_world *w = *state;

	scripted_engine_close(w->s, w->eng);
	deploy_stack_release(&w->stack);
	recorder_release(&w->rec);
	cancel_release(&w->cancel);
	strv_release(&w->texts);
	json_decref(w->old);
	json_decref(w->spec);
	free(w);
	return 0;
}

const char *world_kept(struct up_world *w, char *text)
{
	strv_take(&w->texts, text);
	return text;
}

const char *world_counted(struct up_world *w, const char *service, int running, int desired)
{
	json_t *o = json_loads(service, 0, NULL);

	json_object_set_new(
		o, "ServiceStatus",
		json_pack("{s:i,s:i}", "RunningTasks", running, "DesiredTasks", desired));
	strv_take(&w->texts, json_dumps(o, JSON_COMPACT));
	json_decref(o);
	return w->texts.v[w->texts.n - 1];
}

const char *world_service_of(struct up_world *w, const char *id, unsigned version, json_t *spec,
			     json_t *previous, const char *update)
{
	json_t *o =
		json_pack("{s:s,s:{s:i},s:O}", "ID", id, "Version", "Index", version, "Spec", spec);

	if (previous)
		json_object_set(o, "PreviousSpec", previous);
	if (update)
		json_object_set_new(o, "UpdateStatus",
				    json_pack("{s:s,s:s}", "State", update, "Message", "because"));
	strv_take(&w->texts, json_dumps(o, JSON_COMPACT));
	json_decref(o);
	return w->texts.v[w->texts.n - 1];
}

const char *world_service(struct up_world *w, unsigned version, json_t *spec, json_t *previous,
			  const char *update)
{
	return world_service_of(w, "s1", version, spec, previous, update);
}

void world_get(struct up_world *w, const char *path, const char *answer)
{
	HTTP_EXPECT(w->s, .method = "GET", .url = world_kept(w, mem_printf(V141 "%s", path)),
		    .status = answer ? 200 : 404,
		    .answer = answer ? answer : "{\"message\":\"service s1 not found\"}");
}

void world_get_list(struct up_world *w, const char *path, const char *item)
{
	world_get(w, path, world_kept(w, mem_printf("[%s]", item)));
}

void world_tasks(struct up_world *w, const char *all, const char *up_to_date)
{
	world_get_list(w, TASKS "s1%22%5D%7D", all);
	world_get_list(w, TASKS "s1%22%5D" UP_TO_DATE "%7D", up_to_date);
}

void world_poll(struct up_world *w, const char *answer, const char *all, const char *up_to_date)
{
	world_get_list(w, WITH_ID("s1"), answer ? answer : "");
	world_tasks(w, answer ? all : "", answer ? up_to_date : "");
}

void world_last_words(struct up_world *w, const char *task)
{
	static const char log[] = "\2\0\0\0\0\0\0\x2b"
				  "2026-01-01T00:00:00.000000000Z no database\n";

	HTTP_EXPECT(
		w->s, .method = "GET",
		.url = world_kept(w, mem_printf(V141 "/tasks/%s/logs?stdout=1&stderr=1&timestamps=1"
						     "&tail=10",
						task)),
		.status = 200, .answer = log, .answer_len = sizeof(log) - 1);
	world_get(w, world_kept(w, mem_printf("/tasks/%s", task)), NULL);
}

void world_up(struct up_world *w, int result)
{
	int r = deploy_up(w->out, &w->nr, &w->op, w->eng, &w->stack, &w->opt, &w->e);

	if (r != result)
		fail_msg("%d: %s", r, w->e.text);
	http_script_done(w->s);
}

void world_up_fails(struct up_world *w, enum err_kind kind, const char *text)
{
	world_up(w, -1);
	assert_string_equal(text, w->e.text);
	assert_int_equal(kind, w->e.kind);
}

void world_assert_outcome(struct up_world *w, enum deploy_verb verb, const char *image)
{
	assert_int_equal(1, w->nr);
	assert_string_equal("app", w->out[0].name);
	assert_int_equal(verb, w->out[0].verb);
	assert_string_equal(image, w->out[0].image);
}

void world_is_removed(struct up_world *w, json_t *spec)
{
	world_get(w, "/services/s1", world_service(w, 2, spec, NULL, NULL));
	HTTP_EXPECT(w->s, .method = "DELETE", .url = V141 "/services/s1", .status = 200);
}

void world_begin_update(struct up_world *w)
{
	world_get_list(w, NAMED("app"), world_service(w, 7, w->old, NULL, "completed"));
	world_tasks(w, RUNNING("o1"), RUNNING("o1"));
	POST("/services/s1/update?version=7", .status = 200, .answer = "{\"Warnings\":null}");
}

void world_lock_is_lost(struct up_world *w)
{
	auto_free char *name = deploy_lock_name(&w->opt.owner);
	auto_free char *path = mem_printf("/configs/%s", name);

	world_get(
		w, path,
		world_kept(
			w,
			mem_printf(
				"{\"ID\":\"l2\",\"Version\":{\"Index\":9},\"Spec\":{\"Name\":\"%s\","
				"\"Labels\":{\"io.cdeploy.holder\":\"bob@there\"}}}",
				name)));
}

void world_slowly(struct fake_clock *fc, int64_t ms)
{
	(void)ms;
	fake_clock_advance(fc, 1000);
}
