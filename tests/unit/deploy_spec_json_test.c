/* The ServiceSpec: docker's own shape, and the same bytes for the same service. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/mem.h"
#include "deploy/spec_json.h"

static void service_init(struct deploy_service *s)
{
	*s = (struct deploy_service){ .replicas = 1 };
	s->name = mem_strdup("app");
	s->image = mem_strdup("r.example/app:latest");
}
#define auto_service CLEANUP(deploy_service_release)

static json_t *spec_of(const struct deploy_service *s)
{
	return deploy_spec_json(s, &(struct deploy_owner){ .project = "group/app" });
}

static void assert_part(const char *want, const struct deploy_service *s, const char *a,
			const char *b)
{
	auto_json json_t *spec = spec_of(s);
	auto_buf struct buf got = BUF_INIT(BUF_SMALL);
	const json_t *part = json_object_get(spec, a);

	json_write(&got, b ? json_object_get(part, b) : part, true);
	assert_string_equal(want, buf_str(&got));
}

static const char *hash_of(const json_t *spec)
{
	return json_string_value(
		json_object_get(json_object_get(spec, "Labels"), "io.cdeploy.hash"));
}

static void a_bare_service_has_what_docker_always_sends(void **state)
{
	auto_service struct deploy_service s;

	(void)state;
	service_init(&s);
	assert_part("{\"ContainerSpec\":{\"DNSConfig\":{},\"Image\":\"r.example/app:latest\","
		    "\"Init\":false},\"ForceUpdate\":0,\"Placement\":{},"
		    "\"Resources\":{\"Limits\":{},\"Reservations\":{}}}",
		    &s, "TaskTemplate", NULL);
	assert_part("{\"Replicated\":{}}", &s, "Mode", NULL);
	assert_part("{\"Mode\":\"vip\"}", &s, "EndpointSpec", NULL);
	assert_part("\"app\"", &s, "Name", NULL);
	assert_part("\"group/app\"", &s, "Labels", "io.cdeploy.project");
}

static void the_pinned_image_is_the_one_that_runs(void **state)
{
	auto_service struct deploy_service s;
	auto_json json_t *spec = NULL;

	(void)state;
	service_init(&s);
	s.pinned_image = mem_strdup("r.example/app:latest@sha256:00");
	spec = spec_of(&s);
	assert_string_equal(
		"r.example/app:latest@sha256:00",
		json_string_value(json_object_get(
			json_object_get(json_object_get(spec, "TaskTemplate"), "ContainerSpec"),
			"Image")));
}

static void replicas_stand_there_only_when_the_file_says_so(void **state)
{
	auto_service struct deploy_service s;

	(void)state;
	service_init(&s);
	s.has_replicas = true;
	s.replicas = 0;
	assert_part("{\"Replicas\":0}", &s, "Mode", "Replicated");
	s.mode = DEPLOY_GLOBAL;
	assert_part("{\"Global\":{}}", &s, "Mode", NULL);
}

static void a_failed_update_goes_back_unless_it_is_to_stay(void **state)
{
	auto_service struct deploy_service s;

	(void)state;
	service_init(&s);
	assert_part("\"rollback\"", &s, "UpdateConfig", "FailureAction");
	s.stays_failed = true;
	assert_part("\"pause\"", &s, "UpdateConfig", "FailureAction");
}

static void platforms_are_as_docker_writes_them(void **state)
{
	auto_service struct deploy_service s;

	(void)state;
	service_init(&s);
	s.platforms = mem_zalloc(5 * sizeof(*s.platforms));
	s.nr_platforms = 5;
	s.platforms[0] = (struct oci_platform){ .os = "linux", .arch = "amd64" };
	s.platforms[1] = (struct oci_platform){ .os = "linux", .arch = "arm", .variant = "v6" };
	s.platforms[2] = (struct oci_platform){ .os = "linux", .arch = "arm", .variant = "v7" };
	s.platforms[3] = (struct oci_platform){ .os = "unknown", .arch = "unknown" };
	s.platforms[4] = (struct oci_platform){ .os = "linux", .arch = "amd64" };
	strv_add(&s.constraints, "node.role==worker");
	{
		auto_json json_t *spec = spec_of(&s);
		auto_buf struct buf got = BUF_INIT(BUF_SMALL);

		json_write(&got,
			   json_object_get(json_object_get(spec, "TaskTemplate"), "Placement"),
			   true);
		assert_string_equal("{\"Constraints\":[\"node.role==worker\"],\"Platforms\":["
				    "{\"Architecture\":\"amd64\",\"OS\":\"linux\"},"
				    "{\"OS\":\"linux\"}]}",
				    buf_str(&got));
	}
}

static void labels_are_sorted_and_the_first_equals_sign_divides(void **state)
{
	auto_service struct deploy_service s;
	auto_json json_t *spec = NULL;
	auto_buf struct buf got = BUF_INIT(BUF_SMALL);

	(void)state;
	service_init(&s);
	strv_add(&s.labels, "z=1=2");
	strv_add(&s.labels, "a=");
	spec = spec_of(&s);
	json_write(&got, json_object_get(spec, "Labels"), false);
	assert_true(span_starts(buf_span(&got), "{\"a\":\"\",\"z\":\"1=2\","));
}

static void the_hash_changes_with_every_wish_and_only_then(void **state)
{
	auto_service struct deploy_service a, b;
	auto_json json_t *first = NULL, *same = NULL, *other = NULL;

	(void)state;
	service_init(&a);
	service_init(&b);
	strv_add(&a.labels, "x=1");
	strv_add(&a.labels, "y=2");
	strv_add(&b.labels, "y=2");
	strv_add(&b.labels, "x=1");
	first = spec_of(&a);
	same = spec_of(&b);
	assert_int_equal(64, strlen(hash_of(first)));
	assert_string_equal(hash_of(first), hash_of(same));
	strv_add(&b.env, "A=1");
	other = spec_of(&b);
	assert_string_not_equal(hash_of(first), hash_of(other));
}

static void text_that_is_not_utf8_still_gives_json(void **state)
{
	auto_service struct deploy_service s;
	auto_json json_t *spec = NULL;

	(void)state;
	service_init(&s);
	strv_add(&s.env, "A=\xff");
	strv_add(&s.labels, "\xfe=\xff");
	spec = spec_of(&s);
	assert_non_null(hash_of(spec));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bare_service_has_what_docker_always_sends),
		cmocka_unit_test(the_pinned_image_is_the_one_that_runs),
		cmocka_unit_test(replicas_stand_there_only_when_the_file_says_so),
		cmocka_unit_test(a_failed_update_goes_back_unless_it_is_to_stay),
		cmocka_unit_test(platforms_are_as_docker_writes_them),
		cmocka_unit_test(labels_are_sorted_and_the_first_equals_sign_divides),
		cmocka_unit_test(the_hash_changes_with_every_wish_and_only_then),
		cmocka_unit_test(text_that_is_not_utf8_still_gives_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
