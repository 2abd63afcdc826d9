/*
 * What a 401 asks for: the WWW-Authenticate headers (RFC 7235, 4.1) of one
 * answer, read together. Owns its strings; all zero is "nothing asked".
 */
#ifndef REGISTRY_CHALLENGE_H
#define REGISTRY_CHALLENGE_H

#include "base/cc.h"
#include "base/span.h"

#define REGISTRY_CHALLENGE_MAX (16u << 10) /* longer headers are ignored */

struct registry_challenge {
	bool has_basic, has_bearer;
	/* of the first Bearer challenge; NULL: not given */
	char *realm, *service, *scope, *error;
};

/* Adds one header's value, which may hold several challenges. What cannot be read is left out. */
void registry_challenge_add(struct registry_challenge *c, struct span header);
void registry_challenge_release(struct registry_challenge *c);

#define auto_challenge CLEANUP(registry_challenge_release)

#endif
