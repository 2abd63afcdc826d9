/* Bytes from file to file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>

#include "base/cancel.h"
#include "base/copy_data.h"
#include "base/mem.h"
#include "tests/fakes/tmpdir.h"

struct pair {
	struct tmpdir dir;
	int from, to;
	struct stat st;
};

static void pair_open(struct pair *p)
{
	p->from = openat(p->dir.fd, "from", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	p->to = openat(p->dir.fd, "to", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	assert_true(p->from >= 0 && p->to >= 0);
	assert_int_equal(fstat(p->from, &p->st), 0);
}

static void pair_close(struct pair *p)
{
	close(p->from);
	close(p->to);
	tmpdir_release(&p->dir);
}

static void all_bytes_come_along(void **state)
{
	struct pair p;
	uint64_t n = 0;
	struct err e = ERR_INIT;

	(void)state;
	tmpdir_init(&p.dir);
	tmpdir_file(&p.dir, "from", "some text");
	pair_open(&p);
	assert_int_equal(copy_data(&n, NULL, p.to, p.from, &p.st, "x", &e), 0);
	auto_free char *got = tmpdir_read(&p.dir, "to");
	assert_string_equal(got, "some text");
	assert_int_equal(n, 9);
	pair_close(&p);
}

static void holes_stay_holes(void **state)
{
	const off_t size = 64 << 20;
	struct pair p;
	uint64_t n = 0;
	struct err e = ERR_INIT;
	struct stat st;
	char back[3];

	(void)state;
	tmpdir_init(&p.dir);
	pair_open(&p);
	assert_int_equal(pwrite(p.from, "mid", 3, size / 2), 3);
	assert_int_equal(ftruncate(p.from, size), 0);
	assert_int_equal(fstat(p.from, &p.st), 0);
	assert_int_equal(copy_data(&n, NULL, p.to, p.from, &p.st, "x", &e), 0);
	assert_int_equal(fstat(p.to, &st), 0);
	assert_int_equal(st.st_size, size);
	assert_true(st.st_blocks < size / 512 / 16);
	assert_int_equal(pread(p.to, back, 3, size / 2), 3);
	assert_memory_equal(back, "mid", 3);
	assert_int_equal(n, size);
	pair_close(&p);
}

static void a_file_that_the_kernel_cannot_copy_is_read(void **state)
{
	struct pair p;
	auto_close int proc = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	uint64_t n = 0;
	struct err e = ERR_INIT;

	(void)state;
	tmpdir_init(&p.dir);
	pair_open(&p);
	p.st.st_size = 4096; /* proc says 0 */
	p.st.st_blocks = 8;
	assert_int_equal(copy_data(&n, NULL, p.to, proc, &p.st, "x", &e), 0);
	assert_true(n > 0 && n < 4096);
	auto_free char *got = tmpdir_read(&p.dir, "to");
	assert_non_null(strstr(got, "base_copy_data_test"));
	pair_close(&p);
}

static void a_cancelled_copy_ends(void **state)
{
	struct pair p;
	struct cancel cancel;
	struct op op = { .cancel = &cancel };
	uint64_t n = 0;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(cancel_init(&cancel, &e), 0);
	cancel_set(&cancel, 2);
	tmpdir_init(&p.dir);
	tmpdir_file(&p.dir, "from", "text");
	pair_open(&p);
	assert_int_equal(copy_data(&n, &op, p.to, p.from, &p.st, "x", &e), -1);
	assert_int_equal(e.kind, ERR_CANCELLED);
	pair_close(&p);
	cancel_release(&cancel);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_bytes_come_along),
		cmocka_unit_test(holes_stay_holes),
		cmocka_unit_test(a_file_that_the_kernel_cannot_copy_is_read),
		cmocka_unit_test(a_cancelled_copy_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
