/*
 * The steps that a stage's base has left for it.
 */
#ifndef OCI_DOCKERFILE_PLAN_ONBUILD_H
#define OCI_DOCKERFILE_PLAN_ONBUILD_H

#include "oci/dockerfile/plan_names.h"

#define TRIGGERS_MAX 16384 /* in one plan */

/* What ONBUILD of the base of p->stages[at] says, in order. */
void plan_onbuild_lines(struct strv *out, const struct planner *p, size_t at);
/* A line as an instruction of this stage, owned by the step; nothing in it is resolved. */
int plan_onbuild_step(struct plan_step *out, struct planner *p, size_t at, const char *line,
		      struct err *e) MUST_CHECK;

#endif
