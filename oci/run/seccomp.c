/*
 * libseccomp (its door) knows the numbers of names; the program is our own, since a list of names is
 * all there is to it: runs of numbers that are answered alike, and a binary search for the run. So it is a
 * few hundred instructions, and loading it for each RUN costs next to nothing.
 *
 * An argument is looked at where the kernel looks: at the lower half of its register.
 */
#include "oci/run/seccomp.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"

#define NUMBERS_MAX 1024 /* no kernel has as many calls */
#define CODE_MAX    1024

/* How a number is answered. */
enum answer { REFUSED, ALLOWED, UNKNOWN, SOCKET, CLONE, PERSONALITY };

/* clang-format off */
static const char *const allowed[] = {
	"accept", "accept4", "access", "adjtimex", "alarm", "bind", "brk", "cachestat", "capget",
	"capset", "chdir", "chmod", "chown", "chown32", "chroot", "clock_adjtime",
	"clock_adjtime64", "clock_getres", "clock_getres_time64", "clock_gettime",
	"clock_gettime64", "clock_nanosleep", "clock_nanosleep_time64", "close", "close_range",
	"connect", "copy_file_range", "creat", "dup", "dup2", "dup3", "epoll_create",
	"epoll_create1", "epoll_ctl", "epoll_ctl_old", "epoll_pwait", "epoll_pwait2",
	"epoll_wait", "epoll_wait_old", "eventfd", "eventfd2", "execve", "execveat", "exit",
	"exit_group", "faccessat", "faccessat2", "fadvise64", "fadvise64_64", "fallocate",
	"fanotify_mark", "fchdir", "fchmod", "fchmodat", "fchmodat2", "fchown", "fchown32",
	"fchownat", "fcntl", "fcntl64", "fdatasync", "fgetxattr", "flistxattr", "flock", "fork",
	"fremovexattr", "fsetxattr", "fstat", "fstat64", "fstatat64", "fstatfs", "fstatfs64",
	"fsync", "ftruncate", "ftruncate64", "futex", "futex_requeue", "futex_time64",
	"futex_wait", "futex_waitv", "futex_wake", "futimesat", "get_robust_list",
	"get_thread_area", "getcpu", "getcwd", "getdents", "getdents64", "getegid", "getegid32",
	"geteuid", "geteuid32", "getgid", "getgid32", "getgroups", "getgroups32", "getitimer",
	"getpeername", "getpgid", "getpgrp", "getpid", "getppid", "getpriority", "getrandom",
	"getresgid", "getresgid32", "getresuid", "getresuid32", "getrlimit", "getrusage",
	"getsid", "getsockname", "getsockopt", "gettid", "gettimeofday", "getuid", "getuid32",
	"getxattr", "getxattrat", "inotify_add_watch", "inotify_init", "inotify_init1",
	"inotify_rm_watch", "io_cancel", "io_destroy", "io_getevents", "io_pgetevents",
	"io_pgetevents_time64", "io_setup", "io_submit", "ioctl", "ioprio_get", "ioprio_set",
	"ipc", "kill", "landlock_add_rule", "landlock_create_ruleset", "landlock_restrict_self",
	"lchown", "lchown32", "lgetxattr", "link", "linkat", "listen", "listmount", "listxattr",
	"listxattrat", "llistxattr", "_llseek", "lremovexattr", "lseek", "lsetxattr", "lstat",
	"lstat64", "madvise", "map_shadow_stack", "membarrier", "memfd_create", "memfd_secret",
	"mincore", "mkdir", "mkdirat", "mknod", "mknodat", "mlock", "mlock2", "mlockall", "mmap",
	"mmap2", "mprotect", "mq_getsetattr", "mq_notify", "mq_open", "mq_timedreceive",
	"mq_timedreceive_time64", "mq_timedsend", "mq_timedsend_time64", "mq_unlink", "mremap",
	"mseal", "msgctl", "msgget", "msgrcv", "msgsnd", "msync", "munlock", "munlockall",
	"munmap", "name_to_handle_at", "nanosleep", "newfstatat", "_newselect", "open", "openat",
	"openat2", "pause", "pidfd_open", "pidfd_send_signal", "pipe", "pipe2", "pkey_alloc",
	"pkey_free", "pkey_mprotect", "poll", "ppoll", "ppoll_time64", "prctl", "pread64",
	"preadv", "preadv2", "prlimit64", "process_mrelease", "process_vm_readv",
	"process_vm_writev", "pselect6", "pselect6_time64", "ptrace", "pwrite64", "pwritev",
	"pwritev2", "read", "readahead", "readlink", "readlinkat", "readv", "recv", "recvfrom",
	"recvmmsg", "recvmmsg_time64", "recvmsg", "remap_file_pages", "removexattr",
	"removexattrat", "rename", "renameat", "renameat2", "restart_syscall", "rmdir", "rseq",
	"rt_sigaction", "rt_sigpending", "rt_sigprocmask", "rt_sigqueueinfo", "rt_sigreturn",
	"rt_sigsuspend", "rt_sigtimedwait", "rt_sigtimedwait_time64", "rt_tgsigqueueinfo",
	"sched_get_priority_max", "sched_get_priority_min", "sched_getaffinity", "sched_getattr",
	"sched_getparam", "sched_getscheduler", "sched_rr_get_interval",
	"sched_rr_get_interval_time64", "sched_setaffinity", "sched_setattr", "sched_setparam",
	"sched_setscheduler", "sched_yield", "seccomp", "select", "semctl", "semget", "semop",
	"semtimedop", "semtimedop_time64", "send", "sendfile", "sendfile64", "sendmmsg",
	"sendmsg", "sendto", "set_robust_list", "set_thread_area", "set_tid_address", "setfsgid",
	"setfsgid32", "setfsuid", "setfsuid32", "setgid", "setgid32", "setgroups", "setgroups32",
	"setitimer", "setpgid", "setpriority", "setregid", "setregid32", "setresgid",
	"setresgid32", "setresuid", "setresuid32", "setreuid", "setreuid32", "setrlimit",
	"setsid", "setsockopt", "setuid", "setuid32", "setxattr", "setxattrat", "shmat",
	"shmctl", "shmdt", "shmget", "shutdown", "sigaltstack", "signalfd", "signalfd4",
	"sigprocmask", "sigreturn", "socketcall", "socketpair", "splice", "stat", "stat64",
	"statfs", "statfs64", "statmount", "statx", "symlink", "symlinkat", "sync",
	"sync_file_range", "syncfs", "sysinfo", "tee", "tgkill", "time", "timer_create",
	"timer_delete", "timer_getoverrun", "timer_gettime", "timer_gettime64", "timer_settime",
	"timer_settime64", "timerfd_create", "timerfd_gettime", "timerfd_gettime64",
	"timerfd_settime", "timerfd_settime64", "times", "tkill", "truncate", "truncate64",
	"ugetrlimit", "umask", "uname", "unlink", "unlinkat", "uretprobe", "utime", "utimensat",
	"utimensat_time64", "utimes", "vfork", "vmsplice", "wait4", "waitid", "waitpid", "write",
	"writev",
#if defined(__x86_64__) || defined(__i386__)
	"arch_prctl", "modify_ldt",
#endif
#if defined(__aarch64__) || defined(__arm__)
	"arm_fadvise64_64", "arm_sync_file_range", "breakpoint", "cacheflush", "set_tls",
	"sync_file_range2",
#endif
#if defined(__powerpc__)
	"swapcontext", "sync_file_range2",
#endif
#if defined(__riscv)
	"riscv_flush_icache", "riscv_hwprobe",
#endif
#if defined(__s390x__)
	"s390_pci_mmio_read", "s390_pci_mmio_write", "s390_runtime_instr",
#endif
};
/* clang-format on */

#define NAMESPACES                                                                                 \
	(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | \
	 CLONE_NEWCGROUP)

#ifdef __s390x__
#define CLONE_FLAGS 1
#else
#define CLONE_FLAGS 0
#endif
#define LOW_HALF (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0)

/* -- code ---------------------------------------------------------------------- */

struct code {
	struct sock_filter v[CODE_MAX];
	size_t n;
	bool over; /* it did not fit */
};

static size_t put(struct code *c, unsigned op, uint32_t k, unsigned yes, unsigned no)
{
	if (c->n == CODE_MAX) {
		c->over = true;
		return 0;
	}
	c->v[c->n] = (struct sock_filter)BPF_JUMP((uint16_t)op, k, (uint8_t)yes, (uint8_t)no);
	return c->n++;
}

static void put_load(struct code *c, size_t offset)
{
	put(c, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void put_argument(struct code *c, unsigned i)
{
	put_load(c, offsetof(struct seccomp_data, args) + 8 * i + LOW_HALF);
}

static void put_return(struct code *c, uint32_t value)
{
	put(c, BPF_RET | BPF_K, value, 0, 0);
}

static void put_allow_if(struct code *c, unsigned test, uint32_t k)
{
	put(c, BPF_JMP | test | BPF_K, k, 0, 1);
	put_return(c, SECCOMP_RET_ALLOW);
}

/* Not AF_ALG (the kernel's cryptography), not AF_VSOCK (the machine's own host), nothing unheard of. */
static void put_socket(struct code *c)
{
	static const int late[] = { AF_NFC, AF_KCM, AF_QIPCRTR, AF_SMC, AF_XDP, AF_MCTP };

	put_argument(c, 0);
	put(c, BPF_JMP | BPF_JGE | BPF_K, AF_ALG, 1, 0);
	put_return(c, SECCOMP_RET_ALLOW);
	for (size_t i = 0; i < ARRAY_LEN(late); i++)
		put_allow_if(c, BPF_JEQ, (uint32_t)late[i]);
	put_return(c, SECCOMP_RET_ERRNO | EPERM);
}

static void put_personality(struct code *c)
{
	static const uint32_t values[] = { PER_LINUX, PER_LINUX32, UNAME26, UNAME26 | PER_LINUX32,
					   0xffffffff /* tells which it is */ };

	put_argument(c, 0);
	for (size_t i = 0; i < ARRAY_LEN(values); i++)
		put_allow_if(c, BPF_JEQ, values[i]);
	put_return(c, SECCOMP_RET_ERRNO | EPERM);
}

/* All ways to end; where each begins. They are shared: what a search finds is a jump away. */
struct ends {
	struct code code;
	size_t at[PERSONALITY + 1];
};

static void ends_put(struct ends *ends)
{
	struct code *c = &ends->code;

	ends->at[REFUSED] = c->n;
	put_return(c, SECCOMP_RET_ERRNO | EPERM);
	ends->at[ALLOWED] = c->n;
	put_return(c, SECCOMP_RET_ALLOW);
	ends->at[UNKNOWN] = c->n;
	put_return(c, SECCOMP_RET_ERRNO | ENOSYS);
	ends->at[CLONE] = c->n;
	put_argument(c, CLONE_FLAGS);
	put(c, BPF_JMP | BPF_JSET | BPF_K, NAMESPACES, 1, 0);
	put_return(c, SECCOMP_RET_ALLOW);
	put_return(c, SECCOMP_RET_ERRNO | EPERM);
	ends->at[SOCKET] = c->n;
	put_socket(c);
	ends->at[PERSONALITY] = c->n;
	put_personality(c);
}

/* -- one architecture ---------------------------------------------------------- */

struct answers {
	unsigned char v[NUMBERS_MAX];
	unsigned n; /* from here on: UNKNOWN */
};

static void answers_set(struct answers *a, uint32_t arch, const char *name, enum answer what)
{
	int nr = seccomp_syscall_resolve_name_arch(arch, name);

	/* negative: younger than libseccomp, or not on this architecture */
	if (nr >= 0 && nr < NUMBERS_MAX)
		a->v[nr] = (unsigned char)what;
}

static void answers_fill(struct answers *a, uint32_t arch)
{
	for (int nr = 0; nr < NUMBERS_MAX; nr++) {
		auto_free char *name = seccomp_syscall_resolve_num_arch(arch, nr);

		if (name)
			a->n = (unsigned)nr + 1;
	}
	for (size_t i = 0; i < ARRAY_LEN(allowed); i++)
		answers_set(a, arch, allowed[i], ALLOWED);
	answers_set(a, arch, "clone", CLONE);
	answers_set(a, arch, "clone3", UNKNOWN);
	answers_set(a, arch, "socket", SOCKET);
	answers_set(a, arch, "personality", PERSONALITY);
}

struct run_of {
	uint32_t first; /* up to the next one's */
	enum answer answer;
};
struct search {
	struct run_of v[NUMBERS_MAX + 1];
	size_t n;
	size_t tests; /* instructions that it takes */
};

static void search_fill(struct search *s, uint32_t arch)
{
	auto_free struct answers *a = mem_zalloc(sizeof(*a));

	answers_fill(a, arch);
	for (uint32_t nr = 0; nr < a->n; nr++)
		if (s->n == 0 || s->v[s->n - 1].answer != a->v[nr])
			s->v[s->n++] = (struct run_of){ nr, a->v[nr] };
	/* among them all numbers of x32, which no distribution's kernel lets in */
	s->v[s->n++] = (struct run_of){ a->n, UNKNOWN };
	s->tests = s->n - 1;
}

static unsigned char jump(struct code *c, size_t from, size_t to)
{
	if (to - from - 1 > 255)
		c->over = true;
	return (unsigned char)(to - from - 1);
}

/* n >= 2 runs; ends begin at `end`. */
static void put_search(struct code *c, const struct run_of *v, size_t n, const struct ends *ends,
		       size_t end)
{
	size_t half = n / 2;
	size_t at = put(c, BPF_JMP | BPF_JGE | BPF_K, v[half].first, 0, 0);

	if (half == 1)
		c->v[at].jf = jump(c, at, end + ends->at[v[0].answer]);
	else
		put_search(c, v, half, ends, end);
	if (n - half == 1) {
		c->v[at].jt = jump(c, at, end + ends->at[v[half].answer]);
	} else {
		c->v[at].jt = jump(c, at, c->n);
		put_search(c, v + half, n - half, ends, end);
	}
}

/* -- all of it ----------------------------------------------------------------- */

/* The word size that the machine runs beside its own; 0: none. */
static uint32_t second_architecture(void)
{
#if defined(__x86_64__)
	return SCMP_ARCH_X86;
#elif defined(__aarch64__)
	return SCMP_ARCH_ARM;
#else
	return 0;
#endif
}

struct work {
	struct code code;
	struct ends ends;
	struct search search[2];
};

/* A test for each architecture, "none of these", their searches, what these end in. */
static void put_all(struct work *w, const uint32_t *arch, size_t nr_arch)
{
	struct code *c = &w->code;
	size_t end = 1 + 2 * nr_arch + 1;

	ends_put(&w->ends);
	for (size_t i = 0; i < nr_arch; i++) {
		search_fill(&w->search[i], arch[i]);
		end += 1 + w->search[i].tests;
	}
	put_load(c, offsetof(struct seccomp_data, arch));
	for (size_t i = 0, to = 1 + 2 * nr_arch + 1; i < nr_arch; i++) {
		put(c, BPF_JMP | BPF_JEQ | BPF_K, arch[i], 0, 1);
		put(c, BPF_JMP | BPF_JA, (uint32_t)(to - c->n - 1), 0, 0);
		to += 1 + w->search[i].tests;
	}
	put_return(c, SECCOMP_RET_ERRNO | ENOSYS);
	for (size_t i = 0; i < nr_arch; i++) {
		put_load(c, offsetof(struct seccomp_data, nr));
		put_search(c, w->search[i].v, w->search[i].n, &w->ends, end);
	}
	for (size_t i = 0; i < w->ends.code.n; i++)
		put(c, w->ends.code.v[i].code, w->ends.code.v[i].k, w->ends.code.v[i].jt,
		    w->ends.code.v[i].jf);
}

int run_seccomp_compile(struct run_seccomp *out, struct err *e)
{
	auto_free struct work *w = mem_zalloc(sizeof(*w));
	const uint32_t arch[2] = { seccomp_arch_native(), second_architecture() };

	put_all(w, arch, arch[1] ? 2 : 1);
	if (w->code.over)
		return err_set(e, ERR_IMPOSSIBLE, "the filter of system calls is too long");
	out->nr = (unsigned short)w->code.n;
	out->code = mem_alloc(w->code.n * sizeof(*w->code.v));
	memcpy(out->code, w->code.v, w->code.n * sizeof(*w->code.v));
	return 0;
}

void run_seccomp_release(struct run_seccomp *p)
{
	free(p->code);
	*p = (struct run_seccomp){ 0 };
}

int run_seccomp_enter(const struct run_seccomp *p, bool is_bare, struct err *e)
{
	const struct sock_fprog program = { .len = p->nr, .filter = p->code };

	/* before Linux 5.16 a filter would switch mitigations on that cost more than all else here */
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW,
		    &program) == 0)
		return 0;
	/* an older kernel, or a filter that knows only the older call */
	if (errno != EACCES && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0)
		return 0;
	if (errno == EACCES && is_bare)
		return 0;
	return err_sys(e, "load the filter of system calls");
}
