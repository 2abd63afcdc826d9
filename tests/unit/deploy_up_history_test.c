/* When a deploy is recorded, as what, and what becomes of it when that fails. Every request is in the script. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cancel.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "deploy/history_keep.h"
#include "deploy/lock.h"
#include "tests/fakes/up_world.h"

#define SERVICES V141 "/services?status=true&filters=%7B%22name%22%3A%5B%22app%22%5D%7D"

struct world {
	struct http_script *s;
	struct fake_clock clock;
	struct recorder rec;
	struct op op;
	struct engine *eng;
	struct deploy_stack stack;
	struct deploy_options opt;
	struct deploy_note note;
	struct deploy_outcome out[1];
	size_t nr;
	char *prefix; /* of the names of records */
	struct err e;
};

static int setup(void **state)
{
	struct world *w = mem_zalloc(sizeof(*w));
	struct deploy_service *s = mem_zalloc(sizeof(*s));

	w->op = (struct op){ .clock = fake_clock_init(&w->clock),
			     .progress = recorder_init(&w->rec) };
	w->note = (struct deploy_note){ .who = "anna@here" };
	w->opt = (struct deploy_options){ .owner = { .project = "p", .pipeline = "42" },
					  .note = &w->note,
					  .stable_ms = 1 };
	w->prefix = deploy_history_prefix(&w->opt.owner);
	*s = (struct deploy_service){ .name = mem_strdup("app"), .image = mem_strdup("r/app:2") };
	w->stack = (struct deploy_stack){ .services = s, .nr = 1, .cap = 1 };
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
	free(w->prefix);
	free(w);
	return 0;
}

/* The service as it is: of that pipeline and revision (0: none); update: what the engine says of the last one. */
static void is_there(struct world *w, const char *pipeline, uint64_t revision, const char *update)
{
	const struct deploy_owner by = { .project = "p",
					 .pipeline = pipeline,
					 .revision = revision };
	json_t *o = json_pack("{s:s,s:{s:i},s:o,s:{s:s}}", "ID", "s1", "Version", "Index", 7,
			      "Spec", deploy_spec_json(&w->stack.services[0], &by), "UpdateStatus",
			      "State", update);
	auto_free char *text = json_dumps(o, JSON_COMPACT);
	auto_free char *list = mem_printf("[%s]", text);

	json_decref(o);
	HTTP_EXPECT(w->s, .method = "GET", .url = SERVICES, .status = 200, .answer = list);
}

static void runs(struct world *w, const char *pipeline, uint64_t revision)
{
	is_there(w, pipeline, revision, "completed");
}

/* Nothing runs; the service is made and not watched. */
static void is_created(struct world *w)
{
	w->opt.detach = w->note.detached = true;
	HTTP_EXPECT(w->s, .method = "POST", .url = V141 "/services/create", .status = 201,
		    .answer = "{\"ID\":\"s1\"}");
}

static void nothing_runs(struct world *w)
{
	HTTP_EXPECT(w->s, .method = "GET", .url = SERVICES, .status = 200, .answer = "[]");
}

static void history_is(struct world *w, const char *answer)
{
	auto_free char *url = mem_printf(
		V141 "/configs?filters=%%7B%%22name%%22%%3A%%5B%%22%s%%22%%5D%%7D", w->prefix);

	HTTP_EXPECT(w->s, .method = "GET", .url = url, .status = 200, .answer = answer);
}

#define OWNED V141 "/services?filters=%7B%22label%22%3A%5B%22io.cdeploy.project%3Dp%22%5D%7D"

/* A service of the project's that is not in the file has that label. */
static void there_is(struct world *w, const char *revision)
{
	auto_free char *list = mem_printf(
		"[{\"ID\":\"s5\",\"Version\":{\"Index\":7},\"Spec\":{\"Name\":\"left\","
		"\"Labels\":{\"io.cdeploy.project\":\"p\",\"io.cdeploy.revision\":\"%s\"}}}]",
		revision);

	HTTP_EXPECT(w->s, .method = "GET", .url = OWNED, .status = 200, .answer = list);
}

static void has_record(struct world *w, unsigned revision, bool yes)
{
	auto_free char *lock = deploy_lock_name(&w->opt.owner);
	auto_free char *url = mem_printf(
		V141 "/configs?filters=%%7B%%22name%%22%%3A%%5B%%22%s%u%%22%%2C%%22%s%%22"
		     "%%5D%%7D",
		w->prefix, revision, lock);
	auto_free char *list = mem_printf(
		"[{\"ID\":\"r%u\",\"Version\":{\"Index\":1},\"Spec\":{\"Name\":\"%s%u\",\"Data\":"
		"\"e30=\",\"Labels\":{\"io.cdeploy.project\":\"p\"}}}]",
		revision, w->prefix, yes ? revision : 10 * revision);

	HTTP_EXPECT(w->s, .method = "GET", .url = url, .status = 200, .answer = list);
}

static void is_recorded(struct world *w, long status)
{
	HTTP_EXPECT(w->s, .method = "POST", .url = V141 "/configs/create", .status = status,
		    .answer = status == 201 ? "{\"ID\":\"r9\"}" : "{\"message\":\"no room\"}");
}

static void up(struct world *w)
{
	if (deploy_up(w->out, &w->nr, &w->op, w->eng, &w->stack, &w->opt, &w->e) < 0)
		fail_msg("%s", w->e.text);
	http_script_done(w->s);
}

/* Of the last request but `back`. */
static const char *sent(struct world *w, size_t back)
{
	return buf_str(&http_script_seen(w->s, http_script_count(w->s) - 1 - back)->body);
}

static void a_deploy_and_its_record_carry_the_next_number(void **state)
{
	struct world *w = *state;
	auto_free char *list =
		mem_printf("[{\"ID\":\"r4\",\"Version\":{\"Index\":1},\"Spec\":{\"Name\":\"%s4\","
			   "\"Data\":\"e30=\",\"Labels\":{\"io.cdeploy.project\":\"p\"}}}]",
			   w->prefix);
	auto_free char *name = mem_printf("\"Name\":\"%s5\"", w->prefix);

	nothing_runs(w);
	history_is(w, list);
	there_is(w, "3");
	is_created(w);
	is_recorded(w, 201);
	up(w);
	assert_non_null(strstr(sent(w, 1), "\"io.cdeploy.revision\":\"5\""));
	assert_non_null(strstr(sent(w, 0), name));
	assert_non_null(strstr(sent(w, 0), "\"io.cdeploy.revision\":\"5\""));
	assert_non_null(strstr(sent(w, 0), "\"io.cdeploy.user\":\"anna@here\""));
	assert_non_null(strstr(sent(w, 0), "\"io.cdeploy.detached\":\"true\""));
	assert_true(recorder_has(&w->rec, "note: this is revision 5 of the history\n"));
}

static void without_a_change_nothing_is_written(void **state)
{
	struct world *w = *state;

	runs(w, "41", 3);
	has_record(w, 3, true);
	up(w);
	assert_int_equal(DEPLOY_UNCHANGED, w->out[0].verb);
}

static void a_record_that_is_missing_is_made_up_for_in_its_deploy_s_name(void **state)
{
	struct world *w = *state;

	runs(w, "41", 3);
	has_record(w, 3, false);
	is_recorded(w, 201);
	up(w);
	assert_int_equal(DEPLOY_UNCHANGED, w->out[0].verb);
	assert_non_null(strstr(sent(w, 0), "\"io.cdeploy.pipeline\":\"41\""));
	assert_non_null(strstr(sent(w, 0), "\"io.cdeploy.revision\":\"3\""));
}

/* As those of jobs always have: the engine does not say that they have come to run. */
static void what_is_missing_is_recorded_where_tasks_had_to_be_asked_for_as_well(void **state)
{
	struct world *w = *state;

	is_there(w, "41", 3, "");
	HTTP_EXPECT(w->s, .method = "GET", .url = V141 TASKS "s1%22%5D%7D", .status = 200,
		    .answer = "[" RUNNING("a") "]");
	HTTP_EXPECT(w->s, .method = "GET", .url = V141 TASKS "s1%22%5D" UP_TO_DATE "%7D",
		    .status = 200, .answer = "[" RUNNING("a") "]");
	has_record(w, 3, false);
	is_recorded(w, 201);
	up(w);
	assert_int_equal(DEPLOY_UNCHANGED, w->out[0].verb);
	assert_non_null(strstr(sent(w, 0), "\"io.cdeploy.revision\":\"3\""));
}

static const struct deploy_holder anna = { .who = "anna@here" };

static void bob_has_the_lock(struct world *w)
{
	auto_free char *lock = deploy_lock_name(&w->opt.owner);
	auto_free char *url = mem_printf(V141 "/configs/%s", lock);
	auto_free char *object = mem_printf(
		"{\"ID\":\"l1\",\"Version\":{\"Index\":4},\"Spec\":{\"Name\":\"%s\",\"Labels\":{"
		"\"io.cdeploy.holder\":\"bob\",\"io.cdeploy.expires\":\"2200-01-01T00:00:00Z\"}}}",
		lock);

	HTTP_EXPECT(w->s, .method = "GET", .url = url, .status = 200, .answer = object);
}

/* The lock of a dead run, in the list with the record of that number, is cleared away. */
static void lock_is_left(struct world *w, unsigned revision, bool recorded)
{
	auto_free char *lock = deploy_lock_name(&w->opt.owner);
	auto_free char *url = mem_printf(
		V141 "/configs?filters=%%7B%%22name%%22%%3A%%5B%%22%s%u%%22%%2C%%22%s%%22"
		     "%%5D%%7D",
		w->prefix, revision, lock);
	auto_free char *list = mem_printf(
		"[{\"ID\":\"l1\",\"Version\":{\"Index\":4},\"Spec\":{\"Name\":\"%s\",\"Labels\":{"
		"\"io.cdeploy.holder\":\"bob\",\"io.cdeploy.expires\":\"1969-01-01T00:00:00Z\"}}},"
		"{\"ID\":\"r%u\",\"Version\":{\"Index\":1},\"Spec\":{\"Name\":\"%s%u\",\"Data\":"
		"\"e30=\",\"Labels\":{\"io.cdeploy.project\":\"p\"}}}]",
		lock, revision, w->prefix, recorded ? revision : 10 * revision);

	HTTP_EXPECT(w->s, .method = "GET", .url = url, .status = 200, .answer = list);
	HTTP_EXPECT(w->s, .method = "POST", .url = V141 "/configs/l1/update?version=4",
		    .status = 200);
	HTTP_EXPECT(w->s, .method = "DELETE", .url = V141 "/configs/l1", .status = 204);
}

static void lock_is(struct world *w, bool free)
{
	HTTP_EXPECT(w->s, .method = "POST", .url = V141 "/configs/create",
		    .status = free ? 201 : 409,
		    .answer = free ? "{\"ID\":\"l9\"}" : "{\"message\":\"already exists\"}");
}

static void lock_is_given_back(struct world *w)
{
	HTTP_EXPECT(w->s, .method = "DELETE", .url = V141 "/configs/l9", .status = 204);
}

static void what_is_missing_is_recorded_under_the_lock_only(void **state)
{
	struct world *w = *state;

	w->opt.holder = &anna;
	runs(w, "41", 3);
	has_record(w, 3, false);
	lock_is(w, true);
	runs(w, "41", 3);
	has_record(w, 3, false);
	is_recorded(w, 201);
	lock_is_given_back(w);
	up(w);
	assert_non_null(strstr(sent(w, 1), "\"io.cdeploy.revision\":\"3\""));
}

static void who_is_at_work_still_records_it_himself(void **state)
{
	struct world *w = *state;

	w->opt.holder = &anna;
	/* while he holds the lock */
	runs(w, "41", 3);
	has_record(w, 3, false);
	lock_is(w, false);
	bob_has_the_lock(w);
	up(w);
	/* when he is through before we have it */
	runs(w, "41", 3);
	has_record(w, 3, false);
	lock_is(w, true);
	runs(w, "41", 3);
	has_record(w, 3, true);
	lock_is_given_back(w);
	up(w);
	/* and when he has begun another */
	runs(w, "41", 3);
	has_record(w, 3, false);
	lock_is(w, true);
	w->stack.services[0].image[strlen("r/app:")] = '3';
	runs(w, "42", 4);
	w->stack.services[0].image[strlen("r/app:")] = '2';
	lock_is_given_back(w);
	up(w);
	assert_null(strstr(recorder_text(&w->rec), "warn"));
}

static void who_has_waited_to_write_and_finds_it_written_records_it(void **state)
{
	struct world *w = *state;

	w->opt.holder = &anna;
	w->opt.lock_wait_ms = 60000;
	w->stack.services[0].image[strlen("r/app:")] = '1';
	runs(w, "40", 2);
	w->stack.services[0].image[strlen("r/app:")] = '2';
	lock_is(w, false);
	bob_has_the_lock(w);
	/* bob is killed after his write, and before his record */
	lock_is(w, true);
	runs(w, "41", 3);
	has_record(w, 3, false);
	is_recorded(w, 201);
	lock_is_given_back(w);
	up(w);
	assert_int_equal(DEPLOY_UNCHANGED, w->out[0].verb);
	assert_non_null(strstr(sent(w, 1), "\"io.cdeploy.revision\":\"3\""));
}

static void two_seconds_pass(struct fake_clock *fc, int64_t ms)
{
	(void)ms;
	fake_clock_advance(fc, 2000);
}

static void a_record_that_is_refused_without_the_lock_ends_the_run(void **state)
{
	struct world *w = *state;
	auto_free char *lock = deploy_lock_name(&w->opt.owner);
	auto_free char *url = mem_printf(V141 "/configs/%s", lock);
	auto_free char *record = mem_printf(V141 "/configs/%s1", w->prefix);

	w->opt.holder = &anna;
	w->clock.on_sleep = two_seconds_pass;
	nothing_runs(w);
	lock_is(w, true);
	nothing_runs(w);
	history_is(w, "[]");
	there_is(w, "x");
	is_created(w);
	/* the first try of the record is not answered, and not there */
	HTTP_EXPECT(w->s, .method = "POST", .url = V141 "/configs/create", .fail = ERR_UNAVAILABLE);
	HTTP_EXPECT(w->s, .method = "GET", .url = record, .status = 404);
	HTTP_EXPECT(w->s, .method = "GET", .url = url, .status = 404);
	assert_int_equal(-1, deploy_up(w->out, &w->nr, &w->op, w->eng, &w->stack, &w->opt, &w->e));
	http_script_done(w->s);
	assert_int_equal(ERR_LOCKED, w->e.kind);
}

static void a_lock_that_a_dead_run_left_is_swept_up_where_nothing_is_to_be_written(void **state)
{
	struct world *w = *state;

	w->opt.holder = &anna;
	runs(w, "41", 3);
	lock_is_left(w, 3, false);
	/* the record is missing, too */
	lock_is(w, false);
	bob_has_the_lock(w);
	up(w);
	assert_true(recorder_has(&w->rec, "warn: the lock that bob left behind is cleared away\n"));
}

/* So many records as there can be while one is added, the newest of them the service's. */
static char *records(const struct world *w, int newest)
{
	json_t *list = json_array();
	char *text;

	for (int i = newest; i > newest - 11; i--) {
		auto_free char *id = mem_printf("r%d", i), *name = mem_printf("%s%d", w->prefix, i);

		json_array_append_new(list,
				      json_pack("{s:s,s:{s:i},s:{s:s,s:s,s:{s:s}}}", "ID", id,
						"Version", "Index", 1, "Spec", "Name", name, "Data",
						"e30=", "Labels", "io.cdeploy.project", "p"));
	}
	text = json_dumps(list, JSON_COMPACT);
	json_decref(list);
	return text;
}

static void what_a_dead_run_was_to_remove_in_the_end_is_removed(void **state)
{
	struct world *w = *state;
	auto_free char *list = records(w, 13);

	w->opt.holder = &anna;
	runs(w, "41", 13);
	lock_is_left(w, 13, true);
	lock_is(w, true);
	runs(w, "41", 13);
	has_record(w, 13, true);
	history_is(w, list);
	HTTP_EXPECT(w->s, .method = "DELETE", .url = V141 "/configs/r3", .status = 204);
	lock_is_given_back(w);
	up(w);
	assert_int_equal(DEPLOY_UNCHANGED, w->out[0].verb);
}

static void cancelled(void *cancel)
{
	cancel_set(cancel, SIGTERM);
}

static void what_is_left_when_all_run_is_done_though_a_signal_comes(void **state)
{
	struct world *w = *state;
	auto_free char *list = records(w, 13);
	struct cancel cancel;

	assert_int_equal(0, cancel_init(&cancel, &w->e));
	w->op.cancel = &cancel;
	nothing_runs(w);
	history_is(w, list);
	there_is(w, "3");
	is_created(w);
	HTTP_EXPECT(w->s, .method = "POST", .url = V141 "/configs/create", .status = 201,
		    .answer = "{\"ID\":\"r14\"}", .then = cancelled, .arg = &cancel);
	HTTP_EXPECT(w->s, .method = "DELETE", .url = V141 "/configs/r3", .status = 204);
	HTTP_EXPECT(w->s, .method = "DELETE", .url = V141 "/configs/r4", .status = 204);
	up(w);
	w->op.cancel = NULL;
	cancel_release(&cancel);
}

/* Record 3 has these services; --prune then removes `left`. */
static void left_goes(struct world *w, const char *services)
{
	auto_free char *body = mem_printf("{\"services\":[%s]}", services);
	auto_free char *data = base64_encode(span_of_str(body), false);
	auto_free char *list =
		mem_printf("[{\"ID\":\"r3\",\"Version\":{\"Index\":1},\"Spec\":{\"Name\":\"%s3\","
			   "\"Data\":\"%s\",\"Labels\":{\"io.cdeploy.project\":\"p\"}}}]",
			   w->prefix, data);

	runs(w, "41", 3);
	there_is(w, "2");
	history_is(w, *services ? list : "[]");
	there_is(w, "2");
	HTTP_EXPECT(w->s, .method = "GET", .url = V141 "/services/s5", .status = 200,
		    .answer =
			    "{\"ID\":\"s5\",\"Version\":{\"Index\":7},\"Spec\":{\"Name\":\"left\","
			    "\"Labels\":{\"io.cdeploy.project\":\"p\"}}}");
	HTTP_EXPECT(w->s, .method = "DELETE", .url = V141 "/services/s5", .status = 200);
}

/* Else a rollback, which goes one revision back, would go nowhere. */
static void what_only_removes_is_a_revision_when_the_last_one_had_it(void **state)
{
	struct world *w = *state;
	auto_strv struct strv pruned = STRV_INIT;

	w->opt.prune = true;
	w->opt.pruned = &pruned;
	left_goes(w, "{\"spec\":{\"Name\":\"app\"}},{\"spec\":{\"Name\":\"left\"}}");
	is_recorded(w, 201);
	up(w);
	assert_non_null(strstr(sent(w, 0), "\"io.cdeploy.revision\":\"4\""));
	left_goes(w, "{\"spec\":{\"Name\":\"app\"}}");
	up(w);
	/* that of the run which wrote app, and was cut off */
	left_goes(w, "");
	has_record(w, 3, false);
	is_recorded(w, 201);
	up(w);
	assert_non_null(strstr(sent(w, 0), "\"io.cdeploy.revision\":\"3\""));
}

static void what_ran_before_there_was_a_history_becomes_its_first_revision(void **state)
{
	struct world *w = *state;

	runs(w, "41", 0);
	history_is(w, "[]");
	is_recorded(w, 201);
	up(w);
	assert_non_null(strstr(sent(w, 0), "\"io.cdeploy.revision\":\"1\""));
}

static void a_history_that_cannot_be_read_does_not_stop_a_deploy(void **state)
{
	struct world *w = *state;

	nothing_runs(w);
	history_is(w, "{}");
	is_created(w);
	up(w);
	assert_null(strstr(sent(w, 0), "io.cdeploy.revision"));
	assert_non_null(
		strstr(recorder_text(&w->rec), "warn: this deploy will not be in the history: "));
}

static void a_number_that_a_killed_run_has_used_is_used_up(void **state)
{
	struct world *w = *state;

	nothing_runs(w);
	history_is(w, "[]");
	there_is(w, "7");
	is_created(w);
	is_recorded(w, 201);
	up(w);
	assert_non_null(strstr(sent(w, 1), "\"io.cdeploy.revision\":\"8\""));
	assert_true(recorder_has(&w->rec, "note: this is revision 8 of the history\n"));
}

static void after_the_last_number_there_is_no_other(void **state)
{
	struct world *w = *state;

	nothing_runs(w);
	history_is(w, "[]");
	there_is(w, "4294967295");
	is_created(w);
	up(w);
	assert_null(strstr(sent(w, 0), "io.cdeploy.revision"));
	assert_true(recorder_has(&w->rec, "warn: this deploy will not be in the history: revision "
					  "4294967295 is there already"));
}

static void a_record_that_cannot_be_written_is_a_warning(void **state)
{
	struct world *w = *state;

	nothing_runs(w);
	history_is(w, "[]");
	there_is(w, "x");
	is_created(w);
	is_recorded(w, 400);
	up(w);
	assert_int_equal(DEPLOY_CREATED, w->out[0].verb);
	assert_non_null(strstr(recorder_text(&w->rec),
			       "warn: revision 1 is not in the history, and nobody can go back to "
			       "it: no room"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_deploy_and_its_record_carry_the_next_number),
		T(without_a_change_nothing_is_written),
		T(a_record_that_is_missing_is_made_up_for_in_its_deploy_s_name),
		T(what_is_missing_is_recorded_where_tasks_had_to_be_asked_for_as_well),
		T(what_is_missing_is_recorded_under_the_lock_only),
		T(who_is_at_work_still_records_it_himself),
		T(who_has_waited_to_write_and_finds_it_written_records_it),
		T(a_record_that_is_refused_without_the_lock_ends_the_run),
		T(a_lock_that_a_dead_run_left_is_swept_up_where_nothing_is_to_be_written),
		T(what_a_dead_run_was_to_remove_in_the_end_is_removed),
		T(what_is_left_when_all_run_is_done_though_a_signal_comes),
		T(what_only_removes_is_a_revision_when_the_last_one_had_it),
		T(what_ran_before_there_was_a_history_becomes_its_first_revision),
		T(a_history_that_cannot_be_read_does_not_stop_a_deploy),
		T(a_number_that_a_killed_run_has_used_is_used_up),
		T(after_the_last_number_there_is_no_other),
		T(a_record_that_cannot_be_written_is_a_warning),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
