/*
 * Two kinds of file have one name: the legacy orcinus.yml and compose. Which one it is shows in
 * its keys; this is the door for whoever has a file and wants a stack.
 */
#ifndef DEPLOY_DIALECT_H
#define DEPLOY_DIALECT_H

#include "deploy/compose.h"

enum deploy_dialect { DEPLOY_DIALECT_AUTO, DEPLOY_DIALECT_LEGACY, DEPLOY_DIALECT_COMPOSE };

/*
 * dialect: AUTO looks at the first file. *said: what was decided and why, for the user, owned by the
 * caller; set also when reading fails afterwards. ERR_INPUT: a Kubernetes document, or more than one
 * legacy file; and what the readers say.
 */
int deploy_stack_read(struct deploy_stack *out, char **said, const struct compose_input *in,
		      enum deploy_dialect dialect, struct strv *warnings, struct err *e) MUST_CHECK;

#endif
