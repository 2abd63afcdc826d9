/*
 * One HTTP exchange: a request in, a response out. The protocol rooms know this
 * header; the wire is http_curl.c, or tests/fakes/http_script.c. Thread-safe:
 * several threads may perform on one struct http at once.
 *
 * No redirects, no retries, no authentication here: those are decisions, made
 * by registry/ and deploy/ (and base/http_retry.h).
 */
#ifndef BASE_HTTP_H
#define BASE_HTTP_H

#include "base/buf.h"
#include "base/cc.h"
#include "base/err.h"
#include "base/io.h"
#include "base/op.h"
#include "base/strv.h"

/* Where the bytes of a request body come from: opened anew for each try, so it can be sent again. */
struct http_body {
	int (*open)(struct http_body *b, struct source **out, struct err *e);
	void (*close)(struct http_body *b, struct source *s);
	uint64_t size_bytes;
};

/*
 * What TLS with one server needs beside what the client was made with. Of the registry that it is meant
 * for: to others that it names we show no certificate. Borrowed as long as the struct http lives.
 */
struct trust;
struct dial;
struct http_tls {
	struct trust *trust;   /* trusted in addition; NULL: none */
	bool is_only_trust;    /* … and nothing else is */
	struct span cert, key; /* a client certificate that was checked, PEM; empty: none */
	const char *cert_name; /* the file it was in, for messages */
	/* The options that give one of each, for messages; NULL: those of a registry. */
	const char *ca_option, *cert_option, *plain_option;
};

struct http_request {
	const char *method; /* "GET" "HEAD" "POST" "PUT" "PATCH" "DELETE" */
	const char *url;
	const struct strv *headers; /* "Name: value"; may be NULL */
	struct http_body *body;	    /* NULL: none (a POST or PUT then says Content-Length: 0) */
	struct span body_bytes;	    /* a small body instead of `body` */
	/*
	 * Where a 2xx body goes while it arrives. NULL: into response.body. Bodies of other
	 * answers always go into response.body, cut at HTTP_ERROR_BODY_MAX.
	 */
	struct sink *out;
	size_t body_max;	    /* ceiling for response.body on 2xx; 0: HTTP_BODY_MAX */
	const struct http_tls *tls; /* NULL: nothing special */
	const char *unix_socket;    /* talk through this socket; NULL: TCP */
	struct dial *dial;	    /* or through what serves it (dial.h); NULL: nothing does */
	int64_t timeout_ms; /* whole exchange; 0: none (a stall always ends it: http_curl.h) */
	/* A body that has begun to go is not sent again on a new connection, when a kept one turns out to be dead: the
	 * server may have got it, and this is no request to make twice. */
	bool once;
};
#define HTTP_BODY_MAX	    (4u << 20)
#define HTTP_ERROR_BODY_MAX (64u << 10)

struct http_response {
	long status;
	struct strv headers; /* "name: value", names in lower case; last answer only */
	struct buf body;
	uint64_t body_bytes; /* that arrived, also through `out` */
};

struct http {
	/*
	 * 0: there was an answer, whatever its status. ERR_UNAVAILABLE: no answer (connection
	 * refused, reset, timeout, unknown host). ERR_DENIED: certificate not trusted.
	 * ERR_CANCELLED. An error of `out` or `body` comes through as it was.
	 * *rs is initialised by perform and must be released in every case.
	 */
	int (*perform)(struct http *h, struct op *op, const struct http_request *rq,
		       struct http_response *rs, struct err *e);
	void (*free)(struct http *h);
};

int http_perform(struct http *h, struct op *op, const struct http_request *rq,
		 struct http_response *rs, struct err *e) MUST_CHECK;
void http_free(struct http *h);
void http_response_release(struct http_response *rs);
/* The first header of that name (lower case), else NULL. Borrowed. */
const char *http_header(const struct http_response *rs, const char *name);
#define auto_http_response CLEANUP(http_response_release)

const char *http_status_name(long status); /* "Not Found" */
bool http_is_redirect(long status);	   /* one that says where: 301 302 303 307 308 */
/* "Wed, 21 Oct 2026 07:28:00 GMT": seconds since 1970. -1: not such a date. */
int http_date_parse(int64_t *seconds, const char *text) MUST_CHECK;

/*
 * For those who implement struct http: how an answer becomes a response, in one
 * place so that the wire and the script cannot differ. `line` is one header line
 * (its line end may be there); a status line begins the answer anew. A header block
 * over HTTP_HEADER_MAX is ERR_CORRUPT; *seen counts it and begins at 0.
 */
#define HTTP_HEADER_MAX (64u << 10)
int http_response_add_header(struct http_response *rs, size_t *seen, struct span line,
			     struct err *e) MUST_CHECK;
/* 0: go on. 1: the rest of this (error) answer is not wanted. -1: `out` failed or body_max reached. */
int http_response_add_body(struct http_response *rs, const struct http_request *rq, const void *p,
			   size_t n, struct err *e) MUST_CHECK;

/*
 * The request's body on its way out: open (again, to begin anew), read to the end, close.
 * `foreign` tells after a failure that it was the caller's body, whose text stays as it is.
 */
struct http_send {
	const struct http_request *rq;
	struct source *in;
	struct span_source bytes;
	uint64_t left;
	bool foreign;
};
int http_send_open(struct http_send *s, const struct http_request *rq, struct err *e) MUST_CHECK;
/* As source_read; a body that ends before its promised size is ERR_CORRUPT. */
ssize_t http_send_read(struct http_send *s, void *p, size_t n, struct err *e) MUST_CHECK;
void http_send_close(struct http_send *s);

#endif
