/*
 * Addresses are strict on purpose: what is refused here (user information, blanks,
 * odd hosts) is how one server makes a client talk to another than the one a
 * human read. Nothing is decoded; path and query stay byte for byte, because
 * upload locations are signed.
 *
 * Messages never show more than what precedes '?' or holds no '@': queries carry
 * tokens, user information carries passwords.
 */
#include "base/url.h"

#include <arpa/inet.h>
#include <ctype.h>

#include "base/mem.h"

#define URL_MAX (16u << 10)

static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

struct span url_without_query(const char *text)
{
	return span_of(text, strcspn(text, "?#"));
}

static int url_refuse(struct err *e, struct span text, const char *why)
{
	struct span shown = span_head(text, strcspn(text.p, "?#"));

	if (span_find(shown, '@') >= 0)
		return err_set(e, ERR_INPUT, "address refused: %s", why);
	return err_set(e, ERR_INPUT, "address '" SPAN_FMT "': %s", SPAN_ARG(shown), why);
}

/* What is wrong with the bytes of any address, absolute or not; NULL: nothing. */
static const char *url_bytes_wrong(const char *text)
{
	size_t n = strlen(text);

	if (n > URL_MAX)
		return "too long";
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] <= ' ' || text[i] == 0x7f)
			return "holds a blank or a control byte";
	return NULL;
}

static bool host_is_ipv6(struct span host)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr addr;

	if (host.n < 4 || host.n - 2 >= sizeof(text) || host.p[0] != '[' ||
	    host.p[host.n - 1] != ']')
		return false;
	memcpy(text, host.p + 1, host.n - 2);
	text[host.n - 2] = '\0';
	return inet_pton(AF_INET6, text, &addr) == 1;
}

static bool host_is_name(struct span host)
{
	if (!host.n || host.n > 253)
		return false;
	for (size_t i = 0; i < host.n; i++) {
		char c = host.p[i];

		if (!is_alpha(c) && !is_digit(c) && !strchr("-._", c))
			return false;
	}
	return true;
}

/* "host:port", "[::1]:port"; an empty port is none, as the RFC allows. */
static void host_cut_port(struct span at, struct span *host, struct span *port)
{
	ptrdiff_t bracket = span_rfind(at, ']');
	ptrdiff_t colon = span_rfind(at, ':');

	*host = at;
	*port = span_of("", 0);
	if (colon >= 0 && colon > bracket) {
		*host = span_head(at, (size_t)colon);
		*port = span_sub(at, (size_t)colon + 1);
	}
}

static char *dup_lower(struct span s)
{
	char *p = span_dup(s);

	for (char *c = p; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	return p;
}

/* Host and port of u; NULL or what is wrong. */
static const char *url_set_authority(struct url *u, struct span at)
{
	struct span host, port;
	uint64_t n = strcmp(u->scheme, "https") == 0 ? 443 : 80;

	if (span_find(at, '@') >= 0)
		return "user information in an address is not accepted";
	host_cut_port(at, &host, &port);
	if (!host_is_name(host) && !host_is_ipv6(host))
		return "not a valid host";
	if (port.n && (span_to_u64(&n, port) < 0 || n < 1 || n > 65535))
		return "not a valid port";
	u->host = dup_lower(host);
	u->port = (uint16_t)n;
	return NULL;
}

/* Path and query of u, from what follows the authority; the fragment is dropped. */
static void url_set_rest(struct url *u, struct span rest)
{
	struct span path, query, fragment;

	span_cut(rest, '#', &rest, &fragment);
	if (span_cut(rest, '?', &path, &query))
		u->query = span_dup(query);
	u->path = path.n ? span_dup(path) : mem_strdup("/");
}

size_t url_authority_len(struct span s)
{
	size_t n = 0;

	while (n < s.n && !strchr("/?#", s.p[n]))
		n++;
	return n;
}

int url_parse(struct url *out, const char *text, struct err *e)
{
	struct span all = span_of_str(text), scheme, rest;
	const char *wrong = url_bytes_wrong(text);
	auto_url struct url u = { 0 };
	ptrdiff_t colon = span_find(all, ':');

	if (wrong)
		return url_refuse(e, all, wrong);
	scheme = span_head(all, colon < 0 ? 0 : (size_t)colon);
	rest = span_sub(all, scheme.n);
	if ((!span_eq_nocase(scheme, "http") && !span_eq_nocase(scheme, "https")) ||
	    !span_take(&rest, "://"))
		return url_refuse(e, all, "does not begin with http:// or https://");
	u.scheme = dup_lower(scheme);
	wrong = url_set_authority(&u, span_head(rest, url_authority_len(rest)));
	if (wrong)
		return url_refuse(e, all, wrong);
	url_set_rest(&u, span_sub(rest, url_authority_len(rest)));
	*out = u;
	u = (struct url){ 0 };
	return 0;
}

/* RFC 3986, 5.2.4, on an absolute path. */
static char *path_without_dots(const char *path)
{
	auto_buf struct buf b = BUF_INIT(strlen(path) + 1);
	struct span rest = span_of_str(path + 1), piece;

	buf_add_char(&b, '/');
	while (span_split(&rest, '/', &piece)) {
		bool last = !rest.p;

		if (span_eq_str(piece, "..")) {
			if (b.len > 1) {
				b.len--;
				while (b.data[b.len - 1] != '/')
					b.len--;
				b.data[b.len] = '\0';
			}
		} else if (!span_eq_str(piece, ".")) {
			buf_add_span(&b, piece);
			if (!last)
				buf_add_char(&b, '/');
		}
	}
	return buf_steal(&b);
}

/* Does it begin with "scheme:"? */
static bool has_scheme(const char *text)
{
	size_t n = 0;

	if (!is_alpha(text[0]))
		return false;
	while (is_alpha(text[n]) || is_digit(text[n]) || (text[n] && strchr("+-.", text[n])))
		n++;
	return text[n] == ':';
}

/* The reference as an absolute address: RFC 3986, 5.2.2, up to the dots. */
static void url_absolute(struct buf *to, const struct url *base, const char *text)
{
	struct url at = *base;
	struct span dir = span_of_str(base->path);

	if (has_scheme(text)) {
		buf_add_str(to, text);
		return;
	}
	if (text[0] == '/' && text[1] == '/') {
		buf_addf(to, "%s:%s", base->scheme, text);
		return;
	}
	at.path = (char *)"";
	at.query = NULL;
	if (text[0] == '/') {
		url_format(to, &at);
	} else if (text[0] == '?') {
		at.path = base->path;
		url_format(to, &at);
	} else if (text[0] == '\0' || text[0] == '#') {
		url_format(to, base);
	} else {
		url_format(to, &at);
		buf_add_span(to, span_head(dir, (size_t)span_rfind(dir, '/') + 1));
	}
	buf_add_str(to, text);
}

int url_resolve(struct url *out, const struct url *base, const char *text, struct err *e)
{
	auto_buf struct buf whole = BUF_INIT(4 * URL_MAX);
	const char *wrong = url_bytes_wrong(text);
	auto_free char *path = NULL;
	struct url u;

	if (wrong)
		return url_refuse(e, span_of_str(text), wrong);
	url_absolute(&whole, base, text);
	if (url_parse(&u, buf_str(&whole), e) < 0)
		return -1;
	path = u.path;
	u.path = path_without_dots(path);
	*out = u;
	return 0;
}

void url_release(struct url *u)
{
	free(u->scheme);
	free(u->host);
	free(u->path);
	free(u->query);
	*u = (struct url){ 0 };
}

void url_format(struct buf *out, const struct url *u)
{
	uint16_t usual = strcmp(u->scheme, "https") == 0 ? 443 : 80;

	buf_addf(out, "%s://%s", u->scheme, u->host);
	if (u->port != usual)
		buf_addf(out, ":%u", u->port);
	buf_add_str(out, u->path);
	if (u->query) {
		buf_add_char(out, '?');
		buf_add_str(out, u->query);
	}
}

bool url_same_origin(const struct url *a, const struct url *b)
{
	return strcmp(a->scheme, b->scheme) == 0 && strcmp(a->host, b->host) == 0 &&
	       a->port == b->port;
}

/*
 * By what the text says, not by what a resolver answers: a name that resolves to
 * 127.0.0.1 is somebody else's word. "127.1" and other short forms do not count.
 */
bool host_is_loopback(struct span at)
{
	char text[INET_ADDRSTRLEN];
	struct span host, port;
	struct in_addr addr;

	host_cut_port(at, &host, &port);
	if (span_eq_nocase(host, "localhost") || span_eq_str(host, "[::1]"))
		return true;
	if (!host.n || host.n >= sizeof(text))
		return false;
	memcpy(text, host.p, host.n);
	text[host.n] = '\0';
	return inet_pton(AF_INET, text, &addr) == 1 && ntohl(addr.s_addr) >> 24 == 127;
}

bool url_is_loopback(const struct url *u)
{
	return host_is_loopback(span_of_str(u->host));
}

enum reach { REACH_ALL, REACH_PRIVATE, REACH_LOOPBACK, REACH_LINK };

static enum reach reach_v4(uint32_t a)
{
	if (a >> 24 == 127)
		return REACH_LOOPBACK;
	if (a >> 24 == 0 || a >> 16 == 0xa9fe)
		return REACH_LINK;
	return a >> 24 == 10 || a >> 20 == 0xac1 || a >> 16 == 0xc0a8 || a >> 22 == 0x191
		       ? REACH_PRIVATE
		       : REACH_ALL;
}

static enum reach reach_v6(const struct in6_addr *a)
{
	const unsigned char *b = a->s6_addr;

	if (IN6_IS_ADDR_V4MAPPED(a))
		return reach_v4((uint32_t)b[12] << 24 | (uint32_t)b[13] << 16 |
				(uint32_t)b[14] << 8 | b[15]);
	if (IN6_IS_ADDR_LOOPBACK(a))
		return REACH_LOOPBACK;
	if (IN6_IS_ADDR_UNSPECIFIED(a) || IN6_IS_ADDR_LINKLOCAL(a))
		return REACH_LINK;
	return (b[0] & 0xfe) == 0xfc ? REACH_PRIVATE : REACH_ALL;
}

static enum reach url_reach(const struct url *u)
{
	struct span host = span_of_str(u->host);
	struct in_addr v4;
	struct in6_addr v6;

	if (span_ends(host, ".")) /* the root, which every name may end in */
		host.n--;
	if (host_is_loopback(host) || span_ends(host, ".localhost"))
		return REACH_LOOPBACK;
	/* inet_aton also reads "127.1" and "0x7f000001", as the resolver would */
	if (inet_aton(u->host, &v4))
		return reach_v4(ntohl(v4.s_addr));
	if (span_take(&host, "[") && span_ends(host, "]")) {
		auto_free char *bare = span_dup(span_head(host, host.n - 1));

		/* what cannot be read (a zone, say) is not trusted */
		return inet_pton(AF_INET6, bare, &v6) == 1 ? reach_v6(&v6) : REACH_LINK;
	}
	return REACH_ALL;
}

bool url_may_lead(const struct url *from, const struct url *to)
{
	enum reach near = url_reach(from);

	if (strcmp(from->host, to->host) == 0)
		return true;
	switch (url_reach(to)) {
	case REACH_ALL:
		return true;
	case REACH_PRIVATE:
		return near != REACH_ALL;
	case REACH_LOOPBACK:
		return near == REACH_LOOPBACK;
	default:
		return false;
	}
}

void url_encode(struct buf *out, struct span text, const char *keep)
{
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (c && (is_alpha(c) || is_digit(c) || strchr("-._~", c) || strchr(keep, c)))
			buf_add_char(out, c);
		else
			buf_addf(out, "%%%02X", (unsigned char)c);
	}
}

static int hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int url_decode(struct buf *out, struct span text)
{
	for (size_t i = 0; i < text.n; i++) {
		int high, low;

		if (text.p[i] != '%') {
			buf_add_char(out, text.p[i]);
			continue;
		}
		if (text.n - i < 3)
			return -1;
		high = hex_digit(text.p[i + 1]);
		low = hex_digit(text.p[i + 2]);
		if (high < 0 || low < 0 || !(high | low))
			return -1;
		buf_add_char(out, (char)(high << 4 | low));
		i += 2;
	}
	return 0;
}

/* -- user information ---------------------------------------------------------- */

int url_parse_user(struct url *out, char **user, const char *text, struct err *e)
{
	const char *mark = strstr(text, "://");
	struct span authority = span_of(text, 0), name;
	auto_buf struct buf bare = BUF_INIT(2 * URL_MAX), plain = BUF_INIT(2 * URL_MAX);
	ptrdiff_t at;

	if (mark)
		authority =
			span_head(span_of_str(mark + 3), url_authority_len(span_of_str(mark + 3)));
	at = span_rfind(authority, '@');
	if (at < 0) {
		*user = NULL;
		return url_parse(out, text, e);
	}
	name = span_head(authority, (size_t)at);
	if (strlen(text) > URL_MAX || url_decode(&plain, name) < 0)
		return err_set(e, ERR_INPUT, "address refused: broken user information");
	for (size_t i = 0; i < plain.len; i++)
		if ((unsigned char)plain.data[i] < ' ' || plain.data[i] == 0x7f)
			return err_set(e, ERR_INPUT, "address refused: broken user information");
	buf_add(&bare, text, (size_t)(name.p - text));
	buf_add_str(&bare, name.p + name.n + 1);
	if (url_parse(out, buf_str(&bare), e) < 0)
		return -1;
	*user = buf_steal(&plain);
	if (!*user)
		*user = mem_strdup("");
	return 0;
}
