/*
 * The mounts that a RUN asks for: what it sees there, and that nothing of them is left. Needs what
 * run_sandbox_ns_test.c needs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "oci/run/sandbox_ns.h"
#include "tests/fakes/recorder.h"
#include "tests/fakes/tmpdir.h"

static struct sandbox *box;
static bool one_id; /* nobody but root is known in our user namespace */

struct world {
	struct tmpdir dir; /* image/, step/, src/ */
	struct strv lowers;
	struct sandbox_tree tree;
	struct recorder progress;
	struct op op;
	struct run_spec spec;
};

static int setup(void **state)
{
	static const char *const programs[] = { "cat",	 "stat", "ls", "mknod",
						"mkdir", "rm",	 "ip", "mv" };
	struct world *w = mem_zalloc(sizeof(*w));
	auto_free char *step = NULL;
	auto_free char *copy = NULL;
	struct err e = ERR_INIT;

	tmpdir_init(&w->dir);
	tmpdir_dir(&w->dir, "image/bin");
	tmpdir_dir(&w->dir, "step");
	tmpdir_file(&w->dir, "src/file", "of the source\n");
	tmpdir_file(&w->dir, "src/sub/deep", "deep\n");
	copy = mem_printf("cp /bin/busybox '%s/image/bin/sh'", w->dir.path);
	assert_int_equal(system(copy), 0);
	for (size_t i = 0; i < ARRAY_LEN(programs); i++) {
		auto_free char *name = mem_printf("image/bin/%s", programs[i]);

		tmpdir_link(&w->dir, name, "sh");
	}
	strv_addf(&w->lowers, "%s/image", w->dir.path);
	step = mem_printf("%s/step", w->dir.path);
	recorder_init(&w->progress);
	w->op = (struct op){ .progress = &w->progress.base, .clock = &clock_system };
	if (sandbox_tree_open(box, &w->tree, &w->lowers, step, false, &e) < 0)
		fail_msg("%s", e.text);
	w->spec = (struct run_spec){ .cwd = mem_strdup("/"),
				     .hostname = mem_strdup("build"),
				     .hosts = mem_strdup("192.0.2.1\tfar\n"),
				     .progress_id = mem_strdup("run") };
	strv_add(&w->spec.env, "PATH=/bin");
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	run_spec_release(&w->spec);
	sandbox_tree_close(box, &w->tree);
	strv_release(&w->lowers);
	recorder_release(&w->progress);
	tmpdir_release(&w->dir);
	free(w);
	return 0;
}

static struct run_mount *add(struct world *w, enum run_mount_kind kind, const char *target)
{
	return run_spec_add_mount(&w->spec, kind, mem_strdup(target));
}

static struct run_mount *add_bind(struct world *w, const char *source, const char *target)
{
	struct run_mount *m = add(w, RUN_MOUNT_BIND, target);

	m->fd = openat(w->dir.fd, source, O_PATH | O_CLOEXEC);
	assert_true(m->fd >= 0);
	return m;
}

static struct run_mount *add_file(struct world *w, const char *target, const char *text)
{
	struct run_mount *m = add(w, RUN_MOUNT_FILE, target);

	buf_add_str(&m->bytes, text);
	m->mode = 0400;
	m->read_only = true;
	return m;
}

static int run(struct world *w, const char *script, struct err *e)
{
	int status = -1;

	strv_release(&w->spec.argv);
	strv_add(&w->spec.argv, "/bin/sh");
	strv_add(&w->spec.argv, "-c");
	strv_add(&w->spec.argv, script);
	return sandbox_run(box, &w->op, &w->tree, &w->spec, &status, e) < 0 ? -1 : status;
}

static void assert_runs(struct world *w, const char *script)
{
	struct err e = ERR_INIT;
	int status = run(w, script, &e);

	if (status != 0)
		fail_msg("%d %s\n%s", status, e.text, recorder_text(&w->progress));
}

/* The layer would be empty. */
static void assert_no_trace(const struct world *w)
{
	auto_free char *list = mem_printf(
		"cd /proc/%d/fd/%d && test -z \"$(find . -mindepth 1 ! -path './etc' ! -path './bin')\"",
		(int)getpid(), w->tree.upper_fd);

	assert_int_equal(system(list), 0);
}

static void a_directory_is_mounted_and_cannot_be_written(void **state)
{
	struct world *w = *state;

	add_bind(w, "src", "/in/the/image")->read_only = true;
	assert_runs(w, "cat /in/the/image/file /in/the/image/sub/deep; "
		       "echo x 2>&- >/in/the/image/new && exit 1; test ! -e /in/the/image/new");
	assert_true(recorder_has(&w->progress, "line run 1: of the source\nline run 1: deep"));
	assert_no_trace(w);
}

static void a_mount_may_be_written_where_that_is_wanted(void **state)
{
	struct world *w = *state;

	add_bind(w, "src", "/cache");
	assert_runs(w, "echo kept > /cache/new");
	assert_true(tmpdir_has(&w->dir, "src/new"));
	assert_no_trace(w);
}

static void a_single_file_is_mounted(void **state)
{
	struct world *w = *state;

	add_bind(w, "src/file", "/etc/made/conf")->read_only = true;
	assert_runs(w, "cat /etc/made/conf");
	assert_true(recorder_has(&w->progress, "of the source"));
	assert_no_trace(w);
}

static void a_mount_hides_what_the_image_has_and_leaves_it(void **state)
{
	struct world *w = *state;

	tmpdir_file(&w->dir, "image/opt/own", "image's");
	add_bind(w, "src", "/opt")->read_only = true;
	assert_runs(w, "test ! -e /opt/own && test -e /opt/file");
	assert_int_equal(faccessat(w->tree.root_fd, "opt/own", F_OK, 0), 0);
	assert_no_trace(w);
}

static void a_mount_below_a_mount_is_made_in_that(void **state)
{
	struct world *w = *state;

	add(w, RUN_MOUNT_TMPFS, "/a")->mode = 0755;
	add_bind(w, "src", "/a/b/c")->read_only = true;
	assert_runs(w, "cat /a/b/c/file && echo x > /a/b/other");
	assert_no_trace(w);
}

static void a_mount_below_a_read_only_one_needs_its_place_there(void **state)
{
	struct world *w = *state;
	struct err e = ERR_INIT;

	add_bind(w, "src", "/a")->read_only = true;
	add(w, RUN_MOUNT_TMPFS, "/a/sub")->mode = 0755;
	assert_runs(w, "echo x > /a/sub/new && test ! -e /a/sub/deep");
	add(w, RUN_MOUNT_TMPFS, "/a/missing")->mode = 0755;
	assert_int_equal(run(w, ":", &e), -1);
	assert_non_null(strstr(e.text, "/a/missing"));
	assert_non_null(strstr(e.text, "Read-only file system"));
	assert_false(tmpdir_has(&w->dir, "src/missing"));
	assert_no_trace(w);
}

/* The way to it leads through a link of the mount above back into the tree. */
static void a_mount_point_is_never_made_in_the_tree_itself(void **state)
{
	struct world *w = *state;
	struct err e = ERR_INIT;

	tmpdir_dir(&w->dir, "image/opt");
	tmpdir_link(&w->dir, "src/out", "/opt");
	add_bind(w, "src", "/a");
	add(w, RUN_MOUNT_TMPFS, "/a/out/new")->mode = 0755;
	assert_int_equal(run(w, ":", &e), -1);
	assert_non_null(strstr(e.text, "/a/out/new"));
	assert_int_equal(faccessat(w->tree.root_fd, "opt/new", F_OK, 0), -1);
	assert_no_trace(w);
}

static void an_empty_file_system_has_the_size_that_was_asked_for(void **state)
{
	struct world *w = *state;
	struct run_mount *m = add(w, RUN_MOUNT_TMPFS, "/scratch");

	m->mode = 01777;
	m->size_bytes = 64 << 10;
	assert_runs(w, "stat -c '%a %u:%g' /scratch; stat -f -c '%b %S' /scratch");
	assert_true(recorder_has(&w->progress, "line run 1: 1777 0:0\nline run 1: 16 4096"));
	assert_no_trace(w);
}

static void a_file_of_its_own_has_owner_mode_and_bytes(void **state)
{
	struct world *w = *state;
	struct run_mount *m = add_file(w, "/run/secrets/token", "s3cret");

	m->mode = 0440;
	m->uid = m->gid = one_id ? 0 : 1000;
	assert_runs(w, "stat -c '%a %u:%g %s %h' /run/secrets/token; cat /run/secrets/token; "
		       "echo x 2>&- > /run/secrets/token; rm /run/secrets/token 2>&-; :");
	assert_true(recorder_has(&w->progress, one_id ? "440 0:0 6 1" : "440 1000:1000 6 1"));
	assert_true(recorder_has(&w->progress, "line run 1: s3cret"));
	assert_no_trace(w);
}

static void a_file_of_its_own_is_nowhere_else(void **state)
{
	struct world *w = *state;

	add_file(w, "/dev/pipes/EOF", "#!/bin/sh\necho script\n")->mode = 0755;
	assert_runs(w, "ls -A /dev | while read name; do echo \"dev $name\"; done; /dev/pipes/EOF");
	assert_true(recorder_has(&w->progress, "line run 1: script"));
	assert_true(recorder_has(&w->progress, "dev pipes"));
	assert_false(recorder_has(&w->progress, "dev ."));
	assert_no_trace(w);
}

static void an_id_that_is_not_known_here_is_told(void **state)
{
	struct world *w = *state;
	struct err e = ERR_INIT;

	if (!one_id)
		return;
	add_file(w, "/run/secrets/token", "s3cret")->uid = 1000;
	assert_int_equal(run(w, ":", &e), -1);
	assert_non_null(strstr(e.text, "this user namespace has no such id"));
}

static void a_secret_is_not_shown_in_the_output(void **state)
{
	struct world *w = *state;

	add_file(w, "/run/secrets/token", "s3cret");
	strv_add(&w->spec.hidden, "s3cret");
	assert_runs(w, "echo \"token $(cat /run/secrets/token)\"; cat /run/secrets/token >&2");
	assert_true(recorder_has(&w->progress, "line run 1: token ***"));
	assert_true(recorder_has(&w->progress, "line run 2: ***"));
	assert_false(recorder_has(&w->progress, "s3cret"));
}

static void a_device_in_a_mount_cannot_be_opened(void **state)
{
	struct world *w = *state;
	struct err ignored = ERR_INIT;

	add_bind(w, "src", "/cache");
	run(w, "mknod /cache/zero c 1 5 && read -n1 x < /cache/zero && echo opened; :", &ignored);
	assert_false(recorder_has(&w->progress, "opened"));
}

static void a_target_behind_a_link_is_found_inside_the_tree(void **state)
{
	struct world *w = *state;

	tmpdir_link(&w->dir, "image/up", "../../../../out/there");
	tmpdir_link(&w->dir, "image/abs", "/inside/dir");
	tmpdir_dir(&w->dir, "image/usr/lib/own");
	tmpdir_dir(&w->dir, "image/usr/lib/beside");
	tmpdir_link(&w->dir, "image/lib", "usr/lib/own");
	tmpdir_link(&w->dir, "image/usr/lib/own/up", "../beside");
	add_bind(w, "src", "/up/x")->read_only = true;
	add_bind(w, "src", "/abs")->read_only = true;
	add_bind(w, "src", "/lib/up")->read_only = true;
	assert_runs(w, "cat /out/there/x/file /inside/dir/file /usr/lib/beside/file");
	assert_false(tmpdir_has(&w->dir, "out"));
	assert_no_trace(w);
}

static void nothing_is_mounted_over_the_kernels_files_or_the_root(void **state)
{
	static const char *const targets[] = { "/",	"/proc",      "/proc/kcore",   "/sys/fs",
					       "/self", "/self/sys",  "/far/sys/fs",   "/up",
					       "/loop", "/far/kcore", "/top/proc/new", "/top" };
	struct world *w = *state;

	tmpdir_link(&w->dir, "image/self", "proc");
	tmpdir_link(&w->dir, "image/far", "/self/../self");
	tmpdir_link(&w->dir, "image/up", "../../sys/fs");
	tmpdir_link(&w->dir, "image/loop", "loop");
	tmpdir_link(&w->dir, "image/top", "/");
	for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
		struct err e = ERR_INIT;

		run_spec_release(&w->spec);
		w->spec = (struct run_spec){ .cwd = mem_strdup("/"), .hostname = mem_strdup("b") };
		add(w, RUN_MOUNT_TMPFS, targets[i])->mode = 0755;
		if (run(w, ":", &e) != -1 || e.kind != ERR_FAILED)
			fail_msg("%s: %s", targets[i], e.text);
		assert_no_trace(w);
	}
}

static void a_link_in_a_mount_leads_to_none_of_the_kernels_files(void **state)
{
	struct world *w = *state;
	struct err e = ERR_INIT;

	tmpdir_link(&w->dir, "src/knobs", "/proc/sys");
	add_bind(w, "src", "/a");
	add_bind(w, "src/file", "/a/knobs/kernel/hostname");
	assert_int_equal(run(w, ":", &e), -1);
	assert_int_equal(e.kind, ERR_FAILED);
	assert_non_null(strstr(e.text, "/proc/sys/kernel/hostname"));
	assert_no_trace(w);
}

static void names_are_not_mounted_on_the_kernels_files(void **state)
{
	struct world *w = *state;
	struct err e = ERR_INIT;

	tmpdir_link(&w->dir, "image/etc/hosts", "/proc/self/environ");
	assert_int_equal(run(w, ":", &e), -1);
	assert_int_equal(e.kind, ERR_FAILED);
	assert_non_null(strstr(e.text, "/proc/self/environ"));
	assert_no_trace(w);
}

static void what_lies_over_dev_is_not_standard_input(void **state)
{
	struct world *w = *state;

	assert_int_equal(mkfifoat(w->dir.fd, "src/null", 0600), 0);
	add_bind(w, "src", "/dev")->read_only = true;
	w->spec.timeout_ms = 20000;
	assert_runs(w, "test -p /dev/null && cat && cat /dev/file");
	assert_true(recorder_has(&w->progress, "line run 1: of the source"));
	assert_no_trace(w);
}

/* It is looked for where it was made, not by its path. */
static void a_mount_point_that_was_moved_away_is_removed_all_the_same(void **state)
{
	struct world *w = *state;

	add(w, RUN_MOUNT_TMPFS, "/new/mnt")->mode = 0755;
	assert_runs(w, "mkdir /own && echo x > /new/f && mv /new /own/moved && mkdir /new");
	assert_int_equal(faccessat(w->tree.root_fd, "own/moved/f", F_OK, 0), 0);
	assert_int_equal(faccessat(w->tree.root_fd, "own/moved/mnt", F_OK, 0), -1);
	assert_int_equal(faccessat(w->tree.root_fd, "new", F_OK, 0), 0);
}

static void directories_with_mount_points_keep_their_times(void **state)
{
	struct world *w = *state;
	struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 2000, .tv_nsec = 7 } };
	struct stat st;

	assert_int_equal(mkdirat(w->tree.root_fd, "run", 0755), 0);
	assert_int_equal(utimensat(w->tree.root_fd, "run", old, 0), 0);
	add_file(w, "/run/secrets/token", "s3cret");
	assert_runs(w, "cat /run/secrets/token");
	assert_int_equal(fstatat(w->tree.root_fd, "run", &st, 0), 0);
	assert_int_equal(st.st_mtim.tv_sec, 2000);
	assert_int_equal(st.st_mtim.tv_nsec, 7);
	assert_int_equal(faccessat(w->tree.root_fd, "run/secrets", F_OK, 0), -1);
}

static void names_are_what_was_given_and_cannot_be_written(void **state)
{
	struct world *w = *state;

	assert_runs(w, "cat /etc/hosts; for f in hosts resolv.conf; do "
		       "echo x 2>&- >> /etc/$f && echo written; done; :");
	assert_false(recorder_has(&w->progress, "written"));
	assert_true(recorder_has(&w->progress, "192.0.2.1\tfar"));
	assert_false(recorder_has(&w->progress, "127.0.0.1"));
}

static void without_a_network_there_is_a_loopback_that_works(void **state)
{
	struct world *w = *state;

	w->spec.no_network = true;
	assert_runs(w,
		    "ip -o addr; ls /sys/class/net | while read name; do echo \"if $name\"; done");
	assert_true(recorder_has(&w->progress, "127.0.0.1/8"));
	assert_true(recorder_has(&w->progress, "if lo"));
	assert_false(recorder_has(&w->progress, "if eth"));
}

static void shared_memory_has_the_size_that_was_asked_for(void **state)
{
	struct world *w = *state;

	w->spec.shm_bytes = 1u << 20;
	assert_runs(w, "stat -f -c 'shm %b %S' /dev/shm");
	assert_true(recorder_has(&w->progress, "shm 256 4096"));
}

static void limits_are_set(void **state)
{
	struct world *w = *state;

	w->spec.limits = mem_zalloc(2 * sizeof(*w->spec.limits));
	w->spec.limits[0] = (struct run_limit){ RLIMIT_NOFILE, 50, 60 };
	w->spec.limits[1] = (struct run_limit){ RLIMIT_CORE, 0, 0 };
	w->spec.nr_limits = 2;
	assert_runs(w, "echo \"$(ulimit -S -n) $(ulimit -H -n) $(ulimit -c)\"");
	assert_true(recorder_has(&w->progress, "line run 1: 50 60 0"));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_directory_is_mounted_and_cannot_be_written),
		T(a_mount_may_be_written_where_that_is_wanted),
		T(a_single_file_is_mounted),
		T(a_mount_hides_what_the_image_has_and_leaves_it),
		T(a_mount_below_a_mount_is_made_in_that),
		T(a_mount_below_a_read_only_one_needs_its_place_there),
		T(a_mount_point_is_never_made_in_the_tree_itself),
		T(an_empty_file_system_has_the_size_that_was_asked_for),
		T(a_file_of_its_own_has_owner_mode_and_bytes),
		T(a_file_of_its_own_is_nowhere_else),
		T(an_id_that_is_not_known_here_is_told),
		T(a_secret_is_not_shown_in_the_output),
		T(a_device_in_a_mount_cannot_be_opened),
		T(a_target_behind_a_link_is_found_inside_the_tree),
		T(nothing_is_mounted_over_the_kernels_files_or_the_root),
		T(a_link_in_a_mount_leads_to_none_of_the_kernels_files),
		T(names_are_not_mounted_on_the_kernels_files),
		T(what_lies_over_dev_is_not_standard_input),
		T(a_mount_point_that_was_moved_away_is_removed_all_the_same),
		T(directories_with_mount_points_keep_their_times),
		T(names_are_what_was_given_and_cannot_be_written),
		T(without_a_network_there_is_a_loopback_that_works),
		T(shared_memory_has_the_size_that_was_asked_for),
		T(limits_are_set),
	};
	auto_free char *how = NULL;
	struct err e = ERR_INIT;
	int failed;

	if (sandbox_ns_open(&box, &how, &e) < 0) {
		fprintf(stderr, "%s\n", e.text);
		return 1;
	}
	one_id = strstr(how, "one id") != NULL;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	sandbox_free(box);
	return failed;
}
