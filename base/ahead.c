/*
 * A ring of pieces. An item on the pool fills pieces until the ring is full and
 * ends then, so it never waits for the reader, only for what it reads, if that
 * still comes; the reader sends it again when half of the ring is empty. A
 * reader that finds nothing, and nobody at work, fills a piece itself: so a
 * stream of one piece never leaves its thread.
 */
#include "base/ahead.h"

#include "base/mem.h"

#define PIECES	   4
#define PIECE_SIZE ((size_t)256 << 10)

struct piece {
	char *data;
	size_t n, given;
};

struct ahead {
	struct source *in; /* read by whoever fills */
	struct pool_batch batch;
	pthread_mutex_t lock;
	pthread_cond_t filled; /* a piece was, or is_filling went */
	struct piece ring[PIECES];
	size_t first, nr; /* pieces that are the reader's */
	bool is_filling;  /* the item is submitted or runs */
	bool is_over, is_given_up;
	int r; /* of the last read */
	struct err err;
};

/* No lock held: the piece is the filler's. */
static ssize_t fill(struct ahead *a, struct piece *p)
{
	ssize_t n = 1;

	if (!p->data)
		p->data = mem_alloc(PIECE_SIZE);
	p->n = p->given = 0;
	while (p->n < PIECE_SIZE && n > 0) {
		n = source_read(a->in, p->data + p->n, PIECE_SIZE - p->n, &a->err);
		if (n > 0)
			p->n += (size_t)n;
	}
	return n;
}

/* Lock held, and let go of meanwhile. Only one thread at a time comes here. */
static void fill_next(struct ahead *a)
{
	struct piece *p = &a->ring[(a->first + a->nr) % PIECES];
	ssize_t n;

	pthread_mutex_unlock(&a->lock);
	n = fill(a, p);
	pthread_mutex_lock(&a->lock);
	a->nr += p->n > 0;
	if (n <= 0) {
		a->is_over = true;
		a->r = (int)n;
	}
	pthread_cond_signal(&a->filled);
}

static void fill_all(void *item)
{
	struct ahead *a = item;

	pthread_mutex_lock(&a->lock);
	while (a->nr < PIECES && !a->is_over && !a->is_given_up)
		fill_next(a);
	a->is_filling = false;
	pthread_cond_signal(&a->filled);
	pthread_mutex_unlock(&a->lock);
}

/* No lock held. */
static void take_over(struct ahead *a)
{
	bool is_mine = pool_take_back(&a->batch, a);

	pthread_mutex_lock(&a->lock);
	if (is_mine)
		a->is_filling = false;
	else
		while (!a->nr && a->is_filling)
			pthread_cond_wait(&a->filled, &a->lock);
	pthread_mutex_unlock(&a->lock);
}

/* True: there is a piece. */
static bool await_piece(struct ahead *a)
{
	bool has_one, must_take_over;

	do {
		pthread_mutex_lock(&a->lock);
		must_take_over = !a->nr && a->is_filling;
		if (!a->nr && !a->is_filling && !a->is_over)
			fill_next(a);
		has_one = a->nr;
		pthread_mutex_unlock(&a->lock);
		if (must_take_over)
			take_over(a);
	} while (must_take_over);
	return has_one;
}

/* The reader is done with the first piece, and has more to do than to fill the next. */
static void drop_piece(struct ahead *a)
{
	pthread_mutex_lock(&a->lock);
	a->first = (a->first + 1) % PIECES;
	a->nr--;
	pthread_mutex_unlock(&a->lock);
}

static void send_filler(struct ahead *a)
{
	bool submit;

	pthread_mutex_lock(&a->lock);
	submit = a->batch.pool && !a->is_filling && !a->is_over && a->nr <= PIECES / 2;
	a->is_filling |= submit;
	pthread_mutex_unlock(&a->lock);
	if (submit)
		pool_submit(&a->batch, fill_all, a);
}

static ssize_t ahead_read(struct source *base, void *to, size_t n, struct err *e)
{
	struct ahead *a = CONTAINER_OF(base, struct ahead_source, base)->a;
	struct piece *p;

	if (!n)
		return 0;
	if (!await_piece(a)) {
		if (a->r < 0)
			*e = a->err;
		return a->r;
	}
	p = &a->ring[a->first];
	if (!p->given)
		send_filler(a);
	if (n > p->n - p->given)
		n = p->n - p->given;
	memcpy(to, p->data + p->given, n);
	p->given += n;
	if (p->given == p->n)
		drop_piece(a);
	return (ssize_t)n;
}

struct source *ahead_source_init(struct ahead_source *s, struct source *in, struct pool *pool)
{
	struct ahead *a = mem_zalloc(sizeof(*a));

	a->in = in;
	pool_batch_init(&a->batch, pool);
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->filled, NULL);
	s->base.read = ahead_read;
	s->a = a;
	return &s->base;
}

void ahead_source_release(struct ahead_source *s)
{
	struct ahead *a = STEAL(&s->a);

	if (!a)
		return;
	pthread_mutex_lock(&a->lock);
	a->is_given_up = true;
	pthread_mutex_unlock(&a->lock);
	/* that it was queued does not say that a worker is done with the one before */
	(void)!pool_take_back(&a->batch, a);
	pool_await(&a->batch, a);
	for (size_t i = 0; i < PIECES; i++)
		free(a->ring[i].data);
	pthread_cond_destroy(&a->filled);
	pthread_mutex_destroy(&a->lock);
	free(a);
}
