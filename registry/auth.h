/*
 * How requests to one registry are signed: what it asks for, who we are for it, the tokens so
 * far. Part of a session (session.h); thread-safe. Borrows what init gets, owns its tokens.
 */
#ifndef REGISTRY_AUTH_H
#define REGISTRY_AUTH_H

#include <pthread.h>
#include <stdatomic.h>

#include "registry/challenge.h"
#include "registry/credentials.h"
#include "registry/endpoint.h"
#include "registry/session.h"

struct registry_auth_token;
struct registry_auth_who;
struct registry_auth_refusal;

struct registry_auth { /* private to auth.c */
	struct http *http;
	const struct registry_endpoint *at;
	const struct registry_options *opt;

	pthread_mutex_t lock;
	pthread_cond_t free;
	bool busy;
	_Atomic bool mounts_refused;
	_Atomic bool login_refused;

	/* only behind the turnstile */
	struct registry_challenge challenge; /* the last one; all zero: never asked */
	bool has_pinged;
	struct registry_auth_who *whos;
	size_t nr_whos, cap_whos, last_who;
	struct registry_auth_token *tokens;
	size_t nr_tokens, cap_tokens;
	struct registry_auth_refusal *refusals; /* of token servers */
	size_t nr_refusals, cap_refusals;
};

void registry_auth_init(struct registry_auth *a, struct http *h, const struct registry_endpoint *at,
			const struct registry_options *opt);
void registry_auth_release(struct registry_auth *a);

struct registry_signature {
	char *header; /* of Authorization; NULL: there is none */
	bool is_new;  /* a token that was fetched for this request */
};
void registry_signature_release(struct registry_signature *s); /* wipes */
#define auto_signature CLEANUP(registry_signature_release)

/* For a call, as far as we know what is wanted. ERR_DENIED: the token server refuses us. */
int registry_auth_sign(struct registry_signature *out, struct registry_auth *a, struct op *op,
		       const struct registry_call *call, struct err *e) MUST_CHECK;

/*
 * A 401 came for a request with this signature. Learns from it; *again: another try can go
 * better, because something new is known now.
 */
int registry_auth_learn(bool *again, struct registry_auth *a, struct op *op,
			const struct registry_call *call, const struct http_response *rs,
			const struct registry_signature *sent, struct err *e) MUST_CHECK;

/* See registry_session_refused and registry_session_mounts_refused. */
int registry_auth_refused(struct registry_auth *a, const struct http_response *rs, struct err *e);
void registry_auth_who(struct buf *out, struct registry_auth *a); /* see registry_session_who */
bool registry_auth_mounts_refused(struct registry_auth *a);
bool registry_auth_login_refused(struct registry_auth *a);
/* It has said how it wants to be asked: so it understands us. */
bool registry_auth_is_challenged(struct registry_auth *a);

#endif
