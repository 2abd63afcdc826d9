/* Plans as people and programs get them: golden texts, made from recorded specs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/mem.h"
#include "deploy/changes.h"
#include "deploy/plan_text.h"

#define DIGEST_A "r.example/app:latest@sha256:aaaaaaaaaaaaaaaa00000000"
#define DIGEST_B "r.example/app:latest@sha256:bbbbbbbbbbbbbbbb00000000"

static json_t *spec(const char *text)
{
	struct err e = ERR_INIT;
	json_t *o = json_load_span(span_of_str(text), 1u << 20, "spec", &e);

	if (!o)
		fail_msg("%s", e.text);
	return o;
}

/* As the engine gives it back. */
#define HAVE                                                                                       \
	"{\"Name\":\"web\",\"Labels\":{\"io.cdeploy.hash\":\"1\",\"io.cdeploy.project\":\"p\","    \
	"\"traefik.frontend.rule\":\"Host:a\",\"x.auth.basic\":\"me:$apr1$canary\"},"              \
	"\"TaskTemplate\":{\"ContainerSpec\":{\"Image\":\"" DIGEST_A "\","                         \
	"\"Env\":[\"DB_PASSWORD=canary\",\"MODE=canary2\",\"GONE=canary3\"],"                      \
	"\"Args\":[\"serve\",\"--token=canary4\"],\"Isolation\":\"default\","                      \
	"\"Mounts\":[{\"Type\":\"bind\",\"Source\":\"/srv\",\"Target\":\"/data\"}],"               \
	"\"Healthcheck\":{\"Test\":[\"CMD\",\"true\"],\"Interval\":10000000000}},"                 \
	"\"Resources\":{\"Limits\":{\"NanoCPUs\":500000000,\"MemoryBytes\":268435456}},"           \
	"\"Placement\":{\"Constraints\":[\"node.role==worker\"]},"                                 \
	"\"Networks\":[{\"Target\":\"net1\"}],\"Runtime\":\"container\"},"                         \
	"\"Mode\":{\"Replicated\":{\"Replicas\":1}},"                                              \
	"\"EndpointSpec\":{\"Mode\":\"vip\",\"Ports\":[{\"Protocol\":\"tcp\",\"TargetPort\":80,"   \
	"\"PublishedPort\":8080,\"PublishMode\":\"ingress\"}]}}"

#define WANT                                                                                        \
	"{\"Name\":\"web\",\"Labels\":{\"io.cdeploy.hash\":\"2\",\"io.cdeploy.project\":\"p\","     \
	"\"traefik.frontend.rule\":\"Host:b\",\"x.auth.basic\":\"me:$apr1$canary5\"},"              \
	"\"TaskTemplate\":{\"ContainerSpec\":{\"Image\":\"" DIGEST_B "\","                          \
	"\"Env\":[\"DB_PASSWORD=canary6\",\"MODE=canary2\",\"NEW=canary7\"],"                       \
	"\"Args\":[\"serve it\",\"--token=canary8\"],"                                              \
	"\"Mounts\":[{\"Type\":\"volume\",\"Source\":\"v\",\"Target\":\"/data\",\"ReadOnly\":true," \
	"\"VolumeOptions\":{\"DriverConfig\":{\"Options\":{\"o\":\"password=canary9\"}}}}],"        \
	"\"Healthcheck\":{\"Test\":[\"CMD\",\"true\"],\"Interval\":90000000000}},"                  \
	"\"Resources\":{\"Limits\":{\"NanoCPUs\":1500000000,\"MemoryBytes\":1073741824}},"          \
	"\"Placement\":{\"Constraints\":[\"node.role==manager\"]},"                                 \
	"\"Networks\":[{\"Target\":\"net1\"},{\"Target\":\"net2\"}]},"                              \
	"\"Mode\":{\"Replicated\":{\"Replicas\":2}},"                                               \
	"\"EndpointSpec\":{\"Ports\":[{\"TargetPort\":80,\"PublishedPort\":8081,"                   \
	"\"PublishMode\":\"host\"}]}}"

struct world {
	struct deploy_service want;
	struct engine_service have;
	struct engine_network networks[2];
	struct engine_state state;
	struct deploy_action action;
	struct deploy_plan plan;
	struct buf text;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	buf_init(&w->text, BUF_SMALL);
	w->want.name = mem_strdup("web");
	w->have = (struct engine_service){ .name = mem_strdup("web"), .spec = spec(HAVE) };
	w->networks[0] =
		(struct engine_network){ .id = mem_strdup("net1"), .name = mem_strdup("shop") };
	w->networks[1] =
		(struct engine_network){ .id = mem_strdup("net2"), .name = mem_strdup("back") };
	w->state = (struct engine_state){ .networks = w->networks, .nr_networks = 2 };
	w->action = (struct deploy_action){
		.verb = DEPLOY_UPDATED, .want = &w->want, .have = &w->have, .spec = spec(WANT)
	};
	w->plan = (struct deploy_plan){ .v = &w->action, .nr = 1 };
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	free(w->want.name);
	engine_service_release(&w->have);
	for (size_t i = 0; i < ARRAY_LEN(w->networks); i++) {
		free(w->networks[i].id);
		free(w->networks[i].name);
	}
	json_decref(w->action.spec);
	strv_release(&w->plan.networks);
	buf_release(&w->text);
	free(w);
	return 0;
}

static void assert_text(struct world *w, const char *want)
{
	buf_reset(&w->text);
	deploy_plan_text(&w->text, &w->plan, &w->state);
	if (strcmp(want, buf_str(&w->text)) != 0)
		print_error("%s\n", buf_str(&w->text)); /* an assertion cuts it */
	assert_string_equal(want, buf_str(&w->text));
}

static void a_plan_shows_each_field_old_and_new_and_no_secret(void **state)
{
	assert_text(
		*state,
		"web: update, its tasks are restarted\n"
		"  ~ label traefik.frontend.rule  Host:a -> Host:b\n"
		"  ~ label x.auth.basic           changed\n"
		"  ~ image                        r.example/app:latest@sha256:aaaaaaaaaaaa -> "
		"r.example/app:latest@sha256:bbbbbbbbbbbb\n"
		"  ~ environment DB_PASSWORD      changed\n"
		"  + environment NEW              ***\n"
		"  ~ command                      serve --token=*** -> \"serve it\" --token=***\n"
		"  ~ volume /data                 bind /srv -> volume v read-only "
		"{\"VolumeOptions\":{\"DriverConfig\":{\"Options\":{\"o\":\"password=***\n"
		"  ~ healthcheck interval         10s -> 1m30s\n"
		"  ~ cpu limit                    0.5 -> 1.5\n"
		"  ~ memory limit                 256 MiB -> 1 GiB\n"
		"  + constraint node.role==manager\n"
		"  + network back\n"
		"  ~ replicas                     1 -> 2\n"
		"  ~ port 80/tcp                  8080 -> 8081 (on its node only)\n"
		"  - environment GONE             ***\n"
		"  - constraint node.role==worker\n"
		"services: 0 to create, 1 to update, 0 to delete, 0 unchanged");
}

static void the_engines_defaults_and_our_own_bookkeeping_are_no_changes(void **state)
{
	struct world *w = *state;

	json_decref(w->action.spec);
	w->action.spec = json_deep_copy(w->have.spec);
	json_object_set_new(json_object_get(w->action.spec, "Labels"), "io.cdeploy.revision",
			    json_string("7"));
	json_object_del(json_object_get(w->action.spec, "EndpointSpec"), "Mode");
	assert_text(w, "web: update, no task is restarted\n"
		       "services: 0 to create, 1 to update, 0 to delete, 0 unchanged");
}

static void what_costs_no_restart_says_so(void **state)
{
	struct world *w = *state;

	json_decref(w->action.spec);
	w->action.spec = json_deep_copy(w->have.spec);
	json_object_set_new(json_object_get(w->action.spec, "Mode"), "Replicated",
			    json_pack("{s:i}", "Replicas", 3));
	assert_text(w, "web: update, no task is restarted\n"
		       "  ~ replicas  1 -> 3\n"
		       "services: 0 to create, 1 to update, 0 to delete, 0 unchanged");
	json_object_del(json_object_get(w->action.spec, "TaskTemplate"), "Placement");
	assert_text(w, "web: update, only tasks on nodes that no longer fit are restarted\n"
		       "  ~ replicas  1 -> 3\n"
		       "  - constraint node.role==worker\n"
		       "services: 0 to create, 1 to update, 0 to delete, 0 unchanged");
}

/* "container label com.docker.stack.namespace" and longer ones. */
static void values_stand_below_each_other_but_for_those_of_very_long_names(void **state)
{
	struct world *w = *state;

	json_decref(w->action.spec);
	w->action.spec = spec(
		"{\"TaskTemplate\":{\"ContainerSpec\":{\"Image\":\"a:1\",\"Labels\":{"
		"\"com.docker.stack.namespace\":\"x\",\"com.example.a.very.long.name.of.a.label\":"
		"\"y\"}}}}");
	w->action.verb = DEPLOY_CREATED;
	w->action.have = NULL;
	assert_text(w, "web: create\n"
		       "  + image                                       a:1\n"
		       "  + container label com.docker.stack.namespace  x\n"
		       "  + container label com.example.a.very.long.name.of.a.label  y\n"
		       "services: 1 to create, 0 to update, 0 to delete, 0 unchanged");
}

static void another_mode_is_told_in_the_words_of_the_file(void **state)
{
	struct world *w = *state;

	json_decref(w->action.spec);
	w->action.spec = json_deep_copy(w->have.spec);
	w->action.recreate = true;
	json_object_set_new(w->action.spec, "Mode", json_pack("{s:{}}", "Global"));
	assert_text(w, "web: update, it is removed and created anew\n"
		       "  + mode global\n"
		       "  - replicas  1\n"
		       "services: 0 to create, 1 to update, 0 to delete, 0 unchanged");
	json_object_set_new(w->action.spec, "Mode",
			    json_pack("{s:{s:i,s:i}}", "ReplicatedJob", "MaxConcurrent", 1,
				      "TotalCompletions", 2));
	assert_text(w, "web: update, it is removed and created anew\n"
		       "  + job replicas at once  1\n"
		       "  + job replicas          2\n"
		       "  - replicas              1\n"
		       "services: 0 to create, 1 to update, 0 to delete, 0 unchanged");
}

static void another_order_of_the_environment_is_told_since_it_restarts_tasks(void **state)
{
	struct world *w = *state;
	json_t *env;

	json_decref(w->action.spec);
	w->action.spec = json_deep_copy(w->have.spec);
	env = json_object_get(
		json_object_get(json_object_get(w->action.spec, "TaskTemplate"), "ContainerSpec"),
		"Env");
	json_array_append(env, json_array_get(env, 0));
	json_array_remove(env, 0);
	assert_text(w, "web: update, its tasks are restarted\n"
		       "  ~ the order of a list  changed\n"
		       "services: 0 to create, 1 to update, 0 to delete, 0 unchanged");
}

static void services_come_and_go(void **state)
{
	struct world *w = *state;
	struct deploy_action two[] = { w->action, w->action };
	const struct engine_service *surplus[] = { &w->have };

	json_decref(w->action.spec);
	w->action.spec = NULL;
	two[0].spec = spec("{\"Name\":\"web\",\"TaskTemplate\":{\"ContainerSpec\":{\"Image\":"
			   "\"a:1\",\"Env\":[\"A=canary\"]}}}");
	two[0].verb = DEPLOY_CREATED;
	two[0].have = NULL;
	two[1].verb = DEPLOY_UNCHANGED;
	two[1].unfinished = true;
	w->plan = (struct deploy_plan){ .v = two, .nr = 2, .surplus = surplus, .nr_surplus = 1 };
	strv_add(&w->plan.networks, "shop");
	assert_text(w, "network shop: create\n"
		       "web: create\n"
		       "  + image          a:1\n"
		       "  + environment A  ***\n"
		       "web: unchanged, but its last update is not over\n"
		       "web: delete\n"
		       "services: 1 to create, 0 to update, 1 to delete, 1 unchanged");
	json_decref(two[0].spec);
}

static void whose_it_is_until_now_is_told_where_that_changes(void **state)
{
	struct world *w = *state;

	json_decref(w->action.spec);
	w->action.spec = json_incref(w->have.spec);
	w->action.adopted = true;
	snprintf(w->action.whose, sizeof(w->action.whose), "of scope '@staging'");
	assert_text(w, "web: update, no task is restarted; it is of scope '@staging' until now\n"
		       "services: 0 to create, 1 to update, 0 to delete, 0 unchanged");
	w->action.verb = DEPLOY_UNCHANGED;
	assert_text(w, "web: unchanged\n"
		       "services: 0 to create, 0 to update, 0 to delete, 1 unchanged");
}

static void an_update_that_goes_on_says_why(void **state)
{
	struct world *w = *state;
	auto_json json_t *o = NULL;

	json_decref(w->action.spec);
	w->action.spec = json_incref(w->have.spec);
	w->action.resumed = true;
	snprintf(w->action.why, sizeof(w->action.why), "its last update was paused");
	assert_text(w, "web: update, its last update was paused\n"
		       "services: 0 to create, 1 to update, 0 to delete, 0 unchanged");
	o = deploy_plan_json(&w->plan, &w->state);
	assert_true(json_is_true(
		json_object_get(json_array_get(json_object_get(o, "services"), 0), "restarts")));
}

static void a_volume_that_stays_as_it_is_on_nodes_is_named(void **state)
{
	struct world *w = *state;

	json_decref(w->action.spec);
	w->action.spec = json_incref(w->have.spec);
	w->action.kept_volume = (char[]){ "data" };
	assert_text(w, "web: update, no task is restarted; a node that has the volume data keeps "
		       "its old options\n"
		       "services: 0 to create, 1 to update, 0 to delete, 0 unchanged");
}

static void programs_get_the_same_as_json(void **state)
{
	struct world *w = *state;
	auto_json json_t *o = deploy_plan_json(&w->plan, &w->state);

	json_write(&w->text, o, false);
	assert_int_equal(1, json_integer_value(json_object_get(o, "update")));
	assert_non_null(strstr(buf_str(&w->text),
			       "{\"service\":\"web\",\"action\":\"update\",\"restarts\":true,"
			       "\"changes\":[{\"field\":\"label traefik.frontend.rule\","
			       "\"old\":\"Host:a\",\"new\":\"Host:b\",\"restarts\":false}"));
	assert_non_null(strstr(buf_str(&w->text), "{\"field\":\"environment NEW\",\"old\":null,"
						  "\"new\":\"***\",\"restarts\":true}"));
	assert_null(strstr(buf_str(&w->text), "canary"));
}

int main(void)
{
#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		WORLD_TEST(a_plan_shows_each_field_old_and_new_and_no_secret),
		WORLD_TEST(the_engines_defaults_and_our_own_bookkeeping_are_no_changes),
		WORLD_TEST(what_costs_no_restart_says_so),
		WORLD_TEST(values_stand_below_each_other_but_for_those_of_very_long_names),
		WORLD_TEST(another_mode_is_told_in_the_words_of_the_file),
		WORLD_TEST(another_order_of_the_environment_is_told_since_it_restarts_tasks),
		WORLD_TEST(services_come_and_go),
		WORLD_TEST(whose_it_is_until_now_is_told_where_that_changes),
		WORLD_TEST(an_update_that_goes_on_says_why),
		WORLD_TEST(a_volume_that_stays_as_it_is_on_nodes_is_named),
		WORLD_TEST(programs_get_the_same_as_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
