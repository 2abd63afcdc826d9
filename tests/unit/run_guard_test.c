/* Files that somebody may have changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>

#include "oci/run/guard.h"
#include "tests/fakes/tmpdir.h"

static void look(struct strv *out, const struct tmpdir *t)
{
	auto_strv struct strv without = STRV_INIT;
	struct err e = ERR_INIT;

	strv_add(&without, "state");
	assert_int_equal(guard_look(out, t->fd, &without, &e), 0);
}

static void what_changes_is_named(void **state)
{
	auto_tmpdir struct tmpdir t;
	auto_strv struct strv before = STRV_INIT;
	auto_strv struct strv same = STRV_INIT;
	auto_strv struct strv after = STRV_INIT;
	const struct timespec now[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = 1000 } };
	struct err e = ERR_INIT;

	(void)state;
	tmpdir_init(&t);
	tmpdir_file(&t, "bin/sh", "shell");
	tmpdir_file(&t, "state/x", "mine");
	assert_int_equal(utimensat(t.fd, "bin/sh", now, 0), 0);
	look(&before, &t);
	tmpdir_file(&t, "state/y", "mine, too");
	look(&same, &t);
	assert_int_equal(guard_compare(&before, &same, "/tools", &e), 0);
	usleep(10000); /* clocks of old kernels tick every 4 ms */
	tmpdir_file(&t, "bin/sh", "SHELL");
	assert_int_equal(utimensat(t.fd, "bin/sh", now, 0), 0);
	look(&after, &t);
	assert_int_equal(guard_compare(&before, &after, "/tools", &e), -1);
	assert_non_null(strstr(e.text, "'/tools/bin/sh'"));
}

static void what_is_new_or_gone_is_named(void **state)
{
	auto_tmpdir struct tmpdir t;
	auto_strv struct strv before = STRV_INIT;
	auto_strv struct strv after = STRV_INIT;
	struct err e = ERR_INIT;

	(void)state;
	tmpdir_init(&t);
	tmpdir_file(&t, "a", "");
	look(&before, &t);
	tmpdir_file(&t, "z", "");
	look(&after, &t);
	assert_int_equal(guard_compare(&before, &after, "/tools", &e), -1);
	assert_non_null(strstr(e.text, "'/tools/z'"));
	assert_int_equal(guard_compare(&after, &before, "/tools", &e), -1);
	assert_non_null(strstr(e.text, "'/tools/z'"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_changes_is_named),
		cmocka_unit_test(what_is_new_or_gone_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
