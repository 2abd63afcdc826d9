/*
 * In which order services begin: one that depends on others comes a wave after them. Pure.
 */
#ifndef DEPLOY_WAVES_H
#define DEPLOY_WAVES_H

#include "base/err.h"
#include "deploy/service.h"

/*
 * wave: room for stack->nr; 0 is the first. *nr: how many waves there are. Names that are
 * not in the stack count for nothing. ERR_INPUT: a circle.
 */
int deploy_waves(size_t *wave, size_t *nr, const struct deploy_stack *stack, struct err *e)
	MUST_CHECK;

#endif
