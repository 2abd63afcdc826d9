/*
 * What a hostile command, or the working directory of a hostile image, must not reach: our
 * descriptors, what lies behind them, the devices of the machine. Needs what
 * run_sandbox_ns_test.c needs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "oci/run/sandbox_ns.h"
#include "tests/fakes/recorder.h"
#include "tests/fakes/tmpdir.h"

#define LEAKED_FD 57 /* a directory of the host's, left open by whoever started us */

static struct sandbox *box;

struct world {
	struct tmpdir dir; /* holds image/ and step/ */
	struct strv lowers;
	struct sandbox_tree tree;
	struct recorder progress;
	struct op op;
};

static int setup(void **state)
{
	struct world *w = mem_zalloc(sizeof(*w));
	auto_free char *step = NULL;
	auto_free char *copy = NULL;
	struct err e = ERR_INIT;

	tmpdir_init(&w->dir);
	tmpdir_dir(&w->dir, "image/bin");
	tmpdir_dir(&w->dir, "step");
	copy = mem_printf("cp /bin/busybox '%s/image/bin/sh'", w->dir.path);
	assert_int_equal(system(copy), 0);
	tmpdir_link(&w->dir, "image/bin/mknod", "sh");
	tmpdir_link(&w->dir, "image/bin/cat", "sh");
	tmpdir_link(&w->dir, "image/bin/sleep", "sh");
	tmpdir_file(&w->dir, "image/opt/old", "");
	strv_addf(&w->lowers, "%s/image", w->dir.path);
	step = mem_printf("%s/step", w->dir.path);
	recorder_init(&w->progress);
	w->op = (struct op){ .progress = &w->progress.base, .clock = &clock_system };
	if (sandbox_tree_open(box, &w->tree, &w->lowers, step, false, &e) < 0)
		fail_msg("%s", e.text);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	sandbox_tree_close(box, &w->tree);
	strv_release(&w->lowers);
	recorder_release(&w->progress);
	tmpdir_release(&w->dir);
	free(w);
	return 0;
}

static int run(struct world *w, const char *cwd, const char *program, const char *script,
	       int *status, struct err *e)
{
	auto_run_spec struct run_spec s = { .cwd = mem_strdup(cwd),
					    .hostname = mem_strdup("build"),
					    .progress_id = mem_strdup("run") };

	strv_add(&s.argv, program);
	strv_add(&s.argv, "-c");
	strv_add(&s.argv, script);
	strv_add(&s.env, "PATH=/bin");
	return sandbox_run(box, &w->op, &w->tree, &s, status, e);
}

static int run_shell(struct world *w, const char *script)
{
	struct err e = ERR_INIT;
	int status = -1;

	if (run(w, "/", "/bin/sh", script, &status, &e) < 0)
		fail_msg("%s", e.text);
	return status;
}

static void a_command_has_no_descriptor_but_the_standard_ones(void **state)
{
	struct world *w = *state;

	assert_int_equal(run_shell(w, "for f in /proc/self/fd/*; do "
				      "test -L $f && echo \"open ${f##*/}\"; done; :"),
			 0);
	assert_true(recorder_has(&w->progress, "open 0"));
	assert_true(recorder_has(&w->progress, "open 2"));
	for (int fd = 3; fd < 100; fd++) {
		auto_free char *line = mem_printf("open %d\n", fd);

		assert_false(recorder_has(&w->progress, line));
	}
}

static void a_working_directory_behind_a_descriptor_of_ours_is_no_way_out(void **state)
{
	struct world *w = *state;
	auto_free char *script = mem_printf("p=.; for i in 1 2 3 4 5 6 7 8 9 10; do "
					    "test -e $p%s/image && echo escaped; p=$p/..; done",
					    w->dir.path);

	for (int fd = 0; fd < 64; fd++) {
		auto_free char *cwd = mem_printf("/proc/self/fd/%d", fd);
		auto_free char *made = mem_printf("/proc/self/fd/%d/../made", fd);
		struct err e = ERR_INIT;
		int status;

		if (run(w, cwd, "/bin/sh", script, &status, &e) == 0)
			assert_false(recorder_has(&w->progress, "escaped"));
		err_clear(&e);
		if (run(w, made, "/bin/sh", script, &status, &e) == 0)
			assert_false(recorder_has(&w->progress, "escaped"));
	}
	assert_false(tmpdir_has(&w->dir, "step/made"));
	assert_false(tmpdir_has(&w->dir, "made"));
}

static void a_program_behind_a_descriptor_of_ours_cannot_be_started(void **state)
{
	struct world *w = *state;

	for (int fd = 0; fd < 64; fd++) {
		auto_free char *program = mem_printf("/proc/self/fd/%d/../../image/bin/sh", fd);
		struct err e = ERR_INIT;
		int status;

		assert_int_equal(run(w, "/", program, ":", &status, &e), -1);
		assert_int_equal(e.kind, ERR_FAILED);
	}
}

/* Where /proc cannot be made anew it is the host's, and all processes are seen in it. */
static void the_files_of_other_processes_cannot_be_reached_through_proc(void **state)
{
	struct world *w = *state;
	auto_free char *script = mem_printf("for p in /proc/[0-9]*; do test -e $p/root%s/image && "
					    "echo reached $p; done; :",
					    w->dir.path);

	assert_int_equal(run_shell(w, script), 0);
	assert_false(recorder_has(&w->progress, "reached"));
}

/* With CAP_MKNOD and no device cgroup a node is all it takes to read the machine's disks. */
static void a_device_node_cannot_be_opened(void **state)
{
	struct world *w = *state;

	run_shell(w, "for at in /node /dev/node /tmp/node; do mkdir -p /tmp; "
		     "mknod $at c 1 5 && { read -n1 x < $at && echo opened; }; done; :");
	assert_false(recorder_has(&w->progress, "opened"));
	assert_int_equal(run_shell(w, "read -n1 x < /dev/urandom && echo x > /dev/null"), 0);
}

static void sys_is_read_only_to_its_depth(void **state)
{
	struct world *w = *state;

	assert_int_equal(
		run_shell(w, "test -d /sys/kernel || exit 1; while read dev at type how rest; do "
			     "case $at in /sys|/sys/*) case ,$how, in *,ro,*) ;; *) "
			     "echo \"writable $at\";; esac;; esac; done < /proc/mounts"),
		0);
	assert_false(recorder_has(&w->progress, "writable"));
}

static struct timespec mtime_of(const struct world *w, const char *path)
{
	struct stat st;

	assert_int_equal(fstatat(w->tree.root_fd, path, &st, AT_SYMLINK_NOFOLLOW), 0);
	return st.st_mtim;
}

static void directories_with_mount_points_keep_their_times(void **state)
{
	struct world *w = *state;
	struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 2000, .tv_nsec = 7 } };

	assert_int_equal(mkdirat(w->tree.root_fd, "etc", 0755), 0);
	assert_int_equal(utimensat(w->tree.root_fd, "etc", old, 0), 0);
	assert_int_equal(futimens(w->tree.root_fd, old), 0);
	assert_int_equal(run_shell(w, ":"), 0);
	assert_int_equal(mtime_of(w, "etc").tv_sec, 2000);
	assert_int_equal(mtime_of(w, "etc").tv_nsec, 7);
	assert_int_equal(mtime_of(w, ".").tv_sec, 2000);
}

static void a_directory_that_the_command_changed_keeps_the_time_of_that(void **state)
{
	struct world *w = *state;
	struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 2000 } };

	assert_int_equal(mkdirat(w->tree.root_fd, "etc", 0755), 0);
	assert_int_equal(utimensat(w->tree.root_fd, "etc", old, 0), 0);
	assert_int_equal(run_shell(w, "echo x > /etc/own; echo x > /own"), 0);
	assert_true(mtime_of(w, "etc").tv_sec > 2000);
	assert_int_equal(faccessat(w->tree.root_fd, "etc/hosts", F_OK, 0), -1);
}

/* The processes whose parent is `parent`. */
static pid_t child_of(pid_t parent)
{
	auto_free char *path = mem_printf("/proc/%d/task/%d/children", (int)parent, (int)parent);
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[64] = "";

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return 0;
	return (pid_t)strtol(text, NULL, 10);
}

/* In a process of its own: kills the helper, which keeps the command, as soon as there is one. */
static pid_t kill_helper_later(pid_t helper)
{
	pid_t killer = fork();

	if (killer)
		return killer;
	for (int i = 0; i < 2000; i++) {
		struct timespec pause = { .tv_nsec = 1000000 };

		nanosleep(&pause, NULL);
		if (child_of(helper)) {
			pause.tv_nsec = 30000000; /* it gets to its exec */
			nanosleep(&pause, NULL);
			kill(helper, SIGKILL);
			break;
		}
	}
	_exit(0);
}

static void a_command_does_not_outlive_its_keeper(void **state)
{
	struct world *w = *state;
	pid_t killer = kill_helper_later(child_of(getpid()));
	struct err e = ERR_INIT;
	int status;

	assert_int_equal(run(w, "/", "/bin/sh", "sleep 3; echo survived", &status, &e), -1);
	assert_int_equal(e.kind, ERR_FAILED);
	assert_false(recorder_has(&w->progress, "survived"));
	waitpid(killer, NULL, 0);
}

/* Like the whole program: a sandbox of its own, and a RUN that takes long. */
static NORETURN void build_for_long(struct world *w)
{
	auto_free char *step = mem_printf("%s/long", w->dir.path);
	struct err e = ERR_INIT;
	int status;

	if (sandbox_ns_open(&box, NULL, &e) == 0 &&
	    sandbox_tree_open(box, &w->tree, &w->lowers, step, false, &e) == 0 &&
	    run(w, "/", "/bin/sh", "sleep 20", &status, &e) == 0)
		_exit(0);
	_exit(1);
}

/* Not when it only waits for whoever inherited it to notice its end. */
static bool is_running(pid_t pid)
{
	auto_free char *path = mem_printf("/proc/%d/stat", (int)pid);
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[128] = "";

	return fd >= 0 && read(fd, text, sizeof(text) - 1) > 0 && !strstr(text, ") Z");
}

static bool gone_soon(pid_t pid)
{
	struct timespec pause = { .tv_nsec = 1000000 };

	for (int i = 0; i < 2000; i++) {
		if (!is_running(pid))
			return true;
		nanosleep(&pause, NULL);
	}
	return false;
}

static void a_command_ends_when_the_whole_program_is_killed(void **state)
{
	struct world *w = *state;
	struct timespec pause = { .tv_nsec = 1000000 };
	pid_t family[3] = { 0 }; /* program, helper, command */

	tmpdir_dir(&w->dir, "long");
	family[0] = fork();
	if (family[0] == 0)
		build_for_long(w);
	for (int i = 0; i < 2000 && !family[2]; i++) {
		nanosleep(&pause, NULL);
		for (int k = 1; k < 3 && family[k - 1]; k++)
			family[k] = child_of(family[k - 1]);
	}
	assert_true(family[2] > 0);
	kill(family[0], SIGKILL);
	waitpid(family[0], NULL, 0);
	for (int k = 2; k > 0; k--)
		assert_true(gone_soon(family[k]));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_command_has_no_descriptor_but_the_standard_ones),
		T(a_working_directory_behind_a_descriptor_of_ours_is_no_way_out),
		T(a_program_behind_a_descriptor_of_ours_cannot_be_started),
		T(the_files_of_other_processes_cannot_be_reached_through_proc),
		T(a_device_node_cannot_be_opened),
		T(sys_is_read_only_to_its_depth),
		T(directories_with_mount_points_keep_their_times),
		T(a_directory_that_the_command_changed_keeps_the_time_of_that),
		T(a_command_does_not_outlive_its_keeper),
		T(a_command_ends_when_the_whole_program_is_killed),
	};
	struct err e = ERR_INIT;
	int failed;

	dup2(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), LEAKED_FD);
	if (sandbox_ns_open(&box, NULL, &e) < 0) {
		fprintf(stderr, "%s\n", e.text);
		return 1;
	}
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	sandbox_free(box);
	return failed;
}
