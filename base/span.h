/*
 * A view of bytes that somebody else owns: (pointer, length), not terminated.
 * All parsing of text is done with spans: they know their end, and taking
 * pieces off copies nothing.
 *
 *	struct span rest = span_of_str("a=1,b");
 *	struct span word, key, value;
 *	while (span_split(&rest, ',', &word))
 *		if (span_cut(word, '=', &key, &value)) …
 */
#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include "base/cc.h"
#include "base/err.h"

struct span {
	const char *p;
	size_t n;
};

#define SPAN_FMT      "%.*s"
#define SPAN_ARG(s)   (int)((s).n > 1000 ? 1000 : (s).n), (s).p
#define SPAN_LIT(lit) ((struct span){ (lit), sizeof(lit) - 1 })

struct span span_of(const void *p, size_t n);
struct span span_of_str(const char *s);	  /* NULL: empty */
char *span_dup(struct span s) MUST_CHECK; /* terminated copy, owned by the caller */

bool span_eq(struct span a, struct span b);
bool span_eq_str(struct span a, const char *s);
bool span_eq_nocase(struct span a, const char *s); /* ASCII */
/* Is it one of the words, whatever the case? */
bool span_in_nocase(struct span a, const char *const *words, size_t nr);
bool span_starts(struct span a, const char *prefix);
bool span_ends(struct span a, const char *suffix);
ptrdiff_t span_find(struct span a, char c); /* -1: none */
ptrdiff_t span_rfind(struct span a, char c);
bool span_has_nul(struct span a);

struct span span_sub(struct span a, size_t from); /* from > n gives an empty span */
struct span span_head(struct span a, size_t n);
struct span span_trim(struct span a); /* blanks: space \t \r \n \v \f */
struct span span_ltrim(struct span a);
struct span span_rtrim(struct span a);

/*
 * Takes the piece up to `sep` off *rest; false when nothing is left. "a,,b"
 * gives three pieces, "" none, "a," gives "a" and "".
 * (*rest).p becomes NULL after the last piece.
 */
bool span_split(struct span *rest, char sep, struct span *piece);

/* Takes one line off, without its "\n" (a "\r" before it stays); false at the end. */
bool span_line(struct span *rest, struct span *line);

/* Takes one word (no blanks) off; false when only blanks are left. */
bool span_word(struct span *rest, struct span *word);

/* Cuts at the first sep; false (head = whole, tail empty) when there is none. */
bool span_cut(struct span a, char sep, struct span *head, struct span *tail);

/* Takes prefix off when it is there. */
bool span_take(struct span *rest, const char *prefix);

/* Whole text, decimal digits only, range checked. -1: not such a number (no err: the caller
 * knows what it was reading). */
int span_to_u64(uint64_t *out, struct span s) MUST_CHECK;
int span_to_i64(int64_t *out, struct span s) MUST_CHECK;    /* one leading '-' allowed */
int span_to_octal(uint32_t *out, struct span s) MUST_CHECK; /* at most 07777 */

/* "128m" "1g" "512mb" "512Mi" "512MiB" "4096": binary units, as docker's RAMInBytes. */
int span_to_size(uint64_t *out, struct span s) MUST_CHECK;

/* Go durations "1h2m3.5s" "300ms" "0": nanoseconds. A bare number other than 0 is refused,
 * and so is a sign: every duration here is something to wait. */
int span_to_duration_ns(int64_t *out, struct span s) MUST_CHECK;

/* Length of the valid UTF-8 character s begins with; 0: none (or s is empty). */
size_t utf8_len(struct span s);
/* Length of what a terminal would act on at its beginning: a control character, U+009B as well as ESC, or a byte
 * that is no character; 0: a character to be shown (or s is empty). */
size_t utf8_control_len(struct span s);
/* Each byte of those becomes '?'. */
void utf8_make_plain(char *text);

#endif
