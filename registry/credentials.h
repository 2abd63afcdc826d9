/*
 * Who are we for a registry: user and password, from docker's config.json.
 *
 * Sources in order: the file given with --authfile (then only that one), DOCKER_AUTH_CONFIG
 * (the JSON itself), REGISTRY_AUTH_FILE, $DOCKER_CONFIG/config.json else ~/.docker/config.json,
 * $XDG_RUNTIME_DIR/containers/auth.json. In each: "auths" by host (docker.io also under
 * https://index.docker.io/v1/), "credHelpers" and "credsStore" (docker-credential-NAME get).
 * The environment comes in as a struct, filled by cmd.
 *
 * Passwords live only in struct credentials and are wiped when it is released; no message
 * contains one.
 */
#ifndef REGISTRY_CREDENTIALS_H
#define REGISTRY_CREDENTIALS_H

#include "base/err.h"
#include "base/op.h"

struct credentials_env {      /* borrowed strings, each may be NULL */
	const char *authfile; /* --authfile */
	const char *docker_auth_config, *registry_auth_file, *docker_config, *home,
		*xdg_runtime_dir;
	const char *user, *password; /* --creds-stdin: for every host */
};

struct credentials {
	char *user, *password; /* both NULL: anonymous */
	char *identity_token;  /* OAuth2 refresh token instead of a password; NULL: none */
	const char *origin;    /* which source, for messages ("DOCKER_AUTH_CONFIG"); static text */
};

/* host: "docker.io", "localhost:5000". Nothing found is not an error: anonymous; nor is
 * a usual place that cannot be opened (a warning). ERR_INPUT: a file that is not JSON (named). */
int credentials_find(struct credentials *out, struct op *op, const struct credentials_env *env,
		     const char *host, struct err *e) MUST_CHECK;
void credentials_release(struct credentials *c); /* wipes */
#define auto_credentials CLEANUP(credentials_release)

#endif
