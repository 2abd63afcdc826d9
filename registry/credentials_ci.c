/*
 * The variables by table: which host, whose name, which password. GitLab writes the dependency
 * proxy's host with its port even where that is https's own.
 */
#include "registry/credentials_ci.h"

#include <stddef.h>
#include <strings.h>

#include "base/mem.h"
#include "registry/credentials.h"

struct variable {
	const char *name;
	size_t at; /* in struct credentials_ci */
};
#define VARIABLE(name, field)                                                                      \
	{                                                                                          \
		name, offsetof(struct credentials_ci, field)                                       \
	}

static const struct set {
	struct variable host, user, password;
	const char *user_text; /* instead of a variable for the user */
	const char *origin;
	bool is_deploy;
} sets[] = {
	{ VARIABLE("CI_REGISTRY", registry), VARIABLE("CI_REGISTRY_USER", registry_user),
	  VARIABLE("CI_REGISTRY_PASSWORD", registry_password), NULL,
	  "CI_REGISTRY_USER and CI_REGISTRY_PASSWORD", false },
	{ VARIABLE("CI_REGISTRY", registry), VARIABLE("CI_DEPLOY_USER", deploy_user),
	  VARIABLE("CI_DEPLOY_PASSWORD", deploy_password), NULL,
	  "CI_DEPLOY_USER and CI_DEPLOY_PASSWORD", true },
	{ VARIABLE("CI_REGISTRY", registry),
	  { 0 },
	  VARIABLE("CI_JOB_TOKEN", job_token),
	  "gitlab-ci-token",
	  "CI_JOB_TOKEN",
	  false },
	{ VARIABLE("CI_DEPENDENCY_PROXY_SERVER", proxy_server),
	  VARIABLE("CI_DEPENDENCY_PROXY_USER", proxy_user),
	  VARIABLE("CI_DEPENDENCY_PROXY_PASSWORD", proxy_password), NULL,
	  "CI_DEPENDENCY_PROXY_USER and CI_DEPENDENCY_PROXY_PASSWORD", false },
};

static const char *value_of(const struct credentials_ci *ci, const struct variable *v)
{
	const char *value;

	if (!v->name)
		return NULL;
	memcpy(&value, (const char *)ci + v->at, sizeof(value));
	return value;
}

static bool is_full(const char *s)
{
	return s && *s;
}

static struct span without_https_port(struct span host)
{
	return span_ends(host, ":443") ? span_head(host, host.n - 4) : host;
}

static bool is_for(const struct credentials_ci *ci, const struct set *set, const char *host)
{
	const char *own = value_of(ci, &set->host);

	struct span a = without_https_port(span_of_str(own ? own : ""));
	struct span b = without_https_port(span_of_str(host));

	return a.n && a.n == b.n && strncasecmp(a.p, b.p, a.n) == 0;
}

void credentials_ci_find(struct credentials *out, const struct credentials_ci *ci, const char *host,
			 bool deploy_only)
{
	for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
		const struct set *set = &sets[i];
		const char *user = set->user_text ? set->user_text : value_of(ci, &set->user);
		const char *password = value_of(ci, &set->password);

		if (!is_for(ci, set, host) || (deploy_only && !set->is_deploy) || !is_full(user) ||
		    !is_full(password))
			continue;
		out->user = mem_strdup(user);
		out->password = mem_strdup(password);
		out->origin = set->origin;
		return;
	}
}

/* Empty though it is set, or though the other half is there. */
static void tell_missing(struct buf *out, const struct credentials_ci *ci, const struct variable *v,
			 const char *partner)
{
	const char *value = value_of(ci, v);

	if (!v->name || is_full(value) || (!value && !is_full(partner)))
		return;
	buf_addf(out, "%s%s is %s", out->len ? ", " : "", v->name, value ? "empty" : "not set");
}

void credentials_ci_missing(struct buf *out, const struct credentials_ci *ci, const char *host)
{
	if (ci->registry && !*ci->registry)
		buf_addf(out, "%sCI_REGISTRY is empty", out->len ? ", " : "");
	for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
		const struct set *set = &sets[i];

		if (!is_for(ci, set, host))
			continue;
		tell_missing(out, ci, &set->user, value_of(ci, &set->password));
		tell_missing(out, ci, &set->password, value_of(ci, &set->user));
	}
}
