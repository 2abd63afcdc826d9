/*
 * http and https addresses: take apart, put together, resolve a Location.
 */
#ifndef BASE_URL_H
#define BASE_URL_H

#include "base/buf.h"
#include "base/cc.h"
#include "base/err.h"

struct url {
	char *scheme;  /* "http" or "https", lower case */
	char *host;    /* lower case; an IPv6 address keeps its brackets */
	uint16_t port; /* filled from the scheme when not written */
	char *path;    /* begins with '/' */
	char *query;   /* without '?'; NULL: none */
};

/* User information, other schemes, control bytes and blanks are refused (ERR_INPUT).
 * A fragment is dropped. */
int url_parse(struct url *out, const char *text, struct err *e) MUST_CHECK;
/* The same for an address that may carry user information: it comes apart, decoded, as
 * "user:password" (a secret); NULL: there is none. */
int url_parse_user(struct url *out, char **user, const char *text, struct err *e) MUST_CHECK;
/* text may be absolute or relative (RFC 3986, 5.2), against base. */
int url_resolve(struct url *out, const struct url *base, const char *text, struct err *e)
	MUST_CHECK;
void url_release(struct url *u);
void url_format(struct buf *out, const struct url *u); /* the port only when not the default */
bool url_same_origin(const struct url *a, const struct url *b); /* scheme, host and port */
bool url_is_loopback(const struct url *u);			/* localhost, 127.0.0.0/8, [::1] */
bool host_is_loopback(struct span host); /* the same for "host" or "host:port" */
/*
 * May a server at `from` send us to `to`? Not to an address near by (loopback, link-local, where cloud
 * metadata lives, RFC 1918, carrier NAT), unless it is itself as near: from our own loopback to loopback
 * and private ones, from a private one to others; link-local never. By what is written: where a
 * name leads is the resolver's affair.
 */
bool url_may_lead(const struct url *from, const struct url *to);
/* The part of an address that messages may show: queries hold tokens. Borrows. */
struct span url_without_query(const char *text);
size_t url_authority_len(struct span s); /* up to what ends it: '/', '?', '#' */
/*
 * Any text with addresses in it, fit to be shown and kept: what stands before '@' in "x://…@host" is
 * left out, and what a query says under the name of a token, password or signature becomes "xxxxx".
 */
void url_redact(struct buf *out, struct span text);
/* Does a host follow the '@' at that place? Not the scope of a package, nor a version or a digest behind its name. */
bool url_is_host_at(struct span text, size_t at);
/* Percent-decodes; -1: a broken escape, or one that stands for NUL. */
int url_decode(struct buf *out, struct span text) MUST_CHECK;
/* Percent-encodes all but unreserved characters and those in `keep`. */
void url_encode(struct buf *out, struct span text, const char *keep);

#define auto_url CLEANUP(url_release)

#endif
