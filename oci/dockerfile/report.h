/*
 * What can be told of a Dockerfile without building it: its warnings (--call=check), the targets
 * it has (--call=targets), what a target can be given (--call=outline). As text for people and as
 * JSON with the field names of docker buildx. Pure.
 */
#ifndef OCI_DOCKERFILE_REPORT_H
#define OCI_DOCKERFILE_REPORT_H

#include "base/buf.h"
#include "oci/dockerfile/lint.h"

#define REPORT_MAX (64u << 20) /* ceiling for the buffers that are given here */

/* With the lines that each warning is about; `error`: why the file cannot be built, NULL: it can. */
void report_check(struct buf *out, const struct dockerfile *df, const struct lint *lint);
void report_check_json(struct buf *out, const char *file, struct span text, const struct lint *lint,
		       const char *error);

/* For GitLab; path: of the file, from the repository's root. */
struct code_quality;
void report_check_quality(struct code_quality *out, const struct dockerfile *df, const char *path,
			  const struct lint *lint);

/* All named stages, in the file's order, and the last one. */
void report_targets(struct buf *out, const struct dockerfile *df);
void report_targets_json(struct buf *out, const struct dockerfile *df);

/* Of the plan's target: the build arguments, secrets, sockets and caches that it and the stages
 * it needs ask for, with their values and the comments above them. */
void report_outline(struct buf *out, const struct dockerfile_plan *plan);
void report_outline_json(struct buf *out, const struct dockerfile_plan *plan);

#endif
