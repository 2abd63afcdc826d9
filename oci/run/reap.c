/*
 * Usually there is nothing left, which costs one call. Else: the RUN's process group is killed,
 * which the kernel does at once for all of it, so an ordinary fork bomb is over. What made groups of
 * its own is looked for in /proc: everything found is stopped, until a look finds nobody who still
 * runs (who is stopped forks no more, and keeps his place below the limit of processes), and then
 * killed. All of this until there is no child: then there is no descendant either.
 *
 * A number may mean another process by the time it is used: pidfds do not, and what has one is
 * looked at again.
 */
#include "oci/run/reap.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/span.h"

#define STOP_ROUNDS 200
#define PAUSE_NS    1000000

struct process {
	pid_t pid, parent;
	char state;
	uint64_t nr_threads, started;
	bool is_ours;
};

struct look {
	struct process *v; /* by pid */
	size_t nr, cap;
	const pid_t *spared; /* they and what is below them are not ours */
	size_t nr_spared;
};

static void look_release(struct look *l)
{
	free(l->v);
}

/* -- /proc ------------------------------------------------------------------------- */

static bool number_at(uint64_t *v, struct span *rest)
{
	struct span word;

	return span_split(rest, ' ', &word) && span_to_u64(v, word) == 0;
}

static bool skip(struct span *rest, int nr)
{
	struct span word;

	while (nr-- > 0)
		if (!span_split(rest, ' ', &word))
			return false;
	return true;
}

/* "PID (NAME) STATE PARENT … THREADS(20th) … STARTED(22nd) …"; the name may hold anything. */
static bool parse_stat(struct process *out, struct span text)
{
	ptrdiff_t end = span_rfind(text, ')');
	struct span rest;
	uint64_t parent;

	if (end < 0 || text.n < (size_t)end + 4)
		return false;
	rest = span_sub(text, (size_t)end + 2);
	out->state = rest.p[0];
	rest = span_sub(rest, 2);
	if (!number_at(&parent, &rest))
		return false;
	out->parent = (pid_t)parent;
	return skip(&rest, 15) && number_at(&out->nr_threads, &rest) && skip(&rest, 1) &&
	       number_at(&out->started, &rest);
}

static bool process_read(struct process *out, int proc_fd, pid_t pid)
{
	auto_free char *name = mem_printf("%d/stat", pid);
	auto_close int fd = openat(proc_fd, name, O_RDONLY | O_CLOEXEC);
	char text[1024];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));

	*out = (struct process){ .pid = pid };
	return n > 0 && parse_stat(out, span_of(text, (size_t)n));
}

static void read_all(struct look *l, int proc_fd)
{
	int fd = openat(proc_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *d;
	uint64_t pid;

	l->nr = 0;
	while (dir && (d = readdir(dir))) {
		MEM_GROW(l->v, l->nr, l->cap);
		if (span_to_u64(&pid, span_of_str(d->d_name)) == 0 &&
		    process_read(&l->v[l->nr], proc_fd, (pid_t)pid))
			l->nr++;
	}
	if (dir)
		closedir(dir);
}

static int by_pid(const void *a, const void *b)
{
	const struct process *x = a, *y = b;

	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

static bool is_spared(const struct look *l, pid_t pid)
{
	for (size_t i = 0; i < l->nr_spared; i++)
		if (l->spared[i] == pid)
			return true;
	return false;
}

static bool is_below(const struct look *l, const struct process *of)
{
	const struct process key = { .pid = of->parent };
	const struct process *p;

	if (of->parent == getpid())
		return !is_spared(l, of->pid);
	p = l->nr ? bsearch(&key, l->v, l->nr, sizeof(*l->v), by_pid) : NULL;
	return p && p->is_ours;
}

/* Children mostly have higher numbers than their parents, so one pass finds nearly all. */
static void look(struct look *l, int proc_fd)
{
	bool found;

	read_all(l, proc_fd);
	if (l->nr)
		qsort(l->v, l->nr, sizeof(*l->v), by_pid);
	do {
		found = false;
		for (size_t i = 0; i < l->nr; i++)
			if (!l->v[i].is_ours && is_below(l, &l->v[i]))
				l->v[i].is_ours = found = true;
	} while (found);
}

/* -- signals ----------------------------------------------------------------------- */

static void tell(const struct process *p, int proc_fd, int sig)
{
	auto_close int fd = (int)syscall(SYS_pidfd_open, p->pid, 0);
	struct process now;

	if (fd < 0 && errno == ESRCH)
		return;
	if (!process_read(&now, proc_fd, p->pid) || now.started != p->started)
		return;
	if (fd < 0) /* before Linux 5.3, or under an old filter */
		kill(p->pid, sig);
	else
		syscall(SYS_pidfd_send_signal, fd, sig, NULL, 0);
}

static void rest_a_little(void)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };

	nanosleep(&pause, NULL);
}

/* The state is that of the first thread. When only that one has ended nothing tells whether the
 * others are stopped: they count as running, and are given all rounds. */
static bool can_run(const struct process *p)
{
	return p->is_ours && (!strchr("TtZX", p->state) || (p->state == 'Z' && p->nr_threads > 1));
}

/* Leaves in l everybody who is there when nobody runs any more. */
static void stop_all(struct look *l, int proc_fd)
{
	for (int round = 0; round < STOP_ROUNDS; round++) {
		size_t running = 0;

		look(l, proc_fd);
		for (size_t i = 0; i < l->nr; i++)
			if (can_run(&l->v[i])) {
				tell(&l->v[i], proc_fd, SIGSTOP);
				running++;
			}
		if (!running)
			return;
		rest_a_little();
	}
}

/* Leaves in l who was there; says how many. */
static size_t kill_all(struct look *l, int proc_fd)
{
	size_t nr = 0;

	stop_all(l, proc_fd);
	for (size_t i = 0; i < l->nr; i++)
		if (l->v[i].is_ours) {
			tell(&l->v[i], proc_fd, SIGKILL);
			nr++;
		}
	return nr;
}

/* -- waiting ----------------------------------------------------------------------- */

int reap_begin(struct reap *r, struct err *e)
{
	sigset_t ends;

	*r = REAP_INIT;
	r->proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r->proc_fd < 0 || faccessat(r->proc_fd, "self/stat", R_OK, 0) < 0) {
		err_sys(e, "look for processes in /proc");
		e->kind = ERR_IMPOSSIBLE;
		return -1;
	}
	sigemptyset(&ends);
	sigaddset(&ends, SIGCHLD);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	r->ends_fd = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
	if (r->ends_fd < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		return err_sys(e, "become the reaper of a RUN's processes");
	return 0;
}

void reap_release(struct reap *r)
{
	fd_auto_close_(&r->ends_fd);
	fd_auto_close_(&r->proc_fd);
	*r = REAP_INIT;
}

struct ending {
	pid_t pid;
	int status;
	bool has_ended;
};

/*
 * Everybody who has ended. False: there is no child any more. The RUN's own process is looked at
 * before it is reaped: its number is that of its group, which until then is nobody else's.
 */
static bool reap_ended(struct ending *end)
{
	for (;;) {
		siginfo_t who = { .si_pid = 0 };
		int status = 0;

		if (waitid(P_ALL, 0, &who, WEXITED | WNOHANG | WNOWAIT) < 0)
			return errno != ECHILD;
		if (!who.si_pid)
			return true;
		if (who.si_pid == end->pid)
			kill(-end->pid, SIGKILL);
		if (waitpid(who.si_pid, &status, 0) == end->pid) {
			end->status = status;
			end->has_ended = true;
		}
	}
}

static bool is_asked_to_stop(const struct reap *r, int stop_fd)
{
	struct pollfd p[2] = { { .fd = r->ends_fd, .events = POLLIN },
			       { .fd = stop_fd, .events = POLLIN } };
	struct signalfd_siginfo ignored;

	if (poll(p, 2, -1) < 0)
		return false;
	while (read(r->ends_fd, &ignored, sizeof(ignored)) > 0)
		;
	return p[1].revents;
}

int reap_wait(const struct reap *r, pid_t pid, int stop_fd)
{
	CLEANUP(look_release) struct look l = { .nr = 0 };
	struct ending end = { .pid = pid, .status = SIGKILL };
	bool stop = false;

	while (reap_ended(&end) && !end.has_ended && !stop)
		stop = is_asked_to_stop(r, stop_fd);
	if (stop && !end.has_ended)
		kill(-pid, SIGKILL);
	while (reap_ended(&end)) {
		kill_all(&l, r->proc_fd);
		if (reap_ended(&end))
			rest_a_little();
	}
	return end.status;
}

void reap_strays(int proc_fd, const pid_t *spared, size_t nr_spared)
{
	CLEANUP(look_release) struct look l = { .spared = spared, .nr_spared = nr_spared };

	while (kill_all(&l, proc_fd)) {
		for (size_t i = 0; i < l.nr; i++)
			if (l.v[i].is_ours && l.v[i].parent == getpid())
				waitpid(l.v[i].pid, NULL, WNOHANG);
		rest_a_little();
	}
}
