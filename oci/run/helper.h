/*
 * The helper: a small process forked from main before there are threads,
 * descriptors or credentials. It starts every RUN, so that nothing is ever forked from a
 * threaded program, and a RUN costs no exec of this one.
 *
 *	main --request (spec, tree, pipes, report)--> helper --clone--> the RUN, in namespaces
 *	                                              helper --fork--> keeper, monitor --fork--> a bare RUN
 *
 * Who starts a RUN makes and removes its mount points, waits, reports, and kills all that it has
 * started when it ends, when main asks, or is gone (the report socket closes). In namespaces of its own
 * that takes no process beside it. A bare one is kept together by a monitor being the reaper of what
 * it starts (reap.h), and its root is changed by chroot, or is ours if root is "/" itself. It can
 * kill its monitor, so between helper and monitor there is a keeper, who then kills what is left; so
 * does the helper for a keeper that was killed, and the sandbox, where it can, for the helper.
 */
#ifndef OCI_RUN_HELPER_H
#define OCI_RUN_HELPER_H

#include <sys/types.h>

#include "base/err.h"
#include "oci/run/spec.h"

/* What comes back over a report socket (SOCK_SEQPACKET), exactly one message. */
struct helper_report {
	bool ran;   /* else text says why it could not be started */
	int status; /* waitpid's */
	enum err_kind kind;
	int sys; /* errno, as in err */
	char text[ERR_TEXT_MAX];
};

enum helper_kind {
	HELPER_NS = 'N',
	/* No namespaces, no mounts. The RUN may have what docker's default capabilities allow, less one
	 * that we have, so that /proc/PID/environ, mem, root and the like are closed to it for every
	 * process that has as much as we do. */
	HELPER_BARE = 'B',
};

/*
 * Descriptors that travel with a request, in this order, and behind them the sources of the spec's
 * mounts: NS as attach_take() made them, BARE as they are in the spec.
 * ROOT: the tree. ASIDE (BARE): a directory of the caller's on the file system of the tree and, if
 * that can be, outside of it; what mounts cover lies there while the RUN runs. MEMORY (BARE, "/" is
 * the tree): a directory in memory for its secrets; any other: there is none.
 */
enum {
	HELPER_FD_SPEC,
	HELPER_FD_ROOT,
	HELPER_FD_OUT,
	HELPER_FD_ERR,
	HELPER_FD_REPORT,
	HELPER_FD_ASIDE,
	HELPER_FD_MEMORY,
	HELPER_FDS
};
#define HELPER_FDS_MAX (HELPER_FDS + RUN_MOUNTS_MAX) /* the kernel lets 253 travel at once */

struct helper {
	int sock; /* where requests go */
	pid_t pid;
};

int helper_start(struct helper *out, bool can_setgroups, struct err *e) MUST_CHECK;
/* The helper ends when its socket is closed; waits for that. */
void helper_stop(struct helper *h);
/* A RUN has killed it, say. */
bool helper_is_gone(const struct helper *h);
/* Hands nr fds (borrowed) over. Thread-safe. */
int helper_request(int sock, enum helper_kind kind, const int *fds, size_t nr, struct err *e)
	MUST_CHECK;

#endif
