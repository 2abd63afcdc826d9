/*
 * Whole deploys that end well, against a scripted engine and a clock that nobody waits for.
 */
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

/* -- the good ends ----------------------------------------------------------- */

static void a_new_service_and_its_network_are_created_and_watched(void **state)
{
	struct up_world *w = *state;
	const char *net = "{\"Id\":\"n1\",\"Name\":\"shop\",\"Scope\":\"swarm\"}";
	json_t *resolved;

	strv_add(&w->stack.make_networks, "shop");
	strv_add(&w->stack.services[0].networks, "shop");
	resolved = world_spec_with_image(w, "r:5000/app:2");
	json_object_set_new(
		json_array_get(
			json_object_get(json_object_get(resolved, "TaskTemplate"), "Networks"), 0),
		"Target", json_string("n1"));
	world_get_list(w, NAMED("app"), "");
	world_get_list(w, NET, "");
	POST("/networks/create", .status = 201, .answer = "{\"Id\":\"n1\"}",
	     .body = "{\"Name\":\"shop\",\"Driver\":\"overlay\",\"CheckDuplicate\":true,"
		     "\"Labels\":{\"io.cdeploy.project\":\"team/app\"}}");
	world_get_list(w, NAMED("app"), "");
	world_get_list(w, NET, net);
	strv_take(&w->texts, json_dumps(resolved, JSON_COMPACT));
	POST("/services/create", .status = 201, .answer = "{\"ID\":\"s1\"}",
	     .body = w->texts.v[w->texts.n - 1], .lacks = { "X-Registry-Auth" });
	world_poll(w, world_service(w, 1, resolved, NULL, NULL), "", "");
	world_poll(w, world_service(w, 1, resolved, NULL, NULL), RUNNING("a"), RUNNING("a"));
	world_poll(w, world_service(w, 1, resolved, NULL, NULL), RUNNING("a"), RUNNING("a"));
	world_up(w, 0);
	world_assert_outcome(w, DEPLOY_CREATED, "r:5000/app:2");
	assert_string_equal("note: network 'shop' created\n"
			    "begin app: create service 'app'\n"
			    "note: app: 0/1 running\n"
			    "note: app: 1/1 running\n"
			    "end app 0\n",
			    recorder_text(&w->rec));
	json_decref(resolved);
}

/* The swarm has one of its own, whose id is in what the engine gives back. */
static void the_network_of_the_host_is_the_swarms_one(void **state)
{
	struct up_world *w = *state;
	json_t *resolved;

	strv_add(&w->stack.services[0].networks, "host");
	resolved = world_spec_with_image(w, "r:5000/app:2");
	json_object_set_new(
		json_array_get(
			json_object_get(json_object_get(resolved, "TaskTemplate"), "Networks"), 0),
		"Target", json_string("swarm1"));
	world_get_list(w, NAMED("app"), world_service(w, 7, resolved, NULL, "completed"));
	world_get_list(w, "/networks?filters=%7B%22name%22%3A%5B%22host%22%5D%7D",
		       "{\"Id\":\"local1\",\"Name\":\"host\",\"Scope\":\"local\"}");
	world_get(w, "/networks/host?scope=swarm",
		  "{\"Id\":\"swarm1\",\"Name\":\"host\",\"Scope\":\"swarm\"}");
	world_up(w, 0);
	world_assert_outcome(w, DEPLOY_UNCHANGED, "r:5000/app:2");
	json_decref(resolved);
}

static void a_network_that_only_nodes_have_is_refused(void **state)
{
	struct up_world *w = *state;

	strv_add(&w->stack.services[0].networks, "none");
	world_get_list(w, NAMED("app"), "");
	world_get_list(w, "/networks?filters=%7B%22name%22%3A%5B%22none%22%5D%7D",
		       "{\"Id\":\"local1\",\"Name\":\"none\",\"Scope\":\"local\"}");
	world_get(w, "/networks/none?scope=swarm", NULL);
	world_up_fails(w, ERR_FAILED,
		       "network 'none' exists on one node only (scope local); a service needs one "
		       "of the swarm");
}

static void nothing_is_written_when_nothing_differs(void **state)
{
	struct up_world *w = *state;

	world_get_list(w, NAMED("app"), world_service(w, 7, w->spec, NULL, "completed"));
	world_up(w, 0);
	world_assert_outcome(w, DEPLOY_UNCHANGED, "r:5000/app:2");
	assert_string_equal("", recorder_text(&w->rec));
}

static void an_update_quotes_the_version_and_waits_for_the_new_tasks(void **state)
{
	struct up_world *w = *state;

	world_begin_update(w);
	world_poll(w, world_service(w, 8, w->spec, w->old, NULL), RUNNING("o1"), "");
	world_poll(w, world_service(w, 9, w->spec, w->old, "updating"),
		   STOPPED("o1") "," RUNNING("a"), RUNNING("a"));
	world_poll(w, world_service(w, 9, w->spec, w->old, "completed"),
		   STOPPED("o1") "," RUNNING("a"), RUNNING("a"));
	world_up(w, 0);
	world_assert_outcome(w, DEPLOY_UPDATED, "r:5000/app:2");
	assert_true(recorder_has(&w->rec, "begin app: update service 'app': image\n"));
}

static void detached_means_not_watched(void **state)
{
	struct up_world *w = *state;

	w->opt.detach = true;
	world_get_list(w, NAMED("app"), "");
	CREATED;
	world_up(w, 0);
	world_assert_outcome(w, DEPLOY_CREATED, "r:5000/app:2");
}

static char *auth_for(void *arg, const struct oci_reference *image)
{
	unsigned *calls = arg;

	assert_string_equal("r:5000", image->host);
	assert_string_equal("app", image->path);
	return ++*calls == 1 ? mem_strdup("c2VjcmV0") : NULL;
}

static void credentials_go_with_the_service_or_are_missed(void **state)
{
	struct up_world *w = *state;
	unsigned calls = 0;

	w->opt.detach = true;
	w->opt.registry_auth = auth_for;
	w->opt.registry_auth_arg = &calls;
	w->stack.services[0].with_auth = true;
	world_get_list(w, NAMED("app"), "");
	POST("/services/create", .status = 201, .answer = "{\"ID\":\"s1\"}",
	     .has = { "X-Registry-Auth: c2VjcmV0" });
	world_up(w, 0);
	assert_null(strstr(recorder_text(&w->rec), "warn"));
	world_get_list(w, NAMED("app"), "");
	POST("/services/create", .status = 201, .answer = "{\"ID\":\"s1\"}",
	     .lacks = { "X-Registry-Auth" });
	world_up(w, 0);
	assert_true(recorder_has(&w->rec, "warn: service 'app' asks for credentials, but there are "
					  "none for 'r:5000'"));
}

static void a_service_that_was_nobodys_is_adopted_with_a_notice(void **state)
{
	struct up_world *w = *state;

	w->opt.detach = true;
	json_object_clear(json_object_get(w->old, "Labels"));
	world_begin_update(w);
	world_up(w, 0);
	world_assert_outcome(w, DEPLOY_UPDATED, "r:5000/app:2");
	assert_true(recorder_has(&w->rec, "warn: service 'app' was nobody's until now"));
}

static void a_new_one_that_somebody_changed_is_not_removed_again(void **state)
{
	struct up_world *w = *state;
	const char *three = FAILED("a") "," FAILED("b") "," FAILED("c");

	world_get_list(w, NAMED("app"), "");
	CREATED;
	world_poll(w, world_service(w, 1, w->spec, NULL, NULL), three, three);
	world_last_words(w, "c");
	world_get(w, "/services/s1", world_service(w, 8, w->old, NULL, NULL));
	world_get_list(w, NAMED("app"), world_service(w, 8, w->old, NULL, NULL));
	world_up(w, -1);
	assert_int_equal(ERR_STUCK, w->e.kind);
	assert_non_null(strstr(w->e.text, "somebody else changed it meanwhile"));
}

/* -- what left the file --------------------------------------------------------- */

#define OWNED "/services?filters=%7B%22label%22%3A%5B%22io.cdeploy.project%3Dteam%2Fapp%22%5D%7D"

/* Both services of the project; the file has only the first. */
static const char *owned(struct up_world *w, json_t *spec)
{
	json_t *gone = json_deep_copy(w->old);
	const char *ours = world_service(w, 7, spec, NULL, "completed");
	char *text = NULL;

	json_object_set_new(gone, "Name", json_string("gone"));
	text = json_dumps(gone, JSON_COMPACT);
	json_decref(gone);
	ours = world_kept(w, mem_printf("%s,{\"ID\":\"s2\",\"Version\":{\"Index\":3},\"Spec\":%s}",
					ours, text));
	free(text);
	return ours;
}

/* The second one, as it is right before it is removed. */
static void look_at_gone(struct up_world *w, const char *project)
{
	json_t *gone = json_deep_copy(w->old);

	json_object_set_new(gone, "Name", json_string("gone"));
	json_object_set_new(json_object_get(gone, "Labels"), "io.cdeploy.project",
			    json_string(project));
	world_get(w, "/services/s2", world_service_of(w, "s2", 4, gone, NULL, NULL));
	json_decref(gone);
}

static void what_left_the_file_and_was_taken_over_meanwhile_stays(void **state)
{
	struct up_world *w = *state;
	auto_strv struct strv pruned = STRV_INIT;

	w->opt.prune = true;
	w->opt.pruned = &pruned;
	world_get_list(w, NAMED("app"), world_service(w, 7, w->spec, NULL, "completed"));
	world_get_list(w, OWNED, owned(w, w->spec));
	look_at_gone(w, "another/app");
	world_up(w, 0);
	assert_int_equal(0, pruned.n);
	assert_true(recorder_has(
		&w->rec, "warn: service 'gone' is not removed: somebody has taken it over\n"));
}

static void what_left_the_file_is_removed_when_that_is_asked_for(void **state)
{
	struct up_world *w = *state;
	auto_strv struct strv pruned = STRV_INIT;

	w->opt.prune = true;
	w->opt.pruned = &pruned;
	world_get_list(w, NAMED("app"), world_service(w, 7, w->spec, NULL, "completed"));
	world_get_list(w, OWNED, owned(w, w->spec));
	look_at_gone(w, "team/app");
	HTTP_EXPECT(w->s, .method = "DELETE", .url = V141 "/services/s2", .status = 200);
	world_up(w, 0);
	world_assert_outcome(w, DEPLOY_UNCHANGED, "r:5000/app:2");
	assert_int_equal(1, pruned.n);
	assert_string_equal("gone removed r:5000/app:1", pruned.v[0]);
}

static void nothing_is_removed_when_the_deploy_fails(void **state)
{
	struct up_world *w = *state;
	auto_strv struct strv pruned = STRV_INIT;

	w->opt.prune = true;
	w->opt.no_rollback = true;
	w->opt.pruned = &pruned;
	world_get_list(w, NAMED("app"), world_service(w, 7, w->old, NULL, "completed"));
	world_get_list(w, OWNED, owned(w, w->old));
	world_tasks(w, RUNNING("o1"), RUNNING("o1"));
	POST("/services/s1/update?version=7", .status = 200, .answer = "{\"Warnings\":null}");
	world_poll(w, world_service(w, 9, w->spec, w->old, "paused"), FAILED("a"), FAILED("a"));
	world_last_words(w, "a");
	world_up(w, -1);
	assert_int_equal(0, pruned.n);
}

/* -- answers that are lost, and others who write ------------------------------ */

static void an_update_out_of_sequence_is_repeated_with_the_new_version(void **state)
{
	struct up_world *w = *state;

	w->opt.detach = true;
	world_get_list(w, NAMED("app"), world_service(w, 7, w->old, NULL, "updating"));
	world_tasks(w, "", "");
	POST("/services/s1/update?version=7", SEQUENCE);
	world_get(w, "/services/s1", world_service(w, 8, w->old, NULL, "completed"));
	POST("/services/s1/update?version=8", .status = 200);
	world_up(w, 0);
	world_assert_outcome(w, DEPLOY_UPDATED, "r:5000/app:2");
	assert_int_equal(1, w->clock.sleeps);
}

static void an_update_is_not_repeated_over_somebody_elses(void **state)
{
	struct up_world *w = *state;
	json_t *theirs = world_spec_with_image(w, "r:5000/app:3");

	world_get_list(w, NAMED("app"), world_service(w, 7, w->old, NULL, NULL));
	world_tasks(w, "", "");
	POST("/services/s1/update?version=7", SEQUENCE);
	world_get(w, "/services/s1", world_service(w, 8, theirs, w->old, NULL));
	world_get(w, "/services/s1", world_service(w, 8, theirs, w->old, NULL));
	world_up_fails(w, ERR_FAILED, "update service 'app': somebody else changed it meanwhile");
	json_decref(theirs);
}

/* Version 7, of image :0, became `now` when it was to be written; what is sent then is the last request. */
static void is_faster(struct up_world *w, const char *now)
{
	json_t *bad = world_spec_with_image(w, "r:5000/app:0");

	w->opt.detach = true;
	world_get_list(w, NAMED("app"), world_service(w, 7, bad, w->old, "updating"));
	world_tasks(w, "", "");
	POST("/services/s1/update?version=7", SEQUENCE);
	world_get(w, "/services/s1", now);
	world_get(w, "/services/s1", now);
	json_decref(bad);
}

/* As it does with what a run began that was killed then. */
static void what_the_swarm_took_back_meanwhile_is_updated_from_there(void **state)
{
	struct up_world *w = *state;

	is_faster(w, world_service(w, 9, w->old, NULL, "rollback_started"));
	POST("/services/s1/update?version=9", .status = 200);
	world_up(w, 0);
	world_assert_outcome(w, DEPLOY_UPDATED, "r:5000/app:2");
}

static void what_somebody_took_back_meanwhile_is_theirs(void **state)
{
	struct up_world *w = *state;
	json_t *o = json_loads(world_service(w, 9, w->old, NULL, "rollback_started"), 0, NULL);

	json_object_set_new(json_object_get(o, "UpdateStatus"), "Message",
			    json_string("manually requested rollback"));
	is_faster(w, world_kept(w, json_dumps(o, JSON_COMPACT)));
	json_decref(o);
	world_up_fails(w, ERR_FAILED, "update service 'app': somebody else changed it meanwhile");
}

static void what_a_scaler_counted_meanwhile_is_kept(void **state)
{
	struct up_world *w = *state;
	json_t *scaled = world_spec_with_image(w, "r:5000/app:0");
	json_t *mode = json_object_get(json_object_get(scaled, "Mode"), "Replicated");

	w->stack.services[0].has_replicas = false;
	json_object_set_new(mode, "Replicas", json_integer(5));
	is_faster(w, world_service(w, 9, scaled, w->old, "updating"));
	POST("/services/s1/update?version=9", .status = 200);
	world_up(w, 0);
	assert_non_null(strstr(buf_str(&http_script_seen(w->s, http_script_count(w->s) - 1)->body),
			       "\"Replicas\":5"));
	json_decref(scaled);
}

static void set_replicas(json_t *spec, int n)
{
	json_t *mode = json_object_get(json_object_get(spec, "Mode"), "Replicated");

	json_object_set_new(mode, "Replicas", json_integer(n));
}

/* app was scaled to 2 while its update failed: to the engine the version before is this one with one task. */
static void is_scaled_and_fails(struct up_world *w, const char *scaled)
{
	json_t *old = json_deep_copy(w->old);
	const char *back;

	set_replicas(old, 2);
	strv_take(&w->texts, json_dumps(old, JSON_COMPACT));
	back = w->texts.v[w->texts.n - 1];
	world_tasks(w, RUNNING("a"), RUNNING("a"));
	world_get(w, "/services/s1", scaled);
	POST("/services/s1/update?version=9&registryAuthFrom=previous-spec", .status = 200,
	     .body = back);
	back = world_service(w, 10, old, w->spec, "updating");
	world_poll(w, back, RUNNING("o1"), RUNNING("o1"));
	back = world_service(w, 11, old, w->spec, "completed");
	for (int i = 0; i < 2; i++)
		world_poll(w, back, RUNNING("o1") "," RUNNING("o2"),
			   RUNNING("o1") "," RUNNING("o2"));
	world_up_fails(w, ERR_ROLLED_BACK,
		       "service 'app': the engine paused the update: exit (7); the previous "
		       "version is running again");
	assert_true(recorder_has(&w->rec, "note: app: 1/2 running\n"));
	json_decref(old);
}

/* Whose number it is may change it at any time, and keeps it on the way back. */
static void who_scales_during_the_rollout_is_followed(void **state)
{
	struct up_world *w = *state;
	json_t *once = json_deep_copy(w->spec);
	const char *scaled;

	w->stack.services[0].has_replicas = false;
	world_begin_update(w);
	set_replicas(w->spec, 2);
	scaled = world_service(w, 9, w->spec, once, "updating");
	world_poll(w, scaled, RUNNING("a"), RUNNING("a"));
	world_poll(w, scaled, RUNNING("a") "," FAILED("b"), RUNNING("a") "," FAILED("b"));
	scaled = world_service(w, 9, w->spec, once, "paused");
	world_poll(w, scaled, RUNNING("a") "," FAILED("b"), RUNNING("a") "," FAILED("b"));
	world_last_words(w, "b");
	is_scaled_and_fails(w, scaled);
	json_decref(once);
}

/* Also when that is seen only as the update is taken back. */
static void who_scales_before_the_way_back_is_followed(void **state)
{
	struct up_world *w = *state;
	json_t *once = json_deep_copy(w->spec);
	const char *scaled;

	w->stack.services[0].has_replicas = false;
	world_begin_update(w);
	world_poll(w, world_service(w, 8, once, w->old, "paused"), FAILED("b"), FAILED("b"));
	world_last_words(w, "b");
	set_replicas(w->spec, 2);
	scaled = world_service(w, 9, w->spec, once, NULL);
	world_tasks(w, FAILED("b"), FAILED("b"));
	world_get(w, "/services/s1", scaled);
	world_get(w, "/services/s1", scaled);
	is_scaled_and_fails(w, scaled);
	json_decref(once);
}

/* What differs in that number only is the same version, and has not run either. */
static void a_paused_version_that_was_scaled_is_not_gone_back_to(void **state)
{
	struct up_world *w = *state;
	json_t *bad = world_spec_with_image(w, "r:5000/app:0"), *once = json_deep_copy(bad);

	w->stack.services[0].has_replicas = false;
	set_replicas(bad, 2);
	world_get_list(w, NAMED("app"), world_service(w, 9, bad, once, "paused"));
	world_tasks(w, FAILED("a"), FAILED("a"));
	POST("/services/s1/update?version=9", .status = 200);
	set_replicas(w->spec, 2);
	world_poll(w, world_service(w, 10, w->spec, bad, "paused"), FAILED("b"), FAILED("b"));
	world_last_words(w, "b");
	world_up_fails(w, ERR_FAILED, "service 'app': the engine paused the update: exit (7)");
	json_decref(bad);
	json_decref(once);
}

static void an_update_out_of_sequence_ends_after_ten_tries(void **state)
{
	struct up_world *w = *state;

	world_get_list(w, NAMED("app"), world_service(w, 7, w->old, NULL, NULL));
	world_tasks(w, "", "");
	for (int i = 0; i < 10; i++) {
		POST("/services/s1/update?version=7", SEQUENCE);
		world_get(w, "/services/s1", world_service(w, 7, w->old, NULL, NULL));
	}
	world_get(w, "/services/s1", world_service(w, 7, w->old, NULL, NULL));
	world_up_fails(w, ERR_FAILED, "update service 'app': update out of sequence");
}

static void an_update_whose_answer_was_lost_is_not_made_twice(void **state)
{
	struct up_world *w = *state;

	w->opt.detach = true;
	world_get_list(w, NAMED("app"), world_service(w, 7, w->old, NULL, NULL));
	world_tasks(w, "", "");
	POST("/services/s1/update?version=7", .fail = ERR_UNAVAILABLE);
	world_get(w, "/services/s1", world_service(w, 8, w->spec, w->old, NULL));
	world_up(w, 0);
	world_assert_outcome(w, DEPLOY_UPDATED, "r:5000/app:2");
}

static void a_create_whose_answer_was_lost_is_looked_up_first(void **state)
{
	struct up_world *w = *state;

	w->opt.detach = true;
	world_get_list(w, NAMED("app"), "");
	POST("/services/create", .fail = ERR_UNAVAILABLE);
	world_get_list(w, NAMED("app"), ""); /* not done: again */
	POST("/services/create", .status = 500,
	     .answer = "{\"message\":\"rpc error: code = DeadlineExceeded desc = slow\"}");
	world_get_list(w, NAMED("app"), world_service(w, 1, w->spec, NULL, NULL));
	world_up(w, 0);
	world_assert_outcome(w, DEPLOY_CREATED, "r:5000/app:2");
}

static void a_service_that_somebody_else_made_meanwhile_is_theirs(void **state)
{
	struct up_world *w = *state;

	world_get_list(w, NAMED("app"), "");
	POST("/services/create", .status = 409,
	     .answer = "{\"message\":\"rpc error: code = AlreadyExists desc = name conflicts\"}");
	world_get_list(w, NAMED("app"), world_service(w, 1, w->old, NULL, NULL));
	world_up_fails(w, ERR_FAILED,
		       "create service 'app': somebody else made a service of that name meanwhile");
	assert_int_equal(0, w->nr);
}

static void a_network_that_another_deploy_made_meanwhile_is_used(void **state)
{
	struct up_world *w = *state;
	const char *net = "{\"Id\":\"n1\",\"Name\":\"shop\",\"Scope\":\"swarm\"}";

	w->opt.detach = true;
	strv_add(&w->stack.make_networks, "shop");
	world_get_list(w, NAMED("app"), "");
	world_get_list(w, NET, "{\"Id\":\"n0\",\"Name\":\"shop-db\",\"Scope\":\"swarm\"}");
	POST("/networks/create", .status = 409, .answer = "{\"message\":\"already exists\"}");
	world_get_list(w, NET, net);
	world_get_list(w, NAMED("app"), "");
	world_get_list(w, NET, net);
	CREATED;
	world_up(w, 0);
}

static void a_refused_spec_is_an_error_of_input(void **state)
{
	struct up_world *w = *state;

	world_get_list(w, NAMED("app"), "");
	POST("/services/create", .status = 400,
	     .answer = "{\"message\":\"rpc error: code = InvalidArgument desc = port '80' is "
		       "already in use\"}");
	world_up_fails(w, ERR_INPUT, "create service 'app': port '80' is already in use");
}

#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_new_service_and_its_network_are_created_and_watched),
		T(the_network_of_the_host_is_the_swarms_one),
		T(a_network_that_only_nodes_have_is_refused),
		T(nothing_is_written_when_nothing_differs),
		T(an_update_quotes_the_version_and_waits_for_the_new_tasks),
		T(detached_means_not_watched),
		T(credentials_go_with_the_service_or_are_missed),
		T(a_service_that_was_nobodys_is_adopted_with_a_notice),
		T(a_new_one_that_somebody_changed_is_not_removed_again),
		T(what_left_the_file_and_was_taken_over_meanwhile_stays),
		T(what_left_the_file_is_removed_when_that_is_asked_for),
		T(nothing_is_removed_when_the_deploy_fails),
		T(an_update_out_of_sequence_is_repeated_with_the_new_version),
		T(an_update_is_not_repeated_over_somebody_elses),
		T(what_the_swarm_took_back_meanwhile_is_updated_from_there),
		T(what_somebody_took_back_meanwhile_is_theirs),
		T(what_a_scaler_counted_meanwhile_is_kept),
		T(who_scales_during_the_rollout_is_followed),
		T(who_scales_before_the_way_back_is_followed),
		T(a_paused_version_that_was_scaled_is_not_gone_back_to),
		T(an_update_out_of_sequence_ends_after_ten_tries),
		T(an_update_whose_answer_was_lost_is_not_made_twice),
		T(a_create_whose_answer_was_lost_is_looked_up_first),
		T(a_service_that_somebody_else_made_meanwhile_is_theirs),
		T(a_network_that_another_deploy_made_meanwhile_is_used),
		T(a_refused_spec_is_an_error_of_input),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
