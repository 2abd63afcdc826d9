/* Tables and JSON of what runs, from the engine's lists as a 20.10 engine gives them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/mem.h"
#include "deploy/table.h"
#include "deploy/view.h"

#define SERVICE(id, name, labels, rest)                                                            \
	"{\"ID\":\"" id "\",\"Version\":{\"Index\":7},\"Spec\":{\"Name\":\"" name                  \
	"\",\"Labels\":{" labels "},\"TaskTemplate\":{\"ContainerSpec\":{\"Image\":"               \
	"\"r/app:1@sha256:0123456789abcdef\",\"Env\":[\"TOKEN=canary\"]}}," rest
#define OURS "\"io.cdeploy.project\":\"team/app\",\"io.cdeploy.revision\":\"3\""

static const char services[] = "[" SERVICE(
	"s1", "web", OURS,
	"\"Mode\":{\"Replicated\":{\"Replicas\":3}}}") "" /**/
						       ",\"Endpoint\":{\"Ports\":[{\"Protocol\":\"tcp\",\"TargetPort\":80,\"PublishedPort\":8080}]},"
						       "\"UpdateStatus\":{\"State\":\"paused\",\"Message\":\"update paused due to failure\"},"
						       "\"ServiceStatus\":{\"RunningTasks\":2,\"DesiredTasks\":3}},"
	/* a stack's, under the name a compose file has for it */
	SERVICE("s2", "shop_db", OURS ",\"com.docker.stack.namespace\":\"shop\"",
		"\"Mode\":{\"Global\":{}}}") ",\"ServiceStatus\":{\"RunningTasks\":1,"
					     "\"DesiredTasks\":1}}," SERVICE(
						     "s3", "other",
						     "\"io.cdeploy.project\":\"x/y\"",
						     "\"Mode\":{\"Global\":{}}}") "}," SERVICE("s4",
											       "free",
											       "",
											       "\"Mode\":{\"Global\":{}}}") "}]";

static const char nodes[] =
	"[{\"ID\":\"n1\",\"Description\":{\"Hostname\":\"alpha\"},\"Status\":{\"State\":\"ready\"}},"
	"{\"ID\":\"n2\",\"Description\":{\"Hostname\":\"beta\"},\"Status\":{\"State\":\"down\"}}]";

#define TASK(id, service, slot, node, desired, state, when, why)                                   \
	"{\"ID\":\"" id "\",\"ServiceID\":\"" service "\"," slot "\"NodeID\":\"" node              \
	"\",\"DesiredState\":\"" desired                                                           \
	"\",\"Spec\":{\"ContainerSpec\":{\"Image\":\"r/app:1@sha256:0123456789abcdef\"}},"         \
	"\"Status\":{\"State\":\"" state "\",\"Timestamp\":\"" when "\",\"Err\":\"" why            \
	"\",\"ContainerStatus\":{\"ContainerID\":\"c\"}}}"

static const char tasks[] = "[" TASK("t1", "s1", "\"Slot\":1,", "n1", "shutdown", "failed",
				     "2026-01-01T00:00:00Z", "task: non-zero exit (1)") "," /**/
	TASK("t2", "s1", "\"Slot\":1,", "n2", "running", "running", "2026-01-01T00:58:00Z",
	     "") "," TASK("t3", "s2", "", "n1", "running", "pending", "2026-01-01T00:59:59Z",
			  "") "]";

#define NOW_NS (INT64_C(1767229200) * 1000000000) /* 2026-01-01T01:00:00Z */

struct world {
	struct view v;
	struct buf text;
	struct err e;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	buf_init(&w->text, BUF_SMALL);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	view_release(&w->v);
	buf_release(&w->text);
	free(w);
	return 0;
}

static json_t *load(const char *text)
{
	struct err e = ERR_INIT;
	json_t *o = json_load_span(span_of_str(text), 1u << 20, "list", &e);

	if (!o)
		fail_msg("%s", e.text);
	return o;
}

static void read_it(struct world *w, const struct strv *names)
{
	struct deploy_owner owner = { .project = "team/app" };
	struct view_filter f = { .owner = &owner, .names = names };
	auto_json json_t *s = load(services), *t = load(tasks), *n = load(nodes);

	assert_int_equal(0, view_read_services(&w->v, s, &f, &w->e));
	assert_int_equal(0, view_read_tasks(&w->v, t, n, &w->e));
}

static void assert_text(struct world *w, const char *want)
{
	if (strcmp(want, buf_str(&w->text)) != 0)
		print_error("%s\n", buf_str(&w->text)); /* an assertion cuts it */
	assert_string_equal(want, buf_str(&w->text));
}

static void status_is_the_projects_services_as_docker_lists_them(void **state)
{
	struct world *w = *state;

	read_it(w, NULL);
	view_status_text(&w->text, &w->v);
	assert_text(
		w,
		"NAME      MODE         REPLICAS   IMAGE                         PORTS            "
		"UPDATE\n"
		"shop_db   global       1/1        r/app:1@sha256:0123456789ab\n"
		"web       replicated   2/3        r/app:1@sha256:0123456789ab   *:8080->80/tcp   "
		"paused: update paused due to failure");
}

static void of_a_file_all_its_services_are_told_whether_they_are_there_or_not(void **state)
{
	struct world *w = *state;
	auto_strv struct strv names = STRV_INIT;

	strv_add(&names, "db");
	strv_add(&names, "missing");
	strv_add(&names, "other");
	strv_add(&names, "free");
	read_it(w, &names);
	view_status_text(&w->text, &w->v);
	assert_text(
		w,
		"NAME                       MODE     REPLICAS   IMAGE                         "
		"PORTS   UPDATE\n"
		"shop_db                    global   1/1        r/app:1@sha256:0123456789ab\n"
		"other (of project 'x/y')   -        -          -                             -  "
		"     not ours\n"
		"free (nobody's)            -        -          -                             -  "
		"     not ours\n"
		"missing                    -        -          -                             -  "
		"     not deployed");
	assert_non_null(view_find(&w->v, "db"));
	assert_null(view_find(&w->v, "web"));
}

/* Whoever looks without --env at what a job has deployed to its environment. */
static void a_service_of_another_scope_of_the_project_is_told_with_its_scope(void **state)
{
	static const char list[] =
		"[" SERVICE("s1", "web", OURS ",\"io.cdeploy.scope\":\"api@staging\"",
			    "\"Mode\":{}}}") "," SERVICE("s2", "api", OURS, "\"Mode\":{}}}") "]";
	struct world *w = *state;
	auto_json json_t *o = load(list);
	auto_strv struct strv names = STRV_INIT;
	struct deploy_owner owner = { .project = "team/app", .scope = "api@production" };
	struct view_filter f = { .owner = &owner, .names = &names };

	strv_add(&names, "web");
	strv_add(&names, "api");
	assert_int_equal(0, view_read_services(&w->v, o, &f, &w->e));
	assert_int_equal(0, w->v.nr);
	assert_string_equal("web (of scope 'api@staging')", w->v.absent.v[0]);
	assert_string_equal("api (of no scope)", w->v.absent.v[1]);
}

static void tasks_stand_by_place_the_newest_first_with_their_errors(void **state)
{
	struct world *w = *state;

	read_it(w, NULL);
	view_ps_text(&w->text, &w->v, NOW_NS);
	assert_text(w, "NAME            IMAGE                         NODE    DESIRED STATE   "
		       "CURRENT STATE           ERROR\n"
		       "shop_db.alpha   r/app:1@sha256:0123456789ab   alpha   running         "
		       "Pending 1 second ago\n"
		       "web.1           r/app:1@sha256:0123456789ab   beta    running         "
		       "Running 2 minutes ago\n"
		       " \\_ web.1       r/app:1@sha256:0123456789ab   alpha   shutdown        "
		       "Failed 1 hour ago       task: non-zero exit (1)");
	assert_true(w->v.tasks[1].node_is_down);
	assert_false(w->v.tasks[2].node_is_down);
}

static void programs_get_the_same_as_json_and_no_environment(void **state)
{
	struct world *w = *state;
	auto_json json_t *s = NULL, *t = NULL;

	read_it(w, NULL);
	s = view_status_json(&w->v);
	json_write(&w->text, json_array_get(s, 1), false);
	assert_text(
		w,
		"{\"name\":\"web\",\"mode\":\"replicated\",\"running\":2,\"desired\":3,"
		"\"completed\":null,\"image\":\"r/app:1@sha256:0123456789abcdef\",\"ports\":\"*:8080->80/tcp\","
		"\"update\":\"paused\",\"update_message\":\"update paused due to failure\","
		"\"revision\":\"3\"}");
	buf_reset(&w->text);
	t = view_ps_json(&w->v);
	json_write(&w->text, json_array_get(t, 2), false);
	assert_text(
		w,
		"{\"id\":\"t1\",\"name\":\"web.1\",\"image\":\"r/app:1@sha256:0123456789abcdef\","
		"\"node\":\"alpha\","
		"\"desired\":\"shutdown\",\"state\":\"failed\","
		"\"since\":\"2026-01-01T00:00:00Z\",\"error\":\"task: non-zero exit (1)\"}");
}

static void of_jobs_is_told_how_many_have_completed(void **state)
{
#define JOB(id, name, mode, running, desired, completed)                                           \
	SERVICE(id, name, OURS, "\"Mode\":{" mode "}}")                                            \
	",\"ServiceStatus\":{\"RunningTasks\":" running ",\"DesiredTasks\":" desired               \
	",\"CompletedTasks\":" completed "}}"
	static const char jobs[] =
		"[" JOB("s1", "one", "\"ReplicatedJob\":{}", "0", "1", "1") "," JOB(
			"s2", "two",
			"\"ReplicatedJob\":{\"MaxConcurrent\":2,\"TotalCompletions\":3}", "2", "2",
			"0") "," JOB("s3", "zall", "\"GlobalJob\":{}", "0", "0", "4") "]";
	struct world *w = *state;
	auto_json json_t *list = load(jobs), *s = NULL;

	assert_int_equal(0, view_read_services(&w->v, list, &(struct view_filter){ 0 }, &w->e));
	view_status_text(&w->text, &w->v);
	assert_non_null(strstr(buf_str(&w->text), "one    replicated-job   0/1 (1/1 completed)  "));
	assert_non_null(strstr(buf_str(&w->text), "two    replicated-job   2/2 (0/3 completed)  "));
	assert_non_null(strstr(buf_str(&w->text), "zall   global-job       0/0 (4/4 completed)  "));
	s = view_status_json(&w->v);
	assert_int_equal(4, json_integer_value(json_object_get(json_array_get(s, 2), "completed")));
}

/* The words are the engine's. */
static void what_the_engine_says_of_an_update_is_told_once(void **state)
{
	static const char list[] = "[" SERVICE(
		"s1", "a", OURS,
		"\"Mode\":{}}") ",\"UpdateStatus\":{\"State\":\"rollback_completed\",\"Message\":"
				"\"rollback completed\"}}]";
	struct world *w = *state;
	auto_json json_t *o = load(list);

	assert_int_equal(0, view_read_services(&w->v, o, &(struct view_filter){ 0 }, &w->e));
	view_status_text(&w->text, &w->v);
	assert_non_null(strstr(buf_str(&w->text), "   rollback_completed"));
	assert_null(strstr(buf_str(&w->text), "rollback completed"));
}

static void what_is_not_there_is_in_the_json_too(void **state)
{
	struct world *w = *state;
	auto_strv struct strv names = STRV_INIT;
	auto_json json_t *s = NULL;

	strv_add(&names, "missing");
	strv_add(&names, "other");
	read_it(w, &names);
	s = view_status_json(&w->v);
	assert_int_equal(2, json_array_size(s));
	json_write(&w->text, json_array_get(s, 0), false);
	assert_text(w, "{\"name\":\"other\",\"mode\":null,\"running\":null,\"desired\":null,"
		       "\"completed\":null,\"image\":null,\"ports\":null,\"update\":null,"
		       "\"update_message\":null,\"revision\":null}");
}

/* An engine may quote what it was given. */
static void a_password_in_an_error_of_a_task_is_not_shown(void **state)
{
	static const char one[] =
		"[" TASK("t1", "s1", "\"Slot\":1,", "n1", "shutdown", "rejected",
			 "2026-01-01T00:00:00Z", "mount: o=user=me,password=hunter2: refused") "]";
	struct world *w = *state;
	auto_json json_t *t = json_loads(one, 0, NULL), *n = json_loads(nodes, 0, NULL);

	assert_int_equal(0, view_read_tasks(&w->v, t, n, &w->e));
	assert_string_equal("mount: o=user=me,password=*** refused", w->v.tasks[0].error);
}

static void lists_that_are_none_are_refused(void **state)
{
	struct world *w = *state;
	struct view_filter f = { 0 };
	auto_json json_t *o = load("{}"), *bad = load("[{\"ID\":7}]");

	assert_int_equal(-1, view_read_services(&w->v, o, &f, &w->e));
	assert_int_equal(ERR_CORRUPT, w->e.kind);
	assert_int_equal(-1, view_read_services(&w->v, bad, &f, &w->e));
	assert_int_equal(ERR_CORRUPT, w->e.kind);
	assert_int_equal(-1, view_read_tasks(&w->v, bad, o, &w->e));
	assert_int_equal(ERR_CORRUPT, w->e.kind);
}

static void a_table_counts_characters_and_keeps_cells_on_their_line(void **state)
{
	struct world *w = *state;
	auto_table struct table t = TABLE_INIT("A", "B", "C");

	table_row(&t, "äö", "x\ny\033", NULL);
	table_row(&t, "abc", "", "c");
	/* U+009B is as good as ESC [, and half a letter is none */
	table_row(&t,
		  "\xc2\x9b"
		  "2J",
		  "\xc3", "\x7f");
	table_print(&t, &w->text);
	assert_text(w, "A      B      C\n"
		       "äö     x?y?\n"
		       "abc           c\n"
		       "??2J   ?      ?");
}

static void the_newest_tasks_come_first_when_not_all_are_looked_at(void **state)
{
	static const char three[] = "[" TASK("t1", "s1", "\"Slot\":1,", "n1", "running", "running",
					     "2026-01-01T00:00:00Z", "") "," /**/
		TASK("t2", "s1", "\"Slot\":2,", "n1", "shutdown", "failed", "2026-01-01T00:02:00Z",
		     "") "," TASK("t3", "s1", "\"Slot\":3,", "n1", "running", "running",
				  "2026-01-01T00:01:00Z", "") "]";
	struct world *w = *state;
	auto_json json_t *t = json_loads(three, 0, NULL), *n = json_loads(nodes, 0, NULL);

	assert_int_equal(0, view_read_tasks(&w->v, t, n, &w->e));
	assert_string_equal("t1", w->v.tasks[0].id);
	view_tasks_newest_first(&w->v);
	assert_string_equal("t3", w->v.tasks[0].id);
	assert_string_equal("t1", w->v.tasks[1].id);
	assert_string_equal("t2", w->v.tasks[2].id);
}

int main(void)
{
#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest all[] = {
		WORLD_TEST(status_is_the_projects_services_as_docker_lists_them),
		WORLD_TEST(of_a_file_all_its_services_are_told_whether_they_are_there_or_not),
		WORLD_TEST(a_service_of_another_scope_of_the_project_is_told_with_its_scope),
		WORLD_TEST(tasks_stand_by_place_the_newest_first_with_their_errors),
		WORLD_TEST(programs_get_the_same_as_json_and_no_environment),
		WORLD_TEST(of_jobs_is_told_how_many_have_completed),
		WORLD_TEST(what_the_engine_says_of_an_update_is_told_once),
		WORLD_TEST(what_is_not_there_is_in_the_json_too),
		WORLD_TEST(the_newest_tasks_come_first_when_not_all_are_looked_at),
		WORLD_TEST(a_password_in_an_error_of_a_task_is_not_shown),
		WORLD_TEST(lists_that_are_none_are_refused),
		WORLD_TEST(a_table_counts_characters_and_keeps_cells_on_their_line),
	};

	return cmocka_run_group_tests(all, NULL, NULL);
}
