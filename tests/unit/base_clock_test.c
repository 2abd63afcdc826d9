/* Times as text, the real clock, and the one tests use. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>

#include "base/clock.h"
#include "tests/fakes/fake_clock.h"

static void assert_both_ways(const char *text, int64_t ns)
{
	char out[CLOCK_TEXT_MAX];
	int64_t back = 1;

	clock_format(out, ns);
	assert_string_equal(text, out);
	assert_int_equal(0, clock_parse(&back, text));
	assert_true(back == ns);
}

static void times_are_written_and_read_alike(void **state)
{
	(void)state;
	assert_both_ways("1970-01-01T00:00:00Z", 0);
	assert_both_ways("2026-01-02T03:04:05.5Z", 1767323045500000000);
	assert_both_ways("2000-02-29T23:59:59.999999999Z", 951868799999999999);
	assert_both_ways("2100-03-01T00:00:00Z", 4107542400000000000);
	assert_both_ways("2024-12-31T12:00:00.00000001Z", 1735646400000000010);
}

static void times_before_1970_are_times(void **state)
{
	(void)state;
	assert_both_ways("1969-12-31T23:59:59.999999999Z", -1);
	assert_both_ways("1969-12-31T00:00:00Z", -86400000000000);
	assert_both_ways("1900-02-28T00:00:00Z", -2203977600000000000);
}

static void the_ends_of_64_bits_are_times(void **state)
{
	(void)state;
	assert_both_ways("1677-09-21T00:12:43.145224192Z", INT64_MIN);
	assert_both_ways("2262-04-11T23:47:16.854775807Z", INT64_MAX);
}

static void every_day_of_five_centuries_is_its_own(void **state)
{
	char text[CLOCK_TEXT_MAX];

	(void)state;
	/* 1700 to 2250, each day's noon: what is written is read as the same */
	for (int64_t day = -98615; day < 102270; day++) {
		int64_t ns = (day * 86400 + 43200) * 1000000000, back;

		clock_format(text, ns);
		assert_int_equal(0, clock_parse(&back, text));
		assert_true(back == ns);
	}
}

static void zones_are_taken_off(void **state)
{
	int64_t ns;

	(void)state;
	assert_int_equal(0, clock_parse(&ns, "1970-01-01T02:00:00+02:00"));
	assert_true(ns == 0);
	assert_int_equal(0, clock_parse(&ns, "1969-12-31T23:30:00.25-00:30"));
	assert_true(ns == 250000000);
	assert_int_equal(0, clock_parse(&ns, "1970-01-01t00:00:01z"));
	assert_true(ns == 1000000000);
}

static void digits_past_the_ninth_are_dropped(void **state)
{
	int64_t ns;

	(void)state;
	assert_int_equal(0, clock_parse(&ns, "1970-01-01T00:00:00.1234567899999Z"));
	assert_true(ns == 123456789);
}

static void a_time_out_of_range_becomes_the_nearest(void **state)
{
	int64_t ns;

	(void)state;
	assert_int_equal(0, clock_parse(&ns, "0001-01-01T00:00:00Z"));
	assert_true(ns == INT64_MIN);
	assert_int_equal(0, clock_parse(&ns, "9999-12-31T23:59:59Z"));
	assert_true(ns == INT64_MAX);
}

static void what_is_no_time_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"2026-01-02",
		"2026-01-02 03:04:05Z",
		"2026-1-02T03:04:05Z",
		"2026-13-02T03:04:05Z",
		"2026-00-02T03:04:05Z",
		"2026-02-29T03:04:05Z",
		"1900-02-29T03:04:05Z",
		"2026-04-31T03:04:05Z",
		"2026-01-00T03:04:05Z",
		"2026-01-02T24:04:05Z",
		"2026-01-02T03:60:05Z",
		"2026-01-02T03:04:60Z",
		"2026-01-02T03:04:05",
		"2026-01-02T03:04:05.Z",
		"2026-01-02T03:04:05+0200",
		"2026-01-02T03:04:05Zx",
		"+026-01-02T03:04:05Z",
	};
	int64_t ns = 7;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(-1, clock_parse(&ns, bad[i]));
	assert_true(ns == 7);
}

static void the_real_clock_sleeps_no_less_than_asked(void **state)
{
	struct clock *c = &clock_system;
	int64_t before = c->mono_ms(c);

	(void)state;
	c->sleep_ms(c, 3, NULL);
	assert_true(c->mono_ms(c) - before >= 3);
	c->sleep_ms(c, 0, NULL);
	c->sleep_ms(c, -5, NULL);
	assert_true(c->wall_ns(c) >
		    FAKE_CLOCK_START * 1000000000 - INT64_C(400) * 86400 * 1000000000);
}

static void a_cancelled_sleep_ends_at_once(void **state)
{
	struct clock *c = &clock_system;
	int64_t before = c->mono_ms(c);
	struct err e = ERR_INIT;
	struct cancel cn;

	(void)state;
	assert_int_equal(0, cancel_init(&cn, &e));
	cancel_set(&cn, SIGINT);
	c->sleep_ms(c, 60000, &cn);
	assert_true(c->mono_ms(c) - before < 30000);
	cancel_release(&cn);
}

static void the_fake_clock_moves_by_sleeping(void **state)
{
	struct fake_clock fc;
	struct clock *c = fake_clock_init(&fc);
	char text[CLOCK_TEXT_MAX];

	(void)state;
	c->sleep_ms(c, 1500, NULL);
	c->sleep_ms(c, 500, NULL);
	fake_clock_advance(&fc, 1000);
	assert_int_equal(3000, c->mono_ms(c));
	assert_int_equal(2, fc.sleeps);
	assert_int_equal(1500, fc.slept_ms[0]);
	assert_int_equal(2000, fake_clock_slept(&fc));
	clock_format(text, c->wall_ns(c));
	assert_string_equal("2026-01-01T00:00:03Z", text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_written_and_read_alike),
		cmocka_unit_test(times_before_1970_are_times),
		cmocka_unit_test(the_ends_of_64_bits_are_times),
		cmocka_unit_test(every_day_of_five_centuries_is_its_own),
		cmocka_unit_test(zones_are_taken_off),
		cmocka_unit_test(digits_past_the_ninth_are_dropped),
		cmocka_unit_test(a_time_out_of_range_becomes_the_nearest),
		cmocka_unit_test(what_is_no_time_is_refused),
		cmocka_unit_test(the_real_clock_sleeps_no_less_than_asked),
		cmocka_unit_test(a_cancelled_sleep_ends_at_once),
		cmocka_unit_test(the_fake_clock_moves_by_sleeping),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
