/* struct http over libcurl: HTTP/1.1, kept-alive connections, TLS verified by the system's CAs. */
#ifndef BASE_HTTP_CURL_H
#define BASE_HTTP_CURL_H

#include "base/http.h"

struct http_curl_options {
	const char *ca_file;		  /* trusted in addition to the system's; NULL: none */
	const char *cert_file, *key_file; /* client certificate; NULL: none */
	bool insecure;			  /* no certificate check */
	bool no_ca_folder;	/* of the system: what lies there later is somebody else's */
	const char *user_agent; /* "cpush/0.1.0" */
	/*
	 * How long nothing may move, either way; 0: 30 s. And between a body's last byte and
	 * the answer to it (a registry puts a large blob together then); 0: 10 min.
	 */
	int64_t stall_ms, answer_ms;
};

int http_curl_new(struct http **out, const struct http_curl_options *opt, struct err *e) MUST_CHECK;

#endif
