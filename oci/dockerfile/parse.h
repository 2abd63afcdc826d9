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

/* Refuses a file that is longer than that; begin: what was read of it. Always -1. */
int dockerfile_too_long(const char *file, struct span begin, struct err *e);

/*
 * What stands behind ONBUILD, of df or of a base image: one instruction, with its here-documents.
 * df lends its escape character. out has no lines (0), and errors no place: the caller knows at
 * which FROM this is carried out. Release out with dockerfile_instr_release.
 */
int dockerfile_parse_onbuild(struct dockerfile_instr *out, const struct dockerfile *df,
			     const char *trigger, struct err *e) MUST_CHECK;

/* STOPSIGNAL: a number from 1, or a name with or without SIG in any case (linux). */
bool dockerfile_signal_valid(const char *signal);

#endif
