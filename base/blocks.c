/*
 * A ring of blocks: the newest is being filled, the others are the pool's until
 * it is their turn to be given on. The writer never waits for a block that
 * nobody works on, so it may be a worker itself, however busy the pool is.
 *
 * Another block is begun while the ones before are being packed. When they only
 * lie in the queue, all workers have something else to do: more blocks would
 * take memory and win nothing, so the writer packs the oldest itself.
 */
#include "base/blocks.h"

#include <stdatomic.h>

#include "base/mem.h"

#define QUEUED_MAX 1 /* blocks that lie in the queue */

/* Most streams are short and take little: a block begins with this, and gets GROWTH times as much when that is full. */
#define SMALL_BYTES (16u << 10)
#define GROWTH	    16

struct block {
	const struct block_format *format;
	void *state;
	char *room; /* for in_max bytes that come in, and behind them for what these are packed to */
	size_t in_max, in_n, out_max, out_n;
	atomic_bool is_begun, is_done, is_unwanted;
	struct block *next; /* spare */
};

static void make_room(struct block *b, size_t in_max)
{
	size_t out_max = b->format->bound(b->state, in_max), n = in_max + out_max;
	/* huge pages, of 2 MiB each, are for what is long */
	char *room = in_max > GROWTH * SMALL_BYTES ? mem_alloc_large(n) : mem_alloc(n);

	if (b->room)
		memcpy(room, b->room, b->in_n);
	free(b->room);
	b->room = room;
	b->in_max = in_max;
	b->out_max = out_max;
}

static size_t at_most(size_t n, size_t max)
{
	return n < max ? n : max;
}

static struct block *block_new(const struct block_format *format, int level)
{
	struct block *b = mem_zalloc(sizeof(*b));

	b->format = format;
	b->state = format->open(level);
	make_room(b, at_most(SMALL_BYTES, format->block));
	return b;
}

static struct block *block_take(struct block_sink *s)
{
	struct block *b = s->spare;

	if (b)
		s->spare = b->next;
	else
		b = block_new(s->format, s->level);
	b->is_begun = b->is_done = false;
	return b;
}

static void block_put_back(struct block_sink *s, struct block *b)
{
	b->in_n = 0;
	b->next = s->spare;
	s->spare = b;
}

static void block_free(struct block *b)
{
	if (!b)
		return;
	b->format->close(b->state);
	free(b->room);
	free(b);
}

/* How much of it was taken. */
static size_t block_fill(struct block *b, struct span from)
{
	if (b->in_n == b->in_max)
		make_room(b, at_most(GROWTH * b->in_max, b->format->block));
	from = span_head(from, b->in_max - b->in_n);
	memcpy(b->room + b->in_n, from.p, from.n);
	b->in_n += from.n;
	return from.n;
}

static void block_pack(struct block *b)
{
	b->out_n = b->format->pack(b->state, b->room + b->in_max, b->out_max,
				   span_of(b->room, b->in_n));
}

static void block_run(void *item)
{
	struct block *b = item;

	b->is_begun = true;
	if (!b->is_unwanted)
		block_pack(b);
	b->is_done = true;
}

static void finish_oldest(struct block_sink *s)
{
	struct block *b = s->ring[0];

	if (pool_take_back(&s->batch, b))
		block_run(b);
	else
		pool_await(&s->batch, b);
}

static struct block *ring_pop(struct block_sink *s)
{
	struct block *b = s->ring[0];

	s->nr--;
	memmove(s->ring, s->ring + 1, s->nr * sizeof(s->ring[0]));
	return b;
}

static int give_oldest(struct block_sink *s, struct err *e)
{
	struct block *b;
	int r;

	finish_oldest(s);
	b = ring_pop(s);
	r = sink_write(s->out, b->room + b->in_max, b->out_n, e);
	s->has_given = true;
	block_put_back(s, b);
	return r;
}

/* Whether the oldest should go before another is begun. */
static bool oldest_is_due(const struct block_sink *s)
{
	size_t queued = 0;

	for (size_t i = 0; i < s->nr; i++)
		queued += !s->ring[i]->is_begun;
	return s->nr && (s->ring[0]->is_done || s->nr == s->max || queued > QUEUED_MAX);
}

static int send_filled(struct block_sink *s, struct err *e)
{
	s->ring[s->nr++] = s->filling;
	pool_submit(&s->batch, block_run, STEAL(&s->filling));
	while (oldest_is_due(s))
		if (give_oldest(s, e) < 0)
			return -1;
	return 0;
}

static int blocks_write(struct sink *base, const void *p, size_t n, struct err *e)
{
	struct block_sink *s = CONTAINER_OF(base, struct block_sink, base);

	for (struct span rest = span_of(p, n); rest.n;) {
		if (!s->filling)
			s->filling = block_take(s);
		rest = span_sub(rest, block_fill(s->filling, rest));
		if (s->filling->in_n == s->format->block && send_filled(s, e) < 0)
			return -1;
	}
	return 0;
}

struct sink *block_sink_init(struct block_sink *s, struct sink *out,
			     const struct block_format *format, int level, struct pool *pool)
{
	size_t workers = pool_workers(pool);

	*s = (struct block_sink){
		.base.write = blocks_write,
		.out = out,
		.format = format,
		.level = level,
		.max = workers < BLOCKS_MAX ? workers + 1 : BLOCKS_MAX,
	};
	pool_batch_init(&s->batch, pool);
	return &s->base;
}

static int finish(struct block_sink *s, struct err *e)
{
	if (!s->filling && !s->nr && !s->has_given)
		s->filling = block_take(s);
	if (s->filling && send_filled(s, e) < 0)
		return -1;
	while (s->nr)
		if (give_oldest(s, e) < 0)
			return -1;
	return 0;
}

int block_sink_finish(struct block_sink *s, struct err *e)
{
	int r = finish(s, e);

	block_sink_release(s);
	return r;
}

void block_sink_release(struct block_sink *s)
{
	for (size_t i = 0; i < s->nr; i++)
		s->ring[i]->is_unwanted = true;
	while (s->nr) {
		finish_oldest(s);
		block_free(ring_pop(s));
	}
	block_free(STEAL(&s->filling));
	while (s->spare) {
		struct block *b = s->spare;

		s->spare = b->next;
		block_free(b);
	}
	s->format = NULL;
}
