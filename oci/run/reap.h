/*
 * All that a RUN has started, found and ended without a pid namespace. The caller is made the
 * reaper of its descendants: one whose parent ends becomes the caller's child, whatever sessions and
 * groups it made, so none is out of reach, and there are none left when there is no child left.
 *
 *	reap_begin() -> fork -> reap_wait()
 *
 * The three are for a process with one thread and no other children. All of it reads /proc.
 */
#ifndef OCI_RUN_REAP_H
#define OCI_RUN_REAP_H

#include <sys/types.h>

#include "base/err.h"

struct reap {
	int ends_fd; /* speaks when a child has ended */
	int proc_fd;
};
#define REAP_INIT ((struct reap){ .ends_fd = -1, .proc_fd = -1 })

/* SIGCHLD is blocked from here on. ERR_IMPOSSIBLE: there is no /proc here. */
int reap_begin(struct reap *r, struct err *e) MUST_CHECK;
/*
 * Until pid, the leader of its own session, has ended, or anything happens on stop_fd; then kills
 * all that is left. Returns pid's status, as waitpid gives it, when every descendant is dead.
 */
int reap_wait(const struct reap *r, pid_t pid, int stop_fd);
void reap_release(struct reap *r);

/*
 * What a RUN has left that killed who kept it: all that is below the caller, a reaper, is killed and
 * reaped, until there is none, but for those children of his that are spared and what is below them.
 * Reaps nobody else, so a process with threads may call it.
 */
void reap_strays(int proc_fd, const pid_t *spared, size_t nr_spared);

#endif
