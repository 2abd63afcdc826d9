/*
 * The wildcards of ${v#pattern}, ${v%pattern} and ${v/pattern/…}: '*' any text, '?' one character,
 * '\' before one of these three takes it as it is; nothing else is special. Work is length of
 * the text times length of the pattern at most, and patterns are short.
 */
#ifndef OCI_DOCKERFILE_PATTERN_H
#define OCI_DOCKERFILE_PATTERN_H

#include "base/err.h"
#include "base/span.h"

#define PATTERN_MAX 4096 /* bytes */

struct pattern_piece;
struct pattern {
	struct pattern_piece *v;
	size_t n;
};

/* ERR_INPUT: '\' before something else, or too long. */
int pattern_parse(struct pattern *out, struct span text, struct err *e) MUST_CHECK;
void pattern_release(struct pattern *p);
#define auto_pattern CLEANUP(pattern_release)

/* How much of the beginning (the end) of text matches; false: it does not. */
bool pattern_prefix(const struct pattern *p, struct span text, bool longest, size_t *n);
bool pattern_suffix(const struct pattern *p, struct span text, bool longest, size_t *n);
/* The first place at or behind *at where it matches, and the longest match there. */
bool pattern_find(const struct pattern *p, struct span text, size_t *at, size_t *n);

#endif
