/*
 * From a Dockerfile to a plan that is sure: the bases of its stages found, their triggers in it.
 */
#ifndef OCI_BUILD_PREPARE_H
#define OCI_BUILD_PREPARE_H

#include "oci/build/job.h"

/* An image that stages are FROM; found once. */
struct base {
	struct plan_source from;
	struct oci_platform platform; /* asked for */
	struct image *image;
};
void bases_release(struct bases *b);

/* j->plan: a first one, by the text alone. Nothing is asked, nothing is written. */
int prepare_plan(struct job *j, struct err *e) MUST_CHECK;

/*
 * Has the bases of j->plan in j->bases, several at once, and j->plan made again as long as they
 * have triggers that are not in it yet. ERR_IMPOSSIBLE: a RUN is for a machine that this one cannot
 * be; said before anything is run.
 */
int prepare_bases(struct job *j, struct err *e) MUST_CHECK;

/* As far as they can be had, and without their triggers: for who only looks. */
void prepare_known_bases(struct job *j);

/* What j->plan->stages[index] is FROM, if that is an image; NULL: scratch, a stage, or not found. */
struct image *prepare_base_of(const struct job *j, size_t index);

#endif
