/* Whose directory is whose. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "oci/build/workspace.h"
#include "tests/fakes/tmpdir.h"

static char *root_of(const struct tmpdir *d)
{
	return mem_printf("%s/a/root", d->path);
}

static void open_one(struct workspace *w, const char *root)
{
	struct err e = ERR_INIT;

	if (workspace_open(w, root, &e) < 0)
		fail_msg("%s", e.text);
}

static void it_is_made_and_goes_with_all_that_is_in_it(void **state)
{
	auto_tmpdir struct tmpdir d;
	struct workspace w = WORKSPACE_INIT;
	struct err e = ERR_INIT;
	struct stat st;

	(void)state;
	tmpdir_init(&d);
	auto_free char *root = root_of(&d);
	open_one(&w, root);
	auto_free char *path = workspace_dir(&w, "step", &e);
	assert_non_null(path);
	assert_int_equal(stat(path, &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	workspace_release(&w);
	assert_int_equal(stat(path, &st), -1);
	assert_true(tmpdir_has(&d, "a/root/tmp"));
	workspace_release(&w);
}

static void nobody_else_may_look_inside(void **state)
{
	auto_tmpdir struct tmpdir d;
	auto_workspace struct workspace w = WORKSPACE_INIT;
	struct stat st;

	(void)state;
	tmpdir_init(&d);
	auto_free char *root = root_of(&d);
	open_one(&w, root);
	assert_int_equal(fstatat(d.fd, "a/root/tmp", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(fstatat(d.fd, "a/root/cache", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
}

static void what_a_killed_build_left_is_removed(void **state)
{
	auto_tmpdir struct tmpdir d;
	auto_workspace struct workspace w = WORKSPACE_INIT;

	(void)state;
	tmpdir_init(&d);
	auto_free char *root = root_of(&d);
	tmpdir_file(&d, "a/root/tmp/build-dead.lock", "");
	tmpdir_file(&d, "a/root/tmp/build-half.lock", "");
	tmpdir_file(&d, "a/root/tmp/build-dead/s0-1/upper/x", "1");
	tmpdir_file(&d, "a/root/tmp/build-unborn/x", "1");
	open_one(&w, root);
	assert_false(tmpdir_has(&d, "a/root/tmp/build-dead"));
	assert_false(tmpdir_has(&d, "a/root/tmp/build-unborn"));
	assert_false(tmpdir_has(&d, "a/root/tmp/build-dead.lock"));
	assert_false(tmpdir_has(&d, "a/root/tmp/build-half.lock"));
}

/* In a child, who holds a step's directory: 0 when it is still there after a while. */
static int put_back(const struct tmpdir *d, const char *dir, int ready)
{
	auto_close int step = openat(d->fd, dir, O_RDONLY | O_DIRECTORY);

	if (step < 0 || flock(step, LOCK_SH) < 0 || write(ready, "", 1) != 1)
		return 1;
	for (int i = 0; i < 50; i++) {
		auto_close int fd = openat(step, "x", O_WRONLY | O_CREAT | O_EXCL, 0600);

		usleep(1000);
		if (fd < 0 || unlinkat(step, "x", 0) < 0)
			return 2;
	}
	return 0;
}

static void is_waited_for(const char *dir)
{
	auto_tmpdir struct tmpdir d;
	auto_workspace struct workspace w = WORKSPACE_INIT;
	int ready[2], status;
	pid_t monitor;
	char c;

	tmpdir_init(&d);
	auto_free char *root = root_of(&d);
	auto_free char *covered = mem_printf("%s/covered/1", dir);
	tmpdir_file(&d, "a/root/tmp/build-dead.lock", "");
	tmpdir_file(&d, covered, "1");
	assert_int_equal(pipe(ready), 0);
	monitor = fork();
	if (monitor == 0)
		_exit(put_back(&d, dir, ready[1]));
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	open_one(&w, root);
	assert_false(tmpdir_has(&d, "a/root/tmp/build-dead"));
	assert_int_equal(waitpid(monitor, &status, 0), monitor);
	assert_int_equal(status, 0);
}

static void what_a_monitor_still_puts_back_is_waited_for(void **state)
{
	(void)state;
	is_waited_for("a/root/tmp/build-dead/s0-1");
	is_waited_for("a/root/tmp/build-dead/again/s0-1");
}

static void what_somebody_does_not_let_go_is_left_and_hinders_nobody(void **state)
{
	auto_tmpdir struct tmpdir d;
	auto_workspace struct workspace w = WORKSPACE_INIT, later = WORKSPACE_INIT;
	int held;

	(void)state;
	tmpdir_init(&d);
	auto_free char *root = root_of(&d);
	tmpdir_file(&d, "a/root/tmp/build-dead/s0-1/x", "1");
	held = openat(d.fd, "a/root/tmp/build-dead/s0-1", O_RDONLY | O_DIRECTORY);
	assert_int_equal(flock(held, LOCK_SH), 0);
	open_one(&w, root);
	assert_true(tmpdir_has(&d, "a/root/tmp/build-dead/s0-1/x"));
	close(held);
	open_one(&later, root);
	assert_false(tmpdir_has(&d, "a/root/tmp/build-dead"));
}

static void what_lives_stays(void **state)
{
	auto_tmpdir struct tmpdir d;
	auto_workspace struct workspace first = WORKSPACE_INIT, second = WORKSPACE_INIT;
	struct stat st;

	(void)state;
	tmpdir_init(&d);
	auto_free char *root = root_of(&d);
	open_one(&first, root);
	open_one(&second, root);
	assert_string_not_equal(first.path, second.path);
	assert_int_equal(stat(first.path, &st), 0);
	assert_int_equal(stat(second.path, &st), 0);
}

/* In a child: 0 when every one of many short builds had its directory. */
static int come_and_go(const char *root)
{
	for (int i = 0; i < 40; i++) {
		auto_workspace struct workspace w = WORKSPACE_INIT;
		struct err e = ERR_INIT;

		if (workspace_open(&w, root, &e) < 0)
			return 1;
		for (int j = 0; j < 20; j++) {
			auto_free char *name = mem_printf("step%d", j);
			auto_free char *path = workspace_dir(&w, name, &e);

			if (!path)
				return 2;
		}
	}
	return 0;
}

/* Each in a process of its own: one sweeps while another removes its own. */
static void builds_that_come_and_go_at_once_do_not_hinder_each_other(void **state)
{
	auto_tmpdir struct tmpdir d;
	pid_t children[6];

	(void)state;
	tmpdir_init(&d);
	auto_free char *root = root_of(&d);
	for (size_t i = 0; i < ARRAY_LEN(children); i++) {
		children[i] = fork();
		assert_true(children[i] >= 0);
		if (children[i] == 0)
			_exit(come_and_go(root));
	}
	for (size_t i = 0; i < ARRAY_LEN(children); i++) {
		int status;

		assert_int_equal(waitpid(children[i], &status, 0), children[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(unlinkat(d.fd, "a/root/tmp/.lock", 0), 0);
	assert_int_equal(unlinkat(d.fd, "a/root/tmp", AT_REMOVEDIR), 0);
}

static void a_root_that_is_a_file_is_an_error(void **state)
{
	auto_tmpdir struct tmpdir d;
	struct workspace w = WORKSPACE_INIT;
	struct err e = ERR_INIT;

	(void)state;
	tmpdir_init(&d);
	auto_free char *root = root_of(&d);
	tmpdir_file(&d, "a/root", "x");
	assert_int_equal(workspace_open(&w, root, &e), -1);
	assert_non_null(strstr(e.text, "a/root"));
	assert_null(w.root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_made_and_goes_with_all_that_is_in_it),
		cmocka_unit_test(nobody_else_may_look_inside),
		cmocka_unit_test(what_a_killed_build_left_is_removed),
		cmocka_unit_test(what_a_monitor_still_puts_back_is_waited_for),
		cmocka_unit_test(what_somebody_does_not_let_go_is_left_and_hinders_nobody),
		cmocka_unit_test(what_lives_stays),
		cmocka_unit_test(builds_that_come_and_go_at_once_do_not_hinder_each_other),
		cmocka_unit_test(a_root_that_is_a_file_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
