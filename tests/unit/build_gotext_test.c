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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quotes_are_gos),
		cmocka_unit_test(empty_lists_are_brackets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
