/* Services that are removed and created anew: there is none for a moment, and who fails remakes the old one. */
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

/* The mode of w->old is another one. */
static void begin_recreate(struct up_world *w)
{
	w->opt.owner.recreate = true;
	json_object_set_new(w->old, "Mode", json_pack("{s:{}}", "Global"));
	world_get_list(w, NAMED("app"), world_service(w, 7, w->old, NULL, "completed"));
	world_tasks(w, RUNNING("o1"), RUNNING("o1"));
	world_is_removed(w, w->old);
}

static void what_cannot_be_changed_is_removed_and_created_anew(void **state)
{
	struct up_world *w = *state;

	begin_recreate(w);
	CREATED;
	world_poll(w, world_service(w, 1, w->spec, NULL, NULL), RUNNING("a"), RUNNING("a"));
	world_poll(w, world_service(w, 1, w->spec, NULL, NULL), RUNNING("a"), RUNNING("a"));
	world_up(w, 0);
	world_assert_outcome(w, DEPLOY_UPDATED, "r:5000/app:2");
}

static void add_volume(struct up_world *w, const char *address)
{
	struct deploy_service *s = &w->stack.services[0];
	struct deploy_mount m = { .type = DEPLOY_MOUNT_VOLUME };

	m.source = mem_strdup("data");
	m.target = mem_strdup("/data");
	strv_addf(&m.driver_options, "o=addr=%s", address);
	MEM_GROW(s->mounts, s->nr_mounts, s->cap_mounts);
	s->mounts[s->nr_mounts++] = m;
}

static void what_is_created_anew_warns_of_what_was_there_as_an_update_does(void **state)
{
	struct up_world *w = *state;

	w->opt.detach = true;
	add_volume(w, "10.0.0.1");
	json_decref(w->old);
	w->old = world_spec_with_image(w, "r:5000/app:1");
	json_object_clear(json_object_get(w->old, "Labels"));
	strv_env_set(&w->stack.services[0].mounts[0].driver_options, "o", "addr=10.0.0.2");
	begin_recreate(w);
	CREATED;
	world_up(w, 0);
	assert_true(recorder_has(&w->rec, "warn: service 'app' was nobody's until now"));
	assert_true(recorder_has(&w->rec, "warn: a node that has the volume 'data' keeps its old "
					  "options"));
}

static void a_recreated_service_that_fails_makes_room_for_the_old_one(void **state)
{
	struct up_world *w = *state;
	const char *three = FAILED("a") "," FAILED("b") "," FAILED("c");

	begin_recreate(w);
	CREATED;
	world_poll(w, world_service(w, 1, w->spec, NULL, NULL), three, three);
	world_last_words(w, "c");
	world_is_removed(w, w->spec);
	POST("/services/create", .status = 201, .answer = "{\"ID\":\"s1\"}",
	     .body = world_kept(w, json_dumps(w->old, JSON_COMPACT)));
	world_poll(w, world_service(w, 1, w->old, NULL, NULL), RUNNING("o2"), RUNNING("o2"));
	world_poll(w, world_service(w, 1, w->old, NULL, NULL), RUNNING("o2"), RUNNING("o2"));
	world_up(w, -1);
	assert_int_equal(ERR_ROLLED_BACK, w->e.kind);
	world_assert_outcome(w, DEPLOY_VERB_ROLLED_BACK, "r:5000/app:1");
}

static void a_recreated_service_that_is_refused_makes_room_for_the_old_one(void **state)
{
	struct up_world *w = *state;

	begin_recreate(w);
	POST("/services/create", .status = 400, .answer = "{\"message\":\"port in use\"}");
	CREATED;
	world_poll(w, world_service(w, 1, w->old, NULL, NULL), RUNNING("o2"), RUNNING("o2"));
	world_poll(w, world_service(w, 1, w->old, NULL, NULL), RUNNING("o2"), RUNNING("o2"));
	world_up_fails(w, ERR_ROLLED_BACK,
		       "update service 'app': port in use; the previous version is running again");
}

static void one_that_somebody_changed_is_not_removed_to_be_created_anew(void **state)
{
	struct up_world *w = *state;
	json_t *theirs;

	w->opt.owner.recreate = true;
	json_object_set_new(w->old, "Mode", json_pack("{s:{}}", "Global"));
	theirs = json_deep_copy(w->old);
	json_object_set_new(json_object_get(theirs, "Labels"), "by", json_string("hand"));
	world_get_list(w, NAMED("app"), world_service(w, 7, w->old, NULL, "completed"));
	world_tasks(w, RUNNING("o1"), RUNNING("o1"));
	world_get(w, "/services/s1", world_service(w, 8, theirs, NULL, NULL));
	world_up_fails(w, ERR_FAILED, "update service 'app': somebody else changed it meanwhile");
	assert_int_equal(0, w->nr);
	json_decref(theirs);
}

static void what_was_removed_waits_for_a_leader_to_be_created_anew(void **state)
{
	struct up_world *w = *state;

	begin_recreate(w);
	for (int i = 0; i < 5; i++) {
		POST("/services/create", NO_LEADER);
		HTTP_EXPECT(w->s, .method = "GET", .url = V141 NAMED("app"), .times = 4, NO_LEADER);
	}
	CREATED;
	world_poll(w, world_service(w, 1, w->spec, NULL, NULL), RUNNING("a"), RUNNING("a"));
	world_poll(w, world_service(w, 1, w->spec, NULL, NULL), RUNNING("a"), RUNNING("a"));
	world_up(w, 0);
	world_assert_outcome(w, DEPLOY_UPDATED, "r:5000/app:2");
}

static void what_was_removed_and_cannot_be_created_is_told_of(void **state)
{
	struct up_world *w = *state;

	begin_recreate(w);
	http_script_unordered(w->s);
	POST("/services/create", .any_times = true, NO_LEADER);
	HTTP_EXPECT(w->s, .method = "GET", .url = V141 NAMED("app"), .any_times = true, NO_LEADER);
	world_up_fails(
		w, ERR_STUCK,
		"update service 'app': The swarm does not have a leader.; and it could not be "
		"taken back: service 'app': it was removed, to be created anew, and there is none "
		"now; the next run of cdeploy creates it (The swarm does not have a leader.)");
	assert_true(w->clock.now_ms >= 120000 && w->clock.now_ms < 180000);
}

/* Asked as often as fits into a second, and once more. */
static void begin_locked_recreate(struct up_world *w)
{
	static const struct deploy_holder holder = { .who = "anna@here" };

	w->opt.holder = &holder;
	w->opt.owner.recreate = true;
	w->clock.on_sleep = world_slowly;
	json_object_set_new(w->old, "Mode", json_pack("{s:{}}", "Global"));
	world_get_list(w, NAMED("app"), world_service(w, 7, w->old, NULL, "completed"));
	POST("/configs/create", .status = 201, .answer = "{\"ID\":\"l1\"}");
	begin_recreate(w);
}

static void what_was_removed_and_is_another_s_to_create_is_told_of(void **state)
{
	struct up_world *w = *state;

	begin_locked_recreate(w);
	POST("/services/create", NO_LEADER);
	world_get_list(w, NAMED("app"), "");
	world_lock_is_lost(w);
	world_up_fails(
		w, ERR_LOCKED,
		"update service 'app': it was removed, to be created anew, and there is none now; "
		"the next run of cdeploy creates it (" LOST ")");
}

static void the_lock_lost_on_the_way_back_stays_that(void **state)
{
	struct up_world *w = *state;

	begin_locked_recreate(w);
	POST("/services/create", .status = 400, .answer = "{\"message\":\"port in use\"}");
	POST("/services/create", NO_LEADER);
	world_get_list(w, NAMED("app"), "");
	world_lock_is_lost(w);
	world_up_fails(
		w, ERR_LOCKED,
		"update service 'app': port in use; service 'app': it was removed, to be created "
		"anew, and there is none now; the next run of cdeploy creates it (" LOST ")");
}

#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_cannot_be_changed_is_removed_and_created_anew),
		T(what_is_created_anew_warns_of_what_was_there_as_an_update_does),
		T(a_recreated_service_that_fails_makes_room_for_the_old_one),
		T(a_recreated_service_that_is_refused_makes_room_for_the_old_one),
		T(one_that_somebody_changed_is_not_removed_to_be_created_anew),
		T(what_was_removed_waits_for_a_leader_to_be_created_anew),
		T(what_was_removed_and_cannot_be_created_is_told_of),
		T(what_was_removed_and_is_another_s_to_create_is_told_of),
		T(the_lock_lost_on_the_way_back_stays_that),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
