#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/xattr.h>

#include "base/mem.h"
#include "oci/layer/apply.h"
#include "oci/layer/tar.h"
#include "oci/layer/write.h"
#include "tests/fakes/layer_disk.h"

struct world {
	struct disk lower, upper, other;
	struct layer_changes changes;
	struct buf tar;
	struct layer_write_options opt;
	struct err e;
};

static int set_up(void **state)
{
	struct world *w = mem_zalloc(sizeof(*w));

	disk_open(&w->lower);
	disk_open(&w->upper);
	disk_open(&w->other);
	buf_init(&w->tar, 64u << 20);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	disk_close(&w->lower);
	disk_close(&w->upper);
	disk_close(&w->other);
	layer_changes_release(&w->changes);
	buf_release(&w->tar);
	free(w);
	return 0;
}

static void scan(struct world *w)
{
	layer_changes_release(&w->changes);
	if (layer_changes_from_upper(&w->changes, NULL, w->upper.fd, &w->lower.fd, 1, &w->e) < 0)
		fail_msg("%s", w->e.text);
}

static int write_tar(struct world *w)
{
	struct buf_sink k;

	buf_reset(&w->tar);
	return layer_write(NULL, &w->changes, w->upper.fd, buf_sink_init(&k, &w->tar), &w->opt,
			   &w->e);
}

static void make_tar(struct world *w)
{
	scan(w);
	if (write_tar(w) < 0)
		fail_msg("%s", w->e.text);
}

/* One line per entry: "type mode uid:gid time size path[ -> link]". */
static void assert_tar(struct world *w, const char *want)
{
	auto_buf struct buf b = BUF_INIT(BUF_SMALL);
	auto_tar_reader struct tar_reader *r = NULL;
	struct span_source src;
	struct tar_entry ent;

	if (tar_reader_open(&r, span_source_init(&src, buf_span(&w->tar)), &w->e) < 0)
		fail_msg("%s", w->e.text);
	while (tar_reader_next(r, &ent, &w->e) > 0) {
		buf_addf(&b, "%c %o %u:%u %lld %llu %s", "fhlcbdp"[ent.type], ent.mode, ent.uid,
			 ent.gid, (long long)ent.mtime, (unsigned long long)ent.size_bytes,
			 ent.path);
		buf_addf(&b, ent.link ? " -> %s\n" : "\n", ent.link);
	}
	assert_string_equal(w->e.text, "");
	assert_string_equal(buf_str(&b), want);
}

static void changes_become_entries_and_marks(void **state)
{
	struct world *w = *state;

	disk_dir(&w->lower, "d");
	disk_file(&w->lower, "d/gone", "");
	disk_dir(&w->lower, "o");
	disk_file(&w->lower, "o/old", "");
	disk_dir(&w->upper, "d");
	disk_whiteout(&w->upper, "d/gone");
	disk_file(&w->upper, "d/new", "hello");
	disk_hard_link(&w->upper, "d/same", "d/new");
	disk_dir(&w->upper, "o");
	disk_mark(&w->upper, "o", "opaque", "y");
	disk_symlink(&w->upper, "o/l", "../d");
	disk_node(&w->upper, "p", S_IFIFO | 0600, 0, 0);
	disk_settle(&w->upper);
	assert_int_equal(fchownat(w->upper.fd, "d/new", 12, 34, 0), 0);
	make_tar(w);
	assert_tar(w, "d 755 0:0 1000000000 0 d/\n"
		      "f 0 0:0 0 0 d/.wh.gone\n"
		      "f 644 12:34 1000000000 5 d/new\n"
		      "h 644 12:34 1000000000 0 d/same -> d/new\n"
		      "d 755 0:0 1000000000 0 o/\n"
		      "l 777 0:0 1000000000 0 o/l -> ../d\n"
		      "f 0 0:0 0 0 o/.wh.old\n"
		      "p 600 0:0 1000000000 0 p\n");
}

static void an_opaque_directory_is_followed_by_its_mark(void **state)
{
	struct world *w = *state;
	char path[] = "o";
	struct layer_change o = { .kind = LAYER_OPAQUE,
				  .path = path,
				  .st = { .st_mode = S_IFDIR | 0755, .st_mtim = { .tv_sec = 5 } } };
	const struct layer_changes one = { .v = &o, .nr = 1 };
	struct buf_sink to;

	assert_int_equal(layer_write(NULL, &one, -1, buf_sink_init(&to, &w->tar), NULL, &w->e), 0);
	assert_tar(w, "d 755 0:0 5 0 o/\nf 0 0:0 0 0 o/.wh..wh..opq\n");
}

static void devices_keep_their_numbers(void **state)
{
	struct world *w = *state;
	auto_tar_reader struct tar_reader *r = NULL;
	struct span_source src;
	struct tar_entry ent;

	disk_node(&w->upper, "n", S_IFCHR | 0666, 1, 300);
	make_tar(w);
	assert_int_equal(tar_reader_open(&r, span_source_init(&src, buf_span(&w->tar)), &w->e), 0);
	assert_int_equal(tar_reader_next(r, &ent, &w->e), 1);
	assert_int_equal(ent.type, TAR_CHAR);
	assert_int_equal(ent.dev_major, 1);
	assert_int_equal(ent.dev_minor, 300);
}

static void an_empty_layer_is_1024_zero_bytes(void **state)
{
	struct world *w = *state;
	struct oci_digest d;

	make_tar(w);
	oci_digest_of_bytes(&d, buf_span(&w->tar));
	/* the digest every builder has for it */
	assert_string_equal(d.text, "sha256:5f70bf18a086007016e948b04aed3b82"
				    "103a36bea41755b6cddfaf10ace3c6ef");
}

static void times_are_whole_seconds_rounded_down(void **state)
{
	struct world *w = *state;

	disk_file(&w->upper, "a", "");
	disk_set_time(&w->upper, "a", 1234567890, 999999999);
	disk_file(&w->upper, "b", "");
	disk_set_time(&w->upper, "b", -2, 500000000); /* 1.5 s before 1970 */
	make_tar(w);
	assert_tar(w, "f 644 0:0 1234567890 0 a\nf 644 0:0 -2 0 b\n");
}

static void newer_times_become_the_epoch_but_older_ones_stay(void **state)
{
	struct world *w = *state;

	w->opt = (struct layer_write_options){ .has_epoch = true, .epoch = 1500000000 };
	disk_file(&w->lower, "gone", "");
	disk_whiteout(&w->upper, "gone");
	disk_file(&w->upper, "new", "");
	disk_set_time(&w->upper, "new", 1700000000, 5);
	disk_file(&w->upper, "old", "");
	make_tar(w);
	assert_tar(w, "f 0 0:0 0 0 .wh.gone\n"
		      "f 644 0:0 1500000000 0 new\n"
		      "f 644 0:0 1000000000 0 old\n");
}

static void equal_trees_give_equal_bytes(void **state)
{
	struct world *w = *state;
	auto_buf struct buf first = BUF_INIT(1u << 20);

	disk_file(&w->upper, "b", "1");
	disk_file(&w->upper, "a", "2");
	make_tar(w);
	buf_add_span(&first, buf_span(&w->tar));
	disk_close(&w->upper);
	disk_open(&w->upper);
	disk_file(&w->upper, "a", "2");
	disk_file(&w->upper, "c", "");
	assert_int_equal(unlinkat(w->upper.fd, "c", 0), 0);
	disk_file(&w->upper, "b", "1");
	make_tar(w);
	assert_int_equal(w->tar.len, first.len);
	assert_memory_equal(w->tar.data, first.data, first.len);
}

static void assert_changed(struct world *w)
{
	assert_int_equal(write_tar(w), -1);
	assert_int_equal(w->e.kind, ERR_FAILED);
	assert_non_null(strstr(w->e.text, "'f' changed while it was read"));
}

static void holes_are_written_as_zeros(void **state)
{
	struct world *w = *state;
	auto_close int fd = openat(w->upper.fd, "f", O_WRONLY | O_CREAT, 0644);
	const char zeros[4096] = { 0 };

	assert_int_equal(ftruncate(fd, 1u << 20), 0);
	assert_int_equal(pwrite(fd, "x", 1, (1u << 20) - 1), 1);
	make_tar(w);
	assert_int_equal(w->tar.len, 512 + (1u << 20) + 1024);
	assert_memory_equal(w->tar.data + 512 + 4096, zeros, sizeof(zeros));
	assert_int_equal(w->tar.data[512 + (1u << 20) - 1], 'x');
}

/* Data at the beginning, in the middle and at the end, or at none of them. */
static void holes_anywhere_are_as_long_as_they_were(void **state)
{
	static const size_t size = 3u << 20, places[] = { 0, 1u << 20, (3u << 20) - 4096 };
	struct world *w = *state;

	for (unsigned set = 0; set < 8; set++) {
		auto_close int fd = openat(w->upper.fd, "f", O_WRONLY | O_CREAT | O_TRUNC, 0644);
		auto_free char *want = mem_zalloc(size);

		for (size_t i = 0; i < ARRAY_LEN(places); i++)
			if (set & 1u << i) {
				memset(want + places[i], 'x', 4096);
				assert_int_equal(
					pwrite(fd, want + places[i], 4096, (off_t)places[i]), 4096);
			}
		assert_int_equal(ftruncate(fd, (off_t)size), 0);
		make_tar(w);
		assert_int_equal(w->tar.len, 512 + size + 1024);
		assert_memory_equal(w->tar.data + 512, want, size);
	}
}

static void a_hole_that_shrinks_or_grows_is_an_error(void **state)
{
	struct world *w = *state;
	auto_close int fd = openat(w->upper.fd, "f", O_WRONLY | O_CREAT, 0644);

	assert_int_equal(ftruncate(fd, 1u << 20), 0);
	scan(w);
	assert_int_equal(ftruncate(fd, (1u << 20) - 1), 0);
	assert_changed(w);
	assert_int_equal(ftruncate(fd, (1u << 20) + 1), 0);
	assert_changed(w);
	assert_int_equal(pwrite(fd, "x", 1, 1u << 20), 1);
	assert_changed(w);
}

static void a_file_that_shrinks_or_grows_is_an_error_that_names_it(void **state)
{
	struct world *w = *state;

	disk_file(&w->upper, "f", "12345");
	scan(w);
	disk_file(&w->upper, "f", "1234");
	assert_changed(w);
	disk_file(&w->upper, "f", "123456");
	assert_changed(w);
}

static void a_file_that_becomes_a_link_is_not_read(void **state)
{
	struct world *w = *state;

	disk_file(&w->upper, "f", "12345");
	scan(w);
	assert_int_equal(unlinkat(w->upper.fd, "f", 0), 0);
	disk_symlink(&w->upper, "f", "/etc/passwd");
	assert_int_equal(write_tar(w), -1);
}

static ssize_t xattr_of(const struct disk *t, const char *name, char *value, size_t n)
{
	auto_close int fd = openat(t->fd, name, O_RDONLY);

	return fgetxattr(fd, "security.capability", value, n);
}

/* w->other becomes a copy of the lower tree, made the same way. */
static void fill_lower(struct disk *t)
{
	disk_dir(t, "d");
	disk_file(t, "d/deleted", "1");
	disk_file(t, "d/kept", "2");
	disk_file(t, "d/changed", "3");
	disk_dir(t, "gone");
	disk_file(t, "gone/x", "4");
	disk_dir(t, "again");
	disk_file(t, "again/old", "5");
	disk_file(t, "file-to-dir", "6");
	disk_dir(t, "dir-to-file");
	disk_settle(t);
}

static void fill_upper(struct disk *t)
{
	const char cap[20] = { 1, 0, 0, 2, 0, 4 };
	auto_close int fd = -1;

	disk_dir(t, "d");
	disk_whiteout(t, "d/deleted");
	disk_file(t, "d/changed", "three");
	disk_file(t, "d/caf\xc3\xa9-\xff", "7");
	disk_hard_link(t, "d/linked", "d/changed");
	disk_whiteout(t, "gone");
	disk_dir(t, "again");
	disk_mark(t, "again", "opaque", "y");
	disk_file(t, "again/new", "8");
	disk_dir(t, "file-to-dir");
	disk_file(t, "file-to-dir/y", "9");
	disk_file(t, "dir-to-file", "10");
	disk_symlink(t, "link", "d/kept");
	disk_node(t, "pipe", S_IFIFO | 0600, 0, 0);
	assert_int_equal(fchownat(t->fd, "d/changed", 1000, 3000000, 0), 0);
	assert_int_equal(fchmodat(t->fd, "d/changed", 06755, 0), 0);
	fd = openat(t->fd, "dir-to-file", O_RDONLY);
	assert_int_equal(fsetxattr(fd, "security.capability", cap, sizeof(cap), 0), 0);
	disk_settle(t);
}

static void applying_what_was_written_gives_the_tree(void **state)
{
	struct world *w = *state;
	struct span_source src;
	auto_free char *got = NULL;
	char cap[64];

	fill_lower(&w->lower);
	fill_lower(&w->other);
	fill_upper(&w->upper);
	make_tar(w);
	if (layer_apply(NULL, w->other.fd, span_source_init(&src, buf_span(&w->tar)), NULL, &w->e) <
	    0)
		fail_msg("%s", w->e.text);
	got = disk_text(&w->other, true);
	assert_string_equal(got, "d 0755 0:0 @1000000000 again\n"
				 "f 0644 0:0 @1000000000 1 again/new = 8\n"
				 "d 0755 0:0 @1000000000 d\n"
				 "f 0644 0:0 @1000000000 1 d/caf\xc3\xa9-\xff = 7\n"
				 "f 6755 1000:3000000 @1000000000 5 d/changed = three\n"
				 "f 0644 0:0 @1000000000 1 d/kept = 2\n"
				 "h d/linked == d/changed\n"
				 "f 0644 0:0 @1000000000 2 dir-to-file = 10\n"
				 "d 0755 0:0 @1000000000 file-to-dir\n"
				 "f 0644 0:0 @1000000000 1 file-to-dir/y = 9\n"
				 "l @1000000000 link -> d/kept\n"
				 "p 0600 0:0 @1000000000 pipe\n");
	assert_int_equal(xattr_of(&w->other, "dir-to-file", cap, sizeof(cap)), 20);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(changes_become_entries_and_marks),
		TEST(an_opaque_directory_is_followed_by_its_mark),
		TEST(devices_keep_their_numbers),
		TEST(an_empty_layer_is_1024_zero_bytes),
		TEST(times_are_whole_seconds_rounded_down),
		TEST(newer_times_become_the_epoch_but_older_ones_stay),
		TEST(equal_trees_give_equal_bytes),
		TEST(holes_are_written_as_zeros),
		TEST(holes_anywhere_are_as_long_as_they_were),
		TEST(a_hole_that_shrinks_or_grows_is_an_error),
		TEST(a_file_that_shrinks_or_grows_is_an_error_that_names_it),
		TEST(a_file_that_becomes_a_link_is_not_read),
		TEST(applying_what_was_written_gives_the_tree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
