/*
 * Error text for lines of a Dockerfile. Guessing counts the edits between two
 * words, two swapped letters being one edit ("FORM"), and accepts about one
 * edit in three letters.
 */
#include "oci/dockerfile/message.h"

#include <stdarg.h>

#define GUESS_LEN_MAX 64 /* longer words are not guessed at */

int message_wrong(struct err *e, const char *file, unsigned line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	err_vset(e, ERR_INPUT, fmt, ap);
	va_end(ap);
	if (line)
		return err_wrap(e, "%s:%u", file, line);
	return err_wrap(e, "%s", file);
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Optimal string alignment; both at most GUESS_LEN_MAX long. */
static size_t edits(struct span a, struct span b)
{
	size_t rows[3][GUESS_LEN_MAX + 1];

	for (size_t j = 0; j <= b.n; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= a.n; i++) {
		size_t *now = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];

		now[0] = i;
		for (size_t j = 1; j <= b.n; j++) {
			char x = lower(a.p[i - 1]), y = lower(b.p[j - 1]);

			now[j] = least(least(last[j], now[j - 1]) + 1, last[j - 1] + (x != y));
			if (i > 1 && j > 1 && x == lower(b.p[j - 2]) && y == lower(a.p[i - 2]))
				now[j] = least(now[j], before[j - 2] + 1);
		}
	}
	return rows[a.n % 3][b.n];
}

void message_guess_add(struct message_guess *g, const char *candidate)
{
	struct span c = span_of_str(candidate);
	size_t distance, allowed;

	if (!g->word.n || !c.n || g->word.n > GUESS_LEN_MAX || c.n > GUESS_LEN_MAX)
		return;
	if (span_eq(g->word, c)) /* what is refused although it is there */
		return;
	distance = edits(g->word, c);
	allowed = c.n < 3 ? 0 : c.n < 6 ? 1 : 2;
	if (distance > allowed || (g->best && distance >= g->distance))
		return;
	g->best = candidate;
	g->distance = distance;
}

void message_guess_hint(char out[MESSAGE_HINT_MAX], const struct message_guess *g)
{
	out[0] = '\0';
	if (g->best)
		snprintf(out, MESSAGE_HINT_MAX, " (did you mean %s?)", g->best);
}
