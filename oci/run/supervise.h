/*
 * The asking side of one RUN, whatever sandbox it is in: a request to the helper, and then a poll over
 * its output, its report, the cancel flag and the clock. Thread-safe: any number at a time.
 */
#ifndef OCI_RUN_SUPERVISE_H
#define OCI_RUN_SUPERVISE_H

#include "base/op.h"
#include "oci/run/helper.h"

struct supervise {
	int helper_sock;
	enum helper_kind kind;
	int root_fd;   /* the tree */
	int aside_fd;  /* BARE: see helper.h; else any */
	int memory_fd; /* the same */
};

/* As sandbox_run. */
int supervise_run(const struct supervise *s, struct op *op, const struct run_spec *spec,
		  int *status, struct err *e) MUST_CHECK;

#endif
