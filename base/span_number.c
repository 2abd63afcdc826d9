/*
 * Numbers out of text: always the whole span, always range checked, no locale.
 * Fractions (sizes, durations) are kept as digits over a power of ten and
 * multiplied in 128 bits, so "0.1s" is exactly 100000000 ns.
 */
#include "base/span.h"

/* 10^18 is the largest power of ten whose multiples by any unit here fit 128 bits. */
#define FRACTION_DIGITS 18

struct decimal {
	uint64_t whole;
	uint64_t fraction; /* fraction / scale is what stood behind the point */
	uint64_t scale;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Takes digits off; false when there are none or they overflow. */
static bool take_digits(struct span *rest, uint64_t *out)
{
	uint64_t v = 0;
	size_t i = 0;

	for (; i < rest->n && is_digit(rest->p[i]); i++)
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(rest->p[i] - '0'), &v))
			return false;
	*rest = span_sub(*rest, i);
	*out = v;
	return i > 0;
}

static bool take_decimal(struct span *rest, struct decimal *out)
{
	struct span digits;
	bool has_whole = rest->n && is_digit(rest->p[0]);

	*out = (struct decimal){ .scale = 1 };
	if (has_whole && !take_digits(rest, &out->whole))
		return false;
	if (!span_take(rest, "."))
		return has_whole;
	digits = *rest;
	if (!rest->n || !is_digit(rest->p[0]))
		return has_whole; /* "1." is a number, "." is not */
	if (!take_digits(rest, &out->fraction) || digits.n - rest->n > FRACTION_DIGITS)
		return false;
	for (size_t i = digits.n - rest->n; i; i--)
		out->scale *= 10;
	return true;
}

/* d * unit, rounded down; -1 above max. */
static int decimal_times(uint64_t *out, struct decimal d, uint64_t unit, uint64_t max)
{
	unsigned __int128 v =
		(unsigned __int128)d.whole * unit + (unsigned __int128)d.fraction * unit / d.scale;

	if (v > max)
		return -1;
	*out = (uint64_t)v;
	return 0;
}

int span_to_u64(uint64_t *out, struct span s)
{
	uint64_t v;

	if (!take_digits(&s, &v) || s.n)
		return -1;
	*out = v;
	return 0;
}

int span_to_i64(int64_t *out, struct span s)
{
	bool negative = span_take(&s, "-");
	uint64_t v;

	if (span_to_u64(&v, s) < 0 || v > (uint64_t)INT64_MAX + negative)
		return -1;
	*out = negative ? (int64_t)(0 - v) : (int64_t)v;
	return 0;
}

int span_to_octal(uint32_t *out, struct span s)
{
	uint32_t v = 0;

	if (!s.n)
		return -1;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '7')
			return -1;
		v = v << 3 | (uint32_t)(s.p[i] - '0');
		if (v > 07777)
			return -1;
	}
	*out = v;
	return 0;
}

/* "", "b", "k", "kb", "ki", "kib", … to a power of two; -1: no such unit. */
static int size_shift(struct span unit)
{
	static const char letters[] = "kmgtp";

	if (!unit.n || span_eq_nocase(unit, "b"))
		return 0;
	for (int i = 0; letters[i]; i++) {
		struct span rest = span_sub(unit, 1);

		if (!span_eq_nocase(span_head(unit, 1), (char[]){ letters[i], '\0' }))
			continue;
		if (!rest.n || span_eq_nocase(rest, "b") || span_eq_nocase(rest, "i") ||
		    span_eq_nocase(rest, "ib"))
			return 10 * (i + 1);
	}
	return -1;
}

int span_to_size(uint64_t *out, struct span s)
{
	struct decimal d;
	int shift;

	if (!take_decimal(&s, &d))
		return -1;
	if (s.n > 1)
		span_take(&s, " ");
	shift = size_shift(s);
	if (shift < 0)
		return -1;
	return decimal_times(out, d, (uint64_t)1 << shift, UINT64_MAX);
}

static bool take_duration_unit(struct span *rest, uint64_t *ns)
{
	/* longer names before those they begin with */
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = {
		{ "ns", 1 },	       { "us", 1000 },
		{ "\xc2\xb5s", 1000 }, /* micro sign */
		{ "\xce\xbcs", 1000 }, /* Greek mu */
		{ "ms", 1000000 },     { "s", 1000000000 },
		{ "m", 60000000000 },  { "h", 3600000000000 },
	};

	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (span_take(rest, units[i].name)) {
			*ns = units[i].ns;
			return true;
		}
	}
	return false;
}

int span_to_duration_ns(int64_t *out, struct span s)
{
	uint64_t sum = 0;

	if (span_eq_str(s, "0")) {
		*out = 0;
		return 0;
	}
	if (!s.n)
		return -1;
	while (s.n) {
		struct decimal d;
		uint64_t unit, v;

		if (!take_decimal(&s, &d) || !take_duration_unit(&s, &unit) ||
		    decimal_times(&v, d, unit, INT64_MAX - sum) < 0)
			return -1;
		sum += v;
	}
	*out = (int64_t)sum;
	return 0;
}
