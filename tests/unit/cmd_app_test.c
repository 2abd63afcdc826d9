/* What a tool is born with - closed descriptors, ignored signals - and what it makes of that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/mem.h"
#include "cmd/app.h"
#include "tests/fakes/tmpdir.h"

static const struct opt no_options[] = { OPT_END };

static int parse(struct app *app, const char *argument)
{
	char *argv[] = { (char *)"tool", (char *)argument, NULL };
	struct err e = ERR_INIT;

	*app = (struct app)APP_INIT("tool", "tool", "A tool.");
	return app_parse(app, no_options, NULL, argument ? 2 : 1, argv, &e);
}

/* Each test is a process of its own: what it does to itself ends with it. */
static int in_child(int (*body)(void))
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(body());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000;
}

static int all_closed(void)
{
	struct app app;
	int fd;

	for (int i = 0; i < 3; i++)
		close(i);
	if (parse(&app, NULL) != 1)
		return 1;
	fd = open("/dev/null", O_RDONLY);
	return fd >= 3 ? 0 : 2;
}

static void no_file_is_opened_in_the_place_of_a_closed_standard_stream(void **state)
{
	(void)state;
	assert_int_equal(in_child(all_closed), 0);
}

static int result_to_closed_stdout(void)
{
	struct err e = ERR_INIT;
	struct app app;

	close(STDOUT_FILENO);
	if (parse(&app, NULL) != 1)
		return 1;
	return app_result(&app, "result", &e) < 0 ? 0 : 2;
}

static void a_result_for_a_closed_stdout_is_an_error(void **state)
{
	(void)state;
	assert_int_equal(in_child(result_to_closed_stdout), 0);
}

static bool cancelled_soon(struct app *app, int wait_ms)
{
	struct timespec pause = { .tv_nsec = 1000000 };

	for (int i = 0; i < wait_ms && !cancel_is_set(&app->cancel); i++)
		nanosleep(&pause, NULL);
	return cancel_is_set(&app->cancel);
}

static int under_nohup(void)
{
	struct err e = ERR_INIT;
	struct app app;

	signal(SIGHUP, SIG_IGN);
	if (parse(&app, NULL) != 1 || app_start(&app, 1, &e) < 0)
		return 1;
	kill(getpid(), SIGHUP);
	if (cancelled_soon(&app, 20))
		return 2;
	kill(getpid(), SIGTERM);
	return cancelled_soon(&app, 2000) ? 0 : 3;
}

static void a_signal_that_our_parent_ignores_does_not_cancel(void **state)
{
	(void)state;
	assert_int_equal(in_child(under_nohup), 0);
}

static int with_children_ignored(void)
{
	struct app app;
	int status;
	pid_t pid;

	signal(SIGCHLD, SIG_IGN);
	if (parse(&app, NULL) != 1)
		return 1;
	pid = fork();
	if (pid == 0)
		_exit(7);
	return waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 7 ? 0 : 2;
}

static void children_can_be_waited_for_whatever_our_parent_set(void **state)
{
	(void)state;
	assert_int_equal(in_child(with_children_ignored), 0);
}

static void a_result_goes_through_a_link_and_does_not_replace_it(void **state)
{
	auto_tmpdir struct tmpdir t;
	auto_free char *path = NULL, *text = NULL;
	struct err e = ERR_INIT;
	struct stat st;

	(void)state;
	tmpdir_init(&t);
	tmpdir_file(&t, "real", "an older and longer one");
	tmpdir_link(&t, "link", "real");
	path = mem_printf("%s/link", t.path);
	assert_int_equal(app_write_file(path, "new", &e), 0);
	text = tmpdir_read(&t, "real");
	assert_string_equal(text, "new");
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_file_is_opened_in_the_place_of_a_closed_standard_stream),
		cmocka_unit_test(a_result_for_a_closed_stdout_is_an_error),
		cmocka_unit_test(a_signal_that_our_parent_ignores_does_not_cancel),
		cmocka_unit_test(children_can_be_waited_for_whatever_our_parent_set),
		cmocka_unit_test(a_result_goes_through_a_link_and_does_not_replace_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
