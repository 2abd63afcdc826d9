/* docker-credential-NAME: a program that keeps passwords for docker's config.json. */
#ifndef REGISTRY_CREDENTIALS_HELPER_H
#define REGISTRY_CREDENTIALS_HELPER_H

#include "registry/credentials.h"

/*
 * Asks helper `name` for server (the key as docker stores it). 0 and nothing in *out: it
 * knows none, or it cannot be used (then a warning is emitted): a config.json copied from a laptop
 * must not break what needs no password. ERR_INPUT: not a name of a helper.
 */
int credentials_helper_get(struct credentials *out, struct op *op, const char *name,
			   const char *server, struct err *e) MUST_CHECK;

/* A helper's answer. ERR_FAILED: not one; nothing of it is in the text. */
int credentials_helper_parse(struct credentials *out, struct span text, struct err *e) MUST_CHECK;

#endif
