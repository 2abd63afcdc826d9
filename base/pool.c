/*
 * One queue, one lock, a fixed number of threads. A worker takes an item under
 * the lock, runs it without, and tells its batch under the lock again. The queue
 * itself has no limit: whoever submits knows how many items there are.
 *
 * Workers block every signal: signals belong to the one thread that waits for them.
 */
#include "base/pool.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>

#include "base/mem.h"

#define POOL_WORKERS_MAX 256

struct pool_item {
	struct pool_item *next;
	struct pool_batch *batch;
	void (*run)(void *item);
	void *item;
};

struct pool_worker {
	pthread_t thread;
	struct pool *pool;
	struct pool_item *at; /* what it runs */
};

struct pool {
	pthread_mutex_t lock;
	pthread_cond_t work; /* something was queued, or closing was set */
	pthread_cond_t done; /* some item is */
	struct pool_item *first, **end;
	bool closing;
	unsigned nr; /* workers that run; written by pool_new only */
	struct pool_worker workers[];
};

/* Lock held. NULL: the pool closes and nothing is left. */
static struct pool_item *pool_take(struct pool *p)
{
	struct pool_item *it;

	while (!p->first && !p->closing)
		pthread_cond_wait(&p->work, &p->lock);
	it = p->first;
	if (it) {
		p->first = it->next;
		if (!p->first)
			p->end = &p->first;
	}
	return it;
}

static void *pool_work(void *arg)
{
	struct pool_worker *self = arg;
	struct pool *p = self->pool;
	struct pool_item *it;

	pthread_mutex_lock(&p->lock);
	while ((it = pool_take(p))) {
		self->at = it;
		pthread_mutex_unlock(&p->lock);
		it->run(it->item);
		pthread_mutex_lock(&p->lock);
		self->at = NULL;
		it->batch->pending--;
		pthread_cond_broadcast(&p->done);
		free(it);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

static int pool_start(struct pool *p, unsigned workers, struct err *e)
{
	for (; p->nr < workers; p->nr++) {
		struct pool_worker *w = &p->workers[p->nr];

		w->pool = p;
		errno = pthread_create(&w->thread, NULL, pool_work, w);
		if (errno)
			return err_sys(e, "start a thread");
	}
	return 0;
}

int pool_new(struct pool **out, unsigned workers, struct err *e)
{
	sigset_t all, before;
	struct pool *p;
	int r;

	if (workers < 1)
		workers = 1;
	if (workers > POOL_WORKERS_MAX)
		workers = POOL_WORKERS_MAX;
	p = mem_zalloc(sizeof(*p) + workers * sizeof(p->workers[0]));
	p->end = &p->first;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->work, NULL);
	pthread_cond_init(&p->done, NULL);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pool_start(p, workers, e);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r < 0) {
		pool_free(p);
		return -1;
	}
	*out = p;
	return 0;
}

void pool_free(struct pool *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->closing = true;
	pthread_cond_broadcast(&p->work);
	pthread_mutex_unlock(&p->lock);
	for (unsigned i = 0; i < p->nr; i++)
		pthread_join(p->workers[i].thread, NULL);
	pthread_cond_destroy(&p->done);
	pthread_cond_destroy(&p->work);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

unsigned pool_workers(const struct pool *p)
{
	return p ? p->nr : 1;
}

void pool_batch_init(struct pool_batch *b, struct pool *p)
{
	*b = (struct pool_batch){ .pool = p };
}

void pool_submit(struct pool_batch *b, void (*run)(void *item), void *item)
{
	struct pool *p = b->pool;
	struct pool_item *it;

	if (!p) {
		run(item);
		return;
	}
	it = mem_alloc(sizeof(*it));
	*it = (struct pool_item){ .batch = b, .run = run, .item = item };
	pthread_mutex_lock(&p->lock);
	*p->end = it;
	p->end = &it->next;
	b->pending++;
	pthread_cond_signal(&p->work);
	pthread_mutex_unlock(&p->lock);
}

void pool_batch_wait(struct pool_batch *b)
{
	struct pool *p = b->pool;

	if (!p)
		return;
	/* a worker that waits holds a place its own items need: with one worker, for ever */
	for (unsigned i = 0; i < p->nr; i++)
		assert(!pthread_equal(pthread_self(), p->workers[i].thread));
	pthread_mutex_lock(&p->lock);
	while (b->pending)
		pthread_cond_wait(&p->done, &p->lock);
	pthread_mutex_unlock(&p->lock);
}

/* Lock held. Where the queue points to it; NULL: it is not in there. */
static struct pool_item **find_queued(struct pool *p, const struct pool_batch *b, const void *item)
{
	for (struct pool_item **at = &p->first; *at; at = &(*at)->next)
		if ((*at)->batch == b && (*at)->item == item)
			return at;
	return NULL;
}

bool pool_take_back(struct pool_batch *b, const void *item)
{
	struct pool *p = b->pool;
	struct pool_item **at, *it = NULL;

	if (!p)
		return false;
	pthread_mutex_lock(&p->lock);
	at = find_queued(p, b, item);
	if (at) {
		it = *at;
		*at = it->next;
		if (!*at)
			p->end = at;
		b->pending--;
	}
	pthread_mutex_unlock(&p->lock);
	free(it);
	return at;
}

/* Lock held. */
static bool is_under_way(const struct pool *p, const struct pool_batch *b, const void *item)
{
	for (unsigned i = 0; i < p->nr; i++) {
		const struct pool_item *it = p->workers[i].at;

		if (it && it->batch == b && it->item == item)
			return true;
	}
	return false;
}

void pool_await(struct pool_batch *b, const void *item)
{
	struct pool *p = b->pool;

	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	while (is_under_way(p, b, item) || find_queued(p, b, item))
		pthread_cond_wait(&p->done, &p->lock);
	pthread_mutex_unlock(&p->lock);
}
