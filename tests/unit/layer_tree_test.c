/* Directories, lists and stacks as trees, and paths that are followed inside them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/fs.h"
#include "base/mem.h"
#include "oci/layer/tree_dir.h"
#include "oci/layer/tree_list.h"
#include "oci/layer/tree_stack.h"
#include "tests/fakes/layer_disk.h"
#include "tests/fakes/layer_text.h"
#include "tests/fakes/tmpdir.h"

#define DISKS 3

struct world {
	struct disk disk[DISKS]; /* topmost first */
	struct tree *tree[DISKS], *stack;
	struct layer_changes changes[DISKS];
};

static int set_up(void **state)
{
	struct world *w = mem_zalloc(sizeof(*w));

	for (size_t i = 0; i < DISKS; i++)
		disk_open(&w->disk[i]);
	*state = w;
	return 0;
}

static void close_trees(struct world *w)
{
	tree_free(STEAL(&w->stack));
	for (size_t i = 0; i < DISKS; i++) {
		tree_free(STEAL(&w->tree[i]));
		layer_changes_release(&w->changes[i]);
	}
}

static int tear_down(void **state)
{
	struct world *w = *state;

	close_trees(w);
	for (size_t i = 0; i < DISKS; i++)
		disk_close(&w->disk[i]);
	free(w);
	return 0;
}

static struct tree *open_dir(int fd, const struct tree_dir_options *opt)
{
	struct err e = ERR_INIT;
	struct tree *t = NULL;

	if (tree_dir_open(&t, fd, opt, &e) < 0)
		fail_msg("%s", e.text);
	return t;
}

static void assert_tree(struct tree *t, const char *want)
{
	auto_free char *got = tree_text(t, false);

	assert_string_equal(got, want);
}

/* -- directories ----------------------------------------------------------------- */

static void a_directory_is_seen_as_it_is(void **state)
{
	struct world *w = *state;
	struct disk *d = &w->disk[0];
	auto_free char *want = NULL, *got = NULL;

	disk_dir(d, "a");
	disk_file(d, "a/x", "hello");
	disk_hard_link(d, "a/y", "a/x");
	disk_symlink(d, "a.link", "a/x");
	disk_node(d, "fifo", S_IFIFO | 0600, 0, 0);
	disk_node(d, "null", S_IFCHR | 0666, 1, 3);
	disk_dir(d, "a/deep");
	disk_file(d, "a/deep/z", "");
	disk_settle(d);
	w->tree[0] = open_dir(d->fd, NULL);
	want = disk_text(d, true);
	got = tree_text(w->tree[0], true);
	assert_string_equal(got, want);
}

static void no_link_is_followed_by_a_look(void **state)
{
	struct world *w = *state;
	struct tree_node node;
	struct err e = ERR_INIT;

	disk_dir(&w->disk[0], "d");
	disk_file(&w->disk[0], "d/f", "x");
	disk_symlink(&w->disk[0], "l", "d");
	w->tree[0] = open_dir(w->disk[0].fd, NULL);
	assert_int_equal(tree_look(w->tree[0], "l/f", &node, &e), 0);
	assert_int_equal(tree_look(w->tree[0], "d/f/g", &node, &e), 0);
	assert_int_equal(tree_look(w->tree[0], "none/f", &node, &e), 0);
	assert_int_equal(tree_look(w->tree[0], "l", &node, &e), 1);
	assert_string_equal(node.link, "d");
	assert_int_equal(tree_look(w->tree[0], "", &node, &e), 1);
	assert_true(S_ISDIR(node.st.st_mode));
}

static void a_list_of_what_is_no_directory_is_an_error(void **state)
{
	struct world *w = *state;
	auto_strv struct strv names = STRV_INIT;
	struct err e = ERR_INIT;

	disk_file(&w->disk[0], "f", "x");
	w->tree[0] = open_dir(w->disk[0].fd, NULL);
	assert_int_equal(tree_list(w->tree[0], "f", &names, &e), -1);
	assert_int_equal(e.kind, ERR_ABSENT);
	assert_int_equal(tree_list(w->tree[0], "none", &names, &e), -1);
	assert_int_equal(e.kind, ERR_ABSENT);
}

static void files_of_a_context_belong_to_root(void **state)
{
	static const struct tree_dir_options opt = { .of_root = true };
	struct world *w = *state;

	disk_file(&w->disk[0], "f", "x");
	assert_int_equal(fchownat(w->disk[0].fd, "f", 7, 8, 0), 0);
	w->tree[0] = open_dir(w->disk[0].fd, &opt);
	assert_tree(w->tree[0], "f 0644 0:0 1 f = x\n");
}

static void a_directory_that_is_not_part_of_it_is_never_shown(void **state)
{
	struct world *w = *state;
	struct disk *d = &w->disk[0];
	struct tree_dir_options opt = { .of_root = true };
	struct tree_node node;
	struct err e = ERR_INIT;
	struct stat st;

	disk_dir(d, "a");
	disk_dir(d, "a/state");
	disk_dir(d, "a/state/in");
	disk_file(d, "a/state/in/f", "x");
	disk_file(d, "a/g", "y");
	assert_int_equal(fstatat(d->fd, "a/state", &st, 0), 0);
	opt.skip_dev = st.st_dev;
	opt.skip_ino = st.st_ino;
	w->tree[0] = open_dir(d->fd, &opt);
	assert_tree(w->tree[0], "d 0755 0:0 a\nf 0644 0:0 1 a/g = y\n");
	assert_int_equal(tree_look(w->tree[0], "a/state", &node, &e), 0);
	assert_int_equal(tree_look(w->tree[0], "a/state/in", &node, &e), 0);
	assert_int_equal(tree_look(w->tree[0], "a/state/in/f", &node, &e), 0);
}

/* Exchanges "b" of two directories until it is killed. */
static pid_t start_exchanging(int one, int other)
{
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			renameat2(one, "b", other, "b", RENAME_EXCHANGE);
	}
	assert_true(pid > 0);
	return pid;
}

/* Above it there is no end of the tree then: what would lead up for ever ends. */
static void a_directory_that_somebody_moves_out_of_it_is_no_way_to_the_top(void **state)
{
	struct world *w = *state;
	struct disk *d = &w->disk[0];
	struct tree_dir_options opt = { .skip_ino = 1 };
	struct tree_node node;
	struct err e = ERR_INIT;
	pid_t pid;
	int r = 1;

	disk_dir(d, "b");
	disk_file(d, "b/f", "x");
	disk_dir(&w->disk[1], "b");
	disk_file(&w->disk[1], "b/f", "y");
	pid = start_exchanging(d->fd, w->disk[1].fd);
	for (int i = 0; i < 30000 && r > 0; i++) {
		tree_free(w->tree[0]);
		w->tree[0] = open_dir(d->fd, &opt);
		r = tree_look(w->tree[0], "b/f", &node, &e);
	}
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	/* which step of the look it is that meets the change is a matter of luck; that it ends is not */
	assert_true(r >= 0 || e.text[0]);
}

/* "d" of the current directory is mounted on "d/in": 0: it is looked at as any other. */
static int look_where_it_is_mounted_in_itself(struct tmpdir *t)
{
	struct tree_dir_options opt = { .skip_ino = 1 };
	auto_close int fd = -1;
	auto_tree struct tree *tree = NULL;
	struct tree_node node;
	struct err e = ERR_INIT;

	tmpdir_dir(t, "d");
	tmpdir_dir(t, "d/in");
	tmpdir_file(t, "d/f", "x");
	if (!tmpdir_own_mounts(t) || mount("d", "d/in", NULL, MS_BIND, NULL) < 0)
		return 2;
	fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	tree = open_dir(fd, &opt);
	if (tree_look(tree, "d/in/f", &node, &e) == 1)
		return 0;
	fprintf(stderr, "%s\n", e.text);
	return 1;
}

static void a_directory_that_is_mounted_in_itself_has_a_way_to_the_top(void **state)
{
	auto_tmpdir struct tmpdir t;
	pid_t pid;
	int status;

	(void)state;
	tmpdir_init(&t);
	pid = fork();
	if (pid == 0)
		_exit(look_where_it_is_mounted_in_itself(&t));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WEXITSTATUS(status) == 2)
		skip();
	assert_int_equal(status, 0);
}

static void marks_of_an_upper_directory_are_deletions(void **state)
{
	static const struct tree_dir_options opt = { .is_upper = true };
	struct world *w = *state;
	struct disk *d = &w->disk[0];
	struct tree_node node;
	struct err e = ERR_INIT;

	disk_whiteout(d, "gone");
	disk_file(d, "gone.too", "");
	disk_mark(d, "gone.too", "whiteout", "y");
	disk_dir(d, "new");
	disk_mark(d, "new", "opaque", "y");
	disk_node(d, "sock", S_IFSOCK | 0600, 0, 0);
	w->tree[0] = open_dir(d->fd, &opt);
	assert_tree(w->tree[0], "d 0755 0:0 new\n");
	assert_int_equal(tree_look(w->tree[0], "gone", &node, &e), 0);
	assert_int_equal(node.mark, TREE_DELETED);
	assert_int_equal(tree_look(w->tree[0], "gone.too", &node, &e), 0);
	assert_int_equal(node.mark, TREE_DELETED);
	assert_int_equal(tree_look(w->tree[0], "sock", &node, &e), 0);
	assert_int_equal(node.mark, TREE_DELETED);
	assert_int_equal(tree_look(w->tree[0], "new", &node, &e), 1);
	assert_int_equal(node.mark, TREE_OPAQUE);
	assert_int_equal(tree_look(w->tree[0], "other", &node, &e), 0);
	assert_int_equal(node.mark, TREE_NO_MARK);
}

static void a_file_that_became_something_else_is_not_opened(void **state)
{
	struct world *w = *state;
	struct err e = ERR_INIT;

	disk_node(&w->disk[0], "f", S_IFIFO | 0600, 0, 0);
	disk_symlink(&w->disk[0], "l", "/etc/passwd");
	w->tree[0] = open_dir(w->disk[0].fd, NULL);
	assert_int_equal(tree_open_file(w->tree[0], "f", &e), -1);
	err_clear(&e);
	assert_int_equal(tree_open_file(w->tree[0], "l", &e), -1);
	assert_int_equal(e.sys, ELOOP);
}

/* -- lists ----------------------------------------------------------------------- */

static void make_changes(struct world *w, size_t i)
{
	struct err e = ERR_INIT;
	int lowers[DISKS];

	for (size_t k = i + 1; k < DISKS; k++)
		lowers[k - i - 1] = w->disk[k].fd;
	if (layer_changes_from_upper(&w->changes[i], NULL, w->disk[i].fd, lowers, DISKS - 1 - i,
				     &e) < 0)
		fail_msg("%s", e.text);
}

static void a_list_is_seen_as_the_directory_it_came_from(void **state)
{
	struct world *w = *state;
	struct disk *d = &w->disk[2];
	auto_free char *want = NULL, *got = NULL;

	disk_dir(d, "a");
	disk_file(d, "a/1", "1");
	disk_file(d, "a.b", "2");
	disk_hard_link(d, "a/2", "a.b");
	disk_dir(d, "b");
	for (int i = 0; i < 40; i++) {
		auto_free char *dir = mem_printf("b/%d", i);
		auto_free char *file = mem_printf("b/%d/f%d", i, i);

		disk_dir(d, dir);
		for (int k = 0; k < i; k++) {
			auto_free char *more = mem_printf("b/%d/%d", i, k);

			disk_file(d, more, "m");
		}
		disk_file(d, file, "x");
	}
	disk_symlink(d, "b/l", "f");
	disk_settle(d);
	make_changes(w, 2);
	w->tree[2] = tree_list_new(&w->changes[2], d->fd);
	want = disk_text(d, true);
	got = tree_text(w->tree[2], true);
	assert_string_equal(got, want);
}

static void a_further_name_leads_to_the_first_ones_bytes(void **state)
{
	struct world *w = *state;
	auto_tree_origin struct tree_origin o = { .dirfd = -1 };
	struct err e = ERR_INIT;

	disk_file(&w->disk[2], "b", "text");
	disk_hard_link(&w->disk[2], "a", "b");
	make_changes(w, 2);
	w->tree[2] = tree_list_new(&w->changes[2], w->disk[2].fd);
	assert_int_equal(tree_origin(w->tree[2], "b", &o, &e), 0);
	assert_string_equal(o.path, "a");
	assert_int_equal(tree_origin(w->tree[2], "c", &(struct tree_origin){ 0 }, &e), -1);
}

/* -- stacks ---------------------------------------------------------------------- */

static void open_stack(struct world *w, bool of_lists)
{
	static const struct tree_dir_options opt = { .is_upper = true };

	close_trees(w);
	for (size_t i = 0; i < DISKS; i++) {
		if (of_lists)
			make_changes(w, i);
		w->tree[i] = of_lists ? tree_list_new(&w->changes[i], w->disk[i].fd)
				      : open_dir(w->disk[i].fd, &opt);
	}
	w->stack = tree_stack_new(w->tree, DISKS);
}

/* The same for upper directories and for the lists of them. */
static void assert_stack(struct world *w, const char *want)
{
	open_stack(w, false);
	assert_tree(w->stack, want);
	open_stack(w, true);
	assert_tree(w->stack, want);
}

static void directories_show_the_names_of_all(void **state)
{
	struct world *w = *state;

	disk_dir(&w->disk[0], "d");
	disk_file(&w->disk[0], "d/b", "top");
	disk_dir(&w->disk[1], "d");
	disk_file(&w->disk[1], "d/c", "middle");
	disk_dir(&w->disk[2], "d");
	disk_file(&w->disk[2], "d/a", "below");
	disk_file(&w->disk[2], "d/b", "hidden");
	disk_file(&w->disk[2], "z", "z");
	assert_stack(w, "d 0755 0:0 d\n"
			"f 0644 0:0 5 d/a = below\n"
			"f 0644 0:0 3 d/b = top\n"
			"f 0644 0:0 6 d/c = middle\n"
			"f 0644 0:0 1 z = z\n");
}

static void deletions_reach_down_only(void **state)
{
	struct world *w = *state;
	struct tree_node node;
	struct err e = ERR_INIT;

	disk_dir(&w->disk[0], "d");
	disk_file(&w->disk[0], "d/a", "again");
	disk_dir(&w->disk[1], "d");
	disk_whiteout(&w->disk[1], "d/a");
	disk_whiteout(&w->disk[1], "d/b");
	disk_dir(&w->disk[2], "d");
	disk_file(&w->disk[2], "d/a", "1");
	disk_file(&w->disk[2], "d/b", "2");
	disk_file(&w->disk[2], "d/c", "3");
	assert_stack(w, "d 0755 0:0 d\n"
			"f 0644 0:0 5 d/a = again\n"
			"f 0644 0:0 1 d/c = 3\n");
	assert_int_equal(tree_look(w->stack, "d/b", &node, &e), 0);
}

static void an_opaque_directory_hides_what_is_below_it(void **state)
{
	struct world *w = *state;

	disk_dir(&w->disk[0], "d");
	disk_file(&w->disk[0], "d/top", "1");
	disk_dir(&w->disk[1], "d");
	disk_mark(&w->disk[1], "d", "opaque", "y");
	disk_file(&w->disk[1], "d/new", "2");
	disk_dir(&w->disk[2], "d");
	disk_dir(&w->disk[2], "d/sub");
	disk_file(&w->disk[2], "d/sub/x", "3");
	assert_stack(w, "d 0755 0:0 d\n"
			"f 0644 0:0 1 d/new = 2\n"
			"f 0644 0:0 1 d/top = 1\n");
}

static void something_else_between_hides_a_directory_below(void **state)
{
	struct world *w = *state;

	disk_dir(&w->disk[0], "d");
	disk_file(&w->disk[0], "d/top", "1");
	disk_symlink(&w->disk[1], "d", "e");
	disk_dir(&w->disk[2], "d");
	disk_file(&w->disk[2], "d/x", "3");
	/* overlayfs marks such a directory */
	disk_mark(&w->disk[0], "d", "opaque", "y");
	assert_stack(w, "d 0755 0:0 d\nf 0644 0:0 1 d/top = 1\n");
}

static void a_deleted_directory_is_gone_with_all_in_it(void **state)
{
	struct world *w = *state;
	struct tree_node node;
	struct err e = ERR_INIT;

	disk_whiteout(&w->disk[0], "d");
	disk_dir(&w->disk[2], "d");
	disk_file(&w->disk[2], "d/x", "3");
	disk_file(&w->disk[2], "e", "4");
	assert_stack(w, "f 0644 0:0 1 e = 4\n");
	assert_int_equal(tree_look(w->stack, "d/x", &node, &e), 0);
	assert_int_equal(tree_look(w->stack, "e", &node, &e), 1);
}

static void a_stack_in_a_stack_is_its_trees(void **state)
{
	struct world *w = *state;
	struct tree *both[2];

	disk_dir(&w->disk[0], "d");
	disk_dir(&w->disk[1], "d");
	disk_mark(&w->disk[1], "d", "opaque", "y");
	disk_dir(&w->disk[2], "d");
	disk_file(&w->disk[2], "d/x", "3");
	open_stack(w, false);
	both[0] = tree_stack_new(w->tree, 2);
	both[1] = w->tree[2];
	{
		auto_tree struct tree *outer = tree_stack_new(both, 2);

		assert_tree(outer, "d 0755 0:0 d\n");
	}
	tree_free(both[0]);
}

static void equal_inodes_of_two_trees_are_two_files(void **state)
{
	struct world *w = *state;

	/* one directory seen twice, below different names of it */
	disk_dir(&w->disk[2], "x");
	disk_file(&w->disk[2], "x/f", "1");
	disk_hard_link(&w->disk[2], "g", "x/f");
	auto_close int in = openat(w->disk[2].fd, "x", O_RDONLY | O_DIRECTORY);
	w->tree[0] = open_dir(in, NULL);
	w->tree[1] = open_dir(w->disk[2].fd, NULL);
	w->stack = tree_stack_new(w->tree, 2);
	assert_tree(w->stack, "f 0644 0:0 1 f = 1\n"
			      "f 0644 0:0 1 g = 1\n"
			      "d 0755 0:0 x\n"
			      "h x/f == g\n");
}

static void an_empty_stack_is_an_empty_directory(void **state)
{
	auto_tree struct tree *t = tree_stack_new(NULL, 0);

	(void)state;
	assert_tree(t, "");
}

/* -- resolving ------------------------------------------------------------------- */

/* "path" or "path (missing)", or "! message". */
static void assert_leads(struct world *w, const char *path, const char *want)
{
	auto_tree_place struct tree_place at = { 0 };
	auto_free char *got = NULL;
	struct err e = ERR_INIT;

	if (!w->tree[0])
		w->tree[0] = open_dir(w->disk[0].fd, NULL);
	if (tree_resolve(&at, w->tree[0], path, &e) < 0)
		got = mem_printf("! %s", e.text);
	else
		got = mem_printf("%s%s", at.path, at.exists ? "" : " (missing)");
	assert_string_equal(got, want);
}

static void links_are_followed_inside_the_root(void **state)
{
	struct world *w = *state;
	struct disk *d = &w->disk[0];

	disk_dir(d, "usr");
	disk_dir(d, "usr/bin");
	disk_file(d, "usr/bin/x", "1");
	disk_symlink(d, "bin", "/usr/bin");
	disk_symlink(d, "rel", "usr/../bin/x");
	disk_symlink(d, "out", "../../../../usr");
	disk_symlink(d, "new", "/opt/a/b");
	assert_leads(w, "/", "");
	assert_leads(w, "/bin/x", "usr/bin/x");
	assert_leads(w, "rel", "usr/bin/x");
	assert_leads(w, "out/bin", "usr/bin");
	assert_leads(w, "../../bin", "usr/bin");
	assert_leads(w, "new/c", "opt/a/b/c (missing)");
	assert_leads(w, "./usr//bin/.", "usr/bin");
}

static void what_is_missing_stays_as_it_is_written(void **state)
{
	struct world *w = *state;

	disk_dir(&w->disk[0], "there");
	disk_file(&w->disk[0], "there/f", "1");
	assert_leads(w, "a/b", "a/b (missing)");
	assert_leads(w, "a/../there", "there");
	assert_leads(w, "a/..", "");
	assert_leads(w, "a/b/..", "a (missing)");
	assert_leads(w, "there/f/../g", "there/g (missing)");
}

static void loops_and_ways_through_files_end(void **state)
{
	struct world *w = *state;

	disk_symlink(&w->disk[0], "l", "l");
	disk_symlink(&w->disk[0], "to.f", "f");
	disk_file(&w->disk[0], "f", "1");
	assert_leads(w, "l", "! 'l': too many links");
	assert_leads(w, "f/x", "! '/f/x': what is above it is not a directory");
	assert_leads(w, "to.f/x", "! '/f/x': what is above it is not a directory");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_directory_is_seen_as_it_is),
		TEST(no_link_is_followed_by_a_look),
		TEST(a_list_of_what_is_no_directory_is_an_error),
		TEST(files_of_a_context_belong_to_root),
		TEST(a_directory_that_is_not_part_of_it_is_never_shown),
		TEST(a_directory_that_somebody_moves_out_of_it_is_no_way_to_the_top),
		TEST(a_directory_that_is_mounted_in_itself_has_a_way_to_the_top),
		TEST(marks_of_an_upper_directory_are_deletions),
		TEST(a_file_that_became_something_else_is_not_opened),
		TEST(a_list_is_seen_as_the_directory_it_came_from),
		TEST(a_further_name_leads_to_the_first_ones_bytes),
		TEST(directories_show_the_names_of_all),
		TEST(deletions_reach_down_only),
		TEST(an_opaque_directory_hides_what_is_below_it),
		TEST(something_else_between_hides_a_directory_below),
		TEST(a_deleted_directory_is_gone_with_all_in_it),
		TEST(a_stack_in_a_stack_is_its_trees),
		TEST(equal_inodes_of_two_trees_are_two_files),
		TEST(an_empty_stack_is_an_empty_directory),
		TEST(links_are_followed_inside_the_root),
		TEST(what_is_missing_stays_as_it_is_written),
		TEST(loops_and_ways_through_files_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
