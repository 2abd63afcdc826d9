/*
 * Child programs: start one, feed it, read what it says, wait for its end.
 * The only place besides oci/run that makes processes. Used for small helpers
 * (credential helpers, ssh); RUN commands are oci/run's.
 */
#ifndef BASE_PROC_H
#define BASE_PROC_H

#include <sys/types.h>

#include "base/buf.h"
#include "base/cc.h"
#include "base/err.h"
#include "base/op.h"
#include "base/strv.h"

struct proc_spec {
	const char *const *argv; /* argv[0] is looked up in PATH */
	const struct strv *env;	 /* NULL: our own environment */
	struct span input;	 /* given on stdin; empty: /dev/null */
	size_t output_max;  /* ceiling for each of stdout and stderr; more is dropped (buf.over) */
	int64_t timeout_ms; /* 0: none */
};
struct proc_result {
	int status; /* as waitpid gives it */
	struct buf out, err;
};

#define auto_proc_result CLEANUP(proc_result_release)

/*
 * Runs to the end. 0 also when the program exits non-zero: look at status.
 * ERR_ABSENT: no such program. ERR_TIMEOUT, ERR_CANCELLED: it was killed, with its process group
 * (it leads its own).
 * No descriptor of ours but 0-2 reaches the child.
 */
int proc_run(struct proc_result *out, const struct op *op, const struct proc_spec *spec,
	     struct err *e) MUST_CHECK;
void proc_result_release(struct proc_result *r);

/* "exit status 7", "exit status 137 (128 + 9: SIGKILL)", "killed by SIGSEGV (Segmentation fault)" into text. */
void proc_describe(char *text, size_t size, int status);

#endif
