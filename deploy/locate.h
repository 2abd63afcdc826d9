/*
 * Which file a deploy is about.
 */
#ifndef DEPLOY_LOCATE_H
#define DEPLOY_LOCATE_H

#include "base/cc.h"
#include "base/err.h"

struct deploy_wanted {
	int dirfd;	  /* where to look */
	const char *dir;  /* its name, for messages */
	const char *file; /* -f: exactly this one, relative to dirfd; NULL: the usual names */
	const char *env;  /* --env NAME: orcinus-NAME.yml before orcinus.yml; NULL: none */
	/* CI_ENVIRONMENT_NAME, used up to its first '/' where there is no --env; NULL: none */
	const char *job_env;
	bool is_production; /* by all that is known of the environment (gate.h), not only by its name */
};

/*
 * *out: the name to open in dirfd, owned by the caller. orcinus.yml, .yaml, .json in
 * this order; NAME in any case. *note, owned by the caller, too: an environment has no file of its own, though others
 * have; else it is left as it is. ERR_ABSENT: none is there, and which names were tried. ERR_INPUT: NAME cannot
 * be part of a file name, what is there is no regular file, or it is production and has a file, but by another name.
 */
int deploy_locate(char **out, char **note, const struct deploy_wanted *want, struct err *e)
	MUST_CHECK;

#endif
