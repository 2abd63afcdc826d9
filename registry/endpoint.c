/*
 * A registry's address, and the fence around it. Whatever a registry answers may
 * contain addresses (Location of an upload or a redirect, realm of a token server);
 * following them blindly lets a hostile registry read our passwords off the wire
 * or make us talk to machines only we can reach. So every such address passes
 * registry_endpoint_resolve.
 */
#include "registry/endpoint.h"

#include "base/mem.h"
#include "registry/certs.h"

#define DOCKER_HUB	"docker.io"
#define DOCKER_HUB_WIRE "registry-1.docker.io"

static bool http_is_allowed(const char *host, const struct registry_options *opt)
{
	return opt->plain_http ||
	       (opt->plain_http_host && span_eq_nocase(span_of_str(host), opt->plain_http_host));
}

static bool http_is_likely(const char *host, const struct http_tls *tls)
{
	struct span text = span_of_str(host);

	return host_is_loopback(text) && !span_ends(text, ":443") && !tls;
}

int registry_endpoint_init(struct registry_endpoint *out, const char *host,
			   const struct registry_options *opt, struct err *e)
{
	bool hub = span_eq_nocase(span_of_str(host), DOCKER_HUB);
	auto_free char *text = NULL;
	struct registry_endpoint ep = { 0 };
	bool allowed;

	if (registry_certs_find(&ep.tls, opt->certs, host, e) < 0)
		return -1;
	allowed = http_is_allowed(host, opt);
	ep.is_guess = !allowed && !opt->tls && http_is_likely(host, ep.tls);
	text = mem_printf("%s://%s/", allowed || ep.is_guess ? "http" : "https",
			  hub ? DOCKER_HUB_WIRE : host);
	if (url_parse(&ep.origin, text, e) < 0)
		return err_wrap(e, "registry '%s'", host);
	ep.host = mem_strdup(host);
	*out = ep;
	return 0;
}

void registry_endpoint_release(struct registry_endpoint *ep)
{
	free(ep->host);
	ep->host = NULL;
	url_release(&ep->origin);
}

const struct http_tls *registry_endpoint_tls(const struct registry_endpoint *ep,
					     const struct url *u)
{
	return url_same_origin(u, &ep->origin) ? ep->tls : NULL;
}

static bool same_host(const struct url *a, const struct url *b)
{
	return span_eq_str(span_of_str(a->host), b->host);
}

int registry_endpoint_resolve(struct url *out, const struct registry_endpoint *ep,
			      const struct url *base, const char *text, struct err *e)
{
	const struct url *origin = &ep->origin;
	auto_url struct url u = { 0 };

	if (url_resolve(&u, base, text, e) < 0) {
		e->kind = ERR_FAILED; /* the registry's mistake, not our user's */
		return -1;
	}
	if (span_eq_str(span_of_str(base->scheme), "https") &&
	    span_eq_str(span_of_str(u.scheme), "http")) {
		if (!same_host(&u, origin) || (u.port != origin->port && u.port != 80))
			return err_set(e, ERR_DENIED, "refused to go from https to http://%s",
				       u.host);
		free(u.scheme);
		u.scheme = mem_strdup(origin->scheme);
		u.port = origin->port;
	}
	if (!url_may_lead(origin, &u))
		return err_set(e, ERR_DENIED, "refused to go to the private address %s", u.host);
	*out = u;
	u = (struct url){ 0 };
	return 0;
}
