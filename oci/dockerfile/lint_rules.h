/*
 * Between lint.c (order, options, results), lint_from.c (rules about FROM and names) and
 * lint_instr.c (rules about instructions).
 */
#ifndef OCI_DOCKERFILE_LINT_RULES_H
#define OCI_DOCKERFILE_LINT_RULES_H

#include "oci/dockerfile/lint.h"
#include "oci/dockerfile/message.h"

enum lint_rule {
	LINT_CONSISTENT_INSTRUCTION_CASING,
	LINT_COPY_IGNORED_FILE,
	LINT_DUPLICATE_STAGE_NAME,
	LINT_EXPOSE_INVALID_FORMAT,
	LINT_EXPOSE_PROTO_CASING,
	LINT_FROM_AS_CASING,
	LINT_FROM_PLATFORM_FLAG_CONST_DISALLOWED,
	LINT_INVALID_BASE_IMAGE_PLATFORM,
	LINT_INVALID_DEFAULT_ARG_IN_FROM,
	LINT_INVALID_DEFINITION_DESCRIPTION,
	LINT_JSON_ARGS_RECOMMENDED,
	LINT_LEGACY_KEY_VALUE_FORMAT,
	LINT_MAINTAINER_DEPRECATED,
	LINT_MULTIPLE_INSTRUCTIONS_DISALLOWED,
	LINT_NO_EMPTY_CONTINUATION,
	LINT_REDUNDANT_TARGET_PLATFORM,
	LINT_RESERVED_STAGE_NAME,
	LINT_SECRETS_USED_IN_ARG_OR_ENV,
	LINT_STAGE_NAME_CASING,
	LINT_UNDEFINED_ARG_IN_FROM,
	LINT_UNDEFINED_VAR,
	LINT_WORKDIR_RELATIVE_PATH,
	LINT_NR_RULES,
};

struct linter {
	struct lint *out;
	const struct dockerfile *df;
	const struct lint_options *opt;
	bool off[LINT_NR_RULES]; /* in the whole file */
};

/* A warning at in's lines, unless the rule is off. */
void lint_add(struct linter *l, enum lint_rule rule, const struct dockerfile_instr *in,
	      const char *fmt, ...) PRINTF_FMT(4, 5);
/* The same at one line. */
void lint_add_line(struct linter *l, enum lint_rule rule, unsigned line, const char *fmt, ...)
	PRINTF_FMT(4, 5);

void lint_names(struct linter *l); /* stages' names, casing of all instructions */
void lint_from(struct linter *l, const struct plan_stage *st, const struct oci_config *base);
void lint_stages(struct linter *l); /* all instructions of the plan's stages */

/* -- shared by both, in lint.c -- */
/* The comment right above in should begin with the name that it tells about. */
void lint_description(struct linter *l, const struct dockerfile_instr *in, const char *name);
/* " (did you mean $NAME?)", or "": the name in env that is closest to word. */
void lint_guess(char hint[MESSAGE_HINT_MAX], const char *word, const struct strv *env,
		const char *sign);

#endif
