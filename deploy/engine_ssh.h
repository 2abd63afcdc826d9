/*
 * An engine behind ssh: each connection is an ssh of the machine's own that runs `docker system dial-stdio` there, as
 * docker does it. ~/.ssh/config counts (jump hosts, keys, aliases) but for the host's own key, which is always
 * checked. Nothing is asked at a terminal.
 *
 * Thread-safe. Every ssh ends with engine_ssh_free, or when whoever holds its connection is gone.
 */
#ifndef DEPLOY_ENGINE_SSH_H
#define DEPLOY_ENGINE_SSH_H

#include "base/dial.h"
#include "base/span.h"
#include "deploy/engine_host.h"

struct engine_ssh;

/* known_hosts: the only file that counts for the host's key; NULL: ssh's own. ERR_INPUT: not such a file. */
int engine_ssh_new(struct engine_ssh **out, const struct engine_host *at, const char *known_hosts,
		   struct err *e) MUST_CHECK;
void engine_ssh_free(struct engine_ssh *s); /* NULL is fine */

struct dial *engine_ssh_dial(struct engine_ssh *s);

/*
 * After a connection that came to nothing: replaces *e by what ssh says of it. ERR_DENIED: the host's key is not known
 * or is another one, or it does not let us in. Always -1.
 */
int engine_ssh_failed(struct engine_ssh *s, struct err *e);

/* For tests: the program and its arguments, NULL at the end. Borrowed. */
const char *const *engine_ssh_argv(const struct engine_ssh *s);

/* What words of ssh's mean. Pure; known_hosts may be NULL. */
void engine_ssh_explain(struct err *out, struct span said, int status, const char *known_hosts);

DEFINE_AUTO(engine_ssh, engine_ssh_free)
#define auto_engine_ssh CLEANUP(engine_ssh_auto_)

#endif
