/*
 * What a build tells those who started it: the files they asked for, then the digest on standard
 * output, unless the image itself went there.
 */
#ifndef CMD_CBUILD_RESULTS_H
#define CMD_CBUILD_RESULTS_H

#include "cmd/app.h"
#include "cmd/cbuild_args.h"
#include "cmd/facts.h"
#include "oci/build/build.h"

/* Before any work: can these files be written? */
int cbuild_results_check(const struct cbuild_args *a, struct err *e) MUST_CHECK;
/* --report: the files, and the same as lines of the story. */
int cbuild_results_report(struct app *app, const struct cbuild_args *a,
			  const struct build_result *r, const struct facts *f, struct err *e)
	MUST_CHECK;
int cbuild_results_write(struct app *app, const struct cbuild_args *a, const struct build_result *r,
			 struct err *e) MUST_CHECK;

#endif
