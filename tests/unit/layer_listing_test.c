/* Lists of changes as bytes: what is read is what was put. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "oci/layer/listing.h"
#include "tests/fakes/aborts.h"

#define S(text) ((char *)(text))
/* lengths of two bytes */
#define TEN  "0123456789"
#define LONG TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

/* Everything that a list can hold; directories are left by put_all as paths say. */
static const struct layer_change all[] = {
	{ .path = S("a"), .st = { .st_mode = S_IFDIR | 01777, .st_uid = 70000, .st_nlink = 1 } },
	{ .path = S("a/able"),
	  .st = { .st_mode = S_IFREG | 04755, .st_size = INT64_C(1) << 40, .st_nlink = 2 },
	  .origin_fd = 7,
	  .origin_path = S("src/deep/able"),
	  .capability = S("c\0p"),
	  .capability_len = 3 },
	{ .path = S("a/beside"),
	  .st = { .st_mode = S_IFREG | 0644,
		  .st_gid = 4294967294u,
		  .st_mtim = { -5, 999999999 },
		  .st_nlink = 1 },
	  .origin_fd = 7,
	  .origin_path = S("src/deep/17") },
	{ .path = S("a/in"), .st = { .st_mode = S_IFDIR | 0700, .st_nlink = 1 } },
	{ .path = S("a/in/file"),
	  .st = { .st_mode = S_IFREG, .st_size = 1, .st_nlink = 1 },
	  .origin_fd = 8,
	  .origin_path = S("file") },
	{ .path = S("a/link"),
	  .st = { .st_mode = S_IFREG | 04755, .st_size = INT64_C(1) << 40, .st_nlink = 2 },
	  .hard_link = true,
	  .link = S("a/able") },
	{ .kind = LAYER_DELETED, .path = S("b") },
	{ .kind = LAYER_OPAQUE,
	  .path = S("c"),
	  .st = { .st_mode = S_IFDIR | 0755, .st_nlink = 1 } },
	{ .path = S("c/dev"),
	  .st = { .st_mode = S_IFCHR | 0666, .st_rdev = 0x1170000012c00, .st_nlink = 1 } },
	{ .path = S("c/disk"),
	  .st = { .st_mode = S_IFBLK | 0660,
		  .st_rdev = 0x801,
		  .st_uid = UINT32_MAX,
		  .st_gid = UINT32_MAX,
		  .st_nlink = 1 } },
	{ .path = S("c/fifo"), .st = { .st_mode = S_IFIFO | 0600, .st_nlink = 1 } },
	{ .path = S("d"),
	  .st = { .st_mode = S_IFLNK | 0777, .st_mtim = { 1700000000, 1 }, .st_nlink = 1 },
	  .link = S("/c/dev") },
	{ .path = S(LONG),
	  .st = { .st_mode = S_IFREG, .st_mtim = { INT64_MIN, 0 }, .st_nlink = 1 },
	  .origin_fd = 8,
	  .origin_path = S("in" LONG "/of" LONG) },
	{ .path = S("x"),
	  .st = { .st_mode = S_IFLNK | 0777, .st_mtim = { INT64_MAX, 0 }, .st_nlink = 1 },
	  .link = S(LONG) },
};

static size_t depth(const char *path)
{
	size_t n = 0;

	for (; *path; path++)
		n += *path == '/';
	return n;
}

static bool is_entered(const struct layer_change *c)
{
	return c->kind != LAYER_DELETED && S_ISDIR(c->st.st_mode);
}

static void put_all(struct layer_listing *l)
{
	size_t in = 0;

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		for (; in > depth(all[i].path); in--)
			listing_leave(l);
		listing_add(l, &all[i]);
		in += is_entered(&all[i]);
	}
	for (; in; in--)
		listing_leave(l);
}

static void assert_text(const char *got, const char *want)
{
	if (want)
		assert_string_equal(got, want);
	else
		assert_null(got);
}

static void assert_same(const struct layer_change *got, const struct layer_change *want)
{
	const struct stat *a = &got->st, *b = &want->st;

	assert_int_equal(got->kind, want->kind);
	assert_string_equal(got->path, want->path);
	assert_int_equal(a->st_mode, b->st_mode);
	assert_int_equal(a->st_uid, b->st_uid);
	assert_int_equal(a->st_gid, b->st_gid);
	assert_int_equal(a->st_rdev, b->st_rdev);
	assert_int_equal(a->st_size, b->st_size);
	assert_int_equal(a->st_nlink, b->st_nlink);
	assert_int_equal(a->st_mtim.tv_sec, b->st_mtim.tv_sec);
	assert_int_equal(a->st_mtim.tv_nsec, b->st_mtim.tv_nsec);
	assert_int_equal(got->hard_link, want->hard_link);
	assert_text(got->link, want->link);
	assert_text(got->origin_path, want->origin_path);
	if (want->origin_path)
		assert_int_equal(got->origin_fd, want->origin_fd);
	assert_int_equal(got->capability_len, want->capability_len);
	if (want->capability_len)
		assert_memory_equal(got->capability, want->capability, want->capability_len);
}

static void all_is_read_as_it_was_put(void **state)
{
	auto_listing struct layer_listing l = LISTING_INIT;
	auto_listing_cursor struct listing_cursor at;

	(void)state;
	put_all(&l);
	listing_settle(&l);
	assert_int_equal(l.nr, ARRAY_LEN(all));
	assert_int_equal(l.file_bytes, (INT64_C(1) << 40) + 1);
	listing_begin(&at, &l);
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		assert_same(listing_next(&at), &all[i]);
	assert_null(listing_next(&at));
	assert_null(listing_next(&at));
}

static void an_array_of_it_shares_inodes_where_names_are_shared(void **state)
{
	auto_listing struct layer_listing l = LISTING_INIT;
	auto_changes struct layer_changes c = { 0 };

	(void)state;
	put_all(&l);
	listing_expand(&c, &l);
	assert_int_equal(c.nr, ARRAY_LEN(all));
	assert_int_equal(c.bytes, l.file_bytes);
	for (size_t i = 0; i < c.nr; i++)
		assert_same(&c.v[i], &all[i]);
	assert_int_equal(c.v[1].st.st_ino, c.v[5].st.st_ino);
	assert_int_not_equal(c.v[1].st.st_ino, c.v[2].st.st_ino);
}

/* What is taken back has said where bytes are; what comes then must say it again. */
static void what_is_taken_back_leaves_nothing(void **state)
{
	auto_listing struct layer_listing l = LISTING_INIT, joined = LISTING_INIT;
	auto_listing_cursor struct listing_cursor at;
	struct listing_mark mark;

	(void)state;
	listing_enter(&l, "a");
	mark = listing_mark(&l);
	listing_add(&l, &all[4]);
	listing_back(&l, &mark);
	listing_add(&l, &(struct layer_change){ .path = S("a/file"),
						.st.st_mode = S_IFREG,
						.origin_fd = 8,
						.origin_path = S("file") });
	listing_enter(&joined, "of");
	listing_join(&joined, &l);
	listing_begin(&at, &joined);
	listing_next(&at);
	assert_string_equal(at.now.path, "of/a/file");
	assert_string_equal(at.now.origin_path, "file");
	assert_int_equal(at.now.origin_fd, 8);
	assert_int_equal(joined.nr, 1);
	assert_int_equal(joined.file_bytes, 0);
	assert_null(listing_next(&at));
}

static void settle_zeroes(void *arg)
{
	struct layer_listing l = { .nr = 0 };

	(void)arg;
	listing_add(&l, &all[0]);
	listing_settle(&l);
}

static void read_zeroes(void *arg)
{
	struct layer_listing l = { .nr = 0 };
	auto_listing_cursor struct listing_cursor at;

	(void)arg;
	listing_add(&l, &all[0]);
	listing_begin(&at, &l);
}

static void a_list_that_could_not_hold_its_entries_is_not_used(void **state)
{
	(void)state;
	assert_true(aborts(settle_zeroes, NULL));
	assert_true(aborts(read_zeroes, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_is_read_as_it_was_put),
		cmocka_unit_test(an_array_of_it_shares_inodes_where_names_are_shared),
		cmocka_unit_test(what_is_taken_back_leaves_nothing),
		cmocka_unit_test(a_list_that_could_not_hold_its_entries_is_not_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
