/* The lock of a project: taken once, waited for, taken over from the dead only. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/cancel.h"
#include "base/json.h"
#include "base/mem.h"
#include "deploy/lock.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/recorder.h"
#include "tests/fakes/scripted_engine.h"

struct world {
	struct http_script *s;
	struct fake_clock clock;
	struct recorder rec;
	struct op op;
	struct engine *eng;
	struct deploy_owner owner;
	struct deploy_holder holder;
	struct deploy_lock lock;
	char *name, *by_name;
	struct strv texts;
	struct err e;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	char *key;

	w->op = (struct op){ .clock = fake_clock_init(&w->clock),
			     .progress = recorder_init(&w->rec) };
	w->owner.project = "team/app";
	w->holder = (struct deploy_holder){ .who = "anna@here" };
	key = deploy_owner_key(&w->owner);
	w->name = mem_printf("cdeploy-lock-%s", key);
	w->by_name = mem_printf(V141 "/configs/%s", w->name);
	free(key);
	w->eng = scripted_engine_open(&w->s, &w->op);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	http_script_done(w->s);
	deploy_lock_release(&w->lock);
	scripted_engine_close(w->s, w->eng);
	recorder_release(&w->rec);
	strv_release(&w->texts);
	free(w->name);
	free(w->by_name);
	free(w);
	return 0;
}

static void create(struct world *w, const char *id)
{
	char *answer = mem_printf("{\"ID\":\"%s\"}", id);

	strv_take(&w->texts, answer);
	HTTP_EXPECT(w->s, .method = "POST", .url = V141 "/configs/create",
		    .status = id[0] ? 201 : 409,
		    .answer = id[0] ? answer : "{\"message\":\"already exists\"}");
}

static void taken(struct world *w)
{
	create(w, "");
}

/* What is there, by its name: held by bob, until then; more: further labels. */
static void there(struct world *w, const char *expires, const char *more)
{
	char *text =
		mem_printf("{\"ID\":\"l1\",\"Version\":{\"Index\":7},\"Spec\":{\"Name\":\"%s\","
			   "\"Data\":\"YQ==\",\"Labels\":{\"io.cdeploy.holder\":\"bob@there\","
			   "\"io.cdeploy.job\":\"https://git/job/7\",\"io.cdeploy.since\":"
			   "\"1970-01-01T00:00:00.643588479Z\",\"io.cdeploy.expires\":\"%s\"%s}}}",
			   w->name, expires, more);

	strv_take(&w->texts, text);
	HTTP_EXPECT(w->s, .method = "GET", .url = w->by_name, .status = 200, .answer = text);
}

#define LATER "2200-01-01T00:00:00Z"
#define PAST  "1969-01-01T00:00:00Z"

static int take(struct world *w, int64_t wait_ms)
{
	err_clear(&w->e);
	return deploy_lock_take(&w->lock, &w->op, w->eng, &w->owner, &w->holder, wait_ms, &w->e);
}

static void relabel(struct world *w, long status)
{
	HTTP_EXPECT(w->s, .method = "POST", .url = V141 "/configs/l1/update?version=7",
		    .status = status,
		    .answer = status == 200 ? "" : "{\"message\":\"update out of sequence\"}");
}

static void removed(struct world *w, const char *id)
{
	char *url = mem_printf(V141 "/configs/%s", id);

	strv_take(&w->texts, url);
	HTTP_EXPECT(w->s, .method = "DELETE", .url = url, .status = 204);
}

static void a_free_lock_is_taken_and_given_back(void **state)
{
	struct world *w = *state;

	create(w, "l2");
	assert_int_equal(0, take(w, 0));
	removed(w, "l2");
	deploy_lock_release(&w->lock);
}

static void a_held_one_is_an_error_that_names_the_holder_and_the_job(void **state)
{
	struct world *w = *state;

	taken(w);
	there(w, LATER, "");
	assert_int_equal(-1, take(w, 0));
	assert_int_equal(ERR_LOCKED, w->e.kind);
	assert_non_null(strstr(w->e.text, "project 'team/app' is being deployed by bob@there since "
					  "1970-01-01T00:00:00Z, https://git/job/7; --lock-wait"));
}

static void it_is_waited_for_as_long_as_one_wants(void **state)
{
	struct world *w = *state;

	taken(w);
	there(w, LATER, "");
	taken(w);
	there(w, LATER, "");
	create(w, "l2");
	assert_int_equal(0, take(w, 60000));
	assert_int_equal(2, w->clock.sleeps);
	assert_true(recorder_has(&w->rec, "note: waiting for the lock, held by bob@there"));
	removed(w, "l2");
	deploy_lock_release(&w->lock);

	for (int i = 0; i < 4; i++) {
		taken(w);
		there(w, LATER, "");
	}
	assert_int_equal(-1, take(w, 3000));
	assert_int_equal(ERR_LOCKED, w->e.kind);
}

static void a_lock_whose_time_is_over_is_cleared_away_first(void **state)
{
	struct world *w = *state;

	taken(w);
	there(w, PAST, "");
	relabel(w, 200);
	removed(w, "l1");
	create(w, "l2");
	assert_int_equal(0, take(w, 0));
	removed(w, "l2");
	deploy_lock_release(&w->lock);
}

/* Of two that see the same dead lock, the slower one must not remove the faster one's. */
static void whoever_is_slower_clears_nothing_away(void **state)
{
	struct world *w = *state;

	taken(w);
	there(w, PAST, "");
	relabel(w, 500);
	taken(w);
	there(w, LATER, "");
	assert_int_equal(-1, take(w, 0));
	assert_int_equal(ERR_LOCKED, w->e.kind);
}

static void a_process_that_has_ended_holds_nothing(void **state)
{
	struct world *w = *state;
	auto_free char *self = deploy_holder_process();
	auto_free char *alive = mem_printf(",\"io.cdeploy.process\":\"%s\"", self);
	auto_free char *dead = mem_printf(",\"io.cdeploy.process\":\"%s9\"", self);

	assert_non_null(self);
	assert_false(deploy_holder_is_gone(self));
	taken(w);
	there(w, LATER, alive);
	assert_int_equal(-1, take(w, 0));
	taken(w);
	there(w, LATER, ",\"io.cdeploy.process\":\"another-boot/pid:[1]/1/1\"");
	assert_int_equal(-1, take(w, 0));
	taken(w);
	there(w, LATER, dead);
	relabel(w, 200);
	removed(w, "l1");
	create(w, "l2");
	assert_int_equal(0, take(w, 0));
	assert_int_equal(0, w->clock.sleeps);
	removed(w, "l2");
	deploy_lock_release(&w->lock);
}

/* /proc shows nothing of the holder, which lives all the same. */
static void a_process_that_proc_hides_is_not_dead(void **state)
{
	auto_free char *self = deploy_holder_process(), *where = NULL;
	pid_t child;
	int status;

	(void)state;
	assert_non_null(self);
	if (geteuid() != 0)
		skip();
	child = fork();
	if (child == 0) {
		if (unshare(CLONE_NEWNS) < 0 ||
		    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		    mount("proc", "/proc", "proc", 0, "hidepid=2") < 0 || setgroups(0, NULL) < 0 ||
		    setgid(65534) < 0 || setuid(65534) < 0 || prctl(PR_SET_DUMPABLE, 1) < 0)
			_exit(77);
		where = deploy_holder_process(); /* it can judge at all */
		_exit(!where || deploy_holder_is_gone(self) ? 1 : 0);
	}
	assert_int_equal(child, waitpid(child, &status, 0));
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(0, WEXITSTATUS(status));
}

#define OF_JOB(name) ",\"io.cdeploy.pipeline\":\"40\",\"io.cdeploy.job-name\":\"" name "\""

/* The lock is that of https://git/job/7. */
static int take_as_job(struct world *w, const char *url, const char *name)
{
	w->owner.pipeline = "40";
	w->holder.job_url = url;
	w->holder.job_name = name;
	return take(w, 0);
}

static void a_later_try_of_the_same_job_takes_the_lock_over(void **state)
{
	struct world *w = *state;

	taken(w);
	there(w, LATER, OF_JOB("deploy"));
	relabel(w, 200);
	removed(w, "l1");
	create(w, "l2");
	assert_int_equal(0, take_as_job(w, "https://git/job/8", "deploy"));
	/* who may live after all may write for a second */
	assert_int_equal(1, w->clock.sleeps);
	assert_int_equal(1000, w->clock.slept_ms[0]);
	removed(w, "l2");
	deploy_lock_release(&w->lock);
}

static void stop(struct fake_clock *fc, int64_t ms)
{
	(void)ms;
	cancel_set(fc->arg, SIGTERM);
}

static void a_signal_while_the_old_holder_is_outlasted_gives_the_lock_back(void **state)
{
	struct world *w = *state;
	struct cancel cancel;

	assert_int_equal(0, cancel_init(&cancel, &w->e));
	w->op.cancel = &cancel;
	w->clock.on_sleep = stop;
	w->clock.arg = &cancel;
	taken(w);
	there(w, PAST, "");
	relabel(w, 200);
	removed(w, "l1");
	create(w, "l2");
	removed(w, "l2");
	assert_int_equal(-1, take(w, 0));
	assert_int_equal(ERR_CANCELLED, w->e.kind);
	w->op.cancel = NULL;
	cancel_release(&cancel);
}

static void stop_now(void *cancel)
{
	cancel_set(cancel, SIGTERM);
}

/* The engine goes on with a request that nobody waits for any more. */
static void a_lock_whose_making_a_signal_met_goes_again(void **state)
{
	struct world *w = *state;
	struct cancel cancel;
	char *ours =
		mem_printf("{\"ID\":\"l3\",\"Version\":{\"Index\":7},\"Spec\":{\"Name\":\"%s\","
			   "\"Data\":\"YQ==\",\"Labels\":{\"io.cdeploy.since\":"
			   "\"2026-01-01T00:00:00Z\"}}}",
			   w->name);

	strv_take(&w->texts, ours);
	assert_int_equal(0, cancel_init(&cancel, &w->e));
	w->op.cancel = &cancel;
	HTTP_EXPECT(w->s, .method = "POST", .url = V141 "/configs/create", .fail = ERR_CANCELLED,
		    .why = "stopped by SIGTERM", .then = stop_now, .arg = &cancel);
	/* a busy one needs a while for it */
	HTTP_EXPECT(w->s, .method = "GET", .url = w->by_name, .status = 404, .times = 10);
	HTTP_EXPECT(w->s, .method = "GET", .url = w->by_name, .status = 200, .answer = ours);
	removed(w, "l3");
	assert_int_equal(-1, take(w, 0));
	assert_int_equal(ERR_CANCELLED, w->e.kind);
	/* another's stays */
	HTTP_EXPECT(w->s, .method = "POST", .url = V141 "/configs/create", .fail = ERR_CANCELLED,
		    .why = "stopped by SIGTERM");
	cancel_release(&cancel);
	assert_int_equal(0, cancel_init(&cancel, &w->e));
	there(w, LATER, "");
	assert_int_equal(-1, take(w, 0));
	w->op.cancel = NULL;
	cancel_release(&cancel);
}

static void no_other_job_takes_it_over(void **state)
{
	static const struct {
		const char *holder, *url, *name;
	} others[] = {
		{ OF_JOB("deploy"), "https://git/job/8", "deploy b" }, /* beside it */
		{ OF_JOB("deploy"), "https://git/job/6", "deploy" },   /* the earlier try */
		{ OF_JOB("deploy"), "https://git/job/7", "deploy" },   /* the job itself, twice */
		{ OF_JOB("deploy"), "https://other/job/8", "deploy" },
		{ OF_JOB("deploy"), "https://git/job/x", "deploy" },
		{ OF_JOB("deploy"), NULL, "deploy" },
		{ OF_JOB("deploy"), "https://git/job/8", NULL },
		{ ",\"io.cdeploy.pipeline\":\"41\",\"io.cdeploy.job-name\":\"deploy\"",
		  "https://git/job/8", "deploy" },
		{ "", "https://git/job/8", "deploy" },
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		taken(w);
		there(w, LATER, others[i].holder);
		assert_int_equal(-1, take_as_job(w, others[i].url, others[i].name));
		assert_int_equal(ERR_LOCKED, w->e.kind);
	}
}

/* It is as we made it. */
static void ours(struct world *w)
{
	char *text =
		mem_printf("{\"ID\":\"l1\",\"Version\":{\"Index\":7},\"Spec\":{\"Name\":\"%s\","
			   "\"Labels\":{\"io.cdeploy.since\":\"2026-01-01T00:00:00Z\"}}}",
			   w->name);

	strv_take(&w->texts, text);
	HTTP_EXPECT(w->s, .method = "GET", .url = w->by_name, .status = 200, .answer = text);
}

static void who_sleeps_for_long_renews_it(void **state)
{
	struct world *w = *state;
	struct clock *c;

	create(w, "l1");
	assert_int_equal(0, take(w, 0));
	c = w->lock.op.clock;
	c->sleep_ms(c, 59000, NULL);
	c->sleep_ms(c, 1000, NULL);
	ours(w);
	relabel(w, 200);
	c->sleep_ms(c, 1000, NULL);
	removed(w, "l1");
	deploy_lock_release(&w->lock);
}

static int write_something(struct world *w)
{
	err_clear(&w->e);
	return engine_call(NULL, &w->op, w->eng, "POST", "/networks/create", NULL, NULL, &w->e);
}

static void written(struct world *w)
{
	HTTP_EXPECT(w->s, .method = "POST", .url = V141 "/networks/create", .status = 201,
		    .answer = "{}");
}

static void a_write_looks_at_it_when_that_is_a_second_ago(void **state)
{
	struct world *w = *state;

	create(w, "l1");
	assert_int_equal(0, take(w, 0));
	written(w);
	assert_int_equal(0, write_something(w));
	fake_clock_advance(&w->clock, 999);
	written(w);
	assert_int_equal(0, write_something(w));
	fake_clock_advance(&w->clock, 1);
	ours(w);
	written(w);
	assert_int_equal(0, write_something(w));
	written(w);
	assert_int_equal(0, write_something(w));
	removed(w, "l1");
	deploy_lock_release(&w->lock);
	written(w);
	assert_int_equal(0, write_something(w));
}

static void who_lost_it_writes_no_more_and_says_to_whom(void **state)
{
	struct world *w = *state;

	create(w, "l1");
	assert_int_equal(0, take(w, 0));
	fake_clock_advance(&w->clock, 1000);
	there(w, LATER, ""); /* bob's, with our id: he is about to make a new one */
	assert_int_equal(-1, write_something(w));
	assert_int_equal(ERR_LOCKED, w->e.kind);
	assert_string_equal("the lock of project 'team/app' was taken over by bob@there since "
			    "1970-01-01T00:00:00Z, https://git/job/7; this run writes nothing more "
			    "and takes nothing back",
			    w->e.text);
	/* not even when it looks free again, nor is it renewed, nor anything of the new one's removed */
	assert_int_equal(-1, write_something(w));
	assert_int_equal(ERR_LOCKED, w->e.kind);
	w->lock.op.clock->sleep_ms(w->lock.op.clock, 70000, NULL);
	w->lock.op.clock->sleep_ms(w->lock.op.clock, 1000, NULL);
	deploy_lock_release(&w->lock);
}

static void a_broken_one_is_lost_too_and_a_silent_engine_is_not(void **state)
{
	struct world *w = *state;

	create(w, "l1");
	assert_int_equal(0, take(w, 0));
	fake_clock_advance(&w->clock, 1000);
	HTTP_EXPECT(w->s, .method = "GET", .url = w->by_name, .status = 403, .answer = "{}");
	assert_int_equal(-1, write_something(w));
	assert_int_equal(ERR_DENIED, w->e.kind);
	ours(w);
	written(w);
	assert_int_equal(0, write_something(w));
	fake_clock_advance(&w->clock, 1000);
	HTTP_EXPECT(w->s, .method = "GET", .url = w->by_name, .status = 404, .answer = "{}");
	assert_int_equal(-1, write_something(w));
	assert_int_equal(ERR_LOCKED, w->e.kind);
	assert_non_null(strstr(w->e.text, "is broken: 'cdeploy unlock' was called"));
	deploy_lock_release(&w->lock);
}

static void a_dead_one_is_swept_up_out_of_a_list(void **state)
{
	struct world *w = *state;

	for (int dead = 0; dead < 2; dead++) {
		auto_free char *text = mem_printf(
			"[{\"ID\":\"r1\",\"Version\":{\"Index\":2},\"Spec\":{\"Name\":\"another\"}},"
			"{\"ID\":\"l1\",\"Version\":{\"Index\":7},\"Spec\":{\"Name\":\"%s\","
			"\"Labels\":{\"io.cdeploy.expires\":\"%s\"}}}]",
			w->name, dead ? PAST : LATER);
		auto_json json_t *list = json_loads(text, 0, NULL);

		if (dead) {
			relabel(w, 200);
			removed(w, "l1");
		}
		deploy_lock_sweep(&w->op, w->eng, &w->owner, &w->holder, list);
		http_script_done(w->s);
	}
}

static void unlock_names_whose_it_was(void **state)
{
	struct world *w = *state;
	char *who = NULL;

	there(w, LATER, "");
	removed(w, "l1");
	assert_int_equal(0, deploy_lock_break(&who, &w->op, w->eng, &w->owner, &w->e));
	assert_non_null(strstr(who, "bob@there"));
	/* for so long he may write without a look */
	assert_int_equal(1, w->clock.sleeps);
	assert_int_equal(1000, w->clock.slept_ms[0]);
	free(who);
	HTTP_EXPECT(w->s, .method = "GET", .url = w->by_name, .status = 404, .answer = "{}");
	assert_int_equal(0, deploy_lock_break(&who, &w->op, w->eng, &w->owner, &w->e));
	assert_null(who);
	assert_int_equal(1, w->clock.sleeps);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_free_lock_is_taken_and_given_back),
		T(a_held_one_is_an_error_that_names_the_holder_and_the_job),
		T(it_is_waited_for_as_long_as_one_wants),
		T(a_lock_whose_time_is_over_is_cleared_away_first),
		T(whoever_is_slower_clears_nothing_away),
		T(a_process_that_has_ended_holds_nothing),
		T(a_process_that_proc_hides_is_not_dead),
		T(a_later_try_of_the_same_job_takes_the_lock_over),
		T(a_signal_while_the_old_holder_is_outlasted_gives_the_lock_back),
		T(a_lock_whose_making_a_signal_met_goes_again),
		T(no_other_job_takes_it_over),
		T(who_sleeps_for_long_renews_it),
		T(a_write_looks_at_it_when_that_is_a_second_ago),
		T(who_lost_it_writes_no_more_and_says_to_whom),
		T(a_broken_one_is_lost_too_and_a_silent_engine_is_not),
		T(a_dead_one_is_swept_up_out_of_a_list),
		T(unlock_names_whose_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
