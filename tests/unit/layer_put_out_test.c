/* A whole tree as a list, and that list as files in somebody's directory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/xattr.h>

#include "base/fs.h"
#include "base/mem.h"
#include "oci/layer/put_out.h"
#include "oci/layer/tree_changes.h"
#include "oci/layer/tree_dir.h"
#include "oci/layer/tree_stack.h"
#include "tests/fakes/layer_disk.h"
#include "tests/fakes/layer_text.h"

struct world {
	struct disk top, bottom, to;
	struct tree *trees[2], *stack;
	struct layer_changes changes;
};

static int set_up(void **state)
{
	struct world *w = mem_zalloc(sizeof(*w));

	disk_open(&w->top);
	disk_open(&w->bottom);
	disk_open(&w->to);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	layer_changes_release(&w->changes);
	tree_free(w->stack);
	tree_free(w->trees[0]);
	tree_free(w->trees[1]);
	disk_close(&w->top);
	disk_close(&w->bottom);
	disk_close(&w->to);
	free(w);
	return 0;
}

/* Both disks over each other, as a list. */
static void make_list(struct world *w)
{
	static const struct tree_dir_options upper = { .is_upper = true };
	struct err e = ERR_INIT;

	disk_settle(&w->top);
	disk_settle(&w->bottom);
	if (tree_dir_open(&w->trees[0], w->top.fd, &upper, &e) < 0 ||
	    tree_dir_open(&w->trees[1], w->bottom.fd, NULL, &e) < 0)
		fail_msg("%s", e.text);
	w->stack = tree_stack_new(w->trees, 2);
	if (layer_changes_from_tree(&w->changes, NULL, w->stack, &e) < 0)
		fail_msg("%s", e.text);
}

static void put_out(struct world *w, size_t want_devices)
{
	struct err e = ERR_INIT;
	size_t devices;

	if (layer_put_out(&devices, NULL, &w->changes, w->to.fd, &e) < 0)
		fail_msg("%s", e.text);
	assert_int_equal(devices, want_devices);
}

static void assert_to(struct world *w, bool times, const char *want)
{
	auto_free char *got = disk_text(&w->to, times);

	assert_string_equal(got, want);
}

static void the_list_is_all_that_the_tree_shows(void **state)
{
	struct world *w = *state;
	auto_free char *text = NULL;

	disk_dir(&w->bottom, "d");
	disk_file(&w->bottom, "d/below", "1");
	disk_file(&w->bottom, "d/gone", "2");
	disk_file(&w->bottom, "a", "old");
	disk_file(&w->bottom, "x", "both");
	disk_hard_link(&w->bottom, "y", "x");
	disk_dir(&w->top, "d");
	disk_whiteout(&w->top, "d/gone");
	disk_file(&w->top, "d/above", "3");
	disk_file(&w->top, "a", "new");
	disk_symlink(&w->top, "l", "d/above");
	make_list(w);
	text = changes_text(&w->changes);
	assert_string_equal(text, "+ a\n+ d\n+ d/above\n+ d/below\n+ l\n+ x\n= y == x\n");
}

static void files_come_out_with_modes_and_times_and_what_is_there_stays(void **state)
{
	struct world *w = *state;

	disk_dir(&w->bottom, "d");
	disk_file(&w->bottom, "d/f", "new");
	disk_hard_link(&w->bottom, "d/g", "d/f");
	disk_symlink(&w->bottom, "l", "nowhere");
	disk_node(&w->bottom, "p", S_IFIFO | 0600, 0, 0);
	disk_node(&w->bottom, "null", S_IFCHR | 0666, 1, 3);
	fchmodat(w->bottom.fd, "d", 01755, 0);
	disk_set_time(&w->bottom, "d/f", 1234567890, 5);
	disk_dir(&w->to, "d");
	disk_file(&w->to, "d/f", "old");
	disk_file(&w->to, "d/mine", "mine");
	disk_file(&w->to, "l", "a file");
	make_list(w);
	put_out(w, 1);
	assert_to(w, true,
		  "d 1755 0:0 @1000000000 d\n"
		  "f 0644 0:0 @1234567890.000000005 3 d/f = new\n"
		  "h d/g == d/f\n"
		  "f 0644 0:0 @1000000000 4 d/mine = mine\n"
		  "l @1000000000 l -> nowhere\n"
		  "p 0600 0:0 @1000000000 p\n");
}

static void files_belong_to_whoever_builds_and_gain_no_rights(void **state)
{
	struct world *w = *state;

	disk_file(&w->bottom, "f", "x");
	assert_int_equal(fchownat(w->bottom.fd, "f", 7, 8, 0), 0);
	assert_int_equal(fchmodat(w->bottom.fd, "f", 06755, 0), 0);
	make_list(w);
	put_out(w, 0);
	assert_to(w, false, "f 0755 0:0 1 f = x\n");
}

static void a_directory_that_nobody_may_write_to_is_filled_all_the_same(void **state)
{
	struct world *w = *state;

	disk_dir(&w->bottom, "d");
	disk_file(&w->bottom, "d/f", "x");
	assert_int_equal(fchmodat(w->bottom.fd, "d", 0555, 0), 0);
	make_list(w);
	put_out(w, 0);
	assert_to(w, false, "d 0555 0:0 d\nf 0644 0:0 1 d/f = x\n");
}

/* What an earlier build has put there may refuse us. */
static void a_build_can_be_put_out_once_more(void **state)
{
	struct world *w = *state;

	disk_dir(&w->bottom, "d");
	disk_file(&w->bottom, "d/f", "x");
	disk_dir(&w->to, "d");
	assert_int_equal(fchmodat(w->to.fd, "d", 0555, 0), 0);
	make_list(w);
	put_out(w, 0);
	assert_to(w, false, "d 0755 0:0 d\nf 0644 0:0 1 d/f = x\n");
}

static void links_in_the_directory_lead_nowhere(void **state)
{
	struct world *w = *state;
	auto_disk struct disk outside = { .fd = -1 };
	auto_free char *there = NULL;

	disk_open(&outside);
	disk_file(&outside, "f", "precious");
	disk_dir(&w->bottom, "d");
	disk_file(&w->bottom, "d/f", "x");
	disk_file(&w->bottom, "e", "y");
	disk_symlink(&w->to, "d", outside.path);
	there = mem_printf("%s/f", outside.path);
	disk_symlink(&w->to, "e", there);
	make_list(w);
	put_out(w, 0);
	assert_to(w, false, "d 0755 0:0 d\nf 0644 0:0 1 d/f = x\nf 0644 0:0 1 e = y\n");
	free(there);
	there = disk_text(&outside, false);
	assert_string_equal(there, "f 0644 0:0 8 f = precious\n");
}

static void a_directory_does_not_give_way_to_a_file(void **state)
{
	struct world *w = *state;
	struct err e = ERR_INIT;
	size_t devices;

	disk_file(&w->bottom, "f", "x");
	disk_dir(&w->to, "f");
	disk_file(&w->to, "f/mine", "mine");
	make_list(w);
	assert_int_equal(layer_put_out(&devices, NULL, &w->changes, w->to.fd, &e), -1);
	assert_int_equal(e.kind, ERR_INPUT);
	assert_non_null(strstr(e.text, "'f': a directory stands there"));
	assert_to(w, false, "d 0755 0:0 f\nf 0644 0:0 4 f/mine = mine\n");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_list_is_all_that_the_tree_shows),
		TEST(files_come_out_with_modes_and_times_and_what_is_there_stays),
		TEST(files_belong_to_whoever_builds_and_gain_no_rights),
		TEST(a_directory_that_nobody_may_write_to_is_filled_all_the_same),
		TEST(a_build_can_be_put_out_once_more),
		TEST(links_in_the_directory_lead_nowhere),
		TEST(a_directory_does_not_give_way_to_a_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
