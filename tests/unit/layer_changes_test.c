/*
 * Overlay's marks are made by hand here, so that no mount is needed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/xattr.h>

#include "base/mem.h"
#include "oci/layer/apply.h"
#include "oci/layer/changes.h"
#include "oci/layer/tree_changes.h"
#include "oci/layer/tree_dir.h"
#include "oci/layer/tree_stack.h"
#include "oci/layer/write.h"
#include "tests/fakes/layer_disk.h"
#include "tests/fakes/layer_text.h"

#define LOWERS 3

struct world {
	struct disk upper, lower[LOWERS]; /* topmost first */
	struct layer_changes got;
	struct err e;
};

static int set_up(void **state)
{
	struct world *w = mem_zalloc(sizeof(*w));

	disk_open(&w->upper);
	for (size_t i = 0; i < LOWERS; i++)
		disk_open(&w->lower[i]);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	disk_close(&w->upper);
	for (size_t i = 0; i < LOWERS; i++)
		disk_close(&w->lower[i]);
	layer_changes_release(&w->got);
	free(w);
	return 0;
}

static int scan(struct world *w)
{
	int fds[LOWERS];

	for (size_t i = 0; i < LOWERS; i++)
		fds[i] = w->lower[i].fd;
	return layer_changes_from_upper(&w->got, NULL, w->upper.fd, fds, LOWERS, &w->e);
}

/* -- a layer of the list, put onto what lies below, makes what is seen ------------------- */

/* What the overlay shows; without the upper directory, what lies below it. */
struct seen {
	struct tree *trees[LOWERS + 1], *all;
};

static void seen_open(struct seen *s, struct world *w, bool with_upper)
{
	static const struct tree_dir_options opt = { .is_upper = true };
	size_t nr = 0;

	if (with_upper)
		assert_int_equal(tree_dir_open(&s->trees[nr++], w->upper.fd, &opt, &w->e), 0);
	for (size_t i = 0; i < LOWERS; i++)
		assert_int_equal(tree_dir_open(&s->trees[nr++], w->lower[i].fd, &opt, &w->e), 0);
	s->all = tree_stack_new(s->trees, nr);
}

static void seen_close(struct seen *s)
{
	tree_free(s->all);
	for (size_t i = 0; i <= LOWERS; i++)
		tree_free(s->trees[i]);
}

static void apply(struct world *w, struct disk *to, const struct layer_changes *c, int tree_fd)
{
	auto_buf struct buf tar = BUF_INIT(1u << 20);
	struct span_source from;
	struct buf_sink sink;

	if (layer_write(NULL, c, tree_fd, buf_sink_init(&sink, &tar), NULL, &w->e) < 0 ||
	    layer_apply(NULL, to->fd, span_source_init(&from, buf_span(&tar)), NULL, &w->e) < 0)
		fail_msg("%s", w->e.text);
}

/* A layer has whole seconds, and no sockets. */
static void as_a_layer_has_it(char *text)
{
	char *to = text;

	for (char *line = text, *end; *line; line = end) {
		end = strchr(line, '\n') + 1;
		if (*line == 's')
			continue;
		for (; line < end; line++) {
			char *at = *line == '@' ? strchr(line, ' ') : NULL;
			size_t seconds = strcspn(line, ".");

			if (at && line + seconds < at) {
				memmove(to, line, seconds);
				to += seconds;
				line = at;
			}
			*to++ = *line;
		}
	}
	*to = '\0';
}

static void assert_layer_makes_what_is_seen(struct world *w)
{
	CLEANUP(seen_close) struct seen below = { 0 }, now = { 0 };
	auto_changes struct layer_changes all = { 0 };
	auto_disk struct disk parent;
	auto_free char *want = NULL, *got = NULL;

	seen_open(&below, w, false);
	seen_open(&now, w, true);
	disk_open(&parent);
	assert_int_equal(layer_changes_from_tree(&all, NULL, below.all, &w->e), 0);
	apply(w, &parent, &all, -1);
	apply(w, &parent, &w->got, w->upper.fd);
	want = tree_text(now.all, true);
	as_a_layer_has_it(want);
	got = disk_text(&parent, true);
	assert_string_equal(got, want);
}

/* That this is the list, and a true one. */
static void assert_changes(struct world *w, const char *want)
{
	auto_free char *got = NULL;

	if (scan(w) < 0)
		fail_msg("%s", w->e.text);
	got = changes_text(&w->got);
	assert_string_equal(got, want);
	assert_layer_makes_what_is_seen(w);
}

static void what_is_new_is_listed_parents_first_siblings_by_bytes(void **state)
{
	struct world *w = *state;

	disk_dir(&w->upper, "b");
	disk_file(&w->upper, "b/x", "1");
	disk_file(&w->upper, "b.txt", "22");
	disk_symlink(&w->upper, "a", "b");
	disk_file(&w->upper, "Z", "333");
	assert_changes(w, "+ Z\n+ a\n+ b\n+ b/x\n+ b.txt\n");
	assert_string_equal(w->got.v[1].link, "b");
	assert_int_equal(w->got.bytes, 6);
}

static void without_anything_below_all_is_new(void **state)
{
	struct world *w = *state;

	disk_file(&w->upper, "f", "1");
	assert_int_equal(layer_changes_from_upper(&w->got, NULL, w->upper.fd, NULL, 0, &w->e), 0);
	assert_int_equal(w->got.nr, 1);
	assert_int_equal(w->got.v[0].kind, LAYER_ENTRY);
}

static void what_is_equal_to_below_is_left_out(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 2; i++) {
		struct disk *t = i ? &w->upper : &w->lower[1];

		disk_dir(t, "d");
		disk_file(t, "d/f", "same");
		disk_symlink(t, "d/l", "x");
		disk_node(t, "d/p", S_IFIFO | 0600, 0, 0);
		disk_settle(t);
	}
	assert_changes(w, "");
}

/* The same file below and above, and one thing about the upper one changed by `how`. */
static void assert_counts(struct world *w, void (*how)(struct disk *))
{
	for (int i = 0; i < 2; i++) {
		struct disk *t = i ? &w->upper : &w->lower[0];

		disk_dir(t, "d");
		disk_file(t, "d/f", "1234");
		disk_symlink(t, "d/l", "x");
		disk_settle(t);
	}
	how(&w->upper);
	assert_changes(w, "+ d\n+ d/f\n");
}

static void change_mode(struct disk *t)
{
	assert_int_equal(fchmodat(t->fd, "d/f", 04644, 0), 0);
}

static void change_owner(struct disk *t)
{
	assert_int_equal(fchownat(t->fd, "d/f", 0, 9, 0), 0);
}

static void change_time(struct disk *t)
{
	disk_set_time(t, "d/f", DISK_TIME, 1);
}

static void change_content(struct disk *t)
{
	disk_file(t, "d/f", "4321"); /* size and time as before */
}

static void change_size(struct disk *t)
{
	disk_file(t, "d/f", "12345");
}

static void change_capability(struct disk *t)
{
	const char cap[20] = { 1, 0, 0, 2, 0, 4 };
	auto_close int fd = openat(t->fd, "d/f", O_RDONLY);

	assert_int_equal(fsetxattr(fd, "security.capability", cap, sizeof(cap), 0), 0);
}

static void a_mode_counts(void **state)
{
	assert_counts(*state, change_mode);
}

static void an_owner_counts(void **state)
{
	assert_counts(*state, change_owner);
}

static void a_part_of_a_second_counts(void **state)
{
	assert_counts(*state, change_time);
}

static void content_counts_where_size_and_time_are_as_before(void **state)
{
	assert_counts(*state, change_content);
}

/* As "touch -r" and "cp -p" do. */
static void content_counts_though_a_time_was_set_back_to_the_nanosecond(void **state)
{
	struct world *w = *state;

	disk_file(&w->lower[0], "f", "1234");
	disk_file(&w->upper, "f", "4321");
	disk_set_time(&w->lower[0], "f", DISK_TIME, 123456789);
	disk_set_time(&w->upper, "f", DISK_TIME, 123456789);
	assert_changes(w, "+ f\n");
}

static void a_size_counts(void **state)
{
	assert_counts(*state, change_size);
}

static void a_capability_counts_and_is_kept(void **state)
{
	struct world *w = *state;

	assert_counts(w, change_capability);
	assert_int_equal(w->got.v[1].capability_len, 20);
	assert_memory_equal(w->got.v[1].capability, "\1\0\0\2\0\4", 6);
}

static void a_link_to_elsewhere_counts(void **state)
{
	struct world *w = *state;

	disk_symlink(&w->lower[0], "l", "x");
	disk_symlink(&w->upper, "l", "y");
	assert_changes(w, "+ l\n");
}

static void another_type_counts(void **state)
{
	struct world *w = *state;

	disk_file(&w->lower[0], "a", "");
	disk_dir(&w->lower[0], "b");
	disk_file(&w->lower[0], "b/x", "");
	disk_dir(&w->upper, "a");
	disk_mark(&w->upper, "a", "opaque", "y");
	disk_file(&w->upper, "a/x", "");
	disk_file(&w->upper, "b", "");
	assert_changes(w, "+ a\n+ a/x\n+ b\n");
}

static void a_directory_with_another_time_counts_alone(void **state)
{
	struct world *w = *state;

	disk_dir(&w->lower[0], "d");
	disk_dir(&w->upper, "d");
	disk_set_time(&w->upper, "d", DISK_TIME + 1, 0);
	assert_changes(w, "+ d\n");
}

static void directories_that_lead_to_a_change_are_kept_and_others_not(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 2; i++) {
		struct disk *t = i ? &w->upper : &w->lower[0];

		disk_dir(t, "a");
		disk_dir(t, "a/b");
		disk_dir(t, "a/c");
		disk_dir(t, "z");
	}
	disk_file(&w->upper, "a/b/new", "");
	disk_settle(&w->lower[0]);
	disk_settle(&w->upper);
	assert_changes(w, "+ a\n+ a/b\n+ a/b/new\n");
}

static void a_whiteout_is_a_deletion_where_something_was(void **state)
{
	struct world *w = *state;

	disk_dir(&w->lower[2], "d");
	disk_file(&w->lower[2], "d/was", "");
	disk_dir(&w->upper, "d");
	disk_whiteout(&w->upper, "d/was");
	disk_whiteout(&w->upper, "d/never");
	disk_settle(&w->lower[2]);
	disk_settle(&w->upper);
	assert_changes(w, "+ d\n- d/was\n");
}

static void a_whiteout_may_be_an_attribute(void **state)
{
	struct world *w = *state;

	disk_file(&w->lower[0], "f", "1");
	disk_file(&w->upper, "f", "");
	disk_mark(&w->upper, "f", "whiteout", "");
	assert_changes(w, "- f\n");
}

static void an_opaque_directory_deletes_what_is_not_in_it(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 2; i++) {
		struct disk *t = i ? &w->upper : &w->lower[0];

		disk_dir(t, "d");
		disk_dir(t, "d/e");
		disk_file(t, "d/e/same", "1");
		disk_settle(t);
	}
	disk_file(&w->lower[0], "d/gone", "");
	disk_mark(&w->upper, "d", "opaque", "y");
	disk_whiteout(&w->upper, "d/gone"); /* said twice is once */
	assert_changes(w, "+ d\n- d/gone\n");
}

static void deletions_in_opaque_directories_stand_in_order(void **state)
{
	struct world *w = *state;

	disk_dir(&w->lower[0], "d");
	disk_file(&w->lower[0], "d/a", "1");
	disk_dir(&w->lower[0], "d/b");
	disk_file(&w->lower[0], "d/b/x", "1");
	disk_file(&w->lower[0], "d/c", "1");
	disk_dir(&w->lower[0], "d/y");
	disk_file(&w->lower[0], "d/y/deep", "1");
	disk_file(&w->lower[0], "d/z", "1");
	disk_dir(&w->upper, "d");
	disk_mark(&w->upper, "d", "opaque", "y");
	disk_dir(&w->upper, "d/b"); /* new as well: overlayfs marks only the one above */
	disk_file(&w->upper, "d/c", "2");
	disk_file(&w->upper, "d/m", "1");
	disk_file(&w->upper, "e", "1");
	assert_changes(w, "+ d\n- d/a\n+ d/b\n- d/b/x\n+ d/c\n+ d/m\n- d/y\n- d/z\n+ e\n");
}

static void a_new_directory_is_not_opaque_though_overlayfs_marks_it(void **state)
{
	struct world *w = *state;

	disk_dir(&w->upper, "d");
	disk_mark(&w->upper, "d", "opaque", "y");
	disk_dir(&w->upper, "e");
	disk_mark(&w->upper, "e", "opaque", "x");
	disk_dir(&w->lower[0], "e");
	disk_settle(&w->lower[0]);
	disk_settle(&w->upper);
	assert_changes(w, "+ d\n");
}

static void whiteouts_of_layers_between_are_honoured(void **state)
{
	struct world *w = *state;

	disk_file(&w->lower[2], "f", "1");
	disk_whiteout(&w->lower[1], "f");
	disk_whiteout(&w->upper, "f"); /* nothing to delete any more */
	disk_dir(&w->lower[2], "d");
	disk_file(&w->lower[2], "d/x", "1");
	disk_whiteout(&w->lower[0], "d");
	disk_dir(&w->upper, "d");
	disk_file(&w->upper, "d/x", "1"); /* equal to something that is hidden */
	disk_settle(&w->lower[2]);
	disk_settle(&w->upper);
	assert_changes(w, "+ d\n+ d/x\n");
}

static void opaque_directories_of_layers_between_are_honoured(void **state)
{
	struct world *w = *state;

	disk_dir(&w->lower[2], "d");
	disk_dir(&w->lower[2], "d/e");
	disk_file(&w->lower[2], "d/e/x", "1");
	disk_dir(&w->lower[1], "d");
	disk_mark(&w->lower[1], "d", "opaque", "y");
	disk_dir(&w->lower[0], "d");
	disk_dir(&w->upper, "d");
	disk_whiteout(&w->upper, "d/e");
	for (size_t i = 0; i < LOWERS; i++)
		disk_settle(&w->lower[i]);
	disk_settle(&w->upper);
	assert_changes(w, "");
}

static void a_file_between_hides_a_directory_below_it(void **state)
{
	struct world *w = *state;

	disk_dir(&w->lower[1], "d");
	disk_file(&w->lower[1], "d/x", "1");
	disk_file(&w->lower[0], "d", "a file");
	disk_dir(&w->upper, "d");
	disk_mark(&w->upper, "d", "opaque", "y");
	disk_file(&w->upper, "d/x", "1");
	assert_changes(w, "+ d\n+ d/x\n");
}

static void the_topmost_layer_is_the_one_compared_with(void **state)
{
	struct world *w = *state;

	disk_file(&w->lower[1], "f", "old");
	disk_file(&w->lower[0], "f", "new");
	disk_file(&w->upper, "f", "old");
	disk_file(&w->lower[1], "g", "old");
	disk_file(&w->lower[0], "g", "new");
	disk_file(&w->upper, "g", "new");
	assert_changes(w, "+ f\n");
}

static void links_in_lower_layers_are_not_followed(void **state)
{
	struct world *w = *state;

	disk_dir(&w->lower[0], "real");
	disk_file(&w->lower[0], "real/x", "1");
	disk_symlink(&w->lower[0], "d", "real");
	disk_dir(&w->upper, "d");
	disk_file(&w->upper, "d/x", "1");
	disk_whiteout(&w->upper, "d/y");
	assert_changes(w, "+ d\n+ d/x\n");
}

static void hard_links_have_a_first_name_and_further_ones(void **state)
{
	struct world *w = *state;

	disk_dir(&w->upper, "a");
	disk_file(&w->upper, "b", "1234");
	disk_hard_link(&w->upper, "a/x", "b");
	disk_hard_link(&w->upper, "c", "b");
	disk_symlink(&w->upper, "l", "b");
	disk_hard_link(&w->upper, "m", "l");
	assert_changes(w, "+ a\n+ a/x\n= b == a/x\n= c == a/x\n+ l\n= m == l\n");
	assert_int_equal(w->got.bytes, 4);
}

static void an_unchanged_name_of_a_file_with_a_new_one_is_listed_too(void **state)
{
	struct world *w = *state;

	disk_file(&w->lower[0], "a", "1");
	disk_file(&w->lower[0], "x", "1");
	disk_hard_link(&w->lower[0], "y", "x");
	disk_file(&w->upper, "a", "1");
	disk_hard_link(&w->upper, "b", "a");
	disk_file(&w->upper, "x", "1");
	disk_hard_link(&w->upper, "y", "x"); /* both as they were */
	assert_changes(w, "+ a\n= b == a\n");
}

static void a_socket_is_left_out_but_not_what_it_hid(void **state)
{
	struct world *w = *state;

	disk_node(&w->upper, "new", S_IFSOCK | 0600, 0, 0);
	disk_node(&w->upper, "old", S_IFSOCK | 0600, 0, 0);
	disk_file(&w->lower[0], "old", "1");
	assert_changes(w, "- old\n");
}

static void names_that_mean_deletions_are_refused(void **state)
{
	struct world *w = *state;

	disk_file(&w->upper, ".wh.x", "");
	assert_int_equal(scan(w), -1);
	assert_int_equal(w->e.kind, ERR_INPUT);
	assert_non_null(strstr(w->e.text, "'.wh.x'"));
	assert_int_equal(w->got.nr, 0);
}

static void content_that_lies_elsewhere_is_refused(void **state)
{
	struct world *w = *state;

	disk_file(&w->upper, "f", "");
	disk_mark(&w->upper, "f", "metacopy", "");
	assert_int_equal(scan(w), -1);
	assert_int_equal(w->e.kind, ERR_IMPOSSIBLE);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

static void rejoin(struct world *w)
{
	int fds[LOWERS];

	for (size_t i = 0; i < LOWERS; i++)
		fds[i] = w->lower[i].fd;
	if (layer_rejoin_names(NULL, w->upper.fd, fds, LOWERS, &w->e) < 0)
		fail_msg("%s", w->e.text);
}

/* "a" and "b" of d are one file below, in a layer that is not the topmost. */
static void two_names_below(struct world *w)
{
	disk_dir(&w->lower[1], "d");
	disk_file(&w->lower[1], "d/a", "same");
	disk_hard_link(&w->lower[1], "d/b", "d/a");
	disk_file(&w->lower[1], "d/single", "same");
	disk_settle(&w->lower[1]);
	disk_dir(&w->upper, "d");
}

static void a_copy_of_one_of_several_names_that_is_as_it_was_is_taken_away(void **state)
{
	struct world *w = *state;
	auto_free char *text = NULL;

	two_names_below(w);
	disk_file(&w->upper, "d/a", "same");
	disk_file(&w->upper, "d/single", "same");
	disk_settle(&w->upper);
	rejoin(w);
	text = disk_text(&w->upper, true);
	assert_string_equal(text, "d 0755 0:0 @1000000000 d\n"
				  "f 0644 0:0 @1000000000 4 d/single = same\n");
	assert_changes(w, "");
}

static void a_copy_that_has_changed_stays(void **state)
{
	struct world *w = *state;
	auto_free char *text = NULL;

	two_names_below(w);
	disk_file(&w->upper, "d/a", "othr");
	disk_file(&w->upper, "d/b", "same");
	disk_set_time(&w->upper, "d/b", DISK_TIME, 1);
	rejoin(w);
	text = disk_text(&w->upper, false);
	assert_string_equal(text, "d 0755 0:0 d\nf 0644 0:0 4 d/a = othr\n"
				  "f 0644 0:0 4 d/b = same\n");
}

/* Nothing would be seen in its place. */
static void in_a_directory_that_is_another_nothing_is_taken_away(void **state)
{
	struct world *w = *state;
	auto_free char *text = NULL;

	two_names_below(w);
	disk_file(&w->upper, "d/a", "same");
	disk_mark(&w->upper, "d", "opaque", "y");
	rejoin(w);
	text = disk_text(&w->upper, false);
	assert_string_equal(text, "d 0755 0:0 d\nf 0644 0:0 4 d/a = same\n");
}

/* In a lower layer that is hidden by another. */
static void what_is_out_of_sight_is_no_reason(void **state)
{
	struct world *w = *state;
	auto_free char *text = NULL;

	two_names_below(w);
	disk_dir(&w->lower[0], "d");
	disk_whiteout(&w->lower[0], "d/a");
	disk_file(&w->upper, "d/a", "same");
	rejoin(w);
	text = disk_text(&w->upper, false);
	assert_string_equal(text, "d 0755 0:0 d\nf 0644 0:0 4 d/a = same\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_new_is_listed_parents_first_siblings_by_bytes),
		TEST(without_anything_below_all_is_new),
		TEST(what_is_equal_to_below_is_left_out),
		TEST(a_mode_counts),
		TEST(an_owner_counts),
		TEST(a_part_of_a_second_counts),
		TEST(content_counts_where_size_and_time_are_as_before),
		TEST(content_counts_though_a_time_was_set_back_to_the_nanosecond),
		TEST(a_size_counts),
		TEST(a_capability_counts_and_is_kept),
		TEST(a_link_to_elsewhere_counts),
		TEST(another_type_counts),
		TEST(a_directory_with_another_time_counts_alone),
		TEST(directories_that_lead_to_a_change_are_kept_and_others_not),
		TEST(a_whiteout_is_a_deletion_where_something_was),
		TEST(a_whiteout_may_be_an_attribute),
		TEST(an_opaque_directory_deletes_what_is_not_in_it),
		TEST(deletions_in_opaque_directories_stand_in_order),
		TEST(a_new_directory_is_not_opaque_though_overlayfs_marks_it),
		TEST(whiteouts_of_layers_between_are_honoured),
		TEST(opaque_directories_of_layers_between_are_honoured),
		TEST(a_file_between_hides_a_directory_below_it),
		TEST(the_topmost_layer_is_the_one_compared_with),
		TEST(links_in_lower_layers_are_not_followed),
		TEST(hard_links_have_a_first_name_and_further_ones),
		TEST(an_unchanged_name_of_a_file_with_a_new_one_is_listed_too),
		TEST(a_socket_is_left_out_but_not_what_it_hid),
		TEST(names_that_mean_deletions_are_refused),
		TEST(content_that_lies_elsewhere_is_refused),
		TEST(a_copy_of_one_of_several_names_that_is_as_it_was_is_taken_away),
		TEST(a_copy_that_has_changed_stays),
		TEST(in_a_directory_that_is_another_nothing_is_taken_away),
		TEST(what_is_out_of_sight_is_no_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
