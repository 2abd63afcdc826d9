/*
 * Bearer tokens: asked for at the realm that a challenge names, with the scope
 * that we need (not the one the challenge happens to name, so that one token
 * serves a whole push).
 */
#ifndef REGISTRY_TOKEN_H
#define REGISTRY_TOKEN_H

#include "base/http_retry.h"
#include "registry/challenge.h"
#include "registry/credentials.h"
#include "registry/endpoint.h"

#define REGISTRY_TOKEN_MAX (64u << 10)

struct registry_token {
	char *text;
	int64_t life_ms; /* from now; 60 s when the server does not say */
};

struct registry_token_request { /* all borrowed */
	struct http *http;
	const struct registry_endpoint *at;
	const struct registry_challenge *challenge; /* with a realm */
	const struct credentials *who;
	const char *scope;	  /* "repository:a/b:pull,push", several with blanks between */
	struct http_retry *retry; /* the budget */
};

/*
 * A GET with basic authentication, or anonymous; with an identity token an OAuth2 POST.
 * ERR_DENIED: refused, or the realm must not be given our password.
 */
int registry_token_fetch(struct registry_token *out, struct op *op,
			 const struct registry_token_request *rq, struct err *e) MUST_CHECK;

/* The token server's answer. ERR_FAILED: not one. */
int registry_token_parse(struct registry_token *out, struct span body, struct err *e) MUST_CHECK;
void registry_token_release(struct registry_token *t); /* wipes */

/* "Basic …"; NULL: anonymous. */
char *registry_basic_header(const struct credentials *who) MUST_CHECK;

#define auto_token CLEANUP(registry_token_release)

#endif
