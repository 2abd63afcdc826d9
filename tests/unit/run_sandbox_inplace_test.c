/*
 * RUN in place, in a small root of the test's own: a child in a mount namespace of its own changes its
 * root to a directory with busybox, /proc and /dev. Needs the right to mount, and a static busybox.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/rootdir.h"
#include "oci/run/sandbox_inplace.h"
#include "tests/fakes/recorder.h"
#include "tests/fakes/tmpdir.h"

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			fprintf(stderr, "%s:%d: %s: %m\n", __FILE__, __LINE__, #cond);             \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

#define CHECK_DO(call)                                                                             \
	do {                                                                                       \
		if ((call) < 0) {                                                                  \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, e.text);                \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

struct world {
	struct sandbox *box;
	struct recorder progress;
	struct op op;
	struct strv kept;
	struct inplace_options opt;
	bool has_secret;
};

static void job_fill(struct tmpdir *t)
{
	auto_free char *command = NULL;

	tmpdir_file(t, "job/etc/hosts", "job hosts");
	tmpdir_file(t, "job/etc/job", "job");
	tmpdir_file(t, "job/usr/tool", "job tool");
	tmpdir_file(t, "job/builds/project/source", "source");
	tmpdir_dir(t, "job/proc");
	tmpdir_dir(t, "job/dev");
	tmpdir_dir(t, "job/var/state");
	tmpdir_dir(t, "job/var/state/tree/bin");
	tmpdir_file(t, "job/var/state/tree/etc/image", "image");
	command = mem_printf("cp /bin/busybox '%s/job/var/state/tree/bin/sh'", t->path);
	assert_int_equal(system(command), 0);
}

static void enter(struct tmpdir *t)
{
	CHECK(tmpdir_own_mounts(t));
	CHECK(mount("/proc", "job/proc", NULL, MS_BIND | MS_REC, NULL) == 0);
	CHECK(mount("/dev", "job/dev", NULL, MS_BIND | MS_REC, NULL) == 0);
	CHECK(mount("job/builds", "job/builds", NULL, MS_BIND, NULL) == 0);
	CHECK(chroot("job") == 0 && chdir("/") == 0);
}

static void open_box(struct world *w)
{
	auto_free char *how = NULL;
	struct err e = ERR_INIT;

	*w = (struct world){ .opt = { .root = "/var/state", .is_forced = true } };
	recorder_init(&w->progress);
	strv_add(&w->kept, "/builds/project");
	strv_add(&w->kept, "/usr/not/there");
	w->opt.kept = &w->kept;
	w->opt.progress = &w->progress.base;
	w->op = (struct op){ .progress = &w->progress.base, .clock = &clock_system };
	CHECK_DO(sandbox_inplace_open(&w->box, &how, &w->opt, &e));
	CHECK(strstr(how, "inplace (") && w->box->is_flat);
}

static void close_box(struct world *w)
{
	sandbox_free(w->box);
	strv_release(&w->kept);
	recorder_release(&w->progress);
}

static void add_secret(struct run_spec *spec)
{
	struct run_mount *m = run_spec_add_mount(spec, RUN_MOUNT_FILE, mem_strdup("/run/key"));

	buf_add_str(&m->bytes, "s3cret\n");
	m->mode = 0400;
}

static int run(struct world *w, const char *script, int *status, struct err *e)
{
	auto_run_spec struct run_spec spec = { .cwd = mem_strdup("/"),
					       .hostname = mem_strdup("build"),
					       .hosts = mem_strdup("127.0.0.1 localhost\n"),
					       .progress_id = mem_strdup("run") };
	auto_strv struct strv lowers = STRV_INIT;
	struct sandbox_tree tree;
	int r;

	strv_add(&spec.argv, "/bin/sh");
	strv_add(&spec.argv, "-c");
	strv_add(&spec.argv, script);
	strv_add(&spec.env, "PATH=/bin");
	if (w->has_secret)
		add_secret(&spec);
	strv_add(&lowers, "/var/state/tree");
	CHECK(sandbox_tree_open(w->box, &tree, &lowers, "/var/state", false, e) == 0);
	r = sandbox_run(w->box, &w->op, &tree, &spec, status, e);
	sandbox_tree_close(w->box, &tree);
	return r;
}

static int status_of(struct world *w, const char *script)
{
	struct err e = ERR_INIT;
	int status = -1;

	CHECK_DO(run(w, script, &status, &e));
	return status;
}

static bool is_text(const char *path, const char *want)
{
	char have[64] = "";
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd >= 0 && read(fd, have, sizeof(have) - 1) >= 0 && strcmp(have, want) == 0;
}

static void check_job(void)
{
	CHECK(is_text("/etc/job", "job") && is_text("/etc/hosts", "job hosts"));
	CHECK(is_text("/usr/tool", "job tool") && is_text("/builds/project/source", "source"));
	CHECK(access("/bin", F_OK) < 0 && access("/etc/image", F_OK) < 0);
	CHECK(access("/.cbuild/journal.job", F_OK) < 0 &&
	      access("/.cbuild/journal.tree", F_OK) < 0);
	CHECK(!rootdir_is_taken());
}

/* -- in the child ---------------------------------------------------------------- */

static void whole_run(void)
{
	struct world w;

	open_box(&w);
	CHECK(status_of(
		      &w,
		      "read x </etc/image; [ \"$x\" = image ] && [ ! -e /usr/tool ] && "
		      "[ -e /builds/project/source ] && [ -e /var/state/tree ] && echo new >/etc/new && "
		      "echo edit >/etc/hosts") == 0);
	check_job();
	CHECK(is_text("/var/state/tree/etc/new", "new\n"));
	CHECK(access("/var/state/tree/etc/hosts", F_OK) < 0);
	CHECK(access("/var/state/tree/builds", F_OK) < 0);
	CHECK(WEXITSTATUS(status_of(&w, "exit 7")) == 7);
	check_job();
	CHECK(status_of(&w, "[ -e /etc/new ]") == 0);
	close_box(&w);
}

/* A mounted file whose source has two names cannot be parted from them, and need not be. */
static void mounted_file_of_two_names(void)
{
	struct world w;
	int fd = open("/builds/own", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	CHECK(fd >= 0 && write(fd, "mounted hosts", 13) == 13 && close(fd) == 0);
	CHECK(link("/builds/own", "/builds/other") == 0);
	CHECK(mount("/builds/own", "/etc/hosts", NULL, MS_BIND, NULL) == 0);
	open_box(&w);
	CHECK(status_of(&w, "echo edit >/etc/hosts") == 0);
	CHECK(is_text("/etc/hosts", "mounted hosts") && is_text("/builds/other", "mounted hosts"));
	CHECK(umount2("/etc/hosts", 0) == 0);
	close_box(&w);
}

static void run_that_cannot_start(void)
{
	struct world w;
	struct err e = ERR_INIT;
	int status;

	open_box(&w);
	CHECK(unlink("/var/state/tree/bin/sh") == 0);
	CHECK(run(&w, "", &status, &e) < 0 && strstr(e.text, "/bin/sh"));
	check_job();
	close_box(&w);
}

static void named_path_in_image(void)
{
	struct world w;
	struct err e = ERR_INIT;
	int status;

	CHECK(mkdir("/var/state/tree/builds", 0755) == 0);
	CHECK(mkdir("/var/state/tree/builds/project", 0755) == 0);
	open_box(&w);
	CHECK(status_of(&w, ":") ==
	      0); /* the mount is what is in the way, and there is a word about it */
	CHECK(recorder_has(&w.progress, "warn: RUN does not see the image's own '/builds'"));
	close_box(&w);

	CHECK(umount2("/builds", MNT_DETACH) == 0);
	CHECK(mkdir("/var/state/tree/builds/project/x", 0755) == 0);
	open_box(&w);
	CHECK(run(&w, ":", &status, &e) < 0 && e.kind == ERR_IMPOSSIBLE);
	CHECK(strstr(e.text, "'/builds/project'"));
	check_job();
	close_box(&w);
}

/* What `readlink` said, which the RUN has written to /builds/place. */
static void check_no_secret(void)
{
	char place[64] = "";
	auto_close int fd = open("/builds/place", O_RDONLY | O_CLOEXEC);

	CHECK(fd >= 0 && read(fd, place, sizeof(place) - 1) > 0);
	place[strcspn(place, "\n")] = '\0';
	CHECK(strstr(place, "/dev/shm/cbuild-") == place);
	CHECK(access(place, F_OK) < 0);
	*strrchr(place, '/') = '\0';
	CHECK(access(place, F_OK) < 0);
	CHECK(access("/.cbuild/secrets", F_OK) < 0);
}

#define SAY_PLACE "read x </run/key && [ $x = s3cret ] && readlink /run/key >/builds/place && "

static void monitor_killed(void)
{
	struct world w;
	struct err e = ERR_INIT;
	int status;

	open_box(&w);
	w.has_secret = true;
	CHECK(status_of(&w, SAY_PLACE ":") == 0);
	check_no_secret();
	CHECK(run(&w, SAY_PLACE "kill -9 $PPID; while :; do :; done", &status, &e) < 0);
	CHECK(strstr(e.text, "was killed"));
	check_no_secret();
	check_job();
	close_box(&w);
}

/* The three that keep it, and one that writes for ever meanwhile. */
static void all_keepers_killed(void)
{
	struct world w;
	struct err e = ERR_INIT;
	char pid[16] = "";
	int status;
	auto_close int fd = -1;

	CHECK(mkdir("/builds/out", 0755) == 0);
	open_box(&w);
	CHECK(run(&w,
		  "(while :; do echo more; done) & "
		  "echo $! >/builds/out/pid; "
		  "read p n s keeper r </proc/$PPID/stat; read p n s helper r </proc/$keeper/stat; "
		  "kill -9 $helper $keeper $PPID; while :; do :; done",
		  &status, &e) < 0);
	CHECK(strstr(e.text, "was killed"));
	fd = open("/builds/out/pid", O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0 && read(fd, pid, sizeof(pid) - 1) > 0);
	CHECK(kill((pid_t)strtol(pid, NULL, 10), 0) < 0);
	check_job();
	close_box(&w);
}

static void kill_one(int fd)
{
	char line[16];
	size_t n = 0;

	while (n + 1 < sizeof(line) && read(fd, &line[n], 1) == 1 && line[n] != '\n')
		n++;
	line[n] = '\0';
	CHECK(kill((pid_t)strtol(line, NULL, 10), SIGKILL) == 0);
}

/* Main, and the monitor before it has done anything. */
static void all_killed_at_once(void)
{
	struct world w;
	struct err e = ERR_INIT;
	auto_close int pids = -1;
	pid_t pid;
	int status;

	pid = fork();
	if (pid == 0) {
		open_box(&w);
		w.has_secret = true;
		run(&w,
		    SAY_PLACE "read p n s keeper r </proc/$PPID/stat; kill -STOP $keeper $PPID; "
			      "(echo $keeper; echo $PPID; echo $$) >/builds/own; "
			      "echo >/builds/ready; while :; do :; done",
		    &status, &e);
		_exit(1);
	}
	while (access("/builds/ready", F_OK) < 0)
		usleep(1000);
	kill(pid, SIGKILL);
	pids = open("/builds/own", O_RDONLY | O_CLOEXEC);
	for (int i = 0; i < 3; i++)
		kill_one(pids);
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK(sandbox_inplace_restore(NULL, &e) == 1);
	check_no_secret();
	check_job();
}

static void killed(void)
{
	struct world w;
	struct err e = ERR_INIT;
	struct recorder rec;
	pid_t pid;
	int status;

	pid = fork();
	if (pid == 0) {
		open_box(&w);
		run(&w, "echo $$ >/builds/pid; while :; do :; done", &status, &e);
		_exit(1);
	}
	while (access("/builds/pid", F_OK) < 0 || access("/etc/job", F_OK) == 0)
		usleep(1000);
	CHECK(is_text("/etc/image", "image"));
	kill(pid, SIGKILL);
	CHECK(waitpid(pid, &status, 0) == pid);
	recorder_init(&rec);
	CHECK(sandbox_inplace_restore(&rec.base, &e) == 1);
	CHECK(recorder_has(&rec, "put back this container's own files"));
	recorder_release(&rec);
	check_job();
	CHECK(sandbox_inplace_restore(NULL, &e) == 0);
}

/* As one that was killed between its two renames leaves it. */
static void probe_left(void)
{
	const struct timespec then[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
	struct stat st;
	struct world w;

	CHECK(mkdir("/.cbuild-probe", 0700) == 0);
	CHECK(utimensat(AT_FDCWD, "/.cbuild-probe", then, 0) == 0);
	open_box(&w);
	CHECK(stat("/", &st) == 0 && st.st_mtim.tv_sec == 1000);
	CHECK(stat("/.cbuild-probe", &st) < 0 && stat("/.cbuild/.cbuild-probe", &st) < 0);
	close_box(&w);
}

static void no_container(void)
{
	struct sandbox *box;
	struct err e = ERR_INIT;
	const struct inplace_options opt = { .root = "/var/state" };

	CHECK(umount2("/proc", MNT_DETACH) == 0);
	CHECK(sandbox_inplace_open(&box, NULL, &opt, &e) < 0 && e.kind == ERR_IMPOSSIBLE);
	CHECK(strstr(e.text, "CBUILD_INPLACE=1"));
	CHECK(access("/.cbuild", F_OK) < 0);
}

/* -- the tests --------------------------------------------------------------------- */

static void in_child(void (*test)(void))
{
	auto_tmpdir struct tmpdir t;
	pid_t pid;
	int status;

	tmpdir_init(&t);
	job_fill(&t);
	pid = fork();
	if (pid == 0) {
		enter(&t);
		test();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void a_stage_is_the_root_for_a_run_and_the_jobs_own_comes_back(void **state)
{
	(void)state;
	in_child(whole_run);
}

static void a_mounted_file_of_two_names_gets_its_bytes_back(void **state)
{
	(void)state;
	in_child(mounted_file_of_two_names);
}

static void a_command_that_cannot_start_leaves_the_jobs_own_in_place(void **state)
{
	(void)state;
	in_child(run_that_cannot_start);
}

static void what_an_image_has_in_a_kept_place_is_told_or_refused(void **state)
{
	(void)state;
	in_child(named_path_in_image);
}

static void a_monitor_that_is_killed_leaves_no_secret(void **state)
{
	(void)state;
	in_child(monitor_killed);
}

static void after_all_were_killed_at_once_the_next_start_removes_the_secrets(void **state)
{
	(void)state;
	in_child(all_killed_at_once);
}

static void who_has_killed_all_that_keep_it_is_dead_when_the_jobs_own_is_back(void **state)
{
	(void)state;
	in_child(all_keepers_killed);
}

static void after_a_kill_the_next_start_puts_the_jobs_own_back(void **state)
{
	(void)state;
	in_child(killed);
}

static void what_a_kill_left_of_the_probe_goes(void **state)
{
	(void)state;
	in_child(probe_left);
}

static void where_nothing_says_container_it_is_refused(void **state)
{
	(void)state;
	in_child(no_container);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stage_is_the_root_for_a_run_and_the_jobs_own_comes_back),
		cmocka_unit_test(a_mounted_file_of_two_names_gets_its_bytes_back),
		cmocka_unit_test(a_command_that_cannot_start_leaves_the_jobs_own_in_place),
		cmocka_unit_test(what_an_image_has_in_a_kept_place_is_told_or_refused),
		cmocka_unit_test(a_monitor_that_is_killed_leaves_no_secret),
		cmocka_unit_test(after_all_were_killed_at_once_the_next_start_removes_the_secrets),
		cmocka_unit_test(who_has_killed_all_that_keep_it_is_dead_when_the_jobs_own_is_back),
		cmocka_unit_test(after_a_kill_the_next_start_puts_the_jobs_own_back),
		cmocka_unit_test(what_a_kill_left_of_the_probe_goes),
		cmocka_unit_test(where_nothing_says_container_it_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
