/*
 * A struct http that plays a script: which requests are to come, and what each is
 * answered. Any deviation fails the test with both sides in the message. Answers
 * become responses by the code the wire uses (base/http.c), so headers, ceilings and
 * rq->out behave alike; a request body is opened, read to its end and closed.
 *
 *	struct http_script *s = http_script_new();
 *	HTTP_EXPECT(s, .method = "HEAD", .url = "http://r/v2/a/blobs/sha256:aa", .status = 404);
 *	HTTP_EXPECT(s, .method = "POST", .url = "http://r/v2/a/blobs/uploads/", .status = 202,
 *		    .headers = { "Location: /v2/a/blobs/uploads/1" });
 *	HTTP_EXPECT(s, .method = "GET", .url = "http://r/v2/", .fail = ERR_UNAVAILABLE);
 *	code_under_test(http_script_http(s));
 *	http_script_done(s);		// fails when something expected did not come
 *	http_script_free(s);
 *
 * All strings are copied. Thread-safe. A deviation on another thread than the one that
 * made the script cannot fail the test from there (cmocka jumps): that perform returns
 * ERR_CORRUPT, and http_script_done fails the test.
 */
#ifndef TESTS_FAKES_HTTP_SCRIPT_H
#define TESTS_FAKES_HTTP_SCRIPT_H

#include "base/http.h"

#define HTTP_SCRIPT_LINES 8

struct http_exchange {
	/* what must come */
	const char *method, *url;	      /* exact */
	const char *unix_socket;	      /* NULL: not looked at */
	const char *has[HTTP_SCRIPT_LINES];   /* each is part of some request header line */
	const char *lacks[HTTP_SCRIPT_LINES]; /* none of them is part of any header line */
	const char *body;		      /* exact; NULL: not looked at */
	size_t body_len;		      /* 0: strlen(body) */

	/* what it is answered */
	long status;
	const char *headers[HTTP_SCRIPT_LINES]; /* "Name: value" */
	const char *answer; /* body; NULL: empty. A HEAD is answered without it. */
	size_t answer_len;  /* 0: strlen(answer) */

	/*
	 * Not ERR_NONE: no (whole) answer but this error, with `why` as text (NULL: "connection
	 * reset"). With a status, header and body are delivered first: a transfer that broke.
	 */
	enum err_kind fail;
	const char *why;

	bool ignore_body;	 /* answer without reading the request's body */
	unsigned times;		 /* how often it may and must come; 0: once */
	bool any_times;		 /* or: any number of times, also never (unordered only) */
	void (*then)(void *arg); /* called before the answer is given (to cancel, …) */
	void *arg;
};

struct http_script;
struct http_script *http_script_new(void);
void http_script_free(struct http_script *s);	      /* does not look for what did not come */
struct http *http_script_http(struct http_script *s); /* http_free() of it does nothing */

/* From here on in any order: the first exchange that fits a request is taken. */
void http_script_unordered(struct http_script *s);
void http_script_expect(struct http_script *s, const struct http_exchange *x);
#define HTTP_EXPECT(s, ...) http_script_expect((s), &(struct http_exchange){ __VA_ARGS__ })

/* Fails the test when an exchange did not come or a deviation was seen. */
void http_script_done(struct http_script *s);
/* The first deviation, NULL: none (for the script's own test). */
const char *http_script_problem(struct http_script *s);

/* The requests that came, in order of arrival; borrowed until the script is freed. */
struct http_seen {
	char *method, *url;
	struct strv headers;
	struct buf body;
	const struct http_tls *tls;
	bool once;
};
size_t http_script_count(struct http_script *s);
const struct http_seen *http_script_seen(struct http_script *s, size_t i);

#endif
