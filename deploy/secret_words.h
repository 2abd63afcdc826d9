/*
 * What sounds like a secret in a text besides names (base/secret_name.h): the one table of values, forms and options
 * that all who show something go by. Pure.
 */
#ifndef DEPLOY_SECRET_WORDS_H
#define DEPLOY_SECRET_WORDS_H

#include "base/span.h"

/*
 * Does it begin with what only secrets begin with: a password's hash, a token of GitLab's, a key in PEM; or is it long,
 * and looks as if it were drawn at random? apart: no letter or digit stands in front of it.
 */
bool deploy_begins_secret(struct span text, bool apart);

/* Does the name name a secret, and is this one? Not "true", nor "ldap" of AUTH. */
bool deploy_is_secret(struct span name, struct span value);

/* The same of the value that the text begins with: not {"auth":true}; on/abc, which goes on, is one. */
bool deploy_begins_secret_of(struct span name, struct span text);

/* A value that is none: a switch; unless surely, for its name may mean other things, also "ldap", "30m". */
bool deploy_value_is_open(struct span value, bool surely);

/* "password: must be longer" */
bool deploy_begins_reason(struct span word);

/* Words that stand in front of credentials: Bearer, Basic. */
bool deploy_is_auth_scheme(struct span word);

/* What an option says of its value; what follows means more. */
enum secret_option {
	OPTION_OPEN, /* nothing */
	/* it is a password where a user was named before, unless it is a port, a path or an option */
	OPTION_PERHAPS,
	OPTION_PAIR, /* so is what stands behind its colon or percent sign */
	OPTION_SECRET,
};

struct secret_value {
	enum secret_option means;
	size_t from; /* where in the option's word it begins; the word's length: it is the next word */
};

/* The program of that name, where that matters for its options; NULL: none of those. Static. */
struct secret_program;
const struct secret_program *deploy_secret_program(struct span name);
/* program: NULL: any; not surely: it, or any. */
struct secret_value deploy_secret_option(const struct secret_program *program, bool surely,
					 struct span word);

/* What it is called with begins with another program: sudo, sh. */
bool deploy_runs_another(struct span name);
/* A program follows this option: sh -c, find -exec. */
bool deploy_runs_next(struct span option);

#endif
