/*
 * The helper itself starts a RUN in namespaces: a process between them would be one more to be
 * copied and ended for each RUN, which costs more than all that it would do.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>

#include "base/mem.h"
#include "oci/run/caps.h"
#include "oci/run/helper_parts.h"

struct ns_run {
	struct stubs stubs;
};

static pid_t clone_child(const struct run *run)
{
	const unsigned long flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS |
				    (run->spec.no_network ? CLONE_NEWNET : 0) | SIGCHLD;
	/* like fork: no stack of its own, we have one thread */
	pid_t pid = (pid_t)syscall(SYS_clone, flags, NULL, NULL, NULL, 0);

	if (pid == 0)
		helper_run_child(run);
	return pid;
}

/* The working directory is carried over into the new mount namespace. */
static pid_t start(const struct run *run, struct err *e)
{
	pid_t pid = -1;

	if (fchdir(run->fds[HELPER_FD_ROOT]) < 0) {
		err_sys(e, "enter the tree");
	} else if ((pid = clone_child(run)) < 0) {
		err_sys(e, "make namespaces for RUN");
		e->kind = ERR_IMPOSSIBLE;
	}
	/* main unmounts the tree when it has ended */
	if (chdir("/") < 0 && e->kind == ERR_NONE)
		err_sys(e, "leave the tree");
	return pid;
}

static int prepare(struct run *run, struct err *e)
{
	if (helper_read_spec(&run->spec, run->request, e) < 0)
		return -1;
	/* The network is the host's, so its resolvers are, too, on whatever address: one that listens
	 * on the loopback can be reached. */
	helper_read_text(&run->resolv_conf, "/etc/resolv.conf");
	return stubs_make(&run->stubs, run->fds[HELPER_FD_ROOT], &run->spec, run->fds + HELPER_FDS,
			  e);
}

struct ns_run *ns_run_begin(pid_t *pid, const struct request *request, const struct common *common,
			    struct err *e)
{
	struct run run = {
		.request = request, .fds = request->fds, .common = common, .caps = caps_docker()
	};
	struct ns_run *ns = NULL;

	*pid = prepare(&run, e) < 0 ? -1 : start(&run, e);
	if (*pid >= 0) {
		ns = mem_zalloc(sizeof(*ns));
		ns->stubs = run.stubs;
	} else {
		stubs_remove(&run.stubs);
	}
	/* its secrets are the RUN's by now */
	run_spec_release(&run.spec);
	buf_release(&run.resolv_conf);
	return ns;
}

void ns_run_end(struct ns_run *ns)
{
	stubs_remove(&ns->stubs);
	free(ns);
}
