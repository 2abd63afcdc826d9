/*
 * Where an engine is, as users write it (DOCKER_HOST, --host), taken apart and checked:
 * unix:///path, tcp://host[:port], ssh://[user@]host[:port][/socket]. Pure.
 */
#ifndef DEPLOY_ENGINE_HOST_H
#define DEPLOY_ENGINE_HOST_H

#include "base/cc.h"
#include "base/err.h"

enum engine_way { ENGINE_SOCKET, ENGINE_TCP, ENGINE_SSH };

struct engine_host {
	enum engine_way way;
	char *text; /* as it was written, for messages */
	char *path; /* SOCKET: of the socket; SSH: of the socket there, NULL: whatever docker there says */
	char *name; /* TCP, SSH: the host; an IPv6 address of TCP keeps its brackets, one of SSH has none */
	char *user;	  /* SSH; NULL: not written */
	unsigned port;	  /* 0: not written */
	bool is_loopback; /* TCP */
};

/* ERR_INPUT: not such an address, or one with a password in it (which is not shown). */
int engine_host_parse(struct engine_host *out, const char *text, struct err *e) MUST_CHECK;
void engine_host_release(struct engine_host *h);
#define auto_engine_host CLEANUP(engine_host_release)

#endif
