/*
 * Where a registry sends us: the input's first line chooses which registry, each further one is a Location (or a
 * realm) beside the one before. Whatever it says, the way leads not from https to http and no nearer than we are.
 */
#include <arpa/inet.h>

#include "base/mem.h"
#include "registry/endpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_http(const struct url *u)
{
	return strcmp(u->scheme, "http") == 0;
}

/* Said here once more, in the simplest way, and not as url.c does. */
static bool is_this_machine(const struct url *u)
{
	struct in_addr v4;

	return strcmp(u->host, "localhost") == 0 || strcmp(u->host, "[::1]") == 0 ||
	       (inet_aton(u->host, &v4) &&
		(ntohl(v4.s_addr) >> 24 == 127 || ntohl(v4.s_addr) >> 16 == 0xa9fe));
}

static void must_be_the_same_again(const struct url *u)
{
	auto_buf struct buf text = BUF_INIT(1u << 20), twice = BUF_INIT(1u << 20);
	auto_url struct url v = { 0 };
	struct err e = ERR_INIT;

	url_format(&text, u);
	if (strpbrk(buf_str(&text), " \r\n\t") || url_parse(&v, buf_str(&text), &e) < 0)
		abort();
	url_format(&twice, &v);
	if (strcmp(buf_str(&text), buf_str(&twice)) != 0 || !url_same_origin(u, &v))
		abort();
}

static void follow(const struct registry_endpoint *ep, struct span rest)
{
	bool is_public = strcmp(ep->host, "r.example") == 0;
	auto_url struct url at = { 0 };
	struct err e = ERR_INIT;
	struct span line;

	if (registry_endpoint_resolve(&at, ep, &ep->origin, "/v2/", &e) < 0)
		abort();
	while (span_line(&rest, &line)) {
		auto_free char *text = span_dup(line);
		struct url next;

		if (registry_endpoint_resolve(&next, ep, &at, text, &e) < 0) {
			if (e.kind != ERR_FAILED && e.kind != ERR_DENIED)
				abort();
			return;
		}
		if ((is_http(&next) && !is_http(&at)) || (is_public && is_this_machine(&next)))
			abort();
		must_be_the_same_again(&next);
		url_release(&at);
		at = next;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const hosts[] = { "r.example", "r.example:5000", "localhost:5000",
					     "10.0.0.1:5000", "[::1]:5000" };
	const struct registry_options opt = { 0 };
	struct span rest = span_of(data, size), line;
	struct registry_endpoint ep = { 0 };
	struct err e = ERR_INIT;

	if (!span_line(&rest, &line) || span_has_nul(rest))
		return 0;
	if (registry_endpoint_init(
		    &ep, hosts[(line.n ? (unsigned char)line.p[0] : 0) % ARRAY_LEN(hosts)], &opt,
		    &e) < 0)
		abort();
	follow(&ep, rest);
	registry_endpoint_release(&ep);
	return 0;
}
