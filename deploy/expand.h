/*
 * What the shell did to every value of an orcinus.yml, without a shell: quotes
 * go, ${VAR} forms are filled in, nothing is ever executed. Characters that would
 * have made a shell do something (; & | < > ` $( …) stand for themselves.
 *
 * Quotes and backslashes are undone only in a text where they are balanced;
 * "it's" stays as it is. $V ${V} ${V:-d} ${V-d} ${V:?e} ${V?e} ${V:+a} ${V+a} are
 * known; another ${V…} form is ERR_INPUT, and so is an empty ${V:?e}.
 *
 * Compose files know the same forms and nothing else: that is another grammar of the same reader.
 */
#ifndef DEPLOY_EXPAND_H
#define DEPLOY_EXPAND_H

#include "base/cc.h"
#include "base/err.h"
#include "base/strv.h"

#define DEPLOY_EXPAND_MAX (4u << 20) /* bytes made in one file */

enum expand_grammar {
	EXPAND_SHELL,
	EXPAND_COMPOSE, /* ${VAR} forms only; "$$" is a '$', another '$' is ERR_INPUT */
	EXPAND_QUOTES,	/* quotes and backslashes only */
};

struct expand {
	const struct strv *env; /* KEY=VALUE; borrowed */
	size_t made;		/* bytes so far */
	struct strv
		unset; /* names used with neither a value nor a default, each once, not all of many */
	struct strv used; /* names whose values were looked up and are there, each once */
	char literal[3];  /* the first shell character taken literally; "" none */
	enum expand_grammar grammar;
};

#define EXPAND_INIT(env_) ((struct expand){ .env = (env_) })
void expand_release(struct expand *x);

/* One text in, one out. */
int expand_text(char **out, struct expand *x, const char *text, struct err *e) MUST_CHECK;
/* The same with blanks outside of quotes splitting it into words, added to out. */
int expand_words(struct strv *out, struct expand *x, const char *text, struct err *e) MUST_CHECK;

#define auto_expand CLEANUP(expand_release)

#endif
