/*
 * Variables and quotes in one word, as docker's shell/lex does it: $VAR ${VAR},
 * ${VAR:-x} ${VAR-x} ${VAR:+x} ${VAR+x} ${VAR:?x} ${VAR?x}, ${VAR#p} ${VAR##p} ${VAR%p} ${VAR%%p},
 * ${VAR/p/r} ${VAR//p/r} (p: pattern.h), '…' "…" and the escape character. Unset is empty; values
 * are not read again.
 *
 * Two differences: a '$' in r is a '$', and '*' and '?' match line ends, too.
 */
#ifndef OCI_DOCKERFILE_EXPAND_H
#define OCI_DOCKERFILE_EXPAND_H

#include "base/err.h"
#include "base/strv.h"

#define DOCKERFILE_WORD_MAX (1u << 20) /* an expanded word beyond this is refused */
#define DOCKERFILE_BODY_MAX (8u << 20) /* the same for a here-document */

/*
 * env: KEY=VALUE. Result owned by the caller; errors carry no line: the caller wraps. They say
 * which word they are about.
 */
int dockerfile_expand(char **out, const char *word, const struct strv *env, char escape,
		      struct err *e) MUST_CHECK;
/* The same, but an unquoted value with blanks becomes several words (EXPOSE). */
int dockerfile_expand_words(struct strv *out, const char *word, const struct strv *env, char escape,
			    struct err *e) MUST_CHECK;
/* The body of a here-document of COPY or ADD: quotes are text, and '\' is what escapes, always. */
int dockerfile_expand_body(char **out, const char *body, const struct strv *env, struct err *e)
	MUST_CHECK;

/* What is wrong with a word (a body) whatever the variables are; ${x:?} is not. */
int dockerfile_expand_check(const char *word, char escape, struct err *e) MUST_CHECK;
int dockerfile_expand_body_check(const char *body, struct err *e) MUST_CHECK;

/*
 * Adds the names that word uses and env does not have, each once. Not those in ${x:-…}, ${x:+…},
 * ${x:?…} and the like: who writes that knows that they may be unset.
 */
void dockerfile_unset_names(struct strv *out, const char *word, const struct strv *env,
			    char escape);

#endif
