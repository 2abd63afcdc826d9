/* Lists as Go prints them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci/build/gotext.h"

static void quotes_are_gos(void **state)
{
	auto_buf struct buf out = BUF_INIT(BUF_SMALL);
	auto_strv struct strv list = STRV_INIT;

	(void)state;
	strv_add(&list, "a b");
	strv_add(&list, "\"\\\n\t\a\x01\x7f");
	strv_add(&list, "h\xc3\xa9\xff");
	gotext_quoted_list(&out, &list);
	assert_string_equal(buf_str(&out),
			    "[\"a b\" \"\\\"\\\\\\n\\t\\a\\x01\\x7f\" \"h\xc3\xa9\\xff\"]");
}

static void empty_lists_are_brackets(void **state)
{
	auto_buf struct buf out = BUF_INIT(BUF_SMALL);
	const struct strv list = STRV_INIT;

	(void)state;
	gotext_quoted_list(&out, &list);
	gotext_list(&out, &list);
	assert_string_equal(buf_str(&out), "[][]");
}

static void durations_are_gos(void **state)
{
	static const struct {
		int64_t ns;
		const char *want;
	} cases[] = {
		{ 0, "0s" },
		{ 1, "1ns" },
		{ 1100, "1.1\302\265s" },
		{ 1500000, "1.5ms" },
		{ 500000000, "500ms" },
		{ 999999999, "999.999999ms" },
		{ 1000000000, "1s" },
		{ 1050000000, "1.05s" },
		{ 60000000000, "1m0s" },
		{ 90000000000, "1m30s" },
		{ 3600000000000, "1h0m0s" },
		{ 3661000000001, "1h1m1.000000001s" },
		{ -90000000000, "-1m30s" },
		{ INT64_MIN, "-2562047h47m16.854775808s" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		auto_buf struct buf out = BUF_INIT(BUF_SMALL);

		gotext_duration(&out, cases[i].ns);
		assert_string_equal(buf_str(&out), cases[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quotes_are_gos),
		cmocka_unit_test(empty_lists_are_brackets),
		cmocka_unit_test(durations_are_gos),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
