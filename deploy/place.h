/*
 * Where in the user's file an error is: "FILE:LINE:COLUMN: " before its text, and the line itself
 * as an excerpt. What may be secret in that line is "***", also where the text quotes it; ${VAR} in it, which is only a
 * name, stays.
 * All readers of files for a deploy show places by this.
 */
#ifndef DEPLOY_PLACE_H
#define DEPLOY_PLACE_H

#include "base/err.h"
#include "base/span.h"
#include "base/strv.h"

struct deploy_place {
	const char *file;	      /* for messages */
	struct span text;	      /* the whole file; empty: no excerpt */
	unsigned line, column;	      /* from 1; column 0: the line as a whole */
	size_t width;		      /* columns to mark */
	struct span value;	      /* what is wrong, as it was read; empty: not known */
	bool is_private;	      /* a value of an environment: none of it is shown */
	const struct strv *variables; /* NAME=VALUE of those used in it; NULL: none */
};

struct span deploy_place_line(const struct deploy_place *at); /* borrowed from its text */
/* A copy of what is said of the place, as deploy_place_wrap() would show it. */
char *deploy_place_said(const char *text, const struct deploy_place *at) MUST_CHECK;
int deploy_place_wrap(struct err *e, const struct deploy_place *at); /* always -1 */

#endif
