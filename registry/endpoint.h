/*
 * Where a registry really is, and which of the addresses it tells us (Location,
 * realm, redirect) may be visited. A plain value: _init, _release.
 */
#ifndef REGISTRY_ENDPOINT_H
#define REGISTRY_ENDPOINT_H

#include "base/url.h"
#include "registry/session.h"

struct registry_endpoint {
	char *host;		    /* as references have it: "docker.io" */
	struct url origin;	    /* where that is: https://registry-1.docker.io/ */
	bool is_guess;		    /* http because it is on loopback, and nobody has said so */
	const struct http_tls *tls; /* for requests there and nowhere else; borrowed, may be NULL */
};

/*
 * http for those the options name, and for loopback hosts, unless on port 443 or with certificates of
 * their own (a guess that session.c corrects); else https. ERR_INPUT: not a host. Also when something is
 * wrong with its certificates: see certs.h.
 */
int registry_endpoint_init(struct registry_endpoint *out, const char *host,
			   const struct registry_options *opt, struct err *e) MUST_CHECK;
void registry_endpoint_release(struct registry_endpoint *ep);

/* Certificates for a request to u: those of the registry, when it is the registry. May be NULL. */
const struct http_tls *registry_endpoint_tls(const struct registry_endpoint *ep,
					     const struct url *u);

/*
 * An address that came from outside, resolved against the address that was asked.
 * A registry behind a TLS proxy that says "http:" about itself is put right; any
 * other way from https to http, and private addresses named by a registry that has
 * none itself, are ERR_DENIED. ERR_FAILED: no address at all.
 */
int registry_endpoint_resolve(struct url *out, const struct registry_endpoint *ep,
			      const struct url *base, const char *text, struct err *e) MUST_CHECK;

#endif
