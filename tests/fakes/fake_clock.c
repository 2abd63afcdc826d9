/*
 * A sleep when already cancelled takes no time, as with the real clock, but is
 * written down all the same.
 */
#include "tests/fakes/fake_clock.h"

static struct fake_clock *fake_of(struct clock *c)
{
	return CONTAINER_OF(c, struct fake_clock, base);
}

static int64_t fake_mono_ms(struct clock *c)
{
	return atomic_load(&fake_of(c)->now_ms);
}

static int64_t fake_wall_ns(struct clock *c)
{
	return FAKE_CLOCK_START * 1000000000 + fake_mono_ms(c) * 1000000;
}

static void fake_sleep_ms(struct clock *c, int64_t ms, const struct cancel *cn)
{
	struct fake_clock *fc = fake_of(c);
	size_t i = atomic_fetch_add(&fc->sleeps, 1);

	if (i < FAKE_CLOCK_SLEEPS)
		fc->slept_ms[i] = ms;
	if (fc->on_sleep)
		fc->on_sleep(fc, ms);
	if (ms > 0 && !cancel_is_set(cn))
		atomic_fetch_add(&fc->now_ms, ms);
}

struct clock *fake_clock_init(struct fake_clock *fc)
{
	*fc = (struct fake_clock){
		.base = { fake_mono_ms, fake_wall_ns, fake_sleep_ms },
	};
	return &fc->base;
}

void fake_clock_advance(struct fake_clock *fc, int64_t ms)
{
	atomic_fetch_add(&fc->now_ms, ms);
}

int64_t fake_clock_slept(const struct fake_clock *fc)
{
	size_t n = atomic_load(&fc->sleeps);
	int64_t sum = 0;

	for (size_t i = 0; i < n && i < FAKE_CLOCK_SLEEPS; i++)
		sum += fc->slept_ms[i];
	return sum;
}
