/*
 * libcurl has rules of its own here (HTTP_PROXY only in lower case, a port of 1080), other clients others,
 * and a job's variables are set for those. So all is decided here, in the way of the Go programs that
 * pipelines are used to, and libcurl is told the result.
 */
#include "base/proxy.h"

#include <arpa/inet.h>

#include "base/mem.h"
#include "base/secret.h"
#include "base/span.h"

/* -- the variables ------------------------------------------------------------- */

typedef const char *lookup(const char *name);

static struct proxy_variable variable_read(lookup *variable, const char *lower, const char *upper)
{
	const char *value = variable(lower);
	const char *name = lower;

	if ((!value || !*value) && upper) {
		value = variable(upper);
		name = upper;
	}
	return (struct proxy_variable){ name, value && *value ? mem_strdup(value) : NULL };
}

void proxies_read(struct proxies *out, const char *(*variable)(const char *name))
{
	/* there it would be the header "Proxy:" of whoever asks (httpoxy) */
	bool is_cgi = variable("REQUEST_METHOD") != NULL;

	out->http = variable_read(variable, "http_proxy", is_cgi ? NULL : "HTTP_PROXY");
	out->https = variable_read(variable, "https_proxy", "HTTPS_PROXY");
	out->all = variable_read(variable, "all_proxy", "ALL_PROXY");
	out->no = variable_read(variable, "no_proxy", "NO_PROXY");
}

void proxies_release(struct proxies *p)
{
	secret_free(p->http.value);
	secret_free(p->https.value);
	secret_free(p->all.value);
	secret_free(p->no.value);
	*p = (struct proxies){ 0 };
}

/* -- no_proxy -------------------------------------------------------------------- */

struct address {
	unsigned char bytes[16];
	unsigned bits; /* 32, 128; 0: not an address */
};

/* "10.0.0.1", "fd00::1", "[fd00::1]"; an IPv4 address in IPv6 form is one of IPv4. */
static struct address address_parse(struct span text)
{
	struct address a = { .bits = 0 };
	char copy[INET6_ADDRSTRLEN];

	if (span_starts(text, "[") && span_ends(text, "]"))
		text = span_of(text.p + 1, text.n - 2);
	if (!text.n || text.n >= sizeof(copy))
		return a;
	memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';
	if (inet_pton(AF_INET, copy, a.bytes) == 1) {
		a.bits = 32;
	} else if (inet_pton(AF_INET6, copy, a.bytes) == 1) {
		static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };

		a.bits = 128;
		if (memcmp(a.bytes, mapped, sizeof(mapped)) == 0) {
			memmove(a.bytes, a.bytes + 12, 4);
			a.bits = 32;
		}
	}
	return a;
}

static bool address_in(const struct address *a, const struct address *net, unsigned prefix)
{
	unsigned whole = prefix / 8, rest = prefix % 8;

	if (!a->bits || a->bits != net->bits || prefix > net->bits)
		return false;
	if (memcmp(a->bytes, net->bytes, whole) != 0)
		return false;
	return !rest || !((a->bytes[whole] ^ net->bytes[whole]) >> (8 - rest));
}

/* "host:port" and "[address]:port" come apart; an address of IPv6 without brackets has no port. */
static void entry_cut_port(struct span entry, struct span *host, struct span *port)
{
	ptrdiff_t colon = span_rfind(entry, ':');
	bool bare_v6 = !span_starts(entry, "[") && span_find(entry, ':') != colon;

	*host = entry;
	*port = span_of("", 0);
	if (colon < 0 || bare_v6 || colon < span_rfind(entry, ']'))
		return;
	*host = span_head(entry, (size_t)colon);
	*port = span_sub(entry, (size_t)colon + 1);
}

/* "example.com" is itself and what is below it, ".example.com" only the latter. */
static bool name_matches(struct span host, struct span entry)
{
	struct span tail;

	if (entry.n > 1 && span_starts(entry, "*."))
		entry = span_sub(entry, 1);
	if (!entry.n || host.n < entry.n)
		return false;
	tail = span_sub(host, host.n - entry.n);
	if (strncasecmp(tail.p, entry.p, entry.n) != 0)
		return false;
	if (entry.p[0] == '.')
		return host.n > entry.n;
	return host.n == entry.n || tail.p[-1] == '.';
}

static bool entry_matches(struct span entry, struct span host, uint16_t port)
{
	struct address at = address_parse(host), net;
	struct span name, number, bits;
	uint64_t n;

	if (span_eq_str(entry, "*"))
		return true;
	if (span_cut(entry, '/', &name, &bits)) {
		net = address_parse(name);
		return net.bits && span_to_u64(&n, bits) == 0 && n <= net.bits &&
		       address_in(&at, &net, (unsigned)n);
	}
	entry_cut_port(entry, &name, &number);
	if (number.n && (span_to_u64(&n, number) < 0 || n != port))
		return false;
	net = address_parse(name);
	if (net.bits)
		return address_in(&at, &net, net.bits);
	return name_matches(host, name);
}

static bool is_excepted(const struct proxies *p, const struct url *u)
{
	struct span list = span_of_str(p->no.value), host = span_of_str(u->host), piece, entry;

	if (span_ends(host, ".")) /* the root, which every name may end in */
		host.n--;
	while (span_split(&list, ',', &piece))
		while (span_word(&piece, &entry))
			if (entry_matches(entry, host, u->port))
				return true;
	return false;
}

/* -- the proxy --------------------------------------------------------------------- */

static const struct proxy_kind {
	const char *scheme;
	uint16_t port;
} kinds[] = {
	{ "http", 80 },	     { "https", 443 },	 { "socks5", 1080 },
	{ "socks5h", 1080 }, { "socks4", 1080 }, { "socks4a", 1080 },
};

static const struct proxy_kind *kind_of(struct span scheme)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (span_eq_nocase(scheme, kinds[i].scheme))
			return &kinds[i];
	return NULL;
}

/* Does the text say a port of its own? What url_parse fills in is that of the wrong scheme. */
static bool has_port(struct span rest)
{
	struct span authority = span_head(rest, strcspn(rest.p, "/?#")), host, port;
	ptrdiff_t at = span_rfind(authority, '@');

	entry_cut_port(span_sub(authority, (size_t)(at + 1)), &host, &port);
	return port.n > 0;
}

static int proxy_parse(struct proxy *out, const struct proxy_variable *v, struct err *e)
{
	struct span text = span_trim(span_of_str(v->value)), rest = text;
	const char *mark = memmem(text.p, text.n, "://", 3);
	const struct proxy_kind *kind = &kinds[0];
	auto_secret char *like_http = NULL, *user = NULL;
	auto_free char *rest_text = NULL;
	auto_url struct url u = { 0 };
	struct err hidden = ERR_INIT;

	if (mark) {
		kind = kind_of(span_head(text, (size_t)(mark - text.p)));
		rest = span_sub(text, (size_t)(mark - text.p) + 3);
	}
	rest_text = span_dup(rest);
	like_http = mem_printf("http://%s", rest_text);
	explicit_bzero(rest_text, rest.n);
	if (!kind || url_parse_user(&u, &user, like_http, &hidden) < 0)
		return err_set(
			e, ERR_INPUT,
			"$%s is not the address of a proxy ([http://][user:password@]host:port)",
			v->name);
	out->variable = v->name;
	out->address = mem_printf("%s://%s:%u", kind->scheme, u.host,
				  has_port(span_of_str(like_http + 7)) ? u.port : kind->port);
	if (user) {
		struct span name, password;

		span_cut(span_of_str(user), ':', &name, &password);
		out->user = span_dup(name);
		out->password = span_dup(password);
	}
	return 0;
}

int proxy_choose(struct proxy *out, const struct proxies *p, const struct url *u, struct err *e)
{
	const struct proxy_variable *v = strcmp(u->scheme, "https") == 0 ? &p->https : &p->http;

	if (!v->value)
		v = &p->all;
	*out = (struct proxy){ 0 };
	if (!v->value || url_is_loopback(u) || is_excepted(p, u))
		return 0;
	return proxy_parse(out, v, e);
}

void proxy_release(struct proxy *p)
{
	free(p->address);
	secret_free(p->user);
	secret_free(p->password);
	*p = (struct proxy){ 0 };
}
