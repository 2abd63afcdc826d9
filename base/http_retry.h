/*
 * When to try again, for every verb: connection errors and
 * 408 425 429 499 500 502 503 504 520-524, with growing pauses and Retry-After. The budget is a
 * value that a piece of work carries, so that loops cannot multiply.
 *
 *	struct http_retry r = { .left = retries };
 *	do {
 *		http_response_release(&rs);
 *		n = http_perform(h, op, &rq, &rs, e);
 *	} while (http_retry_again(&r, op, n, &rs, e));
 */
#ifndef BASE_HTTP_RETRY_H
#define BASE_HTTP_RETRY_H

#include "base/http.h"

#define HTTP_RETRIES_DEFAULT 5

struct http_retry {
	unsigned left; /* tries after the first */
	unsigned done;
};

/*
 * True: it has slept, try again. False: the answer (or e) stands; after a budget that ran out,
 * *e is ERR_UNAVAILABLE in any case where the last answer was a failure: then `performed`
 * must be treated as -1, which *performed tells.
 */
bool http_retry_again(struct http_retry *r, struct op *op, int *performed,
		      const struct http_response *rs, struct err *e) MUST_CHECK;

#endif
