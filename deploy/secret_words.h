/*
 * What sounds like a secret: the one table of names, options and forms that all who show something go by. Pure.
 */
#ifndef DEPLOY_SECRET_WORDS_H
#define DEPLOY_SECRET_WORDS_H

#include "base/span.h"

/*
 * A name as people give it to what nobody else may know: DB_PASSWORD, apiKey, JWT_SECRET, REDIS_AUTH,
 * traefik.http.middlewares.x.basicauth.users. Not KEYCLOAK_URL, AUTH_URL, OAUTH_CLIENT_ID.
 */
bool deploy_names_secret(struct span name);

/*
 * Does its end say so, too? What people write in front of a colon: DB_PASSWORD:, Authorization:. Not KeyError:,
 * token.service.ts:, auth: (a host).
 */
bool deploy_ends_secret(struct span name);

/* Does it begin with what only secrets begin with: a password's hash, a token of GitLab's, a key in PEM? */
bool deploy_begins_secret(struct span text);

/* "true", "off": whatever it is called, it is none. */
bool deploy_is_switch(struct span value);

/* The same of the value that the text begins with: {"auth":true}; not of on/abc, which goes on. */
bool deploy_begins_switch(struct span text);

/* Words that stand in front of credentials: Bearer, Basic. */
bool deploy_is_auth_scheme(struct span word);

/* What a short option of a program says about a password. */
enum secret_option {
	OPTION_OPEN, /* nothing */
	OPTION_NEXT, /* the next word is one */
	/* so it is, where a user was named before, unless it is a port, a path or an option */
	OPTION_PERHAPS,
	OPTION_ATTACHED, /* what stands in the same word behind the option's two letters */
	OPTION_PAIR,	 /* of the next word what stands behind its colon or percent sign */
};

/*
 * The program that a word of a command names, where that matters for its options; NULL: none of those.
 * Static.
 */
struct secret_program;
const struct secret_program *deploy_secret_program(struct span word);
/* program: NULL: any. */
enum secret_option deploy_secret_option(const struct secret_program *program, struct span word);

#endif
