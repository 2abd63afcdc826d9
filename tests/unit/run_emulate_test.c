/*
 * RUN --mount without mount(2), in the real chroot sandbox: what a RUN sees, and that a tree is
 * afterwards what it was before, whatever the RUN did. Needs root and a static busybox.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/walk.h"
#include "oci/run/caps.h"
#include "oci/run/sandbox_chroot.h"
#include "tests/fakes/recorder.h"
#include "tests/fakes/tmpdir.h"

#define SECRET "s3cret-value"

static struct sandbox *box;

struct world {
	struct tmpdir dir; /* holds image/, step/ and sources */
	struct sandbox_tree tree;
	struct recorder progress;
	struct op op;
	struct run_spec spec;
	char *before; /* the tree as text */
};

/* Everything about a tree that a layer could show, and inodes. */
static char *picture(int fd)
{
	auto_buf struct buf out = BUF_INIT(1u << 20);
	auto_walk struct walk *walk = NULL;
	struct walk_entry ent;
	struct err e = ERR_INIT;
	int r;

	assert_int_equal(walk_open(&walk, fd, &e), 0);
	while ((r = walk_next(walk, &ent, &e)) > 0) {
		char target[4096] = "";

		if (readlinkat(ent.dirfd, ent.name, target, sizeof(target) - 1) < 0)
			target[0] = '\0';
		buf_addf(&out, "%s %o %u:%u %lld %lld.%09ld %lu %lu %s\n", ent.path, ent.st.st_mode,
			 ent.st.st_uid, ent.st.st_gid,
			 S_ISDIR(ent.st.st_mode) ? 0ll : (long long)ent.st.st_size,
			 (long long)ent.st.st_mtim.tv_sec, ent.st.st_mtim.tv_nsec,
			 (unsigned long)ent.st.st_ino, (unsigned long)ent.st.st_nlink, target);
	}
	assert_int_equal(r, 0);
	return mem_strdup(buf_str(&out));
}

static void fill_image(struct world *w)
{
	static const char *const tools[] = { "cat",  "ls",    "mkdir", "rm",	"mv", "ln",
					     "stat", "sleep", "touch", "chmod", "cp", "id" };
	auto_free char *copy = NULL;

	tmpdir_dir(&w->dir, "image/bin");
	copy = mem_printf("cp /bin/busybox '%s/image/bin/sh'", w->dir.path);
	assert_int_equal(system(copy), 0);
	for (size_t i = 0; i < ARRAY_LEN(tools); i++) {
		auto_free char *name = mem_printf("image/bin/%s", tools[i]);

		tmpdir_link(&w->dir, name, "sh");
	}
	tmpdir_file(&w->dir, "image/etc/hosts", "of the image");
	tmpdir_link(&w->dir, "image/etc/resolv.conf", "../run/net/resolv.conf");
	tmpdir_file(&w->dir, "image/dev/null", "not a device");
	tmpdir_file(&w->dir, "image/app/main", "main");
	tmpdir_file(&w->dir, "image/app/sub/file", "file");
	tmpdir_link(&w->dir, "image/way", "/app/sub");
}

static int setup(void **state)
{
	struct world *w = mem_zalloc(sizeof(*w));
	auto_strv struct strv lowers = STRV_INIT;
	auto_free char *step = NULL;
	struct err e = ERR_INIT;

	tmpdir_init(&w->dir);
	tmpdir_dir(&w->dir, "step");
	fill_image(w);
	strv_addf(&lowers, "%s/image", w->dir.path);
	step = mem_printf("%s/step", w->dir.path);
	recorder_init(&w->progress);
	w->op = (struct op){ .progress = &w->progress.base, .clock = &clock_system };
	if (sandbox_tree_open(box, &w->tree, &lowers, step, false, &e) < 0)
		fail_msg("%s", e.text);
	w->spec = (struct run_spec){ .cwd = mem_strdup("/"),
				     .hostname = mem_strdup("build"),
				     .hosts = mem_strdup("192.0.2.1 made\n"),
				     .added_hosts = mem_strdup(""),
				     .progress_id = mem_strdup("run") };
	strv_add(&w->spec.env, "PATH=/bin");
	w->before = picture(w->tree.root_fd);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	sandbox_tree_close(box, &w->tree);
	run_spec_release(&w->spec);
	recorder_release(&w->progress);
	tmpdir_release(&w->dir);
	free(w->before);
	free(w);
	return 0;
}

static int run(struct world *w, const char *script, struct err *e)
{
	int status = -1;

	strv_release(&w->spec.argv);
	strv_add(&w->spec.argv, "/bin/sh");
	strv_add(&w->spec.argv, "-ec");
	strv_add(&w->spec.argv, script);
	return sandbox_run(box, &w->op, &w->tree, &w->spec, &status, e) < 0 ? -1 : status;
}

static void run_well(struct world *w, const char *script)
{
	struct err e = ERR_INIT;
	int status = run(w, script, &e);

	if (status)
		fail_msg("%d %s\n%s", status, e.text, recorder_text(&w->progress));
}

static void tree_is_as_before(struct world *w)
{
	auto_free char *after = picture(w->tree.root_fd);
	auto_free char *step = mem_printf("%s/step", w->dir.path);
	struct err e = ERR_INIT;
	auto_close int fd = fs_open_dir(step, &e);
	auto_free char *left = picture(fd);

	assert_string_equal(after, w->before);
	assert_string_equal(left, "");
}

static bool image_has(const struct world *w, const char *path)
{
	auto_free char *name = mem_printf("image/%s", path);

	return tmpdir_has(&w->dir, name);
}

static void text_is(const struct world *w, const char *name, const char *wanted)
{
	auto_free char *text = tmpdir_read(&w->dir, name);

	assert_non_null(text);
	assert_string_equal(text, wanted);
}

static struct run_mount *add_bind(struct world *w, const char *source, const char *target)
{
	struct run_mount *m = run_spec_add_mount(&w->spec, RUN_MOUNT_BIND, mem_strdup(target));

	m->fd = openat(w->dir.fd, source, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	assert_true(m->fd >= 0);
	return m;
}

static struct run_mount *add_secret(struct world *w, const char *target)
{
	struct run_mount *m = run_spec_add_mount(&w->spec, RUN_MOUNT_FILE, mem_strdup(target));

	buf_add_str(&m->bytes, SECRET);
	m->mode = 0400;
	m->read_only = true;
	return m;
}

static void add_cache(struct world *w, const char *source, const char *target)
{
	add_bind(w, source, target)->is_kept = true;
}

/* -- what every RUN has ------------------------------------------------------------ */

static void dev_proc_and_sys_are_there_and_leave_nothing(void **state)
{
	struct world *w = *state;

	run_well(w, "test -c /dev/null; echo x > /dev/null; test -c /dev/urandom; "
		    "test -d /dev/shm; test -d /proc; test -d /sys; echo x > /proc/made; "
		    "echo x > /dev/made; mkdir -p /sys/a/b");
	tree_is_as_before(w);
}

static void hosts_and_resolv_conf_are_served_and_what_was_there_comes_back(void **state)
{
	struct world *w = *state;

	run_well(w, "cat /etc/hosts; test -f /etc/resolv.conf; test -f /run/net/resolv.conf; "
		    "echo x >> /etc/hosts");
	assert_true(recorder_has(&w->progress, "192.0.2.1 made"));
	tree_is_as_before(w);
	text_is(w, "image/etc/hosts", "of the image");
}

static void a_file_made_beside_them_stays(void **state)
{
	struct world *w = *state;

	run_well(w, "echo x > /etc/own; echo x > /run/own");
	assert_true(image_has(w, "etc/own"));
	assert_true(image_has(w, "run/own"));
	assert_false(image_has(w, "run/net"));
}

/* -- bind -------------------------------------------------------------------------- */

static void a_bind_shows_its_source_as_it_is(void **state)
{
	struct world *w = *state;
	auto_free char *before = NULL, *after = NULL;
	auto_close int src = -1;

	tmpdir_file(&w->dir, "src/a/b", "bee");
	tmpdir_link(&w->dir, "src/l", "a/b");
	assert_int_equal(linkat(w->dir.fd, "src/a/b", w->dir.fd, "src/second", 0), 0);
	assert_int_equal(fchownat(w->dir.fd, "src/a", 7, 8, 0), 0);
	assert_int_equal(fchmodat(w->dir.fd, "src/a/b", 04751, 0), 0);
	src = openat(w->dir.fd, "src", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	before = picture(src);
	add_bind(w, "src", "/mnt/src");
	run_well(w, "cat /mnt/src/l; stat -c '%a %u:%g' /mnt/src/a; "
		    "stat -c '%a %h' /mnt/src/a/b; rm /mnt/src/l; echo more >> /mnt/src/a/b");
	assert_true(recorder_has(&w->progress, "bee"));
	assert_true(recorder_has(&w->progress, "755 7:8"));
	assert_true(recorder_has(&w->progress, "4751 2"));
	tree_is_as_before(w);
	after = picture(src);
	assert_string_equal(after, before);
}

static void a_directory_of_our_own_is_moved_there_and_goes(void **state)
{
	struct world *w = *state;
	struct stat st;

	tmpdir_file(&w->dir, "copy/f", "eff");
	assert_int_equal(fstatat(w->dir.fd, "copy", &st, 0), 0);
	add_bind(w, "copy", "/mnt")->is_ours = true;
	run_well(w, "cat /mnt/f; stat -c 'inode %i.' /mnt");

	auto_free char *inode = mem_printf("inode %lu.", (unsigned long)st.st_ino);

	assert_true(recorder_has(&w->progress, inode));
	assert_false(tmpdir_has(&w->dir, "copy"));
	tree_is_as_before(w);
}

static void a_file_can_lie_over_a_file_and_below_a_link(void **state)
{
	struct world *w = *state;

	tmpdir_file(&w->dir, "one", "first");
	add_bind(w, "one", "/app/main");
	add_bind(w, "one", "/way/new");
	/* two copies of one source */
	run_well(w, "cat /app/main /app/sub/new; test -f /app/sub/file");
	assert_true(recorder_has(&w->progress, "firstfirst"));
	tree_is_as_before(w);
	text_is(w, "image/app/main", "main");
}

static void what_a_mount_covers_is_out_of_sight_and_comes_back(void **state)
{
	struct world *w = *state;

	tmpdir_file(&w->dir, "src/f", "eff");
	add_bind(w, "src", "/app");
	run_well(w, "test ! -e /app/main; test -e /app/f; rm -r /app/f; echo x > /app/y");
	tree_is_as_before(w);
	text_is(w, "src/f", "eff");
}

static void a_mount_may_be_where_the_command_begins(void **state)
{
	struct world *w = *state;

	tmpdir_file(&w->dir, "src/f", "eff");
	add_bind(w, "src", "/work/dir");
	free(w->spec.cwd);
	w->spec.cwd = mem_strdup("/work/dir");
	run_well(w, "cat f; pwd");
	assert_true(recorder_has(&w->progress, "eff/work/dir"));
	tree_is_as_before(w);
}

/* -- cache ------------------------------------------------------------------------- */

static void a_cache_keeps_what_is_written(void **state)
{
	struct world *w = *state;
	struct stat before, after;

	tmpdir_file(&w->dir, "caches/c/old", "old");
	assert_int_equal(fstatat(w->dir.fd, "caches/c", &before, 0), 0);
	add_cache(w, "caches/c", "/root/.cache");
	run_well(w, "cat /root/.cache/old; echo new > /root/.cache/new");
	text_is(w, "caches/c/new", "new\n");
	assert_int_equal(fstatat(w->dir.fd, "caches/c", &after, 0), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	tree_is_as_before(w);
}

static void a_cache_that_was_moved_away_comes_home(void **state)
{
	struct world *w = *state;

	tmpdir_file(&w->dir, "caches/c/old", "old");
	add_cache(w, "caches/c", "/c");
	run_well(w, "mv /c /app/moved; mkdir /c; echo x > /c/x");
	text_is(w, "caches/c/old", "old");
	assert_false(image_has(w, "app/moved"));
	assert_false(image_has(w, "c"));
}

static void a_cache_that_was_removed_is_gone_and_nothing_else(void **state)
{
	struct world *w = *state;

	tmpdir_file(&w->dir, "caches/c/old", "old");
	tmpdir_file(&w->dir, "victim/precious", "precious");
	add_cache(w, "caches/c", "/c");
	run_well(w, "rm -r /c; ln -s /app /c");
	assert_false(tmpdir_has(&w->dir, "caches/c"));
	tree_is_as_before(w);
}

static void a_cache_on_another_file_system_is_copied_there_and_back(void **state)
{
	struct world *w = *state;
	char name[] = "/dev/shm/cbuild-test-XXXXXX";
	auto_free char *path = NULL, *file = NULL;
	struct run_mount *m;
	struct err e = ERR_INIT;
	auto_buf struct buf text = BUF_INIT(100);

	assert_non_null(mkdtemp(name));
	path = mem_printf("%s/c", name);
	file = mem_printf("%s/new", path);
	assert_int_equal(mkdir(path, 0750), 0);
	m = run_spec_add_mount(&w->spec, RUN_MOUNT_BIND, mem_strdup("/c"));
	m->fd = open(path, O_PATH | O_CLOEXEC);
	m->is_kept = true;
	run_well(w, "stat -c 'mode %a.' /c; echo new > /c/new");
	assert_true(recorder_has(&w->progress, "mode 750."));
	assert_int_equal(fs_read_file(AT_FDCWD, file, &text, &e), 0);
	assert_string_equal(buf_str(&text), "new\n");
	assert_int_equal(fs_remove_tree(AT_FDCWD, name, &e), 0);
	tree_is_as_before(w);
}

static ino_t inode_of(const struct world *w, const char *name, nlink_t *links)
{
	struct stat st;

	assert_int_equal(fstatat(w->dir.fd, name, &st, AT_SYMLINK_NOFOLLOW), 0);
	*links = st.st_nlink;
	return st.st_ino;
}

/* With a mount there would be no links across; later changes must not go across either. */
static void what_is_linked_out_of_a_cache_shares_nothing_with_it(void **state)
{
	struct world *w = *state;
	nlink_t links;

	tmpdir_file(&w->dir, "caches/c/d/f", "eff");
	tmpdir_file(&w->dir, "caches/c/own", "own");
	add_cache(w, "caches/c", "/c");
	run_well(w, "ln /c/d/f /app/f; ln /c/d/f /c/d/g; ln /c/own /c/d/own; chmod 4711 /app/f");
	text_is(w, "image/app/f", "eff");
	text_is(w, "caches/c/d/f", "eff");
	assert_int_not_equal(inode_of(w, "image/app/f", &links),
			     inode_of(w, "caches/c/d/f", &links));
	assert_int_equal(inode_of(w, "caches/c/d/f", &links), inode_of(w, "caches/c/d/g", &links));
	assert_int_equal(links, 2);
	assert_int_equal(inode_of(w, "caches/c/own", &links),
			 inode_of(w, "caches/c/d/own", &links));
	inode_of(w, "image/app/f", &links);
	assert_int_equal(links, 1);
}

static void one_below_another_leaves_no_mount_point_in_it(void **state)
{
	struct world *w = *state;

	tmpdir_dir(&w->dir, "caches/c");
	tmpdir_file(&w->dir, "src/f", "eff");
	add_cache(w, "caches/c", "/c");
	add_bind(w, "src", "/c/deep/src");
	run_well(w, "cat /c/deep/src/f; echo x > /c/own");
	assert_true(recorder_has(&w->progress, "eff"));
	assert_true(tmpdir_has(&w->dir, "caches/c/own"));
	assert_false(tmpdir_has(&w->dir, "caches/c/deep"));
	tree_is_as_before(w);
}

static void one_directory_in_two_places_is_refused_and_nothing_moves(void **state)
{
	struct world *w = *state;
	struct err e = ERR_INIT;

	tmpdir_file(&w->dir, "caches/c/old", "old");
	add_cache(w, "caches/c", "/c");
	add_cache(w, "caches/c", "/d");
	assert_int_equal(run(w, ":", &e), -1);
	assert_int_equal(e.kind, ERR_IMPOSSIBLE);
	assert_non_null(strstr(e.text, "two places"));
	text_is(w, "caches/c/old", "old");
	tree_is_as_before(w);
}

/* -- tmpfs, secrets ---------------------------------------------------------------- */

static void a_tmpfs_is_empty_and_for_everybody(void **state)
{
	struct world *w = *state;

	run_spec_add_mount(&w->spec, RUN_MOUNT_TMPFS, mem_strdup("/app"))->mode = 01777;
	run_well(w, "stat -c 'mode %a.' /app; ls -A /app; echo x > /app/x");
	assert_true(recorder_has(&w->progress, "mode 1777."));
	tree_is_as_before(w);
}

static void a_secret_is_a_file_of_its_mode_and_owner_and_goes(void **state)
{
	struct world *w = *state;
	struct run_mount *m = add_secret(w, "/run/secrets/key");

	m->uid = 7;
	m->gid = 8;
	/* the shell's own copy: cat hands its pages to the pipe, and they may be wiped before we look */
	run_well(w, "x=$(cat /run/secrets/key); echo \"$x\"; stat -c '%a %u:%g.' /run/secrets/key");
	assert_true(recorder_has(&w->progress, SECRET));
	assert_true(recorder_has(&w->progress, "400 7:8."));
	tree_is_as_before(w);
}

static void a_secret_that_was_moved_is_gone_too(void **state)
{
	struct world *w = *state;

	add_secret(w, "/run/secrets/key");
	run_well(w, "mv /run/secrets/key /app/stolen");
	assert_false(image_has(w, "app/stolen"));
	assert_false(image_has(w, "run"));
}

static void a_secret_under_a_second_name_is_empty(void **state)
{
	struct world *w = *state;

	add_secret(w, "/run/secrets/key");
	run_well(w, "ln /run/secrets/key /app/second; ln /run/secrets/key /app/third; "
		    "rm /run/secrets/key");
	text_is(w, "image/app/second", "");
	text_is(w, "image/app/third", "");
}

static void a_secret_over_a_file_lets_that_come_back(void **state)
{
	struct world *w = *state;

	add_secret(w, "/app/main");
	run_well(w, "cat /app/main");
	tree_is_as_before(w);
	run_well(w, "rm /app/main; mkdir -p /app/main/x");
	text_is(w, "image/app/main", "main");
}

/* CVE-2024-23652 and what is like it. */
static void what_a_command_leaves_in_a_mounts_place_leads_nowhere(void **state)
{
	struct world *w = *state;

	tmpdir_file(&w->dir, "src/f", "eff");
	tmpdir_dir(&w->dir, "caches/c");
	tmpdir_file(&w->dir, "image/precious/f", "precious");
	free(w->before);
	w->before = picture(w->tree.root_fd);
	add_bind(w, "src", "/mnt/src");
	add_secret(w, "/run/secrets/f");
	add_cache(w, "caches/c", "/opt/c");
	run_well(w, "rm -r /mnt /run /opt; mkdir /mnt /run /opt; ln -s /precious /mnt/src; "
		    "ln -s /precious /run/secrets; ln -s /precious /opt/c");
	text_is(w, "image/precious/f", "precious");
	/* these directories are the command's own */
	assert_true(image_has(w, "mnt"));
	assert_true(image_has(w, "run"));
}

static void directories_that_are_gone_take_what_was_covered_along(void **state)
{
	struct world *w = *state;

	add_secret(w, "/app/sub/file");
	run_well(w, "rm -r /app");
	assert_false(image_has(w, "app"));
}

static void a_directory_that_was_moved_has_what_was_covered_in_it(void **state)
{
	struct world *w = *state;

	add_secret(w, "/app/sub/file");
	run_well(w, "mv /app /moved");
	text_is(w, "image/moved/sub/file", "file");
}

static void a_mount_that_cannot_be_made_leaves_all_as_it_was(void **state)
{
	struct world *w = *state;
	struct err e = ERR_INIT;

	tmpdir_file(&w->dir, "caches/c/old", "old");
	add_cache(w, "caches/c", "/app/sub");
	add_secret(w, "/bin/sh/below");
	assert_int_equal(run(w, ":", &e), -1);
	assert_non_null(strstr(e.text, "/bin/sh/below"));
	assert_int_equal(e.kind, ERR_FAILED);
	text_is(w, "caches/c/old", "old");
	tree_is_as_before(w);
}

static void when_who_asked_is_killed_nothing_is_left(void **state)
{
	struct world *w = *state;
	const struct timespec pause = { .tv_nsec = 5000000 };
	pid_t pid = fork();

	if (pid == 0) {
		add_secret(w, "/app/main");
		run_well(w, ": > /ready; sleep 1000");
		_exit(0);
	}
	while (!image_has(w, "ready"))
		nanosleep(&pause, NULL);
	text_is(w, "image/app/main", SECRET);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	while (!tmpdir_has(&w->dir, "image/app/main") || image_has(w, "dev/urandom"))
		nanosleep(&pause, NULL);
	text_is(w, "image/app/main", "main");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(dev_proc_and_sys_are_there_and_leave_nothing),
		T(hosts_and_resolv_conf_are_served_and_what_was_there_comes_back),
		T(a_file_made_beside_them_stays),
		T(a_bind_shows_its_source_as_it_is),
		T(a_directory_of_our_own_is_moved_there_and_goes),
		T(a_file_can_lie_over_a_file_and_below_a_link),
		T(what_a_mount_covers_is_out_of_sight_and_comes_back),
		T(a_mount_may_be_where_the_command_begins),
		T(a_cache_keeps_what_is_written),
		T(a_cache_that_was_moved_away_comes_home),
		T(a_cache_that_was_removed_is_gone_and_nothing_else),
		T(a_cache_on_another_file_system_is_copied_there_and_back),
		T(what_is_linked_out_of_a_cache_shares_nothing_with_it),
		T(one_below_another_leaves_no_mount_point_in_it),
		T(one_directory_in_two_places_is_refused_and_nothing_moves),
		T(a_tmpfs_is_empty_and_for_everybody),
		T(a_secret_is_a_file_of_its_mode_and_owner_and_goes),
		T(a_secret_that_was_moved_is_gone_too),
		T(a_secret_under_a_second_name_is_empty),
		T(a_secret_over_a_file_lets_that_come_back),
		T(what_a_command_leaves_in_a_mounts_place_leads_nowhere),
		T(directories_that_are_gone_take_what_was_covered_along),
		T(a_directory_that_was_moved_has_what_was_covered_in_it),
		T(a_mount_that_cannot_be_made_leaves_all_as_it_was),
		T(when_who_asked_is_killed_nothing_is_left),
	};
	struct err e = ERR_INIT;
	int failed;

	if (caps_bound(caps_docker(), &e) < 0 || caps_set(caps_docker(), &e) < 0 ||
	    sandbox_chroot_open(&box, NULL, &e) < 0) {
		fprintf(stderr, "%s\n", e.text);
		return 1;
	}
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	sandbox_free(box);
	return failed;
}
