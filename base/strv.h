/*
 * A list of strings, NULL terminated, so that v is an argv or environ.
 * Owns its strings. A strv of all zero bytes is an empty list (v is NULL then).
 */
#ifndef BASE_STRV_H
#define BASE_STRV_H

#include "base/cc.h"
#include "base/span.h"

struct strv {
	char **v;
	size_t n, cap;
};

#define STRV_INIT ((struct strv){ 0 })

void strv_release(struct strv *s);
void strv_add(struct strv *s, const char *text);
void strv_add_span(struct strv *s, struct span text);
void strv_addf(struct strv *s, const char *fmt, ...) PRINTF_FMT(2, 3);
void strv_take(struct strv *s, char *text);		  /* text is the list's from here on */
void strv_copy(struct strv *to, const struct strv *from); /* adds all of from */
void strv_remove(struct strv *s, size_t i);
bool strv_has(const struct strv *s, const char *text);
void strv_sort(struct strv *s); /* by bytes */
char *strv_join(const struct strv *s, const char *sep) MUST_CHECK;

/* Lists of KEY=VALUE (environments, labels). */
const char *strv_env_get(const struct strv *s, const char *key); /* NULL: not there */
void strv_env_set(struct strv *s, const char *key,
		  const char *value); /* in place, else at the end */
void strv_env_unset(struct strv *s, const char *key);

#define auto_strv CLEANUP(strv_release)

#endif
