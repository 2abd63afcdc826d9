/*
 * libcurl says what it was doing when something went wrong; people need to know whose fault it is and
 * what they can do. A proxy is named with its variable, and never with its password.
 */
#include "base/http_curl_fail.h"

#include <errno.h>
#include <poll.h>

#include <curl/curl.h>

#include "base/trust.h"

#define TLS_VERDICT_MS 300 /* for what a server says to our certificate */
#define TLS_END_MS     20

static const char *connect_failure(const struct http_curl_failure *f)
{
	long no = 0;

	curl_easy_getinfo(f->easy, CURLINFO_OS_ERRNO, &no);
	if (no == ECONNREFUSED)
		return "connection refused";
	if (no == ENOENT && f->rq->unix_socket)
		return "no such socket";
	if (no == EACCES && f->rq->unix_socket)
		return "permission denied";
	return f->detail[0] ? f->detail : "cannot connect";
}

static int timed_out(const struct http_curl_failure *f, struct err *e)
{
	curl_off_t us = 0;

	curl_easy_getinfo(f->easy, CURLINFO_TOTAL_TIME_T, &us);
	if (f->rq->timeout_ms > 0 && us / 1000 + 20 >= f->rq->timeout_ms)
		return err_set(e, ERR_TIMEOUT, "no whole answer within %jd ms",
			       (intmax_t)f->rq->timeout_ms);
	return err_set(e, ERR_UNAVAILABLE, "timed out: %s",
		       f->detail[0] ? f->detail : "nothing came for too long");
}

int http_curl_proxy_refused(const struct proxy *via, long status, struct err *e)
{
	bool passing = status >= 500 || status == 408 || status == 429;

	if (status == 407 && via->user)
		return err_set(e, ERR_DENIED,
			       "the proxy %s refuses the user and password in $%s (407)",
			       via->address, via->variable);
	if (status == 407)
		return err_set(e, ERR_DENIED,
			       "the proxy %s wants a user and password (407): "
			       "$%s can hold them, http://user:password@host:port",
			       via->address, via->variable);
	return err_set(e, passing ? ERR_UNAVAILABLE : ERR_DENIED, "the proxy %s ($%s) answered %ld",
		       via->address, via->variable, status);
}

/* 1: it was not the proxy. */
static int proxy_failed(const struct http_curl_failure *f, struct err *e)
{
	long status = 0;

	if (!f->via->address)
		return 1;
	curl_easy_getinfo(f->easy, CURLINFO_HTTP_CONNECTCODE, &status);
	if (status >= 300)
		return http_curl_proxy_refused(f->via, status, e);
	/* only the proxy is connected to */
	if (f->code == CURLE_COULDNT_RESOLVE_PROXY || f->code == CURLE_COULDNT_CONNECT ||
	    f->code == CURLE_PROXY)
		return err_set(e, ERR_UNAVAILABLE, "the proxy %s ($%s): %s", f->via->address,
			       f->via->variable, connect_failure(f));
	return 1;
}

/* The option that helps: its own for this server, or the usual one. */
static const char *option(const char *own, const char *usual)
{
	return own ? own : usual;
}

/* -- TLS ------------------------------------------------------------------------ */

static int server_not_trusted(const struct http_curl_failure *f, const char *detail, struct err *e)
{
	static const char start[] = "SSL certificate problem: ";
	const char *unchecked = f->has_flags ? " (--insecure goes without a check)" : "";
	long result = 0;

	/* libcurl looks at the name before it asks what became of the chain */
	if (strstr(detail, "target host name"))
		return err_set(e, ERR_DENIED, "certificate not trusted: %s%s", detail, unchecked);
	if (strncmp(detail, start, strlen(start)) == 0)
		detail += strlen(start);
	curl_easy_getinfo(f->easy, CURLINFO_SSL_VERIFYRESULT, &result);
	switch (trust_flaw_of(result)) {
	case TRUST_NO_ISSUER:
		return err_set(e, ERR_DENIED,
			       "certificate not trusted: %s (%s FILE trusts the one who issued it)",
			       detail, option(f->rq->tls ? f->rq->tls->ca_option : NULL, "--ca"));
	case TRUST_EXPIRED:
		return err_set(e, ERR_DENIED,
			       "certificate not trusted: %s: the server needs a new one%s", detail,
			       unchecked);
	default:
		return err_set(e, ERR_DENIED, "certificate not trusted: %s", detail);
	}
}

/* RFC 8446, 6.2: what a server says that does not take our certificate, in OpenSSL's words. */
static bool is_about_our_certificate(const char *alert)
{
	static const char *const about[] = { "certificate required",	"bad certificate",
					     "certificate unknown",	"unknown ca",
					     "certificate expired",	"certificate revoked",
					     "unsupported certificate", "access denied" };

	for (size_t i = 0; i < ARRAY_LEN(about); i++)
		if (strstr(alert, about[i]))
			return true;
	return false;
}

static const char *where_from(const struct http_request *rq, bool has_flags)
{
	return option(rq->tls ? rq->tls->cert_option : NULL,
		      has_flags ? "--cert FILE and --key FILE"
				: "NAME.cert and NAME.key in certs.d");
}

int http_curl_cert_refused(const struct http_request *rq, bool has_flags, struct span why,
			   struct err *e)
{
	if (rq->tls && rq->tls->cert.n)
		return err_set(e, ERR_DENIED, "the client certificate '%s' is refused: " SPAN_FMT,
			       rq->tls->cert_name, SPAN_ARG(why));
	return err_set(e, ERR_DENIED, "it wants a client certificate: " SPAN_FMT " (%s)",
		       SPAN_ARG(why), where_from(rq, has_flags));
}

/* 1: TLS was not refused. It may be so in the handshake, or when we already talk (TLS 1.3). */
static int tls_refused(const struct http_curl_failure *f, struct err *e)
{
	const char *alert = strstr(f->detail, " alert ");
	struct span words = span_of_str(alert ? alert + 1 : ""), rest;

	if (strstr(f->detail, "wrong version number"))
		return err_set(
			e, ERR_FAILED, "it speaks no TLS; http needs %s",
			option(f->rq->tls ? f->rq->tls->plain_option : NULL, "--plain-http"));
	if (alert && strstr(alert, "protocol version"))
		return err_set(e, ERR_DENIED, "it speaks no TLS of version 1.2 or later");
	/* what older servers say when they miss one, but also when there is no cipher for both */
	if (alert && strstr(alert, "handshake failure"))
		return err_set(
			e, ERR_DENIED,
			"the TLS handshake is refused; it may want a client certificate (%s)",
			where_from(f->rq, f->has_flags));
	if (!alert || !is_about_our_certificate(alert))
		return 1;
	span_cut(words, ',', &words, &rest);
	return http_curl_cert_refused(f->rq, f->has_flags, words, e);
}

int http_curl_fail(const struct http_curl_failure *f, struct err *e)
{
	const char *detail = f->detail[0] ? f->detail : curl_easy_strerror(f->code);

	if (proxy_failed(f, e) < 0 || tls_refused(f, e) < 0)
		return -1;
	switch (f->code) {
	case CURLE_COULDNT_CONNECT:
		return err_set(e, ERR_UNAVAILABLE, "%s", connect_failure(f));
	case CURLE_SEND_FAIL_REWIND: /* a kept connection, and the body may have got there */
	case CURLE_GOT_NOTHING:
		return err_set(e, ERR_UNAVAILABLE, "connection closed without an answer");
	case CURLE_OK: /* to libcurl, a header that breaks off is one that ends */
	case CURLE_PARTIAL_FILE:
		return err_set(e, ERR_UNAVAILABLE, "connection closed before the answer's end");
	case CURLE_OPERATION_TIMEDOUT:
		return timed_out(f, e);
	case CURLE_PEER_FAILED_VERIFICATION:
		return server_not_trusted(f, detail, e);
	case CURLE_SSL_CERTPROBLEM:
		return err_set(e, ERR_DENIED, "client certificate not usable: %s", detail);
	case CURLE_URL_MALFORMAT:
		return err_set(e, ERR_INPUT, "%s", detail);
	default:
		return err_set(e, ERR_UNAVAILABLE, "%s", detail);
	}
}

/*
 * A server with TLS 1.3 that does not take our certificate says so when we think that the handshake is over,
 * and closes at once: a request sent into that ends in a broken pipe, with the reason unread. So
 * where a certificate was asked for, its answer (usually a ticket) is waited for, and a moment for
 * the end behind it.
 */
int http_curl_closed_on_cert(void *easy, int fd, const struct http_request *rq, bool has_flags,
			     struct err *e)
{
	struct curl_tlssessioninfo *tls = NULL;
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (fd < 0 || curl_easy_getinfo(easy, CURLINFO_TLS_SSL_PTR, &tls) != CURLE_OK || !tls ||
	    !tls->internals || !trust_cert_was_wanted(tls->internals) ||
	    poll(&p, 1, TLS_VERDICT_MS) <= 0)
		return 0;
	p.events = 0;
	if (poll(&p, 1, TLS_END_MS) <= 0)
		return 0;
	return http_curl_cert_refused(rq, has_flags, SPAN_LIT("the connection was closed on it"),
				      e);
}
