/*
 * Arguments of a build: the global scope, and which --build-arg nobody reads.
 */
#ifndef OCI_DOCKERFILE_PLAN_ARGS_H
#define OCI_DOCKERFILE_PLAN_ARGS_H

#include "oci/dockerfile/plan.h"

/*
 * What FROM lines and a stage's bare `ARG NAME` see: the platform arguments, then the ARGs before
 * the first FROM with their defaults or the values given.
 */
int plan_args_globals(struct strv *out, const struct dockerfile *df, const struct plan_options *opt,
		      const struct oci_platform *platform, struct err *e) MUST_CHECK;

/* Fills plan->epoch out of the arguments, if it is among them. */
int plan_args_epoch(struct dockerfile_plan *plan, const struct plan_options *opt,
		    const struct strv *globals, struct err *e) MUST_CHECK;

/* Which of those given an ARG declares, and which are declared by none and mean nothing by themselves. */
void plan_args_given(struct dockerfile_plan *plan, const struct dockerfile *df,
		     const struct plan_options *opt, const struct strv *globals);

#endif
