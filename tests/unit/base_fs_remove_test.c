/* Removing trees, and what must survive it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/fs.h"
#include "base/mem.h"
#include "tests/fakes/tmpdir.h"

static void what_is_missing_is_fine(void **state)
{
	auto_tmpdir struct tmpdir t;
	struct err e = ERR_INIT;

	(void)state;
	tmpdir_init(&t);
	assert_int_equal(0, fs_remove_tree(t.fd, "none", &e));
}

static void a_tree_goes_and_its_neighbours_stay(void **state)
{
	auto_tmpdir struct tmpdir t;
	struct err e = ERR_INIT;

	(void)state;
	tmpdir_init(&t);
	tmpdir_file(&t, "stays/f", "");
	tmpdir_file(&t, "goes/a/b/f", "");
	tmpdir_file(&t, "goes/a/g", "");
	tmpdir_dir(&t, "goes/empty");
	tmpdir_link(&t, "goes/dangling", "nowhere");
	assert_int_equal(0, mkfifoat(t.fd, "goes/a/fifo", 0600));
	for (int i = 0; i < 300; i++) {
		auto_free char *name = mem_printf("goes/many/%d/f", i);

		tmpdir_file(&t, name, "");
	}
	assert_int_equal(0, fs_remove_tree(t.fd, "goes", &e));
	assert_int_equal(1, tmpdir_count(&t));
	assert_true(tmpdir_has(&t, "stays/f"));
}

static void a_file_and_a_link_are_trees_too(void **state)
{
	auto_tmpdir struct tmpdir t;
	struct err e = ERR_INIT;

	(void)state;
	tmpdir_init(&t);
	tmpdir_file(&t, "dir/f", "");
	tmpdir_link(&t, "link", "dir");
	tmpdir_file(&t, "file", "");
	assert_int_equal(0, fs_remove_tree(t.fd, "link", &e));
	assert_int_equal(0, fs_remove_tree(t.fd, "file", &e));
	assert_true(tmpdir_has(&t, "dir/f"));
	assert_int_equal(1, tmpdir_count(&t));
}

static void links_inside_are_not_followed(void **state)
{
	auto_tmpdir struct tmpdir t;
	struct err e = ERR_INIT;

	(void)state;
	tmpdir_init(&t);
	tmpdir_file(&t, "stays/f", "");
	tmpdir_dir(&t, "goes");
	tmpdir_link(&t, "goes/link", "../stays");
	assert_int_equal(0, fs_remove_tree(t.fd, "goes", &e));
	assert_true(tmpdir_has(&t, "stays/f"));
}

/* A tree of 600 levels with a file in each, made without a path that long. */
static void make_deep(struct tmpdir *t)
{
	int fd;

	tmpdir_dir(t, "deep");
	fd = openat(t->fd, "deep", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < 600; i++) {
		int next;

		assert_int_equal(0, mkdirat(fd, "down", 0755));
		close(openat(fd, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
		next = openat(fd, "down", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(next >= 0);
		close(fd);
		fd = next;
	}
	close(fd);
}

static void a_deep_tree_needs_few_descriptors(void **state)
{
	auto_tmpdir struct tmpdir t;
	struct rlimit old, few;
	struct err e = ERR_INIT;
	int r;

	(void)state;
	tmpdir_init(&t);
	make_deep(&t);
	assert_int_equal(0, getrlimit(RLIMIT_NOFILE, &old));
	few = (struct rlimit){ .rlim_cur = 40, .rlim_max = old.rlim_max };
	assert_int_equal(0, setrlimit(RLIMIT_NOFILE, &few));
	r = fs_remove_tree(t.fd, "deep", &e);
	setrlimit(RLIMIT_NOFILE, &old);
	assert_int_equal(0, r);
	assert_int_equal(0, tmpdir_count(&t));
}

/* In a child: makes directories, full ones, and removes them as fast as it can. */
static void come_and_go(const struct tmpdir *t)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		mkdirat(t->fd, "goes/dir", 0700);
		mkdirat(t->fd, "goes/dir/in", 0700);
		unlinkat(t->fd, "goes/dir/in", AT_REMOVEDIR);
		unlinkat(t->fd, "goes/dir", AT_REMOVEDIR);
	}
}

/* The other one's tree is filled again and again, so that a removal may find it not empty; never that something is
 * missing. */
static void what_somebody_else_removes_meanwhile_is_gone(void **state)
{
	auto_tmpdir struct tmpdir t;
	pid_t other;

	(void)state;
	tmpdir_init(&t);
	tmpdir_dir(&t, "goes");
	other = fork();
	if (other == 0)
		come_and_go(&t);
	for (int i = 0; i < 2000; i++) {
		struct err e = ERR_INIT;

		if (fs_remove_tree(t.fd, "goes", &e) < 0 && e.sys != ENOTEMPTY)
			fail_msg("%s", e.text);
		mkdirat(t.fd, "goes", 0700);
	}
	kill(other, SIGKILL);
	assert_int_equal(other, waitpid(other, NULL, 0));
}

/* Runs in a child that may do less than root, or in a mount namespace of its own. */
static int in_child(int (*run)(struct tmpdir *t), struct tmpdir *t)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(run(t));
	assert_int_equal(pid, waitpid(pid, &status, 0));
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int remove_as_nobody(struct tmpdir *t)
{
	struct err e = ERR_INIT;

	if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
		return 2;
	if (fs_remove_tree(t->fd, "goes", &e) < 0) {
		fprintf(stderr, "%s\n", e.text);
		return 1;
	}
	return 0;
}

static void directories_nobody_may_write_are_made_writable(void **state)
{
	static const char *const dirs[] = { "goes", "goes/a", "goes/a/locked", "goes/unreadable" };
	auto_tmpdir struct tmpdir t;
	uid_t owner = geteuid() == 0 ? 65534 : geteuid();

	(void)state;
	tmpdir_init(&t);
	tmpdir_file(&t, "goes/a/locked/f", "");
	tmpdir_file(&t, "goes/unreadable/f", "");
	assert_int_equal(0, fchown(t.fd, owner, (gid_t)-1));
	for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
		assert_int_equal(0, fchownat(t.fd, dirs[i], owner, (gid_t)-1, 0));
	assert_int_equal(0, fchmodat(t.fd, "goes/a/locked", 0500, 0));
	assert_int_equal(0, fchmodat(t.fd, "goes/unreadable", 0000, 0));
	assert_int_equal(0, fchmodat(t.fd, "goes/a", 0500, 0));
	assert_int_equal(0, in_child(remove_as_nobody, &t));
	assert_false(tmpdir_has(&t, "goes"));
}

#define CANNOT_MOUNT 77

/* 0: the mount was respected. Mounts end with the child's namespace. */
static int remove_over_a_mount(struct tmpdir *t)
{
	struct err e = ERR_INIT;

	if (!tmpdir_own_mounts(t) || mount("stays", "goes/mnt", NULL, MS_BIND, NULL) < 0)
		return CANNOT_MOUNT;
	if (fs_remove_tree(t->fd, "goes", &e) == 0 || e.sys != EBUSY)
		return 1;
	if (strcmp(e.text, "remove 'goes/mnt': Device or resource busy") != 0)
		return 2;
	/* and as the tree to remove */
	if (fs_remove_tree(t->fd, "goes/mnt", &e) == 0 || e.sys != EBUSY)
		return 3;
	return tmpdir_has(t, "stays/f") ? 0 : 4;
}

static void a_bind_mount_of_the_same_device_is_not_entered(void **state)
{
	auto_tmpdir struct tmpdir t;
	int r;

	(void)state;
	tmpdir_init(&t);
	tmpdir_file(&t, "stays/f", "");
	tmpdir_dir(&t, "goes/mnt");
	r = in_child(remove_over_a_mount, &t);
	if (r == CANNOT_MOUNT) {
		tmpdir_release(&t); /* skip does not come back */
		skip();
	}
	assert_int_equal(0, r);
	assert_true(tmpdir_has(&t, "stays/f"));
}

static void the_error_names_the_path(void **state)
{
	auto_tmpdir struct tmpdir t;
	struct err e = ERR_INIT;

	(void)state;
	tmpdir_init(&t);
	tmpdir_file(&t, "f", "");
	assert_int_equal(-1, fs_remove_tree(t.fd, "f/x", &e));
	assert_string_equal("remove 'f/x': Not a directory", e.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_missing_is_fine),
		cmocka_unit_test(a_tree_goes_and_its_neighbours_stay),
		cmocka_unit_test(a_file_and_a_link_are_trees_too),
		cmocka_unit_test(links_inside_are_not_followed),
		cmocka_unit_test(what_somebody_else_removes_meanwhile_is_gone),
		cmocka_unit_test(a_deep_tree_needs_few_descriptors),
		cmocka_unit_test(directories_nobody_may_write_are_made_writable),
		cmocka_unit_test(a_bind_mount_of_the_same_device_is_not_entered),
		cmocka_unit_test(the_error_names_the_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
