/*
 * Variables and quotes in one word: $VAR ${VAR} ${VAR:-x}, '…' "…" and the
 * escape character (as docker's shell/lex does: unset is empty, values are
 * not split again in the single-word form).
 */
#ifndef OCI_DOCKERFILE_EXPAND_H
#define OCI_DOCKERFILE_EXPAND_H

#include "base/err.h"
#include "base/strv.h"

#define DOCKERFILE_WORD_MAX (1u << 20) /* an expanded word beyond this is refused */

/* env: KEY=VALUE. Result owned by the caller; errors carry no line: the caller wraps. */
int dockerfile_expand(char **out, const char *word, const struct strv *env, char escape,
		      struct err *e) MUST_CHECK;
/* The same, but an unquoted value with blanks becomes several words (EXPOSE). */
int dockerfile_expand_words(struct strv *out, const char *word, const struct strv *env, char escape,
			    struct err *e) MUST_CHECK;

#endif
