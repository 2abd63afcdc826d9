/*
 * When to try again, for every verb: connection errors and
 * 408 425 429 499 500 502 503 504 520-524, with growing pauses and Retry-After. The budget is a
 * value that a piece of work carries, so that loops cannot multiply: whoever is called by a loop
 * that retries is given its struct http_retry.
 *
 *	struct http_retry r = { .left = retries };
 *	do {
 *		http_response_release(&rs);
 *		n = http_perform(h, op, &rq, &rs, e);
 *	} while (http_retry_again(&r, op, n, &rs, e));
 */
#ifndef BASE_HTTP_RETRY_H
#define BASE_HTTP_RETRY_H

#include <stdatomic.h>

#include "base/http.h"

#define HTTP_RETRIES_DEFAULT 5

/* A pause that all keep who talk to one server, after it told one of them to (429, 503). Thread-safe.
 * All zero: none. */
struct http_pause {
	_Atomic int64_t until_ms; /* on the clock's mono_ms */
};
/* Sleeps until it is over. -1: cancelled meanwhile. */
int http_pause_wait(struct http_pause *p, struct op *op, struct err *e) MUST_CHECK;

struct http_retry {
	unsigned left; /* tries after the first */
	unsigned done;
	int64_t waited_ms; /* so far, of HTTP_RETRY_WAIT_MAX_MS */
	const char *what;  /* what is tried, for the line that tells of a pause; may be NULL */
	struct http_pause *pause; /* of the server; may be NULL */
	/* How an answer's body says why; NULL: its first line is plain text. */
	void (*words)(struct buf *out, const struct http_response *rs);
	bool is_over; /* no further try, and the last one had failed */
};
#define HTTP_RETRY_WAIT_MAX_MS 600000

/*
 * True: it has told the user and slept, try again. False: the answer (or e) stands; after a budget
 * that ran out, or a Retry-After beyond two minutes, *e is ERR_UNAVAILABLE in any case where the
 * last answer was a failure: then `performed` must be treated as -1, which *performed tells.
 */
bool http_retry_again(struct http_retry *r, struct op *op, int *performed,
		      const struct http_response *rs, struct err *e) MUST_CHECK;
/* Is this answer one of those above? */
bool http_status_is_transient(long status);

#endif
