/*
 * What is not wrong in a Dockerfile but will surprise somebody: BuildKit's build checks, under the
 * names that users put in "# check=skip=" (docker/dockerfile:1, "Build checks").
 *
 * Pure: looks at the text, the plan, and what the caller knows of base images. A rule that needs a
 * base which is not known says nothing.
 */
#ifndef OCI_DOCKERFILE_LINT_H
#define OCI_DOCKERFILE_LINT_H

#include "oci/dockerfile/ignore.h"
#include "oci/dockerfile/plan.h"
#include "oci/image/config.h"

struct lint_warning {
	const char *rule;	  /* "StageNameCasing"; static */
	const char *about;	  /* one sentence about the rule; static */
	char *detail;		  /* about this place */
	unsigned line, last_line; /* from 1 */
	unsigned id;		  /* of the rule, for lint.c */
};
struct lint {
	struct lint_warning *v; /* by line, then by rule */
	size_t nr, cap;
	bool is_error; /* the file asks for warnings to be errors, and there is one */
};

struct lint_options {
	const struct dockerfile_plan *plan;
	/* One per plan->stages: the configuration of the image it is FROM; NULL: not known. */
	const struct oci_config *const *bases;
	const struct strv *build_args; /* KEY=VALUE; may be NULL */
	const struct ignore *ignore;   /* of the build context; may be NULL */
	const char *
		check; /* instead of the file's "# check=" (--build-arg BUILDKIT_DOCKERFILE_CHECK) */
};

/* ERR_INPUT: a "check" directive that cannot be read. */
int dockerfile_lint(struct lint *out, const struct dockerfile *df, const struct lint_options *opt,
		    struct err *e) MUST_CHECK;
void lint_release(struct lint *l);
#define auto_lint CLEANUP(lint_release)

/* Where a rule is explained. */
#define LINT_URL_MAX 128
void lint_url(char out[LINT_URL_MAX], const char *rule);

#endif
