/*
 * A sink that cuts what it takes into blocks of one size, packs each by itself,
 * and gives the results to the sink below in their order. Blocks are packed on
 * a pool, several at once; what comes out depends on the bytes alone, not on
 * how many workers there are or how the bytes were handed over. gzip_sink and
 * zstd_sink are made of it.
 *
 * A worker of that very pool may write here, too: a block that nobody has begun
 * when its turn comes is packed by the writer itself. Memory: two blocks for
 * each writer, and one for each worker that is free to help; what is short
 * takes little.
 *
 * Not thread-safe, as any stream. The sink below is written to by the caller's
 * thread only.
 */
#ifndef BASE_BLOCKS_H
#define BASE_BLOCKS_H

#include "base/io.h"
#include "base/pool.h"

/* A state is one thread's at a time and is used for many blocks. None of these can fail: bad
 * parameters are our own mistake, and no memory ends the program. */
struct block_format {
	size_t block; /* bytes in each but the last */
	void *(*open)(int level);
	void (*close)(void *state);
	size_t (*bound)(void *state, size_t n); /* no result for n bytes, or fewer, is longer */
	size_t (*pack)(void *state, void *out, size_t room, struct span in);
};

#define BLOCKS_MAX 10 /* on their way at once */

struct block;
struct block_sink {
	struct sink base;
	struct sink *out;
	const struct block_format *format; /* NULL: released */
	int level;
	struct pool_batch batch;
	struct block *filling, *spare;
	struct block *ring[BLOCKS_MAX]; /* given to the pool, the oldest first */
	size_t nr, max;
	bool has_given; /* a block was given to the sink below */
};

/* pool NULL: all is done in the calling thread. */
struct sink *block_sink_init(struct block_sink *s, struct sink *out,
			     const struct block_format *format, int level, struct pool *pool);
/* Packs and gives what is left (of nothing at all: one empty block), and releases. On every other
 * way out call block_sink_release (which may be called after finish, too). */
int block_sink_finish(struct block_sink *s, struct err *e) MUST_CHECK;
void block_sink_release(struct block_sink *s);

#endif
