/*
 * %q is strconv.Quote: short escapes for the seven that have one, \x for other control bytes and for
 * bytes that are no UTF-8, all other text as it is. A duration is
 * told in the largest unit below a second that it has, or in hours, minutes and seconds.
 */
#include "oci/build/gotext.h"

static void quote_byte(struct buf *out, unsigned char c)
{
	static const char named[] = "\aa\bb\ff\nn\rr\tt\vv\\\\\"\"";

	for (size_t i = 0; i + 1 < sizeof(named); i += 2) {
		if (named[i] != (char)c)
			continue;
		buf_add_char(out, '\\');
		buf_add_char(out, named[i + 1]);
		return;
	}
	if (c < 0x20 || c >= 0x7f)
		buf_addf(out, "\\x%02x", c);
	else
		buf_add_char(out, (char)c);
}

static void quote(struct buf *out, struct span text)
{
	buf_add_char(out, '"');
	while (text.n) {
		size_t len = utf8_len(text);

		if (len > 1) {
			buf_add(out, text.p, len);
			text = span_sub(text, len);
			continue;
		}
		quote_byte(out, (unsigned char)text.p[0]);
		text = span_sub(text, 1);
	}
	buf_add_char(out, '"');
}

void gotext_quoted_list(struct buf *out, const struct strv *list)
{
	buf_add_char(out, '[');
	for (size_t i = 0; i < list->n; i++) {
		if (i)
			buf_add_char(out, ' ');
		quote(out, span_of_str(list->v[i]));
	}
	buf_add_char(out, ']');
}

void gotext_list(struct buf *out, const struct strv *list)
{
	buf_add_char(out, '[');
	for (size_t i = 0; i < list->n; i++)
		buf_addf(out, "%s%s", i ? " " : "", list->v[i]);
	buf_add_char(out, ']');
}

/* value in units, its fraction without zeros at the end: 1500 of 1000 is "1.5" */
static void add_fraction(struct buf *out, uint64_t value, uint64_t unit)
{
	uint64_t rest = value % unit;

	buf_addf(out, "%ju", (uintmax_t)(value / unit));
	if (rest)
		buf_add_char(out, '.');
	for (unit /= 10; rest; unit /= 10) {
		buf_add_char(out, (char)('0' + rest / unit));
		rest %= unit;
	}
}

static void add_below_second(struct buf *out, uint64_t ns)
{
	static const struct {
		uint64_t unit;
		const char *name;
	} units[] = { { 1000000, "ms" }, { 1000, "\302\265s" }, { 1, "ns" } };
	size_t i = 0;

	while (ns < units[i].unit)
		i++;
	add_fraction(out, ns, units[i].unit);
	buf_add_str(out, units[i].name);
}

void gotext_duration(struct buf *out, int64_t ns)
{
	const uint64_t second = 1000000000;
	uint64_t left = ns < 0 ? -(uint64_t)ns : (uint64_t)ns;

	if (ns < 0)
		buf_add_char(out, '-');
	if (left && left < second) {
		add_below_second(out, left);
		return;
	}
	if (left >= 3600 * second)
		buf_addf(out, "%juh", (uintmax_t)(left / (3600 * second)));
	if (left >= 60 * second)
		buf_addf(out, "%jum", (uintmax_t)(left / (60 * second) % 60));
	add_fraction(out, left % (60 * second), second);
	buf_add_char(out, 's');
}
