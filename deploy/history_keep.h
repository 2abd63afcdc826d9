/*
 * The history in the swarm: read, added to, cut to its length.
 */
#ifndef DEPLOY_HISTORY_KEEP_H
#define DEPLOY_HISTORY_KEEP_H

#include "base/op.h"
#include "deploy/history.h"
#include "deploy/service.h"

/* What is told of a deploy, beside what its owner says. All borrowed. */
struct deploy_note {
	const char *who, *job_url; /* NULL: not known */
	bool detached;		   /* nobody has seen it run */
};

/* One question. */
int deploy_history_get(struct deploy_history *out, struct op *op, struct engine *eng,
		       const struct deploy_owner *o, struct err *e) MUST_CHECK;

/*
 * Records the stack as o->revision; safe to lose an answer of. ERR_INPUT: it is more than a config object
 * holds. ERR_FAILED: there is such a record already.
 */
int deploy_history_add(struct op *op, struct engine *eng, const struct deploy_stack *s,
		       const struct deploy_owner *o, const struct deploy_note *note, struct err *e)
	MUST_CHECK;

/* Removes the oldest, also from h, until it has no more than `most`. What cannot be removed is told. */
void deploy_history_cut(struct op *op, struct engine *eng, struct deploy_history *h, size_t most);

#endif
