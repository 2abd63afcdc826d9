/* Between the files of the helper: what it was asked for, and what it holds for all RUNs. */
#ifndef OCI_RUN_HELPER_PARTS_H
#define OCI_RUN_HELPER_PARTS_H

#include "base/buf.h"
#include "oci/run/helper.h"
#include "oci/run/seccomp.h"
#include "oci/run/stubs.h"

struct request {
	enum helper_kind kind;
	int fds[HELPER_FDS_MAX]; /* -1: somebody has taken it over */
	size_t nr;
};

struct common {
	bool can_setgroups;
	struct run_seccomp filter;
	struct err unable;	       /* why nothing can be RUN */
	void *stack;		       /* of a child in namespaces, until it executes its command */
	struct buf resolv_conf, hosts; /* of the machine, read before any tree is "/" */
};

struct run {
	struct run_spec spec;
	struct stubs stubs;
	struct buf resolv_conf;
	const struct request *request;
	const int *fds;
	const struct common *common;
	bool is_in_root; /* bare, in "/" as it is */
	uint64_t caps;	 /* the most that it may have */
};

int helper_read_spec(struct run_spec *out, const struct request *request, struct err *e) MUST_CHECK;
/* A missing file is an empty one. */
void helper_read_text(struct buf *out, const char *path);
/* Process 1 of the new namespaces, or a bare child of the monitor's. */
NORETURN void helper_run_child(const struct run *run);

/*
 * A RUN in namespaces of its own. It is process 1 there: when it ends, or is killed, the kernel kills
 * all that it left behind before anybody can wait for it, so the tree stands still then.
 */
struct ns_run;
int ns_run_stack(void **out, struct err *e) MUST_CHECK; /* for all of them */
/* NULL: it could not be started. (A child that fails before exec sends its own report first, and main
 * takes the first one.) */
struct ns_run *ns_run_begin(pid_t *pid, const struct request *request, const struct common *common,
			    struct err *e) MUST_CHECK;
/* It was waited for: nothing of ours is in the tree any more. Frees it. */
void ns_run_end(struct ns_run *ns);

#endif
