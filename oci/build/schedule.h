/*
 * The stages of a build, side by side: each begins when all that it reads are done.
 */
#ifndef OCI_BUILD_SCHEDULE_H
#define OCI_BUILD_SCHEDULE_H

#include "oci/build/job.h"

/*
 * Carries out all of j->plan->stages, as many at once as op->pool has workers. What comes out does
 * not depend on that. The first that fails stops the others (j->cancel), and its error is the one.
 */
int schedule_run(struct job *j, struct err *e) MUST_CHECK;

#endif
