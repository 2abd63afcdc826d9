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

	if (b)
		part = json_object_get(part, b);
	if (part)
		json_write(&got, part, true);
	assert_string_equal(want, part ? buf_str(&got) : "null");
}

static void assert_task(const char *want, const struct deploy_service *s, const char *part)
{
	assert_part(want, s, "TaskTemplate", part);
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

/* The engine takes an end within its watch for a failure. */
static void of_a_task_that_may_be_done_the_engine_takes_nothing_back(void **state)
{
	auto_service struct deploy_service s;

	(void)state;
	service_init(&s);
	s.restart.condition = "none";
	assert_part("\"continue\"", &s, "UpdateConfig", "FailureAction");
	assert_part("\"continue\"", &s, "RollbackConfig", "FailureAction");
	s.stays_failed = true;
	assert_part("\"continue\"", &s, "UpdateConfig", "FailureAction");
	s.restart.condition = "on-failure";
	assert_part("\"continue\"", &s, "UpdateConfig", "FailureAction");
	/* what the file says counts, and what would go on to the last of many does not */
	s.stays_failed = false;
	s.update.failure_action = "rollback";
	assert_part("\"rollback\"", &s, "UpdateConfig", "FailureAction");
	s.update.failure_action = NULL;
	s.replicas = 2;
	assert_part("\"rollback\"", &s, "UpdateConfig", "FailureAction");
	s.replicas = 1;
	s.restart.condition = "any";
	assert_part("\"rollback\"", &s, "UpdateConfig", "FailureAction");
}

/* It is missed at once, and a watch may be killed. */
static void of_a_server_the_engine_takes_a_failed_update_back(void **state)
{
	struct deploy_port port = { "tcp", 80, 8080, false };
	auto_service struct deploy_service s;

	(void)state;
	service_init(&s);
	s.restart.condition = "on-failure";
	strv_add(&s.health.test, "NONE");
	assert_part("\"continue\"", &s, "UpdateConfig", "FailureAction");
	strv_release(&s.health.test);
	strv_add(&s.health.test, "CMD-SHELL");
	strv_add(&s.health.test, "true");
	assert_part("\"rollback\"", &s, "UpdateConfig", "FailureAction");
	strv_release(&s.health.test);
	s.ports = &port;
	s.nr_ports = 1;
	assert_part("\"rollback\"", &s, "UpdateConfig", "FailureAction");
	s.ports = NULL;
	s.nr_ports = 0;
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

/* Each wish in the place where the engine's API 1.41 has it. */
static void fill_container(struct deploy_service *s)
{
	strv_add(&s->command, "/entry");
	strv_add(&s->container_labels, "tier=web");
	strv_add(&s->groups, "audio");
	strv_add(&s->hosts, "10.0.0.1 db");
	strv_add(&s->dns, "1.1.1.1");
	strv_add(&s->dns_search, "example.com");
	strv_add(&s->dns_options, "ndots:1");
	strv_add(&s->sysctls, "net.core.somaxconn=1024");
	strv_add(&s->cap_add, "net_admin");
	strv_add(&s->cap_drop, "ALL");
	strv_add(&s->health.test, "NONE");
	s->health.interval_ns = 1000;
	s->health.timeout_ns = 2000;
	s->health.start_period_ns = 3000;
	s->health.retries = 4;
	s->dir = mem_strdup("/srv");
	s->user = mem_strdup("1000:1000");
	s->hostname = mem_strdup("h");
	s->stop_signal = mem_strdup("SIGINT");
	s->tty = s->open_stdin = s->read_only = s->has_stop_grace = true;
	s->init = DEPLOY_INIT_YES;
	s->ulimits = mem_zalloc(sizeof(*s->ulimits));
	s->ulimits[0] = (struct deploy_ulimit){ mem_strdup("nofile"), 1024, -1 };
	s->nr_ulimits = 1;
}

static void what_the_process_is_to_have_stands_in_the_container(void **state)
{
	auto_service struct deploy_service s;

	(void)state;
	service_init(&s);
	fill_container(&s);
	assert_task(
		"{\"CapabilityAdd\":[\"CAP_NET_ADMIN\"],\"CapabilityDrop\":[\"ALL\"],"
		"\"Command\":[\"/entry\"],\"DNSConfig\":{\"Nameservers\":[\"1.1.1.1\"],"
		"\"Options\":[\"ndots:1\"],\"Search\":[\"example.com\"]},\"Dir\":\"/srv\","
		"\"Groups\":[\"audio\"],\"Healthcheck\":{\"Interval\":1000,\"Retries\":4,"
		"\"StartPeriod\":3000,\"Test\":[\"NONE\"],\"Timeout\":2000},"
		"\"Hostname\":\"h\",\"Hosts\":[\"10.0.0.1 db\"],"
		"\"Image\":\"r.example/app:latest\",\"Init\":true,\"Labels\":{\"tier\":\"web\"},"
		"\"OpenStdin\":true,\"ReadOnly\":true,\"StopGracePeriod\":0,"
		"\"StopSignal\":\"SIGINT\",\"Sysctls\":{\"net.core.somaxconn\":\"1024\"},"
		"\"TTY\":true,\"Ulimits\":[{\"Hard\":-1,\"Name\":\"nofile\",\"Soft\":1024}],"
		"\"User\":\"1000:1000\"}",
		&s, "ContainerSpec");
}

static void secrets_and_configs_are_files_by_the_objects_name(void **state)
{
	auto_service struct deploy_service s;

	(void)state;
	service_init(&s);
	s.secrets = mem_zalloc(sizeof(*s.secrets));
	s.nr_secrets = 1;
	s.secrets[0] = (struct deploy_file){ mem_strdup("shop_key-00"), mem_strdup("key"), NULL,
					     mem_strdup("5"), 0444 };
	s.configs = mem_zalloc(sizeof(*s.configs));
	s.nr_configs = 1;
	s.configs[0] = (struct deploy_file){ mem_strdup("c"), mem_strdup("/c"), NULL, NULL, 0 };
	s.init = DEPLOY_INIT_ENGINE;
	assert_task(
		"{\"Configs\":[{\"ConfigName\":\"c\",\"File\":{\"GID\":\"0\",\"Mode\":0,"
		"\"Name\":\"/c\",\"UID\":\"0\"}}],\"DNSConfig\":{},"
		"\"Image\":\"r.example/app:latest\",\"Secrets\":[{\"File\":{\"GID\":\"5\","
		"\"Mode\":292,\"Name\":\"key\",\"UID\":\"0\"},\"SecretName\":\"shop_key-00\"}]}",
		&s, "ContainerSpec");
}

static void a_mount_has_the_options_of_its_kind(void **state)
{
	auto_service struct deploy_service s;
	auto_json json_t *spec = NULL;
	auto_buf struct buf got = BUF_INIT(BUF_SMALL);
	struct deploy_mount *m;

	(void)state;
	service_init(&s);
	s.mounts = m = mem_zalloc(3 * sizeof(*m));
	s.nr_mounts = 3;
	m[0] = (struct deploy_mount){ .type = DEPLOY_MOUNT_BIND,
				      .source = mem_strdup("/a"),
				      .target = mem_strdup("/b"),
				      .read_only = true,
				      .propagation = "rslave" };
	m[1] = (struct deploy_mount){ .type = DEPLOY_MOUNT_VOLUME,
				      .target = mem_strdup("/c"),
				      .no_copy = true,
				      .driver = mem_strdup("local") };
	strv_add(&m[1].driver_options, "type=nfs");
	strv_add(&m[1].volume_labels, "l=1");
	m[2] = (struct deploy_mount){ .type = DEPLOY_MOUNT_TMPFS,
				      .target = mem_strdup("/d"),
				      .tmpfs_bytes = 4096,
				      .tmpfs_mode = 0700 };
	spec = spec_of(&s);
	json_write(&got,
		   json_object_get(
			   json_object_get(json_object_get(spec, "TaskTemplate"), "ContainerSpec"),
			   "Mounts"),
		   true);
	assert_string_equal(
		"[{\"BindOptions\":{\"Propagation\":\"rslave\"},\"ReadOnly\":true,\"Source\":\"/a\","
		"\"Target\":\"/b\",\"Type\":\"bind\"},{\"Target\":\"/c\",\"Type\":\"volume\","
		"\"VolumeOptions\":{\"DriverConfig\":{\"Name\":\"local\",\"Options\":{\"type\":\"nfs\"}},"
		"\"Labels\":{\"l\":\"1\"},\"NoCopy\":true}},{\"Target\":\"/d\","
		"\"TmpfsOptions\":{\"Mode\":448,\"SizeBytes\":4096},\"Type\":\"tmpfs\"}]",
		buf_str(&got));
}

static void limits_reservations_and_places_are_the_tasks(void **state)
{
	auto_service struct deploy_service s;

	(void)state;
	service_init(&s);
	s.nano_cpus = 1;
	s.memory_bytes = 2;
	s.pids = 3;
	s.reserved_nano_cpus = 4;
	s.reserved_memory_bytes = 5;
	strv_add(&s.reserved_generic, "gpu=2");
	strv_add(&s.reserved_generic, "gpu=card1");
	strv_add(&s.spread, "node.labels.zone");
	s.max_replicas_per_node = 6;
	assert_task("{\"Limits\":{\"MemoryBytes\":2,\"NanoCPUs\":1,\"Pids\":3},"
		    "\"Reservations\":{\"GenericResources\":["
		    "{\"DiscreteResourceSpec\":{\"Kind\":\"gpu\",\"Value\":2}},"
		    "{\"NamedResourceSpec\":{\"Kind\":\"gpu\",\"Value\":\"card1\"}}],"
		    "\"MemoryBytes\":5,\"NanoCPUs\":4}}",
		    &s, "Resources");
	assert_task("{\"MaxReplicas\":6,\"Preferences\":[{\"Spread\":{\"SpreadDescriptor\":"
		    "\"node.labels.zone\"}}]}",
		    &s, "Placement");
}

static void aliases_stand_by_their_network(void **state)
{
	auto_service struct deploy_service s;

	(void)state;
	service_init(&s);
	strv_add(&s.networks, "a");
	strv_add(&s.networks, "ab");
	strv_add(&s.aliases, "a=x");
	strv_add(&s.aliases, "a=y");
	s.dns_rr = true;
	assert_task("[{\"Aliases\":[\"x\",\"y\"],\"Target\":\"a\"},{\"Target\":\"ab\"}]", &s,
		    "Networks");
	assert_part("{\"Mode\":\"dnsrr\"}", &s, "EndpointSpec", NULL);
}

static void a_restart_delay_of_nothing_is_a_wish(void **state)
{
	auto_service struct deploy_service s;

	(void)state;
	service_init(&s);
	s.restart = (struct deploy_restart){ .condition = "on-failure",
					     .has_delay = true,
					     .has_max_attempts = true,
					     .max_attempts = 3,
					     .has_window = true,
					     .window_ns = 9 };
	strv_add(&s.log_options, "max-size=1m");
	s.log_driver = mem_strdup("json-file");
	assert_task("{\"Condition\":\"on-failure\",\"Delay\":0,\"MaxAttempts\":3,\"Window\":9}", &s,
		    "RestartPolicy");
	assert_task("{\"Name\":\"json-file\",\"Options\":{\"max-size\":\"1m\"}}", &s, "LogDriver");
}

static void updates_go_as_the_file_says(void **state)
{
	auto_service struct deploy_service s;

	(void)state;
	service_init(&s);
	s.update.order = "stop-first";
	assert_part("null", &s, "RollbackConfig", NULL);
	s.update = (struct deploy_update){ .has_parallelism = true,
					   .delay_ns = 1,
					   .monitor_ns = 2,
					   .failure_action = "continue",
					   .max_failure_ratio = 0.5,
					   .order = "start-first" };
	s.rollback.order = "start-first";
	assert_part("{\"Delay\":1,\"FailureAction\":\"continue\",\"MaxFailureRatio\":0.5,"
		    "\"Monitor\":2,\"Order\":\"start-first\",\"Parallelism\":0}",
		    &s, "UpdateConfig", NULL);
	assert_part("{\"FailureAction\":\"pause\",\"Monitor\":5000000000,\"Order\":\"start-first\","
		    "\"Parallelism\":0}",
		    &s, "RollbackConfig", NULL);
}

static void the_way_back_is_as_the_way_forth(void **state)
{
	auto_service struct deploy_service s;

	(void)state;
	service_init(&s);
	s.update = (struct deploy_update){ .has_parallelism = true,
					   .parallelism = 10,
					   .order = "stop-first" };
	assert_part("{\"FailureAction\":\"pause\",\"Monitor\":5000000000,\"Order\":\"stop-first\","
		    "\"Parallelism\":10}",
		    &s, "RollbackConfig", NULL);
	s.rollback = (struct deploy_update){ .has_parallelism = true,
					     .parallelism = 2,
					     .order = "start-first" };
	assert_part("{\"FailureAction\":\"pause\",\"Monitor\":5000000000,\"Order\":\"start-first\","
		    "\"Parallelism\":2}",
		    &s, "RollbackConfig", NULL);
}

static void assert_order(const char *want, const struct deploy_service *s)
{
	auto_json json_t *spec = spec_of(s);
	const json_t *update = json_object_get(spec, "UpdateConfig");
	const json_t *back = json_object_get(spec, "RollbackConfig");

	assert_string_equal(want, json_string_value(json_object_get(update, "Order")));
	if (strcmp(want, "start-first") == 0)
		assert_string_equal(want, json_string_value(json_object_get(back, "Order")));
	else
		assert_null(back);
}

static void the_new_task_comes_first_where_both_can_be(void **state)
{
	auto_service struct deploy_service s;
	struct deploy_port port = { .protocol = "tcp", .target = 80, .published = 80 };
	struct deploy_mount mount = { .type = DEPLOY_MOUNT_TMPFS, .target = (char[]){ "/x" } };

	(void)state;
	service_init(&s);
	assert_order("start-first", &s);
	s.ports = &port;
	s.mounts = &mount;
	s.nr_ports = s.nr_mounts = 1;
	assert_order("start-first", &s);
	port.host_mode = true;
	assert_order("stop-first", &s);
	port.host_mode = false;
	mount = (struct deploy_mount){ .type = DEPLOY_MOUNT_BIND,
				       .source = (char[]){ "/y" },
				       .target = (char[]){ "/x" } };
	assert_order("stop-first", &s);
	mount.read_only = true;
	assert_order("start-first", &s);
	s.max_replicas_per_node = 1;
	assert_order("stop-first", &s);
	s.max_replicas_per_node = 0;
	strv_add(&s.networks, "host");
	assert_order("stop-first", &s);
	/* what the file says holds */
	s.update.order = "start-first";
	assert_order("start-first", &s);
	s.update.order = NULL;
	strv_release(&s.networks);
	s.mode = DEPLOY_GLOBAL;
	assert_order("stop-first", &s);
	s.ports = NULL;
	s.mounts = NULL;
	s.nr_ports = s.nr_mounts = 0;
}

static void a_job_completes_and_is_not_updated(void **state)
{
	auto_service struct deploy_service s;

	(void)state;
	service_init(&s);
	s.mode = DEPLOY_REPLICATED_JOB;
	s.replicas = 3;
	assert_part("{\"ReplicatedJob\":{\"MaxConcurrent\":3,\"TotalCompletions\":3}}", &s, "Mode",
		    NULL);
	s.max_concurrent = 1;
	assert_part("{\"ReplicatedJob\":{\"MaxConcurrent\":1,\"TotalCompletions\":3}}", &s, "Mode",
		    NULL);
	assert_part("null", &s, "UpdateConfig", NULL);
	s.mode = DEPLOY_GLOBAL_JOB;
	assert_part("{\"GlobalJob\":{}}", &s, "Mode", NULL);
	assert_true(deploy_mode_is_job(s.mode));
	assert_string_equal("global-job", deploy_mode_name(s.mode));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bare_service_has_what_docker_always_sends),
		cmocka_unit_test(the_pinned_image_is_the_one_that_runs),
		cmocka_unit_test(replicas_stand_there_only_when_the_file_says_so),
		cmocka_unit_test(a_failed_update_goes_back_unless_it_is_to_stay),
		cmocka_unit_test(of_a_task_that_may_be_done_the_engine_takes_nothing_back),
		cmocka_unit_test(of_a_server_the_engine_takes_a_failed_update_back),
		cmocka_unit_test(platforms_are_as_docker_writes_them),
		cmocka_unit_test(labels_are_sorted_and_the_first_equals_sign_divides),
		cmocka_unit_test(the_hash_changes_with_every_wish_and_only_then),
		cmocka_unit_test(what_the_process_is_to_have_stands_in_the_container),
		cmocka_unit_test(secrets_and_configs_are_files_by_the_objects_name),
		cmocka_unit_test(a_mount_has_the_options_of_its_kind),
		cmocka_unit_test(limits_reservations_and_places_are_the_tasks),
		cmocka_unit_test(aliases_stand_by_their_network),
		cmocka_unit_test(a_restart_delay_of_nothing_is_a_wish),
		cmocka_unit_test(updates_go_as_the_file_says),
		cmocka_unit_test(the_way_back_is_as_the_way_forth),
		cmocka_unit_test(the_new_task_comes_first_where_both_can_be),
		cmocka_unit_test(a_job_completes_and_is_not_updated),
		cmocka_unit_test(text_that_is_not_utf8_still_gives_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
