/*
 * The plans of several platforms made one: what the target needs, and what is the same for two
 * platforms only once.
 */
#ifndef OCI_DOCKERFILE_PLAN_JOIN_H
#define OCI_DOCKERFILE_PLAN_JOIN_H

#include "oci/dockerfile/plan_names.h"

/* Moves what `target` needs out of p (its globals, too) to the end of plan, as its next target. */
void plan_join(struct dockerfile_plan *plan, struct planner *p, size_t target);

void plan_stage_clear(struct plan_stage *st); /* no base, no steps */
void plan_stage_release(struct plan_stage *st);

#endif
