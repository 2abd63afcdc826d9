/*
 * Runs a command whose system calls are refused, as tests want to see them refused:
 *
 *	deny [--docker] [CALL[=ERRNO]...] -- COMMAND...
 *
 * CALL is a system call's name, ERRNO an errno's name (EPERM when left out). --docker leaves what
 * a container of docker's with default settings has: its 14 capabilities and what its seccomp
 * profile lets through (mounts and namespaces are not). Files, /proc and devices stay the machine's.
 *
 * Needs root, but for calls alone: then the command can gain no rights (no_new_privs). Exit status:
 * the command's; 125 when it could not be set up, 127 when it could not be started.
 */
#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static void die(const char *what, const char *why)
{
	fprintf(stderr, "deny: %s: %s\n", what, why);
	exit(125);
}

static int errno_of(const char *name)
{
	for (int no = 1; no < 4096; no++) {
		const char *known = strerrorname_np(no);

		if (known && strcmp(known, name) == 0)
			return no;
	}
	die(name, "no errno has that name");
	return -1;
}

/* What this libseccomp does not know, or the machine does not have, needs no refusing. */
static void refuse(scmp_filter_ctx f, const char *name, int error)
{
	int nr = seccomp_syscall_resolve_name(name);
	int r = nr == __NR_SCMP_ERROR ? 0
				      : seccomp_rule_add(f, SCMP_ACT_ERRNO((uint32_t)error), nr, 0);

	if (r < 0)
		die(name, strerror(-r));
}

static void refuse_if(scmp_filter_ctx f, const char *name, struct scmp_arg_cmp arg)
{
	int r = seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), seccomp_syscall_resolve_name(name), 1,
				 arg);

	if (r < 0)
		die(name, strerror(-r));
}

static void refuse_argument(scmp_filter_ctx f, const char *text)
{
	const char *equals = strchr(text, '=');
	char *name = strndup(text, equals ? (size_t)(equals - text) : strlen(text));

	if (!name || seccomp_syscall_resolve_name(name) == __NR_SCMP_ERROR)
		die(text, "no system call has that name");
	refuse(f, name, equals ? errno_of(equals + 1) : EPERM);
	free(name);
}

/* -- docker ------------------------------------------------------------------ */

static void docker_calls(scmp_filter_ctx f)
{
	static const char *const refused[] = {
		"acct",
		"add_key",
		"bpf",
		"clock_settime",
		"delete_module",
		"fanotify_init",
		"finit_module",
		"fsconfig",
		"fsmount",
		"fsopen",
		"fspick",
		"get_mempolicy",
		"init_module",
		"io_uring_enter",
		"io_uring_register",
		"io_uring_setup",
		"ioperm",
		"iopl",
		"kcmp",
		"kexec_file_load",
		"kexec_load",
		"keyctl",
		"lookup_dcookie",
		"mbind",
		"migrate_pages",
		"mount",
		"mount_setattr",
		"move_mount",
		"move_pages",
		"nfsservctl",
		"open_by_handle_at",
		"open_tree",
		"perf_event_open",
		"pidfd_getfd",
		"pivot_root",
		"process_madvise",
		"quotactl",
		"quotactl_fd",
		"reboot",
		"request_key",
		"set_mempolicy",
		"setdomainname",
		"sethostname",
		"setns",
		"settimeofday",
		"swapoff",
		"swapon",
		"syslog",
		"umount",
		"umount2",
		"unshare",
		"userfaultfd",
		"vhangup",
	};
	static const unsigned namespaces[] = { CLONE_NEWNS,    CLONE_NEWUTS, CLONE_NEWIPC,
					       CLONE_NEWUSER,  CLONE_NEWPID, CLONE_NEWNET,
					       CLONE_NEWCGROUP };

	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++)
		refuse(f, refused[i], EPERM);
	/* so that libc falls back to clone, whose flags a filter can see */
	refuse(f, "clone3", ENOSYS);
	for (size_t i = 0; i < sizeof(namespaces) / sizeof(*namespaces); i++)
		refuse_if(f, "clone", SCMP_A0(SCMP_CMP_MASKED_EQ, namespaces[i], namespaces[i]));
	refuse_if(f, "socket", SCMP_A0(SCMP_CMP_EQ, AF_ALG, 0));
	refuse_if(f, "socket", SCMP_A0(SCMP_CMP_EQ, AF_VSOCK, 0));
}

static void docker_capabilities(void)
{
	const uint64_t kept = 0xa80425fb; /* CapBnd of a container with default settings */
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { 0 } };

	for (int cap = 0; cap < 64 && prctl(PR_CAPBSET_READ, cap) >= 0; cap++)
		if (!(kept & 1ull << cap) && prctl(PR_CAPBSET_DROP, cap) < 0)
			die("PR_CAPBSET_DROP", strerror(errno));
	data[0].permitted = data[0].effective = (uint32_t)kept;
	if (syscall(SYS_capset, &head, data) < 0)
		die("capset", strerror(errno));
}

int main(int argc, char **argv)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
	bool docker = false;
	int i, r;

	if (!f)
		die("libseccomp", "no filter can be made");
#ifdef __x86_64__
	seccomp_arch_add(f, SCMP_ARCH_X86);
#endif
	for (i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "--docker") == 0)
			docker = true;
		else
			refuse_argument(f, argv[i]);
	}
	if (i + 1 >= argc)
		die("usage", "deny [--docker] [CALL[=ERRNO]...] -- COMMAND...");
	if (docker)
		docker_calls(f);
	seccomp_attr_set(f, SCMP_FLTATR_CTL_NNP, geteuid() != 0);
	r = seccomp_load(f);
	if (r < 0)
		die("load the filter", strerror(-r));
	seccomp_release(f);
	if (docker)
		docker_capabilities();
	execvp(argv[i + 1], argv + i + 1);
	fprintf(stderr, "deny: %s: %s\n", argv[i + 1], strerror(errno));
	return 127;
}
