/* Secrets and configs in the swarm, against a scripted engine: every request is in the script. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/mem.h"
#include "deploy/compose.h"
#include "deploy/objects.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/recorder.h"
#include "tests/fakes/scripted_engine.h"

#define OF_SHOP	 "?filters=%7B%22label%22%3A%5B%22com.docker.stack.namespace%3Dshop%22%5D%7D"
#define NAMED(n) "?filters=%7B%22name%22%3A%5B%22" n "%22%5D%7D"

struct world {
	struct http_script *s;
	struct fake_clock clock;
	struct recorder rec;
	struct cancel cancel;
	struct op op;
	struct engine *eng;
	struct deploy_stack stack;
	struct engine_state have;
	struct deploy_owner owner;
	bool made;
	struct err e;
};

static int setup(void **state)
{
	struct world *w = mem_zalloc(sizeof(*w));
	struct deploy_object *o = mem_zalloc(sizeof(*o));

	w->e = ERR_INIT;
	assert_int_equal(0, cancel_init(&w->cancel, &w->e));
	w->op = (struct op){ .clock = fake_clock_init(&w->clock),
			     .progress = recorder_init(&w->rec),
			     .cancel = &w->cancel };
	w->owner = (struct deploy_owner){ .project = "p" };
	w->eng = scripted_engine_open(&w->s, &w->op);
	o->is_secret = true;
	o->name = mem_strdup("shop_key-1");
	o->logical = mem_strdup("key");
	o->data = mem_strdup("hunter2");
	o->size = 7;
	strv_add(&o->labels, DEPLOY_LABEL_NAMESPACE "=shop");
	strv_add(&o->labels, DEPLOY_LABEL_OBJECT_HASH "=1");
	w->stack.name = mem_strdup("shop");
	w->stack.objects = o;
	w->stack.nr_objects = w->stack.cap_objects = 1;
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	scripted_engine_close(w->s, w->eng);
	deploy_stack_release(&w->stack);
	engine_state_release(&w->have);
	recorder_release(&w->rec);
	cancel_release(&w->cancel);
	free(w);
	return 0;
}

#define SECRET(id, name, labels)                                                                   \
	"{\"ID\":\"" id "\",\"Spec\":{\"Name\":\"" name                                            \
	"\",\"Labels\":{\"com.docker.stack.namespace\":\"shop\"" labels "}}}"
#define OURS ",\"io.cdeploy.project\":\"p\""

static void answer_secrets(struct world *w, const char *filter, const char *list)
{
	auto_free char *url = mem_printf(V141 "/secrets%s", filter);

	HTTP_EXPECT(w->s, .method = "GET", .url = url, .status = 200, .answer = list);
}

static void look(struct world *w)
{
	if (deploy_objects_look(&w->have, &w->op, w->eng, &w->stack, &w->e) < 0)
		fail_msg("%s", w->e.text);
}

static int make(struct world *w)
{
	return deploy_objects_make(&w->made, &w->op, w->eng, &w->stack, &w->have, &w->owner, &w->e);
}

static void what_is_there_is_used_by_its_id(void **state)
{
	struct world *w = *state;
	auto_json json_t *spec = json_loads(
		"{\"TaskTemplate\":{\"ContainerSpec\":{\"Secrets\":[{\"SecretName\":\"shop_key-1\"},"
		"{\"SecretName\":\"other\"}]}}}",
		0, NULL);
	auto_buf struct buf got = BUF_INIT(BUF_SMALL);

	answer_secrets(w, OF_SHOP,
		       "[" SECRET("s1", "shop_key-1", ",\"io.cdeploy.hash\":\"1\"") "]");
	look(w);
	deploy_objects_resolve(spec, &w->have);
	json_write(&got, spec, true);
	assert_non_null(strstr(buf_str(&got),
			       "[{\"SecretID\":\"s1\",\"SecretName\":\"shop_key-1\"},"
			       "{\"SecretName\":\"other\"}]"));
	assert_int_equal(0, make(w));
	assert_false(w->made);
	http_script_done(w->s);
}

static void a_stack_without_any_asks_nothing(void **state)
{
	struct world *w = *state;
	size_t nr = w->stack.nr_objects;

	w->stack.nr_objects = 0;
	look(w);
	http_script_done(w->s);
	w->stack.nr_objects = nr;
}

static void one_that_is_missing_is_made_with_its_data(void **state)
{
	struct world *w = *state;

	answer_secrets(w, OF_SHOP, "[]");
	HTTP_EXPECT(w->s, .method = "POST", .url = V141 "/secrets/create",
		    .body = "{\"Name\":\"shop_key-1\",\"Labels\":{\"com.docker.stack.namespace\":"
			    "\"shop\",\"io.cdeploy.hash\":\"1\",\"io.cdeploy.project\":\"p\"},"
			    "\"Data\":\"aHVudGVyMg==\"}",
		    .status = 201, .answer = "{\"ID\":\"s1\"}");
	look(w);
	assert_int_equal(0, make(w));
	assert_true(w->made);
	http_script_done(w->s);
}

static void one_whose_answer_was_lost_is_looked_up_and_not_made_twice(void **state)
{
	struct world *w = *state;

	answer_secrets(w, OF_SHOP, "[]");
	HTTP_EXPECT(w->s, .method = "POST", .url = V141 "/secrets/create", .fail = ERR_UNAVAILABLE);
	answer_secrets(w, NAMED("shop_key-1"),
		       "[" SECRET("s1", "shop_key-1", ",\"io.cdeploy.hash\":\"1\"") "]");
	look(w);
	assert_int_equal(0, make(w));
	http_script_done(w->s);
}

static void one_that_was_not_made_is_made_again(void **state)
{
	struct world *w = *state;

	answer_secrets(w, OF_SHOP, "[]");
	HTTP_EXPECT(w->s, .method = "POST", .url = V141 "/secrets/create", .fail = ERR_UNAVAILABLE);
	answer_secrets(w, NAMED("shop_key-1"), "[" SECRET("s9", "shop_key-11", "") "]");
	HTTP_EXPECT(w->s, .method = "POST", .url = V141 "/secrets/create", .status = 201,
		    .answer = "{\"ID\":\"s1\"}");
	look(w);
	assert_int_equal(0, make(w));
	http_script_done(w->s);
}

static void a_name_with_other_data_is_refused(void **state)
{
	struct world *w = *state;

	answer_secrets(w, OF_SHOP,
		       "[" SECRET("s1", "shop_key-1", ",\"io.cdeploy.hash\":\"2\"") "]");
	assert_int_equal(-1, deploy_objects_look(&w->have, &w->op, w->eng, &w->stack, &w->e));
	assert_int_equal(ERR_FAILED, w->e.kind);
	assert_non_null(strstr(w->e.text, "is there with other data"));
}

/* A name that the file gives. */
static void one_of_a_name_of_its_own_is_found_whoever_made_it(void **state)
{
	struct world *w = *state;

	w->stack.objects[0].is_named = true;
	answer_secrets(w, OF_SHOP, "[]");
	answer_secrets(w, NAMED("shop_key-1"),
		       "[{\"ID\":\"s1\",\"Spec\":{\"Name\":\"shop_key-1\",\"Labels\":"
		       "{\"com.docker.stack.namespace\":\"other\",\"io.cdeploy.hash\":\"1\"}}}]");
	look(w);
	assert_int_equal(0, make(w));
	assert_false(w->made);
	/* it stays theirs */
	w->stack.nr_objects = 0;
	deploy_objects_prune(&w->op, w->eng, &w->stack, &w->have, &w->owner, &STRV_INIT, false);
	w->stack.nr_objects = 1;
	http_script_done(w->s);
}

static void one_that_is_found_twice_is_one(void **state)
{
	struct world *w = *state;
	const char *list = "[" SECRET("s1", "shop_key-1", OURS ",\"io.cdeploy.hash\":\"1\"") "]";

	w->stack.objects[0].is_named = true;
	answer_secrets(w, OF_SHOP, list);
	answer_secrets(w, NAMED("shop_key-1"), list);
	look(w);
	assert_int_equal(1, w->have.nr_objects);
	http_script_done(w->s);
}

static void a_secret_that_others_made_cannot_be_compared(void **state)
{
	struct world *w = *state;

	w->stack.objects[0].is_named = true;
	answer_secrets(w, OF_SHOP, "[]");
	answer_secrets(w, NAMED("shop_key-1"), "[" SECRET("s1", "shop_key-1", "") "]");
	assert_int_equal(-1, deploy_objects_look(&w->have, &w->op, w->eng, &w->stack, &w->e));
	assert_int_equal(ERR_FAILED, w->e.kind);
	assert_non_null(strstr(w->e.text, "secret 'shop_key-1' is there, not made by cdeploy"));
	assert_non_null(strstr(w->e.text, "'external: true'"));
	http_script_done(w->s);
}

/* "hunter2" is what the stack has. */
static int look_at_config(struct world *w, const char *data)
{
	auto_free char *list = mem_printf(
		"[{\"ID\":\"c1\",\"Spec\":{\"Name\":\"shop_key-1\",\"Data\":\"%s\"}}]", data);

	w->stack.objects[0].is_secret = false;
	w->stack.objects[0].is_named = true;
	HTTP_EXPECT(w->s, .method = "GET", .url = V141 "/configs" OF_SHOP, .status = 200,
		    .answer = "[]");
	HTTP_EXPECT(w->s, .method = "GET", .url = V141 "/configs" NAMED("shop_key-1"),
		    .status = 200, .answer = list);
	return deploy_objects_look(&w->have, &w->op, w->eng, &w->stack, &w->e);
}

static void a_config_that_others_made_is_used_where_its_data_is_the_same(void **state)
{
	struct world *w = *state;

	assert_int_equal(0, look_at_config(w, "aHVudGVyMg=="));
	assert_int_equal(0, make(w));
	assert_false(w->made);
	http_script_done(w->s);
}

static void a_config_that_others_made_with_other_data_is_refused(void **state)
{
	struct world *w = *state;

	assert_int_equal(-1, look_at_config(w, "aHVudGVyMw=="));
	assert_int_equal(ERR_FAILED, w->e.kind);
	assert_non_null(strstr(w->e.text, "config 'shop_key-1' is there with other data"));
	http_script_done(w->s);
}

static void an_external_one_must_be_there_by_exactly_its_name(void **state)
{
	struct world *w = *state;

	w->stack.objects[0].is_external = true;
	answer_secrets(w, NAMED("shop_key-1"), "[" SECRET("s1", "shop_key-12", "") "]");
	assert_int_equal(-1, deploy_objects_look(&w->have, &w->op, w->eng, &w->stack, &w->e));
	assert_int_equal(ERR_ABSENT, w->e.kind);
	assert_string_equal("secret 'shop_key-1' does not exist in the swarm; it is external",
			    w->e.text);
}

static void only_ones_own_are_removed_and_what_is_in_use_or_in_the_history_stays(void **state)
{
	auto_strv struct strv kept = STRV_INIT;
	struct world *w = *state;

	strv_add(&kept, "secret shop_kept");
	strv_add(&kept, "config shop_key-0");
	answer_secrets(
		w, OF_SHOP,
		"[" SECRET("s1", "shop_key-1", OURS ",\"io.cdeploy.hash\":\"1\"") ","
		/* one of an older version, and one that is in use all the same */
		SECRET("s2", "shop_key-0", OURS) "," SECRET("s3", "shop_used", OURS) "," SECRET("s4", "by-hand", "") "," SECRET(
			"s5", "x",
			",\"io.cdeploy.project\":\"q\"") "," SECRET("s6", "x",
								    OURS
								    ",\"io.cdeploy.scope\":\"other\"") "," SECRET("s7",
														  "shop_kept",
														  OURS) "]");
	HTTP_EXPECT(w->s, .method = "DELETE", .url = V141 "/secrets/s2", .status = 204);
	HTTP_EXPECT(w->s, .method = "DELETE", .url = V141 "/secrets/s3", .status = 400,
		    .answer = "{\"message\":\"secret 'shop_used' is in use\"}");
	look(w);
	deploy_objects_prune(&w->op, w->eng, &w->stack, &w->have, &w->owner, &kept, false);
	http_script_done(w->s);
	assert_string_equal("note: secret 'shop_key-0' removed: nothing uses it any more\n",
			    recorder_text(&w->rec));
}

static int never(struct engine_guard *g, struct op *op, struct err *e)
{
	(void)g;
	(void)op;
	return err_set(e, ERR_LOCKED, "it was taken over by bob");
}

/* One is enough to know, and it is no failure of the deploy that went well. */
static void who_has_lost_the_lock_removes_none_and_says_so(void **state)
{
	struct engine_guard g = { never };
	auto_strv struct strv kept = STRV_INIT;
	struct world *w = *state;

	answer_secrets(
		w, OF_SHOP,
		"[" SECRET("s2", "shop_key-0", OURS) "," SECRET("s3", "shop_key-2", OURS) "]");
	look(w);
	engine_set_guard(w->eng, &g);
	deploy_objects_prune(&w->op, w->eng, &w->stack, &w->have, &w->owner, &kept, false);
	engine_set_guard(w->eng, NULL);
	http_script_done(w->s);
	assert_string_equal("warn: remove secret 'shop_key-0': it was taken over by bob\n",
			    recorder_text(&w->rec));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(what_is_there_is_used_by_its_id),
		T(a_stack_without_any_asks_nothing),
		T(one_that_is_missing_is_made_with_its_data),
		T(one_whose_answer_was_lost_is_looked_up_and_not_made_twice),
		T(one_that_was_not_made_is_made_again),
		T(a_name_with_other_data_is_refused),
		T(one_of_a_name_of_its_own_is_found_whoever_made_it),
		T(one_that_is_found_twice_is_one),
		T(a_secret_that_others_made_cannot_be_compared),
		T(a_config_that_others_made_is_used_where_its_data_is_the_same),
		T(a_config_that_others_made_with_other_data_is_refused),
		T(an_external_one_must_be_there_by_exactly_its_name),
		T(who_has_lost_the_lock_removes_none_and_says_so),
		T(only_ones_own_are_removed_and_what_is_in_use_or_in_the_history_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
