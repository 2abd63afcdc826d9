/*
 * A way to the user's ssh agent for one RUN: a socket of ours that is mounted into it, and what is
 * said over it carried to the agent and back. The RUN may list keys and have them sign; it can
 * neither add, remove nor lock them (those requests are answered as failed).
 *
 * Served by the thread that waits for the RUN, from its poll loop.
 */
#ifndef OCI_RUN_RELAY_H
#define OCI_RUN_RELAY_H

#include <poll.h>

#include "base/err.h"
#include "oci/run/spec.h"

#define RELAY_TALKS_MAX	  16
#define RELAY_MESSAGE_MAX (256u << 10) /* as OpenSSH's agent has it */

/*
 * A socket `name` in a directory, to be mounted (O_PATH) and to be served. Its owner and mode are
 * what the RUN sees.
 */
int relay_listen(int *listen_fd, int *mount_fd, int dirfd, const char *name, uint32_t mode,
		 uint32_t uid, uint32_t gid, struct err *e) MUST_CHECK;

struct relay;
/* agents are borrowed. */
struct relay *relay_new(const struct run_agent *agents, size_t nr);
void relay_free(struct relay *r); /* NULL is fine */
#define RELAY_POLL_MAX(nr_agents) ((nr_agents) + RELAY_TALKS_MAX)
/* What to wait for; at most RELAY_POLL_MAX entries. */
size_t relay_poll(struct relay *r, struct pollfd *p);
/* After poll, with the same entries. */
void relay_serve(struct relay *r, const struct pollfd *p, size_t nr);

#endif
