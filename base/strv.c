/*
 * Lists of strings. The array always has one slot more than strings, holding
 * the NULL that argv and environ end in.
 */
#include "base/strv.h"

#include <stdarg.h>

#include "base/buf.h"
#include "base/mem.h"

void strv_release(struct strv *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i]);
	free(s->v);
	*s = (struct strv){ 0 };
}

void strv_take(struct strv *s, char *text)
{
	if (s->n + 1 >= s->cap) {
		s->cap = s->cap ? 2 * s->cap : 8;
		s->v = mem_resize(s->v, s->cap, sizeof(*s->v));
	}
	s->v[s->n++] = text;
	s->v[s->n] = NULL;
}

void strv_add(struct strv *s, const char *text)
{
	strv_take(s, mem_strdup(text));
}

void strv_add_span(struct strv *s, struct span text)
{
	strv_take(s, span_dup(text));
}

void strv_addf(struct strv *s, const char *fmt, ...)
{
	auto_buf struct buf b = BUF_INIT(SIZE_MAX);
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&b, fmt, ap);
	va_end(ap);
	strv_take(s, buf_steal(&b));
}

void strv_copy(struct strv *to, const struct strv *from)
{
	size_t n = from->n; /* a list may be added to itself */

	for (size_t i = 0; i < n; i++)
		strv_add(to, from->v[i]);
}

void strv_remove(struct strv *s, size_t i)
{
	free(s->v[i]);
	memmove(s->v + i, s->v + i + 1, (s->n - i) * sizeof(*s->v)); /* with the NULL */
	s->n--;
}

bool strv_has(const struct strv *s, const char *text)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->v[i], text) == 0)
			return true;
	return false;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void strv_sort(struct strv *s)
{
	if (s->n)
		qsort(s->v, s->n, sizeof(*s->v), by_bytes);
}

char *strv_join(const struct strv *s, const char *sep)
{
	auto_buf struct buf b = BUF_INIT(SIZE_MAX);

	for (size_t i = 0; i < s->n; i++) {
		if (i)
			buf_add_str(&b, sep);
		buf_add_str(&b, s->v[i]);
	}
	return buf_steal(&b);
}

/* The first entry of key at or after from; s->n when there is none. */
static size_t env_find(const struct strv *s, const char *key, size_t from)
{
	size_t len = strlen(key);

	while (from < s->n && (strncmp(s->v[from], key, len) != 0 || s->v[from][len] != '='))
		from++;
	return from;
}

const char *strv_env_get(const struct strv *s, const char *key)
{
	size_t i = env_find(s, key, 0);

	return i < s->n ? s->v[i] + strlen(key) + 1 : NULL;
}

void strv_env_set(struct strv *s, const char *key, const char *value)
{
	size_t i = env_find(s, key, 0);
	char *entry = mem_printf("%s=%s", key, value); /* before: value may be in the list */

	if (i == s->n) {
		strv_take(s, entry);
		return;
	}
	free(s->v[i]);
	s->v[i] = entry;
}

void strv_env_unset(struct strv *s, const char *key)
{
	for (size_t i = 0; (i = env_find(s, key, i)) < s->n;)
		strv_remove(s, i);
}
