/*
 * Rollouts as time lines: each row is a picture of the service at a moment and the
 * step that must follow. A task is written "[+]id[#run]:state[>desired][=error]"; '+' means
 * that it was made from the present spec, #run which run of a job it belongs to; desired is
 * running unless said.
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
	struct span id, rest, state, desired, why, run;
	struct engine_task t = { .desired = TASK_RUNNING };

	t.up_to_date = span_take(&word, "+");
	span_cut(word, ':', &id, &rest);
	span_cut(rest, '=', &rest, &why);
	if (span_cut(rest, '>', &state, &desired))
		t.desired = state_of(desired);
	t.state = state_of(state);
	if (span_cut(id, '#', &id, &run) && span_to_u64(&t.job_iteration, run) < 0)
		fail_msg("not a run: " SPAN_FMT, SPAN_ARG(word));
	t.id = span_dup(id);
	t.why = span_dup(why);
	t.node = mem_strdup("");
	t.exit_code = strncmp(t.why, "exit(137)", 9) == 0 ? 137 : 0;
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
		.replicas = replicas,
		.timeout_ms = 100000,
		.pending_ms = 20000,
		.stable_ms = 5000,
		.monitor_ms = 5000,
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
		struct engine_service s = { .update = rows[i].update,
					    .update_message = message,
					    .job_iteration = o->job ? 2 : 0 };
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
	     ROW(500, UPDATE_NONE, "+a:preparing +b:starting", ROLLOUT_WAIT),
	     ROW(1000, UPDATE_NONE, "+a:running +b:starting", ROLLOUT_MOVED, .line = "1/2 running"),
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
	     ROW(15199, UPDATE_UPDATING, "o:shutdown>shutdown +a:running", ROLLOUT_WAIT),
	     ROW(15199, UPDATE_COMPLETED, "o:shutdown>shutdown +a:running", ROLLOUT_DONE));
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
		 .line = "a task failed: exit(1); 0/1 running"),
	     ROW(2000, UPDATE_NONE, "+a:failed>shutdown=exit(1) +b:running", ROLLOUT_MOVED),
	     ROW(3000, UPDATE_NONE,
		 "+a:failed>shutdown=exit(1) +b:failed>shutdown=exit(2) +c:running", ROLLOUT_MOVED),
	     /* the engine forgets old tasks; the count does not */
	     ROW(4000, UPDATE_NONE, "+c:failed>shutdown=exit(3) +d:ready>ready", ROLLOUT_FAILED));
}

#define TEN(s) s s s s s s s s s s

/* An engine says last what is wrong. */
static void a_long_error_is_told_to_its_end(void **state)
{
	struct rollout_options o = options(1);

	(void)state;
	PLAY(ROLLOUT_GOING_ON, "", &o, "",
	     ROW(0, UPDATE_NONE, "+a:failed>shutdown=" TEN("a_network_and_then_a_driver_") "in_use",
		 ROLLOUT_MOVED,
		 .line = "a task failed: " TEN(
			 "a_network_and_then_a_driver_") "in_use; 0/1 running"));
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

/* The file says how often: what a job waits for may come up with the fourth try. */
static void a_task_may_fail_as_often_as_it_is_started_again(void **state)
{
	struct rollout_options o = options(1);

	(void)state;
	o.tries = 5;
	PLAY(ROLLOUT_GOING_ON, "", &o, "",
	     ROW(0, UPDATE_NONE,
		 "+a:failed>shutdown +b:failed>shutdown +c:failed>shutdown +d:failed>shutdown +e:ready",
		 ROLLOUT_MOVED, .line = "a task failed: failed; 0/1 running"));
	PLAY(ROLLOUT_TASKS_FAIL, "5 tasks failed, the last: failed", &o, "",
	     ROW(0, UPDATE_NONE,
		 "+a:failed>shutdown +b:failed>shutdown +c:failed>shutdown +d:failed>shutdown "
		 "+e:failed>shutdown +f:ready",
		 ROLLOUT_FAILED));
}

static void a_server_that_ends_with_status_0_has_failed(void **state)
{
	struct rollout_options o = options(1);

	(void)state;
	PLAY(ROLLOUT_GOING_ON, "", &o, "",
	     ROW(0, UPDATE_NONE, "+a:complete>shutdown +b:ready>ready", ROLLOUT_MOVED,
		 .line = "a task failed: it ended, exit status 0; 0/1 running"));
}

static void a_task_that_was_ended_may_have_been_unhealthy(void **state)
{
	struct rollout_options o = options(1);

	(void)state;
	o.has_health = true;
	PLAY(ROLLOUT_GOING_ON, "", &o, "",
	     ROW(0, UPDATE_NONE, "+a:complete>shutdown +b:ready>ready", ROLLOUT_MOVED,
		 .line = "a task failed: it ended, exit status 0, perhaps as it did not get "
			 "healthy; 0/1 running"));
}

static void a_task_that_was_killed_may_have_wanted_more_memory_than_it_may_have(void **state)
{
	struct rollout_options o = options(1);

	(void)state;
	PLAY(ROLLOUT_GOING_ON, "", &o, "",
	     ROW(0, UPDATE_NONE, "+a:failed>shutdown=exit(137)", ROLLOUT_MOVED,
		 .line = "a task failed: exit(137); 0/1 running"));
	o.has_memory_limit = true;
	PLAY(ROLLOUT_GOING_ON, "", &o, "",
	     ROW(0, UPDATE_NONE, "+a:failed>shutdown=exit(137)", ROLLOUT_MOVED,
		 .line = "a task failed: exit(137), killed, perhaps at the limit of its memory; "
			 "0/1 running"),
	     ROW(1000, UPDATE_NONE, "+b:failed>shutdown=exit(137)unhealthy", ROLLOUT_MOVED,
		 .line = "a task failed: exit(137)unhealthy; 0/1 running"));
}

static void an_image_that_is_not_there_may_just_not_have_been_pulled(void **state)
{
	struct rollout_options o = options(1);
	struct deploy_rollout r;
	struct engine_task t = { .id = (char *)"a",
				 .service = (char *)"",
				 .node = (char *)"",
				 .why = (char *)"No such image: r/app:1",
				 .up_to_date = true,
				 .state = TASK_REJECTED,
				 .desired = TASK_SHUTDOWN };
	struct engine_tasks tasks = { .v = &t, .nr = 1 };
	struct engine_service s = { 0 };
	struct rollout_picture pic = { .service = &s, .is_ours = true, .tasks = &tasks };

	(void)state;
	deploy_rollout_init(&r, &o, 0);
	assert_int_equal(ROLLOUT_MOVED, deploy_rollout_step(&r, &pic, 0));
	assert_string_equal("a task failed: No such image: r/app:1, or the node could not pull it "
			    "(no credentials, or no way to the registry); 0/1 running",
			    r.line);
	deploy_rollout_release(&r);
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

static void a_rollback_after_an_end_with_status_0_says_that_this_was_the_reason(void **state)
{
	struct rollout_options o = options(1);

	(void)state;
	o.one_shot = true;
	PLAY(ROLLOUT_TAKEN_BACK,
	     "the engine took the update back: a task ended, exit status 0, which it takes for a "
	     "failure unless it is told to continue then",
	     &o, "o:complete",
	     ROW(0, UPDATE_UPDATING, "o:complete>shutdown +a:starting", ROLLOUT_MOVED),
	     ROW(500, UPDATE_ROLLBACK_COMPLETED,
		 "o:complete>shutdown a:complete>shutdown +p:ready>ready", ROLLOUT_FAILED,
		 .not_ours = true));
	PLAY(ROLLOUT_TAKEN_BACK, "the engine took the update back", &o, "o:complete",
	     ROW(0, UPDATE_UPDATING, "o:complete>shutdown +a:starting", ROLLOUT_MOVED),
	     ROW(500, UPDATE_ROLLBACK_COMPLETED, "o:complete>shutdown +p:ready>ready",
		 ROLLOUT_FAILED, .not_ours = true));
}

/* The version before may never have run either. */
static void a_rollback_is_not_blamed_on_a_task_of_what_was_put_back(void **state)
{
	struct rollout_options o = options(1);

	(void)state;
	PLAY(ROLLOUT_TAKEN_BACK, "the engine took the update back: exit(7)", &o, "o:running",
	     ROW(0, UPDATE_UPDATING, "o:running>shutdown +a:starting", ROLLOUT_MOVED),
	     ROW(500, UPDATE_ROLLBACK_STARTED,
		 "+Z:failed>shutdown=exit(1) a:failed>shutdown=exit(7) +p:ready>ready",
		 ROLLOUT_FAILED, .not_ours = true));
	PLAY(ROLLOUT_TAKEN_BACK, "the engine took the update back", &o, "o:running",
	     ROW(0, UPDATE_UPDATING, "o:running>shutdown +a:starting", ROLLOUT_MOVED),
	     ROW(500, UPDATE_ROLLBACK_STARTED, "+Z:complete>shutdown a:running>shutdown",
		 ROLLOUT_FAILED, .not_ours = true));
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
		 .line = "0/2 running"),
	     ROW(2999, UPDATE_NONE, "+a:pending=no-suitable-node", ROLLOUT_WAIT),
	     ROW(3000, UPDATE_NONE, "+a:pending=no-suitable-node", ROLLOUT_MOVED,
		 .line = "0/2 running (no-suitable-node)"),
	     ROW(6000, UPDATE_NONE, "+a:pending=no-suitable-node", ROLLOUT_WAIT),
	     /* another one waits now: its own time begins */
	     ROW(15000, UPDATE_NONE, "+a:running +b:pending=no-suitable-node", ROLLOUT_MOVED),
	     ROW(34999, UPDATE_NONE, "+a:running +b:pending=no-suitable-node", ROLLOUT_MOVED),
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
	     ROW(99999, UPDATE_NONE, "+a:preparing", ROLLOUT_MOVED,
		 .line = "0/1 running (preparing)"),
	     ROW(100000, UPDATE_NONE, "+a:preparing", ROLLOUT_FAILED));
}

static void a_limit_that_nobody_gave_does_not_count_the_time_of_a_pull(void **state)
{
	struct rollout_options o = options(1);

	(void)state;
	o.most_ms = 200000;
	PLAY(ROLLOUT_TIME_OVER, "not done within 150 s, 0/1 running (starting)", &o, "",
	     ROW(0, UPDATE_NONE, "+a:preparing", ROLLOUT_MOVED),
	     ROW(50000, UPDATE_NONE, "+a:preparing", ROLLOUT_MOVED),
	     ROW(149999, UPDATE_NONE, "+a:starting", ROLLOUT_WAIT),
	     ROW(150000, UPDATE_NONE, "+a:starting", ROLLOUT_FAILED));
	PLAY(ROLLOUT_TIME_OVER, "not done within 200 s, 0/1 running (preparing)", &o, "",
	     ROW(0, UPDATE_NONE, "+a:preparing", ROLLOUT_MOVED),
	     ROW(199999, UPDATE_NONE, "+a:preparing", ROLLOUT_MOVED),
	     ROW(200000, UPDATE_NONE, "+a:preparing", ROLLOUT_FAILED));
}

static void the_limit_that_was_given_is_told_though_a_part_of_it_was_over(void **state)
{
	struct rollout_options o = options(1);

	(void)state;
	o.timeout_ms = 5000;
	rollout_options_spend(&o, 4100);
	o.most_ms = o.timeout_ms;
	PLAY(ROLLOUT_TIME_OVER, "not done within 5 s, 0/1 running (starting)", &o, "",
	     ROW(0, UPDATE_NONE, "+a:starting", ROLLOUT_MOVED),
	     ROW(899, UPDATE_NONE, "+a:starting", ROLLOUT_WAIT),
	     ROW(900, UPDATE_NONE, "+a:starting", ROLLOUT_FAILED));
}

/* Health checks that go on for ever are no failure to the engine. */
static void a_task_that_never_gets_healthy_has_the_whole_limit(void **state)
{
	struct rollout_options o = options(1);

	(void)state;
	o.most_ms = 200000;
	PLAY(ROLLOUT_TIME_OVER, "not done within 100 s, 0/1 running (starting)", &o, "o:running",
	     ROW(0, UPDATE_UPDATING, "o:running>shutdown +a:starting", ROLLOUT_MOVED),
	     ROW(3000, UPDATE_UPDATING, "+a:starting", ROLLOUT_MOVED,
		 .line = "0/1 running (starting)"),
	     ROW(100000, UPDATE_UPDATING, "+a:starting", ROLLOUT_FAILED));
}

static void an_image_that_cannot_be_pulled_fails_with_the_engines_words(void **state)
{
	struct rollout_options o = options(1);

	(void)state;
	PLAY(ROLLOUT_TASKS_FAIL, "3 tasks failed, the last: No-such-image:r/app:2", &o, "",
	     ROW(0, UPDATE_NONE, "+a:preparing", ROLLOUT_MOVED),
	     ROW(1000, UPDATE_NONE, "+a:rejected>shutdown=No-such-image:r/app:2 +b:ready>ready",
		 ROLLOUT_MOVED, .line = "a task failed: No-such-image:r/app:2; 0/1 running"),
	     ROW(6000, UPDATE_NONE, "+b:rejected>shutdown=No-such-image:r/app:2 +c:ready>ready",
		 ROLLOUT_MOVED),
	     ROW(11000, UPDATE_NONE, "+c:rejected>shutdown=No-such-image:r/app:2 +d:ready>ready",
		 ROLLOUT_FAILED));
}

static void an_unhealthy_task_is_a_failure(void **state)
{
	struct rollout_options o = options(1);

	(void)state;
	PLAY(ROLLOUT_PAUSED, "the engine paused the update: unhealthy-container", &o, "o:running",
	     ROW(0, UPDATE_UPDATING, "o:running +a:starting", ROLLOUT_MOVED),
	     ROW(9000, UPDATE_UPDATING,
		 "o:running +a:failed>shutdown=unhealthy-container +b:ready>ready", ROLLOUT_MOVED,
		 .line = "a task failed: unhealthy-container; 0/1 running"),
	     ROW(9100, UPDATE_PAUSED,
		 "o:running +a:failed>shutdown=unhealthy-container +b:ready>ready",
		 ROLLOUT_FAILED));
}

/* What start-first and a paused update leave behind is two versions at once. */
static void old_and_new_side_by_side_are_not_done(void **state)
{
	struct rollout_options o = options(1);

	(void)state;
	PLAY(ROLLOUT_GOING_ON, "", &o, "o:running",
	     ROW(0, UPDATE_NONE, "o:running +a:running", ROLLOUT_MOVED, .line = "1/1 running"),
	     ROW(90000, UPDATE_NONE, "o:running +a:running", ROLLOUT_WAIT));
}

static void a_window_shorter_than_the_engines_is_not_lengthened_by_it(void **state)
{
	struct rollout_options o = options(1);

	(void)state;
	o.stable_ms = 1000;
	PLAY(ROLLOUT_CONVERGED, "", &o, "o:running",
	     ROW(0, UPDATE_UPDATING, "o:shutdown>shutdown +a:running", ROLLOUT_MOVED),
	     ROW(999, UPDATE_UPDATING, "o:shutdown>shutdown +a:running", ROLLOUT_WAIT),
	     ROW(1000, UPDATE_UPDATING, "o:shutdown>shutdown +a:running", ROLLOUT_DONE));
}

static void the_engines_own_watch_may_end_a_moment_after_ours(void **state)
{
	struct rollout_options o = options(1);

	(void)state;
	PLAY(ROLLOUT_CONVERGED, "", &o, "o:running",
	     ROW(0, UPDATE_UPDATING, "+a:running", ROLLOUT_MOVED),
	     ROW(5000, UPDATE_UPDATING, "+a:running", ROLLOUT_WAIT),
	     ROW(5100, UPDATE_COMPLETED, "+a:running", ROLLOUT_DONE));
	PLAY(ROLLOUT_CONVERGED, "", &o, "o:running",
	     ROW(0, UPDATE_UPDATING, "+a:running", ROLLOUT_MOVED),
	     ROW(5199, UPDATE_UPDATING, "+a:running", ROLLOUT_WAIT),
	     ROW(5200, UPDATE_UPDATING, "+a:running", ROLLOUT_DONE));
}

/* The node is gone: its task says "running" for ever, but is not meant to any more. */
static void a_task_on_a_lost_node_is_replaced_and_not_blamed(void **state)
{
	struct rollout_options o = options(2);

	(void)state;
	PLAY(ROLLOUT_CONVERGED, "", &o, "",
	     ROW(0, UPDATE_NONE, "+a:running +b:running", ROLLOUT_MOVED, .line = "2/2 running"),
	     ROW(3000, UPDATE_NONE, "+a:running +b:running>shutdown +c:preparing", ROLLOUT_MOVED,
		 .line = "1/2 running"),
	     ROW(4000, UPDATE_NONE, "+a:running +b:running>shutdown +c:running", ROLLOUT_MOVED),
	     ROW(9000, UPDATE_NONE, "+a:running +b:running>shutdown +c:running", ROLLOUT_DONE));
}

static void a_job_is_done_when_all_of_this_run_is_complete(void **state)
{
	struct rollout_options o = options(2);

	(void)state;
	o.job = o.one_shot = true;
	o.stable_ms = 0;
	/* x: of the run before, from the same spec */
	PLAY(ROLLOUT_CONVERGED, "", &o, "",
	     ROW(0, UPDATE_NONE, "+x#1:complete>complete", ROLLOUT_MOVED, .line = "0/2 done"),
	     ROW(500, UPDATE_NONE, "+x#1:complete>complete +a#2:running>complete", ROLLOUT_WAIT),
	     ROW(1000, UPDATE_NONE, "+a#2:complete>complete +b#2:running>complete", ROLLOUT_MOVED,
		 .line = "1/2 done"),
	     ROW(1500, UPDATE_NONE, "+a#2:complete>complete +b#2:complete>complete", ROLLOUT_DONE));
}

static void the_way_back_of_a_job_is_over_though_the_engine_never_says_so(void **state)
{
	struct rollout_options o = options(1);

	(void)state;
	o.job = o.one_shot = o.taking_back = true;
	o.stable_ms = 0;
	PLAY(ROLLOUT_CONVERGED, "", &o, "",
	     ROW(0, UPDATE_ROLLBACK_STARTED, "+a#2:running>complete", ROLLOUT_MOVED),
	     ROW(1000, UPDATE_ROLLBACK_STARTED, "+a#2:complete>complete", ROLLOUT_DONE));
}

static void a_job_that_fails_too_often_has_failed(void **state)
{
	struct rollout_options o = options(1);

	(void)state;
	o.job = o.one_shot = true;
	PLAY(ROLLOUT_TASKS_FAIL, "3 tasks failed, the last: exit(3)", &o, "",
	     ROW(0, UPDATE_NONE, "+a#2:failed>shutdown=exit(1) +b#2:running>complete",
		 ROLLOUT_MOVED, .line = "a task failed: exit(1); 0/1 done"),
	     ROW(1000, UPDATE_NONE, "+b#2:failed>shutdown=exit(2) +c#2:running>complete",
		 ROLLOUT_MOVED),
	     ROW(2000, UPDATE_NONE, "+c#2:failed>shutdown=exit(3) +d#2:running>complete",
		 ROLLOUT_FAILED));
	/* … or may not try again */
	PLAY(ROLLOUT_TASKS_FAIL, "no task is left to run: exit(1)", &o, "",
	     ROW(0, UPDATE_NONE, "+a#2:failed>shutdown=exit(1)", ROLLOUT_MOVED),
	     ROW(2000, UPDATE_NONE, "+a#2:failed>shutdown=exit(1)", ROLLOUT_FAILED));
}

static void a_global_job_is_done_when_it_is_on_every_node(void **state)
{
	struct rollout_options o = options(1);

	(void)state;
	o.job = o.one_shot = o.global = true;
	o.stable_ms = 0;
	PLAY(ROLLOUT_CONVERGED, "", &o, "",
	     ROW(0, UPDATE_NONE, "", ROLLOUT_MOVED, .line = "0/1 done"),
	     ROW(500, UPDATE_NONE, "+a#2:complete>complete +b#2:running>complete", ROLLOUT_MOVED,
		 .line = "1/2 done"),
	     ROW(1500, UPDATE_NONE, "+a#2:complete>complete +b#2:complete>complete", ROLLOUT_DONE));
}

/* The pause before each look, while nothing moves and then all run. */
static void it_is_looked_at_often_while_it_moves_and_exactly_at_the_windows_end(void **state)
{
	struct rollout_options o = options(1);
	struct deploy_rollout r;
	static const struct row still[] = { ROW(0, UPDATE_NONE, "+a:preparing", ROLLOUT_MOVED) };
	static const struct row run[] = { ROW(0, UPDATE_NONE, "+a:running", ROLLOUT_MOVED) };

	(void)state;
	play(&r, &o, "", still, 1);
	assert_int_equal(100, deploy_rollout_pause(&r, 4999));
	assert_int_equal(200, deploy_rollout_pause(&r, 5000));
	assert_int_equal(1000, deploy_rollout_pause(&r, 30000));
	assert_false(deploy_rollout_is_up(&r));
	deploy_rollout_release(&r);
	play(&r, &o, "", run, 1);
	assert_int_equal(500, deploy_rollout_pause(&r, 100));
	assert_int_equal(30, deploy_rollout_pause(&r, 4970));
	assert_int_equal(100, deploy_rollout_pause(&r, 5000));
	assert_true(deploy_rollout_is_up(&r));
	deploy_rollout_release(&r);
}

static void a_global_service_wants_a_task_per_node_and_at_least_one(void **state)
{
	struct rollout_options o = options(1);

	(void)state;
	o.global = true;
	PLAY(ROLLOUT_CONVERGED, "", &o, "",
	     ROW(0, UPDATE_NONE, "", ROLLOUT_MOVED, .line = "0/1 running"),
	     ROW(1000, UPDATE_NONE, "+a:running +b:starting +c:running", ROLLOUT_MOVED,
		 .line = "2/3 running"),
	     ROW(2000, UPDATE_NONE, "+a:running +b:running +c:running", ROLLOUT_MOVED,
		 .line = "3/3 running"),
	     ROW(7000, UPDATE_NONE, "+a:running +b:running +c:running", ROLLOUT_DONE));
}

/* The engine makes no task for a node that does not fit, so there is none to say why. */
static void a_global_service_that_fits_no_node_is_told_so(void **state)
{
	struct rollout_options o = options(1);

	(void)state;
	o.global = true;
	PLAY(ROLLOUT_NO_NODE,
	     "the swarm made no task within 20 s: it goes on every node that fits, and none does",
	     &o, "", ROW(0, UPDATE_NONE, "", ROLLOUT_MOVED),
	     ROW(20000, UPDATE_NONE, "", ROLLOUT_FAILED));
}

/* Nobody knows how many there will be, and a new one may come to run between two looks. */
static void each_task_of_a_global_service_has_to_run_for_the_whole_window(void **state)
{
	struct rollout_options o = options(1);

	(void)state;
	o.global = true;
	PLAY(ROLLOUT_CONVERGED, "", &o, "a:running b:running",
	     ROW(0, UPDATE_UPDATING, "+c:running b:running", ROLLOUT_MOVED),
	     ROW(6000, UPDATE_UPDATING, "+c:running +d:running", ROLLOUT_MOVED,
		 .line = "2/2 running"),
	     ROW(10999, UPDATE_COMPLETED, "+c:running +d:running", ROLLOUT_WAIT),
	     ROW(11000, UPDATE_COMPLETED, "+c:running +d:running", ROLLOUT_DONE));
	/* a node joins */
	PLAY(ROLLOUT_CONVERGED, "", &o, "", ROW(0, UPDATE_NONE, "+a:running", ROLLOUT_MOVED),
	     ROW(4900, UPDATE_NONE, "+a:running +b:running", ROLLOUT_MOVED, .line = "2/2 running"),
	     ROW(5000, UPDATE_NONE, "+a:running +b:running", ROLLOUT_WAIT),
	     ROW(9900, UPDATE_NONE, "+a:running +b:running", ROLLOUT_DONE));
	/* it was replaced without a failure: its node was drained */
	PLAY(ROLLOUT_CONVERGED, "", &o, "", ROW(0, UPDATE_NONE, "+a:running", ROLLOUT_MOVED),
	     ROW(4900, UPDATE_NONE, "+a:shutdown>shutdown +b:running", ROLLOUT_WAIT),
	     ROW(5000, UPDATE_NONE, "+a:shutdown>shutdown +b:running", ROLLOUT_WAIT),
	     ROW(9900, UPDATE_NONE, "+a:shutdown>shutdown +b:running", ROLLOUT_DONE));
}

/* Its node was given up. */
static void a_task_that_is_orphaned_has_failed(void **state)
{
	struct rollout_options o = options(2);

	(void)state;
	PLAY(ROLLOUT_CONVERGED, "", &o, "",
	     ROW(0, UPDATE_NONE, "+a:running +b:running", ROLLOUT_MOVED),
	     ROW(1000, UPDATE_NONE, "+a:orphaned>shutdown +b:running +c:running", ROLLOUT_MOVED,
		 .line = "a task failed: orphaned; 2/2 running"),
	     ROW(2000, UPDATE_NONE, "+b:running +c:running", ROLLOUT_WAIT),
	     ROW(6999, UPDATE_NONE, "+b:running +c:running", ROLLOUT_WAIT),
	     ROW(7000, UPDATE_NONE, "+b:running +c:running", ROLLOUT_DONE));
}

static void a_task_that_replaces_one_has_to_run_for_the_whole_window(void **state)
{
	struct rollout_options o = options(1);

	(void)state;
	PLAY(ROLLOUT_CONVERGED, "", &o, "", ROW(0, UPDATE_NONE, "+a:running", ROLLOUT_MOVED),
	     ROW(4900, UPDATE_NONE, "+a:shutdown>shutdown +b:running", ROLLOUT_WAIT),
	     ROW(5000, UPDATE_NONE, "+a:shutdown>shutdown +b:running", ROLLOUT_WAIT),
	     ROW(9900, UPDATE_NONE, "+a:shutdown>shutdown +b:running", ROLLOUT_DONE));
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
		 .line = "0/1 running"),
	     ROW(5000, UPDATE_ROLLBACK_COMPLETED, "a:failed>shutdown +p:ready>ready", ROLLOUT_MOVED,
		 .line = "0/1 running (ready)"),
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_service_is_done_when_it_has_run_for_the_stable_time),
		cmocka_unit_test(an_update_without_status_yet_is_not_done_while_old_tasks_run),
		cmocka_unit_test(a_change_of_labels_only_needs_no_new_task),
		cmocka_unit_test(a_crash_within_the_stable_time_begins_it_anew),
		cmocka_unit_test(a_service_that_flaps_fails_with_the_last_error),
		cmocka_unit_test(a_long_error_is_told_to_its_end),
		cmocka_unit_test(many_replicas_may_fail_as_often_as_there_are),
		cmocka_unit_test(a_task_may_fail_as_often_as_it_is_started_again),
		cmocka_unit_test(a_server_that_ends_with_status_0_has_failed),
		cmocka_unit_test(a_task_that_was_ended_may_have_been_unhealthy),
		cmocka_unit_test(
			a_task_that_was_killed_may_have_wanted_more_memory_than_it_may_have),
		cmocka_unit_test(an_image_that_is_not_there_may_just_not_have_been_pulled),
		cmocka_unit_test(a_task_that_is_never_started_again_fails_the_rollout),
		cmocka_unit_test(a_one_shot_that_ended_well_is_done),
		cmocka_unit_test(tasks_that_were_there_before_are_no_evidence),
		cmocka_unit_test(an_update_that_the_engine_pauses_fails_with_the_tasks_error),
		cmocka_unit_test(a_rollback_by_the_engine_is_told_with_the_new_tasks_error),
		cmocka_unit_test(
			a_rollback_after_an_end_with_status_0_says_that_this_was_the_reason),
		cmocka_unit_test(a_rollback_is_not_blamed_on_a_task_of_what_was_put_back),
		cmocka_unit_test(a_foreign_change_is_not_ours_to_judge),
		cmocka_unit_test(a_task_without_a_node_fails_after_the_pending_limit),
		cmocka_unit_test(a_long_pull_has_a_node_and_only_the_whole_limit),
		cmocka_unit_test(a_limit_that_nobody_gave_does_not_count_the_time_of_a_pull),
		cmocka_unit_test(the_limit_that_was_given_is_told_though_a_part_of_it_was_over),
		cmocka_unit_test(a_task_that_never_gets_healthy_has_the_whole_limit),
		cmocka_unit_test(an_image_that_cannot_be_pulled_fails_with_the_engines_words),
		cmocka_unit_test(an_unhealthy_task_is_a_failure),
		cmocka_unit_test(old_and_new_side_by_side_are_not_done),
		cmocka_unit_test(a_window_shorter_than_the_engines_is_not_lengthened_by_it),
		cmocka_unit_test(the_engines_own_watch_may_end_a_moment_after_ours),
		cmocka_unit_test(a_task_on_a_lost_node_is_replaced_and_not_blamed),
		cmocka_unit_test(a_job_is_done_when_all_of_this_run_is_complete),
		cmocka_unit_test(the_way_back_of_a_job_is_over_though_the_engine_never_says_so),
		cmocka_unit_test(a_job_that_fails_too_often_has_failed),
		cmocka_unit_test(a_global_job_is_done_when_it_is_on_every_node),
		cmocka_unit_test(
			it_is_looked_at_often_while_it_moves_and_exactly_at_the_windows_end),
		cmocka_unit_test(a_global_service_wants_a_task_per_node_and_at_least_one),
		cmocka_unit_test(a_global_service_that_fits_no_node_is_told_so),
		cmocka_unit_test(each_task_of_a_global_service_has_to_run_for_the_whole_window),
		cmocka_unit_test(a_task_that_is_orphaned_has_failed),
		cmocka_unit_test(a_task_that_replaces_one_has_to_run_for_the_whole_window),
		cmocka_unit_test(no_replicas_wanted_is_done_when_none_is_left),
		cmocka_unit_test(rollback_completed_is_not_believed_until_the_old_version_runs),
		cmocka_unit_test(a_way_back_is_not_done_while_the_engine_is_at_it),
		cmocka_unit_test(the_old_version_may_fail_as_well),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
