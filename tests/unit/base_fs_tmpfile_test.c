/* Files that come to be at once or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "base/fs.h"
#include "tests/fakes/tmpdir.h"

static void a_published_file_replaces_the_old_one(void **state)
{
	auto_tmpdir struct tmpdir t;
	auto_tmpfile struct tmpfile f = TMPFILE_INIT;
	struct err e = ERR_INIT;
	auto_free char *text = NULL;

	(void)state;
	tmpdir_init(&t);
	tmpdir_file(&t, "x", "old");
	assert_int_equal(0, tmpfile_open(&f, t.fd, 0644, &e));
	assert_int_equal(0, fs_write_all(f.fd, "new", 3, "x", &e));
	assert_int_equal(0, tmpfile_publish(&f, "x", true, &e));
	text = tmpdir_read(&t, "x");
	assert_string_equal("new", text);
	assert_int_equal(1, tmpdir_count(&t));
	assert_int_equal(-1, f.fd);
	tmpfile_release(&f); /* must not remove what was published */
	assert_true(tmpdir_has(&t, "x"));
}

static void until_published_nobody_sees_it(void **state)
{
	auto_tmpdir struct tmpdir t;
	auto_tmpfile struct tmpfile f = TMPFILE_INIT;
	struct err e = ERR_INIT;
	auto_free char *text = NULL;

	(void)state;
	tmpdir_init(&t);
	tmpdir_file(&t, "x", "old");
	assert_int_equal(0, tmpfile_open(&f, t.fd, 0644, &e));
	assert_int_equal(0, fs_write_all(f.fd, "new", 3, "x", &e));
	text = tmpdir_read(&t, "x");
	assert_string_equal("old", text);
	assert_int_equal(2, tmpdir_count(&t));
	assert_memory_equal(".tmp-", f.name, 5);
	tmpfile_release(&f);
	assert_int_equal(1, tmpdir_count(&t));
}

static void leaving_the_scope_removes_it(void **state)
{
	auto_tmpdir struct tmpdir t;

	(void)state;
	tmpdir_init(&t);
	{
		auto_tmpfile struct tmpfile f = TMPFILE_INIT;
		struct err e = ERR_INIT;

		assert_int_equal(0, tmpfile_open(&f, t.fd, 0600, &e));
		assert_int_equal(1, tmpdir_count(&t));
	}
	assert_int_equal(0, tmpdir_count(&t));
}

static void a_file_that_cannot_be_renamed_is_removed(void **state)
{
	auto_tmpdir struct tmpdir t;
	auto_tmpfile struct tmpfile f = TMPFILE_INIT;
	struct err e = ERR_INIT;

	(void)state;
	tmpdir_init(&t);
	tmpdir_file(&t, "dir/x", "");
	assert_int_equal(0, tmpfile_open(&f, t.fd, 0600, &e));
	assert_int_equal(-1, tmpfile_publish(&f, "dir", false, &e));
	assert_int_equal(EISDIR, e.sys);
	assert_string_equal("rename to 'dir': Is a directory", e.text);
	tmpfile_release(&f);
	assert_int_equal(1, tmpdir_count(&t));
}

/* A pipe in the file's place: it can be written but not brought to disk. */
static void what_does_not_reach_the_disk_is_not_published(void **state)
{
	auto_tmpdir struct tmpdir t;
	auto_tmpfile struct tmpfile f = TMPFILE_INIT;
	struct err e = ERR_INIT;
	int p[2];

	(void)state;
	tmpdir_init(&t);
	assert_int_equal(0, tmpfile_open(&f, t.fd, 0600, &e));
	assert_int_equal(0, pipe2(p, O_CLOEXEC));
	close(f.fd);
	f.fd = p[1];
	assert_int_equal(-1, tmpfile_publish(&f, "x", true, &e));
	assert_int_equal(EINVAL, e.sys);
	assert_string_equal("write 'x' to disk: Invalid argument", e.text);
	assert_int_equal(-1, fcntl(p[1], F_GETFD)); /* closed all the same */
	close(p[0]);
	tmpfile_release(&f);
	assert_int_equal(0, tmpdir_count(&t));
}

static void an_error_of_close_is_not_overlooked(void **state)
{
	auto_tmpdir struct tmpdir t;
	auto_tmpfile struct tmpfile f = TMPFILE_INIT;
	struct err e = ERR_INIT;

	(void)state;
	tmpdir_init(&t);
	assert_int_equal(0, tmpfile_open(&f, t.fd, 0600, &e));
	close(f.fd);
	assert_int_equal(-1, tmpfile_publish(&f, "x", false, &e));
	assert_string_equal("close 'x': Bad file descriptor", e.text);
	assert_false(tmpdir_has(&t, "x"));
}

static void the_umask_applies(void **state)
{
	auto_tmpdir struct tmpdir t;
	auto_tmpfile struct tmpfile f = TMPFILE_INIT;
	struct err e = ERR_INIT;
	struct stat st;
	mode_t old = umask(027);

	(void)state;
	tmpdir_init(&t);
	assert_int_equal(0, tmpfile_open(&f, t.fd, 0666, &e));
	umask(old);
	assert_int_equal(0, fstat(f.fd, &st));
	assert_int_equal(0640, st.st_mode & 07777);
}

static void no_directory_no_file(void **state)
{
	auto_tmpfile struct tmpfile f = TMPFILE_INIT;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(-1, tmpfile_open(&f, -1, 0600, &e));
	assert_string_equal("create a temporary file: Bad file descriptor", e.text);
	assert_null(f.name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_published_file_replaces_the_old_one),
		cmocka_unit_test(until_published_nobody_sees_it),
		cmocka_unit_test(leaving_the_scope_removes_it),
		cmocka_unit_test(a_file_that_cannot_be_renamed_is_removed),
		cmocka_unit_test(what_does_not_reach_the_disk_is_not_published),
		cmocka_unit_test(an_error_of_close_is_not_overlooked),
		cmocka_unit_test(the_umask_applies),
		cmocka_unit_test(no_directory_no_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
