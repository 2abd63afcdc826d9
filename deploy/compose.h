/*
 * The compose dialect: one or several files, a later one says more than those before it, read
 * into a deploy_stack as `docker stack deploy` would understand them. Pure but for read_file.
 *
 * A value that cannot be used, an unknown key, and a key whose loss would change what runs are
 * ERR_INPUT "orcinus.yml:12: services.app.ports[0]: …"; what a swarm has no use for is a
 * warning. docs/COMPOSE.md is the list.
 */
#ifndef DEPLOY_COMPOSE_H
#define DEPLOY_COMPOSE_H

#include "base/buf.h"
#include "deploy/manifest.h"

/* Everything that `docker stack ls`, ps and rm find again carries this label. */
#define DEPLOY_LABEL_NAMESPACE "com.docker.stack.namespace"
/* The whole hash of a secret or config, of which the name has the beginning. */
#define DEPLOY_LABEL_OBJECT_HASH "io.cdeploy.hash"

struct compose_input {
	/* At least one. env, images and image_ref of the first count for all. */
	const struct deploy_input *files;
	size_t nr;
	const char *stack; /* the stack's name when the files have no `name` */
	/* A file that is named in them: env_file, secrets, configs. Appends to out. */
	int (*read_file)(void *arg, struct buf *out, const char *path, struct err *e);
	void *read_arg;
};

/* warnings: lines "orcinus.yml:7: …" are added to it. */
int deploy_compose_read(struct deploy_stack *out, const struct compose_input *in,
			struct strv *warnings, struct err *e) MUST_CHECK;

/* What a name such as "Group/My App" is as a stack's: "My-App". Owned by the caller. */
char *deploy_compose_stack_name(const char *project) MUST_CHECK;

#endif
