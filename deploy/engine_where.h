/*
 * The way to an engine: from options, environment and docker's contexts to what each request needs. Owns the
 * certificates and the ssh behind it. For engine.c.
 */
#ifndef DEPLOY_ENGINE_WHERE_H
#define DEPLOY_ENGINE_WHERE_H

#include "deploy/engine.h"
#include "deploy/engine_host.h"
#include "deploy/engine_ssh.h"
#include "deploy/engine_tls.h"

struct engine_where {
	struct engine_host host;
	struct engine_tls tls;
	bool has_tls;
	struct engine_ssh *ssh; /* NULL: another way */
	char *base;		/* "http://docker", "https://10.0.0.1:2376" */
};

/* Talks with nobody yet. *out is released by the caller in every case. ERR_INPUT, ERR_ABSENT, ERR_DENIED. */
int engine_where_find(struct engine_where *out, const struct engine_options *opt, struct err *e)
	MUST_CHECK;
void engine_where_release(struct engine_where *w);

/* What every request has: method, url and the way. */
struct http_request engine_where_request(const struct engine_where *w, const char *method,
					 const char *url);

/* NULL: not set, or empty, which counts as not set as it does for docker. */
const char *engine_variable(const struct engine_options *opt, const char *name);

#endif
