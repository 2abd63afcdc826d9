/*
 * GitLab's CI variables as credentials. Each set is for one host, which GitLab names in another
 * variable, and is given to no other:
 *
 *	CI_REGISTRY			CI_REGISTRY_USER + CI_REGISTRY_PASSWORD,
 *					CI_DEPLOY_USER + CI_DEPLOY_PASSWORD,
 *					gitlab-ci-token + CI_JOB_TOKEN: the first that is whole
 *	CI_DEPENDENCY_PROXY_SERVER	CI_DEPENDENCY_PROXY_USER + CI_DEPENDENCY_PROXY_PASSWORD
 *
 * A variable that is empty where its partner is not, or that is set to nothing, is told in
 * `missing`: mostly it is protected, and the branch is not.
 */
#ifndef REGISTRY_CREDENTIALS_CI_H
#define REGISTRY_CREDENTIALS_CI_H

#include "base/buf.h"

struct credentials;

struct credentials_ci { /* values of the variables; borrowed, each may be NULL */
	const char *registry, *registry_user, *registry_password;
	const char *deploy_user, *deploy_password, *job_token;
	const char *proxy_server, *proxy_user, *proxy_password;
};

/* Fills *out when there is a whole set for host. deploy_only: none but CI_DEPLOY_*. */
void credentials_ci_find(struct credentials *out, const struct credentials_ci *ci, const char *host,
			 bool deploy_only);
/* Adds "NAME is empty" for each that matters for host, with commas between. */
void credentials_ci_missing(struct buf *out, const struct credentials_ci *ci, const char *host);

#endif
