/* What the swarm says about itself, read: tasks of many services, counts, hostile answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/mem.h"
#include "deploy/state.h"

#define TASK(id, service)                                                                          \
	"{\"ID\":\"" id "\",\"ServiceID\":\"" service "\",\"DesiredState\":\"running\","           \
	"\"Status\":{\"State\":\"running\"}}"

static json_t *parse(const char *text)
{
	struct err e = ERR_INIT;
	json_t *o = json_load_span(span_of_str(text), 1 << 20, "test", &e);

	assert_non_null(o);
	return o;
}

static int read_tasks(struct engine_tasks *out, const char *all, const char *up_to_date,
		      struct err *e)
{
	auto_json json_t *a = parse(all), *u = parse(up_to_date);

	return engine_tasks_read(out, a, u, e);
}

static int read_service(struct engine_service *out, const char *text, struct err *e)
{
	auto_json json_t *o = parse(text);

	return engine_service_read(out, o, e);
}

static void tasks_of_many_services_are_found_by_service(void **state)
{
	auto_engine_tasks struct engine_tasks all = { 0 };
	struct engine_tasks of;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(0, read_tasks(&all,
				       "[" TASK("t3", "b") "," TASK("t1", "c") "," TASK(
					       "t2", "b") "," TASK("t0", "a") "]",
				       "[" TASK("t2", "b") "," TASK("t0", "a") "]", &e));
	of = engine_tasks_of(&all, "b");
	assert_int_equal(2, of.nr);
	assert_string_equal("t2", of.v[0].id);
	assert_true(of.v[0].up_to_date);
	assert_string_equal("t3", of.v[1].id);
	assert_false(of.v[1].up_to_date);
	assert_int_equal(1, engine_tasks_of(&all, "c").nr);
	assert_int_equal(0, engine_tasks_of(&all, "d").nr);
}

static void a_service_may_be_counted(void **state)
{
	auto_engine_service struct engine_service with = { 0 }, without = { 0 };
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(0, read_service(&with,
					 "{\"ID\":\"s1\",\"Version\":{\"Index\":3},\"Spec\":{"
					 "\"Name\":\"a\"},\"ServiceStatus\":{\"RunningTasks\":2,"
					 "\"DesiredTasks\":3,\"CompletedTasks\":0}}",
					 &e));
	assert_true(with.is_counted);
	assert_int_equal(2, with.running);
	assert_int_equal(3, with.desired);
	assert_int_equal(0, read_service(&without,
					 "{\"ID\":\"s1\",\"Version\":{\"Index\":3},\"Spec\":{"
					 "\"Name\":\"a\"}}",
					 &e));
	assert_false(without.is_counted);
}

static void what_is_of_another_shape_is_refused_by_name(void **state)
{
	static const struct {
		const char *all, *part;
	} cases[] = {
		{ "{}", "not a list" },
		{ "[{}]", "ID" },
		{ "[{\"ID\":\"a\",\"ServiceID\":7,\"Status\":{}}]", "ServiceID" },
		{ "[{\"ID\":\"a\",\"Status\":{\"State\":\"dancing\"}}]", "'dancing' is not known" },
		{ "[{\"ID\":\"a\",\"Status\":[]}]", "Status" },
		{ "[{\"ID\":\"a\",\"Status\":{\"ContainerStatus\":{\"ExitCode\":\"1\"}}}]",
		  "ExitCode" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_engine_tasks struct engine_tasks t = { 0 };
		struct err e = ERR_INIT;

		assert_int_equal(-1, read_tasks(&t, cases[i].all, "[]", &e));
		assert_int_equal(ERR_CORRUPT, e.kind);
		if (!strstr(e.text, cases[i].part))
			fail_msg("'%s' is not in '%s'", cases[i].part, e.text);
	}
}

static void an_id_that_could_change_an_address_is_none(void **state)
{
	static const char *const ids[] = { "", "../x", "a?b", "A", "a b" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		auto_engine_service struct engine_service s = { 0 };
		auto_json json_t *o = json_pack("{s:s,s:{s:i},s:{s:s}}", "ID", ids[i], "Version",
						"Index", 1, "Spec", "Name", "a");
		struct err e = ERR_INIT;

		assert_int_equal(-1, engine_service_read(&s, o, &e));
		assert_int_equal(ERR_CORRUPT, e.kind);
	}
}

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void an_error_of_a_task_comes_to_its_point(void **state)
{
	static const char id[] = "ac2902933898cf879865654d5d8feeacd994cdc6e027e39d940f3a5d74e58919";
	auto_free char *port = mem_printf("container %s: endpoint on gateway_d4078ba58d36 (%s): "
					  "listen tcp4 0.0.0.0:80: bind: address already in use",
					  id, id);
	static const char *const cases[][2] = {
		{ "", "" },
		{ "task: non-zero exit (3)", "task: non-zero exit (3)" },
		{ "starting container failed: failed to create shim task: OCI runtime create "
		  "failed: runc create failed: unable to start container process: exec: \"x\": "
		  "executable file not found in $PATH: unknown",
		  "starting container failed: exec: \"x\": executable file not found in $PATH" },
		/* with an older containerd, and an older runc */
		{ "starting container failed: failed to create shim: OCI runtime create failed: "
		  "container_linux.go:380: starting container process caused: exec: \"x\": "
		  "executable file not found in $PATH: unknown",
		  "starting container failed: exec: \"x\": executable file not found in $PATH" },
		{ "OCI runtime create failed: container_linux.go:370: starting container process "
		  "caused: process_linux.go:459: container init caused: no such mount: unknown",
		  "no such mount" },
		{ "container_linux.go: starting", "container_linux.go: starting" },
		{ "No such image: r/a@sha256:" HEX64, "No such image: r/a@sha256:" HEX64 },
		{ "sha256:" HEX64 " of " HEX64, "sha256:" HEX64 " of 0123456789ab" },
		{ "it is unknown", "it is unknown" },
		{ "login of --password=geheim failed", "login of --password=*** failed" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_free char *got = task_error(cases[i][0]);

		assert_string_equal(cases[i][1], got);
	}
	{
		auto_free char *got = task_error(port);

		assert_string_equal("container ac2902933898: endpoint on gateway_d4078ba58d36 "
				    "(ac2902933898): listen tcp4 0.0.0.0:80: bind: address already "
				    "in use",
				    got);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tasks_of_many_services_are_found_by_service),
		cmocka_unit_test(a_service_may_be_counted),
		cmocka_unit_test(what_is_of_another_shape_is_refused_by_name),
		cmocka_unit_test(an_id_that_could_change_an_address_is_none),
		cmocka_unit_test(an_error_of_a_task_comes_to_its_point),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
