/*
 * What is watched: two pipes of lines, the report, and what a RUN says to an agent. A RUN is over
 * when its monitor has reported, or nobody is left who could; what the pipes hold then is its output.
 */
#include "oci/run/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/progress.h"
#include "base/secret.h"
#include "oci/run/attach.h"
#include "oci/run/hide.h"
#include "oci/run/relay.h"

#define LINE_MAX_BYTES (16u << 10) /* a longer line of output is shown in pieces */

/* -- output ------------------------------------------------------------------ */

struct line_reader {
	int fd, stream;
	const char *id;
	const struct strv *hidden;
	struct buf line;
};

/* A NUL shows as nothing, as in a terminal: what follows it in its line is shown. */
static void line_add(struct line_reader *r, struct span bytes)
{
	while (bytes.n) {
		const char *nul = memchr(bytes.p, '\0', bytes.n);
		size_t n = nul ? (size_t)(nul - bytes.p) : bytes.n;

		buf_add(&r->line, bytes.p, n);
		bytes = span_sub(bytes, n + (nul != NULL));
	}
}

static void line_emit(struct line_reader *r, struct op *op)
{
	auto_buf struct buf shown = BUF_INIT(2 * LINE_MAX_BYTES);
	struct progress_event ev = {
		.kind = PROGRESS_LINE, .id = r->id, .text = buf_str(&r->line), .stream = r->stream
	};

	if (r->hidden->n && hide_line(&shown, buf_span(&r->line), r->hidden))
		ev.text = buf_str(&shown);
	progress_emit(op->progress, &ev);
	buf_reset(&r->line);
}

static void line_feed(struct line_reader *r, struct op *op, struct span bytes)
{
	while (bytes.n) {
		ptrdiff_t end = span_find(bytes, '\n');
		size_t take = end >= 0 ? (size_t)end : bytes.n;
		size_t room = LINE_MAX_BYTES - r->line.len;

		if (take > room) {
			line_add(r, span_of(bytes.p, room));
			bytes = span_sub(bytes, room);
			line_emit(r, op);
			continue;
		}
		line_add(r, span_of(bytes.p, take));
		bytes = span_sub(bytes, take + (end >= 0));
		if (end >= 0)
			line_emit(r, op);
	}
}

/* Reads what is there, and says how much; at the end of the stream fd becomes -1. */
static size_t line_pump(struct line_reader *r, struct op *op)
{
	char piece[16 << 10];
	ssize_t n = read(r->fd, piece, sizeof(piece));

	if (n > 0) {
		line_feed(r, op, span_of(piece, (size_t)n));
	} else if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
		if (r->line.len)
			line_emit(r, op);
		close(fd_steal(&r->fd));
	}
	return n > 0 ? (size_t)n : 0;
}

/* What is there now, and the end of an unfinished line. More may come from somebody who was handed the
 * pipe, or whom nobody could kill: that is for nobody. */
static void line_drain(struct line_reader *r, struct op *op)
{
	int left = 0;

	if (r->fd < 0 || ioctl(r->fd, FIONREAD, &left) < 0)
		left = 0;
	while (left > 0 && r->fd >= 0)
		left -= (int)line_pump(r, op);
	if (r->line.len)
		line_emit(r, op);
}

/* -- one RUN ----------------------------------------------------------------- */

struct watch {
	struct op *op;
	struct line_reader out, err;
	struct relay *relay; /* NULL: the RUN reaches no agent */
	size_t nr_agents;
	int report;
	int64_t deadline_ms; /* 0: none */
	bool reported, kill_sent;
	struct helper_report result;
	enum err_kind ended_by; /* ERR_CANCELLED or ERR_TIMEOUT when we asked for the end */
};

static void watch_release(struct watch *r)
{
	if (r->out.fd >= 0)
		close(r->out.fd);
	if (r->err.fd >= 0)
		close(r->err.fd);
	if (r->report >= 0)
		close(r->report);
	relay_free(r->relay);
	buf_release(&r->out.line);
	buf_release(&r->err.line);
}

static int spec_memfd(const struct run_spec *spec, struct err *e)
{
	auto_secret_buf struct buf bytes = BUF_INIT(RUN_SPEC_MAX);
	auto_close int fd = memfd_create("run-spec", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (run_spec_encode(&bytes, spec, e) < 0)
		return -1;
	if (fd < 0)
		return err_sys(e, "memfd_create");
	if (fs_write_all(fd, bytes.data, bytes.len, "run-spec", e) < 0)
		return -1;
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		return err_sys(e, "seal the helper's instructions");
	return fd_steal(&fd);
}

static int pipe_pair(int *ours, int *theirs, struct err *e)
{
	int p[2];

	if (pipe2(p, O_CLOEXEC) < 0)
		return err_sys(e, "pipe");
	*ours = p[0];
	*theirs = p[1];
	return 0;
}

struct request_fds {
	int v[HELPER_FDS_MAX];
	size_t nr, nr_own; /* the first nr_own are somebody else's */
};

static void request_fds_close(struct request_fds *f)
{
	for (size_t i = f->nr_own; i < f->nr; i++)
		close(f->v[i]);
}

static int source_take(enum helper_kind kind, const struct run_mount *m, struct err *e)
{
	int fd;

	if (kind == HELPER_NS)
		return attach_take(m, e);
	fd = fcntl(m->fd, F_DUPFD_CLOEXEC, 0);
	return fd < 0 ? err_sys(e, "what is mounted on '%s'", m->target) : fd;
}

/* One for each mount that has a source. */
static int request_fds_take(struct request_fds *f, enum helper_kind kind,
			    const struct run_spec *spec, struct err *e)
{
	for (size_t i = 0; i < spec->nr_mounts; i++) {
		int fd;

		if (spec->mounts[i].kind != RUN_MOUNT_BIND)
			continue;
		fd = source_take(kind, &spec->mounts[i], e);
		if (fd < 0)
			return -1;
		f->v[f->nr++] = fd;
	}
	return 0;
}

static int watch_start(struct watch *r, const struct supervise *s, const struct run_spec *spec,
		       struct err *e)
{
	auto_close int instructions = spec_memfd(spec, e);
	auto_close int out = -1;
	auto_close int err = -1;
	auto_close int report = -1;
	int pair[2];

	if (instructions < 0 || pipe_pair(&r->out.fd, &out, e) < 0 ||
	    pipe_pair(&r->err.fd, &err, e) < 0)
		return -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, "socketpair");
	r->report = pair[0];
	report = pair[1];

	CLEANUP(request_fds_close)
	struct request_fds fds = { .v = { instructions, s->root_fd, out, err, report, s->aside_fd,
					  s->memory_fd },
				   .nr = HELPER_FDS,
				   .nr_own = HELPER_FDS };

	if (request_fds_take(&fds, s->kind, spec, e) < 0)
		return -1;
	return helper_request(s->helper_sock, s->kind, fds.v, fds.nr, e);
}

static void watch_end(struct watch *r, enum err_kind why)
{
	if (r->kill_sent)
		return;
	r->kill_sent = true;
	r->ended_by = why;
	send(r->report, "K", 1, MSG_NOSIGNAL);
}

static int watch_wait_ms(const struct watch *r)
{
	int64_t left;

	if (!r->deadline_ms || r->kill_sent)
		return -1;
	left = r->deadline_ms - r->op->clock->mono_ms(r->op->clock);
	return left < 0 ? 0 : left > 60000 ? 60000 : (int)left;
}

/* The first report counts: a child that could not exec speaks before its monitor does. */
static void watch_take_report(struct watch *r)
{
	struct helper_report got = { 0 };
	ssize_t n = recv(r->report, &got, sizeof(got), 0);

	if (n < 0 && errno == EINTR)
		return;
	if (n == (ssize_t)sizeof(got)) {
		if (!r->reported)
			r->result = got;
		r->reported = true;
		if (!got.ran && got.kind != ERR_NONE)
			return; /* the monitor's own message, or the end, follows */
	} else if (!r->reported) {
		r->result = (struct helper_report){ .kind = ERR_FAILED };
		snprintf(r->result.text, sizeof(r->result.text),
			 "what watches over it was killed, by the command or for want of memory");
		r->reported = true;
	}
	if (n <= 0 || got.ran)
		close(fd_steal(&r->report));
}

static void watch_look(struct watch *r, const struct pollfd *p)
{
	if (p[0].revents)
		line_pump(&r->out, r->op);
	if (p[1].revents)
		line_pump(&r->err, r->op);
	if (p[2].revents)
		watch_take_report(r);
	if (p[3].revents)
		watch_end(r, ERR_CANCELLED);
	if (r->report >= 0 && watch_wait_ms(r) == 0)
		watch_end(r, ERR_TIMEOUT);
}

#define OWN_POLLS 4

static void watch_pump(struct watch *r)
{
	const struct cancel *cn = r->op->cancel;
	auto_free struct pollfd *p =
		mem_zalloc((OWN_POLLS + RELAY_POLL_MAX(r->nr_agents)) * sizeof(*p));

	/* then the monitor has told the end, or is gone, and all that the RUN wrote is in the pipes */
	while (r->report >= 0) {
		size_t nr = r->relay ? relay_poll(r->relay, p + OWN_POLLS) : 0;

		p[0] = (struct pollfd){ .fd = r->out.fd, .events = POLLIN };
		p[1] = (struct pollfd){ .fd = r->err.fd, .events = POLLIN };
		p[2] = (struct pollfd){ .fd = r->report, .events = POLLIN };
		p[3] = (struct pollfd){ .fd = cn && !r->kill_sent ? cn->fd : -1, .events = POLLIN };
		if (poll(p, OWN_POLLS + nr, watch_wait_ms(r)) < 0)
			continue; /* EINTR */
		watch_look(r, p);
		if (nr)
			relay_serve(r->relay, p + OWN_POLLS, nr);
	}
	line_drain(&r->out, r->op);
	line_drain(&r->err, r->op);
}

static int watch_result(const struct watch *r, const struct run_spec *spec, int *status,
			struct err *e)
{
	if (r->ended_by == ERR_CANCELLED)
		return cancel_check(r->op->cancel, e);
	if (r->ended_by == ERR_TIMEOUT)
		return err_set(e, ERR_TIMEOUT,
			       "the command was ended after its limit of %lld s (--timeout)",
			       (long long)(spec->timeout_ms / 1000));
	if (!r->result.ran) {
		err_set(e, r->result.kind, "%s", r->result.text);
		e->sys = r->result.sys;
		return -1;
	}
	*status = r->result.status;
	return 0;
}

int supervise_run(const struct supervise *s, struct op *op, const struct run_spec *spec,
		  int *status, struct err *e)
{
	CLEANUP(watch_release)
	struct watch w = {
		.op = op,
		.out = { -1, 1, spec->progress_id, &spec->hidden, { 0 } },
		.err = { -1, 2, spec->progress_id, &spec->hidden, { 0 } },
		.nr_agents = spec->nr_agents,
		.report = -1,
	};

	buf_init(&w.out.line, LINE_MAX_BYTES);
	buf_init(&w.err.line, LINE_MAX_BYTES);
	if (spec->timeout_ms)
		w.deadline_ms = op->clock->mono_ms(op->clock) + spec->timeout_ms;
	if (spec->nr_agents)
		w.relay = relay_new(spec->agents, spec->nr_agents);
	if (watch_start(&w, s, spec, e) < 0)
		return -1;
	watch_pump(&w);
	return watch_result(&w, spec, status, e);
}
