/*
 * The real chroot sandbox, by a program that first gives up all rights but those that docker leaves
 * to root. Needs root and a static busybox, which is the whole image here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "oci/run/caps.h"
#include "oci/run/sandbox_chroot.h"
#include "tests/fakes/recorder.h"
#include "tests/fakes/tmpdir.h"

static struct sandbox *box;
static char *how;

struct world {
	struct tmpdir dir; /* holds image/ and step/ */
	struct sandbox_tree tree;
	struct recorder progress;
	struct op op;
};

static int setup(void **state)
{
	static const char *const tools[] = { "cat", "ls", "mkdir", "rm",   "mv",    "chroot",
					     "ln",  "id", "mknod", "stat", "sleep", "touch" };
	struct world *w = mem_zalloc(sizeof(*w));
	auto_strv struct strv lowers = STRV_INIT;
	auto_free char *copy = NULL, *step = NULL;
	struct err e = ERR_INIT;

	tmpdir_init(&w->dir);
	tmpdir_dir(&w->dir, "image/bin");
	tmpdir_dir(&w->dir, "step");
	copy = mem_printf("cp /bin/busybox '%s/image/bin/sh'", w->dir.path);
	assert_int_equal(system(copy), 0);
	for (size_t i = 0; i < ARRAY_LEN(tools); i++) {
		auto_free char *name = mem_printf("image/bin/%s", tools[i]);

		tmpdir_link(&w->dir, name, "sh");
	}
	strv_addf(&lowers, "%s/image", w->dir.path);
	step = mem_printf("%s/step", w->dir.path);
	recorder_init(&w->progress);
	w->op = (struct op){ .progress = &w->progress.base, .clock = &clock_system };
	if (sandbox_tree_open(box, &w->tree, &lowers, step, false, &e) < 0)
		fail_msg("%s", e.text);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	sandbox_tree_close(box, &w->tree);
	recorder_release(&w->progress);
	tmpdir_release(&w->dir);
	free(w);
	return 0;
}

static struct run_spec shell(const char *script)
{
	struct run_spec s = { .cwd = mem_strdup("/"),
			      .hostname = mem_strdup("build"),
			      .hosts = mem_strdup("127.0.0.1 localhost\n"),
			      .progress_id = mem_strdup("run") };

	strv_add(&s.argv, "/bin/sh");
	strv_add(&s.argv, "-c");
	strv_add(&s.argv, script);
	strv_add(&s.env, "PATH=/bin");
	return s;
}

static int run_in(struct world *w, const char *cwd, const char *script, struct err *e)
{
	auto_run_spec struct run_spec spec = shell(script);
	int status = -1;

	free(spec.cwd);
	spec.cwd = mem_strdup(cwd);
	return sandbox_run(box, &w->op, &w->tree, &spec, &status, e) < 0 ? -1 : status;
}

static int run_shell(struct world *w, const char *script)
{
	struct err e = ERR_INIT;
	int status = run_in(w, "/", script, &e);

	if (status < 0)
		fail_msg("%s", e.text);
	return status;
}

static void the_tree_is_changed_in_place(void **state)
{
	struct world *w = *state;
	auto_free char *text = NULL;

	assert_true(box->is_flat);
	assert_int_equal(w->tree.upper_fd, -1);
	assert_int_equal(run_shell(w, "echo x > /made"), 0);
	text = tmpdir_read(&w->dir, "image/made");
	assert_string_equal(text, "x\n");
}

static void the_command_sees_nothing_but_the_tree(void **state)
{
	struct world *w = *state;
	auto_free char *script = mem_printf("p=/; for i in 1 2 3 4 5 6 7 8 9; do "
					    "test -e $p%s/image && echo escaped; p=$p../; done",
					    w->dir.path);

	run_shell(w, script);
	assert_false(recorder_has(&w->progress, "escaped"));
}

static void the_way_out_of_a_chroot_is_closed(void **state)
{
	struct world *w = *state;

	assert_int_equal(run_shell(w, "mkdir /x; chroot /x /bin/sh 2>&1; :"), 0);
	assert_true(recorder_has(&w->progress, "Operation not permitted"));
}

static void a_device_of_the_machine_cannot_be_opened(void **state)
{
	struct world *w = *state;

	assert_int_equal(run_shell(w, "mknod /mem c 1 1 && cat /mem > /null && echo opened; :"), 0);
	assert_false(recorder_has(&w->progress, "opened"));
}

static void a_working_directory_is_made_inside_whatever_links_say(void **state)
{
	struct world *w = *state;
	struct err e = ERR_INIT;

	tmpdir_dir(&w->dir, "image/tmp");
	tmpdir_link(&w->dir, "image/out", "/../../../tmp");
	assert_int_equal(run_in(w, "/out/a/b", "echo x > here", &e), 0);
	assert_true(tmpdir_has(&w->dir, "image/tmp/a/b/here"));
	assert_int_equal(run_in(w, "/missing/dir", ":", &e), 0);
	assert_true(tmpdir_has(&w->dir, "image/missing/dir"));
}

static void a_view_that_is_only_read_is_the_same_directory(void **state)
{
	struct world *w = *state;
	auto_strv struct strv lowers = STRV_INIT;
	auto_free char *step = mem_printf("%s/step", w->dir.path);
	struct sandbox_tree t;
	struct err e = ERR_INIT;

	strv_addf(&lowers, "%s/image", w->dir.path);
	assert_int_equal(sandbox_tree_open(box, &t, &lowers, step, true, &e), 0);
	assert_int_equal(faccessat(t.root_fd, "bin/sh", F_OK, 0), 0);
	sandbox_tree_close(box, &t);
}

static void what_was_chosen_is_said_with_what_is_missing(void **state)
{
	(void)state;
	assert_non_null(strstr(how, "no /proc"));
	assert_string_equal(box->bare, "chroot");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_tree_is_changed_in_place),
		T(the_command_sees_nothing_but_the_tree),
		T(the_way_out_of_a_chroot_is_closed),
		T(a_device_of_the_machine_cannot_be_opened),
		T(a_working_directory_is_made_inside_whatever_links_say),
		T(a_view_that_is_only_read_is_the_same_directory),
		T(what_was_chosen_is_said_with_what_is_missing),
	};
	struct err e = ERR_INIT;
	int failed;

	if (caps_bound(caps_docker(), &e) < 0 || caps_set(caps_docker(), &e) < 0 ||
	    sandbox_chroot_open(&box, &how, &e) < 0) {
		fprintf(stderr, "%s\n", e.text);
		return 1;
	}
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	sandbox_free(box);
	free(how);
	return failed;
}
