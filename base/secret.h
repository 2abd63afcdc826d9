/*
 * Memory that held a password or a token is wiped before it is given back.
 */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include "base/buf.h"
#include "base/cc.h"
#include "base/err.h"
#include "base/strv.h"

static inline MAYBE_UNUSED void secret_free(char *s)
{
	if (s)
		explicit_bzero(s, strlen(s));
	free(s);
}

static inline MAYBE_UNUSED void secret_auto_(char **s)
{
	secret_free(*s);
}
#define auto_secret CLEANUP(secret_auto_)

static inline MAYBE_UNUSED void secret_buf_auto_(struct buf *b)
{
	if (b->data)
		explicit_bzero(b->data, b->len);
	buf_release(b);
}
#define auto_secret_buf CLEANUP(secret_buf_auto_)

static inline MAYBE_UNUSED void secret_strv_auto_(struct strv *s)
{
	for (size_t i = 0; i < s->n; i++)
		explicit_bzero(s->v[i], strlen(s->v[i]));
	strv_release(s);
}
#define auto_secret_strv CLEANUP(secret_strv_auto_)

/* The JSON reader quotes the place where a text is wrong; of these texts nothing is quoted. */
static inline MAYBE_UNUSED void secret_unquote_err(struct err *e)
{
	char *quote = strstr(e->text, " near ");

	if (quote)
		*quote = '\0';
}

#endif
