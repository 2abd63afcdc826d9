/* Deploys that lose the lock: nothing more is written, nothing is taken back, and it is told. */
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

/* An update under the lock. */
static void begin_locked_update(struct up_world *w)
{
	static const struct deploy_holder holder = { .who = "anna@here" };

	w->opt.holder = &holder;
	world_get_list(w, NAMED("app"), world_service(w, 7, w->old, NULL, "completed"));
	POST("/configs/create", .status = 201, .answer = "{\"ID\":\"l1\"}");
	world_begin_update(w);
}

static void a_failed_update_is_left_to_whoever_has_taken_the_lock(void **state)
{
	struct up_world *w = *state;

	w->clock.on_sleep = world_slowly;
	begin_locked_update(w);
	world_poll(w, world_service(w, 8, w->spec, w->old, "updating"), RUNNING("o1"), "");
	world_poll(w, world_service(w, 9, w->spec, w->old, "paused"), FAILED("a"), FAILED("a"));
	world_last_words(w, "a");
	world_lock_is_lost(w);
	world_up_fails(w, ERR_LOCKED,
		       "service 'app': the engine paused the update: exit (7); " LOST);
	assert_int_equal(0, w->nr);
}

static void the_second_wave_is_not_written_without_the_lock(void **state)
{
	struct up_world *w = *state;
	const char *both = NAMED("app%22%2C%22second");

	world_add_service(w, "second");
	strv_add(&w->stack.services[1].depends_on, "app");
	w->opt.holder = &(const struct deploy_holder){ .who = "anna@here" };
	w->clock.on_sleep = world_slowly;
	world_get_list(w, both, "");
	POST("/configs/create", .status = 201, .answer = "{\"ID\":\"l1\"}");
	world_get_list(w, both, "");
	CREATED;
	world_poll(w, world_service(w, 1, w->spec, NULL, NULL), "", "");
	world_poll(w, world_service(w, 1, w->spec, NULL, NULL), RUNNING("a"), RUNNING("a"));
	world_lock_is_lost(w);
	world_up_fails(w, ERR_LOCKED, "create service 'second': " LOST);
}

static void terminate_after_a_while(struct fake_clock *fc, int64_t ms)
{
	(void)ms;
	cancel_set(fc->arg, SIGTERM);
	fake_clock_advance(fc, 1000);
}

static void a_signal_takes_nothing_back_without_the_lock(void **state)
{
	struct up_world *w = *state;

	w->clock.on_sleep = terminate_after_a_while;
	w->clock.arg = &w->cancel;
	begin_locked_update(w);
	world_poll(w, world_service(w, 8, w->spec, w->old, "updating"), RUNNING("o1"), "");
	world_lock_is_lost(w);
	world_up_fails(w, ERR_CANCELLED, "stopped by SIGTERM; " LOST);
}

static void what_the_new_holder_changed_is_told_as_that(void **state)
{
	struct up_world *w = *state;

	w->clock.on_sleep = world_slowly;
	begin_locked_update(w);
	world_poll(w, world_service(w, 8, w->spec, w->old, "updating"), RUNNING("o1"), "");
	world_poll(w, world_service(w, 9, w->old, w->spec, "updating"), RUNNING("o1"), "");
	world_lock_is_lost(w);
	world_up(w, -1);
	assert_int_equal(ERR_LOCKED, w->e.kind);
	assert_non_null(strstr(w->e.text, LOST));
}

static void a_deploy_that_went_well_without_the_lock_is_not_recorded(void **state)
{
	struct up_world *w = *state;

	w->clock.on_sleep = world_slowly;
	begin_locked_update(w);
	world_poll(w, world_service(w, 8, w->spec, w->old, NULL), RUNNING("o1"), "");
	for (int i = 0; i < 2; i++)
		world_poll(w, world_service(w, 9, w->spec, w->old, "completed"), RUNNING("a"),
			   RUNNING("a"));
	world_lock_is_lost(w);
	world_up_fails(w, ERR_LOCKED, LOST);
}

#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_failed_update_is_left_to_whoever_has_taken_the_lock),
		T(the_second_wave_is_not_written_without_the_lock),
		T(a_signal_takes_nothing_back_without_the_lock),
		T(what_the_new_holder_changed_is_told_as_that),
		T(a_deploy_that_went_well_without_the_lock_is_not_recorded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
