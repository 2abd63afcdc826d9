/*
 * Three processes with one job each (helper.h has the picture). Everything
 * here runs single-threaded and talks only over the sockets it was given.
 *
 * The RUN is process 1 of its pid namespace: when it ends, or is killed, the kernel kills all
 * that it left behind before the monitor's waitpid returns, so the tree stands still
 * when the report goes out.
 */
#include "oci/run/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/buf.h"
#include "base/fs.h"
#include "oci/run/enter.h"
#include "oci/run/mounts.h"
#include "oci/run/spec.h"

#define TEXT_FILE_MAX (1u << 20)

extern char **environ;

/* -- requests ---------------------------------------------------------------- */

union fd_control {
	struct cmsghdr align;
	char room[CMSG_SPACE(sizeof(int) * HELPER_FDS)];
};

int helper_request(int sock, const int fds[HELPER_FDS], struct err *e)
{
	union fd_control control = { 0 };
	struct iovec iov = { .iov_base = (char[]){ 'R' }, .iov_len = 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int) * HELPER_FDS);
	memcpy(CMSG_DATA(c), fds, sizeof(int) * HELPER_FDS);
	while (sendmsg(sock, &msg, MSG_NOSIGNAL) < 0)
		if (errno != EINTR)
			return err_sys(e, "ask the helper process");
	return 0;
}

/* 1: a request, 0: main is gone. */
static int request_take(int sock, int fds[HELPER_FDS])
{
	union fd_control control;
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *c;
	ssize_t n;

	do
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	c = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL;
	if (!c || c->cmsg_len != CMSG_LEN(sizeof(int) * HELPER_FDS))
		return 0;
	memcpy(fds, CMSG_DATA(c), sizeof(int) * HELPER_FDS);
	return 1;
}

/* -- the RUN itself ---------------------------------------------------------- */

struct run {
	struct run_spec spec;
	struct stubs stubs;
	struct buf hosts, resolv_conf;
	const int *fds;
	bool can_setgroups;
};

static void report_error(int fd, const struct err *e)
{
	struct helper_report r = { .kind = e->kind };

	memcpy(r.text, e->text, sizeof(r.text));
	send(fd, &r, sizeof(r), MSG_NOSIGNAL);
}

/* Process 1 of the new namespaces. */
static NORETURN void run_child(const struct run *run)
{
	struct enter_files files = { buf_span(&run->hosts), buf_span(&run->resolv_conf) };
	struct err e = ERR_INIT;

	enter_exec(&run->spec, &run->stubs, &files, run->fds[HELPER_FD_OUT],
		   run->fds[HELPER_FD_ERR], run->fds[HELPER_FD_REPORT], run->can_setgroups, &e);
	report_error(run->fds[HELPER_FD_REPORT], &e);
	_exit(127);
}

static int spec_read(struct run_spec *out, int fd, struct err *e)
{
	struct stat st;
	void *map;
	int r;

	if (fstat(fd, &st) < 0)
		return err_sys(e, "read the helper's instructions");
	if (st.st_size <= 0 || st.st_size > RUN_SPEC_MAX)
		return err_set(e, ERR_CORRUPT, "the helper's instructions have an odd size");
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		return err_sys(e, "read the helper's instructions");
	r = run_spec_decode(out, span_of(map, (size_t)st.st_size), e);
	munmap(map, (size_t)st.st_size);
	return r;
}

/* The network is the host's, so its names and resolvers are, too; a missing file is an empty one. */
static void host_files_read(struct run *run)
{
	struct err ignored = ERR_INIT;

	buf_init(&run->hosts, TEXT_FILE_MAX);
	buf_init(&run->resolv_conf, TEXT_FILE_MAX);
	if (fs_read_file(AT_FDCWD, "/etc/hosts", &run->hosts, &ignored) < 0)
		buf_reset(&run->hosts);
	if (run->hosts.len == 0)
		buf_add_str(&run->hosts, "127.0.0.1\tlocalhost\n::1\tlocalhost\n");
	if (run->hosts.data[run->hosts.len - 1] != '\n')
		buf_add_char(&run->hosts, '\n');
	buf_addf(&run->hosts, "127.0.0.1\t%s\n", run->spec.hostname);
	if (fs_read_file(AT_FDCWD, "/etc/resolv.conf", &run->resolv_conf, &ignored) < 0)
		buf_reset(&run->resolv_conf);
}

static pid_t run_clone(const struct run *run)
{
	const unsigned long flags =
		CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | SIGCHLD;
	/* like fork: no stack of its own, we have one thread */
	pid_t pid = (pid_t)syscall(SYS_clone, flags, NULL, NULL, NULL, 0);

	if (pid == 0)
		run_child(run);
	return pid;
}

/* -- the monitor ------------------------------------------------------------- */

/* Until the RUN ends. Anything that happens on the report socket means: kill it. */
static int monitor_wait(pid_t pid, int report_fd)
{
	struct pollfd p[2] = { { .fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN },
			       { .fd = report_fd, .events = POLLIN } };
	bool has_pidfd = p[0].fd >= 0;
	int status = SIGKILL; /* never 0, should it be lost */
	pid_t r;

	for (;;) {
		/* without pidfd_open (before Linux 5.3) the end is noticed by looking */
		if (poll(p, 2, has_pidfd ? -1 : 20) > 0 && p[1].revents) {
			kill(pid, SIGKILL);
			p[1].fd = -1;
		}
		r = waitpid(pid, &status, WNOHANG);
		if (r == pid || (r < 0 && errno != EINTR))
			return status;
	}
}

/* False: it could not be started, e says why. (A child that failed before exec has sent its own
 * report first, and main takes the first one.) */
static bool monitor_run(struct run *run, struct err *e, int *status)
{
	pid_t pid;

	if (spec_read(&run->spec, run->fds[HELPER_FD_SPEC], e) < 0)
		return false;
	if (stubs_make(&run->stubs, run->fds[HELPER_FD_ROOT], e) < 0) {
		stubs_remove(&run->stubs, run->fds[HELPER_FD_ROOT]);
		return false;
	}
	host_files_read(run);
	/* the working directory is carried over into the new mount namespace */
	if (fchdir(run->fds[HELPER_FD_ROOT]) < 0) {
		err_sys(e, "enter the tree");
	} else if ((pid = run_clone(run)) < 0) {
		err_sys(e, "make namespaces for RUN");
		e->kind = ERR_IMPOSSIBLE;
	} else {
		close(run->fds[HELPER_FD_OUT]);
		close(run->fds[HELPER_FD_ERR]);
		*status = monitor_wait(pid, run->fds[HELPER_FD_REPORT]);
	}
	stubs_remove(&run->stubs, run->fds[HELPER_FD_ROOT]);
	/* main unmounts the tree on the report: nothing of ours may be in it any more */
	close(run->fds[HELPER_FD_ROOT]);
	if (chdir("/") < 0)
		err_sys(e, "leave the tree");
	return e->kind == ERR_NONE;
}

static NORETURN void monitor_main(const int fds[HELPER_FDS], bool can_setgroups)
{
	struct run run = { .fds = fds, .can_setgroups = can_setgroups };
	struct helper_report r = { .ran = true };
	struct err e = ERR_INIT;

	signal(SIGCHLD, SIG_DFL);
	if (monitor_run(&run, &e, &r.status))
		send(fds[HELPER_FD_REPORT], &r, sizeof(r), MSG_NOSIGNAL);
	else
		report_error(fds[HELPER_FD_REPORT], &e);
	_exit(0);
}

/* -- the helper -------------------------------------------------------------- */

/* The environment may hold the job's secrets; this copy of it is ours to wipe. */
static void environment_wipe(void)
{
	for (char **v = environ; *v; v++)
		explicit_bzero(*v, strlen(*v));
	clearenv();
}

/* Standard input and output are main's; what else we were born with is of no use to a RUN, and a
 * pipe among it would look open to its reader for as long as we live. */
static void descriptors_close(int sock)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 0; null >= 0 && fd < 3; fd++)
		dup2(null, fd);
	for (int fd = 3; fd < 1024; fd++)
		if (fd != sock)
			close(fd);
	syscall(SYS_close_range, sock < 1024 ? 1024u : (unsigned)sock + 1, ~0u, 0);
}

static NORETURN void helper_main(int sock, bool can_setgroups)
{
	int fds[HELPER_FDS];

	setsid();		  /* the terminal's signals are main's affair */
	signal(SIGCHLD, SIG_IGN); /* monitors are reaped by the kernel */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	umask(022);
	environment_wipe();
	descriptors_close(sock);
	while (request_take(sock, fds)) {
		pid_t pid = fork();

		if (pid == 0) {
			close(sock);
			monitor_main(fds, can_setgroups);
		}
		if (pid < 0) {
			struct err e = ERR_INIT;

			err_sys(&e, "fork a monitor");
			report_error(fds[HELPER_FD_REPORT], &e);
		}
		for (int i = 0; i < HELPER_FDS; i++)
			close(fds[i]);
	}
	_exit(0);
}

int helper_start(struct helper *out, bool can_setgroups, struct err *e)
{
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, "socketpair");
	pid = fork();
	if (pid < 0) {
		err_sys(e, "fork the helper process");
		close(pair[0]);
		close(pair[1]);
		return -1;
	}
	if (pid == 0) {
		close(pair[0]);
		helper_main(pair[1], can_setgroups);
	}
	close(pair[1]);
	*out = (struct helper){ .sock = pair[0], .pid = pid };
	return 0;
}

void helper_stop(struct helper *h)
{
	close(h->sock);
	while (waitpid(h->pid, NULL, 0) < 0 && errno == EINTR)
		;
}
