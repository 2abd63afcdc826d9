/*
 * Time comes in through here, so that waits take zero seconds in tests
 * (tests/fakes/fake_clock.h). Thread-safe.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/cancel.h"
#include "base/cc.h"

struct clock {
	int64_t (*mono_ms)(struct clock *c); /* monotonic */
	int64_t (*wall_ns)(struct clock *c); /* since 1970 */
	/* Sleeps, or less when cancelled meanwhile. cn may be NULL. */
	void (*sleep_ms)(struct clock *c, int64_t ms, const struct cancel *cn);
};

extern struct clock clock_system;

/* RFC 3339 in UTC with up to nine digits of fraction, as Go's RFC3339Nano writes it
 * ("2026-01-02T03:04:05.5Z", no fraction when it is zero). out holds CLOCK_TEXT_MAX bytes. */
#define CLOCK_TEXT_MAX 48
void clock_format(char *out, int64_t wall_ns);
/* -1: not RFC 3339. A time that 64 bits of nanoseconds cannot hold (Go's zero time is the year 1)
 * becomes the nearest one they can. */
int clock_parse(int64_t *wall_ns, const char *text) MUST_CHECK;

#endif
