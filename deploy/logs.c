/*
 * The frames (moby, pkg/stdcopy): one byte of stream, three of zero, four of length (big endian),
 * the payload. Stream 3 is the engine itself telling what went wrong. Each message begins with
 * its time; a message without a line end is continued by the next one of its stream, which
 * has a time of its own, so times are taken off where a frame begins.
 */
#include "deploy/logs.h"

#include "base/clock.h"
#include "base/mem.h"

#define NS_PER_S	INT64_C(1000000000)
#define LOG_HEAD	8
#define LOG_STREAM_ERR	3
#define LOG_TIME_MAX	40	    /* "2026-01-02T03:04:05.123456789+00:00 " */
#define LOG_ARRIVES_MAX (64u << 20) /* more than this is not read, whatever is kept of it */
#define TROUBLE_MAX	300

/* -- lines kept -------------------------------------------------------------- */

void deploy_logs_release(struct deploy_logs *l)
{
	for (size_t i = 0; i < l->nr; i++)
		free(l->v[i].text);
	free(l->v);
	free(l->trouble);
	*l = (struct deploy_logs){ 0 };
}

static void logs_trouble(struct deploy_logs *l, struct span why)
{
	if (!l->trouble)
		l->trouble = span_dup(span_head(span_trim(why), TROUBLE_MAX));
}

/* Half of what may be kept goes at once, so that each line moves only a few times. */
static void logs_drop_oldest(struct deploy_logs *l)
{
	size_t n = 0;

	while (n < l->nr && l->bytes > l->max / 2) {
		l->bytes -= strlen(l->v[n].text);
		free(l->v[n++].text);
	}
	memmove(l->v, l->v + n, (l->nr - n) * sizeof(*l->v));
	l->nr -= n;
	logs_trouble(l, SPAN_LIT("older lines are left out"));
}

static void logs_add(struct deploy_logs *l, int64_t wall_ns, unsigned stream, const char *text)
{
	MEM_GROW(l->v, l->nr, l->cap);
	l->v[l->nr++] = (struct log_line){ .wall_ns = wall_ns,
					   .stream = stream == 2 ? 2 : 1,
					   .text = mem_strdup(text) };
	l->bytes += strlen(text);
	if (l->bytes > l->max)
		logs_drop_oldest(l);
}

/* -- the stream -------------------------------------------------------------- */

/* Takes the time off the front of *line; 0 when there is none. */
static int64_t take_time(struct span *line)
{
	ptrdiff_t end = span_find(span_head(*line, LOG_TIME_MAX), ' ');
	char text[LOG_TIME_MAX + 1];
	int64_t ns;

	if (end <= 0)
		return 0;
	snprintf(text, sizeof(text), SPAN_FMT, SPAN_ARG(span_head(*line, (size_t)end)));
	if (clock_parse(&ns, text) < 0)
		return 0;
	*line = span_sub(*line, (size_t)end + 1);
	return ns;
}

static void part_end(struct log_reader *r, unsigned which)
{
	struct log_part *p = &r->part[which];
	struct span line = buf_span(&p->text);
	auto_free char *text = span_dup(span_ends(line, "\r") ? span_head(line, line.n - 1) : line);

	if (which == LOG_STREAM_ERR)
		logs_trouble(r->to, line);
	else
		logs_add(r->to, p->wall_ns, which, text);
	buf_reset(&p->text);
	p->wall_ns = 0;
}

/* At most LOG_LINE_MAX bytes of a line; what is cut says so. */
static void add_bounded(struct buf *b, struct span piece)
{
	size_t room = b->len < LOG_LINE_MAX ? LOG_LINE_MAX - b->len : 0;

	if (b->len > LOG_LINE_MAX)
		return;
	buf_add_span(b, span_head(piece, room));
	if (piece.n > room)
		buf_add_str(b, "…");
}

/* One message: mostly a line with its time in front, or a piece of one. */
static void message_end(struct log_reader *r)
{
	struct span rest = buf_span(&r->message), line;
	struct log_part *p = &r->part[r->which];

	while (rest.n) {
		int64_t ns = take_time(&rest);
		ptrdiff_t end = span_find(rest, '\n');

		if (!p->text.len)
			p->wall_ns = ns;
		line = end < 0 ? rest : span_head(rest, (size_t)end);
		add_bounded(&p->text, line);
		rest = span_sub(rest, end < 0 ? rest.n : (size_t)end + 1);
		if (end >= 0)
			part_end(r, r->which);
	}
	/* its line end was cut off with the rest */
	if (r->message.len > LOG_LINE_MAX && p->text.len)
		part_end(r, r->which);
	buf_reset(&r->message);
}

static void read_raw(struct log_reader *r, struct span in)
{
	while (in.n) {
		ptrdiff_t end = span_find(in, '\n');

		add_bounded(&r->message, end < 0 ? in : span_head(in, (size_t)end));
		in = span_sub(in, end < 0 ? in.n : (size_t)end + 1);
		if (end < 0)
			return;
		buf_add_char(&r->message, '\n');
		message_end(r);
	}
}

static int read_head(struct log_reader *r, struct err *e)
{
	const unsigned char *h = r->head;

	if (h[0] > LOG_STREAM_ERR || h[1] || h[2] || h[3])
		return err_set(e, ERR_CORRUPT,
			       "the log is no stream of frames (one begins with %02x %02x %02x "
			       "%02x)",
			       h[0], h[1], h[2], h[3]);
	r->which = h[0];
	r->left = (uint32_t)h[4] << 24 | (uint32_t)h[5] << 16 | (uint32_t)h[6] << 8 | h[7];
	return 0;
}

/* A frame that is longer than any line is taken for one long message, and cut as such. */
static int read_frames(struct log_reader *r, struct span in, struct err *e)
{
	while (in.n) {
		size_t n = LOG_HEAD - r->nr_head < in.n ? LOG_HEAD - r->nr_head : in.n;

		memcpy(r->head + r->nr_head, in.p, n);
		r->nr_head += n;
		in = span_sub(in, n);
		if (r->nr_head < LOG_HEAD)
			return 0;
		if (n && read_head(r, e) < 0)
			return -1;
		n = r->left < in.n ? r->left : in.n;
		add_bounded(&r->message, span_head(in, n));
		in = span_sub(in, n);
		r->left -= (uint32_t)n;
		if (r->left)
			return 0;
		message_end(r);
		r->nr_head = 0;
	}
	return 0;
}

static int log_reader_write(struct sink *k, const void *p, size_t n, struct err *e)
{
	struct log_reader *r = CONTAINER_OF(k, struct log_reader, base);

	r->arrived += n;
	if (r->arrived > LOG_ARRIVES_MAX)
		return err_set(e, ERR_INPUT, "more than %u MiB of log", LOG_ARRIVES_MAX >> 20);
	if (!r->tty)
		return read_frames(r, span_of(p, n), e);
	r->which = 1;
	read_raw(r, span_of(p, n));
	return 0;
}

struct sink *log_reader_init(struct log_reader *r, struct deploy_logs *to, bool tty)
{
	*r = (struct log_reader){ .base.write = log_reader_write, .to = to, .tty = tty };
	buf_init(&r->message, 2 * LOG_LINE_MAX);
	for (size_t i = 0; i < ARRAY_LEN(r->part); i++)
		buf_init(&r->part[i].text, 2 * LOG_LINE_MAX);
	if (!to->max)
		to->max = LOGS_BYTES_DFLT;
	return &r->base;
}

void log_reader_end(struct log_reader *r)
{
	message_end(r);
	buf_release(&r->message);
	for (unsigned i = 0; i < ARRAY_LEN(r->part); i++) {
		if (r->part[i].text.len)
			part_end(r, i);
		buf_release(&r->part[i].text);
	}
}

/* -- showing ----------------------------------------------------------------- */

/* "ESC [ 1;31 m" at the beginning of s; 0: none. */
static size_t color_len(struct span s)
{
	size_t n = 2;

	if (!span_starts(s, "\033["))
		return 0;
	while (n < s.n && strchr("0123456789;", s.p[n]))
		n++;
	return n < s.n && s.p[n] == 'm' ? n + 1 : 0;
}

static bool resets_color(struct span s)
{
	return span_eq_str(s, "\033[m") || span_eq_str(s, "\033[0m");
}

void deploy_log_add_plain(struct buf *out, const char *line)
{
	bool is_colored = false;

	for (struct span rest = span_of_str(line); rest.n;) {
		size_t bad = utf8_control_len(rest), n = color_len(rest);

		if (n)
			is_colored = !resets_color(span_head(rest, n));
		else
			n = bad ? bad : utf8_len(rest);
		if (bad && n == bad && *rest.p != '\t')
			buf_add_char(out, '?');
		else
			buf_add_span(out, span_head(rest, n));
		rest = span_sub(rest, n);
	}
	if (is_colored)
		buf_add_str(out, "\033[m");
}

/* -- asking ------------------------------------------------------------------ */

bool engine_spec_tty(const json_t *spec)
{
	const json_t *task = json_object_get(spec, "TaskTemplate");

	return json_is_true(json_object_get(json_object_get(task, "ContainerSpec"), "TTY"));
}

/* The engine takes the time as seconds with nine digits behind the point. */
static char *logs_path(const char *kind, const char *id, const struct logs_options *opt)
{
	auto_buf struct buf b = BUF_INIT(BUF_SMALL);

	buf_addf(&b, "/%s/%s/logs?stdout=1&stderr=1&timestamps=1&tail=", kind, id);
	if (opt->tail)
		buf_addf(&b, "%llu", (unsigned long long)opt->tail);
	else
		buf_add_str(&b, "all");
	if (opt->since_ns > 0)
		buf_addf(&b, "&since=%lld.%09lld", (long long)(opt->since_ns / NS_PER_S),
			 (long long)(opt->since_ns % NS_PER_S));
	return buf_steal(&b);
}

/* Cancelling is an end; all else spoils only what has not come. */
static int logs_broke_off(struct deploy_logs *l, struct err *e)
{
	if (e->kind == ERR_CANCELLED || (!l->nr && !l->trouble))
		return -1;
	logs_trouble(l, span_of_str(e->text));
	err_clear(e);
	return 0;
}

int deploy_logs_get(struct deploy_logs *out, struct op *op, struct engine *eng, const char *kind,
		    const char *id, const struct logs_options *opt, struct err *e)
{
	int64_t time_ms = opt->time_ms ? opt->time_ms : LOGS_TIME_DFLT;
	auto_free char *path = logs_path(kind, id, opt);
	auto_logs struct deploy_logs got = { .max = opt->bytes_max };
	struct log_reader r;
	int n;

	n = engine_stream(op, eng, path, log_reader_init(&r, &got, opt->tty), time_ms, e);
	log_reader_end(&r);
	if (n < 0 && logs_broke_off(&got, e) < 0)
		return -1;
	*out = got;
	got = (struct deploy_logs){ 0 };
	return 0;
}
