/*
 * The pool may be wider than a registry should feel. So not the blobs are the pool's
 * items but `jobs` lanes, each taking the next blob until there is none.
 */
#include "registry/transfer.h"

#include <pthread.h>

#include "base/cancel.h"
#include "base/pool.h"

struct lanes {
	const struct registry_transfer *t;
	struct op *op;
	pthread_mutex_t lock;
	size_t next;
	bool failed;
	struct err err; /* of the first failure */
};

static bool lanes_take(struct lanes *l, size_t *i)
{
	bool ok;

	pthread_mutex_lock(&l->lock);
	ok = !l->failed && l->next < l->t->n;
	/* before, so that what is taken is begun: others may wait for it */
	if (ok && cancel_check(l->op->cancel, &l->err) < 0) {
		l->failed = true;
		ok = false;
	}
	if (ok)
		*i = l->next++;
	pthread_mutex_unlock(&l->lock);
	return ok;
}

static void lanes_fail(struct lanes *l, const struct err *e)
{
	pthread_mutex_lock(&l->lock);
	if (!l->failed)
		l->err = *e;
	l->failed = true;
	pthread_mutex_unlock(&l->lock);
}

static void lane_run(void *item)
{
	struct lanes *l = item;
	size_t i;

	while (lanes_take(l, &i)) {
		struct err e = ERR_INIT;

		if (l->t->one(l->t->arg, i, &e) < 0)
			lanes_fail(l, &e);
	}
}

int registry_transfer_run(struct op *op, const struct registry_transfer *t, struct err *e)
{
	struct lanes l = { .t = t, .op = op };
	struct pool_batch batch;

	pthread_mutex_init(&l.lock, NULL);
	pool_batch_init(&batch, op->pool);
	for (size_t i = 0; i < t->jobs && i < t->n; i++)
		pool_submit(&batch, lane_run, &l);
	pool_batch_wait(&batch);
	pthread_mutex_destroy(&l.lock);
	if (!l.failed)
		return 0;
	*e = l.err;
	return -1;
}
