/* What files are in a list, when they are not what they were. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/stat.h>

#include "base/clock.h"
#include "base/mem.h"
#include "oci/build/content.h"
#include "tests/fakes/tmpdir.h"

static void a_file_that_became_a_fifo_does_not_stop_us(void **state)
{
	const struct op op = { .clock = &clock_system };
	char name[] = "file";
	struct layer_change change = { .kind = LAYER_ENTRY, .path = name, .origin_path = name };
	auto_listing struct layer_listing l = LISTING_INIT;
	struct err e = ERR_INIT;
	auto_cache_text struct cache_text text;
	auto_tmpdir struct tmpdir t;
	int r;

	(void)state;
	tmpdir_init(&t);
	tmpdir_file(&t, name, "");
	change.origin_fd = t.fd;
	assert_int_equal(fstatat(t.fd, name, &change.st, 0), 0);
	assert_int_equal(unlinkat(t.fd, name, 0), 0);
	assert_int_equal(mkfifoat(t.fd, name, 0600), 0);
	listing_add(&l, &change);
	cache_text_init(&text, "test");
	r = content_add(&text, &op, &l, false, &e); /* comes back, whatever it says */
	assert_true(r == 0 || e.kind != ERR_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_that_became_a_fifo_does_not_stop_us),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
