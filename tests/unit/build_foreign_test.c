/* Which machines this one can be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <elf.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/proc.h"
#include "oci/build/foreign.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/tmpdir.h"

static void programs_for_this_machine_run(void **state)
{
	struct tmpdir dir;
	struct fake_clock clock;
	const struct op op = { .clock = fake_clock_init(&clock) };
	struct oci_platform host;
	struct err e = ERR_INIT;

	(void)state;
	tmpdir_init(&dir);
	oci_platform_host(&host);
	assert_int_equal(foreign_check(&op, &host, dir.path, &e), 0);
	/* a level of it: the machine knows better than we */
	snprintf(host.variant, sizeof(host.variant), "v3");
	assert_int_equal(foreign_check(&op, &host, dir.path, &e), 0);
	tmpdir_release(&dir);
}

static void the_program_of_this_machine_ends_well(void **state)
{
	struct tmpdir dir;
	struct fake_clock clock;
	const struct op op = { .clock = fake_clock_init(&clock) };
	auto_buf struct buf program = BUF_INIT(BUF_SMALL);
	auto_proc_result struct proc_result r = { 0 };
	auto_free char *path = NULL;
	struct oci_platform host;
	struct err e = ERR_INIT;

	(void)state;
	tmpdir_init(&dir);
	oci_platform_host(&host);
	if (!foreign_program(&program, host.arch))
		skip();
	path = mem_printf("%s/p", dir.path);
	assert_int_equal(fs_write_file(AT_FDCWD, path, buf_span(&program), 0755, &e), 0);
	assert_int_equal(proc_run(&r, &op,
				  &(struct proc_spec){ .argv = (const char *[]){ path, NULL } },
				  &e),
			 0);
	assert_int_equal(r.status, 0);
	tmpdir_release(&dir);
}

static void each_program_says_what_it_is_for(void **state)
{
	static const struct {
		const char *arch;
		unsigned char class, data, low, high; /* of e_machine, as it lies there */
	} cases[] = {
		{ "amd64", ELFCLASS64, ELFDATA2LSB, EM_X86_64, 0 },
		{ "386", ELFCLASS32, ELFDATA2LSB, EM_386, 0 },
		{ "arm64", ELFCLASS64, ELFDATA2LSB, EM_AARCH64, 0 },
		{ "arm", ELFCLASS32, ELFDATA2LSB, EM_ARM, 0 },
		{ "riscv64", ELFCLASS64, ELFDATA2LSB, EM_RISCV, 0 },
		{ "ppc64le", ELFCLASS64, ELFDATA2LSB, EM_PPC64, 0 },
		{ "s390x", ELFCLASS64, ELFDATA2MSB, 0, EM_S390 },
		{ "loong64", ELFCLASS64, ELFDATA2LSB, 2, 1 },
		{ "mips64le", ELFCLASS64, ELFDATA2LSB, EM_MIPS, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_buf struct buf b = BUF_INIT(BUF_SMALL);

		assert_true(foreign_program(&b, cases[i].arch));
		assert_memory_equal(b.data, ELFMAG, SELFMAG);
		assert_int_equal(b.data[EI_CLASS], cases[i].class);
		assert_int_equal(b.data[EI_DATA], cases[i].data);
		assert_int_equal((unsigned char)b.data[18], cases[i].low);
		assert_int_equal((unsigned char)b.data[19], cases[i].high);
		assert_int_equal(b.len, (cases[i].class == ELFCLASS64 ? 64 + 56 : 52 + 32) + 12);
	}
}

static void what_nobody_runs_is_impossible_and_leaves_nothing(void **state)
{
	const struct oci_platform sparc = { "linux", "sparc64", "" };
	const struct oci_platform windows = { "windows", "amd64", "" };
	struct fake_clock clock;
	const struct op op = { .clock = fake_clock_init(&clock) };
	auto_buf struct buf none = BUF_INIT(BUF_SMALL);
	struct tmpdir dir;
	struct err e = ERR_INIT;

	(void)state;
	tmpdir_init(&dir);
	assert_false(foreign_program(&none, "sparc64"));
	assert_int_equal(foreign_check(&op, &sparc, dir.path, &e), -1);
	assert_int_equal(e.kind, ERR_IMPOSSIBLE);
	assert_non_null(strstr(e.text, "cannot run programs for linux/sparc64"));
	assert_non_null(strstr(e.text, "qemu-user-static"));
	err_clear(&e);
	assert_int_equal(foreign_check(&op, &windows, dir.path, &e), -1);
	assert_int_equal(e.kind, ERR_IMPOSSIBLE);
	assert_int_equal(unlinkat(dir.fd, "probe-sparc64", 0), -1);
	tmpdir_release(&dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(programs_for_this_machine_run),
		cmocka_unit_test(the_program_of_this_machine_ends_well),
		cmocka_unit_test(each_program_says_what_it_is_for),
		cmocka_unit_test(what_nobody_runs_is_impossible_and_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
