/*
 * zstd over streams. The finder of matches that zstd takes by default from level 5 on is chosen by
 * what the CPU can do, so it is switched off: equal bytes on all machines are worth more here.
 */
#define ZSTD_STATIC_LINKING_ONLY /* for ZSTD_c_useRowMatchFinder; it is a number, no function */
#include "base/zstd.h"

#include <zstd.h>

#include "base/mem.h"

/* Bad parameters are our own mistake, and no memory ends the program anyway. */
static size_t must(size_t r)
{
	if (ZSTD_isError(r))
		abort();
	return r;
}

/* From this level on zstd's tables would take 30 MB for each block on its way; a third of that
 * finds nearly as much in a block. */
#define LEVEL_LARGE	10
#define LARGE_HASH_LOG	20
#define LARGE_CHAIN_LOG 20

static void *frame_open(int level)
{
	ZSTD_CCtx *c = ZSTD_createCCtx();

	if (!c)
		abort();
	must(ZSTD_CCtx_setParameter(c, ZSTD_c_compressionLevel, level));
	must(ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1));
	must(ZSTD_CCtx_setParameter(c, ZSTD_c_useRowMatchFinder, ZSTD_ps_disable));
	if (level >= LEVEL_LARGE) {
		must(ZSTD_CCtx_setParameter(c, ZSTD_c_hashLog, LARGE_HASH_LOG));
		must(ZSTD_CCtx_setParameter(c, ZSTD_c_chainLog, LARGE_CHAIN_LOG));
	}
	return c;
}

static void frame_close(void *c)
{
	ZSTD_freeCCtx(c);
}

static size_t frame_bound(void *c, size_t n)
{
	(void)c;
	return ZSTD_compressBound(n);
}

static size_t frame_pack(void *c, void *out, size_t room, struct span in)
{
	return must(ZSTD_compress2(c, out, room, in.p, in.n));
}

static const struct block_format zstd_format = {
	.block = ZSTD_BLOCK,
	.open = frame_open,
	.close = frame_close,
	.bound = frame_bound,
	.pack = frame_pack,
};

struct sink *zstd_sink_init(struct zstd_sink *k, struct sink *out, int level, struct pool *pool)
{
	return block_sink_init(&k->blocks, out, &zstd_format, level, pool);
}

int zstd_sink_finish(struct zstd_sink *k, struct err *e)
{
	return block_sink_finish(&k->blocks, e);
}

void zstd_sink_release(struct zstd_sink *k)
{
	block_sink_release(&k->blocks);
}

/* Fills the piece when it is used up. */
static int refill(struct zstd_source *s, struct err *e)
{
	ssize_t n;

	if (s->at < s->n || s->in_done)
		return 0;
	n = source_read(s->in, s->piece, IO_CHUNK, e);
	if (n < 0)
		return -1;
	s->in_done = n == 0;
	s->n = (size_t)n;
	s->at = 0;
	return 0;
}

static int decompress_some(struct zstd_source *s, ZSTD_outBuffer *out, struct err *e)
{
	ZSTD_inBuffer in = { s->piece, s->n, s->at };
	size_t before = out->pos, left;

	left = ZSTD_decompressStream(s->d, out, &in);
	if (ZSTD_isError(left))
		return err_set(e, ERR_CORRUPT, "zstd: %s", ZSTD_getErrorName(left));
	s->at = in.pos;
	/* 0: a frame is over and all of it was given */
	s->in_frame = left != 0;
	if (s->in_frame && s->in_done && out->pos == before)
		return err_set(e, ERR_CORRUPT, "zstd: unexpected end");
	return 0;
}

static ssize_t zstd_read(struct source *base, void *p, size_t n, struct err *e)
{
	struct zstd_source *s = CONTAINER_OF(base, struct zstd_source, base);
	ZSTD_outBuffer out = { p, n, 0 };

	while (n && !out.pos) {
		if (refill(s, e) < 0)
			return -1;
		if (s->in_done && !s->in_frame)
			return 0;
		if (decompress_some(s, &out, e) < 0)
			return -1;
	}
	return (ssize_t)out.pos;
}

struct source *zstd_source_init(struct zstd_source *s, struct source *in)
{
	*s = (struct zstd_source){
		.base.read = zstd_read,
		.in = in,
		.d = ZSTD_createDCtx(),
		.piece = mem_alloc(IO_CHUNK),
	};
	if (!s->d)
		abort();
	return &s->base;
}

void zstd_source_release(struct zstd_source *s)
{
	ZSTD_freeDCtx(STEAL(&s->d));
	free(STEAL(&s->piece));
}
