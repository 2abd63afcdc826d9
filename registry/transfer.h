/*
 * Many blobs at once: the same work for 0 … n-1, on op->pool (or, without one, in the
 * calling thread), never more than `jobs` of it at a time. After a failure nothing new is
 * begun, what is under way ends, and the first failure is told. They are begun in order, so one may wait for
 * another before it.
 * Not for use inside an item of the same pool.
 */
#ifndef REGISTRY_TRANSFER_H
#define REGISTRY_TRANSFER_H

#include "base/err.h"
#include "base/op.h"

struct registry_transfer {
	unsigned jobs;
	size_t n;
	int (*one)(void *arg, size_t i, struct err *e); /* called from any thread */
	void *arg;
};

int registry_transfer_run(struct op *op, const struct registry_transfer *t, struct err *e)
	MUST_CHECK;

#endif
