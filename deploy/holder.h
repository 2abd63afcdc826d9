/*
 * Who holds a lock: words for people, and a process that can be told dead from alive, by
 * whoever runs in the same pid namespace of the same boot.
 */
#ifndef DEPLOY_HOLDER_H
#define DEPLOY_HOLDER_H

#include "base/cc.h"

struct deploy_holder {
	const char *who;      /* "anna@host" */
	const char *job_url;  /* NULL: none */
	const char *job_name; /* of the pipeline's job that it is; NULL: none */
	const char *process;  /* of deploy_holder_process; NULL: not known */
};

/* "BOOT/NAMESPACE/PID/START" of this process; NULL where /proc does not say. Owned by the caller. */
char *deploy_holder_process(void) MUST_CHECK;
/* Surely ended. Where that cannot be known (another machine, another namespace, a /proc that hides
 * processes of others): false. */
bool deploy_holder_is_gone(const char *process);

#endif
