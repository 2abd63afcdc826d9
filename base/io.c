/*
 * Streams. source_read and sink_write are the only callers of an
 * implementation; when it fails they keep the error in the stream and put a
 * function in its place that gives the error again. So nothing but that pointer
 * needs to be set by an implementation, and a loop that overlooks one failure
 * cannot go on past it.
 */
#include "base/io.h"

#include <errno.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/progress.h"

#define TICK_MS 100

static ssize_t read_failed(struct source *s, void *p, size_t n, struct err *e)
{
	(void)p;
	(void)n;
	*e = s->failed;
	return -1;
}

ssize_t source_read(struct source *s, void *p, size_t n, struct err *e)
{
	ssize_t r = s->read(s, p, n, e);

	if (r < 0 && s->read != read_failed) {
		s->failed = *e;
		s->read = read_failed;
	}
	return r;
}

int source_read_full(struct source *s, void *p, size_t n, struct err *e)
{
	for (size_t got = 0; got < n;) {
		ssize_t r = source_read(s, (char *)p + got, n - got, e);

		if (r < 0)
			return -1;
		if (!r)
			return err_set(e, ERR_CORRUPT, "unexpected end: %zu of %zu bytes", got, n);
		got += (size_t)r;
	}
	return 0;
}

static int write_failed(struct sink *k, const void *p, size_t n, struct err *e)
{
	(void)p;
	(void)n;
	*e = k->failed;
	return -1;
}

int sink_write(struct sink *k, const void *p, size_t n, struct err *e)
{
	int r = k->write(k, p, n, e);

	if (r < 0 && k->write != write_failed) {
		k->failed = *e;
		k->write = write_failed;
	}
	return r;
}

int io_copy(const struct op *op, struct source *in, struct sink *out, uint64_t *copied,
	    struct err *e)
{
	auto_free char *piece = mem_alloc(IO_CHUNK);
	uint64_t sum = 0;

	for (;;) {
		ssize_t n;

		if (cancel_check(op ? op->cancel : NULL, e) < 0)
			return -1;
		n = source_read(in, piece, IO_CHUNK, e);
		if (n < 0)
			return -1;
		if (!n)
			break;
		if (sink_write(out, piece, (size_t)n, e) < 0)
			return -1;
		sum += (uint64_t)n;
	}
	if (copied)
		*copied = sum;
	return 0;
}

int io_read_all(struct source *in, struct buf *b, struct err *e)
{
	struct buf_sink k;

	return io_copy(NULL, in, buf_sink_init(&k, b), NULL, e);
}

static ssize_t fd_read(struct source *base, void *p, size_t n, struct err *e)
{
	struct fd_source *s = CONTAINER_OF(base, struct fd_source, base);
	ssize_t r;

	do
		r = read(s->fd, p, n);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return err_sys(e, "read '%s'", s->name);
	return r;
}

struct source *fd_source_init(struct fd_source *s, int fd, const char *name)
{
	s->base.read = fd_read;
	s->fd = fd;
	s->name = name;
	return &s->base;
}

static int fd_write(struct sink *base, const void *p, size_t n, struct err *e)
{
	struct fd_sink *k = CONTAINER_OF(base, struct fd_sink, base);

	return fs_write_all(k->fd, p, n, k->name, e);
}

struct sink *fd_sink_init(struct fd_sink *k, int fd, const char *name)
{
	k->base.write = fd_write;
	k->fd = fd;
	k->name = name;
	return &k->base;
}

static ssize_t span_read(struct source *base, void *p, size_t n, struct err *e)
{
	struct span_source *s = CONTAINER_OF(base, struct span_source, base);
	struct span piece = span_head(s->rest, n);

	(void)e;
	if (piece.n)
		memcpy(p, piece.p, piece.n);
	s->rest = span_sub(s->rest, piece.n);
	return (ssize_t)piece.n;
}

struct source *span_source_init(struct span_source *s, struct span bytes)
{
	s->base.read = span_read;
	s->rest = bytes;
	return &s->base;
}

static int buf_write(struct sink *base, const void *p, size_t n, struct err *e)
{
	struct buf_sink *k = CONTAINER_OF(base, struct buf_sink, base);

	buf_add(k->to, p, n);
	if (k->to->over)
		return err_set(e, ERR_INPUT, "more than %zu bytes", k->to->max);
	return 0;
}

struct sink *buf_sink_init(struct buf_sink *k, struct buf *to)
{
	k->base.write = buf_write;
	k->to = to;
	return &k->base;
}

static ssize_t hash_read(struct source *base, void *p, size_t n, struct err *e)
{
	struct hash_source *s = CONTAINER_OF(base, struct hash_source, base);
	ssize_t r = source_read(s->in, p, n, e);

	if (r > 0) {
		hash_update(&s->hash, p, (size_t)r);
		s->bytes += (uint64_t)r;
	}
	return r;
}

struct source *hash_source_init(struct hash_source *s, struct source *in)
{
	s->base.read = hash_read;
	s->in = in;
	s->bytes = 0;
	hash_init(&s->hash);
	return &s->base;
}

void hash_source_final(struct hash_source *s, unsigned char out[HASH_SHA256_LEN])
{
	hash_final(&s->hash, out);
}

/* Hashes what arrived: bytes that the sink below refused are not in the sum. */
static int hash_write(struct sink *base, const void *p, size_t n, struct err *e)
{
	struct hash_sink *k = CONTAINER_OF(base, struct hash_sink, base);

	if (k->out && sink_write(k->out, p, n, e) < 0)
		return -1;
	hash_update(&k->hash, p, n);
	k->bytes += n;
	return 0;
}

struct sink *hash_sink_init(struct hash_sink *k, struct sink *out)
{
	k->base.write = hash_write;
	k->out = out;
	k->bytes = 0;
	hash_init(&k->hash);
	return &k->base;
}

void hash_sink_final(struct hash_sink *k, unsigned char out[HASH_SHA256_LEN])
{
	hash_final(&k->hash, out);
}

static ssize_t limit_read(struct source *base, void *p, size_t n, struct err *e)
{
	struct limit_source *s = CONTAINER_OF(base, struct limit_source, base);
	ssize_t r;
	char one_more;

	if (!n)
		return 0;
	if (!s->left) {
		r = source_read(s->in, &one_more, 1, e);
		return r > 0 ? err_set(e, ERR_CORRUPT, "'%s' is longer than it should be", s->name)
			     : r;
	}
	r = source_read(s->in, p, n < s->left ? n : (size_t)s->left, e);
	if (r > 0)
		s->left -= (uint64_t)r;
	return r;
}

struct source *limit_source_init(struct limit_source *s, struct source *in, uint64_t max,
				 const char *name)
{
	s->base.read = limit_read;
	s->in = in;
	s->left = max;
	s->name = name;
	return &s->base;
}

static ssize_t progress_read(struct source *base, void *p, size_t n, struct err *e)
{
	struct progress_source *s = CONTAINER_OF(base, struct progress_source, base);
	ssize_t r = source_read(s->in, p, n, e);
	int64_t now;

	if (r <= 0)
		return r;
	s->done += (uint64_t)r;
	if (!s->op || !s->op->progress)
		return r;
	now = s->op->clock->mono_ms(s->op->clock);
	if (now - s->last_ms >= TICK_MS) {
		s->last_ms = now;
		progress_tick(s->op->progress, s->id, s->done, s->total);
	}
	return r;
}

/* The first tick comes TICK_MS from here: what is over sooner needs none. */
struct source *progress_source_init(struct progress_source *s, struct source *in,
				    const struct op *op, const char *id, uint64_t total)
{
	s->base.read = progress_read;
	s->in = in;
	s->op = op;
	s->id = id;
	s->done = 0;
	s->total = total;
	s->last_ms = op && op->progress ? op->clock->mono_ms(op->clock) : 0;
	return &s->base;
}
