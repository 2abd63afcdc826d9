/* Numbers, sizes and durations out of text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/span.h"

static void whole_numbers_are_whole_texts(void **state)
{
	static const char *const bad[] = { "",	  " 1", "1 ", "+1", "-1",
					   "0x1", "1a", "1.", "a",  "18446744073709551616" };
	uint64_t v = 7;

	(void)state;
	assert_int_equal(0, span_to_u64(&v, SPAN_LIT("18446744073709551615")));
	assert_true(v == UINT64_MAX);
	assert_int_equal(0, span_to_u64(&v, SPAN_LIT("007")));
	assert_int_equal(7, v);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(-1, span_to_u64(&v, span_of_str(bad[i])));
	assert_int_equal(7, v); /* untouched */
}

static void signed_numbers_reach_both_ends(void **state)
{
	int64_t v;

	(void)state;
	assert_int_equal(0, span_to_i64(&v, SPAN_LIT("-9223372036854775808")));
	assert_true(v == INT64_MIN);
	assert_int_equal(0, span_to_i64(&v, SPAN_LIT("9223372036854775807")));
	assert_true(v == INT64_MAX);
	assert_int_equal(-1, span_to_i64(&v, SPAN_LIT("9223372036854775808")));
	assert_int_equal(-1, span_to_i64(&v, SPAN_LIT("-9223372036854775809")));
	assert_int_equal(-1, span_to_i64(&v, SPAN_LIT("--1")));
	assert_int_equal(-1, span_to_i64(&v, SPAN_LIT("-")));
}

static void modes_are_octal_up_to_07777(void **state)
{
	uint32_t v;

	(void)state;
	assert_int_equal(0, span_to_octal(&v, SPAN_LIT("0755")));
	assert_int_equal(0755, v);
	assert_int_equal(0, span_to_octal(&v, SPAN_LIT("7777")));
	assert_int_equal(07777, v);
	assert_int_equal(-1, span_to_octal(&v, SPAN_LIT("10000")));
	assert_int_equal(-1, span_to_octal(&v, SPAN_LIT("8")));
	assert_int_equal(-1, span_to_octal(&v, SPAN_LIT("")));
}

static void sizes_are_in_binary_units(void **state)
{
	static const struct {
		const char *text;
		uint64_t size;
	} cases[] = {
		{ "0", 0 },
		{ "4096", 4096 },
		{ "4096b", 4096 },
		{ "128m", 128 << 20 },
		{ "1g", 1 << 30 },
		{ "512mb", 512 << 20 },
		{ "512MiB", 512 << 20 },
		{ "128Mi", 128 << 20 },
		{ "1 k", 1024 },
		{ "0.5g", 512 << 20 },
		{ "1.5k", 1536 },
		{ "15p", 15ull << 50 },
		{ "1t", 1ull << 40 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint64_t v = 1;

		assert_int_equal(0, span_to_size(&v, span_of_str(cases[i].text)));
		assert_true(v == cases[i].size);
	}
}

static void what_is_no_size_is_refused(void **state)
{
	static const char *const bad[] = {
		"",   "m",   "-1",  "1x", "1mm",	  "1mib2", "1  k",
		"1 ", "1im", "1bb", "1e", "17179869184g", ".",	   "1.0000000000000000001k"
	};
	uint64_t v;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(-1, span_to_size(&v, span_of_str(bad[i])));
}

static void durations_are_written_as_go_does(void **state)
{
	static const struct {
		const char *text;
		int64_t ns;
	} cases[] = {
		{ "0", 0 },
		{ "0s", 0 },
		{ "300ms", 300000000 },
		{ "1h2m3.5s", 3723500000000 },
		{ "1.5h", 5400000000000 },
		{ "2us", 2000 },
		{ "2\xc2\xb5s", 2000 },
		{ "7ns", 7 },
		{ ".5s", 500000000 },
		{ "0.1s", 100000000 },
		{ "9223372036854775807ns", INT64_MAX },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t v = 1;

		assert_int_equal(0, span_to_duration_ns(&v, span_of_str(cases[i].text)));
		assert_true(v == cases[i].ns);
	}
}

static void what_is_no_duration_is_refused(void **state)
{
	static const char *const bad[] = { "",	  "5",	 "s",	     "1d",
					   "-1s", "1s ", "1h2",	     "9223372036854775808ns",
					   ".s",  "1 s", "9999999h", "2562047h9999m" };
	int64_t v;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(-1, span_to_duration_ns(&v, span_of_str(bad[i])));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_numbers_are_whole_texts),
		cmocka_unit_test(signed_numbers_reach_both_ends),
		cmocka_unit_test(modes_are_octal_up_to_07777),
		cmocka_unit_test(sizes_are_in_binary_units),
		cmocka_unit_test(what_is_no_size_is_refused),
		cmocka_unit_test(durations_are_written_as_go_does),
		cmocka_unit_test(what_is_no_duration_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
