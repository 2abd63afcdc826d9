/* Paths inside a tree, and directories made there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "oci/build/inroot.h"
#include "tests/fakes/tmpdir.h"

/* "path" or "path (missing)", or "! message". */
static void assert_leads(const struct tmpdir *d, const char *path, const char *want)
{
	auto_inroot struct inroot at = { 0 };
	auto_free char *got = NULL;
	struct err e = ERR_INIT;

	if (inroot_resolve(&at, d->fd, path, &e) < 0)
		got = mem_printf("! %s", e.text);
	else
		got = mem_printf("%s%s", at.path, at.exists ? "" : " (missing)");
	assert_string_equal(got, want);
}

static void links_are_followed_inside_the_root(void **state)
{
	auto_tmpdir struct tmpdir d;

	(void)state;
	tmpdir_init(&d);
	tmpdir_file(&d, "usr/bin/x", "1");
	tmpdir_link(&d, "bin", "/usr/bin");
	tmpdir_link(&d, "rel", "usr/../bin/x");
	tmpdir_link(&d, "out", "../../../../usr");
	tmpdir_link(&d, "new", "/opt/a/b");
	assert_leads(&d, "/", "");
	assert_leads(&d, "/bin/x", "usr/bin/x");
	assert_leads(&d, "rel", "usr/bin/x");
	assert_leads(&d, "out/bin", "usr/bin");
	assert_leads(&d, "../../bin", "usr/bin");
	assert_leads(&d, "new/c", "opt/a/b/c (missing)");
}

static void what_is_missing_stays_as_it_is_written(void **state)
{
	auto_tmpdir struct tmpdir d;

	(void)state;
	tmpdir_init(&d);
	tmpdir_dir(&d, "there");
	assert_leads(&d, "a/b", "a/b (missing)");
	assert_leads(&d, "a/../there", "there");
	assert_leads(&d, "a/..", "");
	assert_leads(&d, "a/b/..", "a (missing)");
}

static void loops_and_ways_through_files_end(void **state)
{
	auto_tmpdir struct tmpdir d;

	(void)state;
	tmpdir_init(&d);
	tmpdir_link(&d, "l", "l");
	tmpdir_file(&d, "f", "1");
	assert_leads(&d, "l", "! 'l': too many links");
	assert_leads(&d, "f/x", "! '/f/x': what is above it is not a directory");
}

static void directories_are_made_with_owner_and_mode(void **state)
{
	auto_tmpdir struct tmpdir d;
	const struct inroot_attrs attrs = { .uid = 5, .gid = 6, .mode = 02750 };
	struct err e = ERR_INIT;
	struct stat st;

	(void)state;
	tmpdir_init(&d);
	tmpdir_dir(&d, "a");
	auto_close int fd = inroot_make_dirs(d.fd, "a/b/c", &attrs, &e);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_uid, 5);
	assert_int_equal(st.st_gid, 6);
	assert_int_equal(st.st_mode & 07777, 02750);
	assert_int_equal(fstatat(d.fd, "a", &st, 0), 0);
	assert_int_equal(st.st_uid, 0);
}

static void a_link_or_a_file_in_the_way_is_an_error(void **state)
{
	auto_tmpdir struct tmpdir d;
	struct err e = ERR_INIT;

	(void)state;
	tmpdir_init(&d);
	tmpdir_link(&d, "l", "/tmp");
	tmpdir_file(&d, "f", "1");
	assert_int_equal(inroot_make_dirs(d.fd, "l/x", NULL, &e), -1);
	assert_int_equal(e.kind, ERR_INPUT);
	assert_int_equal(inroot_make_dirs(d.fd, "f/x", NULL, &e), -1);
	assert_int_equal(e.kind, ERR_INPUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(links_are_followed_inside_the_root),
		cmocka_unit_test(what_is_missing_stays_as_it_is_written),
		cmocka_unit_test(loops_and_ways_through_files_end),
		cmocka_unit_test(directories_are_made_with_owner_and_mode),
		cmocka_unit_test(a_link_or_a_file_in_the_way_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
