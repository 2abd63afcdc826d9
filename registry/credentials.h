/*
 * Who are we for a registry: user and password, or a token.
 *
 * Sources, in order, until one knows the host:
 *	--creds-stdin, --authfile, DOCKER_AUTH_CONFIG (the JSON itself), REGISTRY_AUTH_FILE,
 *	$DOCKER_CONFIG/config.json else ~/.docker/config.json,
 *	$XDG_RUNTIME_DIR/containers/auth.json else /run/containers/UID/auth.json,
 *	$XDG_CONFIG_HOME/containers/auth.json else ~/.config/containers/auth.json,
 *	and, for exactly the hosts that they belong to, GitLab's CI variables (credentials_ci.h).
 * In each file: "credHelpers" for the host (docker-credential-NAME get), "auths" by host or by a part
 * of one ("host/group/project": the longest that fits), "credsStore".
 * The environment comes in as a struct, filled by cmd.
 *
 * Passwords live only in struct credentials and are wiped when it is released; no message
 * contains one.
 */
#ifndef REGISTRY_CREDENTIALS_H
#define REGISTRY_CREDENTIALS_H

#include "base/err.h"
#include "base/op.h"
#include "registry/credentials_ci.h"

struct credentials_env {      /* borrowed strings, each may be NULL */
	const char *authfile; /* --authfile */
	const char *docker_auth_config, *registry_auth_file, *docker_config, *home,
		*xdg_runtime_dir, *xdg_config_home;
	const char *run_containers; /* "/run/containers/UID" */
	/* --creds-stdin: for the host that is pushed to, and not for one that is copied from */
	const char *user, *password, *user_host;
	struct credentials_ci ci;
	/* They will be kept for long: a deploy token goes before what ends with the job. */
	bool to_keep;
};

struct credentials {
	char *user, *password; /* both NULL: none */
	char *identity_token;  /* OAuth2 refresh token, goes before the password; NULL: none */
	char *registry_token;  /* a bearer token as it is, goes before all; NULL: none */
	const char *origin;    /* which source, for messages ("DOCKER_AUTH_CONFIG"); static text */
	/*
	 * What is missing where something was meant to be ("CI_REGISTRY_PASSWORD is empty"), for
	 * messages; NULL: nothing.
	 */
	char *missing;
	bool by_path; /* there are several for this host: other paths may have others */
};

/*
 * host: "docker.io", "localhost:5000"; path: the repository there, NULL: the host as such. Nothing
 * found is not an error: anonymous; nor is a usual place that cannot be opened (a warning).
 * ERR_INPUT: a file that is not JSON (named).
 */
int credentials_find(struct credentials *out, struct op *op, const struct credentials_env *env,
		     const char *host, const char *path, struct err *e) MUST_CHECK;
bool credentials_is_known(const struct credentials *c); /* not anonymous */
/* Puts what is to be said of them in an error behind it: "credentials from X; Y is empty: …". */
void credentials_tell(struct buf *out, const struct credentials *c, const char *host);
void credentials_release(struct credentials *c); /* wipes */
#define auto_credentials CLEANUP(credentials_release)

#endif
