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
};

/*
 * *out: the name to open in dirfd, owned by the caller. orcinus.yml, .yaml, .json in
 * this order. ERR_ABSENT: none is there, and which names were tried. ERR_INPUT: NAME cannot
 * be part of a file name, or what is there is no regular file.
 */
int deploy_locate(char **out, const struct deploy_wanted *want, struct err *e) MUST_CHECK;

#endif
