/*
 * The helper itself starts a RUN in namespaces: a process between them would be one more to be
 * copied and ended for each RUN, which costs more than all that it would do.
 *
 * And as posix_spawn does it, the child is not a copy either: until it executes the command it has
 * our memory, on a stack of its own, and we wait. What it changes there stays: it frees what it
 * allocates, but for a few bytes that it has in hand then. When it takes another user's id the
 * kernel marks this memory as nobody's to look into, which it stays.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "oci/run/caps.h"
#include "oci/run/helper_parts.h"

#define STACK_BYTES (512u << 10)
#define GUARD_BYTES (64u << 10) /* pages of any size that kernels have */

/*
 * Sanitizers remember the frames that exec leaves behind, and know no stack but a thread's own: with
 * them the child is a copy, and goes on where we are.
 */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_COPY 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HAS_COPY 1
#endif
#endif

struct ns_run {
	struct stubs stubs;
};

static int child_main(void *arg)
{
	helper_run_child(arg);
}

int ns_run_stack(void **out, struct err *e)
{
	char *low = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);

	if (low == MAP_FAILED || mprotect(low, GUARD_BYTES, PROT_NONE) < 0)
		return err_sys(e, "make a stack");
	*out = low + STACK_BYTES;
	return 0;
}

static pid_t clone_child(struct run *run)
{
	const int flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS |
			  (run->spec.no_network ? CLONE_NEWNET : 0) | SIGCHLD;
#ifdef HAS_COPY
	pid_t pid = (pid_t)syscall(SYS_clone, flags, NULL, NULL, NULL, NULL);

	return pid == 0 ? child_main(run) : pid;
#else
	/* we wait, so no two are on it at once */
	return clone(child_main, run->common->stack, flags | CLONE_VM | CLONE_VFORK, run);
#endif
}

/* The working directory is carried over into the new mount namespace. */
static pid_t start(struct run *run, struct err *e)
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
