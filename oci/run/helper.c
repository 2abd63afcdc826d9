/*
 * Processes with one job each (helper.h has the picture). Everything
 * here runs single-threaded and talks only over the sockets it was given.
 *
 * What a bare RUN has started no kernel ends for us: its monitor does that (reap.h); a keeper above
 * it does it for a monitor that the RUN has killed, and the helper for that keeper.
 */
#include "oci/run/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/fs.h"
#include "base/mem.h"
#include "oci/run/caps.h"
#include "oci/run/emulate.h"
#include "oci/run/enter.h"
#include "oci/run/helper_parts.h"
#include "oci/run/reap.h"

#define TEXT_FILE_MAX (1u << 20)

extern char **environ;

/* -- requests ---------------------------------------------------------------- */

union fd_control {
	struct cmsghdr align;
	char room[CMSG_SPACE(sizeof(int) * HELPER_FDS_MAX)];
};

int helper_request(int sock, enum helper_kind kind, const int *fds, size_t nr, struct err *e)
{
	union fd_control control = { 0 };
	struct iovec iov = { .iov_base = (char[]){ (char)kind }, .iov_len = 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = CMSG_SPACE(sizeof(int) * nr) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int) * nr);
	memcpy(CMSG_DATA(c), fds, sizeof(int) * nr);
	while (sendmsg(sock, &msg, MSG_NOSIGNAL) < 0)
		if (errno != EINTR)
			return err_sys(e, "ask the helper process");
	return 0;
}

/* False: main is gone. */
static bool request_take(int sock, struct request *r)
{
	union fd_control control;
	char kind;
	struct iovec iov = { .iov_base = &kind, .iov_len = 1 };
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
	if (!c || c->cmsg_len < CMSG_LEN(sizeof(int) * HELPER_FDS))
		return false;
	r->kind = (enum helper_kind)kind;
	r->nr = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	memcpy(r->fds, CMSG_DATA(c), sizeof(int) * r->nr);
	return true;
}

/* -- the RUN itself ---------------------------------------------------------- */

static void report_error(int fd, const struct err *e)
{
	struct helper_report r = { .kind = e->kind, .sys = e->sys };

	memcpy(r.text, e->text, sizeof(r.text));
	send(fd, &r, sizeof(r), MSG_NOSIGNAL);
}

NORETURN void helper_run_child(const struct run *run)
{
	const struct enter_from from = { .spec = &run->spec,
					 .stubs = &run->stubs,
					 .taken = run->fds + HELPER_FDS,
					 .resolv_conf = buf_span(&run->resolv_conf),
					 .out_fd = run->fds[HELPER_FD_OUT],
					 .err_fd = run->fds[HELPER_FD_ERR],
					 .report_fd = run->fds[HELPER_FD_REPORT],
					 .filter = &run->common->filter,
					 .can_setgroups = run->common->can_setgroups,
					 .caps = run->caps,
					 .is_bare = run->request->kind == HELPER_BARE,
					 .root_fd =
						 run->is_in_root ? -1 : run->fds[HELPER_FD_ROOT] };
	struct err e = ERR_INIT;

	enter_exec(&from, &e);
	report_error(run->fds[HELPER_FD_REPORT], &e);
	_exit(127);
}

static size_t nr_taken(const struct run_spec *s)
{
	size_t nr = 0;

	for (size_t i = 0; i < s->nr_mounts; i++)
		nr += s->mounts[i].kind == RUN_MOUNT_BIND;
	return nr;
}

int helper_read_spec(struct run_spec *out, const struct request *request, struct err *e)
{
	int fd = request->fds[HELPER_FD_SPEC];
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
	if (r == 0 && nr_taken(out) != request->nr - HELPER_FDS)
		return err_set(e, ERR_CORRUPT, "the helper's instructions lack a mount");
	return r;
}

void helper_read_text(struct buf *out, const char *path)
{
	struct err ignored = ERR_INIT;

	buf_init(out, TEXT_FILE_MAX);
	if (fs_read_file(AT_FDCWD, path, out, &ignored) < 0)
		buf_reset(out);
}

/* -- the monitor of a bare RUN ----------------------------------------------- */

/* What is mounted is the RUN's by now, and so are its secrets. */
static void monitor_forget(struct run *run)
{
	close(run->fds[HELPER_FD_OUT]);
	close(run->fds[HELPER_FD_ERR]);
	for (size_t i = HELPER_FDS; i < run->request->nr; i++)
		close(run->fds[i]);
	run_spec_release(&run->spec);
}

static bool is_root(int fd)
{
	struct stat at, root;

	return fstat(fd, &at) == 0 && stat("/", &root) == 0 && at.st_dev == root.st_dev &&
	       at.st_ino == root.st_ino;
}

static int bare_caps(struct run *run, struct err *e)
{
	run->is_in_root = is_root(run->fds[HELPER_FD_ROOT]);
	return run->is_in_root ? caps_apart(&run->caps, e)
			       : caps_apart_chroot(&run->caps, run->fds[HELPER_FD_ASIDE], e);
}

/* Until it and all that it started is dead. */
static bool bare_start(struct run *run, const struct reap *reap, struct err *e, int *status)
{
	pid_t pid = fork();

	if (pid == 0)
		helper_run_child(run);
	if (pid < 0) {
		err_sys(e, "fork for RUN");
		return false;
	}
	monitor_forget(run);
	*status = reap_wait(reap, pid, run->fds[HELPER_FD_REPORT]);
	return true;
}

static bool monitor_bare(struct run *run, struct err *e, int *status)
{
	CLEANUP(reap_release) struct reap reap = REAP_INIT;
	struct emulate_from from = { .spec = &run->spec,
				     .fds = run->fds + HELPER_FDS,
				     .root_fd = run->fds[HELPER_FD_ROOT],
				     .aside_fd = run->fds[HELPER_FD_ASIDE],
				     .memory_fd = run->fds[HELPER_FD_MEMORY],
				     .stop_fd = run->fds[HELPER_FD_REPORT],
				     .err_fd = run->fds[HELPER_FD_ERR],
				     .resolv_conf = buf_span(&run->common->resolv_conf),
				     .hosts = buf_span(&run->common->hosts) };
	struct emulate *mounts;
	bool ran;

	if (bare_caps(run, e) < 0 || reap_begin(&reap, e) < 0)
		return false;
	from.is_in_root = run->is_in_root;
	if (emulate_make(&mounts, &from, e) < 0) {
		e->kind = e->kind == ERR_ABSENT ? ERR_FAILED : e->kind;
		return false;
	}
	ran = bare_start(run, &reap, e, status);
	return emulate_undo(mounts, e) == 0 && ran;
}

/*
 * Returns in the monitor of a bare RUN, which that can kill: what it started comes to the keeper
 * then, and is dead before the report socket closes, which tells main.
 */
static void monitor_keep(const struct request *request)
{
	struct reap reap = REAP_INIT;
	struct err e = ERR_INIT;
	pid_t pid = -1;

	if (reap_begin(&reap, &e) == 0 && (pid = fork()) < 0)
		err_sys(&e, "fork a monitor");
	if (pid == 0) {
		setsid();
		reap_release(&reap);
		return;
	}
	for (size_t i = 0; i < request->nr; i++)
		if (i != HELPER_FD_REPORT)
			close(request->fds[i]);
	if (pid < 0)
		report_error(request->fds[HELPER_FD_REPORT], &e);
	else
		reap_wait(&reap, pid, -1); /* main's wish to stop is the monitor's affair */
	_exit(0);
}

static NORETURN void monitor_main(const struct request *request, const struct common *common)
{
	struct run run = { .request = request, .fds = request->fds, .common = common };
	struct helper_report r = { .ran = true };
	struct err e = ERR_INIT;

	monitor_keep(request);
	if (helper_read_spec(&run.spec, request, &e) == 0 && monitor_bare(&run, &e, &r.status))
		send(run.fds[HELPER_FD_REPORT], &r, sizeof(r), MSG_NOSIGNAL);
	else
		report_error(run.fds[HELPER_FD_REPORT], &e);
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
	enter_close_all_but(sock);
}

/* A child of the helper's: a RUN in namespaces, or the keeper of a bare one. */
struct ward {
	pid_t pid;
	int report;	   /* held until all is dead, for its end lets main go on */
	struct ns_run *ns; /* NULL: a keeper */
	bool is_killed;
};
struct wards {
	struct ward *v;
	size_t nr, cap;
	struct reap reap;
};

/* Takes the report socket over. */
static void wards_add(struct wards *w, struct request *r, pid_t pid, struct ns_run *ns)
{
	MEM_GROW(w->v, w->nr, w->cap);
	w->v[w->nr++] = (struct ward){ .pid = pid,
				       .report = fd_steal(&r->fds[HELPER_FD_REPORT]),
				       .ns = ns };
}

/* What a keeper that was killed has left has come to us. */
static void wards_end_strays(const struct wards *w)
{
	auto_free pid_t *pids = mem_zalloc((w->nr + 1) * sizeof(*pids));

	for (size_t i = 0; i < w->nr; i++)
		pids[i] = w->v[i].pid;
	reap_strays(w->reap.proc_fd, pids, w->nr);
}

static void ward_report(const struct ward *ended, int status)
{
	const struct helper_report r = { .ran = true, .status = status };

	send(ended->report, &r, sizeof(r), MSG_NOSIGNAL);
}

static void wards_ended(struct wards *w, pid_t pid, int status)
{
	for (size_t i = 0; i < w->nr; i++) {
		struct ward ended = w->v[i];

		if (ended.pid != pid)
			continue;
		w->v[i] = w->v[--w->nr];
		if (ended.ns) {
			ns_run_end(ended.ns);
			ward_report(&ended, status);
		} else if (WIFSIGNALED(status)) {
			wards_end_strays(w);
		}
		fd_auto_close_(&ended.report);
		return;
	}
}

static void wards_reap(struct wards *w)
{
	struct signalfd_siginfo ignored;
	int status;
	pid_t pid;

	while (read(w->reap.ends_fd, &ignored, sizeof(ignored)) > 0)
		;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		wards_ended(w, pid, status);
}

/* Anything that happens on the report socket of a RUN in namespaces means this. */
static void ward_kill(struct ward *ward)
{
	kill(ward->pid, SIGKILL);
	ward->is_killed = true;
}

#define OWN_POLLS 2

/* False: main has asked for something, or is gone. */
static bool wards_wait(struct wards *w, int sock)
{
	auto_free struct pollfd *p = mem_zalloc((OWN_POLLS + w->nr) * sizeof(*p));

	p[0] = (struct pollfd){ .fd = sock, .events = POLLIN };
	p[1] = (struct pollfd){ .fd = w->reap.ends_fd, .events = POLLIN };
	for (size_t i = 0; i < w->nr; i++)
		p[OWN_POLLS + i] =
			(struct pollfd){ .fd = w->v[i].ns && !w->v[i].is_killed ? w->v[i].report
										: -1,
					 .events = POLLIN };
	if (poll(p, OWN_POLLS + w->nr, -1) < 0)
		return true;
	for (size_t i = 0; i < w->nr; i++)
		if (p[OWN_POLLS + i].revents)
			ward_kill(&w->v[i]);
	if (p[1].revents)
		wards_reap(w);
	return !p[0].revents;
}

/* Main is gone. Keepers and monitors see that themselves. */
static void wards_end(struct wards *w)
{
	for (size_t i = 0; i < w->nr; i++) {
		if (!w->v[i].ns)
			continue;
		ward_kill(&w->v[i]);
		while (waitpid(w->v[i].pid, NULL, 0) < 0 && errno == EINTR)
			;
		ns_run_end(w->v[i].ns);
	}
}

/* In a child: what is the helper's. */
static void wards_release(struct wards *w)
{
	for (size_t i = 0; i < w->nr; i++)
		fd_auto_close_(&w->v[i].report);
	free(w->v);
	reap_release(&w->reap);
}

static pid_t keeper_start(struct wards *w, const struct request *request,
			  const struct common *common, int sock, struct err *e)
{
	pid_t pid = fork();

	if (pid == 0) {
		close(sock);
		wards_release(w);
		monitor_main(request, common);
	}
	if (pid < 0)
		err_sys(e, "fork a monitor");
	return pid;
}

static void request_start(struct wards *w, struct request *request, const struct common *common,
			  int sock)
{
	struct err e = common->unable;
	struct ns_run *ns = NULL;
	pid_t pid;

	if (e.kind != ERR_NONE)
		pid = -1;
	else if (request->kind == HELPER_NS)
		ns = ns_run_begin(&pid, request, common, &e);
	else
		pid = keeper_start(w, request, common, sock, &e);
	if (pid < 0)
		report_error(request->fds[HELPER_FD_REPORT], &e);
	else
		wards_add(w, request, pid, ns);
	for (size_t i = 0; i < request->nr; i++)
		fd_auto_close_(&request->fds[i]);
}

/* What is needed for all RUNs; without it, each is refused. */
static void prepare(struct common *common, struct wards *wards)
{
	*wards = (struct wards){ .reap = REAP_INIT };
	if (run_seccomp_compile(&common->filter, &common->unable) < 0 ||
	    reap_begin(&wards->reap, &common->unable) < 0 ||
	    ns_run_stack(&common->stack, &common->unable) < 0)
		err_wrap(&common->unable, "prepare RUN");
	helper_read_text(&common->resolv_conf, "/etc/resolv.conf");
	helper_read_text(&common->hosts, "/etc/hosts");
}

static NORETURN void helper_main(int sock, bool can_setgroups)
{
	struct common common = { .can_setgroups = can_setgroups, .unable = ERR_INIT };
	struct request request;
	struct wards wards;

	setsid(); /* the terminal's signals are main's affair */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	umask(022);
	environment_wipe();
	descriptors_close(sock);
	prepare(&common, &wards);
	for (;;) {
		while (wards_wait(&wards, sock))
			;
		if (!request_take(sock, &request))
			break;
		request_start(&wards, &request, &common, sock);
	}
	wards_end(&wards);
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

bool helper_is_gone(const struct helper *h)
{
	siginfo_t who = { .si_pid = 0 };

	return waitid(P_PID, (id_t)h->pid, &who, WEXITED | WNOHANG | WNOWAIT) < 0 || who.si_pid;
}
