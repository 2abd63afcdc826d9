/*
 * Plans from a wanted stack and a recorded state. The state is JSON as a 20.10 engine
 * gives it back, so the comparison is tested with what it has to bear.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/mem.h"
#include "deploy/diff.h"
#include "deploy/reconcile.h"

static struct deploy_owner owner;

struct world {
	struct deploy_stack stack;
	struct deploy_service *app;
	struct engine_state have;
	struct deploy_plan plan;
	struct err e;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct deploy_service *s = mem_zalloc(sizeof(*s));

	s->name = mem_strdup("app");
	s->image = mem_strdup("r/app:1");
	s->pinned_image = mem_strdup("r/app:1@sha256:aa");
	strv_add(&s->env, "B=2");
	strv_add(&s->env, "A=1");
	strv_add(&s->labels, "empty=");
	strv_add(&s->networks, "shop");
	s->ports = mem_zalloc(sizeof(*s->ports));
	s->ports[0] = (struct deploy_port){ "tcp", 80, 8080, false };
	s->nr_ports = s->cap_ports = 1;
	s->has_replicas = true;
	s->replicas = 2;
	owner = (struct deploy_owner){ .project = "team/app" };
	w->stack.name = mem_strdup("shop");
	strv_add(&w->stack.make_networks, "shop");
	w->stack.services = w->app = s;
	w->stack.nr = w->stack.cap = 1;
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	deploy_plan_release(&w->plan);
	engine_state_release(&w->have);
	deploy_stack_release(&w->stack);
	free(w);
	return 0;
}

static void add_networks(struct world *w, const char *json)
{
	json_t *list = json_loads(json, 0, NULL);

	assert_int_equal(0, engine_networks_read(&w->have, list, &w->e));
	json_decref(list);
}

#define SHOP "[{\"Id\":\"n1\",\"Name\":\"shop\",\"Scope\":\"swarm\"}]"

/* The service as it is when `%s` parts are put in; the whole Spec of a 20.10 engine. */
static void add_service(struct world *w, const char *image, const char *labels, const char *mode,
			const char *update)
{
	auto_free char *text = mem_printf(
		"{\"ID\":\"s1\",\"Version\":{\"Index\":7},\"Spec\":{\"Name\":\"app\",\"Labels\":{%s},"
		"\"TaskTemplate\":{\"ContainerSpec\":{\"Image\":\"%s\",\"Env\":[\"B=2\",\"A=1\"],"
		"\"Init\":false,\"DNSConfig\":{},\"Isolation\":\"default\"},"
		"\"Resources\":{\"Limits\":{},\"Reservations\":{}},\"Placement\":{},"
		"\"Networks\":[{\"Target\":\"n1\"}],\"ForceUpdate\":3,\"Runtime\":\"container\"},"
		"\"Mode\":%s,\"UpdateConfig\":{\"Parallelism\":1,\"FailureAction\":\"rollback\","
		"\"Monitor\":5000000000,\"MaxFailureRatio\":0,\"Order\":\"start-first\"},"
		"\"RollbackConfig\":{\"Parallelism\":1,\"FailureAction\":\"pause\","
		"\"Monitor\":5000000000,\"MaxFailureRatio\":0,\"Order\":\"start-first\"},"
		"\"EndpointSpec\":{\"Mode\":\"vip\",\"Ports\":[{\"Protocol\":\"tcp\","
		"\"TargetPort\":80,\"PublishedPort\":8080,\"PublishMode\":\"ingress\"}]}}%s}",
		labels, image, mode, update);
	json_t *o = json_loads(text, 0, NULL);

	assert_non_null(o);
	MEM_GROW(w->have.services, w->have.nr, w->have.cap);
	assert_int_equal(0, engine_service_read(&w->have.services[w->have.nr++], o, &w->e));
	json_decref(o);
}

/* The service as it is wanted, and what the engine says of it besides. */
static void add_wanted(struct world *w, const char *rest)
{
	auto_json json_t *spec = deploy_spec_json(w->app, &owner);
	char *text = json_dumps(spec, JSON_COMPACT);
	auto_free char *whole =
		mem_printf("{\"ID\":\"s1\",\"Version\":{\"Index\":7},\"Spec\":%s%s}", text, rest);
	auto_json json_t *o = json_loads(whole, 0, NULL);

	free(text);
	assert_non_null(o);
	MEM_GROW(w->have.services, w->have.nr, w->have.cap);
	assert_int_equal(0, engine_service_read(&w->have.services[w->have.nr++], o, &w->e));
}

#define OURS   "\"io.cdeploy.project\":\"team/app\",\"io.cdeploy.hash\":\"old\",\"empty\":\"\""
#define TWO    "{\"Replicated\":{\"Replicas\":2}}"
#define PINNED "r/app:1@sha256:aa"

static struct deploy_action *plan(struct world *w)
{
	if (deploy_reconcile(&w->plan, &w->stack, &w->have, &owner, &w->e) < 0)
		fail_msg("%s", w->e.text);
	assert_int_equal(1, w->plan.nr);
	return &w->plan.v[0];
}

static void assert_refused(struct world *w, enum err_kind kind, const char *text)
{
	assert_int_equal(-1, deploy_reconcile(&w->plan, &w->stack, &w->have, &owner, &w->e));
	assert_int_equal(kind, w->e.kind);
	assert_string_equal(text, w->e.text);
}

static const char *target(const struct deploy_action *a)
{
	json_t *list = json_object_get(json_object_get(a->spec, "TaskTemplate"), "Networks");

	return json_string_value(json_object_get(json_array_get(list, 0), "Target"));
}

static void a_service_that_is_not_there_is_created_with_its_network(void **state)
{
	struct world *w = *state;
	struct deploy_action *a = plan(w);

	assert_int_equal(DEPLOY_CREATED, a->verb);
	assert_int_equal(1, w->plan.networks.n);
	assert_string_equal("shop", w->plan.networks.v[0]);
	assert_string_equal("shop", target(a));
	deploy_plan_release(&w->plan);
	/* a network that is missing is reason enough to write */
	add_wanted(w, "");
	assert_int_equal(DEPLOY_UNCHANGED, plan(w)->verb);
	assert_true(deploy_plan_writes(&w->plan));
}

static void a_network_that_exists_is_used_by_its_id(void **state)
{
	struct world *w = *state;
	struct deploy_action *a;

	/* the filter of the engine matches parts of names, and one name may exist twice */
	add_networks(w, "[{\"Id\":\"n0\",\"Name\":\"shop-db\",\"Scope\":\"swarm\"},"
			"{\"Id\":\"n1\",\"Name\":\"shop\",\"Scope\":\"swarm\"},"
			"{\"Id\":\"n2\",\"Name\":\"shop\",\"Scope\":\"local\"}]");
	a = plan(w);
	assert_int_equal(0, w->plan.networks.n);
	assert_string_equal("n1", target(a));
	/* whichever comes first */
	deploy_plan_release(&w->plan);
	engine_state_release(&w->have);
	add_networks(w, "[{\"Id\":\"n2\",\"Name\":\"shop\",\"Scope\":\"local\"},"
			"{\"Id\":\"n1\",\"Name\":\"shop\",\"Scope\":\"swarm\"}]");
	assert_string_equal("n1", target(plan(w)));
}

static void a_network_that_is_not_the_stacks_must_exist(void **state)
{
	struct world *w = *state;

	add_networks(w, "[{\"Id\":\"n0\",\"Name\":\"database\",\"Scope\":\"swarm\"}]");
	strv_add(&w->app->networks, "data");
	assert_refused(
		w, ERR_ABSENT,
		"network 'data' does not exist in the swarm; only the stack's own are created");
}

static void a_network_of_one_node_is_refused(void **state)
{
	struct world *w = *state;

	add_networks(w, "[{\"Id\":\"n0\",\"Name\":\"shop\",\"Scope\":\"local\"}]");
	assert_refused(w, ERR_FAILED,
		       "network 'shop' exists on one node only (scope local); a service needs one "
		       "of the swarm");
}

static void a_network_that_every_node_has_may_be_used(void **state)
{
	struct world *w = *state;

	add_networks(w, "[{\"Id\":\"n1\",\"Name\":\"shop\",\"Scope\":\"swarm\"},"
			"{\"Id\":\"n7\",\"Name\":\"none\",\"Scope\":\"local\"},"
			"{\"Id\":\"n8\",\"Name\":\"bridge\",\"Scope\":\"local\"},"
			"{\"Id\":\"n9\",\"Name\":\"host\",\"Scope\":\"local\"}]");
	strv_add(&w->app->networks, "host");
	strv_add(&w->app->networks, "none");
	strv_add(&w->app->networks, "bridge");
	assert_int_equal(DEPLOY_CREATED, plan(w)->verb);
}

static void what_the_engine_gives_back_is_unchanged(void **state)
{
	struct world *w = *state;
	struct deploy_action *a;

	add_networks(w, SHOP);
	add_service(w, PINNED, OURS, TWO, "");
	a = plan(w);
	if (a->verb != DEPLOY_UNCHANGED)
		fail_msg("it differs in: %s", a->why);
	assert_false(a->unfinished);
}

#define UPDATE(state) ",\"UpdateStatus\":{\"State\":\"" state "\"}"

static void an_update_that_is_not_over_is_known(void **state)
{
	static const struct {
		const char *update;
		bool unfinished;
	} rows[] = {
		{ "", false },
		{ UPDATE("updating"), true },
		{ UPDATE("rollback_started"), true },
		{ UPDATE("completed"), false },
		{ UPDATE("rollback_completed"), false },
	};
	struct world *w = *state;

	add_networks(w, SHOP);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		add_service(w, PINNED, OURS, TWO, rows[i].update);
		assert_int_equal(DEPLOY_UNCHANGED, plan(w)->verb);
		if (w->plan.v[0].unfinished != rows[i].unfinished)
			fail_msg("%s", rows[i].update);
		deploy_plan_release(&w->plan);
		engine_service_release(&w->have.services[--w->have.nr]);
	}
}

/* The engine goes on only when it is told to. */
static void an_update_that_was_paused_goes_on(void **state)
{
	static const struct {
		const char *update, *why;
	} rows[] = {
		{ UPDATE("paused"), "its last update was paused and goes on" },
		{ UPDATE("rollback_paused"), "the way back was paused and goes on" },
	};
	struct world *w = *state;

	add_networks(w, SHOP);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		add_service(w, PINNED, OURS, TWO, rows[i].update);
		assert_int_equal(DEPLOY_UPDATED, plan(w)->verb);
		assert_true(w->plan.v[0].resumed);
		assert_string_equal(rows[i].why, w->plan.v[0].why);
		deploy_plan_release(&w->plan);
		engine_service_release(&w->have.services[--w->have.nr]);
	}
}

#define COUNTED(running, desired)                                                                  \
	",\"ServiceStatus\":{\"RunningTasks\":" running ",\"DesiredTasks\":" desired "}"
#define BEFORE ",\"PreviousSpec\":{\"Name\":\"app\"}"

/* Where the engine's count says it all, nobody has to ask for the tasks. */
static void whether_all_tasks_run_is_told_by_counts_where_they_can(void **state)
{
	static const struct {
		const char *rest;
		enum deploy_mode mode;
		unsigned replicas;
		bool unproven;
	} rows[] = {
		{ COUNTED("2", "2"), DEPLOY_REPLICATED, 2, false },
		{ COUNTED("1", "2"), DEPLOY_REPLICATED, 2, true },
		{ COUNTED("0", "0"), DEPLOY_REPLICATED, 0, false },
		{ COUNTED("1", "0"), DEPLOY_REPLICATED, 0, true },
		{ COUNTED("0", "0"), DEPLOY_REPLICATED, 2, true },
		{ "", DEPLOY_REPLICATED, 2, true }, /* an engine before 1.41 */
		{ "", DEPLOY_REPLICATED, 0, true },
		{ COUNTED("3", "3"), DEPLOY_GLOBAL, 0, false },
		{ COUNTED("0", "0"), DEPLOY_GLOBAL, 0, true },
		{ COUNTED("1", "1"), DEPLOY_GLOBAL_JOB, 0, true },
		/* which it says of a job for ever */
		{ UPDATE("rollback_started"), DEPLOY_GLOBAL_JOB, 0, true },
		/* the tasks may be those of the spec before */
		{ COUNTED("2", "2") BEFORE, DEPLOY_REPLICATED, 2, true },
		{ COUNTED("2", "2") BEFORE UPDATE("completed"), DEPLOY_REPLICATED, 2, false },
		{ COUNTED("1", "2") UPDATE("completed"), DEPLOY_REPLICATED, 2, false },
	};
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		w->app->mode = rows[i].mode;
		w->app->replicas = rows[i].replicas;
		add_wanted(w, rows[i].rest);
		assert_int_equal(DEPLOY_UNCHANGED, plan(w)->verb);
		if (w->plan.v[0].unproven != rows[i].unproven || w->plan.v[0].unfinished)
			fail_msg("row %zu", i);
		deploy_plan_release(&w->plan);
		engine_service_release(&w->have.services[--w->have.nr]);
	}
}

static void spec_set_text_at(json_t *spec, const char *part, const char *key, const char *text)
{
	json_object_set_new(json_object_get(spec, part), key, json_string(text));
}

/* What ends with 0 and is not started again: the file says no number, and the swarm has `replicas` of it. */
static void add_scaled(struct world *w, int replicas, const char *forth, const char *back)
{
	json_t *spec;

	add_wanted(w, "");
	spec = w->have.services[w->have.nr - 1].spec;
	json_object_set_new(json_object_get(json_object_get(spec, "Mode"), "Replicated"),
			    "Replicas", json_integer(replicas));
	spec_set_text_at(spec, "UpdateConfig", "FailureAction", forth);
	spec_set_text_at(spec, "RollbackConfig", "FailureAction", back);
}

static const char *failure_action(const struct deploy_action *a, const char *part)
{
	return json_string_value(json_object_get(json_object_get(a->spec, part), "FailureAction"));
}

/* Of many it would go on to the last one, and who does not watch takes nothing back himself. */
static void what_the_engine_does_on_a_failure_goes_by_the_tasks_that_there_are(void **state)
{
	static const struct {
		const char *restart, *said;
		bool unwatched, stays;
		int replicas;
		const char *forth, *back;
	} rows[] = {
		{ "on-failure", NULL, false, false, 1, "continue", "continue" },
		{ "on-failure", NULL, false, false, 5, "rollback", "pause" },
		{ "none", NULL, false, false, 5, "rollback", "pause" },
		{ "on-failure", NULL, false, true, 5, "pause", "pause" },
		{ "on-failure", "continue", false, false, 5, "continue", "continue" },
		{ "on-failure", NULL, true, false, 1, "rollback", "pause" },
		{ "none", NULL, true, false, 1, "continue", "continue" },
	};
	struct world *w = *state;
	struct deploy_action *a;

	w->app->nr_ports = 0;
	w->app->has_replicas = false;
	w->app->replicas = 1;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		w->app->restart.condition = rows[i].restart;
		w->app->update.failure_action = rows[i].said;
		w->app->unwatched = rows[i].unwatched;
		w->app->stays_failed = rows[i].stays;
		add_scaled(w, rows[i].replicas, "continue", "continue");
		spec_set_text_at(w->have.services[0].spec, "Labels", "empty", "no more");
		a = plan(w);
		assert_int_equal(DEPLOY_UPDATED, a->verb);
		if (strcmp(rows[i].forth, failure_action(a, "UpdateConfig")) != 0 ||
		    strcmp(rows[i].back, failure_action(a, "RollbackConfig")) != 0)
			fail_msg("row %zu: %s, %s", i, failure_action(a, "UpdateConfig"),
				 failure_action(a, "RollbackConfig"));
		deploy_plan_release(&w->plan);
		engine_service_release(&w->have.services[--w->have.nr]);
	}
}

/* Whichever it is: a write for its sake would cost the version to go back to. */
static void what_the_engine_does_on_a_failure_is_no_reason_to_write(void **state)
{
	static const char *const ways[][2] = { { "continue", "continue" },
					       { "rollback", "pause" } };
	struct world *w = *state;

	w->app->nr_ports = 0;
	w->app->has_replicas = false;
	w->app->replicas = 1;
	w->app->restart.condition = "on-failure";
	for (int replicas = 1; replicas < 6; replicas += 4)
		for (size_t i = 0; i < 4; i++) {
			w->app->unwatched = i & 1;
			add_scaled(w, replicas, ways[i / 2][0], ways[i / 2][1]);
			assert_int_equal(DEPLOY_UNCHANGED, plan(w)->verb);
			deploy_plan_release(&w->plan);
			engine_service_release(&w->have.services[--w->have.nr]);
		}
}

static void another_digest_is_an_update(void **state)
{
	struct world *w = *state;
	struct deploy_action *a;

	add_networks(w, SHOP);
	add_service(w, "r/app:1@sha256:bb", OURS, TWO, "");
	a = plan(w);
	assert_int_equal(DEPLOY_UPDATED, a->verb);
	assert_string_equal("image", a->why);
	assert_false(a->adopted);
	/* somebody's --force is kept, else the update would restart more than it must */
	assert_int_equal(3, json_integer_value(json_object_get(
				    json_object_get(a->spec, "TaskTemplate"), "ForceUpdate")));
}

static void the_order_of_the_environment_counts(void **state)
{
	struct world *w = *state;

	add_networks(w, SHOP);
	add_service(w, PINNED, OURS, TWO, "");
	strv_remove(&w->app->env, 0);
	strv_add(&w->app->env, "B=2");
	assert_int_equal(DEPLOY_UPDATED, plan(w)->verb);
	assert_string_equal("environment", w->plan.v[0].why);
}

static void an_empty_label_is_not_a_missing_one(void **state)
{
	struct world *w = *state;

	add_networks(w, SHOP);
	add_service(w, PINNED, "\"io.cdeploy.project\":\"team/app\"", TWO, "");
	assert_int_equal(DEPLOY_UPDATED, plan(w)->verb);
	assert_string_equal("labels", w->plan.v[0].why);
}

static void a_count_that_the_file_does_not_give_is_kept(void **state)
{
	struct world *w = *state;

	add_networks(w, SHOP);
	add_service(w, PINNED, OURS, "{\"Replicated\":{\"Replicas\":5}}", "");
	assert_int_equal(DEPLOY_UPDATED, plan(w)->verb);
	assert_string_equal("replicas or mode", w->plan.v[0].why);
	deploy_plan_release(&w->plan);
	w->app->has_replicas = false;
	assert_int_equal(DEPLOY_UNCHANGED, plan(w)->verb);
}

static void a_change_by_hand_is_told_as_one(void **state)
{
	struct world *w = *state;
	json_t *spec = deploy_spec_json(w->app, &owner);
	const char *hash = json_string_value(
		json_object_get(json_object_get(spec, "Labels"), "io.cdeploy.hash"));
	auto_free char *labels = mem_printf("\"io.cdeploy.project\":\"team/app\","
					    "\"io.cdeploy.hash\":\"%s\",\"empty\":\"\","
					    "\"somebody.s\":\"\"",
					    hash);

	json_decref(spec);
	add_networks(w, SHOP);
	add_service(w, PINNED, labels, "{\"Replicated\":{\"Replicas\":1}}", "");
	assert_int_equal(DEPLOY_UPDATED, plan(w)->verb);
	assert_string_equal("replicas or mode, labels (changed by someone since the last deploy)",
			    w->plan.v[0].why);
}

static void nobodys_service_is_adopted(void **state)
{
	struct world *w = *state;

	add_networks(w, SHOP);
	add_service(w, PINNED, "\"empty\":\"\"", TWO, "");
	assert_int_equal(DEPLOY_UPDATED, plan(w)->verb);
	assert_true(w->plan.v[0].adopted);
	assert_string_equal("nobody's", w->plan.v[0].whose);
}

/* orcinus.yml and orcinus-production.yml with a service of one name, and one swarm for both. */
static void a_service_of_another_scope_is_told_with_its_scope(void **state)
{
	struct world *w = *state;

	add_networks(w, SHOP);
	add_service(w, "r/app:1@sha256:bb", OURS ",\"io.cdeploy.scope\":\"@staging\"", TWO, "");
	owner.scope = "@production";
	assert_int_equal(DEPLOY_UPDATED, plan(w)->verb);
	assert_true(w->plan.v[0].adopted);
	assert_string_equal("of scope '@staging'", w->plan.v[0].whose);
}

static void add_nfs(struct deploy_service *s, const char *address)
{
	struct deploy_mount m = { .type = DEPLOY_MOUNT_VOLUME };

	m.source = mem_strdup("data");
	m.target = mem_strdup("/data");
	strv_addf(&m.driver_options, "o=addr=%s", address);
	strv_add(&m.driver_options, "type=nfs");
	MEM_GROW(s->mounts, s->nr_mounts, s->cap_mounts);
	s->mounts[s->nr_mounts++] = m;
}

static void a_volume_that_nodes_do_not_change_is_named(void **state)
{
	struct world *w = *state;

	add_networks(w, SHOP);
	add_nfs(w->app, "10.0.0.1");
	add_wanted(w, "");
	strv_add(&w->app->env, "C=3");
	assert_int_equal(DEPLOY_UPDATED, plan(w)->verb);
	assert_null(w->plan.v[0].kept_volume);
	deploy_plan_release(&w->plan);
	strv_env_set(&w->app->mounts[0].driver_options, "o", "addr=10.0.0.2");
	assert_int_equal(DEPLOY_UPDATED, plan(w)->verb);
	assert_string_equal("data", w->plan.v[0].kept_volume);
	deploy_plan_release(&w->plan);
	free(w->app->mounts[0].source);
	w->app->mounts[0].source = mem_strdup("data2");
	assert_int_equal(DEPLOY_UPDATED, plan(w)->verb);
	assert_null(w->plan.v[0].kept_volume);
}

static void another_projects_service_is_refused_by_name(void **state)
{
	struct world *w = *state;

	add_networks(w, SHOP);
	add_service(w, PINNED, "\"io.cdeploy.project\":\"team/shop\"", TWO, "");
	assert_refused(w, ERR_FAILED,
		       "service 'app' belongs to project 'team/shop', this is 'team/app': name it "
		       "differently, or deploy it with --project 'team/shop'");
}

static void replicated_does_not_become_global(void **state)
{
	struct world *w = *state;

	add_networks(w, SHOP);
	add_service(w, PINNED, OURS, TWO, "");
	w->app->mode = DEPLOY_GLOBAL;
	assert_int_equal(-1, deploy_reconcile(&w->plan, &w->stack, &w->have, &owner, &w->e));
	assert_int_equal(ERR_FAILED, w->e.kind);
	assert_string_equal("service 'app' is to become Global and is Replicated, which the engine "
			    "cannot change while it exists: with --recreate it is removed and "
			    "created anew",
			    w->e.text);
	owner.recreate = true;
	assert_int_equal(DEPLOY_UPDATED, plan(w)->verb);
	assert_true(w->plan.v[0].recreate);
	deploy_plan_release(&w->plan);
	/* what the engine can do is not made anew for the option's sake */
	w->app->mode = DEPLOY_REPLICATED;
	w->app->replicas = 3;
	assert_int_equal(DEPLOY_UPDATED, plan(w)->verb);
	assert_false(w->plan.v[0].recreate);
}

/* As an engine has it that was never told one. */
static void no_mode_is_replicated(void **state)
{
	struct world *w = *state;

	add_networks(w, SHOP);
	add_service(w, PINNED, OURS, "{}", "");
	assert_int_equal(DEPLOY_UPDATED, plan(w)->verb);
	assert_false(w->plan.v[0].recreate);
}

/* What its label says is not of our numbers. */
static void nobodys_service_is_not_newer_than_ours(void **state)
{
	struct world *w = *state;

	add_networks(w, SHOP);
	add_service(w, PINNED, "\"io.cdeploy.pipeline\":\"99\"", TWO, "");
	owner.pipeline = "42";
	assert_int_equal(DEPLOY_UPDATED, plan(w)->verb);
	assert_true(w->plan.v[0].adopted);
}

/* The file has its name, and the engine its id, too. */
static void a_secret_that_exists_is_used_by_its_id(void **state)
{
	struct world *w = *state;
	json_t *secret, *task;

	w->app->secrets = mem_zalloc(sizeof(*w->app->secrets));
	w->app->secrets[0] =
		(struct deploy_file){ .object = mem_strdup("key-1"), .target = mem_strdup("key") };
	w->app->nr_secrets = w->app->cap_secrets = 1;
	w->have.objects = mem_zalloc(sizeof(*w->have.objects));
	w->have.objects[0] = (struct engine_object){ .is_secret = true,
						     .id = mem_strdup("k1"),
						     .name = mem_strdup("key-1") };
	w->have.nr_objects = w->have.cap_objects = 1;
	task = json_object_get(plan(w)->spec, "TaskTemplate");
	secret = json_array_get(json_object_get(json_object_get(task, "ContainerSpec"), "Secrets"),
				0);
	assert_string_equal("k1", json_string_value(json_object_get(secret, "SecretID")));
}

static void which_deploy_it_was_makes_no_difference(void **state)
{
	struct world *w = *state;

	add_networks(w, SHOP);
	add_service(w, PINNED,
		    OURS ",\"io.cdeploy.pipeline\":\"41\",\"io.cdeploy.commit\":\"c1\","
			 "\"io.cdeploy.revision\":\"3\",\"io.cdeploy.scope\":\"b\"",
		    TWO, "");
	owner.pipeline = "42";
	owner.commit = "c2";
	owner.revision = 4;
	owner.scope = "a";
	assert_int_equal(DEPLOY_UNCHANGED, plan(w)->verb);
	assert_false(deploy_plan_writes(&w->plan));
}

static void an_older_pipeline_is_refused_where_it_would_write(void **state)
{
	struct world *w = *state;

	add_networks(w, SHOP);
	add_service(w, PINNED, OURS ",\"io.cdeploy.pipeline\":\"42\"", TWO, "");
	owner.pipeline = "41";
	assert_int_equal(DEPLOY_UNCHANGED, plan(w)->verb);
	deploy_plan_release(&w->plan);
	w->app->replicas = 3;
	assert_refused(
		w, ERR_FAILED,
		"service 'app' was deployed by pipeline 42, and this one (41) is older; with "
		"--allow-older it is deployed all the same");
	owner.allow_older = true;
	assert_int_equal(DEPLOY_UPDATED, plan(w)->verb);
	assert_true(deploy_plan_writes(&w->plan));
	deploy_plan_release(&w->plan);
	/* the same one once more: a job that is retried */
	owner = (struct deploy_owner){ .project = "team/app", .pipeline = "42" };
	assert_int_equal(DEPLOY_UPDATED, plan(w)->verb);
}

static void what_left_the_file_is_surplus(void **state)
{
	struct world *w = *state;

	add_networks(w, SHOP);
	add_service(w, PINNED, OURS, TWO, "");
	add_service(w, PINNED, OURS, TWO, "");
	add_service(w, PINNED, OURS ",\"io.cdeploy.scope\":\"b\"", TWO, "");
	add_service(w, PINNED, "\"io.cdeploy.project\":\"team/shop\"", TWO, "");
	add_service(w, PINNED, "", TWO, "");
	for (size_t i = 1; i < w->have.nr; i++) {
		free(w->have.services[i].name);
		w->have.services[i].name = mem_printf("other-%zu", i);
	}
	assert_int_equal(DEPLOY_UNCHANGED, plan(w)->verb);
	assert_int_equal(1, w->plan.nr_surplus);
	assert_string_equal("other-1", w->plan.surplus[0]->name);
	assert_true(deploy_plan_writes(&w->plan));
}

/* -- the comparison alone ---------------------------------------------------- */

#define CONTAINER(keys) "{\"TaskTemplate\":{\"ContainerSpec\":{" keys "}}}"

static void specs_are_compared_for_what_they_mean(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} pairs[] = {
		{ "{}", "{\"EndpointSpec\":{\"Mode\":\"vip\"},\"Labels\":{}}", true },
		{ "{}", "{\"EndpointSpec\":{\"Mode\":\"dnsrr\"}}", false },
		{ "{\"Mode\":{\"Replicated\":{}}}", "{\"Mode\":{\"Replicated\":{\"Replicas\":1}}}",
		  true },
		{ "{\"Mode\":{\"Replicated\":{}}}", "{\"Mode\":{\"Replicated\":{\"Replicas\":0}}}",
		  false },
		{ "{\"Mode\":{\"Global\":{}}}", "{\"Mode\":{\"Replicated\":{\"Replicas\":0}}}",
		  false },
		{ "{\"EndpointSpec\":{\"Ports\":[{\"TargetPort\":1}]}}",
		  "{\"EndpointSpec\":{\"Ports\":[{\"TargetPort\":1,\"Protocol\":\"tcp\","
		  "\"PublishMode\":\"ingress\",\"PublishedPort\":0}]}}",
		  true },
		{ "{\"UpdateConfig\":{\"Parallelism\":1,\"MaxFailureRatio\":0}}",
		  "{\"UpdateConfig\":{\"Parallelism\":1,\"FailureAction\":\"pause\","
		  "\"Order\":\"stop-first\"}}",
		  true },
		/* what the engine does without settings; settings without a number mean all at once */
		{ "{\"UpdateConfig\":{\"Parallelism\":1,\"Monitor\":5000000000}}", "{}", true },
		{ "{\"UpdateConfig\":{}}", "{}", false },
		{ "{\"UpdateConfig\":{\"MaxFailureRatio\":0.12345678901}}",
		  "{\"UpdateConfig\":{\"MaxFailureRatio\":0.12345679}}", true },
		{ "{\"RollbackConfig\":{\"Parallelism\":1}}", "{}", true },
		{ "{\"RollbackConfig\":{\"Parallelism\":2}}", "{}", false },
		{ "{\"TaskTemplate\":{\"RestartPolicy\":{\"Delay\":5000000000,\"MaxAttempts\":0}}}",
		  "{\"TaskTemplate\":{\"RestartPolicy\":{\"Condition\":\"any\"}}}", true },
		{ "{\"TaskTemplate\":{\"RestartPolicy\":{\"Delay\":0}}}", "{}", false },
		{ "{\"TaskTemplate\":{\"ContainerSpec\":{\"StopGracePeriod\":10000000000}}}", "{}",
		  true },
		{ "{\"TaskTemplate\":{\"ContainerSpec\":{\"StopGracePeriod\":0}}}", "{}", false },
		{ "{\"Mode\":{\"GlobalJob\":{}}}", "{\"Mode\":{\"Global\":{}}}", false },
		{ "{\"TaskTemplate\":{\"ContainerSpec\":{\"Args\":[\"\"]}}}",
		  "{\"TaskTemplate\":{\"ContainerSpec\":{\"Args\":[]}}}", false },
		{ "{\"Labels\":{\"io.cdeploy.hash\":\"1\"}}", "{}", true },
		{ "{\"Labels\":{\"a\":\"\"}}", "{}", false },
		/* in whatever order, but not with other aliases */
		{ "{\"TaskTemplate\":{\"Networks\":[{\"Target\":\"b\"},{\"Target\":\"c\"},"
		  "{\"Target\":\"a\"}]}}",
		  "{\"TaskTemplate\":{\"Networks\":[{\"Target\":\"a\"},{\"Target\":\"b\"},"
		  "{\"Target\":\"c\"}]}}",
		  true },
		{ "{\"TaskTemplate\":{\"Networks\":[{\"Target\":\"a\",\"Aliases\":[\"x\"]}]}}",
		  "{\"TaskTemplate\":{\"Networks\":[{\"Target\":\"a\"}]}}", false },
		{ "{\"TaskTemplate\":{\"Runtime\":\"container\"}}", "{\"TaskTemplate\":{}}", true },
		{ "{\"Mode\":{\"GlobalJob\":{}}}", "{}", false },
		/* 0 is the engine's own here, and not in RestartPolicy.Delay */
		{ "{\"UpdateConfig\":{\"Parallelism\":1,\"Monitor\":0}}", "{}", true },
		{ "{\"EndpointSpec\":{\"Mode\":\"\"}}", "{\"EndpointSpec\":{\"Mode\":null}}",
		  true },
		{ "{\"EndpointSpec\":{\"Mode\":null}}", "{}", true },
		{ "{\"TaskTemplate\":{\"RestartPolicy\":{\"Delay\":null}}}", "{}", true },
		{ "{\"TaskTemplate\":{\"Networks\":[]}}", "{}", true },
		{ CONTAINER("\"User\":\"\""), "{}", true },
		{ CONTAINER("\"TTY\":false,\"Hosts\":null"), "{}", true },
		{ CONTAINER("\"TTY\":true"), "{}", false },
		/* in what users fill, "" is a value */
		{ CONTAINER("\"Sysctls\":{\"a\":\"\"}"), "{}", false },
		{ CONTAINER("\"Mounts\":[{\"VolumeOptions\":{\"DriverConfig\":{\"Options\":{"
			    "\"o\":\"\"}}}}]"),
		  CONTAINER("\"Mounts\":[{\"VolumeOptions\":{\"DriverConfig\":{}}}]"), false },
		{ "{\"TaskTemplate\":{\"Networks\":[{\"Target\":\"a\",\"DriverOpts\":{\"x\":\"\"}}]}}",
		  "{\"TaskTemplate\":{\"Networks\":[{\"Target\":\"a\"}]}}", false },
		{ "[]", "{}", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		json_t *a = json_loads(pairs[i].a, 0, NULL), *b = json_loads(pairs[i].b, 0, NULL);

		if (deploy_spec_equal(a, b) != pairs[i].same)
			fail_msg("%s and %s", pairs[i].a, pairs[i].b);
		json_decref(a);
		json_decref(b);
	}
}

static void a_difference_is_named_without_its_value(void **state)
{
	auto_strv struct strv words = STRV_INIT;
	auto_free char *text = NULL;
	json_t *a = json_loads("{\"TaskTemplate\":{\"ContainerSpec\":{\"Env\":[\"PASSWORD=x\"],"
			       "\"User\":\"u\"},\"Resources\":{\"Limits\":{\"NanoCPUs\":1}}}}",
			       0, NULL);
	json_t *b = json_loads("{\"EndpointSpec\":{\"Ports\":[{\"TargetPort\":1}]}}", 0, NULL);

	(void)state;
	deploy_spec_diff(&words, a, b);
	text = strv_join(&words, ", ");
	assert_string_equal("environment, user, cpu or memory, ports", text);
	json_decref(a);
	json_decref(b);
}

/* -- reading ----------------------------------------------------------------- */

static void answers_of_another_shape_are_refused(void **state)
{
	static const char *const services[] = {
		"[]",
		"{\"ID\":\"x\"}",
		"{\"ID\":\"../x\",\"Version\":{\"Index\":1},\"Spec\":{\"Name\":\"a\"}}",
		"{\"ID\":\"x\",\"Version\":{\"Index\":-1},\"Spec\":{\"Name\":\"a\"}}",
		("{\"ID\":\"x\",\"Version\":{\"Index\":1},\"Spec\":{\"Name\":\"a\"},"
		 "\"UpdateStatus\":{\"State\":\"flying\"}}"),
	};
	static const char *const tasks[] = {
		"{}",
		"[7]",
		"[{\"ID\":\"t\"}]",
		"[{\"ID\":\"t\",\"Status\":{\"State\":\"odd\"}}]",
		"[{\"ID\":\"t\",\"Status\":{\"ContainerStatus\":{\"ExitCode\":\"7\"}}}]",
	};
	struct err e = ERR_INIT;
	json_t *none = json_array();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(services); i++) {
		struct engine_service s = { 0 };
		json_t *o = json_loads(services[i], 0, NULL);

		err_clear(&e);
		assert_int_equal(-1, engine_service_read(&s, o, &e));
		assert_int_equal(ERR_CORRUPT, e.kind);
		assert_null(s.id);
		json_decref(o);
	}
	for (size_t i = 0; i < ARRAY_LEN(tasks); i++) {
		struct engine_tasks t = { 0 };
		json_t *o = json_loads(tasks[i], 0, NULL);

		err_clear(&e);
		assert_int_equal(-1, engine_tasks_read(&t, o, none, &e));
		assert_int_equal(ERR_CORRUPT, e.kind);
		assert_int_equal(0, t.nr);
		json_decref(o);
	}
	json_decref(none);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_service_that_is_not_there_is_created_with_its_network),
		T(a_network_that_exists_is_used_by_its_id),
		T(a_network_that_is_not_the_stacks_must_exist),
		T(a_network_of_one_node_is_refused),
		T(a_network_that_every_node_has_may_be_used),
		T(what_the_engine_gives_back_is_unchanged),
		T(an_update_that_is_not_over_is_known),
		T(an_update_that_was_paused_goes_on),
		T(what_the_engine_does_on_a_failure_goes_by_the_tasks_that_there_are),
		T(what_the_engine_does_on_a_failure_is_no_reason_to_write),
		T(whether_all_tasks_run_is_told_by_counts_where_they_can),
		T(another_digest_is_an_update),
		T(the_order_of_the_environment_counts),
		T(an_empty_label_is_not_a_missing_one),
		T(a_count_that_the_file_does_not_give_is_kept),
		T(a_change_by_hand_is_told_as_one),
		T(nobodys_service_is_adopted),
		T(a_volume_that_nodes_do_not_change_is_named),
		T(a_service_of_another_scope_is_told_with_its_scope),
		T(another_projects_service_is_refused_by_name),
		T(replicated_does_not_become_global),
		T(no_mode_is_replicated),
		T(nobodys_service_is_not_newer_than_ours),
		T(a_secret_that_exists_is_used_by_its_id),
		T(which_deploy_it_was_makes_no_difference),
		T(an_older_pipeline_is_refused_where_it_would_write),
		T(what_left_the_file_is_surplus),
		cmocka_unit_test(specs_are_compared_for_what_they_mean),
		cmocka_unit_test(a_difference_is_named_without_its_value),
		cmocka_unit_test(answers_of_another_shape_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
