/* Layers made without a file system: what a program would have left on a disk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <malloc.h>
#include <sys/sysmacros.h>

#include "base/mem.h"
#include "oci/layer/builder.h"
#include "oci/layer/tree_dir.h"
#include "oci/layer/tree_list.h"
#include "oci/layer/tree_stack.h"
#include "tests/fakes/aborts.h"
#include "tests/fakes/layer_disk.h"
#include "tests/fakes/layer_text.h"

#define NOW 1700000000

struct world {
	struct disk below, src;
	struct tree *tree; /* of below */
	struct layer_builder *b;
	struct layer_changes got;
	struct err e;
};

static int set_up(void **state)
{
	struct world *w = mem_zalloc(sizeof(*w));
	struct disk *d = &w->below;

	disk_open(&w->src);
	disk_file(&w->src, "1", "new");
	disk_file(&w->src, "2", "old");
	disk_open(d);
	disk_dir(d, "etc");
	disk_file(d, "etc/a", "old");
	disk_file(d, "etc/b", "b");
	disk_dir(d, "etc/deep");
	disk_dir(d, "etc/deep/er");
	disk_file(d, "etc/deep/er/f", "f");
	disk_symlink(d, "lib", "etc");
	disk_settle(d);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	layer_builder_free(w->b);
	tree_free(w->tree);
	layer_changes_release(&w->got);
	disk_close(&w->below);
	disk_close(&w->src);
	free(w);
	return 0;
}

static void must(struct world *w, int r)
{
	if (r < 0)
		fail_msg("%s", w->e.text);
}

static struct layer_builder *builder(struct world *w)
{
	const struct timespec now = { .tv_sec = NOW };

	if (!w->b) {
		must(w, tree_dir_open(&w->tree, w->below.fd, NULL, &w->e));
		w->b = layer_builder_new(w->tree, &now);
	}
	return w->b;
}

static struct layer_file dir_like(mode_t mode)
{
	return (struct layer_file){ .st = { .st_mode = S_IFDIR | mode,
					    .st_mtim.tv_sec = DISK_TIME } };
}

/* A file whose bytes are those of src/<name>. */
static struct layer_file file_like(struct world *w, char *name)
{
	struct layer_file f = { .origin = { .dirfd = w->src.fd, .path = name } };
	struct stat st;

	assert_int_equal(fstatat(w->src.fd, name, &st, 0), 0);
	f.st = (struct stat){ .st_mode = st.st_mode, .st_size = st.st_size, .st_mtim = st.st_mtim };
	return f;
}

static void put_file(struct world *w, const char *path, const char *name)
{
	auto_free char *copy = mem_strdup(name);
	const struct layer_file f = file_like(w, copy);

	must(w, layer_builder_put(builder(w), path, &f, &w->e));
}

static void put_same(struct world *w, const char *path, const char *name, uint64_t same)
{
	auto_free char *copy = mem_strdup(name);
	struct layer_file f = file_like(w, copy);

	f.same = same;
	must(w, layer_builder_put(builder(w), path, &f, &w->e));
}

static void put_dir(struct world *w, const char *path, mode_t mode)
{
	const struct layer_file f = dir_like(mode);

	must(w, layer_builder_put(builder(w), path, &f, &w->e));
}

static void take_away(struct world *w, const char *path)
{
	must(w, layer_builder_remove(builder(w), path, &w->e));
}

static void assert_refused(struct world *w, int r, const char *why)
{
	assert_int_equal(r, -1);
	assert_int_equal(w->e.kind, ERR_INPUT);
	assert_non_null(strstr(w->e.text, why));
	err_clear(&w->e);
}

/* What the builder shows before is what its list shows over what lies below. */
static void assert_changes(struct world *w, const char *want)
{
	auto_free char *before = tree_text(layer_builder_tree(builder(w)), true);
	auto_free char *got = NULL, *after = NULL;
	struct tree *both[2] = { NULL, w->tree };
	struct tree *stack;

	must(w, built_changes(&w->got, w->b, &w->e));
	got = changes_text(&w->got);
	assert_string_equal(got, want);
	both[0] = tree_list_new(&w->got, -1);
	stack = tree_stack_new(both, w->tree ? 2 : 1);
	after = tree_text(stack, true);
	assert_string_equal(after, before);
	tree_free(stack);
	tree_free(both[0]);
}

static const struct layer_change *change(struct world *w, const char *path)
{
	const struct layer_change *c = layer_changes_find(&w->got, path);

	if (!c)
		fail_msg("no change '%s'", path);
	return c;
}

static void nothing_put_is_no_change(void **state)
{
	assert_changes(*state, "");
}

static void directories_on_the_way_come_with_what_they_are_below(void **state)
{
	struct world *w = *state;

	assert_int_equal(fchmodat(w->below.fd, "etc", 0711, 0), 0);
	put_file(w, "etc/deep/er/new", "1");
	assert_changes(w, "+ etc\n+ etc/deep\n+ etc/deep/er\n+ etc/deep/er/new\n");
	assert_int_equal(change(w, "etc")->st.st_mode, S_IFDIR | 0711);
	assert_int_equal(change(w, "etc")->st.st_mtim.tv_sec, DISK_TIME);
	assert_int_equal(change(w, "etc/deep/er")->st.st_mtim.tv_sec, NOW);
}

static void a_file_says_where_its_bytes_are(void **state)
{
	struct world *w = *state;

	put_file(w, "x", "1");
	assert_changes(w, "+ x\n");
	assert_int_equal(change(w, "x")->origin_fd, w->src.fd);
	assert_string_equal(change(w, "x")->origin_path, "1");
	assert_int_equal(w->got.bytes, 3);
}

static void a_later_put_goes_over_an_earlier_one(void **state)
{
	struct world *w = *state;
	const struct layer_file link = { .st.st_mode = S_IFLNK | 0777, .link = "there" };

	put_file(w, "x", "1");
	must(w, layer_builder_put(builder(w), "x", &link, &w->e));
	assert_changes(w, "+ x\n");
	assert_string_equal(change(w, "x")->link, "there");
}

static void a_put_of_a_directory_that_is_there_sets_what_it_is(void **state)
{
	struct world *w = *state;

	put_file(w, "etc/new", "1"); /* touches etc */
	put_dir(w, "etc", 0700);     /* and this sets its time again */
	assert_changes(w, "+ etc\n+ etc/new\n");
	assert_int_equal(change(w, "etc")->st.st_mode, S_IFDIR | 0700);
	assert_int_equal(change(w, "etc")->st.st_mtim.tv_sec, DISK_TIME);
}

static void what_is_equal_to_what_lies_below_is_no_change(void **state)
{
	struct world *w = *state;

	put_file(w, "etc/a", "2"); /* the same bytes */
	put_dir(w, "etc", 0755);
	assert_changes(w, "");
}

static void fractions_that_a_layer_cannot_hold_are_no_change(void **state)
{
	const struct timespec whole[2] = { { .tv_sec = DISK_TIME }, { .tv_sec = DISK_TIME } };
	const struct timespec ns[2] = { { DISK_TIME, 5 }, { DISK_TIME, 5 } };
	struct world *w = *state;

	assert_int_equal(utimensat(w->below.fd, "etc/a", whole, 0), 0);
	assert_int_equal(utimensat(w->src.fd, "2", ns, 0), 0);
	put_file(w, "etc/a", "2");
	put_dir(w, "etc", 0755);
	must(w, built_changes(&w->got, w->b, &w->e));
	assert_int_equal(w->got.nr, 0);
}

static void nothing_that_is_put_is_younger_than_the_limit(void **state)
{
	const struct timespec limit[2] = { { .tv_sec = DISK_TIME - 9 },
					   { .tv_sec = DISK_TIME - 9 } };
	struct world *w = *state;

	assert_int_equal(utimensat(w->below.fd, "etc/a", limit, 0), 0);
	assert_int_equal(utimensat(w->below.fd, "etc", limit, 0), 0);
	layer_builder_limit(builder(w), DISK_TIME - 9);
	put_file(w, "etc/a", "2");
	put_dir(w, "etc", 0755);
	assert_changes(w, "");
}

static void equal_attributes_do_not_hide_other_bytes(void **state)
{
	struct world *w = *state;

	put_file(w, "etc/a", "1");
	put_dir(w, "etc", 0755);
	assert_changes(w, "+ etc\n+ etc/a\n");
}

static void a_capability_is_a_difference(void **state)
{
	struct world *w = *state;
	char name[] = "2";
	struct layer_file f = file_like(w, name);

	f.capability = SPAN_LIT("cap");
	must(w, layer_builder_put(builder(w), "etc/a", &f, &w->e));
	assert_changes(w, "+ etc\n+ etc/a\n");
	assert_int_equal(change(w, "etc/a")->capability_len, 3);
}

static void kinds_do_not_replace_each_other(void **state)
{
	struct world *w = *state;
	const struct layer_file dir = dir_like(0755);
	char name[] = "1";
	const struct layer_file file = file_like(w, name);
	struct layer_builder *b = builder(w);

	assert_refused(w, layer_builder_put(b, "etc", &file, &w->e),
		       "cannot replace the directory");
	assert_refused(w, layer_builder_put(b, "etc/a", &dir, &w->e), "with a directory");
	assert_refused(w, layer_builder_put(b, "lib", &dir, &w->e), "with a directory");
	assert_refused(w, layer_builder_put(b, "no/x", &file, &w->e), "no directory '/no'");
	assert_refused(w, layer_builder_put(b, "etc/a/x", &file, &w->e), "no directory '/etc/a'");
	assert_refused(w, layer_builder_put(b, "lib/x", &file, &w->e), "no directory '/lib'");
	assert_refused(w, layer_builder_put(b, "etc/.wh.x", &file, &w->e), "mean a deletion");
	assert_refused(w, layer_builder_remove(b, "", &w->e), "root");
	assert_changes(w, "");
}

static void missing_directories_are_made_with_the_time_now(void **state)
{
	struct world *w = *state;
	const struct layer_file like = { .st = { .st_mode = S_IFDIR | 0750, .st_uid = 5 } };

	must(w, layer_builder_make_dirs(builder(w), "etc/deep/x/y", &like, &w->e));
	must(w, layer_builder_make_dirs(builder(w), "etc/deep", &like, &w->e));
	assert_refused(w, layer_builder_make_dirs(builder(w), "lib/x", &like, &w->e),
		       "with a directory");
	assert_changes(w, "+ etc\n+ etc/deep\n+ etc/deep/x\n+ etc/deep/x/y\n");
	assert_int_equal(change(w, "etc/deep")->st.st_uid, 0);
	assert_int_equal(change(w, "etc/deep/x")->st.st_uid, 5);
	assert_int_equal(change(w, "etc/deep/x/y")->st.st_mode, S_IFDIR | 0750);
	assert_int_equal(change(w, "etc/deep/x/y")->st.st_mtim.tv_sec, NOW);
}

static void a_removed_name_is_a_deletion_when_it_lay_below(void **state)
{
	struct world *w = *state;

	put_file(w, "mine", "1");
	take_away(w, "mine");
	take_away(w, "etc/a");
	take_away(w, "not/there");
	take_away(w, "etc/a");
	assert_changes(w, "+ etc\n- etc/a\n");
	assert_int_equal(change(w, "etc")->st.st_mtim.tv_sec, NOW);
}

static void a_removed_directory_takes_what_was_put_into_it_along(void **state)
{
	struct world *w = *state;

	put_file(w, "etc/deep/er/new", "1");
	put_file(w, "etc/deep/new", "1");
	take_away(w, "etc/deep");
	assert_changes(w, "+ etc\n- etc/deep\n");
}

static void a_new_directory_in_place_of_an_old_one_is_opaque(void **state)
{
	struct world *w = *state;

	take_away(w, "etc/deep");
	put_dir(w, "etc/deep", 0755);
	put_dir(w, "etc/deep/er", 0755);
	put_file(w, "etc/deep/er/f2", "1");
	assert_changes(w, "+ etc\nO etc/deep\n+ etc/deep/er\n+ etc/deep/er/f2\n");
}

static void something_else_in_place_of_a_directory_needs_no_deletion(void **state)
{
	struct world *w = *state;

	take_away(w, "etc");
	put_file(w, "etc", "1");
	assert_changes(w, "+ etc\n");
}

static void a_directory_in_place_of_a_file_is_not_opaque(void **state)
{
	struct world *w = *state;

	take_away(w, "etc/a");
	put_dir(w, "etc/a", 0755);
	put_file(w, "etc/a/x", "1");
	assert_changes(w, "+ etc\n+ etc/a\n+ etc/a/x\n");
}

static void what_is_removed_and_put_again_is_compared(void **state)
{
	struct world *w = *state;

	take_away(w, "etc/a");
	put_file(w, "etc/a", "2");
	put_dir(w, "etc", 0755);
	assert_changes(w, "");
}

static void names_of_one_file_are_links_to_the_first(void **state)
{
	struct world *w = *state;

	put_same(w, "z", "1", 9);
	put_same(w, "m", "1", 9);
	put_same(w, "x", "1", 9);
	put_same(w, "alone", "1", 8);
	assert_changes(w, "+ alone\n+ m\n= x == m\n= z == m\n");
	assert_int_equal(change(w, "m")->st.st_nlink, 3);
	assert_int_equal(change(w, "alone")->st.st_nlink, 1);
	assert_int_equal(w->got.bytes, 6);
}

static void all_names_of_a_file_stay_when_one_does(void **state)
{
	struct world *w = *state;

	put_same(w, "etc/a", "2", 9); /* as below */
	put_same(w, "etc/c", "2", 9);
	put_dir(w, "etc", 0755);
	assert_changes(w, "+ etc\n+ etc/a\n= etc/c == etc/a\n");
}

static void without_anything_below_all_is_new(void **state)
{
	struct world *w = *state;
	const struct timespec now = { .tv_sec = NOW };
	struct tree_node node;

	w->b = layer_builder_new(NULL, &now);
	put_dir(w, "a", 0755);
	put_file(w, "a/x", "1");
	assert_int_equal(tree_look(layer_builder_tree(w->b), "", &node, &w->e), 1);
	assert_int_equal(tree_look(layer_builder_tree(w->b), "b", &node, &w->e), 0);
	assert_changes(w, "+ a\n+ a/x\n");
}

static void entries_come_in_path_order(void **state)
{
	struct world *w = *state;

	put_dir(w, "b", 0755);
	put_file(w, "b.a", "1");
	put_file(w, "b-a", "1");
	put_file(w, "b/z", "1");
	put_file(w, "\xff", "1");
	put_file(w, "A", "1");
	assert_changes(w, "+ A\n+ b\n+ b/z\n+ b-a\n+ b.a\n+ \xff\n");
}

/* More than the first tables hold, and names that went and came again. */
static void many_names_stay_apart(void **state)
{
	struct world *w = *state;
	auto_free char *text = NULL;
	size_t lines = 0;

	put_dir(w, "many", 0755);
	for (int i = 0; i < 3000; i++) {
		auto_free char *path = mem_printf("many/%d", i);

		put_file(w, path, "1");
	}
	for (int i = 0; i < 3000; i += 2) {
		auto_free char *path = mem_printf("many/%d", i);

		take_away(w, path);
	}
	for (int i = 0; i < 1000; i++) {
		auto_free char *path = mem_printf("many/x%d", i);

		put_file(w, path, "1");
	}
	must(w, built_changes(&w->got, w->b, &w->e));
	text = changes_text(&w->got);
	for (const char *p = text; (p = strchr(p, '\n')); p++)
		lines++;
	assert_int_equal(lines, 1 + 1500 + 1000);
	assert_non_null(layer_changes_find(&w->got, "many/2999"));
	assert_null(layer_changes_find(&w->got, "many/2998"));
	for (size_t i = 1; i < w->got.nr; i++)
		assert_true(strcmp(w->got.v[i - 1].path, w->got.v[i].path) < 0);
}

/* Plain directories, one with names of one file, and one with something below. */
static char *text_of_tree(struct world *w, bool closes)
{
	const struct timespec now = { .tv_sec = NOW };
	struct layer_file link = { .st = { .st_mode = S_IFLNK | 0777, .st_mtim.tv_sec = 5 },
				   .link = "1" };
	static const char *const dirs[] = { "etc/new/sub", "etc/new",  "etc/links/sub",
					    "etc/links",   "etc/deep", "etc" };
	auto_changes struct layer_changes got = { 0 };

	w->b = layer_builder_new(w->tree, &now);
	for (size_t i = ARRAY_LEN(dirs); i-- > 0;)
		put_dir(w, dirs[i], 0750);
	put_file(w, "etc/new/sub/2", "2");
	put_file(w, "etc/new/sub/1", "1");
	must(w, layer_builder_put(w->b, "etc/new/link", &link, &w->e));
	put_file(w, "etc/new/a", "2");
	put_same(w, "etc/links/sub/x", "1", 9);
	put_same(w, "etc/links/a", "1", 9);
	put_file(w, "etc/deep/er/f", "1");
	put_dir(w, "etc/new", 0700);
	for (size_t i = 0; closes && i < ARRAY_LEN(dirs); i++)
		layer_builder_close(w->b, dirs[i]);
	must(w, built_changes(&got, w->b, &w->e));
	layer_builder_free(STEAL(&w->b));
	return changes_text(&got);
}

static void a_closed_directory_is_in_the_list_as_it_would_be(void **state)
{
	struct world *w = *state;
	auto_free char *open = NULL, *closed = NULL;

	must(w, tree_dir_open(&w->tree, w->below.fd, NULL, &w->e));
	open = text_of_tree(w, false);
	closed = text_of_tree(w, true);
	assert_non_null(strstr(open, "etc/new/sub/2"));
	assert_string_equal(closed, open);
}

/* What is in it tells where bytes are, and what comes behind it lies somewhere else. */
static void a_file_behind_a_closed_directory_has_its_own_bytes(void **state)
{
	struct world *w = *state;

	disk_dir(&w->src, "d");
	disk_dir(&w->src, "d/a");
	disk_file(&w->src, "d/0", "0");
	disk_file(&w->src, "d/a/x", "x");
	disk_file(&w->src, "d/z", "z");
	put_dir(w, "to", 0755);
	put_file(w, "to/0", "d/0");
	put_dir(w, "to/a", 0755);
	put_file(w, "to/a/x", "d/a/x");
	put_file(w, "to/z", "d/z");
	layer_builder_close(w->b, "to/a");
	layer_builder_close(w->b, "to");
	must(w, built_changes(&w->got, w->b, &w->e));
	assert_string_equal(change(w, "to/0")->origin_path, "d/0");
	assert_string_equal(change(w, "to/a/x")->origin_path, "d/a/x");
	assert_string_equal(change(w, "to/z")->origin_path, "d/z");
}

static void only_a_directory_that_is_there_is_closed(void **state)
{
	struct world *w = *state;
	struct tree *tree = layer_builder_tree(builder(w));
	struct tree_node node;

	put_file(w, "file", "1");
	take_away(w, "etc/a");
	take_away(w, "etc/deep");
	layer_builder_close(w->b, "file");
	layer_builder_close(w->b, "etc/a");
	layer_builder_close(w->b, "etc/deep");
	layer_builder_close(w->b, "missing");
	assert_int_equal(tree_look(tree, "file/x", &node, &w->e), 0);
	assert_int_equal(tree_look(tree, "etc/a/x", &node, &w->e), 0);
	put_dir(w, "etc/deep", 0755);
	put_file(w, "etc/deep/x", "1");
	assert_changes(w, "+ etc\n- etc/a\nO etc/deep\n+ etc/deep/x\n+ file\n");
}

static void list_closed(void *tree)
{
	auto_strv struct strv names = STRV_INIT;
	struct err e = ERR_INIT;

	assert_int_equal(tree_list(tree, "d", &names, &e), 0);
}

static void look_in_closed(void *tree)
{
	struct tree_node node;
	struct err e = ERR_INIT;

	assert_int_equal(tree_look(tree, "d/a", &node, &e), 1);
}

static void nobody_looks_into_a_closed_directory(void **state)
{
	struct world *w = *state;
	struct tree *tree = layer_builder_tree(builder(w));

	put_dir(w, "d", 0755);
	put_file(w, "d/a", "1");
	assert_false(aborts(list_closed, tree));
	assert_false(aborts(look_in_closed, tree));
	layer_builder_close(w->b, "d");
	assert_true(aborts(list_closed, tree));
	assert_true(aborts(look_in_closed, tree));
}

static size_t memory(void)
{
	const struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

/* Not every allocator tells, that of a sanitizer for one. */
static bool memory_is_counted(void)
{
	const size_t before = memory(), n = 1u << 20;
	char *p = mem_alloc(n);
	const size_t after = memory();

	free(p);
	return after - before >= n;
}

/* Some 30 bytes for a file, and as many of its name and the place of its bytes as differ. */
static void a_closed_directory_takes_little_memory(void **state)
{
	struct world *w = *state;
	size_t before, after;

	if (!memory_is_counted())
		skip();
	builder(w);
	before = memory();
	for (int d = 0; d < 20; d++) {
		auto_free char *dir = mem_printf("directory-%d", d);

		put_dir(w, dir, 0755);
		for (int i = 0; i < 1000; i++) {
			auto_free char *path = mem_printf("%s/file-%d", dir, i);

			put_file(w, path, "1");
		}
		layer_builder_close(w->b, dir);
	}
	after = memory();
	/* what the last one took while it was open is kept for the next */
	assert_in_range(after - before, 0, 20 * 1000 * 50 + 400000);
}

static void a_builder_is_freed_with_what_is_closed_in_it(void **state)
{
	struct world *w = *state;

	put_dir(w, "d", 0755);
	put_file(w, "d/a", "1");
	layer_builder_close(w->b, "d");
	layer_builder_close(w->b, "d");
	take_away(w, "d");
	assert_changes(w, "");
	put_dir(w, "d", 0755);
	put_file(w, "d/a", "1");
	layer_builder_close(w->b, "d");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_put_is_no_change),
		TEST(directories_on_the_way_come_with_what_they_are_below),
		TEST(a_file_says_where_its_bytes_are),
		TEST(a_later_put_goes_over_an_earlier_one),
		TEST(a_put_of_a_directory_that_is_there_sets_what_it_is),
		TEST(what_is_equal_to_what_lies_below_is_no_change),
		TEST(fractions_that_a_layer_cannot_hold_are_no_change),
		TEST(nothing_that_is_put_is_younger_than_the_limit),
		TEST(equal_attributes_do_not_hide_other_bytes),
		TEST(a_capability_is_a_difference),
		TEST(kinds_do_not_replace_each_other),
		TEST(missing_directories_are_made_with_the_time_now),
		TEST(a_removed_name_is_a_deletion_when_it_lay_below),
		TEST(a_removed_directory_takes_what_was_put_into_it_along),
		TEST(a_new_directory_in_place_of_an_old_one_is_opaque),
		TEST(something_else_in_place_of_a_directory_needs_no_deletion),
		TEST(a_directory_in_place_of_a_file_is_not_opaque),
		TEST(what_is_removed_and_put_again_is_compared),
		TEST(names_of_one_file_are_links_to_the_first),
		TEST(all_names_of_a_file_stay_when_one_does),
		TEST(without_anything_below_all_is_new),
		TEST(entries_come_in_path_order),
		TEST(many_names_stay_apart),
		TEST(a_closed_directory_is_in_the_list_as_it_would_be),
		TEST(a_file_behind_a_closed_directory_has_its_own_bytes),
		TEST(only_a_directory_that_is_there_is_closed),
		TEST(nobody_looks_into_a_closed_directory),
		TEST(a_closed_directory_takes_little_memory),
		TEST(a_builder_is_freed_with_what_is_closed_in_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
