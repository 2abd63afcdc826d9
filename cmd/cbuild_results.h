/* What a build tells those who started it: --iidfile, --metadata-file, and standard output. */
#ifndef CMD_CBUILD_RESULTS_H
#define CMD_CBUILD_RESULTS_H

#include "cmd/app.h"
#include "cmd/cbuild_args.h"
#include "oci/build/build.h"

int cbuild_results_write(struct app *app, const struct cbuild_args *a, const struct build_result *r,
			 struct err *e) MUST_CHECK;

#endif
