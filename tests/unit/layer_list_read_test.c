/* A layer read back as the list that it was written from; and layers that are none of ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "oci/layer/list_read.h"
#include "oci/layer/pack.h"
#include "oci/layer/tar.h"
#include "oci/layer/tree_list.h"
#include "oci/layer/write.h"
#include "tests/fakes/layer_disk.h"
#include "tests/fakes/layer_text.h"
#include "tests/fakes/mem_store.h"

struct world {
	struct disk from, spool;
	struct buf tar;
	struct layer_changes list, got;
	struct err e;
};

static int set_up(void **state)
{
	struct world *w = mem_zalloc(sizeof(*w));

	disk_open(&w->from);
	disk_open(&w->spool);
	w->tar = BUF_INIT(1u << 20);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	disk_close(&w->from);
	disk_close(&w->spool);
	buf_release(&w->tar);
	layer_changes_release(&w->list);
	layer_changes_release(&w->got);
	free(w);
	return 0;
}

static void must(struct world *w, int r)
{
	if (r < 0)
		fail_msg("%s", w->e.text);
}

/* What w->from holds as an upper directory becomes a tar. */
static void write_it(struct world *w)
{
	struct buf_sink out;

	must(w, layer_changes_from_upper(&w->list, NULL, w->from.fd, NULL, 0, &w->e));
	must(w, layer_write(NULL, &w->list, w->from.fd, buf_sink_init(&out, &w->tar), NULL, &w->e));
}

static int read_it(struct world *w)
{
	struct span_source in;
	struct oci_digest d;

	oci_digest_of_bytes(&d, buf_span(&w->tar));
	err_clear(&w->e);
	return layer_list_read(&w->got, NULL, span_source_init(&in, buf_span(&w->tar)), &d,
			       w->spool.fd, &w->e);
}

static void what_was_written_is_read_back(void **state)
{
	struct world *w = *state;
	struct tree *a, *b;
	auto_free char *want = NULL, *got = NULL, *want_tree = NULL, *got_tree = NULL;

	disk_dir(&w->from, "d");
	disk_file(&w->from, "d/f", "hello");
	disk_hard_link(&w->from, "d/g", "d/f");
	disk_file(&w->from, "empty", "");
	disk_symlink(&w->from, "l", "d/f");
	disk_node(&w->from, "p", S_IFIFO | 0600, 0, 0);
	disk_settle(&w->from);
	write_it(w);
	must(w, read_it(w));
	want = changes_text(&w->list);
	got = changes_text(&w->got);
	assert_string_equal(got, want);
	a = tree_list_new(&w->list, w->from.fd);
	b = tree_list_new(&w->got, -1);
	want_tree = tree_text(a, true);
	got_tree = tree_text(b, true);
	assert_string_equal(got_tree, want_tree);
	assert_int_equal(w->got.bytes, 5);
	tree_free(a);
	tree_free(b);
}

static void add_entry(struct world *w, enum tar_type type, const char *path, const char *link)
{
	const struct tar_entry ent = { .type = type, .path = path, .link = link, .mode = 0755 };
	struct buf_sink out;

	must(w, tar_write_header(buf_sink_init(&out, &w->tar), &ent, &w->e));
}

static void end_tar(struct world *w)
{
	struct buf_sink out;

	must(w, tar_write_end(buf_sink_init(&out, &w->tar), &w->e));
}

static void deletions_and_opaque_directories_are_read_back(void **state)
{
	struct world *w = *state;
	auto_free char *got = NULL;

	add_entry(w, TAR_DIR, "d", NULL);
	add_entry(w, TAR_FILE, "d/.wh..wh..opq", NULL);
	add_entry(w, TAR_FILE, "d/a", NULL);
	add_entry(w, TAR_FILE, "d/.wh.b", NULL);
	end_tar(w);
	must(w, read_it(w));
	got = changes_text(&w->got);
	assert_string_equal(got, "O d\n+ d/a\n- d/b\n");
}

static void assert_refused(struct world *w, const char *why)
{
	end_tar(w);
	assert_int_equal(read_it(w), -1);
	assert_int_equal(w->e.kind, ERR_CORRUPT);
	if (!strstr(w->e.text, why))
		fail_msg("%s", w->e.text);
}

static void an_entry_out_of_order_is_refused(void **state)
{
	add_entry(*state, TAR_DIR, "b", NULL);
	add_entry(*state, TAR_DIR, "a", NULL);
	assert_refused(*state, "stands behind 'b'");
}

static void a_name_twice_is_refused(void **state)
{
	add_entry(*state, TAR_DIR, "b", NULL);
	add_entry(*state, TAR_FILE, "b", NULL);
	assert_refused(*state, "stands behind 'b'");
}

static void an_entry_without_its_directory_is_refused(void **state)
{
	add_entry(*state, TAR_FILE, "a/b", NULL);
	assert_refused(*state, "its directory is not in the layer");
}

static void an_entry_below_a_file_is_refused(void **state)
{
	add_entry(*state, TAR_SYMLINK, "a", "/etc");
	add_entry(*state, TAR_FILE, "a/b", NULL);
	assert_refused(*state, "its directory is not in the layer");
}

static void a_way_out_is_refused(void **state)
{
	add_entry(*state, TAR_FILE, "../b", NULL);
	assert_refused(*state, "..");
}

static void a_hard_link_to_nothing_before_it_is_refused(void **state)
{
	add_entry(*state, TAR_HARD_LINK, "a", "b");
	add_entry(*state, TAR_FILE, "b", NULL);
	assert_refused(*state, "no file before it");
}

static void a_hard_link_to_a_directory_is_refused(void **state)
{
	add_entry(*state, TAR_DIR, "a", NULL);
	add_entry(*state, TAR_HARD_LINK, "b", "a");
	assert_refused(*state, "no file before it");
}

static void a_mark_away_from_its_directory_is_refused(void **state)
{
	add_entry(*state, TAR_DIR, "a", NULL);
	add_entry(*state, TAR_FILE, "a/x", NULL);
	add_entry(*state, TAR_FILE, "a/.wh..wh..opq", NULL);
	assert_refused(*state, "where none can be");
}

static void another_diff_id_is_refused(void **state)
{
	struct world *w = *state;
	struct span_source in;
	struct oci_digest d;

	add_entry(w, TAR_DIR, "a", NULL);
	end_tar(w);
	oci_digest_of_bytes(&d, SPAN_LIT("other"));
	assert_int_equal(layer_list_read(&w->got, NULL, span_source_init(&in, buf_span(&w->tar)),
					 &d, w->spool.fd, &w->e),
			 -1);
	assert_int_equal(w->e.kind, ERR_CORRUPT);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_written_is_read_back),
		TEST(deletions_and_opaque_directories_are_read_back),
		TEST(an_entry_out_of_order_is_refused),
		TEST(a_name_twice_is_refused),
		TEST(an_entry_without_its_directory_is_refused),
		TEST(an_entry_below_a_file_is_refused),
		TEST(a_way_out_is_refused),
		TEST(a_hard_link_to_nothing_before_it_is_refused),
		TEST(a_hard_link_to_a_directory_is_refused),
		TEST(a_mark_away_from_its_directory_is_refused),
		TEST(another_diff_id_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
