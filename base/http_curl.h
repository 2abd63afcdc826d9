/* struct http over libcurl: HTTP/1.1, kept-alive connections, TLS 1.2 or later. */
#ifndef BASE_HTTP_CURL_H
#define BASE_HTTP_CURL_H

#include "base/http.h"

struct http_curl_options {
	const char *ca_file; /* trusted, too (trust_files.h); NULL: none */
	bool insecure;	     /* no certificate check */
	/* The system's is not read, and $SSL_CERT_DIR at once: what lies there later is somebody else's. */
	bool no_ca_folder;
	bool has_flags; /* the tool has --cert, --key and --insecure, which words may name */
	const char *user_agent; /* "cpush/0.1.0" */
	/*
	 * How long nothing may move, either way; 0: 30 s. And between a body's last byte and
	 * the answer to it; 0: 60 s. For a large one (a registry puts it together then) a
	 * second more for each MiB, up to 10 min.
	 */
	int64_t stall_ms, answer_ms;
};

int http_curl_new(struct http **out, const struct http_curl_options *opt, struct err *e) MUST_CHECK;

#endif
