/*
 * Memory: every allocation succeeds or the program ends with one line (exit
 * status 1), so callers do not test for NULL. That is safe because sizes that
 * come from outside are bounded before they get here (struct buf, *_MAX).
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include "base/cc.h"

void *mem_alloc(size_t n) MUST_CHECK;
void *mem_zalloc(size_t n) MUST_CHECK;			     /* zeroed */
void *mem_resize(void *p, size_t n, size_t size) MUST_CHECK; /* n items; overflow checked */
/* For what is going to be filled: in huge pages as far as these go. A page costs more to get than to fill, a huge
 * one little more than a small one. */
void *mem_alloc_large(size_t n) MUST_CHECK;
char *mem_strdup(const char *s) MUST_CHECK; /* NULL gives NULL */
char *mem_strndup(const char *s, size_t n) MUST_CHECK;
char *mem_printf(const char *fmt, ...) PRINTF_FMT(1, 2)
MUST_CHECK;

/* Grow `*items` (n used, *cap allocated) so that one more fits. */
#define MEM_GROW(items, n, cap)                                                                    \
	do {                                                                                       \
		if ((n) == (cap)) {                                                                \
			(cap) = (cap) ? 2 * (cap) : 8;                                             \
			(items) = mem_resize((items), (cap), sizeof(*(items)));                    \
		}                                                                                  \
	} while (0)

#endif
