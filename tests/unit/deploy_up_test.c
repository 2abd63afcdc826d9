/*
 * Whole deploys against a scripted engine and a clock that nobody waits for. Every request
 * is written down in order, so a write that should not be there fails the test.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/mem.h"
#include "deploy/lock.h"
#include "deploy/up.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/recorder.h"
#include "tests/fakes/scripted_engine.h"

#define NAMED(n)   "/services?status=true&filters=%7B%22name%22%3A%5B%22" n "%22%5D%7D"
#define WITH_ID(n) "/services?filters=%7B%22id%22%3A%5B%22" n "%22%5D%7D"
#define NET	   "/networks?filters=%7B%22name%22%3A%5B%22shop%22%5D%7D"
#define TASKS	   "/tasks?filters=%7B%22service%22%3A%5B%22"
#define UP_TO_DATE "%2C%22_up-to-date%22%3A%5B%22true%22%5D"

#define TASK_OF(service, id)                                                                       \
	"{\"ID\":\"" id "\",\"ServiceID\":\"" service "\",\"DesiredState\":\"running\","           \
	"\"Status\":{\"State\":\"running\"}}"
#define RUNNING(id) TASK_OF("s1", id)
#define STOPPED(id)                                                                                \
	"{\"ID\":\"" id                                                                            \
	"\",\"ServiceID\":\"s1\",\"DesiredState\":\"shutdown\",\"Status\":{\"State\":\"shutdown\"}}"
#define FAILED(id)                                                                                 \
	"{\"ID\":\"" id                                                                            \
	"\",\"ServiceID\":\"s1\",\"DesiredState\":\"shutdown\",\"Status\":{\"State\":\"failed\","  \
	"\"Err\":\"exit (7)\"}}"
#define PENDING(id)                                                                                \
	"{\"ID\":\"" id                                                                            \
	"\",\"ServiceID\":\"s1\",\"DesiredState\":\"running\",\"Status\":{\"State\":\"pending\","  \
	"\"Err\":\"no suitable node\"}}"

struct world {
	struct http_script *s;
	struct fake_clock clock;
	struct recorder rec;
	struct cancel cancel;
	struct op op;
	struct engine *eng;
	struct deploy_stack stack;
	struct deploy_options opt;
	struct deploy_outcome out[2];
	size_t nr;
	struct strv texts;  /* what the script was given lives at least as long as the test */
	json_t *old, *spec; /* of the first service: before, and as wanted */
	struct err e;
};

static void add_service(struct world *w, const char *name)
{
	struct deploy_service *s;

	MEM_GROW(w->stack.services, w->stack.nr, w->stack.cap);
	s = &w->stack.services[w->stack.nr++];
	*s = (struct deploy_service){ .name = mem_strdup(name),
				      .image = mem_strdup("r:5000/app:2"),
				      .has_replicas = true,
				      .replicas = 1 };
}

static json_t *spec_with_image(struct world *w, const char *image)
{
	struct deploy_service *s = &w->stack.services[0];
	char *kept = s->image;
	json_t *o;

	s->image = (char *)(uintptr_t)image;
	o = deploy_spec_json(s, &w->opt.owner);
	s->image = kept;
	return o;
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_int_equal(0, cancel_init(&w->cancel, &w->e));
	w->op = (struct op){ .clock = fake_clock_init(&w->clock),
			     .progress = recorder_init(&w->rec),
			     .cancel = &w->cancel };
	w->opt = (struct deploy_options){ .owner = { .project = "team/app" }, .stable_ms = 1 };
	add_service(w, "app");
	w->spec = spec_with_image(w, "r:5000/app:2");
	w->old = spec_with_image(w, "r:5000/app:1");
	w->eng = scripted_engine_open(&w->s, &w->op);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

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

static const char *kept(struct world *w, char *text)
{
	strv_take(&w->texts, text);
	return text;
}

/* The same with what the engine counts. */
static const char *counted(struct world *w, const char *service, int running, int desired)
{
	json_t *o = json_loads(service, 0, NULL);

	json_object_set_new(
		o, "ServiceStatus",
		json_pack("{s:i,s:i}", "RunningTasks", running, "DesiredTasks", desired));
	strv_take(&w->texts, json_dumps(o, JSON_COMPACT));
	json_decref(o);
	return w->texts.v[w->texts.n - 1];
}

/* A service as the engine tells it; previous and update may be NULL. */
static const char *service_of(struct world *w, const char *id, unsigned version, json_t *spec,
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

static const char *service(struct world *w, unsigned version, json_t *spec, json_t *previous,
			   const char *update)
{
	return service_of(w, "s1", version, spec, previous, update);
}

static void get(struct world *w, const char *path, const char *answer)
{
	HTTP_EXPECT(w->s, .method = "GET", .url = kept(w, mem_printf(V141 "%s", path)),
		    .status = answer ? 200 : 404,
		    .answer = answer ? answer : "{\"message\":\"service s1 not found\"}");
}

static void get_list(struct world *w, const char *path, const char *item)
{
	get(w, path, kept(w, mem_printf("[%s]", item)));
}

static void tasks(struct world *w, const char *all, const char *up_to_date)
{
	get_list(w, TASKS "s1%22%5D%7D", all);
	get_list(w, TASKS "s1%22%5D" UP_TO_DATE "%7D", up_to_date);
}

/* answer NULL: there is no such service any more, nor tasks of it. */
static void poll(struct world *w, const char *answer, const char *all, const char *up_to_date)
{
	get_list(w, WITH_ID("s1"), answer ? answer : "");
	tasks(w, answer ? all : "", answer ? up_to_date : "");
}

/* Before anything is taken back. */
static void last_words(struct world *w, const char *task)
{
	static const char log[] = "\2\0\0\0\0\0\0\x2b"
				  "2026-01-01T00:00:00.000000000Z no database\n";

	HTTP_EXPECT(w->s, .method = "GET",
		    .url = kept(w, mem_printf(V141 "/tasks/%s/logs?stdout=1&stderr=1&timestamps=1"
						   "&tail=10",
					      task)),
		    .status = 200, .answer = log, .answer_len = sizeof(log) - 1);
}

#define POST(path, ...) HTTP_EXPECT(w->s, .method = "POST", .url = V141 path, __VA_ARGS__)
#define CREATED		POST("/services/create", .status = 201, .answer = "{\"ID\":\"s1\"}")
#define SEQUENCE                                                                                   \
	.status = 500,                                                                             \
	.answer = "{\"message\":\"rpc error: code = Unknown desc = update out of sequence\"}"

static void up(struct world *w, int result)
{
	int r = deploy_up(w->out, &w->nr, &w->op, w->eng, &w->stack, &w->opt, &w->e);

	if (r != result)
		fail_msg("%d: %s", r, w->e.text);
	http_script_done(w->s);
}

static void up_fails(struct world *w, enum err_kind kind, const char *text)
{
	up(w, -1);
	assert_string_equal(text, w->e.text);
	assert_int_equal(kind, w->e.kind);
}

static void assert_outcome(struct world *w, enum deploy_verb verb, const char *image)
{
	assert_int_equal(1, w->nr);
	assert_string_equal("app", w->out[0].name);
	assert_int_equal(verb, w->out[0].verb);
	assert_string_equal(image, w->out[0].image);
}

/* The service is looked at, has that spec, and is removed. */
static void is_removed(struct world *w, json_t *spec)
{
	get(w, "/services/s1", service(w, 2, spec, NULL, NULL));
	HTTP_EXPECT(w->s, .method = "DELETE", .url = V141 "/services/s1", .status = 200);
}

/* An update of app from version 7 that was accepted; o1 ran before. */
static void begin_update(struct world *w)
{
	get_list(w, NAMED("app"), service(w, 7, w->old, NULL, "completed"));
	tasks(w, RUNNING("o1"), RUNNING("o1"));
	POST("/services/s1/update?version=7", .status = 200, .answer = "{\"Warnings\":null}");
}

/* -- the good ends ----------------------------------------------------------- */

static void a_new_service_and_its_network_are_created_and_watched(void **state)
{
	struct world *w = *state;
	const char *net = "{\"Id\":\"n1\",\"Name\":\"shop\",\"Scope\":\"swarm\"}";
	json_t *resolved;

	strv_add(&w->stack.make_networks, "shop");
	strv_add(&w->stack.services[0].networks, "shop");
	resolved = spec_with_image(w, "r:5000/app:2");
	json_object_set_new(
		json_array_get(
			json_object_get(json_object_get(resolved, "TaskTemplate"), "Networks"), 0),
		"Target", json_string("n1"));
	get_list(w, NAMED("app"), "");
	get_list(w, NET, "");
	POST("/networks/create", .status = 201, .answer = "{\"Id\":\"n1\"}",
	     .body = "{\"Name\":\"shop\",\"Driver\":\"overlay\",\"CheckDuplicate\":true,"
		     "\"Labels\":{\"io.cdeploy.project\":\"team/app\"}}");
	get_list(w, NAMED("app"), "");
	get_list(w, NET, net);
	strv_take(&w->texts, json_dumps(resolved, JSON_COMPACT));
	POST("/services/create", .status = 201, .answer = "{\"ID\":\"s1\"}",
	     .body = w->texts.v[w->texts.n - 1], .lacks = { "X-Registry-Auth" });
	poll(w, service(w, 1, resolved, NULL, NULL), "", "");
	poll(w, service(w, 1, resolved, NULL, NULL), RUNNING("a"), RUNNING("a"));
	poll(w, service(w, 1, resolved, NULL, NULL), RUNNING("a"), RUNNING("a"));
	up(w, 0);
	assert_outcome(w, DEPLOY_CREATED, "r:5000/app:2");
	assert_string_equal("note: network 'shop' created\n"
			    "begin app: create service 'app'\n"
			    "note: app: 0/1 running\n"
			    "note: app: 1/1 running\n"
			    "end app 0\n",
			    recorder_text(&w->rec));
	json_decref(resolved);
}

static void nothing_is_written_when_nothing_differs(void **state)
{
	struct world *w = *state;

	get_list(w, NAMED("app"), service(w, 7, w->spec, NULL, "completed"));
	up(w, 0);
	assert_outcome(w, DEPLOY_UNCHANGED, "r:5000/app:2");
	assert_string_equal("begin app: service 'app'\ncached app: unchanged\n",
			    recorder_text(&w->rec));
}

static void an_update_quotes_the_version_and_waits_for_the_new_tasks(void **state)
{
	struct world *w = *state;

	begin_update(w);
	poll(w, service(w, 8, w->spec, w->old, NULL), RUNNING("o1"), "");
	poll(w, service(w, 9, w->spec, w->old, "updating"), STOPPED("o1") "," RUNNING("a"),
	     RUNNING("a"));
	poll(w, service(w, 9, w->spec, w->old, "completed"), STOPPED("o1") "," RUNNING("a"),
	     RUNNING("a"));
	up(w, 0);
	assert_outcome(w, DEPLOY_UPDATED, "r:5000/app:2");
	assert_true(recorder_has(&w->rec, "begin app: update service 'app': image\n"));
}

static void detached_means_not_watched(void **state)
{
	struct world *w = *state;

	w->opt.detach = true;
	get_list(w, NAMED("app"), "");
	CREATED;
	up(w, 0);
	assert_outcome(w, DEPLOY_CREATED, "r:5000/app:2");
}

static char *auth_for(void *arg, const struct oci_reference *image)
{
	unsigned *calls = arg;

	assert_string_equal("r:5000", image->host);
	assert_string_equal("app", image->path);
	return ++*calls == 1 ? mem_strdup("c2VjcmV0") : NULL;
}

static void credentials_go_with_the_service_or_are_missed(void **state)
{
	struct world *w = *state;
	unsigned calls = 0;

	w->opt.detach = true;
	w->opt.registry_auth = auth_for;
	w->opt.registry_auth_arg = &calls;
	w->stack.services[0].with_auth = true;
	get_list(w, NAMED("app"), "");
	POST("/services/create", .status = 201, .answer = "{\"ID\":\"s1\"}",
	     .has = { "X-Registry-Auth: c2VjcmV0" });
	up(w, 0);
	assert_null(strstr(recorder_text(&w->rec), "warn"));
	get_list(w, NAMED("app"), "");
	POST("/services/create", .status = 201, .answer = "{\"ID\":\"s1\"}",
	     .lacks = { "X-Registry-Auth" });
	up(w, 0);
	assert_true(recorder_has(&w->rec, "warn: service 'app' asks for credentials, but there are "
					  "none for 'r:5000'"));
}

static void a_service_that_was_nobodys_is_adopted_with_a_notice(void **state)
{
	struct world *w = *state;

	w->opt.detach = true;
	json_object_clear(json_object_get(w->old, "Labels"));
	begin_update(w);
	up(w, 0);
	assert_outcome(w, DEPLOY_UPDATED, "r:5000/app:2");
	assert_true(recorder_has(&w->rec, "warn: service 'app' was nobody's until now"));
}

/* The mode of w->old is another one. */
static void begin_recreate(struct world *w)
{
	w->opt.owner.recreate = true;
	json_object_set_new(w->old, "Mode", json_pack("{s:{}}", "Global"));
	get_list(w, NAMED("app"), service(w, 7, w->old, NULL, "completed"));
	tasks(w, RUNNING("o1"), RUNNING("o1"));
	is_removed(w, w->old);
}

static void what_cannot_be_changed_is_removed_and_created_anew(void **state)
{
	struct world *w = *state;

	begin_recreate(w);
	CREATED;
	poll(w, service(w, 1, w->spec, NULL, NULL), RUNNING("a"), RUNNING("a"));
	poll(w, service(w, 1, w->spec, NULL, NULL), RUNNING("a"), RUNNING("a"));
	up(w, 0);
	assert_outcome(w, DEPLOY_UPDATED, "r:5000/app:2");
}

static void a_recreated_service_that_fails_makes_room_for_the_old_one(void **state)
{
	struct world *w = *state;
	const char *three = FAILED("a") "," FAILED("b") "," FAILED("c");

	begin_recreate(w);
	CREATED;
	poll(w, service(w, 1, w->spec, NULL, NULL), three, three);
	last_words(w, "c");
	is_removed(w, w->spec);
	POST("/services/create", .status = 201, .answer = "{\"ID\":\"s1\"}",
	     .body = kept(w, json_dumps(w->old, JSON_COMPACT)));
	poll(w, service(w, 1, w->old, NULL, NULL), RUNNING("o2"), RUNNING("o2"));
	poll(w, service(w, 1, w->old, NULL, NULL), RUNNING("o2"), RUNNING("o2"));
	up(w, -1);
	assert_int_equal(ERR_ROLLED_BACK, w->e.kind);
	assert_outcome(w, DEPLOY_VERB_ROLLED_BACK, "r:5000/app:1");
}

static void a_recreated_service_that_is_refused_makes_room_for_the_old_one(void **state)
{
	struct world *w = *state;

	begin_recreate(w);
	POST("/services/create", .status = 400, .answer = "{\"message\":\"port in use\"}");
	CREATED;
	poll(w, service(w, 1, w->old, NULL, NULL), RUNNING("o2"), RUNNING("o2"));
	poll(w, service(w, 1, w->old, NULL, NULL), RUNNING("o2"), RUNNING("o2"));
	up_fails(w, ERR_ROLLED_BACK,
		 "update service 'app': port in use; the previous version is running again");
}

static void one_that_somebody_changed_is_not_removed_to_be_created_anew(void **state)
{
	struct world *w = *state;
	json_t *theirs;

	w->opt.owner.recreate = true;
	json_object_set_new(w->old, "Mode", json_pack("{s:{}}", "Global"));
	theirs = json_deep_copy(w->old);
	json_object_set_new(json_object_get(theirs, "Labels"), "by", json_string("hand"));
	get_list(w, NAMED("app"), service(w, 7, w->old, NULL, "completed"));
	tasks(w, RUNNING("o1"), RUNNING("o1"));
	get(w, "/services/s1", service(w, 8, theirs, NULL, NULL));
	up_fails(w, ERR_FAILED, "update service 'app': somebody else changed it meanwhile");
	assert_int_equal(0, w->nr);
	json_decref(theirs);
}

static void a_new_one_that_somebody_changed_is_not_removed_again(void **state)
{
	struct world *w = *state;
	const char *three = FAILED("a") "," FAILED("b") "," FAILED("c");

	get_list(w, NAMED("app"), "");
	CREATED;
	poll(w, service(w, 1, w->spec, NULL, NULL), three, three);
	last_words(w, "c");
	get(w, "/services/s1", service(w, 8, w->old, NULL, NULL));
	get_list(w, NAMED("app"), service(w, 8, w->old, NULL, NULL));
	up(w, -1);
	assert_int_equal(ERR_STUCK, w->e.kind);
	assert_non_null(strstr(w->e.text, "somebody else changed it meanwhile"));
}

/* -- what left the file --------------------------------------------------------- */

#define OWNED "/services?filters=%7B%22label%22%3A%5B%22io.cdeploy.project%3Dteam%2Fapp%22%5D%7D"

/* Both services of the project; the file has only the first. */
static const char *owned(struct world *w, json_t *spec)
{
	json_t *gone = json_deep_copy(w->old);
	const char *ours = service(w, 7, spec, NULL, "completed");
	char *text = NULL;

	json_object_set_new(gone, "Name", json_string("gone"));
	text = json_dumps(gone, JSON_COMPACT);
	json_decref(gone);
	ours = kept(w, mem_printf("%s,{\"ID\":\"s2\",\"Version\":{\"Index\":3},\"Spec\":%s}", ours,
				  text));
	free(text);
	return ours;
}

static void what_left_the_file_is_removed_when_that_is_asked_for(void **state)
{
	struct world *w = *state;
	auto_strv struct strv pruned = STRV_INIT;

	w->opt.prune = true;
	w->opt.pruned = &pruned;
	get_list(w, NAMED("app"), service(w, 7, w->spec, NULL, "completed"));
	get_list(w, OWNED, owned(w, w->spec));
	HTTP_EXPECT(w->s, .method = "DELETE", .url = V141 "/services/s2", .status = 200);
	up(w, 0);
	assert_outcome(w, DEPLOY_UNCHANGED, "r:5000/app:2");
	assert_int_equal(1, pruned.n);
	assert_string_equal("gone removed r:5000/app:1", pruned.v[0]);
}

static void nothing_is_removed_when_the_deploy_fails(void **state)
{
	struct world *w = *state;
	auto_strv struct strv pruned = STRV_INIT;

	w->opt.prune = true;
	w->opt.no_rollback = true;
	w->opt.pruned = &pruned;
	get_list(w, NAMED("app"), service(w, 7, w->old, NULL, "completed"));
	get_list(w, OWNED, owned(w, w->old));
	tasks(w, RUNNING("o1"), RUNNING("o1"));
	POST("/services/s1/update?version=7", .status = 200, .answer = "{\"Warnings\":null}");
	poll(w, service(w, 9, w->spec, w->old, "paused"), FAILED("a"), FAILED("a"));
	last_words(w, "a");
	up(w, -1);
	assert_int_equal(0, pruned.n);
}

/* -- answers that are lost, and others who write ------------------------------ */

static void an_update_out_of_sequence_is_repeated_with_the_new_version(void **state)
{
	struct world *w = *state;

	w->opt.detach = true;
	get_list(w, NAMED("app"), service(w, 7, w->old, NULL, "updating"));
	tasks(w, "", "");
	POST("/services/s1/update?version=7", SEQUENCE);
	get(w, "/services/s1", service(w, 8, w->old, NULL, "completed"));
	POST("/services/s1/update?version=8", .status = 200);
	up(w, 0);
	assert_outcome(w, DEPLOY_UPDATED, "r:5000/app:2");
	assert_int_equal(1, w->clock.sleeps);
}

static void an_update_is_not_repeated_over_somebody_elses(void **state)
{
	struct world *w = *state;
	json_t *theirs = spec_with_image(w, "r:5000/app:3");

	get_list(w, NAMED("app"), service(w, 7, w->old, NULL, NULL));
	tasks(w, "", "");
	POST("/services/s1/update?version=7", SEQUENCE);
	get(w, "/services/s1", service(w, 8, theirs, w->old, NULL));
	up_fails(w, ERR_FAILED, "update service 'app': somebody else changed it meanwhile");
	json_decref(theirs);
}

static void an_update_out_of_sequence_ends_after_ten_tries(void **state)
{
	struct world *w = *state;

	get_list(w, NAMED("app"), service(w, 7, w->old, NULL, NULL));
	tasks(w, "", "");
	for (int i = 0; i < 10; i++) {
		POST("/services/s1/update?version=7", SEQUENCE);
		get(w, "/services/s1", service(w, 7, w->old, NULL, NULL));
	}
	up_fails(w, ERR_FAILED, "update service 'app': update out of sequence");
}

static void an_update_whose_answer_was_lost_is_not_made_twice(void **state)
{
	struct world *w = *state;

	w->opt.detach = true;
	get_list(w, NAMED("app"), service(w, 7, w->old, NULL, NULL));
	tasks(w, "", "");
	POST("/services/s1/update?version=7", .fail = ERR_UNAVAILABLE);
	get(w, "/services/s1", service(w, 8, w->spec, w->old, NULL));
	up(w, 0);
	assert_outcome(w, DEPLOY_UPDATED, "r:5000/app:2");
}

static void a_create_whose_answer_was_lost_is_looked_up_first(void **state)
{
	struct world *w = *state;

	w->opt.detach = true;
	get_list(w, NAMED("app"), "");
	POST("/services/create", .fail = ERR_UNAVAILABLE);
	get_list(w, NAMED("app"), ""); /* not done: again */
	POST("/services/create", .status = 500,
	     .answer = "{\"message\":\"rpc error: code = DeadlineExceeded desc = slow\"}");
	get_list(w, NAMED("app"), service(w, 1, w->spec, NULL, NULL));
	up(w, 0);
	assert_outcome(w, DEPLOY_CREATED, "r:5000/app:2");
}

static void a_service_that_somebody_else_made_meanwhile_is_theirs(void **state)
{
	struct world *w = *state;

	get_list(w, NAMED("app"), "");
	POST("/services/create", .status = 409,
	     .answer = "{\"message\":\"rpc error: code = AlreadyExists desc = name conflicts\"}");
	get_list(w, NAMED("app"), service(w, 1, w->old, NULL, NULL));
	up_fails(w, ERR_FAILED,
		 "create service 'app': somebody else made a service of that name meanwhile");
	assert_int_equal(0, w->nr);
}

static void a_network_that_another_deploy_made_meanwhile_is_used(void **state)
{
	struct world *w = *state;
	const char *net = "{\"Id\":\"n1\",\"Name\":\"shop\",\"Scope\":\"swarm\"}";

	w->opt.detach = true;
	strv_add(&w->stack.make_networks, "shop");
	get_list(w, NAMED("app"), "");
	get_list(w, NET, "{\"Id\":\"n0\",\"Name\":\"shop-db\",\"Scope\":\"swarm\"}");
	POST("/networks/create", .status = 409, .answer = "{\"message\":\"already exists\"}");
	get_list(w, NET, net);
	get_list(w, NAMED("app"), "");
	get_list(w, NET, net);
	CREATED;
	up(w, 0);
}

static void a_refused_spec_is_an_error_of_input(void **state)
{
	struct world *w = *state;

	get_list(w, NAMED("app"), "");
	POST("/services/create", .status = 400,
	     .answer = "{\"message\":\"rpc error: code = InvalidArgument desc = port '80' is "
		       "already in use\"}");
	up_fails(w, ERR_INPUT, "create service 'app': port '80' is already in use");
}

/* -- the bad ends ------------------------------------------------------------ */

static void another_projects_service_is_not_touched(void **state)
{
	struct world *w = *state;

	json_object_set_new(json_object_get(w->old, "Labels"), "io.cdeploy.project",
			    json_string("team/other"));
	get_list(w, NAMED("app"), service(w, 7, w->old, NULL, NULL));
	up_fails(w, ERR_FAILED,
		 "service 'app' belongs to project 'team/other', this is 'team/app': name it "
		 "differently, or deploy it with --project 'team/other'");
}

static void an_update_that_fails_is_rolled_back_and_the_old_tasks_run(void **state)
{
	struct world *w = *state;

	begin_update(w);
	poll(w, service(w, 9, w->spec, w->old, "paused"), FAILED("a") "," STOPPED("o1"),
	     FAILED("a"));
	last_words(w, "a");
	tasks(w, FAILED("a") "," STOPPED("o1"), FAILED("a"));
	get(w, "/services/s1", service(w, 10, w->spec, w->old, "paused"));
	POST("/services/s1/update?version=10&rollback=previous", .status = 200);
	/* completed, but nothing runs yet */
	poll(w, service(w, 12, w->old, NULL, "rollback_completed"), FAILED("a"), "");
	poll(w, service(w, 12, w->old, NULL, "rollback_completed"), RUNNING("o2"), RUNNING("o2"));
	poll(w, service(w, 12, w->old, NULL, "rollback_completed"), RUNNING("o2"), RUNNING("o2"));
	up_fails(w, ERR_ROLLED_BACK,
		 "service 'app': the engine paused the update: exit (7); the previous version is "
		 "running again");
	assert_outcome(w, DEPLOY_VERB_ROLLED_BACK, "r:5000/app:1");
	assert_true(recorder_has(&w->rec, "note: app | no database\n"));
}

static void a_rollback_of_the_engines_own_is_waited_for_and_not_repeated(void **state)
{
	struct world *w = *state;

	begin_update(w);
	poll(w, service(w, 9, w->old, NULL, "rollback_completed"), FAILED("a") "," STOPPED("o1"),
	     STOPPED("o1"));
	last_words(w, "a");
	tasks(w, FAILED("a") "," STOPPED("o1"), STOPPED("o1"));
	get(w, "/services/s1", service(w, 9, w->old, NULL, "rollback_completed"));
	poll(w, service(w, 9, w->old, NULL, "rollback_completed"), RUNNING("o2"), RUNNING("o2"));
	poll(w, service(w, 9, w->old, NULL, "rollback_completed"), RUNNING("o2"), RUNNING("o2"));
	up_fails(w, ERR_ROLLED_BACK,
		 "service 'app': the engine took the update back: exit (7); the previous version "
		 "is running again");
	assert_outcome(w, DEPLOY_VERB_ROLLED_BACK, "r:5000/app:1");
}

static void the_old_spec_is_sent_when_the_engine_has_another_previous_one(void **state)
{
	struct world *w = *state;

	strv_take(&w->texts, json_dumps(w->old, JSON_COMPACT));
	begin_update(w);
	poll(w, service(w, 9, w->spec, w->spec, "paused"), FAILED("a"), FAILED("a"));
	last_words(w, "a");
	tasks(w, FAILED("a"), FAILED("a"));
	get(w, "/services/s1", service(w, 9, w->spec, w->spec, "paused"));
	POST("/services/s1/update?version=9&registryAuthFrom=previous-spec", .status = 200,
	     .body = w->texts.v[0]);
	poll(w, service(w, 12, w->old, NULL, NULL), RUNNING("o2"), RUNNING("o2"));
	poll(w, service(w, 12, w->old, NULL, NULL), RUNNING("o2"), RUNNING("o2"));
	up(w, -1);
	assert_int_equal(ERR_ROLLED_BACK, w->e.kind);
}

static void a_way_back_that_fails_is_stuck(void **state)
{
	struct world *w = *state;

	begin_update(w);
	poll(w, service(w, 9, w->spec, w->old, "paused"), FAILED("a"), FAILED("a"));
	last_words(w, "a");
	tasks(w, FAILED("a"), FAILED("a"));
	get(w, "/services/s1", service(w, 9, w->spec, w->old, "paused"));
	POST("/services/s1/update?version=9&rollback=previous", .status = 200);
	poll(w, service(w, 12, w->old, NULL, "rollback_paused"), FAILED("o2"), FAILED("o2"));
	get_list(w, NAMED("app"),
		 counted(w, service(w, 12, w->old, NULL, "rollback_paused"), 0, 1));
	up_fails(w, ERR_STUCK,
		 "service 'app': the engine paused the update: exit (7); and it could not be taken "
		 "back: service 'app': the engine paused the way back: exit (7)");
	assert_int_equal(0, w->nr);
	assert_true(recorder_has(&w->rec, "warn: now: service 'app': 0/1 running, r:5000/app:1\n"));
}

static void without_rollback_a_failed_update_stays(void **state)
{
	struct world *w = *state;

	w->opt.no_rollback = true;
	begin_update(w);
	poll(w, service(w, 9, w->spec, w->old, "paused"), FAILED("a"), FAILED("a"));
	last_words(w, "a");
	up_fails(w, ERR_FAILED, "service 'app': the engine paused the update: exit (7)");
	assert_int_equal(0, w->nr);
}

static void a_new_service_that_never_works_is_removed_again(void **state)
{
	struct world *w = *state;
	const char *three = FAILED("a") "," FAILED("b") "," FAILED("c");

	get_list(w, NAMED("app"), "");
	CREATED;
	poll(w, service(w, 1, w->spec, NULL, NULL), three, three);
	last_words(w, "c");
	is_removed(w, w->spec);
	up_fails(w, ERR_FAILED,
		 "service 'app': 3 tasks failed, the last: exit (7); what was created is removed "
		 "again");
	assert_outcome(w, DEPLOY_REMOVED, "r:5000/app:2");
}

static void a_new_service_that_cannot_be_removed_is_stuck(void **state)
{
	struct world *w = *state;
	const char *three = FAILED("a") "," FAILED("b") "," FAILED("c");

	get_list(w, NAMED("app"), "");
	CREATED;
	poll(w, service(w, 1, w->spec, NULL, NULL), three, three);
	last_words(w, "c");
	get(w, "/services/s1", service(w, 2, w->spec, NULL, NULL));
	HTTP_EXPECT(w->s, .method = "DELETE", .url = V141 "/services/s1", .status = 500,
		    .answer = "{\"message\":\"no\"}");
	get_list(w, NAMED("app"), "");
	up_fails(w, ERR_STUCK,
		 "service 'app': 3 tasks failed, the last: exit (7); and it could not be taken "
		 "back: service 'app': no");
}

static void a_limit_with_nothing_to_go_back_to_is_a_timeout(void **state)
{
	struct world *w = *state;

	w->opt.pending_timeout_ms = 100;
	get_list(w, NAMED("app"), "");
	CREATED;
	poll(w, service(w, 1, w->spec, NULL, NULL), PENDING("a"), PENDING("a"));
	poll(w, service(w, 1, w->spec, NULL, NULL), PENDING("a"), PENDING("a"));
	get_list(w, "/nodes?filters=%7B%7D",
		 "{\"ID\":\"n1\",\"Description\":{\"Hostname\":\"k1\"},"
		 "\"Status\":{\"State\":\"ready\"}},"
		 "{\"ID\":\"n2\",\"Description\":{\"Hostname\":\"k2\"},"
		 "\"Status\":{\"State\":\"down\",\"Message\":\"heartbeat failure\"}},7");
	is_removed(w, w->spec);
	up_fails(
		w, ERR_TIMEOUT,
		"service 'app': no node took a task within 0 s: no suitable node; what was created "
		"is removed again");
	assert_true(recorder_has(&w->rec, "warn: node 'k2' is down: heartbeat failure\n"));
	assert_false(recorder_has(&w->rec, "node 'k1'"));
}

static void an_update_that_was_cut_off_is_watched_by_the_next_run(void **state)
{
	struct world *w = *state;

	get_list(w, NAMED("app"), service(w, 9, w->spec, w->old, "paused"));
	poll(w, service(w, 9, w->spec, w->old, "paused"), FAILED("a"), FAILED("a"));
	last_words(w, "a");
	tasks(w, FAILED("a"), FAILED("a"));
	get(w, "/services/s1", service(w, 9, w->spec, w->old, "paused"));
	POST("/services/s1/update?version=9&rollback=previous", .status = 200);
	poll(w, service(w, 12, w->old, NULL, NULL), RUNNING("o2"), RUNNING("o2"));
	poll(w, service(w, 12, w->old, NULL, NULL), RUNNING("o2"), RUNNING("o2"));
	up(w, -1);
	assert_int_equal(ERR_ROLLED_BACK, w->e.kind);
	assert_outcome(w, DEPLOY_VERB_ROLLED_BACK, "r:5000/app:1");
}

/* The run that made it was ended before it saw whether it works. */
static void a_created_service_that_does_not_run_is_not_passed_as_unchanged(void **state)
{
	struct world *w = *state;
	const char *three = FAILED("a") "," FAILED("b") "," FAILED("c");

	get_list(w, NAMED("app"), service(w, 7, w->spec, NULL, NULL));
	tasks(w, FAILED("x") "," PENDING("a"), FAILED("x") "," PENDING("a"));
	poll(w, service(w, 7, w->spec, NULL, NULL), three, three);
	last_words(w, "c");
	up_fails(w, ERR_FAILED, "service 'app': 3 tasks failed, the last: exit (7)");
	assert_int_equal(0, w->nr);
}

static void a_created_service_that_comes_to_run_late_is_unchanged(void **state)
{
	struct world *w = *state;

	get_list(w, NAMED("app"), service(w, 7, w->spec, NULL, NULL));
	tasks(w, PENDING("a"), PENDING("a"));
	poll(w, service(w, 7, w->spec, NULL, NULL), RUNNING("a"), RUNNING("a"));
	poll(w, service(w, 7, w->spec, NULL, NULL), RUNNING("a"), RUNNING("a"));
	up(w, 0);
	assert_outcome(w, DEPLOY_UNCHANGED, "r:5000/app:2");
}

static void a_created_service_that_runs_is_unchanged_at_once(void **state)
{
	struct world *w = *state;

	get_list(w, NAMED("app"), service(w, 7, w->spec, NULL, NULL));
	tasks(w, FAILED("x") "," RUNNING("a"), FAILED("x") "," RUNNING("a"));
	up(w, 0);
	assert_outcome(w, DEPLOY_UNCHANGED, "r:5000/app:2");
	assert_string_equal("begin app: service 'app'\ncached app: unchanged\n",
			    recorder_text(&w->rec));
}

static void tasks_are_not_looked_at_where_the_engines_count_is_enough(void **state)
{
	struct world *w = *state;

	get_list(w, NAMED("app"), counted(w, service(w, 1, w->spec, NULL, NULL), 1, 1));
	up(w, 0);
	assert_outcome(w, DEPLOY_UNCHANGED, "r:5000/app:2");

	/* one that was updated may have old tasks among them */
	get_list(w, NAMED("app"), counted(w, service(w, 1, w->spec, w->old, NULL), 1, 1));
	tasks(w, RUNNING("a"), RUNNING("a"));
	up(w, 0);
	assert_outcome(w, DEPLOY_UNCHANGED, "r:5000/app:2");
}

/* The engine's filter takes parts of names; what it finds besides is not in the way, and not to be removed. */
static void a_service_that_only_begins_so_is_left_alone(void **state)
{
	struct world *w = *state;
	auto_json json_t *other = json_deep_copy(w->spec);

	json_object_set_new(other, "Name", json_string("app-2"));
	get_list(w, NAMED("app"),
		 kept(w, mem_printf("%s,%s", service_of(w, "s2", 3, other, NULL, NULL),
				    counted(w, service(w, 1, w->spec, NULL, NULL), 1, 1))));
	up(w, 0);
	assert_outcome(w, DEPLOY_UNCHANGED, "r:5000/app:2");
}

#define FIFTY 50

/* Fifty services, as they were made: what is asked does not grow with them, and nothing is written. */
static void fifty_services_without_a_change_are_asked_for_together(void **state)
{
	struct world *w = *state;
	struct deploy_outcome out[FIFTY];
	auto_buf struct buf names = BUF_INIT(BUF_SMALL), list = BUF_INIT(BUF_SMALL);

	strv_add(&w->stack.make_networks, "shop");
	for (size_t i = 1; i < FIFTY; i++) {
		auto_free char *name = mem_printf("app-%zu", i);

		add_service(w, name);
	}
	for (size_t i = 0; i < FIFTY; i++) {
		struct deploy_service *s = &w->stack.services[i];
		auto_free char *id = mem_printf("s%zu", i);
		auto_json json_t *spec = NULL;

		if (i % 2)
			s->replicas = 0;
		spec = deploy_spec_json(s, &w->opt.owner);
		buf_addf(&names, "%s%s", i ? "%22%2C%22" : "", s->name);
		buf_addf(&list, "%s%s", i ? "," : "",
			 counted(w, service_of(w, id, 1, spec, NULL, NULL), (int)s->replicas,
				 (int)s->replicas));
	}
	get_list(w,
		 kept(w, mem_printf("/services?status=true&filters=%%7B%%22name%%22%%3A%%5B%%22"
				    "%s%%22%%5D%%7D",
				    buf_str(&names))),
		 buf_str(&list));
	get_list(w, NET, "{\"Id\":\"n1\",\"Name\":\"shop\",\"Scope\":\"swarm\"}");
	if (deploy_up(out, &w->nr, &w->op, w->eng, &w->stack, &w->opt, &w->e) < 0)
		fail_msg("%s", w->e.text);
	http_script_done(w->s);
	assert_int_equal(FIFTY, w->nr);
	for (size_t i = 0; i < FIFTY; i++)
		assert_int_equal(DEPLOY_UNCHANGED, out[i].verb);
	assert_int_equal(3, http_script_count(w->s)); /* one of them opened the engine */
}

static void two_rollouts_are_watched_with_the_requests_of_one(void **state)
{
	struct world *w = *state;
	auto_json json_t *second = NULL;
	const char *both;

	add_service(w, "second");
	second = deploy_spec_json(&w->stack.services[1], &w->opt.owner);
	get_list(w, NAMED("app%22%2C%22second"), "");
	CREATED;
	POST("/services/create", .status = 201, .answer = "{\"ID\":\"s2\"}");
	both = kept(w, mem_printf("%s,%s", service(w, 1, w->spec, NULL, NULL),
				  service_of(w, "s2", 1, second, NULL, NULL)));
	for (int i = 0; i < 2; i++) {
		get_list(w, WITH_ID("s1%22%2C%22s2"), both);
		get_list(w, TASKS "s1%22%2C%22s2%22%5D%7D", TASK_OF("s2", "a") "," RUNNING("b"));
		get_list(w, TASKS "s1%22%2C%22s2%22%5D" UP_TO_DATE "%7D",
			 TASK_OF("s2", "a") "," RUNNING("b"));
	}
	up(w, 0);
	assert_int_equal(2, w->nr);
}

/* What stands behind a rollback is the version that failed: no way to go. */
static void a_rollback_that_was_paused_is_told_and_not_turned_round(void **state)
{
	struct world *w = *state;

	get_list(w, NAMED("app"), service(w, 9, w->spec, w->old, "rollback_paused"));
	poll(w, service(w, 9, w->spec, w->old, "rollback_paused"), FAILED("a"), FAILED("a"));
	last_words(w, "a");
	up_fails(w, ERR_FAILED, "service 'app': the engine paused the way back: exit (7)");
	assert_int_equal(0, w->nr);
}

static void what_somebody_else_changed_meanwhile_is_left_to_them(void **state)
{
	struct world *w = *state;

	begin_update(w);
	poll(w, NULL, NULL, NULL);
	up_fails(w, ERR_FAILED, "service 'app': somebody removed it meanwhile");
	assert_int_equal(0, w->nr);
}

static void all_of_a_stack_is_taken_back_when_one_service_is_refused(void **state)
{
	struct world *w = *state;

	add_service(w, "second");
	get_list(w, NAMED("app%22%2C%22second"), service(w, 7, w->old, NULL, NULL));
	tasks(w, RUNNING("o1"), RUNNING("o1"));
	POST("/services/s1/update?version=7", .status = 200);
	POST("/services/create", .status = 400, .answer = "{\"message\":\"port in use\"}");
	tasks(w, RUNNING("o1"), "");
	get(w, "/services/s1", service(w, 8, w->spec, w->old, "updating"));
	POST("/services/s1/update?version=8&rollback=previous", .status = 200);
	poll(w, service(w, 9, w->old, w->spec, "rollback_completed"), RUNNING("o1"), RUNNING("o1"));
	poll(w, service(w, 9, w->old, w->spec, "rollback_completed"), RUNNING("o1"), RUNNING("o1"));
	up_fails(w, ERR_ROLLED_BACK,
		 "create service 'second': port in use; the previous version is running again");
	assert_outcome(w, DEPLOY_VERB_ROLLED_BACK, "r:5000/app:1");
}

/* "second" depends on app: nothing is written for it before app runs. */
static void a_service_begins_when_those_it_depends_on_run(void **state)
{
	struct world *w = *state;
	const char *app = service(w, 1, w->spec, NULL, NULL), *second;
	const char *both = TASK_OF("s1", "a") "," TASK_OF("s2", "b");
	json_t *spec;

	w->opt.stable_ms = 1000;
	add_service(w, "second");
	strv_add(&w->stack.services[1].depends_on, "app");
	spec = deploy_spec_json(&w->stack.services[1], &w->opt.owner);
	second = service_of(w, "s2", 1, spec, NULL, NULL);
	get_list(w, NAMED("app%22%2C%22second"), "");
	CREATED;
	poll(w, app, PENDING("a"), PENDING("a"));
	poll(w, app, RUNNING("a"), RUNNING("a"));
	POST("/services/create", .status = 201, .answer = "{\"ID\":\"s2\"}");
	for (int i = 0; i < 3; i++) {
		get_list(w, WITH_ID("s1%22%2C%22s2"), kept(w, mem_printf("%s,%s", app, second)));
		get_list(w, TASKS "s1%22%2C%22s2%22%5D%7D", both);
		get_list(w, TASKS "s1%22%2C%22s2%22%5D" UP_TO_DATE "%7D", both);
	}
	up(w, 0);
	assert_int_equal(2, w->nr);
	json_decref(spec);
}

static void what_depends_on_a_failed_service_does_not_begin(void **state)
{
	struct world *w = *state;
	const char *three = FAILED("a") "," FAILED("b") "," FAILED("c");

	add_service(w, "second");
	strv_add(&w->stack.services[1].depends_on, "app");
	get_list(w, NAMED("app%22%2C%22second"), "");
	CREATED;
	poll(w, service(w, 1, w->spec, NULL, NULL), three, three);
	last_words(w, "c");
	is_removed(w, w->spec);
	up_fails(w, ERR_FAILED,
		 "service 'app': 3 tasks failed, the last: exit (7); what was created is removed "
		 "again");
	assert_outcome(w, DEPLOY_REMOVED, "r:5000/app:2");
}

static void terminate(struct fake_clock *fc, int64_t ms)
{
	(void)ms;
	cancel_set(fc->arg, SIGTERM);
}

static void a_signal_takes_the_update_back_without_waiting(void **state)
{
	struct world *w = *state;

	w->clock.on_sleep = terminate;
	w->clock.arg = &w->cancel;
	begin_update(w);
	poll(w, service(w, 8, w->spec, w->old, "updating"), RUNNING("o1"), "");
	tasks(w, RUNNING("o1"), "");
	get(w, "/services/s1", service(w, 8, w->spec, w->old, "updating"));
	POST("/services/s1/update?version=8&rollback=previous", .status = 200);
	up(w, -1);
	assert_int_equal(ERR_CANCELLED, w->e.kind);
	assert_string_equal("stopped by SIGTERM; what was begun is being taken back", w->e.text);
	assert_int_equal(0, w->nr);
	assert_true(recorder_has(&w->rec, "fail app: asked for; the engine goes on with it\n"));
}

static void a_signal_removes_what_was_created(void **state)
{
	struct world *w = *state;

	w->clock.on_sleep = terminate;
	w->clock.arg = &w->cancel;
	get_list(w, NAMED("app"), "");
	CREATED;
	poll(w, service(w, 1, w->spec, NULL, NULL), "", "");
	is_removed(w, w->spec);
	up(w, -1);
	assert_int_equal(ERR_CANCELLED, w->e.kind);
	assert_outcome(w, DEPLOY_REMOVED, "r:5000/app:2");
}

static void job_is_cancelled(void *arg)
{
	cancel_set(arg, SIGTERM);
}

static void a_signal_after_a_failure_does_not_stop_the_way_back(void **state)
{
	struct world *w = *state;
	const char *three = FAILED("a") "," FAILED("b") "," FAILED("c");

	get_list(w, NAMED("app"), "");
	CREATED;
	poll(w, service(w, 1, w->spec, NULL, NULL), three, three);
	HTTP_EXPECT(w->s, .method = "GET",
		    .url = V141 "/tasks/c/logs?stdout=1&stderr=1&timestamps=1&tail=10",
		    .status = 200, .then = job_is_cancelled, .arg = &w->cancel);
	is_removed(w, w->spec);
	up(w, -1);
	assert_outcome(w, DEPLOY_REMOVED, "r:5000/app:2");
}

static void a_signal_leaves_it_to_the_engine_where_nothing_is_to_be_taken_back(void **state)
{
	struct world *w = *state;

	w->opt.no_rollback = true;
	w->clock.on_sleep = terminate;
	w->clock.arg = &w->cancel;
	begin_update(w);
	poll(w, service(w, 8, w->spec, w->old, "updating"), RUNNING("o1"), "");
	up(w, -1);
	assert_int_equal(ERR_CANCELLED, w->e.kind);
	assert_true(recorder_has(&w->rec, "fail app: left to the engine, which goes on with it\n"));
}

/* -- writes that nobody knows of ------------------------------------------------ */

#define NO_LEADER .status = 503, .answer = "{\"message\":\"The swarm does not have a leader.\"}"

static void an_update_that_a_signal_met_on_its_way_is_taken_back(void **state)
{
	struct world *w = *state;

	get_list(w, NAMED("app"), service(w, 7, w->old, NULL, "completed"));
	tasks(w, RUNNING("o1"), RUNNING("o1"));
	POST("/services/s1/update?version=7", .status = 200, .then = job_is_cancelled,
	     .arg = &w->cancel);
	/* it was sent, and the engine comes to it a little later */
	get_list(w, NAMED("app"), service(w, 7, w->old, NULL, "completed"));
	get_list(w, NAMED("app"), service(w, 8, w->spec, w->old, "updating"));
	tasks(w, RUNNING("o1"), "");
	get(w, "/services/s1", service(w, 8, w->spec, w->old, "updating"));
	POST("/services/s1/update?version=8&rollback=previous", .status = 200);
	up_fails(w, ERR_CANCELLED, "stopped by SIGTERM; what was begun is being taken back");
}

static void a_service_whose_create_a_signal_met_is_removed_again(void **state)
{
	struct world *w = *state;

	get_list(w, NAMED("app"), "");
	POST("/services/create", .status = 201, .answer = "{\"ID\":\"s1\"}",
	     .then = job_is_cancelled, .arg = &w->cancel);
	get_list(w, NAMED("app"), service(w, 1, w->spec, NULL, NULL));
	is_removed(w, w->spec);
	up(w, -1);
	assert_int_equal(ERR_CANCELLED, w->e.kind);
	assert_outcome(w, DEPLOY_REMOVED, "r:5000/app:2");
}

static void a_write_that_never_arrived_needs_no_way_back(void **state)
{
	struct world *w = *state;

	get_list(w, NAMED("app"), "");
	POST("/services/create", .status = 201, .then = job_is_cancelled, .arg = &w->cancel);
	for (int i = 0; i < 3; i++)
		get_list(w, NAMED("app"), "");
	up_fails(w, ERR_CANCELLED, "stopped by SIGTERM");
	assert_int_equal(0, w->nr);
}

static void an_update_whose_answer_stays_lost_is_looked_for_and_taken_back(void **state)
{
	struct world *w = *state;

	get_list(w, NAMED("app"), service(w, 7, w->old, NULL, "completed"));
	tasks(w, RUNNING("o1"), RUNNING("o1"));
	POST("/services/s1/update?version=7", .fail = ERR_UNAVAILABLE);
	HTTP_EXPECT(w->s, .method = "GET", .url = V141 "/services/s1", .times = 4, NO_LEADER);
	get_list(w, NAMED("app"), service(w, 8, w->spec, w->old, "updating"));
	tasks(w, RUNNING("o1"), "");
	get(w, "/services/s1", service(w, 8, w->spec, w->old, "updating"));
	POST("/services/s1/update?version=8&rollback=previous", .status = 200);
	poll(w, service(w, 9, w->old, w->spec, "rollback_completed"), RUNNING("o1"), RUNNING("o1"));
	poll(w, service(w, 9, w->old, w->spec, "rollback_completed"), RUNNING("o1"), RUNNING("o1"));
	up(w, -1);
	assert_int_equal(ERR_ROLLED_BACK, w->e.kind);
	assert_outcome(w, DEPLOY_VERB_ROLLED_BACK, "r:5000/app:1");
}

static void an_engine_that_is_gone_is_not_asked_for_the_way_back_of_each(void **state)
{
	struct world *w = *state;

	add_service(w, "second");
	get_list(w, NAMED("app%22%2C%22second"), service(w, 7, w->old, NULL, NULL));
	tasks(w, RUNNING("o1"), RUNNING("o1"));
	POST("/services/s1/update?version=7", .status = 200);
	POST("/services/create", .fail = ERR_UNAVAILABLE);
	/* once by the create, once by the way back of the second; never for app */
	HTTP_EXPECT(w->s, .method = "GET", .url = V141 NAMED("second"), .times = 8,
		    .fail = ERR_UNAVAILABLE);
	up_fails(w, ERR_UNAVAILABLE,
		 "create service 'second': docker engine at 'unix:///var/run/docker.sock': "
		 "connection reset; what was begun is left to the engine, and the next run of "
		 "cdeploy goes on with it");
}

static void what_was_removed_waits_for_a_leader_to_be_created_anew(void **state)
{
	struct world *w = *state;

	begin_recreate(w);
	for (int i = 0; i < 5; i++) {
		POST("/services/create", NO_LEADER);
		HTTP_EXPECT(w->s, .method = "GET", .url = V141 NAMED("app"), .times = 4, NO_LEADER);
	}
	CREATED;
	poll(w, service(w, 1, w->spec, NULL, NULL), RUNNING("a"), RUNNING("a"));
	poll(w, service(w, 1, w->spec, NULL, NULL), RUNNING("a"), RUNNING("a"));
	up(w, 0);
	assert_outcome(w, DEPLOY_UPDATED, "r:5000/app:2");
}

static void what_was_removed_and_cannot_be_created_is_told_of(void **state)
{
	struct world *w = *state;

	begin_recreate(w);
	http_script_unordered(w->s);
	POST("/services/create", .any_times = true, NO_LEADER);
	HTTP_EXPECT(w->s, .method = "GET", .url = V141 NAMED("app"), .any_times = true, NO_LEADER);
	up_fails(w, ERR_STUCK,
		 "update service 'app': The swarm does not have a leader.; and it could not be "
		 "taken back: service 'app': it was removed, to be created anew, and there is none "
		 "now; the next run of cdeploy creates it (The swarm does not have a leader.)");
	assert_true(w->clock.now_ms >= 120000 && w->clock.now_ms < 180000);
}

static void an_engine_that_is_silent_for_a_while_is_waited_for(void **state)
{
	struct world *w = *state;

	get_list(w, NAMED("app"), "");
	CREATED;
	HTTP_EXPECT(w->s, .method = "GET", .url = V141 WITH_ID("s1"), .fail = ERR_UNAVAILABLE,
		    .times = 4);
	poll(w, service(w, 1, w->spec, NULL, NULL), RUNNING("a"), RUNNING("a"));
	poll(w, service(w, 1, w->spec, NULL, NULL), RUNNING("a"), RUNNING("a"));
	up(w, 0);
	assert_outcome(w, DEPLOY_CREATED, "r:5000/app:2");
	assert_true(recorder_has(&w->rec, "; going on asking\n"));
}

static void an_engine_that_stays_silent_is_unavailable_and_nothing_is_undone(void **state)
{
	struct world *w = *state;

	get_list(w, NAMED("app"), "");
	CREATED;
	http_script_unordered(w->s);
	HTTP_EXPECT(w->s, .method = "GET", .url = V141 WITH_ID("s1"), .fail = ERR_UNAVAILABLE,
		    .any_times = true);
	up(w, -1);
	assert_int_equal(ERR_UNAVAILABLE, w->e.kind);
	assert_true(w->clock.now_ms >= 60000 && w->clock.now_ms < 75000);
}

/* -- the lock ------------------------------------------------------------------ */

#define LOST                                                                                       \
	"the lock of project 'team/app' was taken over by bob@there; this run writes nothing "     \
	"more and takes nothing back"

/* An update as above, under the lock. */
static void begin_locked_update(struct world *w)
{
	static const struct deploy_holder holder = { .who = "anna@here" };

	w->opt.holder = &holder;
	get_list(w, NAMED("app"), service(w, 7, w->old, NULL, "completed"));
	POST("/configs/create", .status = 201, .answer = "{\"ID\":\"l1\"}");
	begin_update(w);
}

/* Bob has it when it is looked at. */
static void lock_is_lost(struct world *w)
{
	auto_free char *name = deploy_lock_name(&w->opt.owner);
	auto_free char *path = mem_printf("/configs/%s", name);

	get(w, path,
	    kept(w, mem_printf("{\"ID\":\"l2\",\"Version\":{\"Index\":9},\"Spec\":{\"Name\":\"%s\","
			       "\"Labels\":{\"io.cdeploy.holder\":\"bob@there\"}}}",
			       name)));
}

static void slowly(struct fake_clock *fc, int64_t ms)
{
	(void)ms;
	fake_clock_advance(fc, 1000);
}

static void a_failed_update_is_left_to_whoever_has_taken_the_lock(void **state)
{
	struct world *w = *state;

	w->clock.on_sleep = slowly;
	begin_locked_update(w);
	poll(w, service(w, 8, w->spec, w->old, "updating"), RUNNING("o1"), "");
	poll(w, service(w, 9, w->spec, w->old, "paused"), FAILED("a"), FAILED("a"));
	last_words(w, "a");
	lock_is_lost(w);
	up_fails(w, ERR_LOCKED, "service 'app': the engine paused the update: exit (7); " LOST);
	assert_int_equal(0, w->nr);
}

static void the_second_wave_is_not_written_without_the_lock(void **state)
{
	struct world *w = *state;
	const char *both = NAMED("app%22%2C%22second");

	add_service(w, "second");
	strv_add(&w->stack.services[1].depends_on, "app");
	w->opt.holder = &(const struct deploy_holder){ .who = "anna@here" };
	w->clock.on_sleep = slowly;
	get_list(w, both, "");
	POST("/configs/create", .status = 201, .answer = "{\"ID\":\"l1\"}");
	get_list(w, both, "");
	CREATED;
	poll(w, service(w, 1, w->spec, NULL, NULL), "", "");
	poll(w, service(w, 1, w->spec, NULL, NULL), RUNNING("a"), RUNNING("a"));
	lock_is_lost(w);
	up_fails(w, ERR_LOCKED, "create service 'second': " LOST);
}

/* Asked as often as fits into a second, and once more. */
static void begin_locked_recreate(struct world *w)
{
	static const struct deploy_holder holder = { .who = "anna@here" };

	w->opt.holder = &holder;
	w->opt.owner.recreate = true;
	w->clock.on_sleep = slowly;
	json_object_set_new(w->old, "Mode", json_pack("{s:{}}", "Global"));
	get_list(w, NAMED("app"), service(w, 7, w->old, NULL, "completed"));
	POST("/configs/create", .status = 201, .answer = "{\"ID\":\"l1\"}");
	begin_recreate(w);
}

static void what_was_removed_and_is_another_s_to_create_is_told_of(void **state)
{
	struct world *w = *state;

	begin_locked_recreate(w);
	POST("/services/create", NO_LEADER);
	get_list(w, NAMED("app"), "");
	lock_is_lost(w);
	up_fails(w, ERR_LOCKED,
		 "update service 'app': it was removed, to be created anew, and there is none now; "
		 "the next run of cdeploy creates it (" LOST ")");
}

static void the_lock_lost_on_the_way_back_stays_that(void **state)
{
	struct world *w = *state;

	begin_locked_recreate(w);
	POST("/services/create", .status = 400, .answer = "{\"message\":\"port in use\"}");
	POST("/services/create", NO_LEADER);
	get_list(w, NAMED("app"), "");
	lock_is_lost(w);
	up_fails(w, ERR_LOCKED,
		 "update service 'app': port in use; service 'app': it was removed, to be created "
		 "anew, and there is none now; the next run of cdeploy creates it (" LOST ")");
}

static void terminate_after_a_while(struct fake_clock *fc, int64_t ms)
{
	terminate(fc, ms);
	fake_clock_advance(fc, 1000);
}

static void a_signal_takes_nothing_back_without_the_lock(void **state)
{
	struct world *w = *state;

	w->clock.on_sleep = terminate_after_a_while;
	w->clock.arg = &w->cancel;
	begin_locked_update(w);
	poll(w, service(w, 8, w->spec, w->old, "updating"), RUNNING("o1"), "");
	lock_is_lost(w);
	up_fails(w, ERR_CANCELLED, "stopped by SIGTERM; " LOST);
}

static void what_the_new_holder_changed_is_told_as_that(void **state)
{
	struct world *w = *state;

	w->clock.on_sleep = slowly;
	begin_locked_update(w);
	poll(w, service(w, 8, w->spec, w->old, "updating"), RUNNING("o1"), "");
	poll(w, service(w, 9, w->old, w->spec, "updating"), RUNNING("o1"), "");
	lock_is_lost(w);
	up(w, -1);
	assert_int_equal(ERR_LOCKED, w->e.kind);
	assert_non_null(strstr(w->e.text, LOST));
}

static void a_deploy_that_went_well_without_the_lock_is_not_recorded(void **state)
{
	struct world *w = *state;

	w->clock.on_sleep = slowly;
	begin_locked_update(w);
	poll(w, service(w, 8, w->spec, w->old, NULL), RUNNING("o1"), "");
	for (int i = 0; i < 2; i++)
		poll(w, service(w, 9, w->spec, w->old, "completed"), RUNNING("a"), RUNNING("a"));
	lock_is_lost(w);
	up_fails(w, ERR_LOCKED, LOST);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_failed_update_is_left_to_whoever_has_taken_the_lock),
		T(the_second_wave_is_not_written_without_the_lock),
		T(what_was_removed_and_is_another_s_to_create_is_told_of),
		T(the_lock_lost_on_the_way_back_stays_that),
		T(a_signal_takes_nothing_back_without_the_lock),
		T(what_the_new_holder_changed_is_told_as_that),
		T(a_deploy_that_went_well_without_the_lock_is_not_recorded),
		T(a_new_service_and_its_network_are_created_and_watched),
		T(nothing_is_written_when_nothing_differs),
		T(an_update_quotes_the_version_and_waits_for_the_new_tasks),
		T(detached_means_not_watched),
		T(credentials_go_with_the_service_or_are_missed),
		T(a_service_that_was_nobodys_is_adopted_with_a_notice),
		T(what_cannot_be_changed_is_removed_and_created_anew),
		T(one_that_somebody_changed_is_not_removed_to_be_created_anew),
		T(a_new_one_that_somebody_changed_is_not_removed_again),
		T(a_recreated_service_that_fails_makes_room_for_the_old_one),
		T(a_recreated_service_that_is_refused_makes_room_for_the_old_one),
		T(what_left_the_file_is_removed_when_that_is_asked_for),
		T(nothing_is_removed_when_the_deploy_fails),
		T(an_update_out_of_sequence_is_repeated_with_the_new_version),
		T(an_update_is_not_repeated_over_somebody_elses),
		T(an_update_out_of_sequence_ends_after_ten_tries),
		T(an_update_whose_answer_was_lost_is_not_made_twice),
		T(a_create_whose_answer_was_lost_is_looked_up_first),
		T(a_service_that_somebody_else_made_meanwhile_is_theirs),
		T(a_network_that_another_deploy_made_meanwhile_is_used),
		T(a_refused_spec_is_an_error_of_input),
		T(another_projects_service_is_not_touched),
		T(an_update_that_fails_is_rolled_back_and_the_old_tasks_run),
		T(a_rollback_of_the_engines_own_is_waited_for_and_not_repeated),
		T(the_old_spec_is_sent_when_the_engine_has_another_previous_one),
		T(a_way_back_that_fails_is_stuck),
		T(without_rollback_a_failed_update_stays),
		T(a_new_service_that_never_works_is_removed_again),
		T(a_new_service_that_cannot_be_removed_is_stuck),
		T(a_limit_with_nothing_to_go_back_to_is_a_timeout),
		T(an_update_that_was_cut_off_is_watched_by_the_next_run),
		T(a_created_service_that_does_not_run_is_not_passed_as_unchanged),
		T(a_created_service_that_comes_to_run_late_is_unchanged),
		T(a_created_service_that_runs_is_unchanged_at_once),
		T(tasks_are_not_looked_at_where_the_engines_count_is_enough),
		T(a_service_that_only_begins_so_is_left_alone),
		T(fifty_services_without_a_change_are_asked_for_together),
		T(two_rollouts_are_watched_with_the_requests_of_one),
		T(a_rollback_that_was_paused_is_told_and_not_turned_round),
		T(what_somebody_else_changed_meanwhile_is_left_to_them),
		T(all_of_a_stack_is_taken_back_when_one_service_is_refused),
		T(a_service_begins_when_those_it_depends_on_run),
		T(what_depends_on_a_failed_service_does_not_begin),
		T(a_signal_takes_the_update_back_without_waiting),
		T(a_signal_removes_what_was_created),
		T(a_signal_after_a_failure_does_not_stop_the_way_back),
		T(a_signal_leaves_it_to_the_engine_where_nothing_is_to_be_taken_back),
		T(an_update_that_a_signal_met_on_its_way_is_taken_back),
		T(a_service_whose_create_a_signal_met_is_removed_again),
		T(a_write_that_never_arrived_needs_no_way_back),
		T(an_update_whose_answer_stays_lost_is_looked_for_and_taken_back),
		T(an_engine_that_is_gone_is_not_asked_for_the_way_back_of_each),
		T(what_was_removed_waits_for_a_leader_to_be_created_anew),
		T(what_was_removed_and_cannot_be_created_is_told_of),
		T(an_engine_that_is_silent_for_a_while_is_waited_for),
		T(an_engine_that_stays_silent_is_unavailable_and_nothing_is_undone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
