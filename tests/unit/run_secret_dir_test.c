/*
 * The directory in memory for a RUN's secrets, and the link that leads to it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"
#include "oci/run/secret_dir.h"
#include "tests/fakes/tmpdir.h"

static void it_is_in_memory_and_can_be_passed_but_not_listed(void **state)
{
	auto_tmpdir struct tmpdir t;
	struct err e = ERR_INIT;
	char path[64];
	ssize_t n;
	struct stat st, there;

	(void)state;
	tmpdir_init(&t);
	auto_close int fd = secret_dir_make(t.fd, &e);

	assert_true(fd >= 0);
	n = readlinkat(t.fd, "secrets", path, sizeof(path) - 1);
	assert_true(n > 0);
	path[n] = '\0';
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(stat(path, &there), 0);
	assert_int_equal(there.st_ino, st.st_ino);
	assert_int_equal(st.st_mode & 07777, 0711);
	assert_int_equal(secret_dir_remove(t.fd, &e), 0);
	assert_int_equal(stat(path, &there), -1);
	assert_int_equal(tmpdir_count(&t), 0);
	assert_int_equal(secret_dir_remove(t.fd, &e), 0);
}

/* A RUN may have made the link another. */
static void nothing_but_our_own_is_removed(void **state)
{
	static const char *const others[] = {
		"/dev/shm",
		"/dev/shm/",
		"/dev/shm/cbuild-",
		"/dev/shm/cbuild-/../../../x00",
		"/dev/shm/cbuild-0123456789abcde/",
	};
	auto_tmpdir struct tmpdir t;
	struct err e = ERR_INIT;
	struct stat st;

	(void)state;
	tmpdir_init(&t);
	tmpdir_file(&t, "kept/file", "kept");
	auto_free char *kept = mem_printf("%s/kept", t.path);

	assert_int_equal(symlinkat(kept, t.fd, "secrets"), 0);
	assert_int_equal(secret_dir_remove(t.fd, &e), 0);
	assert_true(tmpdir_has(&t, "kept/file"));
	assert_false(tmpdir_has(&t, "secrets"));
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		assert_int_equal(symlinkat(others[i], t.fd, "secrets"), 0);
		assert_int_equal(secret_dir_remove(t.fd, &e), 0);
		assert_int_equal(stat("/dev/shm", &st), 0);
	}
	tmpdir_file(&t, "secrets/in/a/directory", "");
	assert_int_equal(secret_dir_remove(t.fd, &e), 0);
	assert_int_equal(tmpdir_count(&t), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_in_memory_and_can_be_passed_but_not_listed),
		cmocka_unit_test(nothing_but_our_own_is_removed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
