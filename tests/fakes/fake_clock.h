/*
 * A clock that stands still until somebody sleeps: sleeping moves it on at once
 * and is written down. Thread-safe like the real one.
 *
 *	struct fake_clock fc;
 *	struct op op = { .clock = fake_clock_init(&fc) };
 *	…
 *	assert_int_equal(2, fc.sleeps);
 *	assert_int_equal(1000, fc.slept_ms[0]);
 */
#ifndef TESTS_FAKES_FAKE_CLOCK_H
#define TESTS_FAKES_FAKE_CLOCK_H

#include <stdatomic.h>

#include "base/clock.h"

#define FAKE_CLOCK_SLEEPS 64		      /* as many are kept; all are counted */
#define FAKE_CLOCK_START  INT64_C(1767225600) /* 2026-01-01T00:00:00Z, in seconds */

struct fake_clock {
	struct clock base;
	atomic_llong now_ms; /* monotonic; wall time is FAKE_CLOCK_START later */
	atomic_size_t sleeps;
	int64_t slept_ms[FAKE_CLOCK_SLEEPS];
	/* When not NULL: called with each sleep, before the time moves (to cancel, say). */
	void (*on_sleep)(struct fake_clock *fc, int64_t ms);
	void *arg; /* for on_sleep */
};

struct clock *fake_clock_init(struct fake_clock *fc);
void fake_clock_advance(struct fake_clock *fc, int64_t ms); /* not a sleep */
int64_t fake_clock_slept(const struct fake_clock *fc);	    /* the sum of what is kept */

#endif
