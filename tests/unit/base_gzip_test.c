/* gzip streams, in both directions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/gzip.h"
#include "base/mem.h"

static void zip_with(struct pool *pool, struct buf *out, struct span in, size_t step, int level)
{
	struct err e = ERR_INIT;
	struct gzip_sink gz;
	struct buf_sink bs;
	struct sink *k = gzip_sink_init(&gz, buf_sink_init(&bs, out), level, pool);

	for (; in.n; in = span_sub(in, step)) {
		struct span piece = span_head(in, step);

		assert_int_equal(0, sink_write(k, piece.p, piece.n, &e));
	}
	assert_int_equal(0, gzip_sink_finish(&gz, &e));
	gzip_sink_release(&gz); /* once more is fine */
}

static void zip(struct buf *out, struct span in, size_t step, int level)
{
	zip_with(NULL, out, in, step, level);
}

static int unzip(struct buf *out, struct span in, struct err *e)
{
	struct gunzip_source gz;
	struct span_source ss;
	int r = io_read_all(gunzip_source_init(&gz, span_source_init(&ss, in)), out, e);

	gunzip_source_release(&gz);
	gunzip_source_release(&gz);
	return r;
}

#define BIG ((size_t)GZIP_BLOCK)

/* Bytes that pack badly, so that more than one piece comes out. */
static char *noise(void)
{
	char *p = mem_alloc(BIG);
	uint32_t x = 1;

	for (size_t i = 0; i < BIG; i++) {
		x = x * 1664525 + 1013904223;
		p[i] = (char)(x >> 24);
	}
	return p;
}

static void what_was_packed_comes_out_again(void **state)
{
	auto_buf struct buf packed = BUF_INIT(2 * BIG), out = BUF_INIT(2 * BIG);
	auto_free char *bytes = noise();
	struct err e = ERR_INIT;

	(void)state;
	zip(&packed, span_of(bytes, BIG), 100000, GZIP_LEVEL_DEFAULT);
	assert_true(packed.len > 2 * IO_CHUNK);
	assert_int_equal(0, unzip(&out, buf_span(&packed), &e));
	assert_true(span_eq(span_of(bytes, BIG), buf_span(&out)));
}

static void nothing_packs_into_an_empty_stream(void **state)
{
	auto_buf struct buf packed = BUF_INIT(BUF_SMALL), out = BUF_INIT(BUF_SMALL);
	struct err e = ERR_INIT;

	(void)state;
	zip(&packed, SPAN_LIT(""), 1, GZIP_LEVEL_DEFAULT);
	assert_true(packed.len > 0);
	assert_int_equal(0, unzip(&out, buf_span(&packed), &e));
	assert_int_equal(0, out.len);
}

/* The header of RFC 1952: magic, deflate, no flags, time 0, extra flags 0, OS 255. */
static void the_header_says_nothing_of_time_and_machine(void **state)
{
	auto_buf struct buf packed = BUF_INIT(BUF_SMALL);

	(void)state;
	zip(&packed, SPAN_LIT("hello"), 5, GZIP_LEVEL_DEFAULT);
	assert_memory_equal("\x1f\x8b\x08\0\0\0\0\0\0\xff", packed.data, 10);
}

static void how_bytes_were_handed_over_does_not_matter(void **state)
{
	auto_buf struct buf a = BUF_INIT(2 * BIG), b = BUF_INIT(2 * BIG);
	auto_free char *bytes = noise();

	(void)state;
	zip(&a, span_of(bytes, 200000), 200000, 6);
	zip(&b, span_of(bytes, 200000), 777, 6);
	assert_true(span_eq(buf_span(&a), buf_span(&b)));
}

static void members_behind_each_other_are_one_stream(void **state)
{
	auto_buf struct buf packed = BUF_INIT(BUF_SMALL), out = BUF_INIT(BUF_SMALL);
	struct err e = ERR_INIT;

	(void)state;
	zip(&packed, SPAN_LIT("hello "), 6, 1);
	zip(&packed, SPAN_LIT(""), 1, 6);
	zip(&packed, SPAN_LIT("world"), 5, 9);
	assert_int_equal(0, unzip(&out, buf_span(&packed), &e));
	assert_string_equal("hello world", buf_str(&out));
}

static void an_end_anywhere_in_the_middle_is_corrupt(void **state)
{
	auto_buf struct buf packed = BUF_INIT(BUF_SMALL);

	(void)state;
	zip(&packed, SPAN_LIT("hello hello hello"), 17, 6);
	for (size_t n = 0; n < packed.len; n++) {
		auto_buf struct buf out = BUF_INIT(BUF_SMALL);
		struct err e = ERR_INIT;

		assert_int_equal(-1, unzip(&out, span_of(packed.data, n), &e));
		assert_int_equal(ERR_CORRUPT, e.kind);
		assert_string_equal("gzip: unexpected end", e.text);
	}
}

static void bytes_behind_the_last_member_are_corrupt(void **state)
{
	auto_buf struct buf packed = BUF_INIT(BUF_SMALL), out = BUF_INIT(BUF_SMALL);
	struct err e = ERR_INIT;

	(void)state;
	zip(&packed, SPAN_LIT("hello"), 5, 6);
	buf_add_str(&packed, "rubbish");
	assert_int_equal(-1, unzip(&out, buf_span(&packed), &e));
	assert_int_equal(ERR_CORRUPT, e.kind);
}

static void a_changed_byte_is_noticed(void **state)
{
	auto_buf struct buf packed = BUF_INIT(BUF_SMALL), out = BUF_INIT(BUF_SMALL);
	struct err e = ERR_INIT;

	(void)state;
	zip(&packed, SPAN_LIT("hello"), 5, 6);
	packed.data[packed.len - 5] ^= 1; /* in the checksum */
	assert_int_equal(-1, unzip(&out, buf_span(&packed), &e));
	assert_int_equal(ERR_CORRUPT, e.kind);
	assert_string_equal("gzip: incorrect data check", e.text);
}

static void a_small_reader_gets_it_all(void **state)
{
	auto_buf struct buf packed = BUF_INIT(BUF_SMALL);
	struct gunzip_source gz;
	struct err e = ERR_INIT;
	struct span_source ss;
	struct source *in;
	char text[4] = "", c;

	(void)state;
	zip(&packed, SPAN_LIT("abc"), 3, 6);
	in = gunzip_source_init(&gz, span_source_init(&ss, buf_span(&packed)));
	for (int i = 0; i < 3; i++)
		assert_int_equal(1, source_read(in, text + i, 1, &e));
	assert_string_equal("abc", text);
	assert_int_equal(0, source_read(in, &c, 1, &e));
	assert_int_equal(0, source_read(in, &c, 1, &e));
	gunzip_source_release(&gz);
}

/* A block of its own for each GZIP_BLOCK, so a member. */
static void long_streams_are_cut_into_members(void **state)
{
	auto_buf struct buf members = BUF_INIT(4 * BIG), whole = BUF_INIT(4 * BIG);
	auto_buf struct buf in = BUF_INIT(4 * BIG);
	auto_free char *bytes = noise();

	(void)state;
	zip(&members, span_of(bytes, BIG), BIG, 1);
	zip(&members, SPAN_LIT("and more"), 8, 1);
	buf_add(&in, bytes, BIG);
	buf_add_str(&in, "and more");
	zip(&whole, buf_span(&in), in.len, 1);
	assert_true(span_eq(buf_span(&members), buf_span(&whole)));
}

static void every_level_gives_the_same_bytes_with_any_pool(void **state)
{
	auto_free char *bytes = noise();

	(void)state;
	for (int level = 1; level <= GZIP_LEVEL_MAX; level += 4) {
		auto_buf struct buf alone = BUF_INIT(4 * BIG);

		zip(&alone, span_of(bytes, BIG), 100000, level);
		zip(&alone, span_of(bytes, 1000), 1000, level);
		for (unsigned workers = 1; workers <= 8; workers *= 2) {
			auto_buf struct buf pooled = BUF_INIT(4 * BIG), in = BUF_INIT(4 * BIG);
			struct pool *p = NULL;
			struct err e = ERR_INIT;

			buf_add(&in, bytes, BIG);
			buf_add(&in, bytes, 1000);
			assert_int_equal(0, pool_new(&p, workers, &e));
			zip_with(p, &pooled, buf_span(&in), 70000, level);
			pool_free(p);
			assert_true(span_eq(buf_span(&alone), buf_span(&pooled)));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_packed_comes_out_again),
		cmocka_unit_test(nothing_packs_into_an_empty_stream),
		cmocka_unit_test(the_header_says_nothing_of_time_and_machine),
		cmocka_unit_test(how_bytes_were_handed_over_does_not_matter),
		cmocka_unit_test(members_behind_each_other_are_one_stream),
		cmocka_unit_test(an_end_anywhere_in_the_middle_is_corrupt),
		cmocka_unit_test(bytes_behind_the_last_member_are_corrupt),
		cmocka_unit_test(a_changed_byte_is_noticed),
		cmocka_unit_test(a_small_reader_gets_it_all),
		cmocka_unit_test(long_streams_are_cut_into_members),
		cmocka_unit_test(every_level_gives_the_same_bytes_with_any_pool),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
