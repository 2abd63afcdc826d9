/* cdeploy rm against a scripted engine: every request is in the script. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "deploy/operate.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/recorder.h"
#include "tests/fakes/scripted_engine.h"

#define LABELLED(l)  "?filters=%7B%22label%22%3A%5B%22io.cdeploy.project%3Dp%22" l "%5D%7D"
#define OF_PROJECT   LABELLED("")
#define OF_STACKS    LABELLED("%2C%22com.docker.stack.namespace%22")
#define LABELS(more) "\"Labels\":{\"io.cdeploy.project\":\"p\"" more "}"
#define OF_SCOPE     ",\"io.cdeploy.scope\":\"s\""
#define OF_ANOTHER   ",\"io.cdeploy.scope\":\"t\""
#define NAMESPACE    ",\"com.docker.stack.namespace\":\"shop\""
#define TASK(of)     "{\"ID\":\"t1\",\"ServiceID\":\"" of "\"}"

struct world {
	struct http_script *s;
	struct fake_clock clock;
	struct recorder rec;
	struct op op;
	struct engine *eng;
	struct view v;
	struct deploy_owner owner;
	struct err e;
};

static int setup(void **state)
{
	struct world *w = mem_zalloc(sizeof(*w));

	w->e = ERR_INIT;
	w->op = (struct op){ .clock = fake_clock_init(&w->clock),
			     .progress = recorder_init(&w->rec) };
	w->owner = (struct deploy_owner){ .project = "p", .scope = "s" };
	w->eng = scripted_engine_open(&w->s, &w->op);
	MEM_GROW(w->v.services, w->v.nr, w->v.cap);
	w->v.services[w->v.nr++] = (struct view_service){
		.s = { .id = mem_strdup("s1"), .name = mem_strdup("shop_web") },
	};
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	scripted_engine_close(w->s, w->eng);
	view_release(&w->v);
	recorder_release(&w->rec);
	free(w);
	return 0;
}

#define GET(path, text)                                                                            \
	HTTP_EXPECT(w->s, .method = "GET", .url = V141 path, .status = 200, .answer = text)
#define DELETED(path) HTTP_EXPECT(w->s, .method = "DELETE", .url = V141 path, .status = 204)

static void removed(struct world *w, int result)
{
	int r = deploy_remove(&w->op, w->eng, &w->v, &w->owner, 0, &w->e);

	if (r != result)
		fail_msg("%d: %s", r, w->e.text);
	http_script_done(w->s);
}

static void only_the_projects_tasks_are_asked_for(void **state)
{
	struct world *w = *state;

	DELETED("/services/s1");
	GET("/tasks" OF_PROJECT, "[" TASK("s1") "," TASK("s2") "]");
	GET("/tasks" OF_PROJECT, "[" TASK("s2") "]"); /* not one of those that went */
	GET("/secrets" OF_STACKS, "[]");
	GET("/configs" OF_STACKS, "[]");
	GET("/networks" OF_PROJECT, "[]");
	removed(w, 0);
	assert_int_equal(1, w->clock.sleeps);
}

static void secrets_and_configs_of_the_stack_go_and_locks_and_histories_stay(void **state)
{
	struct world *w = *state;

	DELETED("/services/s1");
	GET("/tasks" OF_PROJECT, "[]");
	GET("/secrets" OF_STACKS,
	    "[{\"ID\":\"k1\",\"Spec\":{\"Name\":\"shop_key-1\"," LABELS(
		    OF_SCOPE
			    NAMESPACE) "}},"
				       "{\"ID\":\"k2\",\"Spec\":{\"Name\":\"shop_key-2\"," LABELS(
					       OF_ANOTHER
						       NAMESPACE) "}},"
								  "{\"ID\":\"k3\",\"Spec\":{\"Name\":\"shop_key-3\"," LABELS(
									  OF_SCOPE
										  NAMESPACE) "}}]");
	GET("/configs" OF_STACKS,
	    "[{\"ID\":\"c1\",\"Spec\":{\"Name\":\"shop_c-1\"," LABELS(
		    OF_SCOPE
			    NAMESPACE) "}},"
				       /* an engine whose filter is loose */
				       "{\"ID\":\"c2\",\"Spec\":{\"Name\":\"cdeploy-lock-p\"," LABELS(
					       OF_SCOPE) "}}]");
	DELETED("/secrets/k1");
	HTTP_EXPECT(w->s, .method = "DELETE", .url = V141 "/secrets/k3", .status = 400,
		    .answer = "{\"message\":\"secret 'shop_key-3' is in use\"}");
	DELETED("/configs/c1");
	GET("/networks" OF_PROJECT, "[]");
	removed(w, 0);
	assert_true(recorder_has(&w->rec, "note: secret 'shop_key-1' removed: nothing uses it"));
}

static void networks_of_the_projects_other_scopes_stay(void **state)
{
	struct world *w = *state;

	DELETED("/services/s1");
	GET("/tasks" OF_PROJECT, "[]");
	GET("/secrets" OF_STACKS, "[]");
	GET("/configs" OF_STACKS, "[]");
	GET("/networks" OF_PROJECT,
	    "[{\"Id\":\"n1\",\"Name\":\"mine\"," LABELS(
		    OF_SCOPE) "},"
			      "{\"Id\":\"n2\",\"Name\":\"theirs\"," LABELS(OF_ANOTHER) "}]");
	DELETED("/networks/n1");
	removed(w, 0);
	assert_true(recorder_has(&w->rec, "note: network 'mine' removed\n"));
}

/* The lock as it is with one who takes it over while tasks end. */
struct guard {
	struct engine_guard guard;
	const struct fake_clock *clock;
};

static int until_the_first_sleep(struct engine_guard *g, struct op *op, struct err *e)
{
	(void)op;
	return CONTAINER_OF(g, struct guard, guard)->clock->sleeps
		       ? err_set(e, ERR_LOCKED, "it was taken over by bob")
		       : 0;
}

static void refused(struct world *w, const char *text)
{
	struct guard g = { { until_the_first_sleep }, &w->clock };

	w->clock.sleeps = 0;
	err_clear(&w->e);
	engine_set_guard(w->eng, &g.guard);
	removed(w, -1);
	engine_set_guard(w->eng, NULL);
	assert_int_equal(ERR_LOCKED, w->e.kind);
	assert_string_equal(text, w->e.text);
	assert_int_equal(1, w->clock.sleeps);
}

static void who_loses_the_lock_meanwhile_removes_nothing_more_and_says_so(void **state)
{
	struct world *w = *state;

	DELETED("/services/s1");
	GET("/tasks" OF_PROJECT, "[" TASK("s1") "]");
	GET("/tasks" OF_PROJECT, "[]");
	GET("/secrets" OF_STACKS,
	    "[{\"ID\":\"k1\",\"Spec\":{\"Name\":\"shop_key-1\"," LABELS(OF_SCOPE NAMESPACE) "}}]");
	GET("/configs" OF_STACKS, "[]");
	refused(w, "remove secret 'shop_key-1': it was taken over by bob");

	DELETED("/services/s1");
	GET("/tasks" OF_PROJECT, "[" TASK("s1") "]");
	GET("/tasks" OF_PROJECT, "[]");
	GET("/secrets" OF_STACKS, "[]");
	GET("/configs" OF_STACKS, "[]");
	GET("/networks" OF_PROJECT, "[{\"Id\":\"n1\",\"Name\":\"mine\"," LABELS(OF_SCOPE) "}]");
	refused(w, "remove network 'mine': it was taken over by bob");
	assert_null(strstr(recorder_text(&w->rec), "stays"));
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(only_the_projects_tasks_are_asked_for),
		T(secrets_and_configs_of_the_stack_go_and_locks_and_histories_stay),
		T(networks_of_the_projects_other_scopes_stay),
		T(who_loses_the_lock_meanwhile_removes_nothing_more_and_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
