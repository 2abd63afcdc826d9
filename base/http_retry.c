/*
 * The pause before try n+1 is half a second doubled n times, plus or minus a fifth:
 * many jobs start in the same second, and must not come back in the same second.
 * The spread is taken from the clock, so a clock that stands still gives none.
 * A server that names a time (Retry-After) is believed, up to two minutes; who must
 * wait longer than that is better told, and comes back by himself.
 */
#include "base/http_retry.h"

#include "base/cancel.h"
#include "base/clock.h"
#include "base/progress.h"

#define RETRY_FIRST_MS	  500
#define RETRY_LONGEST_MS  16000
#define RETRY_AFTER_MAX_S 120

bool http_status_is_transient(long status)
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

/* What the server asked for in seconds; 0: nothing (or nothing of use). */
static int64_t retry_after_s(const struct http_response *rs, struct clock *clock)
{
	const char *text = http_header(rs, "retry-after");
	int64_t s;

	if (!text)
		return 0;
	if (span_to_i64(&s, span_of_str(text)) < 0)
		s = seconds_until(text, clock);
	return s > 0 ? s : 0;
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

/* The last answer, in one line. */
static int retry_answer(const struct http_retry *r, const struct http_response *rs,
			const char *more, struct err *e)
{
	struct span body = buf_span(&rs->body), line = span_of("", 0);
	auto_buf struct buf words = BUF_INIT(BUF_SMALL);

	if (r->words)
		r->words(&words, rs);
	else if (span_line(&body, &line))
		buf_add_span(&words, span_head(span_trim(line), 200));
	return err_set(e, ERR_UNAVAILABLE, "the server answered %ld %s (%u %s)%s%s%s", rs->status,
		       http_status_name(rs->status), r->done + 1, r->done ? "tries" : "try",
		       words.len ? ": " : "", buf_str(&words), more);
}

/* No further try: an answer that is a failure becomes an error. */
static bool retry_give_up(struct http_retry *r, int *performed, const struct http_response *rs,
			  struct err *e)
{
	struct err was = *e;

	r->is_over = true;
	if (*performed == 0)
		*performed = retry_answer(r, rs, "", e);
	else if (r->done)
		err_set(e, ERR_UNAVAILABLE, "%s (%u tries)", was.text, r->done + 1);
	return false;
}

/* Nobody waits that long with a job running. */
static bool retry_too_late(struct http_retry *r, struct op *op, int *performed, int64_t s,
			   const struct http_response *rs, struct err *e)
{
	int64_t now = op->clock->wall_ns(op->clock), then;
	char text[CLOCK_TEXT_MAX], more[160];

	/* to the second */
	if (__builtin_mul_overflow(s, 1000000000, &then) ||
	    __builtin_add_overflow(now - now % 1000000000, then, &then))
		then = INT64_MAX;
	clock_format(text, then);
	snprintf(more, sizeof(more), "; it asks to wait %jd s, until %s", (intmax_t)s, text);
	r->is_over = true;
	*performed = retry_answer(r, rs, more, e);
	return false;
}

static void retry_tell(const struct http_retry *r, const struct op *op, int64_t ms, int performed,
		       const struct http_response *rs, const struct err *e)
{
	char answer[64];
	const char *why = e->text;

	if (performed == 0) {
		snprintf(answer, sizeof(answer), "%ld %s", rs->status,
			 http_status_name(rs->status));
		why = answer;
	}
	progress_note(op->progress, "%s%sretrying in %.*f s (%u of %u): %s", r->what ? r->what : "",
		      r->what ? ": " : "", ms % 1000 ? 1 : 0, (double)ms / 1000, r->done + 1,
		      r->done + r->left, why);
}

/* Nobody else may go on meanwhile, when the server is short of breath and not of luck. */
static void retry_pause_all(const struct http_retry *r, struct op *op, int64_t ms, long status)
{
	int64_t until = op->clock->mono_ms(op->clock) + ms, old;

	if (!r->pause || (status != 429 && status != 503))
		return;
	old = r->pause->until_ms;
	while (old < until && !atomic_compare_exchange_weak(&r->pause->until_ms, &old, until))
		;
}

int http_pause_wait(struct http_pause *p, struct op *op, struct err *e)
{
	int64_t left;

	while ((left = p->until_ms - op->clock->mono_ms(op->clock)) > 0) {
		op->clock->sleep_ms(op->clock, left, op->cancel);
		if (cancel_check(op->cancel, e) < 0)
			return -1;
	}
	return 0;
}

bool http_retry_again(struct http_retry *r, struct op *op, int *performed,
		      const struct http_response *rs, struct err *e)
{
	bool failed =
		*performed < 0 ? e->kind == ERR_UNAVAILABLE : http_status_is_transient(rs->status);
	int64_t asked_s, ms;

	if (!failed || r->is_over)
		return false;
	asked_s = *performed == 0 ? retry_after_s(rs, op->clock) : 0;
	if (asked_s > RETRY_AFTER_MAX_S)
		return retry_too_late(r, op, performed, asked_s, rs, e);
	ms = asked_s ? asked_s * 1000 : backoff_ms(r->done, op->clock);
	if (!r->left || r->waited_ms + ms > HTTP_RETRY_WAIT_MAX_MS)
		return retry_give_up(r, performed, rs, e);
	retry_tell(r, op, ms, *performed, rs, e);
	retry_pause_all(r, op, ms, *performed == 0 ? rs->status : 0);
	r->left--;
	r->done++;
	r->waited_ms += ms;
	op->clock->sleep_ms(op->clock, ms, op->cancel);
	if (cancel_check(op->cancel, e) < 0) {
		*performed = -1;
		return false;
	}
	err_clear(e);
	return true;
}
