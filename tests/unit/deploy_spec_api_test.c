/* What an older engine would drop without a word is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "deploy/spec_api.h"

static void assert_needs_1_41(const char *text, const char *word)
{
	auto_json json_t *spec = json_loads(text, 0, NULL);
	struct err e = ERR_INIT;

	assert_int_equal(0, deploy_spec_fits_api(spec, 41, &e));
	assert_int_equal(-1, deploy_spec_fits_api(spec, 40, &e));
	assert_int_equal(ERR_INPUT, e.kind);
	assert_non_null(strstr(e.text, word));
}

static void what_came_later_is_refused_by_name(void **state)
{
	auto_json json_t *plain =
		json_loads("{\"Name\":\"app\",\"Mode\":{\"Global\":{}}}", 0, NULL);
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(0, deploy_spec_fits_api(plain, 40, &e));
	assert_needs_1_41("{\"Name\":\"app\",\"Mode\":{\"GlobalJob\":{}}}",
			  "service 'app': mode global-job needs an engine of API 1.41, and this "
			  "one speaks 1.40");
	assert_needs_1_41("{\"Mode\":{\"ReplicatedJob\":{}}}", "replicated-job");
	assert_needs_1_41("{\"TaskTemplate\":{\"ContainerSpec\":{\"CapabilityAdd\":[\"x\"]}}}",
			  "cap_add");
	assert_needs_1_41("{\"TaskTemplate\":{\"ContainerSpec\":{\"CapabilityDrop\":[\"x\"]}}}",
			  "cap_drop");
	assert_needs_1_41("{\"TaskTemplate\":{\"ContainerSpec\":{\"Ulimits\":[{}]}}}", "ulimits");
	assert_needs_1_41("{\"TaskTemplate\":{\"Resources\":{\"Limits\":{\"Pids\":5}}}}", "pids");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_came_later_is_refused_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
