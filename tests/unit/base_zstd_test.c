/* zstd streams, in both directions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/zstd.h"

#define BIG ((size_t)ZSTD_BLOCK)

static void pack(struct pool *pool, struct buf *out, struct span in, size_t step, int level)
{
	struct err e = ERR_INIT;
	struct zstd_sink z;
	struct buf_sink bs;
	struct sink *k = zstd_sink_init(&z, buf_sink_init(&bs, out), level, pool);

	for (; in.n; in = span_sub(in, step)) {
		struct span piece = span_head(in, step);

		assert_int_equal(0, sink_write(k, piece.p, piece.n, &e));
	}
	assert_int_equal(0, zstd_sink_finish(&z, &e));
	zstd_sink_release(&z); /* once more is fine */
}

static int unpack(struct buf *out, struct span in, struct err *e)
{
	struct span_source ss;
	struct zstd_source z;
	int r = io_read_all(zstd_source_init(&z, span_source_init(&ss, in)), out, e);

	zstd_source_release(&z);
	zstd_source_release(&z);
	return r;
}

/* More than a block, half of it text that repeats. */
static void make_bytes(struct buf *to)
{
	uint32_t x = 1;

	while (to->len < BIG + 1000) {
		x = x * 1664525 + 1013904223;
		if (x >> 31)
			buf_add_str(to, "a text that repeats itself");
		else
			buf_add(to, &x, sizeof(x));
	}
}

static void what_was_packed_comes_out_again(void **state)
{
	auto_buf struct buf in = BUF_INIT(4 * BIG), packed = BUF_INIT(4 * BIG);
	auto_buf struct buf out = BUF_INIT(4 * BIG);
	struct err e = ERR_INIT;

	(void)state;
	make_bytes(&in);
	pack(NULL, &packed, buf_span(&in), 100000, ZSTD_LEVEL_DEFAULT);
	assert_true(packed.len < in.len / 2);
	assert_int_equal(0, unpack(&out, buf_span(&packed), &e));
	assert_true(span_eq(buf_span(&in), buf_span(&out)));
}

static void nothing_packs_into_an_empty_stream(void **state)
{
	auto_buf struct buf packed = BUF_INIT(BUF_SMALL), out = BUF_INIT(BUF_SMALL);
	struct err e = ERR_INIT;

	(void)state;
	pack(NULL, &packed, SPAN_LIT(""), 1, ZSTD_LEVEL_DEFAULT);
	assert_true(packed.len > 0);
	assert_int_equal(0, unpack(&out, buf_span(&packed), &e));
	assert_int_equal(0, out.len);
}

static void the_same_bytes_come_of_any_pool(void **state)
{
	auto_buf struct buf in = BUF_INIT(4 * BIG), alone = BUF_INIT(4 * BIG);

	(void)state;
	make_bytes(&in);
	pack(NULL, &alone, buf_span(&in), in.len, ZSTD_LEVEL_FASTEST);
	for (unsigned workers = 1; workers <= 8; workers *= 2) {
		auto_buf struct buf pooled = BUF_INIT(4 * BIG);
		struct pool *p = NULL;
		struct err e = ERR_INIT;

		assert_int_equal(0, pool_new(&p, workers, &e));
		pack(p, &pooled, buf_span(&in), 70001, ZSTD_LEVEL_FASTEST);
		pool_free(p);
		assert_true(span_eq(buf_span(&alone), buf_span(&pooled)));
	}
}

static void the_highest_level_packs_better(void **state)
{
	auto_buf struct buf in = BUF_INIT(4 * BIG), fast = BUF_INIT(4 * BIG);
	auto_buf struct buf small = BUF_INIT(4 * BIG);
	struct span some;

	(void)state;
	make_bytes(&in);
	some = span_head(buf_span(&in), 300000);
	pack(NULL, &fast, some, some.n, ZSTD_LEVEL_FASTEST);
	pack(NULL, &small, some, some.n, ZSTD_LEVEL_MAX);
	assert_true(small.len < fast.len);
}

static void frames_behind_each_other_are_one_stream(void **state)
{
	auto_buf struct buf packed = BUF_INIT(BUF_SMALL), out = BUF_INIT(BUF_SMALL);
	struct err e = ERR_INIT;

	(void)state;
	buf_add_span(&packed, SPAN_LIT("\x50\x2a\x4d\x18\x03\0\0\0abc")); /* to be skipped */
	pack(NULL, &packed, SPAN_LIT("hello "), 6, 1);
	pack(NULL, &packed, SPAN_LIT(""), 1, 3);
	buf_add_span(&packed, SPAN_LIT("\x5f\x2a\x4d\x18\0\0\0\0"));
	pack(NULL, &packed, SPAN_LIT("world"), 5, 9);
	assert_int_equal(0, unpack(&out, buf_span(&packed), &e));
	assert_string_equal("hello world", buf_str(&out));
}

static void an_end_anywhere_in_the_middle_is_corrupt(void **state)
{
	auto_buf struct buf packed = BUF_INIT(BUF_SMALL);

	(void)state;
	pack(NULL, &packed, SPAN_LIT("hello hello hello hello hello"), 29, 3);
	for (size_t n = 1; n < packed.len; n++) {
		auto_buf struct buf out = BUF_INIT(BUF_SMALL);
		struct err e = ERR_INIT;

		assert_int_equal(-1, unpack(&out, span_of(packed.data, n), &e));
		assert_int_equal(ERR_CORRUPT, e.kind);
		assert_string_equal("zstd: unexpected end", e.text);
	}
}

static void what_is_no_frame_is_corrupt(void **state)
{
	auto_buf struct buf packed = BUF_INIT(BUF_SMALL), out = BUF_INIT(BUF_SMALL);
	struct err e = ERR_INIT;

	(void)state;
	pack(NULL, &packed, SPAN_LIT("hello"), 5, 3);
	buf_add_str(&packed, "rubbish");
	assert_int_equal(-1, unpack(&out, buf_span(&packed), &e));
	assert_int_equal(ERR_CORRUPT, e.kind);
	assert_string_equal("zstd: Unknown frame descriptor", e.text);
}

static void a_changed_byte_is_noticed(void **state)
{
	auto_buf struct buf packed = BUF_INIT(BUF_SMALL), out = BUF_INIT(BUF_SMALL);
	struct err e = ERR_INIT;

	(void)state;
	pack(NULL, &packed, SPAN_LIT("hello"), 5, 3);
	packed.data[packed.len - 1] ^= 1; /* in the checksum */
	assert_int_equal(-1, unpack(&out, buf_span(&packed), &e));
	assert_int_equal(ERR_CORRUPT, e.kind);
	assert_non_null(strstr(e.text, "checksum"));
}

/* A frame that says it needs 2 GiB of memory gets none. */
static void a_window_without_bounds_is_refused(void **state)
{
	auto_buf struct buf out = BUF_INIT(BUF_SMALL);
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(-1, unpack(&out, SPAN_LIT("\x28\xb5\x2f\xfd\x00\xa8\x01\x00\x00"), &e));
	assert_int_equal(ERR_CORRUPT, e.kind);
	assert_non_null(strstr(e.text, "memory"));
}

static void a_small_reader_gets_it_all(void **state)
{
	auto_buf struct buf packed = BUF_INIT(BUF_SMALL);
	struct err e = ERR_INIT;
	struct span_source ss;
	struct zstd_source z;
	struct source *in;
	char text[4] = "", c;

	(void)state;
	pack(NULL, &packed, SPAN_LIT("abc"), 3, 3);
	in = zstd_source_init(&z, span_source_init(&ss, buf_span(&packed)));
	for (int i = 0; i < 3; i++)
		assert_int_equal(1, source_read(in, text + i, 1, &e));
	assert_string_equal("abc", text);
	assert_int_equal(0, source_read(in, &c, 1, &e));
	assert_int_equal(0, source_read(in, &c, 1, &e));
	zstd_source_release(&z);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_packed_comes_out_again),
		cmocka_unit_test(nothing_packs_into_an_empty_stream),
		cmocka_unit_test(the_same_bytes_come_of_any_pool),
		cmocka_unit_test(the_highest_level_packs_better),
		cmocka_unit_test(frames_behind_each_other_are_one_stream),
		cmocka_unit_test(an_end_anywhere_in_the_middle_is_corrupt),
		cmocka_unit_test(what_is_no_frame_is_corrupt),
		cmocka_unit_test(a_changed_byte_is_noticed),
		cmocka_unit_test(a_window_without_bounds_is_refused),
		cmocka_unit_test(a_small_reader_gets_it_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
