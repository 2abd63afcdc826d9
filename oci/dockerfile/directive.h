/*
 * The parser directives at the top of a Dockerfile: "# escape=`", "# syntax=…", "# check=…".
 * A frontend that syntax= names is never fetched; a file that is written for another language
 * than this one (syntax= behind "//", or as JSON) is refused by name.
 */
#ifndef OCI_DOCKERFILE_DIRECTIVE_H
#define OCI_DOCKERFILE_DIRECTIVE_H

#include "base/err.h"
#include "base/span.h"

struct directives {
	char escape;		   /* '\\' or '`' */
	struct span syntax, check; /* borrowed from the text; empty: not given */
	unsigned lines;		   /* how many lines they are, a "#!" among them */
};

/* text: without a byte order mark. ERR_INPUT: a wrong or repeated one. */
int directives_read(struct directives *out, const char *file, struct span text, struct err *e)
	MUST_CHECK;

#endif
