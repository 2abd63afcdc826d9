/*
 * Bytes being put together, with a ceiling that is part of the buffer.
 *
 *	auto_buf struct buf b = BUF_INIT(MANIFEST_MAX);
 *	buf_add_str(&b, "{"); buf_addf(&b, "%d", 1);
 *	if (b.over) return err_set(e, …);	// somebody wanted more than the ceiling
 *	use(b.data, b.len);
 *
 * Adding never fails; past the ceiling nothing is added and `over` stays set.
 * data is always terminated (a NUL behind len) once something was added, and
 * buf_str() is never NULL.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>

#include "base/cc.h"
#include "base/span.h"

struct buf {
	char *data;
	size_t len, cap, max;
	bool over;
};

#define BUF_INIT(ceiling) ((struct buf){ .max = (ceiling) })
#define BUF_SMALL	  (1u << 20) /* ceiling for names, lines, messages */

void buf_init(struct buf *b, size_t max);
void buf_release(struct buf *b);
void buf_reset(struct buf *b); /* empty again, memory kept */
void buf_add(struct buf *b, const void *p, size_t n);
void buf_add_str(struct buf *b, const char *s);
void buf_add_span(struct buf *b, struct span s);
void buf_add_char(struct buf *b, char c);
void buf_addf(struct buf *b, const char *fmt, ...) PRINTF_FMT(2, 3);
void buf_vaddf(struct buf *b, const char *fmt, va_list ap) PRINTF_FMT(2, 0);
/* A JSON string literal with its quotes; bytes that are not UTF-8 become U+FFFD. */
void buf_add_json(struct buf *b, const char *s);
const char *buf_str(const struct buf *b);
struct span buf_span(const struct buf *b);
char *buf_steal(struct buf *b) MUST_CHECK; /* terminated; the buffer is empty after it */

#define auto_buf CLEANUP(buf_release)

#endif
