/*
 * At each place the longest text that is there counts, so that one which begins another does
 * not leave the other's end to be seen.
 */
#include "oci/run/hide.h"

static size_t match(struct span at, const struct strv *texts)
{
	size_t longest = 0;

	for (size_t i = 0; i < texts->n; i++) {
		size_t n = strlen(texts->v[i]);

		if (n > longest && n <= at.n && memcmp(at.p, texts->v[i], n) == 0)
			longest = n;
	}
	return longest;
}

void hide_add(struct strv *texts, struct span secret)
{
	struct span rest = secret, line;
	bool several = span_find(span_rtrim(secret), '\n') >= 0;

	while (span_line(&rest, &line)) {
		line = span_rtrim(line);
		if (line.n >= (several ? HIDE_LINE_MIN : HIDE_MIN) && !span_has_nul(line))
			strv_add_span(texts, line);
	}
}

bool hide_line(struct buf *out, struct span line, const struct strv *texts)
{
	size_t shown = 0, found = 0;

	for (size_t i = 0; i < line.n;) {
		size_t n = match(span_sub(line, i), texts);

		if (!n) {
			i++;
			continue;
		}
		buf_add(out, line.p + shown, i - shown);
		buf_add_str(out, "***");
		i += n;
		shown = i;
		found++;
	}
	if (found)
		buf_add_span(out, span_sub(line, shown));
	return found > 0;
}
