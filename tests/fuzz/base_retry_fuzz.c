/*
 * A server that always answers the same, header lines that may say anything (status, Retry-After): waiting for it
 * ends, and ends with words.
 */
#include <assert.h>

#include "base/clock.h"
#include "base/http_retry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Nobody waits. */
struct quick_clock {
	struct clock clock;
	int64_t ms;
};

static int64_t mono_ms(struct clock *c)
{
	return CONTAINER_OF(c, struct quick_clock, clock)->ms;
}

static int64_t wall_ns(struct clock *c)
{
	return 1700000000000000000 + mono_ms(c) * 1000000;
}

static void sleep_ms(struct clock *c, int64_t ms, const struct cancel *cn)
{
	(void)cn;
	assert(ms >= 0);
	CONTAINER_OF(c, struct quick_clock, clock)->ms += ms;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct quick_clock c = { .clock = { mono_ms, wall_ns, sleep_ms } };
	auto_http_response struct http_response rs = { .status = 503 };
	struct http_pause pause = { .until_ms = 0 };
	struct http_retry r = { .left = HTTP_RETRIES_DEFAULT, .pause = &pause };
	struct span rest = span_of(data, size), line;
	struct op op = { .clock = &c.clock };
	struct err e = ERR_INIT;
	size_t seen = 0;
	int performed = 0;

	while (span_line(&rest, &line))
		if (http_response_add_header(&rs, &seen, line, &e) < 0)
			return 0;
	while (http_retry_again(&r, &op, &performed, &rs, &e))
		assert(performed == 0 && http_status_is_transient(rs.status));
	assert(c.ms == r.waited_ms && c.ms <= HTTP_RETRY_WAIT_MAX_MS);
	assert(r.done + r.left == HTTP_RETRIES_DEFAULT);
	if (http_status_is_transient(rs.status))
		assert(performed < 0 && e.kind == ERR_UNAVAILABLE && e.text[0]);
	else
		assert(performed == 0 && !r.done);
	return 0;
}
