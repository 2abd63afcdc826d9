/*
 * The pause before try n+1 is half a second doubled n times, plus or minus a fifth:
 * many jobs start in the same second, and must not come back in the same second.
 * The spread is taken from the clock, so a clock that stands still gives none.
 * A server that names a time (Retry-After) is believed, up to two minutes.
 */
#include "base/http_retry.h"

#include "base/cancel.h"
#include "base/clock.h"
#include "base/log.h"

#define RETRY_FIRST_MS	  500
#define RETRY_LONGEST_MS  16000
#define RETRY_AFTER_MAX_S 120

static bool status_is_transient(long status)
{
	static const long transient[] = { 408, 425, 429, 499, 500, 502, 503, 504 };

	for (size_t i = 0; i < ARRAY_LEN(transient); i++)
		if (status == transient[i])
			return true;
	return status >= 520 && status <= 524;
}

/* "Wed, 21 Oct 2026 07:28:00 GMT" -> seconds from now; -1: not such a date. */
static int64_t seconds_until(const char *date, struct clock *clock)
{
	int64_t now = clock->wall_ns(clock) / 1000000000, then;

	if (http_date_parse(&then, date) < 0)
		return -1;
	return then > now ? then - now : 0;
}

/* What the server asked for in ms; 0: nothing (or nothing of use). */
static int64_t retry_after_ms(const struct http_response *rs, struct clock *clock)
{
	const char *text = http_header(rs, "retry-after");
	uint64_t n;
	int64_t s;

	if (!text)
		return 0;
	if (span_to_u64(&n, span_of_str(text)) == 0)
		s = n > RETRY_AFTER_MAX_S ? RETRY_AFTER_MAX_S : (int64_t)n;
	else
		s = seconds_until(text, clock);
	if (s > RETRY_AFTER_MAX_S)
		s = RETRY_AFTER_MAX_S;
	return s > 0 ? s * 1000 : 0;
}

static int64_t backoff_ms(unsigned done, struct clock *clock)
{
	int64_t ms = done < 6 ? (int64_t)RETRY_FIRST_MS << done : RETRY_LONGEST_MS;
	uint64_t mix = (uint64_t)clock->wall_ns(clock) * 0x9e3779b97f4a7c15u >> 32;

	if (ms > RETRY_LONGEST_MS)
		ms = RETRY_LONGEST_MS;
	/* 0..400 moved so that 0 is in the middle: -200..200 thousandths */
	return ms + ms * ((int64_t)((mix + 200) % 401) - 200) / 1000;
}

/* The budget is used up: an answer that is a failure becomes an error. */
static void retry_give_up(const struct http_retry *r, int *performed,
			  const struct http_response *rs, struct err *e)
{
	struct span body = buf_span(&rs->body), line = span_of("", 0);

	if (*performed < 0)
		return;
	span_line(&body, &line);
	line = span_head(span_trim(line), 200);
	*performed = err_set(e, ERR_UNAVAILABLE, "the server answered %ld (%u tries)%s" SPAN_FMT,
			     rs->status, r->done + 1, line.n ? ": " : "", SPAN_ARG(line));
}

bool http_retry_again(struct http_retry *r, struct op *op, int *performed,
		      const struct http_response *rs, struct err *e)
{
	bool failed = *performed < 0 ? e->kind == ERR_UNAVAILABLE : status_is_transient(rs->status);
	int64_t ms = 0;

	if (!failed)
		return false;
	if (!r->left) {
		retry_give_up(r, performed, rs, e);
		return false;
	}
	if (*performed == 0)
		ms = retry_after_ms(rs, op->clock);
	if (!ms)
		ms = backoff_ms(r->done, op->clock);
	if (*performed < 0)
		log_info(op, "%s; trying again in %.1f s", e->text, (double)ms / 1000);
	else
		log_info(op, "the server answered %ld; trying again in %.1f s", rs->status,
			 (double)ms / 1000);
	r->left--;
	r->done++;
	op->clock->sleep_ms(op->clock, ms, op->cancel);
	if (cancel_check(op->cancel, e) < 0) {
		*performed = -1;
		return false;
	}
	err_clear(e);
	return true;
}
