/*
 * The real clock, and times as text. Dates are counted here and not by
 * gmtime/strptime: those know locales and static buffers, and 64-bit
 * nanoseconds need nothing of the kind. A year begins in March in the
 * arithmetic, so that the leap day is its last.
 */
#include "base/clock.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <time.h>

#include "base/span.h"

#define NS_PER_S     INT64_C(1000000000)
#define DAYS_PER_ERA 146097 /* 400 years */

static int64_t system_mono_ms(struct clock *c)
{
	struct timespec ts;

	(void)c;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int64_t system_wall_ns(struct clock *c)
{
	struct timespec ts;

	(void)c;
	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

static void system_sleep_ms(struct clock *c, int64_t ms, const struct cancel *cn)
{
	struct pollfd p = { .fd = cn ? cn->fd : -1, .events = POLLIN };
	int64_t now = system_mono_ms(c), end;

	if (ms <= 0)
		return;
	if (__builtin_add_overflow(now, ms, &end))
		end = INT64_MAX;
	for (; now < end && !cancel_is_set(cn); now = system_mono_ms(c)) {
		int64_t left = end - now;

		if (poll(&p, cn ? 1 : 0, left > INT_MAX ? INT_MAX : (int)left) < 0 &&
		    errno != EINTR)
			return;
	}
}

struct clock clock_system = {
	.mono_ms = system_mono_ms,
	.wall_ns = system_wall_ns,
	.sleep_ms = system_sleep_ms,
};

struct date {
	int64_t year;
	int month, day; /* from 1 */
};

static struct date date_of_days(int64_t days) /* since 1970-01-01 */
{
	int64_t since = days + 719468; /* since 0000-03-01 */
	int64_t era = (since >= 0 ? since : since - (DAYS_PER_ERA - 1)) / DAYS_PER_ERA;
	int64_t doe = since - era * DAYS_PER_ERA;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / (DAYS_PER_ERA - 1)) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t march = (5 * doy + 2) / 153; /* months since March */
	struct date d;

	d.day = (int)(doy - (153 * march + 2) / 5 + 1);
	d.month = (int)(march < 10 ? march + 3 : march - 9);
	d.year = yoe + era * 400 + (d.month <= 2);
	return d;
}

static int64_t days_of_date(struct date d)
{
	int64_t year = d.month <= 2 ? d.year - 1 : d.year;
	int64_t era = (year >= 0 ? year : year - 399) / 400;
	int64_t yoe = year - era * 400;
	int64_t doy = (153 * (d.month > 2 ? d.month - 3 : d.month + 9) + 2) / 5 + d.day - 1;
	int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;

	return era * DAYS_PER_ERA + doe - 719468;
}

void clock_format(char *out, int64_t wall_ns)
{
	int64_t s = wall_ns / NS_PER_S, ns = wall_ns % NS_PER_S;
	int64_t days, of_day;
	struct date d;
	int n;

	if (ns < 0) {
		ns += NS_PER_S;
		s--;
	}
	days = (s >= 0 ? s : s - 86399) / 86400;
	of_day = s - days * 86400;
	d = date_of_days(days);
	n = snprintf(out, CLOCK_TEXT_MAX, "%04d-%02d-%02dT%02d:%02d:%02d", (int)d.year, d.month,
		     d.day, (int)(of_day / 3600), (int)(of_day / 60 % 60), (int)(of_day % 60));
	if (ns) {
		n += snprintf(out + n, (size_t)(CLOCK_TEXT_MAX - n), ".%09d", (int)ns);
		while (out[n - 1] == '0')
			n--;
	}
	out[n++] = 'Z';
	out[n] = '\0';
}

/* Exactly n digits. */
static bool take_fixed(struct span *rest, size_t n, int *out)
{
	uint64_t v;

	if (rest->n < n || span_to_u64(&v, span_head(*rest, n)) < 0)
		return false;
	*out = (int)v;
	*rest = span_sub(*rest, n);
	return true;
}

static bool take_date(struct span *rest, struct date *d)
{
	static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int year;
	bool leap;

	if (!take_fixed(rest, 4, &year) || !span_take(rest, "-") ||
	    !take_fixed(rest, 2, &d->month) || !span_take(rest, "-") ||
	    !take_fixed(rest, 2, &d->day))
		return false;
	if (d->month < 1 || d->month > 12)
		return false;
	d->year = year;
	leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	return d->day >= 1 && d->day <= lengths[d->month - 1] + (leap && d->month == 2);
}

static bool take_hour_minute(struct span *rest, int *seconds)
{
	int h, m;

	if (!take_fixed(rest, 2, &h) || !span_take(rest, ":") || !take_fixed(rest, 2, &m) ||
	    h > 23 || m > 59)
		return false;
	*seconds = h * 3600 + m * 60;
	return true;
}

static bool take_time(struct span *rest, int *seconds)
{
	int sec;

	if (!(span_take(rest, "T") || span_take(rest, "t")) || !take_hour_minute(rest, seconds) ||
	    !span_take(rest, ":") || !take_fixed(rest, 2, &sec) || sec > 59)
		return false;
	*seconds += sec;
	return true;
}

/* ".5": digits past the ninth say nothing here and are dropped. */
static bool take_fraction(struct span *rest, int64_t *ns)
{
	int64_t unit = NS_PER_S;
	size_t digits = 0;

	*ns = 0;
	if (!span_take(rest, "."))
		return true;
	for (; digits < rest->n && rest->p[digits] >= '0' && rest->p[digits] <= '9'; digits++) {
		unit /= 10;
		*ns += unit * (rest->p[digits] - '0');
	}
	*rest = span_sub(*rest, digits);
	return digits > 0;
}

static bool take_zone(struct span *rest, int *east)
{
	int sign;

	*east = 0;
	if (span_take(rest, "Z") || span_take(rest, "z"))
		return true;
	sign = span_take(rest, "+") ? 1 : span_take(rest, "-") ? -1 : 0;
	if (!sign || !take_hour_minute(rest, east))
		return false;
	*east *= sign;
	return true;
}

int clock_parse(int64_t *wall_ns, const char *text)
{
	struct span rest = span_of_str(text);
	int of_day, east;
	struct date d;
	int64_t ns, s;
	__int128 wide;

	if (!take_date(&rest, &d) || !take_time(&rest, &of_day) || !take_fraction(&rest, &ns) ||
	    !take_zone(&rest, &east) || rest.n)
		return -1;
	s = days_of_date(d) * 86400 + of_day - east;
	wide = (__int128)s * NS_PER_S + ns;
	*wall_ns = wide > INT64_MAX ? INT64_MAX : wide < INT64_MIN ? INT64_MIN : (int64_t)wide;
	return 0;
}
