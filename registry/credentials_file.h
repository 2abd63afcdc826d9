/* What one text in the form of docker's config.json says about a repository. */
#ifndef REGISTRY_CREDENTIALS_FILE_H
#define REGISTRY_CREDENTIALS_FILE_H

#include "base/span.h"
#include "registry/credentials.h"

#define CREDENTIALS_FILE_MAX (1u << 20)

struct credentials_file {
	struct credentials entry; /* of "auths"; nothing known: none */
	char *helper;		  /* of "credHelpers", for this host; NULL: none */
	char *store;		  /* "credsStore", for all hosts; NULL: none */
	bool by_path;		  /* there are keys for parts of this host */
};

/*
 * path: the repository on host, NULL: the host as such. An entry that cannot be read is left out with a
 * warning. name: of the text, for messages. ERR_INPUT: not such a text.
 */
int credentials_file_read(struct credentials_file *out, struct op *op, struct span text,
			  const char *name, const char *host, const char *path, struct err *e)
	MUST_CHECK;
/* The entry becomes the credentials. */
void credentials_file_take(struct credentials *to, struct credentials_file *from);
void credentials_file_release(struct credentials_file *f); /* wipes */
/* The name under which docker's helpers keep a host. */
const char *credentials_file_server(const char *host);

#define auto_credentials_file CLEANUP(credentials_file_release)

#endif
