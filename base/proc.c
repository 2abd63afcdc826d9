/*
 * posix_spawn, because a threaded program cannot safely do anything between fork
 * and exec itself: glibc does it there with all signals held, and tells the exec's
 * own errno back. What is given on stdin lies in a memfd: nothing to pump, no
 * SIGPIPE when the child does not want it, and no secret in a file.
 *
 * The child leads its own process group, so that a cancel or a time limit also ends
 * what it started. Its end is waited for by pidfd where the kernel has that; the end
 * of its output is not: a daemon it leaves behind may hold the pipes for ever.
 */
#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/rootdir.h"

#define TICK_MS	 20 /* between two looks where there is no pidfd */
#define PIECE	 8192
#define PIPE_MAX (1u << 20) /* the most that a pipe holds */

/* -1 where the kernel or a filter refuses it. */
static int pidfd_of(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0u);
}

/* 1: reaped. 0: still runs. */
static int try_reap(int *status, pid_t pid, struct err *e)
{
	pid_t r;

	do
		r = waitpid(pid, status, WNOHANG | __WALL);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return err_sys(e, "wait for process %d", (int)pid);
	return r == pid;
}

/* -- starting ----------------------------------------------------------------- */

/* What the child reads: the input, or /dev/null. */
static int open_stdin(struct span input, struct err *e)
{
	auto_close int fd = -1;

	if (!input.n) {
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return err_sys(e, "open '/dev/null'");
		return fd_steal(&fd);
	}
	fd = memfd_create("stdin", MFD_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "make a file in memory");
	if (fs_write_all(fd, input.p, input.n, "file in memory", e) < 0)
		return -1;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(e, "rewind the file in memory");
	return fd_steal(&fd);
}

/* A pipe, both ends closed on exec; our end does not block. */
static int open_pipe(int *ours, int *theirs, struct err *e)
{
	int p[2];

	if (pipe2(p, O_CLOEXEC) < 0)
		return err_sys(e, "make a pipe");
	*ours = p[0];
	*theirs = p[1];
	if (fcntl(*ours, F_SETFL, O_NONBLOCK) < 0)
		return err_sys(e, "set up a pipe");
	return 0;
}

/*
 * The child's signals are as a new program expects them: our workers block all, and
 * what we ignore it would ignore too.
 */
static void spawn_attributes(posix_spawnattr_t *attr, bool own_session)
{
	sigset_t none, all;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_setsigmask(attr, &none);
	posix_spawnattr_setsigdefault(attr, &all);
	posix_spawnattr_setpgroup(attr, 0);
	posix_spawnattr_setflags(
		attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
			      (own_session ? POSIX_SPAWN_SETSID : POSIX_SPAWN_SETPGROUP));
}

static int spawn(pid_t *pid, const struct proc_spec *spec, bool own_session, const int fds[3],
		 struct err *e)
{
	static char *const no_env[] = { NULL };
	char *const *env = environ;
	posix_spawn_file_actions_t acts;
	posix_spawnattr_t attr;

	if (spec->env)
		env = spec->env->v ? spec->env->v : no_env;
	posix_spawnattr_init(&attr);
	posix_spawn_file_actions_init(&acts);
	spawn_attributes(&attr, own_session);
	for (int i = 0; i < 3; i++)
		posix_spawn_file_actions_adddup2(&acts, fds[i], i);
	posix_spawn_file_actions_addclosefrom_np(&acts, 3);
	errno = posix_spawnp(pid, spec->argv[0], &acts, &attr, (char *const *)spec->argv, env);
	posix_spawn_file_actions_destroy(&acts);
	posix_spawnattr_destroy(&attr);
	return errno ? err_sys(e, "run '%s'", spec->argv[0]) : 0;
}

/* -- following ---------------------------------------------------------------- */

struct child {
	const struct op *op;
	const struct proc_spec *spec;
	pid_t pid;
	int pidfd;
	int out[2]; /* our ends of stdout and stderr; -1 once they ended */
	struct buf *to[2];
	int64_t deadline_ms; /* 0: none */
};

/*
 * Takes what is there; what is over the ceiling is read and dropped, or the child would hang.
 * No more than a pipe holds, or one that writes faster than we read would never let us go.
 */
static void drain(struct child *c, int i)
{
	char piece[PIECE];
	ssize_t n;

	for (unsigned k = 0; k < PIPE_MAX / PIECE && c->out[i] >= 0; k++) {
		n = read(c->out[i], piece, sizeof(piece));
		if (n > 0) {
			size_t room = c->to[i]->max - c->to[i]->len;

			buf_add(c->to[i], piece, (size_t)n < room ? (size_t)n : room);
			c->to[i]->over |= (size_t)n > room;
		} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
			close(c->out[i]);
			c->out[i] = -1;
		} else if (errno == EAGAIN) {
			return;
		}
	}
}

static int check_limits(const struct child *c, struct err *e)
{
	struct clock *clock = c->op->clock;

	if (cancel_check(c->op->cancel, e) < 0)
		return -1;
	if (c->deadline_ms && clock->mono_ms(clock) >= c->deadline_ms)
		return err_set(e, ERR_TIMEOUT, "run '%s': did not end within %jd ms",
			       c->spec->argv[0], (intmax_t)c->spec->timeout_ms);
	return 0;
}

static int poll_timeout(const struct child *c)
{
	int64_t left = -1;

	if (c->deadline_ms) {
		left = c->deadline_ms - c->op->clock->mono_ms(c->op->clock);
		if (left < 0)
			left = 0;
		if (left > 60000)
			left = 60000;
	}
	if (c->pidfd < 0 && (left < 0 || left > TICK_MS))
		left = TICK_MS;
	return (int)left;
}

static int follow(int *status, struct child *c, struct err *e)
{
	const struct cancel *cn = c->op->cancel;

	for (;;) {
		struct pollfd fds[] = {
			{ .fd = c->out[0], .events = POLLIN },
			{ .fd = c->out[1], .events = POLLIN },
			{ .fd = c->pidfd, .events = POLLIN },
			{ .fd = cn ? cn->fd : -1, .events = POLLIN },
		};
		int r = try_reap(status, c->pid, e);

		/* after its end: what it wrote last is in the pipes by now */
		drain(c, 0);
		drain(c, 1);
		if (r)
			return r < 0 ? -1 : 0;
		if (check_limits(c, e) < 0)
			return -1;
		if (poll(fds, ARRAY_LEN(fds), poll_timeout(c)) < 0 && errno != EINTR)
			return err_sys(e, "wait for '%s'", c->spec->argv[0]);
	}
}

/* Follows the child; one that may not go on is killed with all it started, and reaped. */
static int follow_or_kill(int *status, struct child *c, struct err *e)
{
	if (follow(status, c, e) == 0)
		return 0;
	kill(-c->pid, SIGKILL);
	while (waitpid(c->pid, status, __WALL) < 0 && errno == EINTR)
		;
	return -1;
}

static int run(struct proc_result *out, const struct op *op, const struct proc_spec *spec,
	       struct err *e)
{
	struct proc_result r = { .out = BUF_INIT(spec->output_max),
				 .err = BUF_INIT(spec->output_max) };
	struct child c = {
		.op = op, .spec = spec, .pidfd = -1, .out = { -1, -1 }, .to = { &r.out, &r.err }
	};
	auto_close int in = -1, out_end = -1, err_end = -1;
	int n = -1;

	if (cancel_check(op->cancel, e) < 0)
		return -1;
	in = open_stdin(spec->input, e);
	if (in >= 0 && open_pipe(&c.out[0], &out_end, e) == 0 &&
	    open_pipe(&c.out[1], &err_end, e) == 0 &&
	    spawn(&c.pid, spec, false, (int[3]){ in, out_end, err_end }, e) == 0) {
		close(fd_steal(&out_end));
		close(fd_steal(&err_end));
		c.pidfd = pidfd_of(c.pid);
		if (spec->timeout_ms > 0)
			c.deadline_ms = op->clock->mono_ms(op->clock) + spec->timeout_ms;
		n = follow_or_kill(&r.status, &c, e);
	}
	fd_auto_close_(&c.pidfd);
	fd_auto_close_(&c.out[0]);
	fd_auto_close_(&c.out[1]);
	if (n < 0)
		proc_result_release(&r);
	else
		*out = r;
	return n;
}

int proc_run(struct proc_result *out, const struct op *op, const struct proc_spec *spec,
	     struct err *e)
{
	int r;

	rootdir_hold(); /* it is a program of this machine that is meant */
	r = run(out, op, spec, e);
	rootdir_release();
	return r;
}

void proc_result_release(struct proc_result *r)
{
	buf_release(&r->out);
	buf_release(&r->err);
	r->status = 0;
}

/* -- a program that runs beside us ---------------------------------------------- */

#define END_MS 1000

static int talk_start(struct proc_talk *t, int fd, const char *const *argv, struct err *e)
{
	struct proc_spec spec = { .argv = argv };
	auto_close int err_end = -1;

	if (open_pipe(&t->err, &err_end, e) < 0)
		return -1;
	return spawn(&t->pid, &spec, true, (int[3]){ fd, fd, err_end }, e);
}

int proc_talk_start(struct proc_talk *out, int fd, const char *const *argv, struct err *e)
{
	struct proc_talk t = { .err = -1 };
	int r;

	rootdir_hold(); /* it is a program of this machine that is meant */
	r = talk_start(&t, fd, argv, e);
	rootdir_release();
	if (r < 0)
		fd_auto_close_(&t.err);
	else
		*out = t;
	return r;
}

/* The last of it: whoever fails says why in the end. */
static void keep_last(struct buf *out, struct span piece)
{
	size_t over = 0;

	if (piece.n > out->max)
		piece = span_sub(piece, piece.n - out->max);
	if (out->len + piece.n > out->max)
		over = out->len + piece.n - out->max;
	if (over)
		memmove(out->data, out->data + over, out->len - over);
	out->len -= over;
	buf_add_span(out, piece);
}

/* Nothing comes any more; whoever polls it would find that again and again. */
static void talk_is_silent(struct proc_talk *t)
{
	fd_auto_close_(&t->err);
	t->err = -1;
}

void proc_talk_said(struct proc_talk *t, struct buf *out)
{
	char piece[PIECE];

	for (unsigned k = 0; k < PIPE_MAX / PIECE && t->err >= 0; k++) {
		ssize_t n = read(t->err, piece, sizeof(piece));

		if (n > 0)
			keep_last(out, span_of(piece, (size_t)n));
		else if (n == 0)
			talk_is_silent(t);
		else if (errno != EINTR)
			return;
	}
}

bool proc_talk_has_ended(struct proc_talk *t, struct buf *said, int64_t wait_ms)
{
	int64_t until = clock_system.mono_ms(&clock_system) + wait_ms;
	struct err ignored = ERR_INIT;

	while (t->pid && !t->has_ended) {
		struct pollfd words = { .fd = said ? t->err : -1, .events = POLLIN };

		/* a process that cannot be waited for is not there */
		t->has_ended = try_reap(&t->status, t->pid, &ignored) != 0;
		/* after its end: what it wrote last is in the pipe by now */
		if (said)
			proc_talk_said(t, said);
		if (t->has_ended || clock_system.mono_ms(&clock_system) >= until)
			break;
		poll(&words, 1, TICK_MS);
	}
	return t->has_ended || !t->pid;
}

void proc_talk_end(struct proc_talk *t)
{
	if (t->pid && !proc_talk_has_ended(t, NULL, 0)) {
		kill(-t->pid, SIGTERM);
		if (!proc_talk_has_ended(t, NULL, END_MS)) {
			kill(-t->pid, SIGKILL);
			proc_talk_has_ended(t, NULL, INT32_MAX);
		}
	}
	t->pid = 0;
	talk_is_silent(t);
}

/* A shell gives 128 + n for a command that a signal ended. */
static void describe_exit(char *text, size_t size, int code)
{
	const char *name = code > 128 ? sigabbrev_np(code - 128) : NULL;

	if (name)
		snprintf(text, size, "exit status %d (128 + %d: SIG%s)", code, code - 128, name);
	else
		snprintf(text, size, "exit status %d", code);
}

void proc_describe(char *text, size_t size, int status)
{
	const char *name, *words;

	if (!WIFSIGNALED(status)) {
		describe_exit(text, size, WEXITSTATUS(status));
		return;
	}
	name = sigabbrev_np(WTERMSIG(status));
	words = sigdescr_np(WTERMSIG(status));
	if (name && words)
		snprintf(text, size, "killed by SIG%s (%s)", name, words);
	else
		snprintf(text, size, "killed by signal %d", WTERMSIG(status));
}
