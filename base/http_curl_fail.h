/* Only for http_curl.c: what a failure of libcurl means, as kind and words. */
#ifndef BASE_HTTP_CURL_FAIL_H
#define BASE_HTTP_CURL_FAIL_H

#include "base/http.h"
#include "base/proxy.h"

struct http_curl_failure {
	void *easy;
	int code; /* libcurl's */
	const struct http_request *rq;
	const struct proxy *via;
	const char *detail; /* libcurl's words; may be empty */
	bool has_flags;	    /* http_curl.h */
};

/* Always -1; "METHOD url: " is put before it by the caller. */
int http_curl_fail(const struct http_curl_failure *f, struct err *e);

/* Why the server does not talk to us with the certificate it was shown, or without one. Always -1. */
int http_curl_cert_refused(const struct http_request *rq, bool has_flags, struct span why,
			   struct err *e);

/* On a new connection. -1: the server has closed it for the sake of our certificate. */
int http_curl_closed_on_cert(void *easy, int fd, const struct http_request *rq, bool has_flags,
			     struct err *e);

/* The proxy itself answered with this status: to a request, or to CONNECT. Always -1. */
int http_curl_proxy_refused(const struct proxy *via, long status, struct err *e);

#endif
