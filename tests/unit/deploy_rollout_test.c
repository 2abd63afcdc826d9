/*
 * Rollouts as time lines: each row is a picture of the service at a moment and the
 * step that must follow. A task is written "[+]id:state[>desired][=error]"; '+' means
 * that it was made from the present spec; desired is running unless said.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "deploy/rollout.h"

struct row {
	int64_t at_ms;
	enum update_state update;
	const char *tasks;
	enum rollout_step step;
	const char *line; /* after MOVED; NULL: not looked at */
	bool not_ours;
};

static enum task_state state_of(struct span name)
{
	for (unsigned s = TASK_NEW; s <= TASK_ORPHANED; s++)
		if (span_eq_str(name, task_state_name((enum task_state)s)))
			return (enum task_state)s;
	fail_msg("no task state '" SPAN_FMT "'", SPAN_ARG(name));
	return TASK_NEW;
}

static struct engine_task task_of(struct span word)
{
	struct span id, rest, state, desired, why;
	struct engine_task t = { .desired = TASK_RUNNING };

	t.up_to_date = span_take(&word, "+");
	span_cut(word, ':', &id, &rest);
	span_cut(rest, '=', &rest, &why);
	if (span_cut(rest, '>', &state, &desired))
		t.desired = state_of(desired);
	t.state = state_of(state);
	t.id = span_dup(id);
	t.why = span_dup(why);
	return t;
}

static void tasks_of(struct engine_tasks *out, const char *text)
{
	struct span rest = span_of_str(text), word;

	*out = (struct engine_tasks){ 0 };
	while (span_word(&rest, &word)) {
		MEM_GROW(out->v, out->nr, out->cap);
		out->v[out->nr++] = task_of(word);
	}
}

static struct rollout_options options(uint64_t replicas)
{
	return (struct rollout_options){
		.replicas = replicas, .timeout_ms = 100000, .pending_ms = 20000, .stable_ms = 5000
	};
}

/* Plays the rows and leaves the machine in *r. */
static void play(struct deploy_rollout *r, const struct rollout_options *o, const char *before,
		 const struct row *rows, size_t nr)
{
	auto_engine_tasks struct engine_tasks known = { 0 };

	tasks_of(&known, before);
	deploy_rollout_init(r, o, 0);
	deploy_rollout_know(r, &known, !o->taking_back);
	for (size_t i = 0; i < nr; i++) {
		auto_engine_tasks struct engine_tasks tasks = { 0 };
		char message[] = "engine says so";
		struct engine_service s = { .update = rows[i].update, .update_message = message };
		struct rollout_picture pic = { &s, !rows[i].not_ours, &tasks };
		enum rollout_step step;

		tasks_of(&tasks, rows[i].tasks);
		step = deploy_rollout_step(r, &pic, rows[i].at_ms);
		if (step != rows[i].step)
			fail_msg("row %zu: step %d, not %d (line '%s', reason '%s')", i, step,
				 rows[i].step, r->line, r->reason);
		if (rows[i].line)
			assert_string_equal(rows[i].line, r->line);
	}
}

#define ROW(at, update_, tasks_, step_, ...)                                                       \
	{                                                                                          \
		.at_ms = (at), .update = (update_), .tasks = (tasks_), .step = (step_),            \
		__VA_ARGS__                                                                        \
	}

#define PLAY(end_, reason_, opt, before, ...)                                                      \
	do {                                                                                       \
		static const struct row rows[] = { __VA_ARGS__ };                                  \
		struct deploy_rollout played;                                                      \
		play(&played, (opt), (before), rows, ARRAY_LEN(rows));                             \
		assert_int_equal((end_), played.end);                                              \
		assert_string_equal((reason_), played.reason);                                     \
		deploy_rollout_release(&played);                                                   \
	} while (0)

static void a_new_service_is_done_when_it_has_run_for_the_stable_time(void **state)
{
	struct rollout_options o = options(2);

	(void)state;
	PLAY(ROLLOUT_CONVERGED, "", &o, "",
	     ROW(0, UPDATE_NONE, "", ROLLOUT_MOVED, .line = "0/2 running"),
	     ROW(500, UPDATE_NONE, "+a:preparing +b:starting", ROLLOUT_MOVED,
		 .line = "0/2 running (preparing)"),
	     ROW(1000, UPDATE_NONE, "+a:running +b:starting", ROLLOUT_MOVED,
		 .line = "1/2 running (starting)"),
	     ROW(2000, UPDATE_NONE, "+a:running +b:running", ROLLOUT_MOVED, .line = "2/2 running"),
	     ROW(6999, UPDATE_NONE, "+a:running +b:running", ROLLOUT_WAIT),
	     ROW(7000, UPDATE_NONE, "+a:running +b:running", ROLLOUT_DONE));
}

static void an_update_without_status_yet_is_not_done_while_old_tasks_run(void **state)
{
	struct rollout_options o = options(1);

	(void)state;
	PLAY(ROLLOUT_CONVERGED, "", &o, "o:running",
	     ROW(0, UPDATE_NONE, "o:running", ROLLOUT_MOVED, .line = "0/1 running"),
	     ROW(9000, UPDATE_NONE, "o:running", ROLLOUT_WAIT),
	     /* start-first: both for a moment */
	     ROW(10000, UPDATE_UPDATING, "o:running +a:running", ROLLOUT_MOVED,
		 .line = "1/1 running"),
	     ROW(11000, UPDATE_UPDATING, "o:running>shutdown +a:running", ROLLOUT_WAIT),
	     ROW(16500, UPDATE_UPDATING, "o:shutdown>shutdown +a:running", ROLLOUT_WAIT),
	     ROW(17000, UPDATE_COMPLETED, "o:shutdown>shutdown +a:running", ROLLOUT_DONE));
}

static void a_change_of_labels_only_needs_no_new_task(void **state)
{
	struct rollout_options o = options(1);

	(void)state;
	PLAY(ROLLOUT_CONVERGED, "", &o, "o:running",
	     ROW(0, UPDATE_NONE, "+o:running", ROLLOUT_MOVED, .line = "1/1 running"),
	     ROW(5000, UPDATE_NONE, "+o:running", ROLLOUT_DONE));
}

static void a_crash_within_the_stable_time_begins_it_anew(void **state)
{
	struct rollout_options o = options(1);

	(void)state;
	PLAY(ROLLOUT_CONVERGED, "", &o, "",
	     ROW(0, UPDATE_COMPLETED, "+a:running", ROLLOUT_MOVED, .line = "1/1 running"),
	     /* so quick that the count never changed */
	     ROW(4000, UPDATE_COMPLETED, "+a:failed>shutdown=exit(7) +b:running", ROLLOUT_MOVED,
		 .line = "a task failed: exit(7); 1/1 running"),
	     ROW(8000, UPDATE_COMPLETED, "+a:failed>shutdown=exit(7) +b:running", ROLLOUT_WAIT),
	     ROW(12999, UPDATE_COMPLETED, "+a:failed>shutdown=exit(7) +b:running", ROLLOUT_WAIT),
	     ROW(13000, UPDATE_COMPLETED, "+a:failed>shutdown=exit(7) +b:running", ROLLOUT_DONE));
}

static void a_service_that_flaps_fails_with_the_last_error(void **state)
{
	struct rollout_options o = options(1);

	(void)state;
	PLAY(ROLLOUT_TASKS_FAIL, "3 tasks failed, the last: exit(3)", &o, "",
	     ROW(0, UPDATE_NONE, "+a:running", ROLLOUT_MOVED),
	     ROW(1000, UPDATE_NONE, "+a:failed>shutdown=exit(1) +b:ready>ready", ROLLOUT_MOVED,
		 .line = "a task failed: exit(1); 0/1 running (ready)"),
	     ROW(2000, UPDATE_NONE, "+a:failed>shutdown=exit(1) +b:running", ROLLOUT_MOVED),
	     ROW(3000, UPDATE_NONE,
		 "+a:failed>shutdown=exit(1) +b:failed>shutdown=exit(2) +c:running", ROLLOUT_MOVED),
	     /* the engine forgets old tasks; the count does not */
	     ROW(4000, UPDATE_NONE, "+c:failed>shutdown=exit(3) +d:ready>ready", ROLLOUT_FAILED));
}

static void many_replicas_may_fail_as_often_as_there_are(void **state)
{
	struct rollout_options o = options(4);

	(void)state;
	PLAY(ROLLOUT_GOING_ON, "", &o, "",
	     ROW(0, UPDATE_NONE,
		 "+a:failed>shutdown +b:failed>shutdown +c:rejected>shutdown +d:running",
		 ROLLOUT_MOVED, .line = "a task failed: rejected; 1/4 running"));
}

static void a_server_that_ends_with_status_0_has_failed(void **state)
{
	struct rollout_options o = options(1);

	(void)state;
	PLAY(ROLLOUT_GOING_ON, "", &o, "",
	     ROW(0, UPDATE_NONE, "+a:complete>shutdown +b:ready>ready", ROLLOUT_MOVED,
		 .line = "a task failed: it ended, exit status 0; 0/1 running (ready)"));
}

static void a_task_that_is_never_started_again_fails_the_rollout(void **state)
{
	struct rollout_options o = options(1);

	(void)state;
	PLAY(ROLLOUT_TASKS_FAIL, "no task is left to run: exit(7)", &o, "",
	     ROW(0, UPDATE_NONE, "+a:failed>shutdown=exit(7)", ROLLOUT_MOVED),
	     ROW(1999, UPDATE_NONE, "+a:failed>shutdown=exit(7)", ROLLOUT_WAIT),
	     ROW(2000, UPDATE_NONE, "+a:failed>shutdown=exit(7)", ROLLOUT_FAILED));
}

static void a_one_shot_that_ended_well_is_done(void **state)
{
	struct rollout_options o = options(1);

	(void)state;
	o.one_shot = true;
	PLAY(ROLLOUT_CONVERGED, "", &o, "", ROW(0, UPDATE_NONE, "+a:running", ROLLOUT_MOVED),
	     ROW(1000, UPDATE_NONE, "+a:complete>shutdown", ROLLOUT_MOVED,
		 .line = "0/1 running, 1 done"),
	     ROW(5000, UPDATE_NONE, "+a:complete>shutdown", ROLLOUT_DONE));
}

static void tasks_that_were_there_before_are_no_evidence(void **state)
{
	struct rollout_options o = options(1);

	(void)state;
	/* x: made from the same spec long ago; o: killed while it is replaced */
	PLAY(ROLLOUT_CONVERGED, "", &o, "x:failed>shutdown o:running",
	     ROW(0, UPDATE_UPDATING, "+x:failed>shutdown=old o:failed>shutdown=137 +a:running",
		 ROLLOUT_MOVED, .line = "1/1 running"),
	     ROW(5000, UPDATE_COMPLETED, "+x:failed>shutdown=old o:failed>shutdown=137 +a:running",
		 ROLLOUT_DONE));
}

static void an_update_that_the_engine_pauses_fails_with_the_tasks_error(void **state)
{
	struct rollout_options o = options(1);

	(void)state;
	PLAY(ROLLOUT_PAUSED, "the engine paused the update: exit(7)", &o, "o:running",
	     ROW(0, UPDATE_UPDATING, "o:running>shutdown +a:starting", ROLLOUT_MOVED),
	     ROW(500, UPDATE_PAUSED, "o:shutdown>shutdown +a:failed>shutdown=exit(7)",
		 ROLLOUT_FAILED));
	PLAY(ROLLOUT_PAUSED, "the engine paused the update: engine says so", &o, "",
	     ROW(0, UPDATE_PAUSED, "+a:running", ROLLOUT_FAILED));
}

static void a_rollback_by_the_engine_is_told_with_the_new_tasks_error(void **state)
{
	struct rollout_options o = options(1);

	(void)state;
	/* now the old one is up to date, and that it was killed is not the reason */
	PLAY(ROLLOUT_TAKEN_BACK, "the engine took the update back: exit(7)", &o, "o:running",
	     ROW(0, UPDATE_UPDATING, "o:running>shutdown +a:starting", ROLLOUT_MOVED),
	     ROW(500, UPDATE_ROLLBACK_COMPLETED,
		 "+o:failed>shutdown=137 a:failed>shutdown=exit(7) +p:ready>ready", ROLLOUT_FAILED,
		 .not_ours = true));
}

static void a_foreign_change_is_not_ours_to_judge(void **state)
{
	struct rollout_options o = options(1);
	struct deploy_rollout r;
	struct rollout_picture none = { 0 };

	(void)state;
	PLAY(ROLLOUT_SUPERSEDED, "somebody else changed it meanwhile", &o, "",
	     ROW(0, UPDATE_UPDATING, "a:running", ROLLOUT_FAILED, .not_ours = true));
	deploy_rollout_init(&r, &o, 0);
	assert_int_equal(ROLLOUT_FAILED, deploy_rollout_step(&r, &none, 0));
	assert_int_equal(ROLLOUT_GONE, r.end);
	deploy_rollout_release(&r);
}

static void a_task_without_a_node_fails_after_the_pending_limit(void **state)
{
	struct rollout_options o = options(2);

	(void)state;
	PLAY(ROLLOUT_NO_NODE, "no node took a task within 20 s: no-suitable-node", &o, "",
	     ROW(0, UPDATE_NONE, "+a:pending=no-suitable-node", ROLLOUT_MOVED,
		 .line = "0/2 running (no-suitable-node)"),
	     /* another one waits now: its own time begins */
	     ROW(15000, UPDATE_NONE, "+a:running +b:pending=no-suitable-node", ROLLOUT_MOVED),
	     ROW(34999, UPDATE_NONE, "+a:running +b:pending=no-suitable-node", ROLLOUT_WAIT),
	     ROW(35000, UPDATE_NONE, "+a:running +b:pending=no-suitable-node", ROLLOUT_FAILED));
	PLAY(ROLLOUT_NO_NODE, "the swarm made no task within 20 s", &o, "",
	     ROW(0, UPDATE_NONE, "", ROLLOUT_MOVED), ROW(20000, UPDATE_NONE, "", ROLLOUT_FAILED));
}

static void a_long_pull_has_a_node_and_only_the_whole_limit(void **state)
{
	struct rollout_options o = options(1);

	(void)state;
	PLAY(ROLLOUT_TIME_OVER, "not done within 100 s, 0/1 running (preparing)", &o, "",
	     ROW(0, UPDATE_NONE, "+a:preparing", ROLLOUT_MOVED),
	     ROW(99999, UPDATE_NONE, "+a:preparing", ROLLOUT_WAIT),
	     ROW(100000, UPDATE_NONE, "+a:preparing", ROLLOUT_FAILED));
}

static void a_global_service_wants_a_task_per_node_and_at_least_one(void **state)
{
	struct rollout_options o = options(1);

	(void)state;
	o.global = true;
	PLAY(ROLLOUT_CONVERGED, "", &o, "",
	     ROW(0, UPDATE_NONE, "", ROLLOUT_MOVED, .line = "0/1 running"),
	     ROW(1000, UPDATE_NONE, "+a:running +b:starting +c:running", ROLLOUT_MOVED,
		 .line = "2/3 running (starting)"),
	     ROW(2000, UPDATE_NONE, "+a:running +b:running +c:running", ROLLOUT_MOVED,
		 .line = "3/3 running"),
	     ROW(7000, UPDATE_NONE, "+a:running +b:running +c:running", ROLLOUT_DONE));
}

static void no_replicas_wanted_is_done_when_none_is_left(void **state)
{
	struct rollout_options o = options(0);

	(void)state;
	PLAY(ROLLOUT_CONVERGED, "", &o, "",
	     ROW(0, UPDATE_NONE, "+a:running", ROLLOUT_MOVED, .line = "1/0 running"),
	     ROW(1000, UPDATE_NONE, "+a:running>shutdown", ROLLOUT_MOVED, .line = "0/0 running"),
	     ROW(6000, UPDATE_NONE, "", ROLLOUT_DONE));
}

static void rollback_completed_is_not_believed_until_the_old_version_runs(void **state)
{
	struct rollout_options o = options(1);

	(void)state;
	o.taking_back = true;
	PLAY(ROLLOUT_CONVERGED, "", &o, "a:failed>shutdown",
	     ROW(0, UPDATE_ROLLBACK_COMPLETED,
		 "a:failed>shutdown +o:shutdown>shutdown +p:ready>ready", ROLLOUT_MOVED,
		 .line = "0/1 running (ready)"),
	     ROW(5000, UPDATE_ROLLBACK_COMPLETED, "a:failed>shutdown +p:ready>ready", ROLLOUT_WAIT),
	     ROW(5500, UPDATE_ROLLBACK_COMPLETED, "a:failed>shutdown +p:running", ROLLOUT_MOVED),
	     ROW(10500, UPDATE_ROLLBACK_COMPLETED, "a:failed>shutdown +p:running", ROLLOUT_DONE));
}

static void a_way_back_is_not_done_while_the_engine_is_at_it(void **state)
{
	struct rollout_options o = options(1);

	(void)state;
	o.taking_back = true;
	PLAY(ROLLOUT_PAUSED, "the engine paused the way back: engine says so", &o, "",
	     ROW(0, UPDATE_ROLLBACK_STARTED, "+p:running", ROLLOUT_MOVED),
	     ROW(9000, UPDATE_ROLLBACK_STARTED, "+p:running", ROLLOUT_WAIT),
	     ROW(9500, UPDATE_ROLLBACK_PAUSED, "+p:running", ROLLOUT_FAILED));
}

static void the_old_version_may_fail_as_well(void **state)
{
	struct rollout_options o = options(1);

	(void)state;
	o.taking_back = true;
	/* its failures from before the way back do not count */
	PLAY(ROLLOUT_TASKS_FAIL, "3 tasks failed, the last: gone", &o,
	     "+x:failed>shutdown +p:starting",
	     ROW(0, UPDATE_ROLLBACK_COMPLETED, "+x:failed>shutdown +p:failed>shutdown +q:ready",
		 ROLLOUT_MOVED),
	     ROW(500, UPDATE_ROLLBACK_COMPLETED, "+q:failed>shutdown +r:ready", ROLLOUT_MOVED),
	     ROW(900, UPDATE_ROLLBACK_COMPLETED, "+r:rejected>shutdown=gone +s:ready",
		 ROLLOUT_FAILED));
}

static void the_spec_tells_how_many_and_how(void **state)
{
	struct rollout_options o = { .timeout_ms = 7 };
	json_t *spec = json_loads("{\"Mode\":{\"Replicated\":{\"Replicas\":3}},"
				  "\"TaskTemplate\":{\"RestartPolicy\":{\"Condition\":\"none\"}}}",
				  0, NULL);

	(void)state;
	rollout_options_from_spec(&o, spec);
	assert_int_equal(3, o.replicas);
	assert_true(o.one_shot);
	assert_false(o.global);
	assert_int_equal(7, o.timeout_ms);
	json_decref(spec);
	spec = json_loads("{\"Mode\":{\"Global\":{}}}", 0, NULL);
	rollout_options_from_spec(&o, spec);
	assert_true(o.global);
	assert_false(o.one_shot);
	json_decref(spec);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_service_is_done_when_it_has_run_for_the_stable_time),
		cmocka_unit_test(an_update_without_status_yet_is_not_done_while_old_tasks_run),
		cmocka_unit_test(a_change_of_labels_only_needs_no_new_task),
		cmocka_unit_test(a_crash_within_the_stable_time_begins_it_anew),
		cmocka_unit_test(a_service_that_flaps_fails_with_the_last_error),
		cmocka_unit_test(many_replicas_may_fail_as_often_as_there_are),
		cmocka_unit_test(a_server_that_ends_with_status_0_has_failed),
		cmocka_unit_test(a_task_that_is_never_started_again_fails_the_rollout),
		cmocka_unit_test(a_one_shot_that_ended_well_is_done),
		cmocka_unit_test(tasks_that_were_there_before_are_no_evidence),
		cmocka_unit_test(an_update_that_the_engine_pauses_fails_with_the_tasks_error),
		cmocka_unit_test(a_rollback_by_the_engine_is_told_with_the_new_tasks_error),
		cmocka_unit_test(a_foreign_change_is_not_ours_to_judge),
		cmocka_unit_test(a_task_without_a_node_fails_after_the_pending_limit),
		cmocka_unit_test(a_long_pull_has_a_node_and_only_the_whole_limit),
		cmocka_unit_test(a_global_service_wants_a_task_per_node_and_at_least_one),
		cmocka_unit_test(no_replicas_wanted_is_done_when_none_is_left),
		cmocka_unit_test(rollback_completed_is_not_believed_until_the_old_version_runs),
		cmocka_unit_test(a_way_back_is_not_done_while_the_engine_is_at_it),
		cmocka_unit_test(the_old_version_may_fail_as_well),
		cmocka_unit_test(the_spec_tells_how_many_and_how),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
