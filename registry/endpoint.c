/*
 * A registry's address, and the fence around it. Whatever a registry answers may
 * contain addresses (Location of an upload or a redirect, realm of a token server);
 * following them blindly lets a hostile registry read our passwords off the wire
 * or make us talk to machines only we can reach. So every such address passes
 * registry_endpoint_resolve.
 */
#include "registry/endpoint.h"

#include <arpa/inet.h>

#include "base/mem.h"

#define DOCKER_HUB	"docker.io"
#define DOCKER_HUB_WIRE "registry-1.docker.io"

static bool host_wants_http(const char *host, const struct registry_options *opt)
{
	struct span text = span_of_str(host);

	if (opt->plain_http)
		return true;
	if (opt->plain_http_host && span_eq_nocase(text, opt->plain_http_host))
		return true;
	return host_is_loopback(text) && !span_ends(text, ":443");
}

int registry_endpoint_init(struct registry_endpoint *out, const char *host,
			   const struct registry_options *opt, struct err *e)
{
	bool hub = span_eq_nocase(span_of_str(host), DOCKER_HUB);
	auto_free char *text = mem_printf("%s://%s/", host_wants_http(host, opt) ? "http" : "https",
					  hub ? DOCKER_HUB_WIRE : host);
	struct registry_endpoint ep = { 0 };

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

/* RFC 1918, loopback, link-local (cloud metadata lives there), carrier NAT, "this host". */
static bool is_private_v4(uint32_t a)
{
	return a >> 24 == 0 || a >> 24 == 10 || a >> 24 == 127 || a >> 20 == 0xac1 ||
	       a >> 16 == 0xc0a8 || a >> 16 == 0xa9fe || a >> 22 == 0x191;
}

static bool is_private_v6(const struct in6_addr *a)
{
	const unsigned char *b = a->s6_addr;

	if (IN6_IS_ADDR_V4MAPPED(a))
		return is_private_v4((uint32_t)b[12] << 24 | (uint32_t)b[13] << 16 |
				     (uint32_t)b[14] << 8 | b[15]);
	return IN6_IS_ADDR_LOOPBACK(a) || IN6_IS_ADDR_UNSPECIFIED(a) || IN6_IS_ADDR_LINKLOCAL(a) ||
	       (b[0] & 0xfe) == 0xfc;
}

/* Only what is written as an address; where a name leads is the resolver's affair. */
static bool host_is_private(const struct url *u)
{
	struct span host = span_of_str(u->host);
	struct in_addr v4;
	struct in6_addr v6;

	if (span_ends(host, ".")) /* the root, which every name may end in */
		host.n--;
	if (host_is_loopback(host) || span_ends(host, ".localhost"))
		return true;
	/* inet_aton also reads "127.1" and "0x7f000001", as the resolver would */
	if (inet_aton(u->host, &v4))
		return is_private_v4(ntohl(v4.s_addr));
	if (span_take(&host, "[") && span_ends(host, "]")) {
		auto_free char *bare = span_dup(span_head(host, host.n - 1));

		/* what cannot be read (a zone, say) is not trusted */
		return inet_pton(AF_INET6, bare, &v6) != 1 || is_private_v6(&v6);
	}
	return false;
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
	if (host_is_private(&u) && !host_is_private(origin) && !same_host(&u, origin))
		return err_set(e, ERR_DENIED, "refused to go to the private address %s", u.host);
	*out = u;
	u = (struct url){ 0 };
	return 0;
}
