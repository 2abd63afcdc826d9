/* What -v and -vv let through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"

struct kept {
	struct log base;
	char text[4096];
};

static void keep(struct log *l, const char *line)
{
	struct kept *k = CONTAINER_OF(l, struct kept, base);
	size_t n = strlen(k->text);

	snprintf(k->text + n, sizeof(k->text) - n, "%s\n", line);
}

static const char *said_at(struct kept *k, int level)
{
	struct op op = { .log = &k->base };

	*k = (struct kept){ .base = { .level = level, .write = keep } };
	log_info(&op, "info %d", 1);
	log_debug(&op, "debug %d", 2);
	return k->text;
}

static void the_level_decides_what_is_said(void **state)
{
	struct kept k;

	(void)state;
	assert_string_equal("", said_at(&k, 0));
	assert_string_equal("info 1\n", said_at(&k, 1));
	assert_string_equal("info 1\ndebug 2\n", said_at(&k, 2));
}

static void no_log_is_silent(void **state)
{
	struct op op = { 0 };

	(void)state;
	log_info(&op, "x");
	log_debug(NULL, "x");
}

static void foreign_bytes_make_no_second_line(void **state)
{
	struct kept k = { .base = { .level = 1, .write = keep } };
	struct op op = { .log = &k.base };

	(void)state;
	log_info(&op, "got '%s'", "a\nb\x1b");
	assert_string_equal("got 'a\\nb\\x1b'\n", k.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_level_decides_what_is_said),
		cmocka_unit_test(no_log_is_silent),
		cmocka_unit_test(foreign_bytes_make_no_second_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
