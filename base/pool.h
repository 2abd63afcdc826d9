/*
 * A bounded set of workers. Items travel in and come back; while an item is
 * inside, the pool owns it. Work cannot fail: failure is a field of the item.
 *
 *	struct pool_batch b; pool_batch_init(&b, pool);
 *	pool_submit(&b, job_run, job);		// any number
 *	pool_batch_wait(&b);			// all are done now
 *
 * Thread-safe. A batch belongs to one thread, its items to the pool until
 * pool_batch_wait returns; an item that runs may add others to its batch. A worker may not
 * wait for a batch of its own pool: it would hold a place that its items need. It may share its
 * work out all the same, when it does itself what nobody has begun:
 *
 *	if (pool_take_back(&b, job))
 *		job_run(job);
 *	else
 *		pool_await(&b, job);		// somebody is at it, or has done it
 */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include <pthread.h>

#include "base/cc.h"
#include "base/err.h"

struct pool;

/* workers: 1 to 256; what is outside is taken to the nearest. */
int pool_new(struct pool **out, unsigned workers, struct err *e) MUST_CHECK;
void pool_free(struct pool *p);		     /* waits for what is under way */
unsigned pool_workers(const struct pool *p); /* NULL: 1 */

struct pool_batch {
	struct pool *pool;
	size_t pending; /* guarded by the pool's lock */
};
void pool_batch_init(struct pool_batch *b, struct pool *p);
/* Runs in the calling thread when the pool is NULL. */
void pool_submit(struct pool_batch *b, void (*run)(void *item), void *item);
void pool_batch_wait(struct pool_batch *b);
/* True: no worker had begun this item of the batch's, and now none will. */
bool pool_take_back(struct pool_batch *b, const void *item) MUST_CHECK;
/* Returns when the batch has no such item any more. For a worker: only after pool_take_back, and
 * only for items that do not wait for others. */
void pool_await(struct pool_batch *b, const void *item);

DEFINE_AUTO(pool, pool_free)
#define auto_pool CLEANUP(pool_auto_)

#endif
