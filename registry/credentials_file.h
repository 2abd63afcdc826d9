/* What one text in the form of docker's config.json says about a host. */
#ifndef REGISTRY_CREDENTIALS_FILE_H
#define REGISTRY_CREDENTIALS_FILE_H

#include "base/span.h"
#include "registry/credentials.h"

#define CREDENTIALS_FILE_MAX (1u << 20)

/*
 * Fills user and password, or identity_token, of *out; *helper (owned, NULL: none) is the helper to
 * ask when they stay empty, with *server (owned) as its key. An entry that cannot be read
 * is left out with a warning. name: of the text, for messages. ERR_INPUT: not such a text.
 */
int credentials_file_read(struct credentials *out, char **helper, char **server, struct op *op,
			  struct span text, const char *name, const char *host, struct err *e)
	MUST_CHECK;

#endif
