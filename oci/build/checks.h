/*
 * Build checks (oci/dockerfile/lint.h) where more is known than the text: what bases set, what
 * .dockerignore excludes.
 */
#ifndef OCI_BUILD_CHECKS_H
#define OCI_BUILD_CHECKS_H

#include "oci/build/job.h"
#include "oci/dockerfile/lint.h"

/* Of j->plan, with the bases that are in j->bases. ERR_INPUT: the "check" directive is wrong. */
int checks_find(struct lint *out, const struct job *j, struct err *e) MUST_CHECK;

/* As warnings of a build. ERR_INPUT: there are some, and the file says that they are errors. */
int checks_warn(const struct job *j, struct err *e) MUST_CHECK;

#endif
