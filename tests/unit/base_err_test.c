/* What an err says, and what it never shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "base/err.h"
#include "base/mem.h"

static void set_keeps_kind_and_text(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	e.sys = 5;
	assert_int_equal(-1, err_set(&e, ERR_INPUT, "line %d: '%s'", 7, "x"));
	assert_int_equal(ERR_INPUT, e.kind);
	assert_int_equal(0, e.sys);
	assert_string_equal("line 7: 'x'", e.text);
}

static void sys_takes_kind_from_errno(void **state)
{
	static const struct {
		int sys;
		enum err_kind kind;
	} cases[] = {
		{ ENOENT, ERR_ABSENT },	   { ENOSPC, ERR_IMPOSSIBLE }, { EDQUOT, ERR_IMPOSSIBLE },
		{ EROFS, ERR_IMPOSSIBLE }, { EACCES, ERR_FAILED },     { ENOTDIR, ERR_FAILED },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err e = ERR_INIT;

		errno = cases[i].sys;
		assert_int_equal(-1, err_sys(&e, "do"));
		assert_int_equal(cases[i].kind, e.kind);
		assert_int_equal(cases[i].sys, e.sys);
	}
}

static void a_full_disk_is_named_with_what_was_written(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	errno = ENOSPC;
	err_sys(&e, "write '%s'", "/var/x");
	assert_string_equal("write '/var/x': No space left on device", e.text);
}

static void a_disk_that_is_full_is_named_once(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	errno = ENOSPC;
	err_sys(&e, "write 'x'");
	assert_int_equal(-1, err_full_disk(&e, "/cache"));
	assert_int_equal(-1, err_full_disk(&e, "/root"));
	assert_string_equal("the disk of '/cache' is full: write 'x': No space left on device",
			    e.text);
	assert_int_equal(ERR_IMPOSSIBLE, e.kind);
	errno = EACCES;
	err_sys(&e, "write 'x'");
	assert_int_equal(-1, err_full_disk(&e, "/cache"));
	assert_string_equal("write 'x': Permission denied", e.text);
}

static void sys_leaves_errno_as_it_was(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	errno = EACCES;
	err_sys(&e, "open '%s'", "f");
	assert_int_equal(EACCES, errno);
	assert_string_equal("open 'f': Permission denied", e.text);
}

static void wrap_puts_where_before_what(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	errno = ENOENT;
	err_sys(&e, "open 'f'");
	assert_int_equal(-1, err_wrap(&e, "stage '%s'", "x"));
	assert_string_equal("stage 'x': open 'f': No such file or directory", e.text);
	assert_int_equal(ERR_ABSENT, e.kind);
	assert_int_equal(ENOENT, e.sys);
}

static void text_may_be_an_argument_of_its_own_change(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	err_set(&e, ERR_INPUT, "why");
	err_wrap(&e, "first %s", e.text);
	assert_string_equal("first why: why", e.text);
	err_set(&e, ERR_DENIED, "<%s>", e.text);
	assert_string_equal("<first why: why>", e.text);
}

static void bytes_a_terminal_acts_on_are_escaped(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	err_set(&e, ERR_FAILED, "%s",
		"a\x1b[2J\n\t\r\x7f\x01"
		"b");
	assert_string_equal("a\\x1b[2J\\n\\t\\x0d\\x7f\\x01b", e.text);
	err_set(&e, ERR_FAILED, "%s",
		"\xc2\x9b"
		"1m \x9b \xc3\xa9 \xff");
	assert_string_equal("\\x9b1m \\x9b \xc3\xa9 \\xff", e.text);
}

static void wrapping_does_not_escape_twice(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	err_set(&e, ERR_FAILED, "a\nb");
	err_wrap(&e, "c");
	assert_string_equal("c: a\\nb", e.text);
}

static void long_text_ends_in_an_ellipsis(void **state)
{
	auto_free char *text = mem_alloc(10000);
	struct err e = ERR_INIT;
	size_t n;

	(void)state;
	memset(text, 'a', 9999);
	text[9999] = '\0';
	err_set(&e, ERR_FAILED, "%s", text);
	n = strlen(e.text);
	assert_int_equal(ERR_TEXT_MAX - 1, n);
	assert_string_equal("a\xe2\x80\xa6", e.text + n - 4);
	text[ERR_TEXT_MAX - 1] = '\0';
	err_set(&e, ERR_FAILED, "%s", text);
	assert_string_equal(text, e.text); /* just fits */
}

static void the_cut_is_between_characters(void **state)
{
	auto_free char *text = mem_alloc(10000);
	struct err e = ERR_INIT;

	(void)state;
	for (size_t shift = 0; shift < 4; shift++) {
		size_t n;

		memset(text, 'a', shift);
		for (size_t i = shift; i + 2 < 9999; i += 2)
			memcpy(text + i, "\xc3\xa9", 3);
		err_set(&e, ERR_FAILED, "%s", text);
		n = strlen(e.text);
		assert_true(n < ERR_TEXT_MAX && n > ERR_TEXT_MAX - 6);
		assert_string_equal("\xc3\xa9\xe2\x80\xa6", e.text + n - 5);
	}
}

static void where_a_signal_came_is_not_told(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	err_set(&e, ERR_CANCELLED, "stopped by SIGTERM");
	assert_int_equal(-1, err_wrap(&e, "layer %d", 3));
	assert_string_equal("stopped by SIGTERM", e.text);
}

static void clear_makes_it_as_new(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	err_set(&e, ERR_INPUT, "x");
	err_clear(&e);
	assert_int_equal(ERR_NONE, e.kind);
	assert_string_equal("", e.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(set_keeps_kind_and_text),
		cmocka_unit_test(sys_takes_kind_from_errno),
		cmocka_unit_test(a_full_disk_is_named_with_what_was_written),
		cmocka_unit_test(a_disk_that_is_full_is_named_once),
		cmocka_unit_test(sys_leaves_errno_as_it_was),
		cmocka_unit_test(wrap_puts_where_before_what),
		cmocka_unit_test(text_may_be_an_argument_of_its_own_change),
		cmocka_unit_test(bytes_a_terminal_acts_on_are_escaped),
		cmocka_unit_test(wrapping_does_not_escape_twice),
		cmocka_unit_test(long_text_ends_in_an_ellipsis),
		cmocka_unit_test(the_cut_is_between_characters),
		cmocka_unit_test(where_a_signal_came_is_not_told),
		cmocka_unit_test(clear_makes_it_as_new),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
