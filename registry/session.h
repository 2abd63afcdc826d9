/*
 * A talk with one registry host: where it is, who we are, the tokens so far.
 * Thread-safe. Owns its tokens; borrows h and env, which must outlive it.
 *
 * registry_session_perform signs a request, follows nothing, retries what
 * http_retry.h calls temporary, and on a 401 reads the challenge, gets a token (or
 * uses basic authentication) once, and sends the request again.
 */
#ifndef REGISTRY_SESSION_H
#define REGISTRY_SESSION_H

#include "base/http.h"
#include "oci/image/reference.h"
#include "registry/credentials.h"

struct registry_session;

struct registry_options {
	const struct credentials_env *credentials;	/* borrowed; NULL: anonymous */
	bool plain_http;	/* http also where the host is not loopback */
	const char *plain_http_host;	/* http for this host only; NULL: none */
	unsigned retries;	/* tries after the first */
	unsigned jobs;		/* blobs at once; 0: 4 */
};

struct registry_session *registry_session_new(struct http *h, const char *host,
					      const struct registry_options *opt);
void registry_session_free(struct registry_session *s);		/* NULL is fine */

DEFINE_AUTO(registry_session, registry_session_free)
#define auto_session CLEANUP(registry_session_auto_)

#endif
