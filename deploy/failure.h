/*
 * What users want to see when a rollout fails: the last words of the task that failed, and, when the
 * way back failed as well, what runs now. Tells it as notes and warnings; never fails itself.
 */
#ifndef DEPLOY_FAILURE_H
#define DEPLOY_FAILURE_H

#include "base/op.h"
#include "deploy/engine.h"
#include "deploy/rollout.h"

/*
 * The last lines that the task printed which made this rollout fail, and what its health check said last where it
 * failed on the engine's own node; spec is the one that
 * it runs, and on which node of several. Nothing where no task can be blamed. After a limit also which nodes are lost.
 * Bounded in lines, bytes and time: an engine that does not answer costs seconds.
 */
void deploy_failure_log(struct op *op, struct engine *eng, const char *name,
			const struct deploy_rollout *r, const json_t *spec);

/*
 * What may be shown of such a line: nobody asked for it, the job's log is for many to read, and a task may print
 * what it was given in its environment. Owned by the caller.
 */
char *deploy_failure_line(const char *line, const json_t *spec) MUST_CHECK;

/* One warning per service: which image it has and how many tasks run, as the engine says it now. */
void deploy_failure_state(struct op *op, struct engine *eng, const struct strv *services);

#endif
