/* Upper directories made one: over a base it shows what they show over it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/mem.h"
#include "oci/layer/merge.h"
#include "oci/layer/tree_dir.h"
#include "oci/layer/tree_stack.h"
#include "tests/fakes/layer_disk.h"
#include "tests/fakes/layer_text.h"

#define UPPERS 3

struct world {
	struct disk upper[UPPERS]; /* topmost first */
	struct disk base, merged;
};

static int set_up(void **state)
{
	struct world *w = mem_zalloc(sizeof(*w));

	for (size_t i = 0; i < UPPERS; i++)
		disk_open(&w->upper[i]);
	disk_open(&w->base);
	disk_open(&w->merged);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < UPPERS; i++)
		disk_close(&w->upper[i]);
	disk_close(&w->base);
	disk_close(&w->merged);
	free(w);
	return 0;
}

/* With the directories on the way. */
static void put(struct disk *d, const char *path, const char *content)
{
	auto_free char *dir = mem_strdup(path);

	for (char *slash = dir; (slash = strchr(slash + 1, '/'));) {
		*slash = '\0';
		if (faccessat(d->fd, dir, F_OK, 0) < 0)
			disk_dir(d, dir);
		*slash = '/';
	}
	disk_file(d, path, content);
}

/* The attributes that marks are kept in here: a user's, when the machine's cannot be set. */
static bool wants_user_marks(struct world *w)
{
	if (fsetxattr(w->merged.fd, "trusted.overlay.opaque", "n", 1, 0) < 0)
		return true;
	fremovexattr(w->merged.fd, "trusted.overlay.opaque");
	return false;
}

static char *text_of(const struct disk *const *disks, size_t nr)
{
	static const struct tree_dir_options upper = { .is_upper = true };
	struct tree *trees[UPPERS + 1] = { 0 };
	struct tree *stack;
	struct err e = ERR_INIT;
	char *text;

	for (size_t i = 0; i < nr; i++)
		assert_int_equal(
			tree_dir_open(&trees[i], disks[i]->fd, i + 1 < nr ? &upper : NULL, &e), 0);
	stack = tree_stack_new(trees, nr);
	text = tree_text(stack, true);
	tree_free(stack);
	for (size_t i = 0; i < nr; i++)
		tree_free(trees[i]);
	return text;
}

static void assert_same(struct world *w)
{
	const struct disk *apart[] = { &w->upper[0], &w->upper[1], &w->upper[2], &w->base };
	const struct disk *together[] = { &w->merged, &w->base };
	static const struct tree_dir_options upper = {
		.is_upper = true
	}; /* as the builder's parts are */
	const int fds[] = { w->upper[0].fd, w->upper[1].fd, w->upper[2].fd };
	auto_free char *want = NULL;
	auto_free char *got = NULL;
	struct tree *below;
	struct err e = ERR_INIT;

	for (size_t i = 0; i < UPPERS; i++)
		disk_settle(&w->upper[i]);
	disk_settle(&w->base);
	want = text_of(apart, ARRAY_LEN(apart));
	assert_int_equal(tree_dir_open(&below, w->base.fd, &upper, &e), 0);
	if (layer_merge_dirs(NULL, w->merged.fd, fds, UPPERS, below, wants_user_marks(w), &e) < 0)
		fail_msg("%s", e.text);
	tree_free(below);
	got = text_of(together, ARRAY_LEN(together));
	assert_string_equal(got, want);
}

static void what_is_higher_wins(void **state)
{
	struct world *w = *state;

	put(&w->base, "d/a", "base");
	put(&w->base, "d/z", "base");
	put(&w->upper[2], "d/a", "2");
	put(&w->upper[2], "d/b", "2");
	put(&w->upper[1], "d/b", "1");
	disk_symlink(&w->upper[1], "d/l", "a");
	put(&w->upper[0], "d/c", "0");
	disk_dir(&w->upper[0], "e");
	disk_set_time(&w->upper[0], "e", 7, 8);
	assert_same(w);
}

static void what_is_deleted_stays_deleted(void **state)
{
	struct world *w = *state;

	put(&w->base, "d/a", "base");
	put(&w->base, "d/b", "base");
	put(&w->base, "gone/x", "base");
	put(&w->upper[2], "d/c", "2");
	disk_whiteout(&w->upper[2], "d/b");
	disk_dir(&w->upper[1], "d");
	disk_whiteout(&w->upper[1], "d/a");
	disk_whiteout(&w->upper[1], "d/c");
	disk_whiteout(&w->upper[1], "gone");
	put(&w->upper[0], "d/b", "again");
	assert_same(w);
}

/* overlayfs would list the mark where it has the directory from one place alone. */
static void what_nobody_has_below_leaves_no_mark_when_it_is_deleted(void **state)
{
	struct world *w = *state;
	auto_free char *text = NULL;

	put(&w->base, "d/a", "base");
	put(&w->base, "o/x", "base");
	put(&w->upper[2], "d/b", "2");
	put(&w->upper[2], "own/deep/x", "2");
	put(&w->upper[2], "o/x", "2");
	disk_mark(&w->upper[2], "o", "opaque", "y");
	disk_dir(&w->upper[1], "d");
	disk_whiteout(&w->upper[1], "d/a");
	disk_whiteout(&w->upper[1], "d/b");
	disk_dir(&w->upper[1], "own");
	disk_whiteout(&w->upper[1], "own/deep");
	disk_dir(&w->upper[0], "o");
	disk_file(&w->upper[0], "o/x", "");
	disk_mark(&w->upper[0], "o/x", "whiteout", "");
	assert_same(w);
	text = disk_text(&w->merged, true);
	assert_string_equal(text, "d 0755 0:0 @1000000000 d\nc 0000 0:0 @1000000000 0:0 d/a\n"
				  "d 0755 0:0 @1000000000 o\nd 0755 0:0 @1000000000 own\n");
}

/* No layer has one, but a RUN that left it in a directory below is seen by those that follow. */
static void a_socket_that_was_deleted_stays_deleted(void **state)
{
	struct world *w = *state;
	struct stat st;

	disk_dir(&w->base, "run");
	assert_int_equal(mknodat(w->base.fd, "run/s", S_IFSOCK | 0600, 0), 0);
	disk_dir(&w->upper[1], "run");
	disk_whiteout(&w->upper[1], "run/s");
	disk_whiteout(&w->upper[1], "run/never");
	assert_same(w);
	assert_int_equal(fstatat(w->merged.fd, "run/s", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(fstatat(w->merged.fd, "run/never", &st, AT_SYMLINK_NOFOLLOW), -1);
}

static void an_opaque_directory_hides_what_is_below_it_and_nothing_of_its_own(void **state)
{
	struct world *w = *state;

	put(&w->base, "d/base", "");
	put(&w->base, "d/sub/base", "");
	put(&w->upper[2], "d/two", "");
	put(&w->upper[2], "d/sub/two", "");
	disk_dir(&w->upper[1], "d");
	disk_mark(&w->upper[1], "d", "opaque", "y");
	put(&w->upper[1], "d/one", "");
	put(&w->upper[1], "d/sub/one", "");
	put(&w->upper[0], "d/null", "");
	assert_same(w);
}

static void a_directory_over_something_else_hides_what_is_below_that(void **state)
{
	struct world *w = *state;

	put(&w->base, "d/base", "");
	put(&w->base, "f/base", "");
	put(&w->upper[2], "d", "a file");
	disk_whiteout(&w->upper[2], "f");
	put(&w->upper[1], "d/one", "");
	put(&w->upper[0], "f/null", "");
	assert_same(w);
}

static void a_file_over_a_directory_hides_all_of_it(void **state)
{
	struct world *w = *state;

	put(&w->base, "d/base", "");
	put(&w->upper[2], "d/deep/er/two", "");
	put(&w->upper[1], "d/deep", "a file");
	put(&w->upper[1], "d/deeper", "");
	assert_same(w);
}

static void names_of_one_file_stay_one_file_and_keep_their_inode(void **state)
{
	struct world *w = *state;
	struct stat a, b;

	put(&w->upper[2], "x/a", "one");
	disk_hard_link(&w->upper[2], "x/b", "x/a");
	assert_same(w);
	assert_int_equal(fstatat(w->merged.fd, "x/a", &a, 0), 0);
	assert_int_equal(fstatat(w->upper[2].fd, "x/b", &b, 0), 0);
	assert_int_equal(a.st_ino, b.st_ino);
}

static void attributes_of_directories_are_the_highest_ones(void **state)
{
	struct world *w = *state;
	struct stat st;
	char v = 0;

	disk_dir(&w->upper[2], "d");
	disk_dir(&w->upper[1], "d");
	assert_int_equal(fchmodat(w->upper[1].fd, "d", 01770, 0), 0);
	disk_mark(&w->upper[1], "d", "impure", "y");
	assert_int_equal(fsetxattr(w->upper[0].fd, "user.mine", "m", 1, 0), 0);
	assert_same(w);
	assert_int_equal(fstatat(w->merged.fd, "d", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 01770);
	assert_int_equal(fgetxattr(w->merged.fd, "user.mine", &v, 1), 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_is_higher_wins),
		T(what_is_deleted_stays_deleted),
		T(what_nobody_has_below_leaves_no_mark_when_it_is_deleted),
		T(a_socket_that_was_deleted_stays_deleted),
		T(an_opaque_directory_hides_what_is_below_it_and_nothing_of_its_own),
		T(a_directory_over_something_else_hides_what_is_below_that),
		T(a_file_over_a_directory_hides_all_of_it),
		T(names_of_one_file_stay_one_file_and_keep_their_inode),
		T(attributes_of_directories_are_the_highest_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
