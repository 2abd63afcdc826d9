/* Streams and the wrappers around them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>

#include "base/cancel.h"
#include "base/io.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/recorder.h"

/* Gives its bytes one at a time, then fails with a number that counts up. */
struct drip {
	struct source base;
	const char *rest;
	int failures;
};

static ssize_t drip_read(struct source *s, void *p, size_t n, struct err *e)
{
	struct drip *d = CONTAINER_OF(s, struct drip, base);

	if (!n)
		return 0;
	if (!*d->rest)
		return err_set(e, ERR_FAILED, "failure %d", ++d->failures);
	*(char *)p = *d->rest++;
	return 1;
}

static int refuse(struct sink *k, const void *p, size_t n, struct err *e)
{
	(void)k;
	(void)n;
	return err_set(e, ERR_IMPOSSIBLE, "full at '%c'", *(const char *)p);
}

static void bytes_go_from_a_source_to_a_sink(void **state)
{
	auto_buf struct buf b = BUF_INIT(BUF_SMALL);
	struct err e = ERR_INIT;
	struct span_source in;
	struct buf_sink out;
	uint64_t n;

	(void)state;
	assert_int_equal(0, io_copy(NULL, span_source_init(&in, SPAN_LIT("hello")),
				    buf_sink_init(&out, &b), &n, &e));
	assert_int_equal(5, n);
	assert_string_equal("hello", buf_str(&b));
}

static void the_first_failure_of_a_source_stays(void **state)
{
	struct drip d = { .base.read = drip_read, .rest = "" };
	struct err e = ERR_INIT;
	char c;

	(void)state;
	assert_int_equal(-1, source_read(&d.base, &c, 1, &e));
	err_clear(&e);
	d.rest = "more";
	assert_int_equal(-1, source_read(&d.base, &c, 1, &e));
	assert_string_equal("failure 1", e.text);
	assert_int_equal(ERR_FAILED, e.kind);
}

static void the_first_failure_of_a_sink_stays(void **state)
{
	struct sink k = { .write = refuse };
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(-1, sink_write(&k, "a", 1, &e));
	err_wrap(&e, "outside");
	assert_int_equal(-1, sink_write(&k, "b", 1, &e));
	assert_string_equal("full at 'a'", e.text);
	assert_int_equal(ERR_IMPOSSIBLE, e.kind);
}

static void read_full_joins_small_pieces(void **state)
{
	struct drip d = { .base.read = drip_read, .rest = "abcdef" };
	struct err e = ERR_INIT;
	char p[4] = "";

	(void)state;
	assert_int_equal(0, source_read_full(&d.base, p, 3, &e));
	assert_string_equal("abc", p);
}

static void read_full_refuses_an_early_end(void **state)
{
	struct err e = ERR_INIT;
	struct span_source in;
	char p[4];

	(void)state;
	assert_int_equal(-1, source_read_full(span_source_init(&in, SPAN_LIT("abc")), p, 4, &e));
	assert_int_equal(ERR_CORRUPT, e.kind);
	assert_string_equal("unexpected end: 3 of 4 bytes", e.text);
}

static void a_cancelled_copy_stops(void **state)
{
	auto_buf struct buf b = BUF_INIT(BUF_SMALL);
	struct err e = ERR_INIT;
	struct span_source in;
	struct buf_sink out;
	struct cancel c;
	struct op op = { .cancel = &c };
	uint64_t n = 7;

	(void)state;
	assert_int_equal(0, cancel_init(&c, &e));
	cancel_set(&c, SIGINT);
	assert_int_equal(-1, io_copy(&op, span_source_init(&in, SPAN_LIT("hello")),
				     buf_sink_init(&out, &b), &n, &e));
	assert_int_equal(ERR_CANCELLED, e.kind);
	assert_int_equal(7, n);
	cancel_release(&c);
}

static void read_all_has_a_ceiling(void **state)
{
	auto_buf struct buf b = BUF_INIT(4);
	struct err e = ERR_INIT;
	struct span_source in;

	(void)state;
	assert_int_equal(0, io_read_all(span_source_init(&in, SPAN_LIT("abcd")), &b, &e));
	assert_string_equal("abcd", buf_str(&b));
	buf_reset(&b);
	assert_int_equal(-1, io_read_all(span_source_init(&in, SPAN_LIT("abcde")), &b, &e));
	assert_int_equal(ERR_INPUT, e.kind);
	assert_string_equal("more than 4 bytes", e.text);
}

static void descriptors_are_streams(void **state)
{
	struct err e = ERR_INIT;
	struct fd_source in;
	struct fd_sink out;
	char text[6] = "";
	int p[2];

	(void)state;
	assert_int_equal(0, pipe2(p, O_CLOEXEC));
	assert_int_equal(0, sink_write(fd_sink_init(&out, p[1], "pipe"), "hello", 5, &e));
	close(p[1]);
	assert_int_equal(0, source_read_full(fd_source_init(&in, p[0], "pipe"), text, 5, &e));
	assert_string_equal("hello", text);
	assert_int_equal(0, source_read(&in.base, text, 5, &e));
	close(p[0]);
}

static void a_failing_descriptor_is_named(void **state)
{
	struct err e = ERR_INIT;
	struct fd_source in;
	struct fd_sink out;
	char c;

	(void)state;
	assert_int_equal(-1, source_read(fd_source_init(&in, -1, "in.txt"), &c, 1, &e));
	assert_string_equal("read 'in.txt': Bad file descriptor", e.text);
	assert_int_equal(-1, sink_write(fd_sink_init(&out, -1, "out.txt"), "a", 1, &e));
	assert_string_equal("write 'out.txt': Bad file descriptor", e.text);
}

static void a_full_device_is_not_possible_here(void **state)
{
	auto_close int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	struct err e = ERR_INIT;
	struct fd_sink out;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(-1, sink_write(fd_sink_init(&out, fd, "/data/blob"), "a", 1, &e));
	assert_int_equal(ERR_IMPOSSIBLE, e.kind);
	assert_string_equal("write '/data/blob': No space left on device", e.text);
}

static const char abc_hex[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

static void hashes_see_what_passes(void **state)
{
	auto_buf struct buf b = BUF_INIT(BUF_SMALL);
	unsigned char raw[HASH_SHA256_LEN];
	char hex[HASH_SHA256_HEX + 1];
	struct err e = ERR_INIT;
	struct hash_source hs;
	struct span_source in;
	struct hash_sink hk;
	struct buf_sink out;

	(void)state;
	assert_int_equal(0, io_copy(NULL,
				    hash_source_init(&hs, span_source_init(&in, SPAN_LIT("abc"))),
				    hash_sink_init(&hk, buf_sink_init(&out, &b)), NULL, &e));
	assert_int_equal(3, hs.bytes);
	assert_int_equal(3, hk.bytes);
	hash_source_final(&hs, raw);
	hash_hex(hex, raw);
	assert_string_equal(abc_hex, hex);
	hash_sink_final(&hk, raw);
	hash_hex(hex, raw);
	assert_string_equal(abc_hex, hex);
	assert_string_equal("abc", buf_str(&b));
}

static void a_hash_needs_no_sink_below(void **state)
{
	unsigned char raw[HASH_SHA256_LEN];
	char hex[HASH_SHA256_HEX + 1];
	struct err e = ERR_INIT;
	struct hash_sink hk;

	(void)state;
	assert_int_equal(0, sink_write(hash_sink_init(&hk, NULL), "abc", 3, &e));
	hash_sink_final(&hk, raw);
	hash_hex(hex, raw);
	assert_string_equal(abc_hex, hex);
}

static void what_the_sink_below_refused_is_not_counted(void **state)
{
	struct sink below = { .write = refuse };
	unsigned char raw[HASH_SHA256_LEN];
	struct err e = ERR_INIT;
	struct hash_sink hk;

	(void)state;
	assert_int_equal(-1, sink_write(hash_sink_init(&hk, &below), "abc", 3, &e));
	assert_int_equal(0, hk.bytes);
	hash_sink_final(&hk, raw);
}

static void a_limit_lets_exactly_that_many_through(void **state)
{
	auto_buf struct buf b = BUF_INIT(BUF_SMALL);
	struct err e = ERR_INIT;
	struct limit_source ls;
	struct span_source in;

	(void)state;
	limit_source_init(&ls, span_source_init(&in, SPAN_LIT("abcd")), 4, "blob");
	assert_int_equal(0, io_read_all(&ls.base, &b, &e));
	assert_string_equal("abcd", buf_str(&b));
}

static void one_byte_over_the_limit_is_corrupt(void **state)
{
	auto_buf struct buf b = BUF_INIT(BUF_SMALL);
	struct err e = ERR_INIT;
	struct limit_source ls;
	struct span_source in;

	(void)state;
	limit_source_init(&ls, span_source_init(&in, SPAN_LIT("abcde")), 4, "blob");
	assert_int_equal(-1, io_read_all(&ls.base, &b, &e));
	assert_int_equal(ERR_CORRUPT, e.kind);
	assert_string_equal("'blob' is longer than it should be", e.text);
	assert_string_equal("abcd", buf_str(&b));
}

static void ticks_come_every_100_ms(void **state)
{
	auto_recorder struct recorder rec;
	struct fake_clock fc;
	struct op op = { .progress = recorder_init(&rec), .clock = fake_clock_init(&fc) };
	struct drip d = { .base.read = drip_read, .rest = "abcdef" };
	struct progress_source ps;
	struct err e = ERR_INIT;
	char c;

	(void)state;
	rec.ticks = true;
	progress_source_init(&ps, &d.base, &op, "blob", 6);
	for (int i = 0; i < 6; i++) {
		fake_clock_advance(&fc, 40);
		assert_int_equal(1, source_read(&ps.base, &c, 1, &e));
	}
	assert_string_equal("tick blob 3/6\ntick blob 6/6\n", recorder_text(&rec));
}

static void nobody_following_costs_no_clock(void **state)
{
	struct op op = { 0 };
	struct progress_source ps;
	struct span_source in;
	struct err e = ERR_INIT;
	char c;

	(void)state;
	progress_source_init(&ps, span_source_init(&in, SPAN_LIT("a")), &op, "x", 1);
	assert_int_equal(1, source_read(&ps.base, &c, 1, &e));
	assert_int_equal(1, ps.done);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_go_from_a_source_to_a_sink),
		cmocka_unit_test(the_first_failure_of_a_source_stays),
		cmocka_unit_test(the_first_failure_of_a_sink_stays),
		cmocka_unit_test(read_full_joins_small_pieces),
		cmocka_unit_test(read_full_refuses_an_early_end),
		cmocka_unit_test(a_cancelled_copy_stops),
		cmocka_unit_test(read_all_has_a_ceiling),
		cmocka_unit_test(descriptors_are_streams),
		cmocka_unit_test(a_failing_descriptor_is_named),
		cmocka_unit_test(a_full_device_is_not_possible_here),
		cmocka_unit_test(hashes_see_what_passes),
		cmocka_unit_test(a_hash_needs_no_sink_below),
		cmocka_unit_test(what_the_sink_below_refused_is_not_counted),
		cmocka_unit_test(a_limit_lets_exactly_that_many_through),
		cmocka_unit_test(one_byte_over_the_limit_is_corrupt),
		cmocka_unit_test(ticks_come_every_100_ms),
		cmocka_unit_test(nobody_following_costs_no_clock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
