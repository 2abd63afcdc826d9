/*
 * .dockerignore, as moby's patternmatcher reads it, and the one-component-at-a-time glob of Go's
 * filepath.Match that COPY's wildcards use.
 */
#ifndef OCI_DOCKERFILE_IGNORE_H
#define OCI_DOCKERFILE_IGNORE_H

#include "base/err.h"
#include "base/span.h"
#include "base/strv.h"

struct ignore;

/* ERR_INPUT: a bad pattern, with FILE:LINE. An empty text ignores nothing. */
int ignore_parse(struct ignore **out, const char *file, struct span text, struct err *e) MUST_CHECK;
/* Patterns that came one by one (--exclude): the same, but "#" begins no comment. what: for messages. */
int ignore_of_patterns(struct ignore **out, const char *what, const struct strv *patterns,
		       struct err *e) MUST_CHECK;
void ignore_free(struct ignore *ig); /* NULL is fine */

/* path: "a/b", relative to the context. Parents are looked at, too; the last pattern that matches
 * decides. ig NULL: nothing is ignored. */
bool ignore_is_excluded(const struct ignore *ig, const char *path);
/* An excluded directory may still hold something that a later "!" pattern brings back. */
bool ignore_may_hold_included(const struct ignore *ig, const char *dir);
/* Are there "!" patterns? NULL: no. */
bool ignore_has_exceptions(const struct ignore *ig);
/* The line number of the pattern that excludes path, 0: none (for messages). */
unsigned ignore_line_of(const struct ignore *ig, const char *path);
/* That pattern; "" when there is none. Borrowed. */
const char *ignore_pattern_of(const struct ignore *ig, const char *path);

/* Go's filepath.Match: '*' and '?' do not match '/'. -1: malformed pattern; else 0 or 1. */
int glob_match(struct span pattern, struct span name);
bool glob_has_meta(struct span pattern);

DEFINE_AUTO(ignore, ignore_free)
#define auto_ignore CLEANUP(ignore_auto_)

#endif
