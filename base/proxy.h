/*
 * Through which proxy an address is reached, by the variables that everybody uses: http_proxy,
 * https_proxy, all_proxy and no_proxy, each in lower case or, where that is not set or empty, in upper
 * case (HTTP_PROXY not in a CGI program, where a client's header is called so). Read once;
 * immutable afterwards, so thread-safe.
 *
 * no_proxy is a list with commas or blanks of "*", host, .suffix (what is below it), host:port, address, and
 * network/bits; a host also stands for what is below it. Names are not resolved for it. Loopback is
 * never asked through a proxy.
 */
#ifndef BASE_PROXY_H
#define BASE_PROXY_H

#include "base/err.h"
#include "base/url.h"

struct proxy_variable {
	const char *name; /* as it was found: "HTTPS_PROXY" */
	char *value;	  /* a secret: it may hold a password; NULL: not set */
};

struct proxies {
	struct proxy_variable http, https, all, no;
};

/* variable: getenv, or a test's. */
void proxies_read(struct proxies *out, const char *(*variable)(const char *name));
void proxies_release(struct proxies *p);

struct proxy {
	char *address;	      /* "http://host:port", without user information; NULL: straight */
	char *user;	      /* decoded; NULL: none */
	char *password;	      /* the same; a secret */
	const char *variable; /* which one names it */
};

/* The way to u. ERR_INPUT: the variable that counts holds no proxy's address (not shown, see above). */
int proxy_choose(struct proxy *out, const struct proxies *p, const struct url *u, struct err *e)
	MUST_CHECK;
void proxy_release(struct proxy *p);

#define auto_proxy CLEANUP(proxy_release)

#endif
