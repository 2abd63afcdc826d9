/* Only for http_curl.c: the headers of a request. */
#ifndef BASE_HTTP_CURL_HEADERS_H
#define BASE_HTTP_CURL_HEADERS_H

#include <curl/curl.h>

#include "base/err.h"
#include "base/strv.h"

/* The caller's (NULL: none), and without those libcurl would invent. The list is the caller's. */
int http_curl_headers(struct curl_slist **out, const struct strv *headers, struct err *e)
	MUST_CHECK;

#endif
