/*
 * From what is written to what is to be done: names resolved to stages, only
 * what the target needs, in an order in which each stage comes after those it
 * reads. Pure. All errors of text and names end here, before any work.
 */
#ifndef OCI_DOCKERFILE_PLAN_H
#define OCI_DOCKERFILE_PLAN_H

#include "base/err.h"
#include "base/strv.h"
#include "oci/dockerfile/ast.h"
#include "oci/image/platform.h"

enum plan_from {
	PLAN_NONE, /* COPY from the build context */
	PLAN_SCRATCH,
	PLAN_STAGE,   /* .stage: index into plan->stages, always an earlier one */
	PLAN_IMAGE,   /* .ref: a reference as written after expansion */
	PLAN_CONTEXT, /* .ref: the name of a named context (--build-context) */
};
struct plan_source {
	enum plan_from kind;
	size_t stage;
	char *ref;
};
struct plan_step {
	const struct dockerfile_instr *instr; /* borrowed from the dockerfile */
	struct plan_source from;	      /* COPY, ADD */
	/* RUN: where instr->mounts come from, one each; PLAN_NONE: no from= (bind: the context) */
	struct plan_source *mounts;
};
struct plan_stage {
	char *name; /* AS name, else "stage-N" with N as counted in the file */
	struct plan_source base;
	struct oci_platform platform;
	struct plan_step *steps;
	size_t nr;
};
struct dockerfile_plan {
	const struct dockerfile *file; /* borrowed; must outlive the plan */
	struct plan_stage *stages;     /* the last one is the target */
	size_t nr;
	/* Global scope: what a bare `ARG NAME` in a stage imports, KEY=VALUE (platform ARGs among them). */
	struct strv globals;
	struct strv unused_build_args; /* names given but declared nowhere */
};

struct plan_options {
	const struct strv *build_args; /* KEY=VALUE */
	const struct strv *contexts;   /* names given with --build-context */
	const char *target;	       /* NULL: the last stage */
	struct oci_platform platform;  /* what is built for */
};

int dockerfile_plan_make(struct dockerfile_plan **out, const struct dockerfile *df,
			 const struct plan_options *opt, struct err *e) MUST_CHECK;
void dockerfile_plan_free(struct dockerfile_plan *p);

DEFINE_AUTO(dockerfile_plan, dockerfile_plan_free)
#define auto_plan CLEANUP(dockerfile_plan_auto_)

#endif
