/*
 * The filter that a RUN's system calls go through: Docker's default profile, as a container
 * with Docker's default capabilities has it (moby/profiles, seccomp/default_linux.go).
 *
 *	run_seccomp_compile(), once, in a process of one thread
 *	-> for each RUN: run_seccomp_enter(), after the last call that the filter refuses
 *
 * A call that Docker refuses fails with EPERM; clone3 with ENOSYS, so that libc takes clone, whose
 * flags a filter can see; one that is younger than the libseccomp here with ENOSYS, as an old
 * kernel has it, so that programs fall back.
 */
#ifndef OCI_RUN_SECCOMP_H
#define OCI_RUN_SECCOMP_H

#include "base/err.h"

struct sock_filter;
struct run_seccomp {
	struct sock_filter *code;
	unsigned short nr;
};

int run_seccomp_compile(struct run_seccomp *out, struct err *e) MUST_CHECK;
void run_seccomp_release(struct run_seccomp *p);
/*
 * This process and all that come from it, for good. Needs CAP_SYS_ADMIN over its user namespace, since
 * "no new privileges" stays off: set-user-id programs work in a RUN. is_bare: a process of a container
 * that may lack that right: the container's own filter is what holds there, and only then is
 * nothing done.
 */
int run_seccomp_enter(const struct run_seccomp *p, bool is_bare, struct err *e) MUST_CHECK;

#endif
