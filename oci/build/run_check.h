/*
 * What can be said of the steps of a plan, of RUN above all, before any work begins.
 */
#ifndef OCI_BUILD_RUN_CHECK_H
#define OCI_BUILD_RUN_CHECK_H

#include "base/progress.h"
#include "oci/build/run_options.h"
#include "oci/dockerfile/plan.h"
#include "oci/run/sandbox.h"

/* ERR_INPUT: it asks for something that cannot be had here. No place: the caller wraps. */
int run_check(const struct dockerfile_instr *run, const struct run_options *o, struct err *e)
	MUST_CHECK;
/* All of them, and the ports of EXPOSE; with file and line. */
int run_check_plan(const struct dockerfile_plan *plan, const struct run_options *o, struct err *e)
	MUST_CHECK;
/* ERR_IMPOSSIBLE: one asks for something that this sandbox does not have (sandbox.h, bare). */
int run_check_sandbox(const struct dockerfile_plan *plan, const struct run_options *o,
		      const struct sandbox *s, struct err *e) MUST_CHECK;
/* Required secrets that were not given; for who is going to build. */
int run_check_secrets(const struct dockerfile_plan *plan, const struct run_options *o,
		      struct err *e) MUST_CHECK;
/* Says that of one. Always -1. id NULL: it has no name. */
int run_secret_missing(struct err *e, const char *id);
/* Whether a RUN gets no network but a loopback. */
bool run_has_no_network(const struct dockerfile_instr *run, const struct run_options *o);
/* Warns of a --secret or --ssh that nobody asks for. */
void run_check_unused(struct progress *p, const struct dockerfile_plan *plan,
		      const struct run_options *o);

#endif
