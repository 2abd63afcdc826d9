/* Buffers with a ceiling. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"

static void empty_is_a_string_too(void **state)
{
	auto_buf struct buf b = BUF_INIT(10);
	auto_free char *s = NULL;

	(void)state;
	assert_string_equal("", buf_str(&b));
	assert_int_equal(0, buf_span(&b).n);
	s = buf_steal(&b);
	assert_string_equal("", s);
}

static void what_is_added_is_there_and_terminated(void **state)
{
	auto_buf struct buf b = BUF_INIT(BUF_SMALL);

	(void)state;
	buf_add_str(&b, "ab");
	buf_add_char(&b, 'c');
	buf_add_span(&b, SPAN_LIT("de"));
	buf_addf(&b, "%d", 42);
	buf_add(&b, NULL, 0);
	assert_string_equal("abcde42", buf_str(&b));
	assert_int_equal(7, b.len);
}

static void the_ceiling_is_reached_and_not_passed(void **state)
{
	auto_buf struct buf b = BUF_INIT(4);

	(void)state;
	buf_add_str(&b, "abcd");
	assert_false(b.over);
	buf_add_char(&b, 'e');
	assert_true(b.over);
	assert_string_equal("abcd", buf_str(&b));
	assert_true(b.cap <= 5);
}

static void after_the_ceiling_nothing_is_added(void **state)
{
	auto_buf struct buf b = BUF_INIT(4);

	(void)state;
	buf_add_str(&b, "abc");
	buf_add_str(&b, "de");
	buf_add_str(&b, "f"); /* would fit, but not behind a hole */
	assert_string_equal("abc", buf_str(&b));
	buf_reset(&b);
	assert_false(b.over);
	buf_add_str(&b, "f");
	assert_string_equal("f", buf_str(&b));
}

static void formatted_text_is_added_whole_or_not(void **state)
{
	auto_buf struct buf b = BUF_INIT(100);

	(void)state;
	buf_addf(&b, "%*d", 90, 1);
	assert_int_equal(90, b.len);
	buf_addf(&b, "%s", "12345678901");
	assert_true(b.over);
	assert_int_equal(90, b.len);
	assert_int_equal(90, strlen(buf_str(&b)));
}

static void growing_keeps_the_bytes(void **state)
{
	auto_buf struct buf b = BUF_INIT(BUF_SMALL);

	(void)state;
	for (int i = 0; i < 10000; i++)
		buf_addf(&b, "%04d", i);
	assert_int_equal(40000, b.len);
	assert_memory_equal("0000", b.data, 4);
	assert_memory_equal("9999", b.data + 39996, 4);
}

static void steal_leaves_an_empty_buffer_with_its_ceiling(void **state)
{
	auto_buf struct buf b = BUF_INIT(3);
	auto_free char *s = NULL;

	(void)state;
	buf_add_str(&b, "abc");
	s = buf_steal(&b);
	assert_string_equal("abc", s);
	assert_int_equal(0, b.len);
	buf_add_str(&b, "defg");
	assert_true(b.over);
}

static void assert_json(const char *want, const char *text)
{
	auto_buf struct buf b = BUF_INIT(BUF_SMALL);

	buf_add_json(&b, text);
	assert_string_equal(want, buf_str(&b));
}

static void json_escapes_what_json_must(void **state)
{
	(void)state;
	assert_json("\"\"", "");
	assert_json("\"a\\\"b\\\\c/d\"", "a\"b\\c/d");
	assert_json("\"\\n\\r\\t\\b\\f\\u0001\\u001f\"", "\n\r\t\b\f\x01\x1f");
	assert_json("\"\xc3\xa9\"", "\xc3\xa9");
}

static void json_replaces_bytes_that_are_not_utf8(void **state)
{
	(void)state;
	assert_json("\"a\xef\xbf\xbd"
		    "b\"",
		    "a\xff"
		    "b");
	assert_json("\"\xef\xbf\xbd\xef\xbf\xbd\"", "\xc0\x80");
}

static void a_json_literal_is_added_whole_or_not(void **state)
{
	auto_buf struct buf b = BUF_INIT(6);

	(void)state;
	buf_add_str(&b, "a:");
	buf_add_json(&b, "bcd");
	assert_true(b.over);
	assert_string_equal("a:", buf_str(&b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_is_a_string_too),
		cmocka_unit_test(what_is_added_is_there_and_terminated),
		cmocka_unit_test(the_ceiling_is_reached_and_not_passed),
		cmocka_unit_test(after_the_ceiling_nothing_is_added),
		cmocka_unit_test(formatted_text_is_added_whole_or_not),
		cmocka_unit_test(growing_keeps_the_bytes),
		cmocka_unit_test(steal_leaves_an_empty_buffer_with_its_ceiling),
		cmocka_unit_test(json_escapes_what_json_must),
		cmocka_unit_test(json_replaces_bytes_that_are_not_utf8),
		cmocka_unit_test(a_json_literal_is_added_whole_or_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
