/*
 * The parent's side of namespaces: overlay mounts in our own mount namespace
 * (any thread may make them), and for each RUN a request to the helper and
 * a poll over its output, its report, the cancel flag and the clock.
 */
#include "oci/run/sandbox_ns.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/progress.h"
#include "base/secret.h"
#include "oci/run/attach.h"
#include "oci/run/helper.h"
#include "oci/run/hide.h"
#include "oci/run/overlay.h"
#include "oci/run/relay.h"
#include "oci/run/userns.h"

#define LINE_MAX_BYTES (16u << 10) /* a longer line of output is shown in pieces */

struct sandbox_ns {
	struct sandbox base;
	struct userns userns;
	struct helper helper;
};

static struct sandbox_ns *ns_of(struct sandbox *s)
{
	return CONTAINER_OF(s, struct sandbox_ns, base);
}

/* -- trees ------------------------------------------------------------------- */

static int make_and_open(const char *dir, const char *name, struct err *e)
{
	auto_free char *path = mem_printf("%s/%s", dir, name);
	int fd;

	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return err_sys(e, "make '%s'", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? err_sys(e, "open '%s'", path) : fd;
}

/* overlayfs wants one lower directory, two for a read-only view: an empty one fills the gap. */
static int lowers_fill(struct strv *out, const struct strv *lowers, const char *dir, struct err *e)
{
	auto_close int empty = -1;

	strv_copy(out, lowers);
	if (out->n >= 2)
		return 0;
	empty = make_and_open(dir, "empty", e);
	if (empty < 0)
		return -1;
	strv_addf(out, "%s/empty", dir);
	return 0;
}

static int ns_tree_open(struct sandbox *s, struct sandbox_tree *out, const struct strv *lowers,
			const char *dir, bool read_only, struct err *e)
{
	auto_free char *merged = mem_printf("%s/merged", dir);
	auto_strv struct strv all = STRV_INIT;
	auto_close int point = make_and_open(dir, "merged", e);
	auto_close int upper = -1;
	auto_close int work = -1;

	if (point < 0 || lowers_fill(&all, lowers, dir, e) < 0)
		return -1;
	if (read_only && all.n < 2)
		strv_addf(&all, "%s/merged", dir);
	if (!read_only && ((upper = make_and_open(dir, "upper", e)) < 0 ||
			   (work = make_and_open(dir, "work", e)) < 0))
		return -1;
	if (overlay_mount(merged, &all, upper, work, ns_of(s)->userns.inside, e) < 0)
		return -1;
	out->root_fd = open(merged, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (out->root_fd < 0) {
		err_sys(e, "open '%s'", merged);
		overlay_unmount(merged);
		return -1;
	}
	out->upper_fd = fd_steal(&upper);
	out->state = STEAL(&merged);
	return 0;
}

static void ns_tree_close(struct sandbox *s, struct sandbox_tree *t)
{
	(void)s;
	close(t->root_fd);
	if (t->upper_fd >= 0)
		close(t->upper_fd);
	overlay_unmount(t->state);
	free(t->state);
}

/* -- output ------------------------------------------------------------------ */

struct line_reader {
	int fd, stream;
	const char *id;
	const struct strv *hidden;
	struct buf line;
};

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
			buf_add(&r->line, bytes.p, room);
			bytes = span_sub(bytes, room);
			line_emit(r, op);
			continue;
		}
		buf_add(&r->line, bytes.p, take);
		bytes = span_sub(bytes, take + (end >= 0));
		if (end >= 0)
			line_emit(r, op);
	}
}

/* Reads what is there; at the end of the stream fd becomes -1. */
static void line_pump(struct line_reader *r, struct op *op)
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
}

/* -- one RUN ----------------------------------------------------------------- */

struct ns_run {
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

static void ns_run_release(struct ns_run *r)
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

/* One for each mount that has a source. */
static int request_fds_take(struct request_fds *f, const struct run_spec *spec, struct err *e)
{
	for (size_t i = 0; i < spec->nr_mounts; i++) {
		int fd;

		if (spec->mounts[i].kind != RUN_MOUNT_BIND)
			continue;
		fd = attach_take(&spec->mounts[i], e);
		if (fd < 0)
			return -1;
		f->v[f->nr++] = fd;
	}
	return 0;
}

static int ns_run_start(struct ns_run *r, struct sandbox_ns *s, struct sandbox_tree *t,
			const struct run_spec *spec, struct err *e)
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
	struct request_fds fds = { .v = { instructions, t->root_fd, out, err, report },
				   .nr = HELPER_FDS,
				   .nr_own = HELPER_FDS };

	if (request_fds_take(&fds, spec, e) < 0)
		return -1;
	return helper_request(s->helper.sock, fds.v, fds.nr, e);
}

static void ns_run_end(struct ns_run *r, enum err_kind why)
{
	if (r->kill_sent)
		return;
	r->kill_sent = true;
	r->ended_by = why;
	send(r->report, "K", 1, MSG_NOSIGNAL);
}

/* The monitor has told the end; all that the RUN wrote is in the pipes. */
static bool ns_run_is_over(const struct ns_run *r)
{
	return r->report < 0 && r->result.ran;
}

static int ns_run_wait_ms(const struct ns_run *r)
{
	int64_t left;

	if (ns_run_is_over(r))
		return 0;
	if (!r->deadline_ms || r->kill_sent)
		return -1;
	left = r->deadline_ms - r->op->clock->mono_ms(r->op->clock);
	return left < 0 ? 0 : left > 60000 ? 60000 : (int)left;
}

/* The first report counts: a child that could not exec speaks before its monitor does. */
static void ns_run_take_report(struct ns_run *r)
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
		snprintf(r->result.text, sizeof(r->result.text), "the helper process is gone");
		r->reported = true;
	}
	if (n <= 0 || got.ran)
		close(fd_steal(&r->report));
}

static void ns_run_look(struct ns_run *r, const struct pollfd *p)
{
	if (p[0].revents)
		line_pump(&r->out, r->op);
	if (p[1].revents)
		line_pump(&r->err, r->op);
	if (p[2].revents)
		ns_run_take_report(r);
	if (p[3].revents)
		ns_run_end(r, ERR_CANCELLED);
	if (!ns_run_is_over(r) && ns_run_wait_ms(r) == 0)
		ns_run_end(r, ERR_TIMEOUT);
}

#define OWN_POLLS 4

static void ns_run_pump(struct ns_run *r)
{
	const struct cancel *cn = r->op->cancel;
	auto_free struct pollfd *p =
		mem_zalloc((OWN_POLLS + RELAY_POLL_MAX(r->nr_agents)) * sizeof(*p));

	while (r->out.fd >= 0 || r->err.fd >= 0 || r->report >= 0) {
		size_t nr = r->relay ? relay_poll(r->relay, p + OWN_POLLS) : 0;
		int n;

		p[0] = (struct pollfd){ .fd = r->out.fd, .events = POLLIN };
		p[1] = (struct pollfd){ .fd = r->err.fd, .events = POLLIN };
		p[2] = (struct pollfd){ .fd = r->report, .events = POLLIN };
		p[3] = (struct pollfd){ .fd = cn && !r->kill_sent ? cn->fd : -1, .events = POLLIN };
		n = poll(p, OWN_POLLS + nr, ns_run_wait_ms(r));
		if (n < 0)
			continue; /* EINTR */
		/* a pipe that is open though all writers are dead was handed to somebody outside */
		if (n == 0 && ns_run_is_over(r))
			break;
		ns_run_look(r, p);
		if (nr)
			relay_serve(r->relay, p + OWN_POLLS, nr);
	}
}

static int ns_run_result(const struct ns_run *r, const struct run_spec *spec, int *status,
			 struct err *e)
{
	if (r->ended_by == ERR_CANCELLED)
		return cancel_check(r->op->cancel, e);
	if (r->ended_by == ERR_TIMEOUT)
		return err_set(e, ERR_TIMEOUT, "the command was ended after its limit of %lld s",
			       (long long)(spec->timeout_ms / 1000));
	if (!r->result.ran)
		return err_set(e, r->result.kind, "%s", r->result.text);
	*status = r->result.status;
	return 0;
}

static int ns_run(struct sandbox *s, struct op *op, struct sandbox_tree *t,
		  const struct run_spec *spec, int *status, struct err *e)
{
	CLEANUP(ns_run_release)
	struct ns_run r = {
		.op = op,
		.out = { -1, 1, spec->progress_id, &spec->hidden, { 0 } },
		.err = { -1, 2, spec->progress_id, &spec->hidden, { 0 } },
		.nr_agents = spec->nr_agents,
		.report = -1,
	};

	buf_init(&r.out.line, LINE_MAX_BYTES);
	buf_init(&r.err.line, LINE_MAX_BYTES);
	if (spec->timeout_ms)
		r.deadline_ms = op->clock->mono_ms(op->clock) + spec->timeout_ms;
	if (spec->nr_agents)
		r.relay = relay_new(spec->agents, spec->nr_agents);
	if (ns_run_start(&r, ns_of(s), t, spec, e) < 0)
		return -1;
	ns_run_pump(&r);
	return ns_run_result(&r, spec, status, e);
}

static void ns_free(struct sandbox *s)
{
	helper_stop(&ns_of(s)->helper);
	free(ns_of(s));
}

static const struct sandbox_ops ns_ops = {
	.tree_open = ns_tree_open,
	.tree_close = ns_tree_close,
	.run = ns_run,
	.free = ns_free,
};

int sandbox_ns_open(struct sandbox **out, char **how, struct err *e)
{
	struct userns u;
	struct sandbox_ns *s;
	struct helper helper;

	if (userns_enter(&u, e) < 0 || helper_start(&helper, u.can_setgroups, e) < 0)
		return -1;
	s = mem_zalloc(sizeof(*s));
	s->base.ops = &ns_ops;
	s->userns = u;
	s->helper = helper;
	if (how)
		*how = mem_strdup(u.how);
	*out = &s->base;
	return 0;
}
