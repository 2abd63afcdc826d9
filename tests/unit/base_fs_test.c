/* Whole files, directories, locks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <sys/wait.h>

#include "base/fs.h"
#include "base/mem.h"
#include "tests/fakes/tmpdir.h"

static void directories_are_made_down_the_path(void **state)
{
	auto_tmpdir struct tmpdir t;
	struct err e = ERR_INIT;

	(void)state;
	tmpdir_init(&t);
	assert_int_equal(0, fs_mkdir_p(t.fd, "a/b//c/", 0755, &e));
	assert_true(tmpdir_has(&t, "a/b/c"));
	assert_int_equal(0, fs_mkdir_p(t.fd, "a/b/c/d", 0755, &e));
	assert_int_equal(0, fs_mkdir_p(t.fd, "a/b/c/d", 0755, &e));
	assert_true(tmpdir_has(&t, "a/b/c/d"));
	assert_int_equal(0, fs_mkdir_p(t.fd, "", 0755, &e));
	assert_int_equal(0, fs_mkdir_p(t.fd, "/", 0755, &e));
	assert_int_equal(1, tmpdir_count(&t));
}

static void a_link_to_a_directory_is_one(void **state)
{
	auto_tmpdir struct tmpdir t;
	struct err e = ERR_INIT;

	(void)state;
	tmpdir_init(&t);
	tmpdir_dir(&t, "real");
	tmpdir_link(&t, "link", "real");
	assert_int_equal(0, fs_mkdir_p(t.fd, "link/x", 0755, &e));
	assert_true(tmpdir_has(&t, "real/x"));
}

static void a_file_in_the_way_is_named(void **state)
{
	auto_tmpdir struct tmpdir t;
	struct err e = ERR_INIT;

	(void)state;
	tmpdir_init(&t);
	tmpdir_file(&t, "a/f", "");
	assert_int_equal(-1, fs_mkdir_p(t.fd, "a/f/x", 0755, &e));
	assert_string_equal("create directory 'a/f': Not a directory", e.text);
}

static void a_file_is_written_and_read_whole(void **state)
{
	auto_tmpdir struct tmpdir t;
	auto_buf struct buf b = BUF_INIT(BUF_SMALL);
	struct err e = ERR_INIT;
	struct stat st;

	(void)state;
	tmpdir_init(&t);
	assert_int_equal(0, fs_write_file(t.fd, "f", SPAN_LIT("a\0b"), 0600, &e));
	assert_int_equal(0, fs_read_file(t.fd, "f", &b, &e));
	assert_true(span_eq(SPAN_LIT("a\0b"), buf_span(&b)));
	assert_int_equal(0, fstatat(t.fd, "f", &st, 0));
	assert_int_equal(0600, st.st_mode & 07777);
	assert_int_equal(1, tmpdir_count(&t));
}

/* Readers that had the old file open keep the old bytes: it was not written over. */
/* Nothing can be made in /proc, so a temporary file there would fail. */
static void a_path_is_written_in_its_own_directory(void **state)
{
	auto_tmpdir struct tmpdir t;
	auto_close int elsewhere = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_free char *path = NULL;
	struct err e = ERR_INIT;

	(void)state;
	tmpdir_init(&t);
	path = mem_printf("%s/f", t.path);
	assert_int_equal(0, fs_write_file(elsewhere, path, SPAN_LIT("x"), 0644, &e));
	assert_int_equal(1, tmpdir_count(&t));
}

static void an_old_file_is_replaced_and_not_written_over(void **state)
{
	auto_tmpdir struct tmpdir t;
	auto_close int fd = -1;
	struct err e = ERR_INIT;
	char old[4] = "";

	(void)state;
	tmpdir_init(&t);
	tmpdir_file(&t, "f", "old");
	fd = openat(t.fd, "f", O_RDONLY | O_CLOEXEC);
	assert_int_equal(0, fs_write_file(t.fd, "f", SPAN_LIT("new"), 0644, &e));
	assert_int_equal(3, read(fd, old, 3));
	assert_string_equal("old", old);
}

static void a_file_over_the_ceiling_is_refused(void **state)
{
	auto_tmpdir struct tmpdir t;
	auto_buf struct buf b = BUF_INIT(3);
	struct err e = ERR_INIT;

	(void)state;
	tmpdir_init(&t);
	tmpdir_file(&t, "f", "four");
	assert_int_equal(-1, fs_read_file(t.fd, "f", &b, &e));
	assert_int_equal(ERR_INPUT, e.kind);
	assert_string_equal("read 'f': more than 3 bytes", e.text);
}

static void only_regular_files_are_read(void **state)
{
	auto_tmpdir struct tmpdir t;
	auto_buf struct buf b = BUF_INIT(BUF_SMALL);
	struct err e = ERR_INIT;

	(void)state;
	tmpdir_init(&t);
	assert_int_equal(-1, fs_read_file(t.fd, ".", &b, &e));
	assert_string_equal("read '.': not a regular file", e.text);
	assert_int_equal(0, mkfifoat(t.fd, "fifo", 0600));
	assert_int_equal(-1, fs_read_file(t.fd, "fifo", &b, &e)); /* and does not wait */
	assert_int_equal(ERR_INPUT, e.kind);
	assert_int_equal(-1, fs_read_file(t.fd, "none", &b, &e));
	assert_int_equal(ERR_ABSENT, e.kind);
}

static void opening_a_directory_says_what_is_wrong(void **state)
{
	auto_tmpdir struct tmpdir t;
	auto_close int fd = -1;
	struct err e = ERR_INIT;

	(void)state;
	tmpdir_init(&t);
	fd = fs_open_dir(t.path, &e);
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(-1, fs_open_dir("/nowhere/x", &e));
	assert_string_equal("open directory '/nowhere/x': No such file or directory", e.text);
	assert_int_equal(-1, fs_open_dir("/dev/null", &e));
	assert_int_equal(ENOTDIR, e.sys);
}

static void all_bytes_go_through_a_small_pipe(void **state)
{
	static char bytes[300000];
	struct err e = ERR_INIT;
	size_t got = 0;
	int status, p[2];
	pid_t pid;

	(void)state;
	assert_int_equal(0, pipe(p));
	pid = fork();
	if (pid == 0) {
		close(p[0]);
		_exit(fs_write_all(p[1], bytes, sizeof(bytes), "pipe", &e) < 0);
	}
	close(p[1]);
	for (ssize_t n; (n = read(p[0], bytes, 1000)) > 0;)
		got += (size_t)n;
	close(p[0]);
	assert_int_equal(pid, waitpid(pid, &status, 0));
	assert_int_equal(0, status);
	assert_int_equal(sizeof(bytes), got);
}

static void a_lock_is_held_until_it_is_closed(void **state)
{
	auto_tmpdir struct tmpdir t;
	auto_close int again = -1;
	struct err e = ERR_INIT;
	struct stat st;
	int fd;

	(void)state;
	tmpdir_init(&t);
	fd = fs_lock(t.fd, "lock", false, &e);
	assert_true(fd >= 0);
	assert_int_equal(0, fstat(fd, &st));
	assert_int_equal(0600, st.st_mode & 07777);
	assert_int_equal(-1, fs_lock(t.fd, "lock", false, &e));
	assert_int_equal(ERR_LOCKED, e.kind);
	close(fd);
	again = fs_lock(t.fd, "lock", true, &e);
	assert_true(again >= 0);
}

static void a_file_inside_is_not_read_from_outside(void **state)
{
	auto_buf struct buf b = BUF_INIT(100);
	auto_tmpdir struct tmpdir t;
	auto_close int in = -1;
	struct err e = ERR_INIT;

	(void)state;
	tmpdir_init(&t);
	tmpdir_file(&t, "out", "secret");
	tmpdir_file(&t, "in/d/f", "text");
	tmpdir_link(&t, "in/up", "../out");
	tmpdir_link(&t, "in/l", "/d/f");
	in = openat(t.fd, "in", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(0, fs_read_file_inside(in, "l", &b, &e));
	assert_string_equal("text", buf_str(&b));
	assert_int_equal(-1, fs_read_file_inside(in, "up", &b, &e));
	assert_int_equal(ERR_ABSENT, e.kind);
	assert_int_equal(-1, fs_read_file_inside(in, "../out", &b, &e));
	assert_int_equal(-1, fs_read_file_inside(in, "d", &b, &e));
	assert_int_equal(ERR_INPUT, e.kind);
}

static void a_lock_is_no_link_to_elsewhere(void **state)
{
	auto_tmpdir struct tmpdir t;
	struct err e = ERR_INIT;

	(void)state;
	tmpdir_init(&t);
	tmpdir_link(&t, "lock", "elsewhere");
	assert_int_equal(-1, fs_lock(t.fd, "lock", false, &e));
	assert_int_equal(ELOOP, e.sys);
	assert_false(tmpdir_has(&t, "elsewhere"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(directories_are_made_down_the_path),
		cmocka_unit_test(a_link_to_a_directory_is_one),
		cmocka_unit_test(a_file_in_the_way_is_named),
		cmocka_unit_test(a_file_is_written_and_read_whole),
		cmocka_unit_test(a_path_is_written_in_its_own_directory),
		cmocka_unit_test(an_old_file_is_replaced_and_not_written_over),
		cmocka_unit_test(a_file_over_the_ceiling_is_refused),
		cmocka_unit_test(only_regular_files_are_read),
		cmocka_unit_test(opening_a_directory_says_what_is_wrong),
		cmocka_unit_test(all_bytes_go_through_a_small_pipe),
		cmocka_unit_test(a_lock_is_held_until_it_is_closed),
		cmocka_unit_test(a_file_inside_is_not_read_from_outside),
		cmocka_unit_test(a_lock_is_no_link_to_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
