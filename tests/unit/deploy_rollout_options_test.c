/*
 * From a spec to what is watched for, and for how long.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "deploy/rollout.h"

static struct rollout_options from(const char *text)
{
	struct rollout_options o = { 0 };
	json_t *spec = json_loads(text, 0, NULL);

	assert_non_null(spec);
	rollout_options_from_spec(&o, spec);
	json_decref(spec);
	return o;
}

#define HEALTH(test, more)                                                                         \
	"\"TaskTemplate\":{\"ContainerSpec\":{\"Healthcheck\":{\"Test\":[" test "]" more "}}}"
#define REPLICAS(n) "\"Mode\":{\"Replicated\":{\"Replicas\":" #n "}}"

static void the_mode_tells_how_many(void **state)
{
	struct rollout_options o = from("{" REPLICAS(3) "}");

	(void)state;
	assert_int_equal(3, o.replicas);
	assert_false(o.global || o.job || o.one_shot);
	o = from("{\"Mode\":{\"Global\":{}}}");
	assert_true(o.global && !o.job);
	o = from("{\"Mode\":{\"ReplicatedJob\":{\"MaxConcurrent\":2,\"TotalCompletions\":7}}}");
	assert_int_equal(7, o.replicas);
	assert_true(o.job && o.one_shot && !o.global);
	o = from("{\"Mode\":{\"GlobalJob\":{}}}");
	assert_true(o.job && o.global);
	o = from("{}");
	assert_int_equal(1, o.replicas);
}

static void the_restart_policy_tells_whether_an_end_is_a_failure(void **state)
{
	(void)state;
	assert_true(
		from("{\"TaskTemplate\":{\"RestartPolicy\":{\"Condition\":\"none\"}}}").one_shot);
	assert_true(from("{\"TaskTemplate\":{\"RestartPolicy\":{\"Condition\":\"on-failure\"}}}")
			    .one_shot);
	assert_false(
		from("{\"TaskTemplate\":{\"RestartPolicy\":{\"Condition\":\"any\"}}}").one_shot);
	assert_int_equal(5,
			 from("{\"TaskTemplate\":{\"RestartPolicy\":{\"MaxAttempts\":4}}}").tries);
	assert_int_equal(0, from("{}").tries);
}

static void a_limit_is_for_the_whole_run(void **state)
{
	struct rollout_options o = { .timeout_ms = 5000 }, none = { 0 };

	(void)state;
	rollout_options_spend(&o, 4000);
	assert_int_equal(1000, o.timeout_ms);
	o = (struct rollout_options){ .timeout_ms = 5000 };
	/* those that come last do not have it anew */
	rollout_options_spend(&o, 7000);
	assert_int_equal(1, o.timeout_ms);
	rollout_options_spend(&none, 7000);
	assert_int_equal(0, none.timeout_ms);
}

static void a_limit_of_memory_is_known(void **state)
{
	(void)state;
	assert_false(from("{\"TaskTemplate\":{\"Resources\":{\"Limits\":{\"NanoCPUs\":1}}}}")
			     .has_memory_limit);
	assert_true(from("{\"TaskTemplate\":{\"Resources\":{\"Limits\":{\"MemoryBytes\":4}}}}")
			    .has_memory_limit);
}

static void the_window_is_short_where_a_healthcheck_tells(void **state)
{
	struct rollout_options given = { .stable_ms = 77, .timeout_ms = 88 };
	json_t *spec = json_object();

	(void)state;
	assert_int_equal(5000, from("{}").stable_ms);
	assert_int_equal(1000, from("{" HEALTH("\"CMD\",\"true\"", "") "}").stable_ms);
	assert_int_equal(5000, from("{" HEALTH("\"NONE\"", "") "}").stable_ms);
	assert_int_equal(5000, from("{" HEALTH("", ",\"Retries\":3") "}").stable_ms);
	/* the file asks for a longer watch */
	assert_int_equal(60000,
			 from("{" HEALTH("\"CMD\",\"true\"", "") ",\"UpdateConfig\":"
								 "{\"Monitor\":60000000000}}")
				 .stable_ms);
	/* and so does a delay, which the engine watches for */
	assert_int_equal(11000, from("{\"UpdateConfig\":{\"Delay\":10000000000}}").stable_ms);
	assert_int_equal(5000, from("{\"UpdateConfig\":{\"Delay\":4000000000}}").stable_ms);
	assert_int_equal(61000, from("{\"UpdateConfig\":{\"Delay\":600000000000}}").stable_ms);
	/* unless it goes on whatever happens */
	assert_int_equal(5000, from("{\"UpdateConfig\":{\"Delay\":10000000000,"
				    "\"FailureAction\":\"continue\"}}")
				       .stable_ms);
	assert_int_equal(11000, from("{\"UpdateConfig\":{\"Delay\":10000000000,"
				     "\"FailureAction\":\"rollback\"}}")
					.stable_ms);
	assert_int_equal(0, from("{\"Mode\":{\"GlobalJob\":{}}}").stable_ms);
	rollout_options_from_spec(&given, spec);
	assert_int_equal(77, given.stable_ms);
	assert_int_equal(88, given.timeout_ms);
	assert_int_equal(88, given.most_ms);
	/* which comes on top of a limit that was not given */
	given = (struct rollout_options){ .stable_ms = 600000 };
	rollout_options_from_spec(&given, spec);
	assert_int_equal(120000 + 600000, given.timeout_ms);
	assert_int_equal(1800000 + 600000, given.most_ms);
	json_decref(spec);
}

static void the_limit_is_what_the_spec_allows_between_two_and_thirty_minutes(void **state)
{
	(void)state;
	assert_int_equal(120000, from("{}").timeout_ms);
	assert_int_equal(1800000, from("{}").most_ms);
	/* 10 s to stop and 5 s of watch for each */
	assert_int_equal(300000, from("{" REPLICAS(20) "}").timeout_ms);
	assert_int_equal(
		150000, from("{" REPLICAS(20) ",\"UpdateConfig\":{\"Parallelism\":2}}").timeout_ms);
	assert_int_equal(
		120000, from("{" REPLICAS(20) ",\"UpdateConfig\":{\"Parallelism\":0}}").timeout_ms);
	/* (60 + 5 * 10 + 10 + 5) * 2 */
	assert_int_equal(
		250000,
		from("{" REPLICAS(2) "," HEALTH(
			     "\"CMD\",\"x\"",
			     ",\"StartPeriod\":60000000000,\"Interval\":10000000000,\"Retries\":5") "}")
			.timeout_ms);
	/* the engine's own 3 times 30 s */
	assert_int_equal(210000,
			 from("{" REPLICAS(2) "," HEALTH("\"CMD\",\"x\"", "") "}").timeout_ms);
	assert_int_equal(1800000, from("{" REPLICAS(9223372036854775807) "}").timeout_ms);
	assert_int_equal(1800000,
			 from("{\"UpdateConfig\":{\"Delay\":9223372036854775807}}").timeout_ms);
	assert_int_equal(1800000, from("{\"Mode\":{\"GlobalJob\":{}}}").timeout_ms);
}

static void the_way_back_has_the_time_of_its_own_settings(void **state)
{
	struct rollout_options o = { .taking_back = true };
	json_t *spec = json_loads("{" REPLICAS(40) ",\"UpdateConfig\":{\"Parallelism\":20},"
						   "\"RollbackConfig\":{\"Parallelism\":2}}",
				  0, NULL);

	(void)state;
	rollout_options_from_spec(&o, spec);
	assert_int_equal(300000, o.timeout_ms);
	o = (struct rollout_options){ 0 };
	rollout_options_from_spec(&o, spec);
	assert_int_equal(120000, o.timeout_ms);
	/* the engine's own is one after the other */
	json_object_del(spec, "RollbackConfig");
	o = (struct rollout_options){ .taking_back = true };
	rollout_options_from_spec(&o, spec);
	assert_int_equal(600000, o.timeout_ms);
	json_decref(spec);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_mode_tells_how_many),
		cmocka_unit_test(the_restart_policy_tells_whether_an_end_is_a_failure),
		cmocka_unit_test(a_limit_is_for_the_whole_run),
		cmocka_unit_test(a_limit_of_memory_is_known),
		cmocka_unit_test(the_window_is_short_where_a_healthcheck_tells),
		cmocka_unit_test(the_limit_is_what_the_spec_allows_between_two_and_thirty_minutes),
		cmocka_unit_test(the_way_back_has_the_time_of_its_own_settings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
