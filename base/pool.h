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
 * wait for a batch of its own pool.
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

DEFINE_AUTO(pool, pool_free)
#define auto_pool CLEANUP(pool_auto_)

#endif
