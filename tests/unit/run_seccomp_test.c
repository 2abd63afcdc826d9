/*
 * The filter as a program: what it answers to a call, found by running its instructions. That RUNs
 * are under it is sandbox_ns's test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "oci/run/seccomp.h"

static struct run_seccomp filter;

static uint32_t load(const struct seccomp_data *d, uint32_t offset)
{
	uint32_t word;

	assert_true(offset + sizeof(word) <= sizeof(*d));
	memcpy(&word, (const char *)d + offset, sizeof(word));
	return word;
}

static uint32_t answer(uint32_t arch, int nr, uint64_t arg0)
{
	const struct seccomp_data d = { .nr = nr, .arch = arch, .args = { arg0 } };
	uint32_t a = 0;

	for (size_t i = 0; i < filter.nr; i++) {
		const struct sock_filter *f = &filter.code[i];

		switch (f->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			a = load(&d, f->k);
			break;
		case BPF_RET | BPF_K:
			return f->k;
		case BPF_JMP | BPF_JA:
			i += f->k;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			i += a == f->k ? f->jt : f->jf;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			i += a >= f->k ? f->jt : f->jf;
			break;
		case BPF_JMP | BPF_JSET | BPF_K:
			i += a & f->k ? f->jt : f->jf;
			break;
		default:
			fail_msg("instruction %zu", i);
		}
	}
	fail_msg("the program has no end");
	return 0;
}

#if defined(__x86_64__)
#define HERE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define HERE AUDIT_ARCH_AARCH64
#endif

#define REFUSED (SECCOMP_RET_ERRNO | EPERM)
#define UNKNOWN (SECCOMP_RET_ERRNO | ENOSYS)

#ifdef HERE
static void assert_all(const int *nr, size_t n, uint32_t want)
{
	for (size_t i = 0; i < n; i++)
		if (answer(HERE, nr[i], 0) != want)
			fail_msg("call %d: %#x", nr[i], answer(HERE, nr[i], 0));
}

static void what_programs_need_is_allowed(void **state)
{
	static const int nr[] = {
		SYS_read,
		SYS_write,
		SYS_openat,
		SYS_openat2,
		SYS_close,
		SYS_newfstatat,
		SYS_statx,
		SYS_mmap,
		SYS_mprotect,
		SYS_brk,
		SYS_execve,
		SYS_execveat,
		SYS_exit_group,
		SYS_wait4,
		SYS_futex,
		SYS_chroot,
		SYS_mknodat,
		SYS_setresuid,
		SYS_capset,
		SYS_ptrace,
		SYS_fchownat,
		SYS_setxattr,
		SYS_copy_file_range,
		SYS_renameat2,
		SYS_flock,
		SYS_epoll_pwait,
		SYS_memfd_create,
		SYS_getrandom,
		SYS_seccomp,
		SYS_prctl,
		SYS_io_setup,
		SYS_name_to_handle_at,
		SYS_pidfd_open,
		SYS_close_range,
		SYS_rseq,
		SYS_prlimit64,
		SYS_membarrier,
		SYS_sched_setaffinity,
		SYS_fanotify_mark,
		SYS_sync,
	};

	(void)state;
	assert_all(nr, ARRAY_LEN(nr), SECCOMP_RET_ALLOW);
}

static void what_docker_refuses_is_refused(void **state)
{
	static const int nr[] = {
		SYS_mount,
		SYS_umount2,
		SYS_unshare,
		SYS_setns,
		SYS_pivot_root,
		SYS_fsopen,
		SYS_fsconfig,
		SYS_fsmount,
		SYS_fspick,
		SYS_open_tree,
		SYS_move_mount,
		SYS_mount_setattr,
		SYS_bpf,
		SYS_keyctl,
		SYS_add_key,
		SYS_request_key,
		SYS_io_uring_setup,
		SYS_io_uring_enter,
		SYS_userfaultfd,
		SYS_acct,
		SYS_perf_event_open,
		SYS_swapon,
		SYS_reboot,
		SYS_kexec_load,
		SYS_init_module,
		SYS_settimeofday,
		SYS_sethostname,
		SYS_quotactl,
		SYS_syslog,
		SYS_kcmp,
		SYS_open_by_handle_at,
		SYS_fanotify_init,
		SYS_pidfd_getfd,
		SYS_mbind,
		SYS_vhangup,
		SYS_process_madvise,
	};

	(void)state;
	assert_all(nr, ARRAY_LEN(nr), REFUSED);
}

static void libc_is_sent_from_clone3_to_clone(void **state)
{
	(void)state;
	assert_int_equal(answer(HERE, SYS_clone3, 0), UNKNOWN);
	assert_int_equal(answer(HERE, SYS_clone, CLONE_VM | CLONE_THREAD | 17), SECCOMP_RET_ALLOW);
	assert_int_equal(answer(HERE, SYS_clone, CLONE_NEWUSER | 17), REFUSED);
	assert_int_equal(answer(HERE, SYS_clone, CLONE_NEWNS), REFUSED);
}

static void the_upper_half_of_an_int_hides_nothing(void **state)
{
	(void)state;
	assert_int_equal(answer(HERE, SYS_socket, AF_INET6), SECCOMP_RET_ALLOW);
	assert_int_equal(answer(HERE, SYS_socket, AF_ALG), REFUSED);
	assert_int_equal(answer(HERE, SYS_socket, 1ull << 32 | AF_ALG), REFUSED);
	assert_int_equal(answer(HERE, SYS_socket, AF_VSOCK), REFUSED);
	assert_int_equal(answer(HERE, SYS_socket, AF_QIPCRTR), SECCOMP_RET_ALLOW);
	assert_int_equal(answer(HERE, SYS_socket, 200), REFUSED);
	assert_int_equal(answer(HERE, SYS_personality, 0xffffffff), SECCOMP_RET_ALLOW);
	assert_int_equal(answer(HERE, SYS_personality, 0x0040000 /* no randomizing */), REFUSED);
}

static void calls_of_the_future_are_unknown(void **state)
{
	(void)state;
	assert_int_equal(answer(HERE, 1500, 0), UNKNOWN);
	assert_int_equal(answer(HERE, -1, 0), UNKNOWN);
	assert_int_equal(answer(AUDIT_ARCH_PPC64, SYS_read, 0), UNKNOWN);
}
#endif

#ifdef __x86_64__
static void programs_of_32_bits_are_under_it_as_well(void **state)
{
	const int x32 = 0x40000000;

	(void)state;
	assert_int_equal(answer(AUDIT_ARCH_I386, 3 /* read */, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(answer(AUDIT_ARCH_I386, 102 /* socketcall */, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(answer(AUDIT_ARCH_I386, 21 /* mount */, 0), REFUSED);
	assert_int_equal(answer(AUDIT_ARCH_I386, 310 /* unshare */, 0), REFUSED);
	assert_int_equal(answer(AUDIT_ARCH_I386, 120 /* clone */, CLONE_NEWPID), REFUSED);
	assert_int_equal(answer(AUDIT_ARCH_I386, 120 /* clone */, 17), SECCOMP_RET_ALLOW);
	assert_int_equal(answer(HERE, x32 | SYS_mount, 0), UNKNOWN);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
#ifdef HERE
		cmocka_unit_test(what_programs_need_is_allowed),
		cmocka_unit_test(what_docker_refuses_is_refused),
		cmocka_unit_test(libc_is_sent_from_clone3_to_clone),
		cmocka_unit_test(the_upper_half_of_an_int_hides_nothing),
		cmocka_unit_test(calls_of_the_future_are_unknown),
#endif
#ifdef __x86_64__
		cmocka_unit_test(programs_of_32_bits_are_under_it_as_well),
#endif
	};
	struct err e = ERR_INIT;
	int failed;

	if (run_seccomp_compile(&filter, &e) < 0) {
		fprintf(stderr, "%s\n", e.text);
		return 1;
	}
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	run_seccomp_release(&filter);
	return failed;
}
