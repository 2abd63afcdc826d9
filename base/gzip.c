/*
 * Written with libdeflate, which packs a block in less than half of zlib's time but only whole;
 * read with zlib, which takes streams of any length a piece at a time.
 */
#include "base/gzip.h"

#include <libdeflate.h>
#include <limits.h>
#include <zlib.h>

#include "base/mem.h"

#define GZIP_WINDOW (MAX_WBITS + 16) /* "+ 16" is zlib's word for gzip framing */

static void *deflate_open(int level)
{
	void *c = libdeflate_alloc_compressor(level);

	if (!c)
		abort();
	return c;
}

static void deflate_close(void *c)
{
	libdeflate_free_compressor(c);
}

static size_t deflate_bound(void *c, size_t n)
{
	return libdeflate_gzip_compress_bound(c, n);
}

static size_t deflate_pack(void *c, void *out, size_t room, struct span in)
{
	return libdeflate_gzip_compress(c, in.p, in.n, out, room);
}

static const struct block_format gzip_format = {
	.block = GZIP_BLOCK,
	.open = deflate_open,
	.close = deflate_close,
	.bound = deflate_bound,
	.pack = deflate_pack,
};

struct sink *gzip_sink_init(struct gzip_sink *k, struct sink *out, int level, struct pool *pool)
{
	return block_sink_init(&k->blocks, out, &gzip_format, level, pool);
}

int gzip_sink_finish(struct gzip_sink *k, struct err *e)
{
	return block_sink_finish(&k->blocks, e);
}

void gzip_sink_release(struct gzip_sink *k)
{
	block_sink_release(&k->blocks);
}

/* Bad parameters are our own mistake, and no memory ends the program anyway. */
static void must(int r)
{
	if (r != Z_OK)
		abort();
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
