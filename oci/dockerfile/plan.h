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
	const struct dockerfile_instr *instr; /* borrowed from the dockerfile, or … */
	struct dockerfile_instr *trigger; /* … ONBUILD of the stage's base, with FROM's line */
	struct plan_source from;	  /* COPY, ADD */
	/* RUN: where instr->mounts come from, one each; PLAN_NONE: no from= (bind: the context) */
	struct plan_source *mounts;
};
struct plan_stage {
	char *name; /* AS name, else "stage-N" with N as counted in the file */
	const struct dockerfile_instr *from; /* borrowed from the dockerfile */
	struct plan_source base;
	/* That its base is looked for in, and that it runs on unless the base says another. */
	struct oci_platform platform;
	size_t target; /* index into plan->targets: the first one it is built for */
	struct plan_step *steps;
	size_t nr;
};
/* One image of those that are made: of one platform. */
struct plan_target {
	size_t stage; /* index into plan->stages; of nobody else */
	struct oci_platform platform;
	/* Global scope: what a bare `ARG NAME` in a stage imports, KEY=VALUE (platform ARGs among them). */
	struct strv globals;
};
struct dockerfile_plan {
	const struct dockerfile *file; /* borrowed; must outlive the plan */
	/* Each after all those it reads. What is the same for several platforms is there once. */
	struct plan_stage *stages;
	size_t nr;
	struct plan_target *targets; /* as many as platforms, in their order */
	size_t nr_targets;
	struct strv unused_build_args; /* names given but declared nowhere */
	struct strv used_build_args;   /* KEY=VALUE: those that an ARG of the file declares */
	bool has_epoch;		       /* SOURCE_DATE_EPOCH is an argument's value */
	int64_t epoch;
};

/*
 * ONBUILD of an image. What it says is known only when the image was found, and it may name other
 * stages and so other images: a plan is made, the bases of its stages are found, and it is made
 * again with their triggers until there are no new ones.
 */
struct plan_triggers {
	enum plan_from kind; /* of a stage's base, … */
	const char *ref;
	struct oci_platform platform; /* … and that stage's */
	const struct strv *lines;
};

struct plan_options {
	const struct strv *build_args;	      /* KEY=VALUE */
	const struct strv *contexts;	      /* names given with --build-context */
	const char *target;		      /* NULL: the last stage */
	const struct oci_platform *platforms; /* what is built for; at least one */
	size_t nr_platforms;
	bool all_stages; /* also those that the target does not need (for checks) */
	const struct plan_triggers *triggers;
	size_t nr_triggers;
};

int dockerfile_plan_make(struct dockerfile_plan **out, const struct dockerfile *df,
			 const struct plan_options *opt, struct err *e) MUST_CHECK;
void dockerfile_plan_free(struct dockerfile_plan *p);

DEFINE_AUTO(dockerfile_plan, dockerfile_plan_free)
#define auto_plan CLEANUP(dockerfile_plan_auto_)

#endif
