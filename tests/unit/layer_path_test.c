#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "oci/layer/path.h"

static void assert_clean(const char *name, const char *want)
{
	auto_buf struct buf b = BUF_INIT(LAYER_PATH_MAX);
	struct err e = ERR_INIT;

	assert_int_equal(layer_path_clean(&b, name, &e), 0);
	assert_string_equal(buf_str(&b), want);
}

static void assert_refused(const char *name, const char *why)
{
	auto_buf struct buf b = BUF_INIT(LAYER_PATH_MAX);
	struct err e = ERR_INIT;

	assert_int_equal(layer_path_clean(&b, name, &e), -1);
	assert_int_equal(e.kind, ERR_CORRUPT);
	assert_non_null(strstr(e.text, why));
}

static void names_lose_what_means_nothing(void **state)
{
	(void)state;
	assert_clean("a/b", "a/b");
	assert_clean("./a//b/./c/", "a/b/c");
	assert_clean("/etc/passwd", "etc/passwd");
	assert_clean("...", "...");
	assert_clean("a..b/..c", "a..b/..c");
}

static void the_root_is_the_empty_name(void **state)
{
	(void)state;
	assert_clean("./", "");
	assert_clean("/", "");
	assert_clean("", "");
}

static void a_part_that_goes_up_is_refused(void **state)
{
	(void)state;
	assert_refused("../a", "'..'");
	assert_refused("a/../b", "'..'");
	assert_refused("a/..", "'..'");
	assert_refused("/..", "'..'");
}

static void a_name_longer_than_any_path_is_refused(void **state)
{
	char name[LAYER_PATH_MAX + 2];

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_refused(name, "longer than 4096 bytes");
	name[LAYER_PATH_MAX] = '\0';
	assert_clean(name, name);
}

static void whiteouts_are_told_from_names(void **state)
{
	const char *hidden = NULL;

	(void)state;
	assert_int_equal(layer_whiteout_of("a", &hidden), WHITEOUT_NONE);
	assert_int_equal(layer_whiteout_of(".wh", &hidden), WHITEOUT_NONE);
	assert_int_equal(layer_whiteout_of("x.wh.a", &hidden), WHITEOUT_NONE);
	assert_int_equal(layer_whiteout_of(".wh..wh..opq", &hidden), WHITEOUT_OPAQUE);
	assert_int_equal(layer_whiteout_of(".wh..wh.plnk", &hidden), WHITEOUT_IGNORED);
	assert_null(hidden);
	assert_int_equal(layer_whiteout_of(".wh..profile", &hidden), WHITEOUT_NAME);
	assert_string_equal(hidden, ".profile");
}

static void a_whiteout_of_no_name_is_bad(void **state)
{
	const char *hidden = NULL;

	(void)state;
	assert_int_equal(layer_whiteout_of(".wh.", &hidden), WHITEOUT_BAD);
	assert_int_equal(layer_whiteout_of(".wh..", &hidden), WHITEOUT_BAD);
	assert_int_equal(layer_whiteout_of(".wh...", &hidden), WHITEOUT_BAD);
	assert_int_equal(layer_whiteout_of(".wh....", &hidden), WHITEOUT_NAME);
}

static void the_mark_stands_before_the_last_part(void **state)
{
	auto_buf struct buf b = BUF_INIT(BUF_SMALL);

	(void)state;
	layer_whiteout_path(&b, "a/b/c");
	assert_string_equal(buf_str(&b), "a/b/.wh.c");
	layer_whiteout_path(&b, "c");
	assert_string_equal(buf_str(&b), ".wh.c");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_lose_what_means_nothing),
		cmocka_unit_test(the_root_is_the_empty_name),
		cmocka_unit_test(a_part_that_goes_up_is_refused),
		cmocka_unit_test(a_name_longer_than_any_path_is_refused),
		cmocka_unit_test(whiteouts_are_told_from_names),
		cmocka_unit_test(a_whiteout_of_no_name_is_bad),
		cmocka_unit_test(the_mark_stands_before_the_last_part),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
