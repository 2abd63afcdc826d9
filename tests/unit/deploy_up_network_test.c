/* Networks that are on their way out while services are to join them. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "tests/fakes/up_world.h"

#define OLD  "{\"Id\":\"n1\",\"Name\":\"shop\",\"Scope\":\"swarm\"}"
#define MADE "{\"Id\":\"n2\",\"Name\":\"shop\",\"Scope\":\"swarm\"}"

static int setup(void **state)
{
	struct up_world *w;

	world_setup(state);
	w = *state;
	w->opt.detach = true;
	strv_add(&w->stack.make_networks, "shop");
	strv_add(&w->stack.services[0].networks, "shop");
	return 0;
}

/* Its tasks are ending: it is listed, and nobody can use it. */
static void is_ending(struct up_world *w)
{
	world_get_list(w, NAMED("app"), "");
	world_get_list(w, NET, OLD);
	POST("/services/create", .status = 500, .answer = "{\"message\":\"network n1 not found\"}");
	world_get_list(w, NAMED("app"), "");
	world_get_list(w, NET, OLD);
}

static const char *last_body(struct up_world *w)
{
	return buf_str(&http_script_seen(w->s, http_script_count(w->s) - 1)->body);
}

static void one_that_is_being_removed_is_waited_for_and_made_again(void **state)
{
	struct up_world *w = *state;

	is_ending(w);
	world_get_list(w, NET, "");
	POST("/networks/create", .status = 201, .answer = "{\"Id\":\"n2\"}");
	world_get_list(w, NET, MADE);
	CREATED;
	world_up(w, 0);
	assert_int_equal(1, w->clock.sleeps);
	assert_non_null(strstr(last_body(w), "\"Target\":\"n2\""));
	assert_true(recorder_has(&w->rec, "note: network 'shop' is being removed; waiting until it "
					  "is gone\nnote: network 'shop' created\n"));
}

static void one_that_somebody_has_made_again_is_used(void **state)
{
	struct up_world *w = *state;

	is_ending(w);
	world_get_list(w, NET, MADE);
	POST("/networks/create", .status = 409, .answer = "{\"message\":\"already exists\"}");
	world_get_list(w, NET, MADE);
	world_get_list(w, NET, MADE);
	CREATED;
	world_up(w, 0);
	assert_non_null(strstr(last_body(w), "\"Target\":\"n2\""));
}

static void two_minutes(struct fake_clock *fc, int64_t ms)
{
	(void)ms;
	fake_clock_advance(fc, 120000);
}

static void one_whose_tasks_never_end_is_a_timeout(void **state)
{
	struct up_world *w = *state;

	w->clock.on_sleep = two_minutes;
	is_ending(w);
	world_get_list(w, NET, OLD);
	world_up_fails(w, ERR_TIMEOUT,
		       "create service 'app': network 'shop' is being removed, and tasks of "
		       "earlier services have not left it within 120 s");
}

static void one_that_is_not_the_stacks_own_is_not_made(void **state)
{
	struct up_world *w = *state;

	strv_release(&w->stack.make_networks);
	world_get_list(w, NAMED("app"), "");
	world_get_list(w, NET, OLD);
	POST("/services/create", .status = 500, .answer = "{\"message\":\"network n1 not found\"}");
	world_get_list(w, NAMED("app"), "");
	world_up_fails(w, ERR_FAILED, "create service 'app': network n1 not found");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)
	const struct CMUnitTest tests[] = {
		T(one_that_is_being_removed_is_waited_for_and_made_again),
		T(one_that_somebody_has_made_again_is_used),
		T(one_whose_tasks_never_end_is_a_timeout),
		T(one_that_is_not_the_stacks_own_is_not_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
