/* Walking a tree, and what may change under it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "base/buf.h"
#include "base/walk.h"
#include "tests/fakes/tmpdir.h"

/* All paths, a '/' behind directories, one line each; skips into nothing called `skip`. */
static void list(struct buf *out, int dirfd, const char *skip)
{
	auto_walk struct walk *w = NULL;
	struct err e = ERR_INIT;
	struct walk_entry ent;
	int r;

	assert_int_equal(0, walk_open(&w, dirfd, &e));
	while ((r = walk_next(w, &ent, &e)) > 0) {
		buf_addf(out, "%s%s\n", ent.path, S_ISDIR(ent.st.st_mode) ? "/" : "");
		if (skip && strcmp(skip, ent.path) == 0)
			walk_skip(w);
	}
	assert_int_equal(0, r);
	assert_int_equal(0, walk_next(w, &ent, &e)); /* the end stays the end */
}

static void a_tree_comes_sorted_by_bytes_parents_first(void **state)
{
	auto_tmpdir struct tmpdir t;
	auto_buf struct buf b = BUF_INIT(BUF_SMALL);

	(void)state;
	tmpdir_init(&t);
	tmpdir_file(&t, "b", "");
	tmpdir_file(&t, "a/y", "");
	tmpdir_file(&t, "a/x/1", "");
	tmpdir_file(&t, "a-b", "");
	tmpdir_file(&t, "B", "");
	tmpdir_file(&t, "\xc3\xa9", "");
	tmpdir_dir(&t, "empty");
	tmpdir_link(&t, "link", "a");
	list(&b, t.fd, NULL);
	assert_string_equal("B\na/\na/x/\na/x/1\na/y\na-b\nb\nempty/\nlink\n\xc3\xa9\n",
			    buf_str(&b));
}

static void an_empty_directory_has_nothing_to_tell(void **state)
{
	auto_tmpdir struct tmpdir t;
	auto_buf struct buf b = BUF_INIT(BUF_SMALL);

	(void)state;
	tmpdir_init(&t);
	list(&b, t.fd, NULL);
	assert_string_equal("", buf_str(&b));
}

static void the_same_descriptor_can_be_walked_again(void **state)
{
	auto_tmpdir struct tmpdir t;
	auto_buf struct buf b = BUF_INIT(BUF_SMALL);

	(void)state;
	tmpdir_init(&t);
	tmpdir_file(&t, "a", "");
	list(&b, t.fd, NULL);
	list(&b, t.fd, NULL);
	assert_string_equal("a\na\n", buf_str(&b));
}

static void a_path_descriptor_is_enough(void **state)
{
	auto_tmpdir struct tmpdir t;
	auto_buf struct buf b = BUF_INIT(BUF_SMALL);
	auto_close int fd = -1;

	(void)state;
	tmpdir_init(&t);
	tmpdir_file(&t, "a", "");
	fd = open(t.path, O_PATH | O_CLOEXEC);
	list(&b, fd, NULL);
	assert_string_equal("a\n", buf_str(&b));
}

static void a_skipped_directory_is_told_but_not_entered(void **state)
{
	auto_tmpdir struct tmpdir t;
	auto_buf struct buf b = BUF_INIT(BUF_SMALL);

	(void)state;
	tmpdir_init(&t);
	tmpdir_file(&t, "a/x", "");
	tmpdir_file(&t, "b/x", "");
	list(&b, t.fd, "a");
	assert_string_equal("a/\nb/\nb/x\n", buf_str(&b));
}

static void an_entry_has_name_directory_depth_and_status(void **state)
{
	auto_tmpdir struct tmpdir t;
	auto_walk struct walk *w = NULL;
	struct err e = ERR_INIT;
	struct walk_entry ent;
	struct stat st;

	(void)state;
	tmpdir_init(&t);
	tmpdir_file(&t, "a/file", "four");
	assert_int_equal(0, walk_open(&w, t.fd, &e));
	assert_int_equal(1, walk_next(w, &ent, &e));
	assert_int_equal(0, ent.depth);
	assert_int_equal(1, walk_next(w, &ent, &e));
	assert_string_equal("a/file", ent.path);
	assert_string_equal("file", ent.name);
	assert_int_equal(1, ent.depth);
	assert_int_equal(4, ent.st.st_size);
	assert_int_equal(0, fstatat(ent.dirfd, ent.name, &st, AT_SYMLINK_NOFOLLOW));
	assert_int_equal(st.st_ino, ent.st.st_ino);
}

static void what_disappears_meanwhile_is_left_out(void **state)
{
	auto_tmpdir struct tmpdir t;
	auto_walk struct walk *w = NULL;
	struct err e = ERR_INIT;
	struct walk_entry ent;

	(void)state;
	tmpdir_init(&t);
	tmpdir_file(&t, "a", "");
	tmpdir_file(&t, "b", "");
	tmpdir_file(&t, "c", "");
	assert_int_equal(0, walk_open(&w, t.fd, &e));
	assert_int_equal(1, walk_next(w, &ent, &e));
	assert_int_equal(0, unlinkat(t.fd, "b", 0));
	assert_int_equal(1, walk_next(w, &ent, &e));
	assert_string_equal("c", ent.path);
}

static void a_directory_that_becomes_a_link_is_not_followed(void **state)
{
	auto_tmpdir struct tmpdir t;
	auto_walk struct walk *w = NULL;
	struct err e = ERR_INIT;
	struct walk_entry ent;

	(void)state;
	tmpdir_init(&t);
	tmpdir_dir(&t, "tree/a");
	tmpdir_file(&t, "secret/x", "");
	{
		auto_close int fd = openat(t.fd, "tree", O_RDONLY | O_CLOEXEC);

		assert_int_equal(0, walk_open(&w, fd, &e));
	}
	assert_int_equal(1, walk_next(w, &ent, &e));
	assert_int_equal(0, unlinkat(t.fd, "tree/a", AT_REMOVEDIR));
	tmpdir_link(&t, "tree/a", "../secret");
	assert_int_equal(-1, walk_next(w, &ent, &e));
	assert_int_equal(ENOTDIR, e.sys);
	assert_string_equal("open directory 'a': Not a directory", e.text);
}

static void a_tree_too_deep_is_refused(void **state)
{
	auto_tmpdir struct tmpdir t;
	auto_walk struct walk *w = NULL;
	struct err e = ERR_INIT;
	struct walk_entry ent;
	size_t entries = 0;
	int fd, r;

	(void)state;
	tmpdir_init(&t);
	fd = dup(t.fd);
	for (int i = 0; i < WALK_DEPTH_MAX + 3; i++) {
		int next;

		assert_int_equal(0, mkdirat(fd, "d", 0755));
		next = openat(fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		close(fd);
		fd = next;
	}
	close(fd);
	assert_int_equal(0, walk_open(&w, t.fd, &e));
	while ((r = walk_next(w, &ent, &e)) > 0)
		entries++;
	assert_int_equal(-1, r);
	assert_int_equal(ERR_INPUT, e.kind);
	assert_int_equal(WALK_DEPTH_MAX + 1, entries);
}

static void what_is_no_directory_cannot_be_walked(void **state)
{
	auto_tmpdir struct tmpdir t;
	auto_close int fd = -1;
	struct walk *w = NULL;
	struct err e = ERR_INIT;

	(void)state;
	tmpdir_init(&t);
	tmpdir_file(&t, "f", "");
	fd = openat(t.fd, "f", O_RDONLY | O_CLOEXEC);
	assert_int_equal(-1, walk_open(&w, fd, &e));
	assert_int_equal(ENOTDIR, e.sys);
	assert_null(w);
}

#define CANNOT_MOUNT 77

/* In a mount namespace of its own, so nothing stays mounted. */
static int walk_over_a_mount(struct tmpdir *t)
{
	bool found[2] = { false, false }; /* not crossing, crossing */
	struct err e = ERR_INIT;

	if (!tmpdir_own_mounts(t) || mount("none", "mnt", "tmpfs", 0, NULL) < 0)
		return CANNOT_MOUNT;
	tmpdir_file(t, "mnt/inside", "");
	for (int cross = 0; cross < 2; cross++) {
		auto_walk struct walk *w = NULL;
		struct walk_entry ent;

		if (walk_open(&w, t->fd, &e) < 0)
			return 1;
		if (cross)
			walk_cross_mounts(w);
		while (walk_next(w, &ent, &e) > 0)
			if (strcmp(ent.path, "mnt/inside") == 0)
				found[cross] = true;
	}
	return !found[0] && found[1] ? 0 : 2;
}

static void other_file_systems_are_entered_only_when_told_to(void **state)
{
	auto_tmpdir struct tmpdir t;
	int status;
	pid_t pid;

	(void)state;
	tmpdir_init(&t);
	tmpdir_dir(&t, "mnt");
	pid = fork();
	if (pid == 0)
		_exit(walk_over_a_mount(&t));
	assert_int_equal(pid, waitpid(pid, &status, 0));
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == CANNOT_MOUNT) {
		tmpdir_release(&t); /* skip does not come back */
		skip();
	}
	assert_int_equal(0, WEXITSTATUS(status));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tree_comes_sorted_by_bytes_parents_first),
		cmocka_unit_test(an_empty_directory_has_nothing_to_tell),
		cmocka_unit_test(the_same_descriptor_can_be_walked_again),
		cmocka_unit_test(a_path_descriptor_is_enough),
		cmocka_unit_test(a_skipped_directory_is_told_but_not_entered),
		cmocka_unit_test(an_entry_has_name_directory_depth_and_status),
		cmocka_unit_test(what_disappears_meanwhile_is_left_out),
		cmocka_unit_test(a_directory_that_becomes_a_link_is_not_followed),
		cmocka_unit_test(a_tree_too_deep_is_refused),
		cmocka_unit_test(what_is_no_directory_cannot_be_walked),
		cmocka_unit_test(other_file_systems_are_entered_only_when_told_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
