/*
 * No parser: a password may hold what ends an authority, and a text may hold anything. On the web "host:80/x@1.2" is an
 * address with its port, as a client reads it. Where both readings are possible (is it "host:$PORT/x@1.2", or
 * "user:password@host"?) the one that shows less wins, unless it is known for a host.
 */
#include "base/url.h"

#include <ctype.h>

#include "base/secret_name.h"

/* In a query tokens are at home, and what is hidden of one is missed by nobody: parts of a word count, too. */
static bool key_names_secret(struct span key)
{
	static const char *const parts[] = { "token",	   "secret", "passw",	"signature",
					     "credential", "auth",   "api_key", "apikey" };

	if (names_secret(key) || span_eq_nocase(key, "sig"))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		for (size_t from = 0; from < key.n; from++)
			if (span_eq_nocase(span_head(span_sub(key, from), strlen(parts[i])),
					   parts[i]))
				return true;
	return false;
}

static void redact_query(struct buf *out, struct span query)
{
	struct span pair, key, value;

	while (span_split(&query, '&', &pair)) {
		bool more = query.p != NULL;

		if (span_cut(pair, '=', &key, &value) && value.n && key_names_secret(key)) {
			buf_add_span(out, key);
			buf_add_str(out, "=xxxxx");
		} else {
			buf_add_span(out, pair);
		}
		if (more)
			buf_add_char(out, '&');
	}
}

/* Their paths hold an '@' now and then, those of databases do not. Of docker-image only the last word is looked at. */
static bool is_web(struct span scheme)
{
	static const char *const schemes[] = { "http", "https", "docker", "oci",  "git",
					       "ssh",  "image", "ftp",	  "ftps", "sftp" };

	for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
		if (span_eq_nocase(scheme, schemes[i]))
			return true;
	return false;
}

/* $PORT, ${PORT} */
static bool is_variable(struct span s)
{
	return s.n > 1 && s.p[0] == '$' && (s.p[1] == '{' || (s.p[1] >= 'A' && s.p[1] <= 'Z'));
}

enum port {
	PORT_NONE, /* nothing stands there */
	PORT_GOOD, /* and what a path behind it holds is its own: http://mirror:80/x@latest.tgz is fetched as such */
	PORT_VARIABLE,
	PORT_ODD, /* it is none: then "host:" is "user:", and a password with a slash follows */
};

static enum port look_at_port(struct span *host, struct span authority)
{
	ptrdiff_t bracket = span_rfind(authority, ']');
	struct span port;
	uint64_t number;

	if (!span_cut(span_sub(authority, (size_t)(bracket + 1)), ':', host, &port))
		return PORT_NONE;
	if (is_variable(port))
		return PORT_VARIABLE;
	return !port.n || span_to_u64(&number, port) == 0 ? PORT_GOOD : PORT_ODD;
}

bool url_is_host_at(struct span text, size_t at)
{
	struct span host = span_sub(text, at + 1);
	size_t n = 0, dots = 0;

	if (at == 0 || text.p[at - 1] == '/' || span_starts(host, "sha256:"))
		return false;
	while (n < host.n && (isalnum((unsigned char)host.p[n]) || strchr("-.", host.p[n])))
		dots += host.p[n++] == '.';
	return n > 0 && (isalpha((unsigned char)host.p[0]) || dots >= 3);
}

/* "u:$AB/34@host" on the web: it might be a port and a path, if what stands before looks like a host. */
static size_t odd_login_len(struct span host, struct span rest)
{
	if (!host.n || span_find(host, '.') >= 0 || span_eq_nocase(host, "localhost"))
		return 0;
	for (size_t i = rest.n; i-- > 0;)
		if (rest.p[i] == '@' && url_is_host_at(rest, i))
			return i + 1;
	return 0;
}

/* "user:password@", also where a password has what ends an authority. */
static size_t login_len(bool web, struct span rest)
{
	struct span authority = span_head(rest, url_authority_len(rest)), where = authority, tail,
		    host;
	enum port port = look_at_port(&host, authority);

	if (span_find(authority, '@') >= 0) {
		if (!web)
			span_cut(rest, '?', &where, &tail);
	} else if (port == PORT_ODD) {
		where = rest;
	} else if (!web && span_find(authority, ':') >= 0) {
		span_cut(rest, '?', &where, &tail);
	} else if (port == PORT_VARIABLE) {
		return odd_login_len(host, rest);
	}
	return (size_t)(span_rfind(where, '@') + 1);
}

/* What follows "://" up to the address's end. */
static void redact_address(struct buf *out, bool web, struct span rest)
{
	struct span before, query, fragment;
	bool has_fragment;
	size_t n;

	/* what is left may look like a login again, and would to who reads what we showed */
	while ((n = login_len(web, rest)) > 0)
		rest = span_sub(rest, n);
	has_fragment = span_cut(rest, '#', &before, &fragment);
	if (span_cut(before, '?', &before, &query)) {
		buf_add_span(out, before);
		buf_add_char(out, '?');
		redact_query(out, query);
	} else {
		buf_add_span(out, before);
	}
	if (has_fragment) {
		buf_add_char(out, '#');
		buf_add_span(out, fragment);
	}
}

static bool is_in_address(char c)
{
	return (unsigned char)c > ' ' && !strchr("\"'`<>", c);
}

/* The letters that text ends with. */
static struct span last_letters(struct span text)
{
	size_t n = text.n;

	while (n && isalnum((unsigned char)text.p[n - 1]))
		n--;
	return span_sub(text, n);
}

/*
 * Of several that follow each other without a blank ("http://a,http://b") the next begins with its "://", and its
 * scheme is what is shown in front of that: who reads what we showed knows no other.
 */
void url_redact(struct buf *out, struct span text)
{
	size_t begin = out->len;
	bool in_address = false, web = false;

	while (text.n) {
		const char *mark = memmem(text.p, text.n, "://", 3);
		struct span piece = span_head(text, mark ? (size_t)(mark - text.p) : text.n);
		size_t n = 0;

		while (in_address && n < piece.n && is_in_address(piece.p[n]))
			n++;
		redact_address(out, web, span_head(piece, n));
		buf_add_span(out, span_sub(piece, n));
		if (!mark)
			return;
		web = is_web(last_letters(span_sub(buf_span(out), begin)));
		buf_add_str(out, "://");
		text = span_sub(text, piece.n + 3);
		in_address = true;
	}
}
