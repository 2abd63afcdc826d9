/*
 * Whole deploys that end badly, and their way back, against a scripted engine and a clock that nobody waits for.
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
#include "tests/fakes/up_world.h"

/* -- the bad ends ------------------------------------------------------------ */

static void another_projects_service_is_not_touched(void **state)
{
	struct up_world *w = *state;

	json_object_set_new(json_object_get(w->old, "Labels"), "io.cdeploy.project",
			    json_string("team/other"));
	world_get_list(w, NAMED("app"), world_service(w, 7, w->old, NULL, NULL));
	world_up_fails(w, ERR_FAILED,
		       "service 'app' belongs to project 'team/other', this is 'team/app': name it "
		       "differently, or deploy it with --project 'team/other'");
}

static void an_update_that_fails_is_rolled_back_and_the_old_tasks_run(void **state)
{
	struct up_world *w = *state;

	world_begin_update(w);
	world_poll(w, world_service(w, 9, w->spec, w->old, "paused"), FAILED("a") "," STOPPED("o1"),
		   FAILED("a"));
	world_last_words(w, "a");
	world_tasks(w, FAILED("a") "," STOPPED("o1"), FAILED("a"));
	world_get(w, "/services/s1", world_service(w, 10, w->spec, w->old, "paused"));
	POST("/services/s1/update?version=10&rollback=previous", .status = 200);
	/* completed, but nothing runs yet */
	world_poll(w, world_service(w, 12, w->old, NULL, "rollback_completed"), FAILED("a"), "");
	world_poll(w, world_service(w, 12, w->old, NULL, "rollback_completed"), RUNNING("o2"),
		   RUNNING("o2"));
	world_poll(w, world_service(w, 12, w->old, NULL, "rollback_completed"), RUNNING("o2"),
		   RUNNING("o2"));
	world_up_fails(
		w, ERR_ROLLED_BACK,
		"service 'app': the engine paused the update: exit (7); the previous version is "
		"running again");
	world_assert_outcome(w, DEPLOY_VERB_ROLLED_BACK, "r:5000/app:1");
	assert_true(recorder_has(&w->rec, "note: app | no database\n"));
}

static void a_rollback_of_the_engines_own_is_waited_for_and_not_repeated(void **state)
{
	struct up_world *w = *state;

	world_begin_update(w);
	world_poll(w, world_service(w, 9, w->old, NULL, "rollback_completed"),
		   FAILED("a") "," STOPPED("o1"), STOPPED("o1"));
	world_last_words(w, "a");
	world_tasks(w, FAILED("a") "," STOPPED("o1"), STOPPED("o1"));
	world_get(w, "/services/s1", world_service(w, 9, w->old, NULL, "rollback_completed"));
	world_poll(w, world_service(w, 9, w->old, NULL, "rollback_completed"), RUNNING("o2"),
		   RUNNING("o2"));
	world_poll(w, world_service(w, 9, w->old, NULL, "rollback_completed"), RUNNING("o2"),
		   RUNNING("o2"));
	world_up_fails(
		w, ERR_ROLLED_BACK,
		"service 'app': the engine took the update back: exit (7); the previous version "
		"is running again");
	world_assert_outcome(w, DEPLOY_VERB_ROLLED_BACK, "r:5000/app:1");
}

/* Whatever the task prints: the job's log is for many to read. */
static void the_last_words_hide_what_the_task_was_given(void **state)
{
	static const char log[] = "\2\0\0\0\0\0\0\x4c"
				  "2026-01-01T00:00:00.000000000Z no: hunter22 for x, "
				  "postgres://u:hunter33@db\n";
	struct up_world *w = *state;

	strv_add(&w->stack.services[0].env, "DB_PASSWORD=hunter22");
	strv_add(&w->stack.services[0].env, "NAME=for");
	json_decref(w->spec);
	w->spec = world_spec_with_image(w, "r:5000/app:2");
	w->opt.no_rollback = true;
	world_begin_update(w);
	world_poll(w, world_service(w, 9, w->spec, w->old, "paused"), FAILED("a"), FAILED("a"));
	HTTP_EXPECT(w->s, .method = "GET",
		    .url = V141 "/tasks/a/logs?stdout=1&stderr=1&timestamps=1&tail=10",
		    .status = 200, .answer = log, .answer_len = sizeof(log) - 1);
	world_get(w, "/tasks/a", "{\"Status\":{\"ContainerStatus\":{\"ContainerID\":\"c0ffee\"}}}");
	world_get(
		w, "/containers/c0ffee/json",
		"{\"State\":{\"Health\":{\"Log\":[{\"ExitCode\":0,\"Output\":\"\"},{\"ExitCode\":7,"
		"\"Output\":\"asking\\nrefused with hunter22\\n\"},{\"ExitCode\":137,"
		"\"Output\":\"\"},{\"ExitCode\":-1,\"Output\":\"not running\"}]}}}");
	world_up(w, -1);
	assert_true(recorder_has(&w->rec, "note: app | no: *** for x, postgres://db\n"
					  "note: app: its health check ended with 7: refused "
					  "with ***\n"));
}

static void the_old_spec_is_sent_when_the_engine_has_another_previous_one(void **state)
{
	struct up_world *w = *state;

	strv_take(&w->texts, json_dumps(w->old, JSON_COMPACT));
	world_begin_update(w);
	world_poll(w, world_service(w, 9, w->spec, w->spec, "paused"), FAILED("a"), FAILED("a"));
	world_last_words(w, "a");
	world_tasks(w, FAILED("a"), FAILED("a"));
	world_get(w, "/services/s1", world_service(w, 9, w->spec, w->spec, "paused"));
	POST("/services/s1/update?version=9&registryAuthFrom=previous-spec", .status = 200,
	     .body = w->texts.v[0]);
	world_poll(w, world_service(w, 12, w->old, NULL, NULL), RUNNING("o2"), RUNNING("o2"));
	world_poll(w, world_service(w, 12, w->old, NULL, NULL), RUNNING("o2"), RUNNING("o2"));
	world_up(w, -1);
	assert_int_equal(ERR_ROLLED_BACK, w->e.kind);
}

static void a_way_back_that_fails_is_stuck(void **state)
{
	struct up_world *w = *state;

	world_begin_update(w);
	world_poll(w, world_service(w, 9, w->spec, w->old, "paused"), FAILED("a"), FAILED("a"));
	world_last_words(w, "a");
	world_tasks(w, FAILED("a"), FAILED("a"));
	world_get(w, "/services/s1", world_service(w, 9, w->spec, w->old, "paused"));
	POST("/services/s1/update?version=9&rollback=previous", .status = 200);
	world_poll(w, world_service(w, 12, w->old, NULL, "rollback_paused"), FAILED("o2"),
		   FAILED("o2"));
	world_get_list(
		w, NAMED("app"),
		world_counted(w, world_service(w, 12, w->old, NULL, "rollback_paused"), 0, 1));
	world_up_fails(
		w, ERR_STUCK,
		"service 'app': the engine paused the update: exit (7); and it could not be taken "
		"back: service 'app': the engine paused the way back: exit (7)");
	assert_int_equal(0, w->nr);
	assert_true(recorder_has(&w->rec, "warn: now: service 'app': 0/1 running, r:5000/app:1\n"));
}

static void without_rollback_a_failed_update_stays(void **state)
{
	struct up_world *w = *state;

	w->opt.no_rollback = true;
	world_begin_update(w);
	world_poll(w, world_service(w, 9, w->spec, w->old, "paused"), FAILED("a"), FAILED("a"));
	world_last_words(w, "a");
	world_up_fails(w, ERR_FAILED, "service 'app': the engine paused the update: exit (7)");
	assert_int_equal(0, w->nr);
}

static void a_new_service_that_never_works_is_removed_again(void **state)
{
	struct up_world *w = *state;
	const char *three = FAILED("a") "," FAILED("b") "," FAILED("c");

	world_get_list(w, NAMED("app"), "");
	CREATED;
	world_poll(w, world_service(w, 1, w->spec, NULL, NULL), three, three);
	world_last_words(w, "c");
	world_is_removed(w, w->spec);
	world_up_fails(
		w, ERR_FAILED,
		"service 'app': 3 tasks failed, the last: exit (7); what was created is removed "
		"again");
	world_assert_outcome(w, DEPLOY_REMOVED, "r:5000/app:2");
}

static void a_new_service_that_cannot_be_removed_is_stuck(void **state)
{
	struct up_world *w = *state;
	const char *three = FAILED("a") "," FAILED("b") "," FAILED("c");

	world_get_list(w, NAMED("app"), "");
	CREATED;
	world_poll(w, world_service(w, 1, w->spec, NULL, NULL), three, three);
	world_last_words(w, "c");
	world_get(w, "/services/s1", world_service(w, 2, w->spec, NULL, NULL));
	HTTP_EXPECT(w->s, .method = "DELETE", .url = V141 "/services/s1", .status = 500,
		    .answer = "{\"message\":\"no\"}");
	world_get_list(w, NAMED("app"), "");
	world_up_fails(
		w, ERR_STUCK,
		"service 'app': 3 tasks failed, the last: exit (7); and it could not be taken "
		"back: service 'app': no");
}

static void a_limit_with_nothing_to_go_back_to_is_a_timeout(void **state)
{
	struct up_world *w = *state;

	w->opt.pending_timeout_ms = 100;
	world_get_list(w, NAMED("app"), "");
	CREATED;
	world_poll(w, world_service(w, 1, w->spec, NULL, NULL), PENDING("a"), PENDING("a"));
	world_poll(w, world_service(w, 1, w->spec, NULL, NULL), PENDING("a"), PENDING("a"));
	world_get_list(w, "/nodes?filters=%7B%7D",
		       "{\"ID\":\"n1\",\"Description\":{\"Hostname\":\"k1\"},"
		       "\"Status\":{\"State\":\"ready\"}},"
		       "{\"ID\":\"n2\",\"Description\":{\"Hostname\":\"k2\"},"
		       "\"Status\":{\"State\":\"down\",\"Message\":\"heartbeat failure\"}},7");
	world_is_removed(w, w->spec);
	world_up_fails(
		w, ERR_TIMEOUT,
		"service 'app': no node took a task within 0 s: no suitable node; what was created "
		"is removed again");
	assert_true(recorder_has(&w->rec, "warn: node 'k2' is down: heartbeat failure\n"));
	assert_false(recorder_has(&w->rec, "node 'k1'"));
}

static void an_update_that_was_cut_off_is_watched_by_the_next_run(void **state)
{
	struct up_world *w = *state;

	world_get_list(w, NAMED("app"), world_service(w, 9, w->spec, w->old, "updating"));
	world_poll(w, world_service(w, 9, w->spec, w->old, "paused"), FAILED("a"), FAILED("a"));
	world_last_words(w, "a");
	world_tasks(w, FAILED("a"), FAILED("a"));
	world_get(w, "/services/s1", world_service(w, 9, w->spec, w->old, "paused"));
	POST("/services/s1/update?version=9&rollback=previous", .status = 200);
	world_poll(w, world_service(w, 12, w->old, NULL, NULL), RUNNING("o2"), RUNNING("o2"));
	world_poll(w, world_service(w, 12, w->old, NULL, NULL), RUNNING("o2"), RUNNING("o2"));
	world_up(w, -1);
	assert_int_equal(ERR_ROLLED_BACK, w->e.kind);
	world_assert_outcome(w, DEPLOY_VERB_ROLLED_BACK, "r:5000/app:1");
}

/* What made it fail may be mended; the same file is enough to go on. */
static void an_update_that_was_left_paused_goes_on(void **state)
{
	struct up_world *w = *state;

	world_get_list(w, NAMED("app"), world_service(w, 9, w->spec, w->old, "paused"));
	world_tasks(w, FAILED("a") "," RUNNING("o1"), FAILED("a"));
	POST("/services/s1/update?version=9", .status = 200);
	world_poll(w, world_service(w, 10, w->spec, w->spec, "updating"), FAILED("a"), FAILED("a"));
	world_poll(w, world_service(w, 11, w->spec, w->spec, "completed"),
		   FAILED("a") "," RUNNING("b"), FAILED("a") "," RUNNING("b"));
	world_poll(w, world_service(w, 11, w->spec, w->spec, "completed"),
		   FAILED("a") "," RUNNING("b"), FAILED("a") "," RUNNING("b"));
	world_up(w, 0);
	world_assert_outcome(w, DEPLOY_UPDATED, "r:5000/app:2");
}

/* It is a write that changes nothing: that the spec is there does not say that the engine has heard it. */
static void what_goes_on_is_asked_for_until_the_engine_has_heard_it(void **state)
{
	struct up_world *w = *state;

	w->opt.detach = true;
	world_get_list(w, NAMED("app"), world_service(w, 9, w->spec, w->old, "paused"));
	world_tasks(w, FAILED("a"), FAILED("a"));
	POST("/services/s1/update?version=9", SEQUENCE);
	world_get(w, "/services/s1", world_service(w, 10, w->spec, w->old, "paused"));
	POST("/services/s1/update?version=10", NO_LEADER);
	world_get(w, "/services/s1", world_service(w, 11, w->spec, w->old, "paused"));
	POST("/services/s1/update?version=11", .fail = ERR_UNAVAILABLE);
	/* that one it has */
	world_get(w, "/services/s1", world_service(w, 12, w->spec, w->spec, NULL));
	world_up(w, 0);
	world_assert_outcome(w, DEPLOY_UPDATED, "r:5000/app:2");
}

static void job_is_cancelled(void *arg)
{
	cancel_set(arg, SIGTERM);
}

/* Else a version that was left for a look at it would be taken away by a run that did nothing. */
static void what_was_to_go_on_and_did_not_needs_no_way_back(void **state)
{
	struct up_world *w = *state;

	world_get_list(w, NAMED("app"), world_service(w, 9, w->spec, w->old, "paused"));
	world_tasks(w, FAILED("a"), FAILED("a"));
	POST("/services/s1/update?version=9", .status = 200, .then = job_is_cancelled,
	     .arg = &w->cancel);
	for (int i = 0; i < 11; i++)
		world_get_list(w, NAMED("app"), world_service(w, 9, w->spec, w->old, "paused"));
	world_up_fails(w, ERR_CANCELLED, "stopped by SIGTERM");
	assert_int_equal(0, w->nr);
}

#define FAILED_ON(node, id)                                                                        \
	"{\"ID\":\"" id "\",\"ServiceID\":\"s1\",\"NodeID\":\"" node                               \
	"\",\"DesiredState\":\"shutdown\",\"Status\":{\"State\":\"rejected\","                     \
	"\"Err\":\"no such file\"}}"
#define NODE(id, host)                                                                             \
	"{\"ID\":\"" id "\",\"Description\":{\"Hostname\":\"" host                                 \
	"\"},\"Status\":{\"State\":\"ready\"}}"

/* What one node lacks another one has. */
static void the_node_of_a_failed_task_is_told_where_there_are_several(void **state)
{
	struct up_world *w = *state;
	static const char *const nodes[] = { NODE("n1", "k1") "," NODE("n2", "k2"),
					     NODE("n2", "k2") };

	w->opt.no_rollback = true;
	for (size_t i = 0; i < ARRAY_LEN(nodes); i++) {
		recorder_clear(&w->rec);
		world_begin_update(w);
		world_poll(w, world_service(w, 9, w->spec, w->old, "paused"), FAILED_ON("n2", "a"),
			   FAILED_ON("n2", "a"));
		world_get_list(w, "/nodes?filters=%7B%7D", nodes[i]);
		world_up_fails(w, ERR_FAILED,
			       "service 'app': the engine paused the update: no such file");
		assert_int_equal(i == 0, recorder_has(&w->rec, "note: app: it was a task on node "
							       "'k2'\n"));
	}
}

/* The engine knows the version before the one that never ran only until the update is asked for again. */
static void an_update_that_is_paused_again_goes_back_to_what_ran(void **state)
{
	struct up_world *w = *state;

	world_get_list(w, NAMED("app"), world_service(w, 9, w->spec, w->old, "paused"));
	world_tasks(w, FAILED("a"), FAILED("a"));
	POST("/services/s1/update?version=9", .status = 200);
	world_poll(w, world_service(w, 10, w->spec, w->spec, "paused"), FAILED("b"), FAILED("b"));
	world_last_words(w, "b");
	world_tasks(w, FAILED("b"), FAILED("b"));
	world_get(w, "/services/s1", world_service(w, 10, w->spec, w->spec, "paused"));
	POST("/services/s1/update?version=10&registryAuthFrom=previous-spec", .status = 200);
	world_poll(w, world_service(w, 12, w->old, NULL, NULL), RUNNING("o2"), RUNNING("o2"));
	world_poll(w, world_service(w, 12, w->old, NULL, NULL), RUNNING("o2"), RUNNING("o2"));
	world_up(w, -1);
	assert_int_equal(ERR_ROLLED_BACK, w->e.kind);
	world_assert_outcome(w, DEPLOY_VERB_ROLLED_BACK, "r:5000/app:1");
}

/* What goes on once more has itself for the version before; the one that ran is known to nobody any more. */
static void a_version_that_was_paused_twice_is_not_gone_back_to(void **state)
{
	struct up_world *w = *state;
	json_t *bad = world_spec_with_image(w, "r:5000/app:0");
	json_t *const specs[] = { w->spec, bad }; /* the same file once more, and another version */

	for (size_t i = 0; i < ARRAY_LEN(specs); i++) {
		world_get_list(w, NAMED("app"), world_service(w, 9, specs[i], specs[i], "paused"));
		world_tasks(w, FAILED("a"), FAILED("a"));
		POST("/services/s1/update?version=9", .status = 200);
		world_poll(w, world_service(w, 10, w->spec, specs[i], "paused"), FAILED("b"),
			   FAILED("b"));
		world_last_words(w, "b");
		world_up_fails(w, ERR_FAILED,
			       "service 'app': the engine paused the update: exit (7)");
		assert_int_equal(0, w->nr);
	}
	json_decref(bad);
}

#define BOTH_TASKS TASKS "s1%22%2C%22s2%22%5D"

/* "app" is updated and comes to run, "second" fails: it is in the state `found` and then in `ended`. */
static void only_the_first_has_a_way_back(struct up_world *w, const char *found, const char *ended,
					  bool is_written)
{
	auto_json json_t *second = deploy_spec_json(&w->stack.services[1], &w->opt.owner);
	const char *before = world_service(w, 7, w->old, NULL, NULL);
	const char *begun = world_service(w, 8, w->spec, w->old, "updating");
	const char *back = world_service(w, 9, w->old, NULL, "rollback_completed");
	const char *bad = world_service_of(w, "s2", 9, second, second, ended);

	world_get_list(
		w, NAMED("app%22%2C%22second"),
		world_kept(w, mem_printf("%s,%s", before,
					 world_service_of(w, "s2", 9, second, second, found))));
	if (is_written) {
		world_get_list(w, BOTH_TASKS "%7D", RUNNING("o1"));
		world_get_list(w, BOTH_TASKS UP_TO_DATE "%7D", RUNNING("o1"));
	} else {
		world_tasks(w, RUNNING("o1"), RUNNING("o1"));
	}
	POST("/services/s1/update?version=7", .status = 200);
	if (is_written)
		POST("/services/s2/update?version=9", .status = 200);
	world_get_list(w, WITH_ID("s1%22%2C%22s2"), world_kept(w, mem_printf("%s,%s", begun, bad)));
	world_get_list(w, BOTH_TASKS "%7D", "");
	world_get_list(w, BOTH_TASKS UP_TO_DATE "%7D", "");
	world_tasks(w, RUNNING("o1"), "");
	world_get(w, "/services/s1", begun);
	POST("/services/s1/update?version=8&rollback=previous", .status = 200);
	world_poll(w, back, RUNNING("o1"), RUNNING("o1"));
	world_poll(w, back, RUNNING("o1"), RUNNING("o1"));
	world_get_list(w, NAMED("app%22%2C%22second"),
		       world_kept(w, mem_printf("%s,%s", back, bad)));
}

/* Half of a stack in its previous version is not "the previous version is running again". */
static void who_has_no_way_back_is_named_when_the_rest_is_taken_back(void **state)
{
	struct up_world *w = *state;

	world_add_service(w, "second");
	only_the_first_has_a_way_back(w, "paused", "paused", true);
	world_up_fails(w, ERR_STUCK,
		       "service 'second': the engine paused the update: because; the rest is taken "
		       "back, but 'second' not: no version before it is known");
	world_assert_outcome(w, DEPLOY_VERB_ROLLED_BACK, "r:5000/app:1");
}

/* Though nothing was written for it. */
static void who_was_found_on_its_way_and_fails_is_named_as_well(void **state)
{
	struct up_world *w = *state;

	world_add_service(w, "second");
	only_the_first_has_a_way_back(w, "rollback_started", "rollback_paused", false);
	world_up_fails(w, ERR_STUCK,
		       "service 'second': the engine paused the way back: because; the rest is "
		       "taken back, but 'second' not: no version before it is known");
	assert_int_equal(DEPLOY_VERB_ROLLED_BACK, w->out[0].verb);
}

/* A version that ran once is written again over one that is paused: it is what fails now, not what to go back to. */
static void what_fails_is_not_gone_back_to(void **state)
{
	struct up_world *w = *state;
	json_t *bad = world_spec_with_image(w, "r:5000/app:0");

	world_get_list(w, NAMED("app"), world_service(w, 9, bad, w->spec, "paused"));
	world_tasks(w, FAILED("a"), FAILED("a"));
	POST("/services/s1/update?version=9", .status = 200);
	world_poll(w, world_service(w, 10, w->spec, bad, "paused"), FAILED("b"), FAILED("b"));
	world_last_words(w, "b");
	world_up_fails(w, ERR_FAILED, "service 'app': the engine paused the update: exit (7)");
	json_decref(bad);
}

/*
 * Before this update there was one that never came to run, to which the engine goes back by itself. It then has
 * no previous spec, and refuses a write that is to take credentials from there.
 */
static void what_the_engine_puts_back_that_never_ran_is_gone_on_from(void **state)
{
	struct up_world *w = *state;
	json_t *bad = world_spec_with_image(w, "r:5000/app:0");

	strv_take(&w->texts, json_dumps(w->old, JSON_COMPACT));
	world_get_list(w, NAMED("app"), world_service(w, 7, bad, w->old, "paused"));
	world_tasks(w, FAILED("z"), "");
	POST("/services/s1/update?version=7", .status = 200);
	world_poll(w, world_service(w, 9, bad, NULL, "rollback_paused"), FAILED("a"), "");
	world_last_words(w, "a");
	world_tasks(w, FAILED("a"), "");
	world_get(w, "/services/s1", world_service(w, 9, bad, NULL, "rollback_paused"));
	POST("/services/s1/update?version=9", .status = 200, .body = w->texts.v[0]);
	world_poll(w, world_service(w, 12, w->old, bad, NULL), RUNNING("o2"), RUNNING("o2"));
	world_poll(w, world_service(w, 12, w->old, bad, NULL), RUNNING("o2"), RUNNING("o2"));
	world_up(w, -1);
	assert_int_equal(ERR_ROLLED_BACK, w->e.kind);
	world_assert_outcome(w, DEPLOY_VERB_ROLLED_BACK, "r:5000/app:1");
	json_decref(bad);
}

/* The same when it does so just as the way back is asked for. */
static void what_the_engine_puts_back_meanwhile_is_gone_on_from(void **state)
{
	struct up_world *w = *state;
	json_t *bad = world_spec_with_image(w, "r:5000/app:0");

	strv_take(&w->texts, json_dumps(w->old, JSON_COMPACT));
	world_get_list(w, NAMED("app"), world_service(w, 7, bad, w->old, "paused"));
	world_tasks(w, FAILED("z"), "");
	POST("/services/s1/update?version=7", .status = 200);
	world_poll(w, world_service(w, 8, w->spec, bad, "paused"), FAILED("a"), FAILED("a"));
	world_last_words(w, "a");
	world_tasks(w, FAILED("a"), "");
	world_get(w, "/services/s1", world_service(w, 8, w->spec, bad, "paused"));
	POST("/services/s1/update?version=8&registryAuthFrom=previous-spec", SEQUENCE);
	world_get(w, "/services/s1", world_service(w, 9, bad, NULL, "rollback_started"));
	POST("/services/s1/update?version=9", .status = 200, .body = w->texts.v[0]);
	world_poll(w, world_service(w, 12, w->old, bad, NULL), RUNNING("o2"), RUNNING("o2"));
	world_poll(w, world_service(w, 12, w->old, bad, NULL), RUNNING("o2"), RUNNING("o2"));
	world_up(w, -1);
	assert_int_equal(ERR_ROLLED_BACK, w->e.kind);
	json_decref(bad);
}

/* It is there again, but by no rollback: who put it there wants it. */
static void what_somebody_put_back_by_hand_is_theirs(void **state)
{
	struct up_world *w = *state;
	json_t *bad = world_spec_with_image(w, "r:5000/app:0");

	world_get_list(w, NAMED("app"), world_service(w, 7, bad, w->old, "paused"));
	world_tasks(w, FAILED("z"), "");
	POST("/services/s1/update?version=7", .status = 200);
	world_poll(w, world_service(w, 9, w->spec, bad, "paused"), FAILED("a"), FAILED("a"));
	world_last_words(w, "a");
	world_tasks(w, FAILED("a"), "");
	world_get(w, "/services/s1", world_service(w, 10, bad, w->spec, "updating"));
	world_get(w, "/services/s1", world_service(w, 10, bad, w->spec, "updating"));
	world_get_list(w, NAMED("app"), world_service(w, 10, bad, w->spec, "updating"));
	world_up(w, -1);
	assert_int_equal(ERR_STUCK, w->e.kind);
	assert_non_null(strstr(w->e.text, "somebody else changed it meanwhile"));
	json_decref(bad);
}

/* The run that made it was ended before it saw whether it works. */
static void a_created_service_that_does_not_run_is_not_passed_as_unchanged(void **state)
{
	struct up_world *w = *state;
	const char *three = FAILED("a") "," FAILED("b") "," FAILED("c");

	world_get_list(w, NAMED("app"), world_service(w, 7, w->spec, NULL, NULL));
	world_tasks(w, FAILED("x") "," PENDING("a"), FAILED("x") "," PENDING("a"));
	world_poll(w, world_service(w, 7, w->spec, NULL, NULL), three, three);
	world_last_words(w, "c");
	world_up_fails(w, ERR_FAILED, "service 'app': 3 tasks failed, the last: exit (7)");
	assert_int_equal(0, w->nr);
}

static void a_created_service_that_comes_to_run_late_is_unchanged(void **state)
{
	struct up_world *w = *state;

	world_get_list(w, NAMED("app"), world_service(w, 7, w->spec, NULL, NULL));
	world_tasks(w, PENDING("a"), PENDING("a"));
	world_poll(w, world_service(w, 7, w->spec, NULL, NULL), RUNNING("a"), RUNNING("a"));
	world_poll(w, world_service(w, 7, w->spec, NULL, NULL), RUNNING("a"), RUNNING("a"));
	world_up(w, 0);
	world_assert_outcome(w, DEPLOY_UNCHANGED, "r:5000/app:2");
}

static void a_created_service_that_runs_is_unchanged_at_once(void **state)
{
	struct up_world *w = *state;

	world_get_list(w, NAMED("app"), world_service(w, 7, w->spec, NULL, NULL));
	world_tasks(w, FAILED("x") "," RUNNING("a"), FAILED("x") "," RUNNING("a"));
	world_up(w, 0);
	world_assert_outcome(w, DEPLOY_UNCHANGED, "r:5000/app:2");
	assert_string_equal("", recorder_text(&w->rec));
}

static void tasks_are_not_looked_at_where_the_engines_count_is_enough(void **state)
{
	struct up_world *w = *state;

	world_get_list(w, NAMED("app"),
		       world_counted(w, world_service(w, 1, w->spec, NULL, NULL), 1, 1));
	world_up(w, 0);
	world_assert_outcome(w, DEPLOY_UNCHANGED, "r:5000/app:2");

	/* one that was updated may have old tasks among them */
	world_get_list(w, NAMED("app"),
		       world_counted(w, world_service(w, 1, w->spec, w->old, NULL), 1, 1));
	world_tasks(w, RUNNING("a"), RUNNING("a"));
	world_up(w, 0);
	world_assert_outcome(w, DEPLOY_UNCHANGED, "r:5000/app:2");
}

/* The engine's filter takes parts of names; what it finds besides is not in the way, and not to be removed. */
static void a_service_that_only_begins_so_is_left_alone(void **state)
{
	struct up_world *w = *state;
	auto_json json_t *other = json_deep_copy(w->spec);

	json_object_set_new(other, "Name", json_string("app-2"));
	world_get_list(
		w, NAMED("app"),
		world_kept(w, mem_printf("%s,%s", world_service_of(w, "s2", 3, other, NULL, NULL),
					 world_counted(w, world_service(w, 1, w->spec, NULL, NULL),
						       1, 1))));
	world_up(w, 0);
	world_assert_outcome(w, DEPLOY_UNCHANGED, "r:5000/app:2");
}

#define FIFTY 50

/* Fifty services, as they were made: what is asked does not grow with them, and nothing is written. */
static void fifty_services_without_a_change_are_asked_for_together(void **state)
{
	struct up_world *w = *state;
	struct deploy_outcome out[FIFTY];
	auto_buf struct buf names = BUF_INIT(BUF_SMALL), list = BUF_INIT(BUF_SMALL);

	strv_add(&w->stack.make_networks, "shop");
	for (size_t i = 1; i < FIFTY; i++) {
		auto_free char *name = mem_printf("app-%zu", i);

		world_add_service(w, name);
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
			 world_counted(w, world_service_of(w, id, 1, spec, NULL, NULL),
				       (int)s->replicas, (int)s->replicas));
	}
	world_get_list(
		w,
		world_kept(w,
			   mem_printf("/services?status=true&filters=%%7B%%22name%%22%%3A%%5B%%22"
				      "%s%%22%%5D%%7D",
				      buf_str(&names))),
		buf_str(&list));
	world_get_list(w, NET, "{\"Id\":\"n1\",\"Name\":\"shop\",\"Scope\":\"swarm\"}");
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
	struct up_world *w = *state;
	auto_json json_t *second = NULL;
	const char *both;

	world_add_service(w, "second");
	second = deploy_spec_json(&w->stack.services[1], &w->opt.owner);
	world_get_list(w, NAMED("app%22%2C%22second"), "");
	CREATED;
	POST("/services/create", .status = 201, .answer = "{\"ID\":\"s2\"}");
	both = world_kept(w, mem_printf("%s,%s", world_service(w, 1, w->spec, NULL, NULL),
					world_service_of(w, "s2", 1, second, NULL, NULL)));
	for (int i = 0; i < 2; i++) {
		world_get_list(w, WITH_ID("s1%22%2C%22s2"), both);
		world_get_list(w, TASKS "s1%22%2C%22s2%22%5D%7D",
			       TASK_OF("s2", "a") "," RUNNING("b"));
		world_get_list(w, TASKS "s1%22%2C%22s2%22%5D" UP_TO_DATE "%7D",
			       TASK_OF("s2", "a") "," RUNNING("b"));
	}
	world_up(w, 0);
	assert_int_equal(2, w->nr);
}

/* What stands behind a rollback is the version that failed: no way to go. */
static void a_rollback_that_was_paused_goes_on_and_is_not_turned_round(void **state)
{
	struct up_world *w = *state;

	world_get_list(w, NAMED("app"), world_service(w, 9, w->spec, w->old, "rollback_paused"));
	world_tasks(w, FAILED("a"), FAILED("a"));
	POST("/services/s1/update?version=9", .status = 200);
	world_poll(w, world_service(w, 10, w->spec, w->spec, "paused"), FAILED("b"), FAILED("b"));
	world_last_words(w, "b");
	world_up_fails(w, ERR_FAILED, "service 'app': the engine paused the update: exit (7)");
	assert_int_equal(0, w->nr);
}

static void what_somebody_else_changed_meanwhile_is_left_to_them(void **state)
{
	struct up_world *w = *state;

	world_begin_update(w);
	world_poll(w, NULL, NULL, NULL);
	world_up_fails(w, ERR_FAILED, "service 'app': somebody removed it meanwhile");
	assert_int_equal(0, w->nr);
}

static void all_of_a_stack_is_taken_back_when_one_service_is_refused(void **state)
{
	struct up_world *w = *state;

	world_add_service(w, "second");
	world_get_list(w, NAMED("app%22%2C%22second"), world_service(w, 7, w->old, NULL, NULL));
	world_tasks(w, RUNNING("o1"), RUNNING("o1"));
	POST("/services/s1/update?version=7", .status = 200);
	POST("/services/create", .status = 400, .answer = "{\"message\":\"port in use\"}");
	world_tasks(w, RUNNING("o1"), "");
	world_get(w, "/services/s1", world_service(w, 8, w->spec, w->old, "updating"));
	POST("/services/s1/update?version=8&rollback=previous", .status = 200);
	world_poll(w, world_service(w, 9, w->old, w->spec, "rollback_completed"), RUNNING("o1"),
		   RUNNING("o1"));
	world_poll(w, world_service(w, 9, w->old, w->spec, "rollback_completed"), RUNNING("o1"),
		   RUNNING("o1"));
	world_up_fails(
		w, ERR_ROLLED_BACK,
		"create service 'second': port in use; the previous version is running again");
	world_assert_outcome(w, DEPLOY_VERB_ROLLED_BACK, "r:5000/app:1");
}

/* "second" depends on app: nothing is written for it before app runs. */
static void a_service_begins_when_those_it_depends_on_run(void **state)
{
	struct up_world *w = *state;
	const char *app = world_service(w, 1, w->spec, NULL, NULL), *second;
	const char *both = TASK_OF("s1", "a") "," TASK_OF("s2", "b");
	json_t *spec;

	w->opt.stable_ms = 1000;
	world_add_service(w, "second");
	strv_add(&w->stack.services[1].depends_on, "app");
	spec = deploy_spec_json(&w->stack.services[1], &w->opt.owner);
	second = world_service_of(w, "s2", 1, spec, NULL, NULL);
	world_get_list(w, NAMED("app%22%2C%22second"), "");
	CREATED;
	world_poll(w, app, PENDING("a"), PENDING("a"));
	world_poll(w, app, RUNNING("a"), RUNNING("a"));
	POST("/services/create", .status = 201, .answer = "{\"ID\":\"s2\"}");
	for (int i = 0; i < 3; i++) {
		world_get_list(w, WITH_ID("s1%22%2C%22s2"),
			       world_kept(w, mem_printf("%s,%s", app, second)));
		world_get_list(w, TASKS "s1%22%2C%22s2%22%5D%7D", both);
		world_get_list(w, TASKS "s1%22%2C%22s2%22%5D" UP_TO_DATE "%7D", both);
	}
	world_up(w, 0);
	assert_int_equal(2, w->nr);
	json_decref(spec);
}

static void what_depends_on_a_failed_service_does_not_begin(void **state)
{
	struct up_world *w = *state;
	const char *three = FAILED("a") "," FAILED("b") "," FAILED("c");

	world_add_service(w, "second");
	strv_add(&w->stack.services[1].depends_on, "app");
	world_get_list(w, NAMED("app%22%2C%22second"), "");
	CREATED;
	world_poll(w, world_service(w, 1, w->spec, NULL, NULL), three, three);
	world_last_words(w, "c");
	world_is_removed(w, w->spec);
	world_up_fails(
		w, ERR_FAILED,
		"service 'app': 3 tasks failed, the last: exit (7); what was created is removed "
		"again");
	world_assert_outcome(w, DEPLOY_REMOVED, "r:5000/app:2");
}

static void terminate(struct fake_clock *fc, int64_t ms)
{
	(void)ms;
	cancel_set(fc->arg, SIGTERM);
}

static void a_signal_takes_the_update_back_without_waiting(void **state)
{
	struct up_world *w = *state;

	w->clock.on_sleep = terminate;
	w->clock.arg = &w->cancel;
	world_begin_update(w);
	world_poll(w, world_service(w, 8, w->spec, w->old, "updating"), RUNNING("o1"), "");
	world_tasks(w, RUNNING("o1"), "");
	world_get(w, "/services/s1", world_service(w, 8, w->spec, w->old, "updating"));
	POST("/services/s1/update?version=8&rollback=previous", .status = 200);
	world_up(w, -1);
	assert_int_equal(ERR_CANCELLED, w->e.kind);
	assert_string_equal("stopped by SIGTERM; what was begun is being taken back", w->e.text);
	assert_int_equal(0, w->nr);
	assert_true(recorder_has(&w->rec, "fail app: asked for; the engine goes on with it\n"));
}

static void a_signal_names_what_has_no_way_back(void **state)
{
	struct up_world *w = *state;
	auto_json json_t *second = NULL;
	const char *begun = world_service(w, 8, w->spec, w->old, "updating"), *both;

	world_add_service(w, "second");
	second = deploy_spec_json(&w->stack.services[1], &w->opt.owner);
	w->clock.on_sleep = terminate;
	w->clock.arg = &w->cancel;
	both = world_kept(w, mem_printf("%s,%s", world_service(w, 7, w->old, NULL, NULL),
					world_service_of(w, "s2", 9, second, second, "paused")));
	world_get_list(w, NAMED("app%22%2C%22second"), both);
	world_get_list(w, BOTH_TASKS "%7D", RUNNING("o1"));
	world_get_list(w, BOTH_TASKS UP_TO_DATE "%7D", RUNNING("o1"));
	POST("/services/s1/update?version=7", .status = 200);
	POST("/services/s2/update?version=9", .status = 200);
	both = world_kept(w, mem_printf("%s,%s", begun,
					world_service_of(w, "s2", 10, second, second, "updating")));
	world_get_list(w, WITH_ID("s1%22%2C%22s2"), both);
	world_get_list(w, BOTH_TASKS "%7D", RUNNING("o1"));
	world_get_list(w, BOTH_TASKS UP_TO_DATE "%7D", "");
	world_tasks(w, RUNNING("o1"), "");
	world_get(w, "/services/s1", begun);
	POST("/services/s1/update?version=8&rollback=previous", .status = 200);
	world_up_fails(w, ERR_CANCELLED,
		       "stopped by SIGTERM; the rest is being taken back, but 'second' not: no "
		       "version before it is known");
}

static void a_signal_removes_what_was_created(void **state)
{
	struct up_world *w = *state;

	w->clock.on_sleep = terminate;
	w->clock.arg = &w->cancel;
	world_get_list(w, NAMED("app"), "");
	CREATED;
	world_poll(w, world_service(w, 1, w->spec, NULL, NULL), "", "");
	world_is_removed(w, w->spec);
	world_up(w, -1);
	assert_int_equal(ERR_CANCELLED, w->e.kind);
	world_assert_outcome(w, DEPLOY_REMOVED, "r:5000/app:2");
}

static void a_signal_after_a_failure_does_not_stop_the_way_back(void **state)
{
	struct up_world *w = *state;
	const char *three = FAILED("a") "," FAILED("b") "," FAILED("c");

	world_get_list(w, NAMED("app"), "");
	CREATED;
	world_poll(w, world_service(w, 1, w->spec, NULL, NULL), three, three);
	HTTP_EXPECT(w->s, .method = "GET",
		    .url = V141 "/tasks/c/logs?stdout=1&stderr=1&timestamps=1&tail=10",
		    .status = 200, .then = job_is_cancelled, .arg = &w->cancel);
	world_is_removed(w, w->spec);
	world_up(w, -1);
	world_assert_outcome(w, DEPLOY_REMOVED, "r:5000/app:2");
}

/* The first one has been asked for; whoever is stopped does not go on for a minute to an engine that is silent. */
static void a_signal_on_the_way_back_ends_the_patience(void **state)
{
	struct up_world *w = *state;

	world_begin_update(w);
	world_poll(w, world_service(w, 9, w->spec, w->old, "paused"), FAILED("a"), FAILED("a"));
	world_last_words(w, "a");
	world_tasks(w, FAILED("a"), FAILED("a"));
	world_get(w, "/services/s1", world_service(w, 9, w->spec, w->old, "paused"));
	POST("/services/s1/update?version=9&rollback=previous", NO_LEADER);
	HTTP_EXPECT(w->s, .method = "GET", .url = V141 "/services/s1", .times = 6, NO_LEADER);
	HTTP_EXPECT(w->s, .method = "GET", .url = V141 "/services/s1", NO_LEADER,
		    .then = job_is_cancelled, .arg = &w->cancel);
	HTTP_EXPECT(w->s, .method = "GET", .url = V141 "/services/s1", NO_LEADER);
	world_up(w, -1);
	assert_int_equal(ERR_STUCK, w->e.kind);
	assert_true(w->clock.now_ms < 20000);
}

static void a_signal_leaves_it_to_the_engine_where_nothing_is_to_be_taken_back(void **state)
{
	struct up_world *w = *state;

	w->opt.no_rollback = true;
	w->clock.on_sleep = terminate;
	w->clock.arg = &w->cancel;
	world_begin_update(w);
	world_poll(w, world_service(w, 8, w->spec, w->old, "updating"), RUNNING("o1"), "");
	world_up(w, -1);
	assert_int_equal(ERR_CANCELLED, w->e.kind);
	assert_true(recorder_has(&w->rec, "fail app: left to the engine, which goes on with it\n"));
}

/* -- writes that nobody knows of ------------------------------------------------ */

static void an_update_that_a_signal_met_on_its_way_is_taken_back(void **state)
{
	struct up_world *w = *state;

	world_get_list(w, NAMED("app"), world_service(w, 7, w->old, NULL, "completed"));
	world_tasks(w, RUNNING("o1"), RUNNING("o1"));
	POST("/services/s1/update?version=7", .status = 200, .then = job_is_cancelled,
	     .arg = &w->cancel);
	/* it was sent, and a busy engine comes to it a while later */
	for (int i = 0; i < 10; i++)
		world_get_list(w, NAMED("app"), world_service(w, 7, w->old, NULL, "completed"));
	world_get_list(w, NAMED("app"), world_service(w, 8, w->spec, w->old, "updating"));
	world_tasks(w, RUNNING("o1"), "");
	world_get(w, "/services/s1", world_service(w, 8, w->spec, w->old, "updating"));
	POST("/services/s1/update?version=8&rollback=previous", .status = 200);
	world_up_fails(w, ERR_CANCELLED, "stopped by SIGTERM; what was begun is being taken back");
}

static void a_service_whose_create_a_signal_met_is_removed_again(void **state)
{
	struct up_world *w = *state;

	world_get_list(w, NAMED("app"), "");
	POST("/services/create", .status = 201, .answer = "{\"ID\":\"s1\"}",
	     .then = job_is_cancelled, .arg = &w->cancel);
	world_get_list(w, NAMED("app"), world_service(w, 1, w->spec, NULL, NULL));
	world_is_removed(w, w->spec);
	world_up(w, -1);
	assert_int_equal(ERR_CANCELLED, w->e.kind);
	world_assert_outcome(w, DEPLOY_REMOVED, "r:5000/app:2");
}

static void a_write_that_never_arrived_needs_no_way_back(void **state)
{
	struct up_world *w = *state;

	world_get_list(w, NAMED("app"), "");
	POST("/services/create", .status = 201, .then = job_is_cancelled, .arg = &w->cancel);
	for (int i = 0; i < 11; i++)
		world_get_list(w, NAMED("app"), "");
	world_up_fails(w, ERR_CANCELLED, "stopped by SIGTERM");
	assert_int_equal(0, w->nr);
}

static void an_update_whose_answer_stays_lost_is_looked_for_and_taken_back(void **state)
{
	struct up_world *w = *state;

	world_get_list(w, NAMED("app"), world_service(w, 7, w->old, NULL, "completed"));
	world_tasks(w, RUNNING("o1"), RUNNING("o1"));
	POST("/services/s1/update?version=7", .fail = ERR_UNAVAILABLE);
	/* for a minute, four at a time */
	HTTP_EXPECT(w->s, .method = "GET", .url = V141 "/services/s1", .times = 56, NO_LEADER);
	world_get_list(w, NAMED("app"), world_service(w, 8, w->spec, w->old, "updating"));
	world_tasks(w, RUNNING("o1"), "");
	world_get(w, "/services/s1", world_service(w, 8, w->spec, w->old, "updating"));
	POST("/services/s1/update?version=8&rollback=previous", .status = 200);
	world_poll(w, world_service(w, 9, w->old, w->spec, "rollback_completed"), RUNNING("o1"),
		   RUNNING("o1"));
	world_poll(w, world_service(w, 9, w->old, w->spec, "rollback_completed"), RUNNING("o1"),
		   RUNNING("o1"));
	world_up(w, -1);
	assert_int_equal(ERR_ROLLED_BACK, w->e.kind);
	world_assert_outcome(w, DEPLOY_VERB_ROLLED_BACK, "r:5000/app:1");
}

static void an_engine_that_is_gone_is_not_asked_for_the_way_back_of_each(void **state)
{
	struct up_world *w = *state;

	world_add_service(w, "second");
	world_get_list(w, NAMED("app%22%2C%22second"), world_service(w, 7, w->old, NULL, NULL));
	world_tasks(w, RUNNING("o1"), RUNNING("o1"));
	POST("/services/s1/update?version=7", .status = 200);
	/* by the create, and once by the way back of the second; never for app */
	http_script_unordered(w->s);
	POST("/services/create", .any_times = true, .fail = ERR_UNAVAILABLE);
	HTTP_EXPECT(w->s, .method = "GET", .url = V141 NAMED("second"), .any_times = true,
		    .fail = ERR_UNAVAILABLE);
	world_up_fails(
		w, ERR_UNAVAILABLE,
		"create service 'second': docker engine at 'unix:///var/run/docker.sock': "
		"connection reset; what was begun is left to the engine, and the next run of "
		"cdeploy goes on with it");
	assert_true(w->clock.now_ms >= 60000 && w->clock.now_ms < 90000);
}

/* Managers that elect a leader, or one engine that starts anew, need more than a moment. */
static void a_write_in_an_engine_s_silence_is_brought_to_its_end(void **state)
{
	struct up_world *w = *state;

	w->opt.detach = true;
	world_add_service(w, "second");
	world_get_list(w, NAMED("app%22%2C%22second"), world_service(w, 7, w->old, NULL, NULL));
	world_tasks(w, RUNNING("o1"), RUNNING("o1"));
	POST("/services/s1/update?version=7", NO_LEADER);
	HTTP_EXPECT(w->s, .method = "GET", .url = V141 "/services/s1", .times = 24, NO_LEADER);
	world_get(w, "/services/s1", world_service(w, 7, w->old, NULL, NULL));
	POST("/services/s1/update?version=7", .status = 200);
	for (int i = 0; i < 5; i++) {
		POST("/services/create", NO_LEADER);
		HTTP_EXPECT(w->s, .method = "GET", .url = V141 NAMED("second"), .times = 4,
			    NO_LEADER);
	}
	POST("/services/create", .status = 201, .answer = "{\"ID\":\"s2\"}");
	world_up(w, 0);
	assert_int_equal(2, w->nr);
	assert_true(recorder_has(&w->rec, "does not have a leader.; going on asking\n"));
}

static void an_engine_that_is_silent_for_a_while_is_waited_for(void **state)
{
	struct up_world *w = *state;

	world_get_list(w, NAMED("app"), "");
	CREATED;
	HTTP_EXPECT(w->s, .method = "GET", .url = V141 WITH_ID("s1"), .fail = ERR_UNAVAILABLE,
		    .times = 4);
	world_poll(w, world_service(w, 1, w->spec, NULL, NULL), RUNNING("a"), RUNNING("a"));
	world_poll(w, world_service(w, 1, w->spec, NULL, NULL), RUNNING("a"), RUNNING("a"));
	world_up(w, 0);
	world_assert_outcome(w, DEPLOY_CREATED, "r:5000/app:2");
	assert_true(recorder_has(&w->rec, "; going on asking\n"));
}

static void an_engine_that_stays_silent_is_unavailable_and_nothing_is_undone(void **state)
{
	struct up_world *w = *state;

	world_get_list(w, NAMED("app"), "");
	CREATED;
	http_script_unordered(w->s);
	HTTP_EXPECT(w->s, .method = "GET", .url = V141 WITH_ID("s1"), .fail = ERR_UNAVAILABLE,
		    .any_times = true);
	world_up(w, -1);
	assert_int_equal(ERR_UNAVAILABLE, w->e.kind);
	assert_true(w->clock.now_ms >= 60000 && w->clock.now_ms < 75000);
}

#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(another_projects_service_is_not_touched),
		T(an_update_that_fails_is_rolled_back_and_the_old_tasks_run),
		T(a_rollback_of_the_engines_own_is_waited_for_and_not_repeated),
		T(the_last_words_hide_what_the_task_was_given),
		T(the_old_spec_is_sent_when_the_engine_has_another_previous_one),
		T(a_way_back_that_fails_is_stuck),
		T(without_rollback_a_failed_update_stays),
		T(a_new_service_that_never_works_is_removed_again),
		T(a_new_service_that_cannot_be_removed_is_stuck),
		T(a_limit_with_nothing_to_go_back_to_is_a_timeout),
		T(an_update_that_was_cut_off_is_watched_by_the_next_run),
		T(an_update_that_was_left_paused_goes_on),
		T(the_node_of_a_failed_task_is_told_where_there_are_several),
		T(what_goes_on_is_asked_for_until_the_engine_has_heard_it),
		T(what_was_to_go_on_and_did_not_needs_no_way_back),
		T(an_update_that_is_paused_again_goes_back_to_what_ran),
		T(a_version_that_was_paused_twice_is_not_gone_back_to),
		T(who_has_no_way_back_is_named_when_the_rest_is_taken_back),
		T(who_was_found_on_its_way_and_fails_is_named_as_well),
		T(what_fails_is_not_gone_back_to),
		T(what_the_engine_puts_back_that_never_ran_is_gone_on_from),
		T(what_the_engine_puts_back_meanwhile_is_gone_on_from),
		T(what_somebody_put_back_by_hand_is_theirs),
		T(a_created_service_that_does_not_run_is_not_passed_as_unchanged),
		T(a_created_service_that_comes_to_run_late_is_unchanged),
		T(a_created_service_that_runs_is_unchanged_at_once),
		T(tasks_are_not_looked_at_where_the_engines_count_is_enough),
		T(a_service_that_only_begins_so_is_left_alone),
		T(fifty_services_without_a_change_are_asked_for_together),
		T(two_rollouts_are_watched_with_the_requests_of_one),
		T(a_rollback_that_was_paused_goes_on_and_is_not_turned_round),
		T(what_somebody_else_changed_meanwhile_is_left_to_them),
		T(all_of_a_stack_is_taken_back_when_one_service_is_refused),
		T(a_service_begins_when_those_it_depends_on_run),
		T(what_depends_on_a_failed_service_does_not_begin),
		T(a_signal_takes_the_update_back_without_waiting),
		T(a_signal_names_what_has_no_way_back),
		T(a_signal_removes_what_was_created),
		T(a_signal_after_a_failure_does_not_stop_the_way_back),
		T(a_signal_on_the_way_back_ends_the_patience),
		T(a_signal_leaves_it_to_the_engine_where_nothing_is_to_be_taken_back),
		T(an_update_that_a_signal_met_on_its_way_is_taken_back),
		T(a_service_whose_create_a_signal_met_is_removed_again),
		T(a_write_that_never_arrived_needs_no_way_back),
		T(an_update_whose_answer_stays_lost_is_looked_for_and_taken_back),
		T(an_engine_that_is_gone_is_not_asked_for_the_way_back_of_each),
		T(a_write_in_an_engine_s_silence_is_brought_to_its_end),
		T(an_engine_that_is_silent_for_a_while_is_waited_for),
		T(an_engine_that_stays_silent_is_unavailable_and_nothing_is_undone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
