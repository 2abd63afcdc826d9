/*
 * Dockerfile text to struct dockerfile. Pure: no disk, no clock, no environment.
 *
 * Every error is ERR_INPUT "FILE:LINE: what" with the line's text and, where one
 * is near, a "did you mean". An instruction or flag that is not carried out by
 * this program is an error, never skipped.
 */
#ifndef OCI_DOCKERFILE_PARSE_H
#define OCI_DOCKERFILE_PARSE_H

#include "base/err.h"
#include "oci/dockerfile/ast.h"

#define DOCKERFILE_MAX (8u << 20) /* text beyond this is refused */

int dockerfile_parse(struct dockerfile **out, const char *file, struct span text, struct err *e)
	MUST_CHECK;

#endif
