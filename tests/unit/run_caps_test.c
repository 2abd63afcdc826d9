/* Which capabilities a RUN gets that shares our /proc, by what we have ourselves. Needs root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <linux/capability.h>
#include <sys/wait.h>

#include "oci/run/caps.h"

#define BIT(cap) (1ull << (cap))

/* What a process with these would leave to a RUN; 0: it says that it cannot. */
static uint64_t left_by(uint64_t ours)
{
	uint64_t kept = 0;
	int pair[2], status;
	pid_t pid;

	assert_int_equal(pipe(pair), 0);
	pid = fork();
	if (pid == 0) {
		struct err e = ERR_INIT;

		if (caps_set(ours, &e) < 0)
			_exit(1);
		if (caps_apart(&kept, &e) < 0)
			kept = 0;
		_exit((kept || e.kind == ERR_IMPOSSIBLE) &&
				      write(pair[1], &kept, sizeof(kept)) == sizeof(kept)
			      ? 0
			      : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(read(pair[0], &kept, sizeof(kept)), sizeof(kept));
	close(pair[0]);
	close(pair[1]);
	return kept;
}

static void one_that_we_have_is_kept_from_a_run(void **state)
{
	const uint64_t docker = caps_docker();
	uint64_t ours = docker;

	(void)state;
	assert_int_equal(left_by(ours), docker & ~BIT(CAP_AUDIT_WRITE));
	/* the engine has taken that away already, and more and more */
	ours &= ~BIT(CAP_AUDIT_WRITE);
	assert_int_equal(left_by(ours), docker & ~BIT(CAP_AUDIT_WRITE) & ~BIT(CAP_SYS_CHROOT));
	ours &= ~BIT(CAP_SYS_CHROOT) & ~BIT(CAP_MKNOD);
	assert_int_equal(left_by(ours), docker & ~BIT(CAP_AUDIT_WRITE) & ~BIT(CAP_NET_RAW));
}

static void what_a_run_never_has_is_difference_enough(void **state)
{
	(void)state;
	assert_int_equal(left_by(BIT(CAP_CHOWN) | BIT(CAP_SYS_ADMIN)),
			 caps_docker() & ~BIT(CAP_AUDIT_WRITE));
}

static void who_has_none_that_could_be_kept_back_says_so(void **state)
{
	(void)state;
	assert_int_equal(left_by(0), 0);
	assert_int_equal(left_by(BIT(CAP_CHOWN) | BIT(CAP_FOWNER)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_we_have_is_kept_from_a_run),
		cmocka_unit_test(what_a_run_never_has_is_difference_enough),
		cmocka_unit_test(who_has_none_that_could_be_kept_back_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
