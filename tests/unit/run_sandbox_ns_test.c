/*
 * The real sandbox: overlay trees and commands in new namespaces. Needs the right to make
 * namespaces and a static busybox (Debian: busybox-static), which is the whole image here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "oci/run/overlay.h"
#include "oci/run/sandbox_ns.h"
#include "tests/fakes/recorder.h"
#include "tests/fakes/tmpdir.h"

static struct sandbox *box;
static char *how; /* what sandbox_ns_open chose */

struct world {
	struct tmpdir dir; /* holds image/ and step/ */
	struct strv lowers;
	struct sandbox_tree tree;
	struct recorder progress;
	struct op op;
};

static void copy_busybox(const char *to)
{
	auto_free char *command = mem_printf("cp /bin/busybox '%s'", to);

	assert_int_equal(system(command), 0);
}

static char *in_dir(const struct world *w, const char *name)
{
	return mem_printf("%s/%s", w->dir.path, name);
}

static int setup(void **state)
{
	struct world *w = mem_zalloc(sizeof(*w));
	auto_free char *image = NULL;
	auto_free char *sh = NULL;
	auto_free char *step = NULL;
	struct err e = ERR_INIT;

	tmpdir_init(&w->dir);
	image = in_dir(w, "image");
	sh = in_dir(w, "image/bin/sh");
	step = in_dir(w, "step");
	tmpdir_dir(&w->dir, "image/bin");
	tmpdir_dir(&w->dir, "step");
	copy_busybox(sh);
	strv_add(&w->lowers, image);
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

static struct run_spec shell(const char *script)
{
	struct run_spec s = { .cwd = mem_strdup("/"),
			      .hostname = mem_strdup("build"),
			      .progress_id = mem_strdup("run") };

	strv_add(&s.argv, "/bin/sh");
	strv_add(&s.argv, "-c");
	strv_add(&s.argv, script);
	strv_add(&s.env, "PATH=/bin");
	return s;
}

static int run_shell(struct world *w, const char *script)
{
	auto_run_spec struct run_spec spec = shell(script);
	struct err e = ERR_INIT;
	int status = -1;

	if (sandbox_run(box, &w->op, &w->tree, &spec, &status, &e) < 0)
		fail_msg("%s", e.text);
	return status;
}

static bool upper_has(const struct world *w, const char *path)
{
	struct stat st;

	return fstatat(w->tree.upper_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static void output_arrives_line_by_line(void **state)
{
	struct world *w = *state;

	assert_int_equal(run_shell(w, "echo one; echo two >&2; printf three"), 0);
	assert_true(recorder_has(&w->progress, "line run 1: one"));
	assert_true(recorder_has(&w->progress, "line run 2: two"));
	assert_true(recorder_has(&w->progress, "line run 1: three"));
}

static void a_nul_does_not_end_a_line(void **state)
{
	struct world *w = *state;

	assert_int_equal(run_shell(w, "printf '\\0one\\0two\\nthree\\n'"), 0);
	assert_true(recorder_has(&w->progress, "line run 1: onetwo\n"));
	assert_true(recorder_has(&w->progress, "line run 1: three\n"));
}

static void the_exit_status_comes_back(void **state)
{
	int status = run_shell(*state, "exit 7");

	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 7);
}

static void what_is_written_lands_in_the_upper_directory_only(void **state)
{
	struct world *w = *state;
	auto_free char *in_image = in_dir(w, "image/made");

	assert_int_equal(run_shell(w, "echo x > /made"), 0);
	assert_true(upper_has(w, "made"));
	assert_int_equal(access(in_image, F_OK), -1);
}

static void mount_points_leave_nothing_in_the_layer(void **state)
{
	struct world *w = *state;

	assert_int_equal(
		run_shell(w, "test -e /proc/self && test -c /dev/null && test -e /etc/hosts"), 0);
	assert_false(upper_has(w, "proc"));
	assert_false(upper_has(w, "sys"));
	assert_false(upper_has(w, "dev"));
	assert_false(upper_has(w, "etc"));
}

/* overlayfs copies a directory up before a name is made in it. */
static void over_the_ground_no_mount_point_is_made_in_the_tree(void **state)
{
	struct world *w = *state;
	auto_free char *probe = in_dir(w, "probe");
	auto_free char *other = in_dir(w, "other");
	struct err e = ERR_INIT;

	tmpdir_dir(&w->dir, "probe");
	tmpdir_dir(&w->dir, "other");
	tmpdir_dir(&w->dir, "image/etc");
	if (sandbox_prepare(box, probe, &e) < 0)
		fail_msg("%s", e.text);
	assert_non_null(box->ground);
	strv_add(&w->lowers, box->ground);
	sandbox_tree_close(box, &w->tree);
	if (sandbox_tree_open(box, &w->tree, &w->lowers, other, false, &e) < 0)
		fail_msg("%s", e.text);
	assert_int_equal(
		run_shell(w, "test -e /proc/self && test -e /etc/hosts && test -c /dev/null"), 0);
	assert_false(upper_has(w, "etc"));
	assert_false(upper_has(w, "proc"));
	assert_int_equal(run_shell(w, "echo x >/etc/own && ! rm /etc/hosts 2>/dev/null"), 0);
	assert_true(upper_has(w, "etc/own"));
	assert_false(upper_has(w, "etc/hosts"));
}

static void a_file_made_beside_a_mount_point_stays(void **state)
{
	struct world *w = *state;

	assert_int_equal(run_shell(w, "echo x > /etc/own"), 0);
	assert_true(upper_has(w, "etc/own"));
	assert_false(upper_has(w, "etc/hosts"));
}

static void the_environment_is_only_what_was_given(void **state)
{
	struct world *w = *state;

	setenv("CANARY_SECRET", "s3cret", 1);
	assert_int_equal(run_shell(w, "export"), 0);
	assert_true(recorder_has(&w->progress, "PATH='/bin'"));
	assert_false(recorder_has(&w->progress, "s3cret"));
}

static void the_command_is_process_one_and_sees_no_other(void **state)
{
	assert_int_equal(
		run_shell(*state, "test $$ = 1 && cd /proc && set -- [0-9]* && test $# = 1"), 0);
}

static void what_a_command_leaves_running_is_dead_when_it_ends(void **state)
{
	struct world *w = *state;
	struct timespec pause = { .tv_nsec = 30000000 };

	assert_int_equal(run_shell(w, "(while :; do echo x > /late; done) & echo > /start"), 0);
	unlinkat(w->tree.root_fd, "late", 0);
	nanosleep(&pause, NULL);
	assert_int_equal(faccessat(w->tree.root_fd, "late", F_OK, 0), -1);
}

static void only_dockers_default_capabilities_are_left(void **state)
{
	struct world *w = *state;

	assert_int_equal(
		run_shell(
			w,
			"while read k v; do case $k in Cap*) echo $k$v;; esac; done < /proc/self/status"),
		0);
	assert_true(recorder_has(&w->progress, "line run 1: CapEff:00000000a80425fb"));
	assert_true(recorder_has(&w->progress, "line run 1: CapBnd:00000000a80425fb"));
	assert_true(recorder_has(&w->progress, "line run 1: CapInh:0000000000000000"));
}

static void the_filter_of_system_calls_is_on_and_rights_can_still_be_gained(void **state)
{
	struct world *w = *state;

	assert_int_equal(
		run_shell(
			w,
			"while read k v; do case $k in Sec*|NoNew*) echo $k$v;; esac; done < /proc/self/status;"
			"chroot / true && ! mount -t tmpfs x /tmp 2>/dev/null && ! unshare -U true 2>/dev/null"),
		0);
	assert_true(recorder_has(&w->progress, "line run 1: Seccomp:2"));
	assert_true(recorder_has(&w->progress, "line run 1: NoNewPrivs:0"));
}

static void another_user_runs_with_its_ids_and_no_capability(void **state)
{
	struct world *w = *state;
	auto_run_spec struct run_spec spec = shell(
		"while read k v; do case $k in Uid*|Gid*|Groups*|CapEff*) echo $k$v;; esac; done < /proc/self/status");
	struct err e = ERR_INIT;
	int status;

	spec.uid = 1000;
	spec.gid = 1001;
	spec.nr_groups = 2;
	spec.groups = mem_resize(NULL, 2, sizeof(*spec.groups));
	spec.groups[0] = 1001;
	spec.groups[1] = 27;
	if (strstr(how, "one id")) { /* the reason is told, and what would help */
		assert_int_equal(sandbox_run(box, &w->op, &w->tree, &spec, &status, &e), -1);
		assert_non_null(strstr(e.text, "/etc/subuid"));
		assert_int_equal(e.kind, ERR_FAILED);
		return;
	}
	assert_int_equal(sandbox_run(box, &w->op, &w->tree, &spec, &status, &e), 0);
	assert_true(recorder_has(&w->progress, "line run 1: Uid:1000 1000 1000 1000"));
	assert_true(recorder_has(&w->progress, "line run 1: Gid:1001 1001 1001 1001"));
	assert_true(recorder_has(&w->progress, "line run 1: Groups:27 1001"));
	assert_true(recorder_has(&w->progress, "line run 1: CapEff:0000000000000000"));
}

static void a_program_that_is_not_there_is_told_by_name(void **state)
{
	struct world *w = *state;
	auto_run_spec struct run_spec spec = shell("true");
	struct err e = ERR_INIT;
	int status;

	strv_release(&spec.argv);
	strv_add(&spec.argv, "no-such-program");
	assert_int_equal(sandbox_run(box, &w->op, &w->tree, &spec, &status, &e), -1);
	assert_non_null(strstr(e.text, "no-such-program"));
	assert_non_null(strstr(e.text, "No such file"));
}

static void a_missing_working_directory_is_made(void **state)
{
	struct world *w = *state;
	auto_run_spec struct run_spec spec = shell("pwd");
	struct err e = ERR_INIT;
	int status;

	free(spec.cwd);
	spec.cwd = mem_strdup("/a/b");
	assert_int_equal(sandbox_run(box, &w->op, &w->tree, &spec, &status, &e), 0);
	assert_true(recorder_has(&w->progress, "line run 1: /a/b"));
	assert_true(upper_has(w, "a/b"));
}

static void a_time_limit_ends_the_command(void **state)
{
	struct world *w = *state;
	auto_run_spec struct run_spec spec = shell("while :; do :; done");
	struct err e = ERR_INIT;
	int status;

	spec.timeout_ms = 50;
	assert_int_equal(sandbox_run(box, &w->op, &w->tree, &spec, &status, &e), -1);
	assert_int_equal(e.kind, ERR_TIMEOUT);
}

static void cancelling_ends_the_command(void **state)
{
	struct world *w = *state;
	auto_run_spec struct run_spec spec = shell("while :; do :; done");
	struct cancel cancel;
	struct err e = ERR_INIT;
	int status;

	assert_int_equal(cancel_init(&cancel, &e), 0);
	w->op.cancel = &cancel;
	cancel_set(&cancel, SIGTERM);
	assert_int_equal(sandbox_run(box, &w->op, &w->tree, &spec, &status, &e), -1);
	assert_int_equal(e.kind, ERR_CANCELLED);
	w->op.cancel = NULL;
	cancel_release(&cancel);
}

static void an_image_whose_proc_is_a_link_is_refused(void **state)
{
	struct world *w = *state;
	auto_run_spec struct run_spec spec = shell("true");
	struct err e = ERR_INIT;
	int status;

	assert_int_equal(symlinkat("/etc", w->tree.root_fd, "proc"), 0);
	assert_int_equal(sandbox_run(box, &w->op, &w->tree, &spec, &status, &e), -1);
	assert_non_null(strstr(e.text, "'/proc' in the image is not a directory"));
}

static void a_resolv_conf_that_links_nowhere_is_served_and_left_as_it_was(void **state)
{
	struct world *w = *state;

	assert_int_equal(mkdirat(w->tree.root_fd, "etc", 0755), 0);
	assert_int_equal(symlinkat("../run/net/resolv.conf", w->tree.root_fd, "etc/resolv.conf"),
			 0);
	assert_int_equal(run_shell(w, "test -f /etc/resolv.conf && test -f /run/net/resolv.conf"),
			 0);
	assert_true(upper_has(w, "etc/resolv.conf"));
	assert_false(upper_has(w, "run"));
}

static void a_read_only_view_shows_all_layers(void **state)
{
	struct world *w = *state;
	auto_free char *view = in_dir(w, "view");
	auto_strv struct strv lowers = STRV_INIT;
	struct sandbox_tree t;
	struct err e = ERR_INIT;

	assert_int_equal(run_shell(w, "echo x > /made"), 0);
	sandbox_tree_close(box, &w->tree);
	strv_addf(&lowers, "%s/step/upper", w->dir.path);
	strv_copy(&lowers, &w->lowers);
	assert_int_equal(mkdir(view, 0755), 0);
	assert_int_equal(sandbox_tree_open(box, &t, &lowers, view, true, &e), 0);
	assert_int_equal(faccessat(t.root_fd, "made", F_OK, 0), 0);
	assert_int_equal(faccessat(t.root_fd, "bin/sh", F_OK, 0), 0);
	assert_int_equal(mkdirat(t.root_fd, "x", 0755), -1);
	sandbox_tree_close(box, &t);
}

static void a_read_only_view_of_nothing_is_empty(void **state)
{
	struct world *w = *state;
	auto_free char *view = in_dir(w, "view");
	struct strv nothing = STRV_INIT;
	struct sandbox_tree t;
	struct err e = ERR_INIT;

	assert_int_equal(mkdir(view, 0755), 0);
	assert_int_equal(sandbox_tree_open(box, &t, &nothing, view, true, &e), 0);
	assert_int_equal(unlinkat(AT_FDCWD, view, AT_REMOVEDIR), -1);
	assert_int_equal(errno, EBUSY); /* it is the mount point */
	assert_int_equal(faccessat(t.root_fd, "empty-0", F_OK, 0), -1);
	assert_int_equal(mkdirat(t.root_fd, "x", 0755), -1);
	sandbox_tree_close(box, &t);
}

static void where_overlayfs_can_be_had_it_is_used(void **state)
{
	struct world *w = *state;
	auto_free char *probe = in_dir(w, "probe");
	struct err e = ERR_INIT;

	tmpdir_dir(&w->dir, "probe");
	assert_int_equal(sandbox_prepare(box, probe, &e), 0);
	assert_false(box->is_flat);
	assert_non_null(strstr(box->how, ", overlayfs)"));
}

/* An upper directory of overlayfs cannot lie in another overlay. */
static void where_overlayfs_is_refused_a_tree_is_one_directory_changed_in_place(void **state)
{
	struct world *w = *state;
	auto_free char *over = in_dir(w, "over");
	auto_free char *upper_path = in_dir(w, "over-upper");
	auto_free char *work_path = in_dir(w, "over-work");
	auto_free char *probe = in_dir(w, "over/probe");
	auto_free char *made = in_dir(w, "image/made");
	auto_free char *proc = in_dir(w, "image/proc");
	auto_close int upper = -1, work = -1;
	struct sandbox_tree t;
	struct err e = ERR_INIT;

	tmpdir_dir(&w->dir, "over");
	tmpdir_dir(&w->dir, "over-upper");
	tmpdir_dir(&w->dir, "over-work");
	upper = open(upper_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	work = open(work_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(overlay_mount(over, &w->lowers, upper, work,
				       strstr(how, "user namespace") != NULL, &e),
			 0);
	assert_int_equal(mkdir(probe, 0755), 0);
	assert_int_equal(sandbox_prepare(box, probe, &e), 0);
	assert_true(box->is_flat);
	assert_non_null(strstr(box->how, "no overlayfs: "));
	assert_int_equal(sandbox_tree_open(box, &t, &w->lowers, over, false, &e), 0);
	assert_int_equal(t.upper_fd, -1);
	sandbox_tree_close(box, &w->tree);
	w->tree = t;
	assert_int_equal(run_shell(w, "echo x > /made && test -c /dev/null"), 0);
	assert_int_equal(access(made, F_OK), 0);
	assert_int_equal(access(proc, F_OK), -1);
	box->is_flat = false;
	overlay_unmount(over);
}

/* The kernel would mount it read-only, and whoever writes there first would be told that. */
static void an_overlay_on_a_full_disk_says_so(void **state)
{
	struct world *w = *state;
	auto_free char *small = in_dir(w, "small");
	auto_free char *over = in_dir(w, "small/over");
	auto_free char *upper_path = in_dir(w, "small/upper");
	auto_free char *work_path = in_dir(w, "small/work");
	auto_close int upper = -1, work = -1;
	struct err e = ERR_INIT;
	int r;

	tmpdir_dir(&w->dir, "small");
	assert_int_equal(mount("small", small, "tmpfs", 0, "nr_inodes=4"), 0);
	tmpdir_dir(&w->dir, "small/over");
	tmpdir_dir(&w->dir, "small/upper");
	tmpdir_dir(&w->dir, "small/work");
	upper = open(upper_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	work = open(work_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = overlay_mount(over, &w->lowers, upper, work, strstr(how, "user namespace") != NULL, &e);
	assert_int_equal(umount2(small, MNT_DETACH), 0);
	assert_int_equal(r, -1);
	assert_int_equal(e.sys, ENOSPC);
}

static void a_very_long_line_comes_in_pieces(void **state)
{
	struct world *w = *state;
	size_t lines = 0;

	assert_int_equal(
		run_shell(w, "i=0; while [ $i -lt 700 ]; do printf %0100d 7; i=$((i+1)); done"), 0);
	for (const char *p = recorder_text(&w->progress); (p = strchr(p, '\n')); p++)
		lines++;
	assert_int_equal(lines, 5); /* 70000 bytes, 16 KiB each */
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(output_arrives_line_by_line),
		T(a_nul_does_not_end_a_line),
		T(the_exit_status_comes_back),
		T(what_is_written_lands_in_the_upper_directory_only),
		T(mount_points_leave_nothing_in_the_layer),
		T(over_the_ground_no_mount_point_is_made_in_the_tree),
		T(a_file_made_beside_a_mount_point_stays),
		T(the_environment_is_only_what_was_given),
		T(the_command_is_process_one_and_sees_no_other),
		T(what_a_command_leaves_running_is_dead_when_it_ends),
		T(only_dockers_default_capabilities_are_left),
		T(the_filter_of_system_calls_is_on_and_rights_can_still_be_gained),
		T(another_user_runs_with_its_ids_and_no_capability),
		T(a_program_that_is_not_there_is_told_by_name),
		T(a_missing_working_directory_is_made),
		T(a_time_limit_ends_the_command),
		T(cancelling_ends_the_command),
		T(an_image_whose_proc_is_a_link_is_refused),
		T(a_resolv_conf_that_links_nowhere_is_served_and_left_as_it_was),
		T(a_read_only_view_shows_all_layers),
		T(a_read_only_view_of_nothing_is_empty),
		T(where_overlayfs_can_be_had_it_is_used),
		T(where_overlayfs_is_refused_a_tree_is_one_directory_changed_in_place),
		T(an_overlay_on_a_full_disk_says_so),
		T(a_very_long_line_comes_in_pieces),
	};
	struct err e = ERR_INIT;
	int failed;

	if (sandbox_ns_open(&box, &how, &e) < 0) {
		fprintf(stderr, "%s\n", e.text);
		return 1;
	}
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	sandbox_free(box);
	free(how);
	return failed;
}
