/*
 * The last steps before the user's command: called in the new process, in its new namespaces,
 * and left only by exec or with an error.
 */
#ifndef OCI_RUN_ENTER_H
#define OCI_RUN_ENTER_H

#include "base/err.h"
#include "oci/run/mounts.h"
#include "oci/run/seccomp.h"
#include "oci/run/spec.h"

struct enter_from {
	const struct run_spec *spec;
	const struct stubs *stubs;
	const int *taken; /* sources of the spec's mounts, see attach.h */
	struct span resolv_conf;
	const struct run_seccomp *filter;
	int out_fd, err_fd, report_fd;
	bool can_setgroups; /* more than one id is mapped */
	uint64_t caps;	    /* the most that root may keep (caps.h) */
	bool is_bare;	    /* no namespaces: no mounts are made */
	int root_fd;	    /* bare: the tree; -1: "/" as it is */
};

/* Every descriptor but 0 to 2 and this one, in two calls. */
void enter_close_all_but(int kept);

/*
 * Not bare: the working directory is the tree's root. out_fd, err_fd become stdout and stderr, stdin is /dev/null.
 * Every other descriptor is closed before a path of the image's is looked at, but for report_fd,
 * over which the caller can still tell of an error: exec closes that.
 * Returns only with an error: ERR_IMPOSSIBLE or ERR_FAILED, as sandbox_run.
 */
int enter_exec(const struct enter_from *from, struct err *e);

#endif
