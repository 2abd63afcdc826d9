/*
 * What people do to services that run, without a file: another number of tasks, an end. Both wait
 * until it is so.
 */
#ifndef DEPLOY_OPERATE_H
#define DEPLOY_OPERATE_H

#include "deploy/rollout.h"
#include "deploy/view.h"

/*
 * Waits as deploy_up does (limits: those of *o that are set). Only the number changes, and nothing is
 * written when it is that already. ERR_INPUT: not a replicated service. ERR_FAILED, ERR_TIMEOUT: the tasks
 * do not run; the number is left as asked for.
 */
int deploy_scale(struct op *op, struct engine *eng, const struct view_service *s, uint64_t replicas,
		 const struct rollout_options *o, struct err *e) MUST_CHECK;

/*
 * All services of v, which are the owner's, and then, when none of their tasks is left, the secrets,
 * configs and networks that the owner made and nobody uses. ERR_TIMEOUT: tasks are still ending after timeout_ms.
 */
int deploy_remove(struct op *op, struct engine *eng, const struct view *v,
		  const struct deploy_owner *owner, int64_t timeout_ms, struct err *e) MUST_CHECK;

#endif
