/*
 * gzip over streams, one piece of IO_CHUNK in memory each way. The header is
 * given to zlib, because the one it makes by itself names the operating system.
 */
#include "base/gzip.h"

#include <limits.h>
#include <zlib.h>

#include "base/mem.h"

#define GZIP_WINDOW (MAX_WBITS + 16) /* "+ 16" is zlib's word for gzip framing */
#define OS_UNKNOWN  255

struct deflater {
	z_stream z;
	gz_header header; /* zlib keeps a pointer to it */
};

/* Bad parameters are our own mistake, and no memory ends the program anyway. */
static void must(int r)
{
	if (r != Z_OK)
		abort();
}

/* Gives what z has in k->piece to the sink below. */
static int drain(struct gzip_sink *k, z_stream *z, struct err *e)
{
	size_t n = IO_CHUNK - z->avail_out;

	z->next_out = k->piece;
	z->avail_out = IO_CHUNK;
	return n ? sink_write(k->out, k->piece, n, e) : 0;
}

static int gzip_write(struct sink *base, const void *p, size_t n, struct err *e)
{
	struct gzip_sink *k = CONTAINER_OF(base, struct gzip_sink, base);
	z_stream *z = &((struct deflater *)k->z)->z;

	while (n) {
		uInt part = n > INT_MAX ? INT_MAX : (uInt)n;

		z->next_in = (Bytef *)(uintptr_t)p;
		z->avail_in = part;
		while (z->avail_in) {
			must(deflate(z, Z_NO_FLUSH));
			if (!z->avail_out && drain(k, z, e) < 0)
				return -1;
		}
		p = (const char *)p + part;
		n -= part;
	}
	return 0;
}

struct sink *gzip_sink_init(struct gzip_sink *k, struct sink *out, int level)
{
	struct deflater *d = mem_zalloc(sizeof(*d));

	k->base.write = gzip_write;
	k->out = out;
	k->z = d;
	k->piece = mem_alloc(IO_CHUNK);
	must(deflateInit2(&d->z, level, Z_DEFLATED, GZIP_WINDOW, MAX_MEM_LEVEL - 1,
			  Z_DEFAULT_STRATEGY));
	d->header.os = OS_UNKNOWN;
	must(deflateSetHeader(&d->z, &d->header));
	d->z.next_out = k->piece;
	d->z.avail_out = IO_CHUNK;
	return &k->base;
}

int gzip_sink_finish(struct gzip_sink *k, struct err *e)
{
	z_stream *z = &((struct deflater *)k->z)->z;
	int r, result;

	do {
		r = deflate(z, Z_FINISH);
		if (r != Z_STREAM_END)
			must(r);
		result = drain(k, z, e);
	} while (result == 0 && r != Z_STREAM_END);
	gzip_sink_release(k);
	return result;
}

void gzip_sink_release(struct gzip_sink *k)
{
	struct deflater *d = STEAL(&k->z);

	if (d)
		deflateEnd(&d->z);
	free(d);
	free(STEAL(&k->piece));
}

/* Fills the piece when it is used up. */
static int refill(struct gunzip_source *s, z_stream *z, struct err *e)
{
	ssize_t n;

	if (z->avail_in || s->in_done)
		return 0;
	n = source_read(s->in, s->piece, IO_CHUNK, e);
	if (n < 0)
		return -1;
	s->in_done = n == 0;
	z->next_in = s->piece;
	z->avail_in = (uInt)n;
	return 0;
}

static int inflate_some(struct gunzip_source *s, z_stream *z, struct err *e)
{
	int r = inflate(z, Z_NO_FLUSH);

	switch (r) {
	case Z_STREAM_END:
		s->member_done = true;
		return 0;
	case Z_OK:
		return 0;
	case Z_BUF_ERROR: /* it wants more input */
		if (!s->in_done)
			return 0;
		return err_set(e, ERR_CORRUPT, "gzip: unexpected end");
	case Z_MEM_ERROR:
		abort();
	default:
		return err_set(e, ERR_CORRUPT, "gzip: %s", z->msg ? z->msg : "bad data");
	}
}

static ssize_t gunzip_read(struct source *base, void *p, size_t n, struct err *e)
{
	struct gunzip_source *s = CONTAINER_OF(base, struct gunzip_source, base);
	z_stream *z = s->z;
	uInt room = n > INT_MAX ? INT_MAX : (uInt)n;

	z->next_out = p;
	z->avail_out = room;
	while (room && z->avail_out == room) {
		if (refill(s, z, e) < 0)
			return -1;
		if (s->member_done) {
			if (!z->avail_in)
				return 0;
			must(inflateReset(z));
			s->member_done = false;
		}
		if (inflate_some(s, z, e) < 0)
			return -1;
	}
	return (ssize_t)(room - z->avail_out);
}

struct source *gunzip_source_init(struct gunzip_source *s, struct source *in)
{
	z_stream *z = mem_zalloc(sizeof(*z));

	must(inflateInit2(z, GZIP_WINDOW));
	s->base.read = gunzip_read;
	s->in = in;
	s->z = z;
	s->piece = mem_alloc(IO_CHUNK);
	s->member_done = s->in_done = false;
	return &s->base;
}

void gunzip_source_release(struct gunzip_source *s)
{
	z_stream *z = STEAL(&s->z);

	if (z)
		inflateEnd(z);
	free(z);
	free(STEAL(&s->piece));
}
