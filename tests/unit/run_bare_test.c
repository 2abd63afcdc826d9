/*
 * A RUN without namespaces, in "/" as it is: all that it starts is dead when it ends, and whoever
 * started it is closed to it. This program first gives up all rights but those that docker leaves
 * to root, so it is what an unprivileged container would be; /etc/hosts and /etc/resolv.conf are
 * mounts, as they are there. Needs root.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "oci/run/caps.h"
#include "oci/run/secret_dir.h"
#include "oci/run/supervise.h"
#include "tests/fakes/recorder.h"
#include "tests/fakes/tmpdir.h"

static struct helper helper;

struct world {
	struct tmpdir dir;
	int root_fd, memory_fd;
	struct recorder progress;
	struct op op;
};

static int setup(void **state)
{
	struct world *w = mem_zalloc(sizeof(*w));

	tmpdir_init(&w->dir);
	assert_int_equal(chmod(w->dir.path, 0777), 0);
	w->root_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	w->memory_fd = w->dir.fd;
	recorder_init(&w->progress);
	w->op = (struct op){ .progress = &w->progress.base, .clock = &clock_system };
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	close(w->root_fd);
	recorder_release(&w->progress);
	tmpdir_release(&w->dir);
	free(w);
	return 0;
}

/* In the test's own directory. */
static struct run_spec shell(const struct world *w, const char *script)
{
	struct run_spec s = { .cwd = mem_strdup(w->dir.path),
			      .hostname = mem_strdup("build"),
			      .hosts = mem_strdup(""),
			      .progress_id = mem_strdup("run") };

	strv_add(&s.argv, "/bin/sh");
	strv_add(&s.argv, "-c");
	strv_add(&s.argv, script);
	strv_add(&s.env, "PATH=/usr/bin:/bin");
	return s;
}

static int run(struct world *w, const struct run_spec *spec, int *status, struct err *e)
{
	const struct supervise how = { .helper_sock = helper.sock,
				       .kind = HELPER_BARE,
				       .root_fd = w->root_fd,
				       .aside_fd = w->dir.fd,
				       .memory_fd = w->memory_fd };

	return supervise_run(&how, &w->op, spec, status, e);
}

static int run_shell(struct world *w, const char *script)
{
	auto_run_spec struct run_spec spec = shell(w, script);
	struct err e = ERR_INIT;
	int status = -1;

	if (run(w, &spec, &status, &e) < 0)
		fail_msg("%s", e.text);
	return status;
}

/* The numbers that processes have written into a file, one a line: how many are alive. */
static size_t alive(const struct world *w, const char *name)
{
	auto_free char *text = tmpdir_read(&w->dir, name);
	struct span rest = span_of_str(text ? text : ""), line;
	size_t nr = 0, seen = 0;
	uint64_t pid;

	for (; span_line(&rest, &line); seen++)
		if (span_to_u64(&pid, line) == 0 && kill((pid_t)pid, 0) == 0)
			nr++;
	assert_true(seen > 0);
	return nr;
}

static void the_exit_status_and_the_output_come_back(void **state)
{
	struct world *w = *state;
	int status = run_shell(w, "echo one; echo two >&2; exit 7");

	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 7);
	assert_true(recorder_has(&w->progress, "line run 1: one"));
	assert_true(recorder_has(&w->progress, "line run 2: two"));
	status = run_shell(w, "kill -9 $$");
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
}

static void a_daemon_in_a_session_of_its_own_is_dead_when_the_command_ends(void **state)
{
	struct world *w = *state;

	assert_int_equal(run_shell(w, "setsid sh -c 'trap \"\" TERM HUP INT; echo $$ > pid; "
				      "while :; do sleep 0.01; done' & "
				      "while ! test -s pid; do sleep 0.01; done"),
			 0);
	assert_int_equal(alive(w, "pid"), 0);
}

static void the_children_of_dead_parents_are_found(void **state)
{
	struct world *w = *state;

	assert_int_equal(run_shell(w, "for i in 1 2 3; do (setsid sh -c '(setsid sh -c "
				      "\"echo \\$\\$ >> pids; sleep 1000\") & ' &) ; done; "
				      "while test \"$(cat pids 2>/dev/null | wc -l)\" -lt 3; do "
				      "sleep 0.01; done"),
			 0);
	assert_int_equal(alive(w, "pids"), 0);
}

/* Each makes a new session, forks and ends: nobody is there for long. */
static void who_forks_all_the_time_is_caught(void **state)
{
	struct world *w = *state;
	struct stat before, after;
	const struct timespec pause = { .tv_nsec = 50000000 };

	tmpdir_file(&w->dir, "hop", "#!/bin/sh\n: > trace\nsetsid ./hop &\n");
	assert_int_equal(fchmodat(w->dir.fd, "hop", 0755, 0), 0);
	assert_int_equal(run_shell(w, "for i in 1 2 3 4 5 6 7 8 9 10; do ./hop & done; "
				      "sleep 0.1"),
			 0);
	assert_int_equal(fstatat(w->dir.fd, "trace", &before, 0), 0);
	nanosleep(&pause, NULL);
	assert_int_equal(fstatat(w->dir.fd, "trace", &after, 0), 0);
	assert_int_equal(before.st_mtim.tv_sec, after.st_mtim.tv_sec);
	assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
}

#define BOMBER	    54321
#define LAST_THREAD "last-thread" /* an argument: what this program is then */

static size_t processes_of(uid_t uid)
{
	DIR *dir = opendir("/proc");
	struct dirent *d;
	struct stat st;
	size_t nr = 0;

	assert_non_null(dir);
	while ((d = readdir(dir)))
		nr += fstatat(dirfd(dir), d->d_name, &st, 0) == 0 && st.st_uid == uid;
	closedir(dir);
	return nr;
}

/* As many as it may be, each in a session of its own, and each makes more as soon as one is gone. */
static void a_fork_bomb_is_over_with_the_command(void **state)
{
	struct world *w = *state;
	auto_run_spec struct run_spec spec = shell(w, "./bomb & ./bomb & sleep 0.3");
	struct err e = ERR_INIT;
	int status;

	tmpdir_file(&w->dir, "bomb",
		    "#!/bin/sh\nwhile :; do (setsid ./bomb 2>/dev/null &); done\n");
	assert_int_equal(fchmodat(w->dir.fd, "bomb", 0755, 0), 0);
	spec.uid = spec.gid = BOMBER;
	spec.limits = mem_zalloc(sizeof(*spec.limits));
	spec.limits[spec.nr_limits++] =
		(struct run_limit){ .resource = RLIMIT_NPROC, .soft = 60, .hard = 60 };
	assert_int_equal(run(w, &spec, &status, &e), 0);
	assert_int_equal(processes_of(BOMBER), 0);
}

/* This program, started by a RUN: a process whose first thread has ended and whose second runs. */
static void *be_the_last_thread(void *name)
{
	auto_free char *stat = mem_printf("/proc/%d/stat", getpid());
	auto_buf struct buf text = BUF_INIT(BUF_SMALL);
	struct err e = ERR_INIT;
	FILE *f;

	do {
		buf_reset(&text);
		if (fs_read_file(AT_FDCWD, stat, &text, &e) < 0)
			return NULL;
	} while (!strstr(buf_str(&text), ") Z "));
	f = fopen(name, "w");
	if (f) {
		fprintf(f, "%d\n", getpid());
		fclose(f);
	}
	for (;;)
		pause();
}

static int end_the_first_thread(char *name)
{
	pthread_t thread;

	if (fork() != 0)
		return 0;
	if (setsid() < 0 || pthread_create(&thread, NULL, be_the_last_thread, name) != 0)
		return 1;
	pthread_exit(NULL);
}

static void a_process_whose_first_thread_has_ended_is_killed(void **state)
{
	struct world *w = *state;
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self));

	assert_true(n > 0);
	auto_free char *script =
		mem_printf("'%.*s' " LAST_THREAD " pid; while ! test -s pid; do sleep 0.01; done",
			   (int)n, self);

	assert_int_equal(run_shell(w, script), 0);
	assert_int_equal(alive(w, "pid"), 0);
}

static void wait_for(struct world *w, const char *name)
{
	const struct timespec pause = { .tv_nsec = 5000000 };

	while (!tmpdir_has(&w->dir, name))
		nanosleep(&pause, NULL);
}

static void expect_no_monitor(struct world *w, const char *script)
{
	auto_run_spec struct run_spec spec = shell(w, script);
	struct err e = ERR_INIT;
	int status;

	assert_int_equal(run(w, &spec, &status, &e), -1);
	assert_int_equal(e.kind, ERR_FAILED);
	assert_string_equal(
		e.text, "what watches over it was killed, by the command or for want of memory");
}

#define DAEMON                                                                                     \
	"setsid sh -c 'setsid sleep 1000 & echo $! > pids; echo $$ >> pids; : > ready; wait' & "   \
	"echo $$ > own; while ! test -e ready; do sleep 0.01; done; "

static void a_command_that_kills_its_monitor_leaves_nothing(void **state)
{
	struct world *w = *state;

	expect_no_monitor(w, DAEMON "kill -9 $PPID; exec sleep 1000");
	assert_int_equal(alive(w, "pids"), 0);
	assert_int_equal(alive(w, "own"), 0);
	assert_int_equal(run_shell(w, "exit 0"), 0);
}

#define FIND_KEEPER                                                                                \
	"read -r pid name state keeper rest < /proc/$PPID/stat; "                                  \
	"read -r pid name state helper rest < /proc/$keeper/stat; "
#define KILL_KEEPER FIND_KEEPER "kill -9 $keeper $PPID"

/* Who writes for ever holds its output open, and is dead nevertheless. */
#define WRITER                                                                                     \
	"setsid sh -c 'echo $$ > pids; : > ready; exec dd if=/dev/zero bs=1M' & "                  \
	"echo $$ > own; while ! test -e ready; do sleep 0.01; done; "

static void a_command_that_kills_its_keeper_too_leaves_nothing(void **state)
{
	struct world *w = *state;

	expect_no_monitor(w, DAEMON KILL_KEEPER "; exec sleep 1000");
	assert_int_equal(alive(w, "pids"), 0);
	assert_int_equal(alive(w, "own"), 0);
	assert_int_equal(run_shell(w, "exit 0"), 0);
	expect_no_monitor(w, WRITER KILL_KEEPER "; exec sleep 1000");
	assert_int_equal(alive(w, "pids"), 0);
	assert_int_equal(alive(w, "own"), 0);
}

static void kill_all_in(const struct world *w, const char *name)
{
	auto_free char *pids = tmpdir_read(&w->dir, name);
	struct span rest = span_of_str(pids), line;
	uint64_t pid;

	while (span_line(&rest, &line))
		if (span_to_u64(&pid, line) == 0)
			kill((pid_t)pid, SIGKILL);
}

/* Whoever still writes then is not waited for. */
static void a_command_that_kills_all_who_keep_it_has_failed(void **state)
{
	struct world *w = *state;
	struct helper all = helper;
	struct err e = ERR_INIT;

	assert_int_equal(helper_start(&helper, true, &e), 0);
	assert_false(helper_is_gone(&helper));
	expect_no_monitor(w, WRITER FIND_KEEPER
			  "sleep 0.3; kill -9 $helper $keeper $PPID; exec sleep 1000");
	while (!helper_is_gone(&helper))
		;
	assert_int_equal(alive(w, "pids"), 1);
	kill_all_in(w, "pids");
	kill_all_in(w, "own");
	helper_stop(&helper);
	helper = all;
}

/* RUNs side by side: one that has lost its keeper takes no other with it. */
static void *run_beside(void *arg)
{
	struct world *w = arg;

	return (void *)(intptr_t)run_shell(w, "echo $$ > beside; while ! test -e end; do sleep "
					      "0.01; done; exit 3");
}

static void who_kills_its_keeper_kills_no_other(void **state)
{
	struct world *w = *state;
	pthread_t thread;
	void *status;

	assert_int_equal(pthread_create(&thread, NULL, run_beside, w), 0);
	wait_for(w, "beside");
	expect_no_monitor(w, DAEMON KILL_KEEPER "; exec sleep 1000");
	assert_int_equal(alive(w, "pids"), 0);
	assert_int_equal(alive(w, "beside"), 1);
	tmpdir_file(&w->dir, "end", "");
	pthread_join(thread, &status);
	assert_int_equal(WEXITSTATUS((int)(intptr_t)status), 3);
}

static void many_processes_are_no_trouble(void **state)
{
	struct world *w = *state;

	assert_int_equal(run_shell(w, "i=0; while [ $i -lt 40 ]; do setsid sleep 1000 & "
				      "echo $! >> pids; i=$((i+1)); done"),
			 0);
	assert_int_equal(alive(w, "pids"), 0);
}

static void a_time_limit_ends_the_command_and_its_daemons(void **state)
{
	struct world *w = *state;
	auto_run_spec struct run_spec spec =
		shell(w, "trap '' TERM; setsid sleep 1000 & echo $! > pid; echo $$ >> pid; "
			 "while :; do :; done");
	struct err e = ERR_INIT;
	int status;

	spec.timeout_ms = 200;
	assert_int_equal(run(w, &spec, &status, &e), -1);
	assert_int_equal(e.kind, ERR_TIMEOUT);
	assert_true(!tmpdir_has(&w->dir, "pid") || alive(w, "pid") == 0);
}

static struct cancel cancel;

static void *cancel_when_ready(void *arg)
{
	wait_for(arg, "ready");
	cancel_set(&cancel, SIGTERM);
	return NULL;
}

static void cancelling_ends_the_command_and_its_daemons(void **state)
{
	struct world *w = *state;
	auto_run_spec struct run_spec spec =
		shell(w, "trap '' TERM; setsid sleep 1000 & echo $! > pid; echo $$ >> pid; "
			 ": > ready; while :; do :; done");
	struct err e = ERR_INIT;
	pthread_t thread;
	int status;

	assert_int_equal(cancel_init(&cancel, &e), 0);
	w->op.cancel = &cancel;
	assert_int_equal(pthread_create(&thread, NULL, cancel_when_ready, w), 0);
	assert_int_equal(run(w, &spec, &status, &e), -1);
	assert_int_equal(e.kind, ERR_CANCELLED);
	assert_int_equal(alive(w, "pid"), 0);
	pthread_join(thread, NULL);
	w->op.cancel = NULL;
	cancel_release(&cancel);
}

/* One who asks for a RUN and is killed: what he started goes, too. */
static void who_asked_is_gone_and_so_is_the_command(void **state)
{
	struct world *w = *state;
	const struct timespec pause = { .tv_nsec = 5000000 };
	pid_t pid = fork();

	if (pid == 0) {
		run_shell(w, "setsid sleep 1000 & echo $! > pid; echo $$ >> pid; : > ready; "
			     "sleep 1000");
		_exit(0);
	}
	wait_for(w, "ready");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	while (alive(w, "pid"))
		nanosleep(&pause, NULL);
}

/* What root may see of any process are the numbers of its descriptors. */
#define LOOK                                                                                       \
	"for f in environ mem maps auxv root/etc/passwd cwd/. fd/0 fd/1; do "                      \
	"cat /proc/$P/$f > /dev/null 2>> said && echo OPENED $f; done; "                           \
	"for f in root cwd exe fd/0 fd/1 fd/2 fd/3; do readlink /proc/$P/$f && echo OPENED $f; "   \
	"done; ls /proc/$P/root/ 2>> said && echo OPENED root; "                                   \
	"ls /proc/$P/map_files/ 2>> said && echo OPENED map_files; echo looked; cat said; :"

static int look_at_us(struct world *w, const char *script, uint32_t uid)
{
	auto_free char *full = mem_printf("P=%d; export P; %s", getpid(), script);
	auto_run_spec struct run_spec spec = shell(w, full);
	struct err e = ERR_INIT;
	int status = -1;

	spec.uid = spec.gid = uid;
	if (run(w, &spec, &status, &e) < 0)
		fail_msg("%s", e.text);
	return status;
}

static void whoever_started_it_is_closed_to_it(void **state)
{
	struct world *w = *state;

	assert_int_equal(look_at_us(w, LOOK, 0), 0);
	assert_true(recorder_has(&w->progress, "looked"));
	assert_true(recorder_has(&w->progress, "Permission denied"));
	assert_false(recorder_has(&w->progress, "OPENED"));
}

static void becoming_another_and_root_again_opens_nothing(void **state)
{
	struct world *w = *state;

	assert_int_equal(look_at_us(w, "su root -c '" LOOK "'", 0), 0);
	assert_true(recorder_has(&w->progress, "looked"));
	assert_false(recorder_has(&w->progress, "OPENED"));
}

static void a_setuid_program_opens_nothing(void **state)
{
	struct world *w = *state;

	assert_int_equal(run_shell(w, "cp /bin/cat cat && chmod 4755 cat"), 0);
	assert_int_equal(look_at_us(w,
				    "./cat /proc/self/status | grep -E '^(Uid|CapPrm)'; "
				    "./cat /proc/$P/environ > /dev/null && echo OPENED",
				    1000) != 0,
			 1);
	assert_true(recorder_has(&w->progress, "Uid:\t1000\t0"));
	assert_true(recorder_has(&w->progress, "CapPrm:\t00000000880425fb"));
	assert_false(recorder_has(&w->progress, "OPENED"));
}

static void it_has_dockers_capabilities_less_one(void **state)
{
	struct world *w = *state;

	assert_int_equal(run_shell(w, "grep ^Cap /proc/self/status"), 0);
	assert_true(recorder_has(&w->progress, "CapInh:\t0000000000000000"));
	assert_true(recorder_has(&w->progress, "CapPrm:\t00000000880425fb"));
	assert_true(recorder_has(&w->progress, "CapEff:\t00000000880425fb"));
	assert_true(recorder_has(&w->progress, "CapBnd:\t00000000880425fb"));
	assert_true(recorder_has(&w->progress, "CapAmb:\t0000000000000000"));
}

static void the_environment_is_only_what_was_given(void **state)
{
	struct world *w = *state;

	assert_int_equal(run_shell(w, "export"), 0);
	assert_true(recorder_has(&w->progress, "PATH='/usr/bin:/bin'"));
	assert_false(recorder_has(&w->progress, "CANARY"));
	assert_false(recorder_has(&w->progress, "HOSTNAME"));
}

static void another_user_runs_with_its_ids_and_no_capability(void **state)
{
	struct world *w = *state;
	auto_run_spec struct run_spec spec =
		shell(w, "grep -E '^(Uid|Gid|Groups|CapEff)' /proc/self/status; umask");
	struct err e = ERR_INIT;
	int status;

	spec.uid = 1000;
	spec.gid = 1001;
	spec.nr_groups = 2;
	spec.groups = mem_resize(NULL, 2, sizeof(*spec.groups));
	spec.groups[0] = 1001;
	spec.groups[1] = 27;
	assert_int_equal(run(w, &spec, &status, &e), 0);
	assert_true(recorder_has(&w->progress, "Uid:\t1000\t1000\t1000\t1000"));
	assert_true(recorder_has(&w->progress, "Gid:\t1001\t1001\t1001\t1001"));
	assert_true(recorder_has(&w->progress, "Groups:\t27 1001 \n"));
	assert_true(recorder_has(&w->progress, "CapEff:\t0000000000000000"));
	assert_true(recorder_has(&w->progress, "0022"));
}

static void it_has_no_descriptor_but_the_standard_ones(void **state)
{
	struct world *w = *state;

	/* 3 is the shell's own, of the directory it reads */
	assert_int_equal(run_shell(w, "for f in /proc/self/fd/*; do echo \"open ${f##*/}.\"; "
				      "done; readlink /proc/self/fd/0"),
			 0);
	assert_true(recorder_has(&w->progress, "open 2."));
	assert_true(recorder_has(&w->progress, "/dev/null"));
	for (int fd = 4; fd < 100; fd++) {
		auto_free char *line = mem_printf("open %d.", fd);

		assert_false(recorder_has(&w->progress, line));
	}
}

static void a_working_directory_in_proc_is_refused(void **state)
{
	struct world *w = *state;
	static const char *const places[] = { "/proc", "/proc/self", "/proc/self/fd/3",
					      "/proc/1/root", "/sys/kernel" };

	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		auto_run_spec struct run_spec spec = shell(w, "pwd");
		struct err e = ERR_INIT;
		int status;

		free(spec.cwd);
		spec.cwd = mem_strdup(places[i]);
		assert_int_equal(run(w, &spec, &status, &e), -1);
		assert_non_null(strstr(e.text, "working directory"));
	}
}

static void a_program_that_is_not_there_is_told_by_name(void **state)
{
	struct world *w = *state;
	auto_run_spec struct run_spec spec = shell(w, "true");
	struct err e = ERR_INIT;
	int status;

	strv_release(&spec.argv);
	strv_add(&spec.argv, "no-such-program");
	assert_int_equal(run(w, &spec, &status, &e), -1);
	assert_non_null(strstr(e.text, "no-such-program"));
	assert_int_equal(e.kind, ERR_FAILED);
}

/* -- what it has mounted ----------------------------------------------------------- */

static struct run_mount *add_file(struct run_spec *spec, const struct world *w, const char *name,
				  const char *text)
{
	struct run_mount *m =
		run_spec_add_mount(spec, RUN_MOUNT_FILE, mem_printf("%s/%s", w->dir.path, name));

	buf_add_str(&m->bytes, text);
	m->mode = 0400;
	return m;
}

static void a_secret_is_in_memory_and_goes(void **state)
{
	struct world *w = *state;
	auto_run_spec struct run_spec spec =
		shell(w, "cat run/key; readlink run/key; stat -Lc '%a %u.' run/key");
	struct err e = ERR_INIT;
	auto_free char *place = NULL;
	const char *at;
	int status;

	spec.uid = 1000;
	add_file(&spec, w, "run/key", "s3cret\n")->uid = 1000;
	w->memory_fd = secret_dir_make(w->dir.fd, &e);
	assert_true(w->memory_fd >= 0);
	assert_int_equal(run(w, &spec, &status, &e), 0);
	close(w->memory_fd);
	assert_true(recorder_has(&w->progress, "line run 1: s3cret"));
	assert_true(recorder_has(&w->progress, "400 1000."));
	at = strstr(recorder_text(&w->progress), "/dev/shm/cbuild-");
	assert_non_null(at);
	place = mem_strndup(at, strlen("/dev/shm/cbuild-0123456789abcdef"));
	assert_int_equal(access(place, F_OK), -1);
	assert_int_equal(secret_dir_remove(w->dir.fd, &e), 0);
	assert_int_equal(tmpdir_count(&w->dir), 0);
}

/* What is covered is put into a directory; one that is killed leaves it. */
static void what_one_with_the_same_pid_has_left_is_no_trouble(void **state)
{
	struct world *w = *state;
	pid_t next = fork();

	if (next == 0)
		_exit(0);
	waitpid(next, NULL, 0);
	for (int i = 0; i < 500; i++) {
		auto_free char *name = mem_printf("covered-%d", next + i);

		tmpdir_dir(&w->dir, name);
	}
	assert_int_equal(run_shell(w, "exit 0"), 0);
}

static void a_script_can_be_executed(void **state)
{
	struct world *w = *state;
	auto_run_spec struct run_spec spec = shell(w, "./run/script");
	struct err e = ERR_INIT;
	int status;

	add_file(&spec, w, "run/script", "#!/bin/sh\necho ran\n")->mode = 0755;
	assert_int_equal(run(w, &spec, &status, &e), 0);
	assert_true(recorder_has(&w->progress, "line run 1: ran"));
	assert_int_equal(tmpdir_count(&w->dir), 0);
}

static void hosts_are_added_to_the_machines_own_and_taken_away(void **state)
{
	struct world *w = *state;
	auto_run_spec struct run_spec spec =
		shell(w, "cat /etc/hosts /etc/resolv.conf; echo more >> /etc/hosts");
	auto_buf struct buf text = BUF_INIT(BUF_SMALL);
	struct err e = ERR_INIT;
	int status;

	spec.added_hosts = mem_strdup("192.0.2.2 added\n");
	assert_int_equal(run(w, &spec, &status, &e), 0);
	assert_true(recorder_has(&w->progress,
				 "line run 1: 192.0.2.1 machine\nline run 1: "
				 "192.0.2.2 added\nline run 1: nameserver 192.0.2.3"));
	assert_int_equal(fs_read_file(AT_FDCWD, "/etc/hosts", &text, &e), 0);
	assert_string_equal(buf_str(&text), "192.0.2.1 machine\n");
}

static bool mount_text(const char *path, const char *text)
{
	char name[] = "/dev/shm/cbuild-test-XXXXXX";
	auto_close int fd = mkstemp(name);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) > 0 && fchmod(fd, 0644) == 0 &&
		  mount(name, path, NULL, MS_BIND, NULL) == 0;

	unlink(name);
	return ok;
}

static bool mount_as_in_a_container(void)
{
	return unshare(CLONE_NEWNS) == 0 &&
	       mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount_text("/etc/hosts", "192.0.2.1 machine\n") &&
	       mount_text("/etc/resolv.conf", "nameserver 192.0.2.3\n");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		T(the_exit_status_and_the_output_come_back),
		T(a_daemon_in_a_session_of_its_own_is_dead_when_the_command_ends),
		T(the_children_of_dead_parents_are_found),
		T(who_forks_all_the_time_is_caught),
		T(a_fork_bomb_is_over_with_the_command),
		T(a_process_whose_first_thread_has_ended_is_killed),
		T(a_command_that_kills_its_monitor_leaves_nothing),
		T(a_command_that_kills_its_keeper_too_leaves_nothing),
		T(who_kills_its_keeper_kills_no_other),
		T(a_command_that_kills_all_who_keep_it_has_failed),
		T(many_processes_are_no_trouble),
		T(a_time_limit_ends_the_command_and_its_daemons),
		T(cancelling_ends_the_command_and_its_daemons),
		T(who_asked_is_gone_and_so_is_the_command),
		T(whoever_started_it_is_closed_to_it),
		T(becoming_another_and_root_again_opens_nothing),
		T(a_setuid_program_opens_nothing),
		T(it_has_dockers_capabilities_less_one),
		T(the_environment_is_only_what_was_given),
		T(another_user_runs_with_its_ids_and_no_capability),
		T(it_has_no_descriptor_but_the_standard_ones),
		T(a_working_directory_in_proc_is_refused),
		T(a_program_that_is_not_there_is_told_by_name),
		T(a_secret_is_in_memory_and_goes),
		T(what_one_with_the_same_pid_has_left_is_no_trouble),
		T(a_script_can_be_executed),
		T(hosts_are_added_to_the_machines_own_and_taken_away),
	};
	struct err e = ERR_INIT;
	int failed;

	if (argc == 3 && strcmp(argv[1], LAST_THREAD) == 0)
		return end_the_first_thread(argv[2]);
	setenv("CANARY", "s3cret", 1);
	setenv("HOSTNAME", "job", 1);
	if (!mount_as_in_a_container()) {
		perror("mounts of its own");
		return 1;
	}
	if (caps_bound(caps_docker(), &e) < 0 || caps_set(caps_docker(), &e) < 0 ||
	    helper_start(&helper, true, &e) < 0) {
		fprintf(stderr, "%s\n", e.text);
		return 1;
	}
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	helper_stop(&helper);
	return failed;
}
