/*
 * Files of variables: `env_file` in a compose file, --env-file. One grammar for both:
 *
 *	# a comment; blank lines say nothing either
 *	KEY=value            blanks around the value go, and so does " # a comment"
 *	export KEY=value     the same
 *	KEY='as it is'       nothing acts
 *	KEY="a\n${VAR} b"    \n \r \t \" \\ \$ are undone
 *	KEY                  the variable of the environment, or nothing
 *
 * ${VAR} forms act outside of '…'; "$$" is a '$'. They see the environment, then what the file
 * has said so far. A value ends with its line.
 */
#ifndef DEPLOY_ENVFILE_H
#define DEPLOY_ENVFILE_H

#include "base/err.h"
#include "base/strv.h"

#define DEPLOY_ENVFILE_MAX (1u << 20)

/*
 * Sets KEY=VALUE in out. file: for messages. warnings gets a line for each KEY that nobody knows.
 * ERR_INPUT "FILE:LINE: …", never with a value in it.
 */
int deploy_envfile_read(struct strv *out, const char *file, struct span text,
			const struct strv *env, struct strv *warnings, struct err *e) MUST_CHECK;

#endif
