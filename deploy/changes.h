/*
 * From the spec a service has to the one it is to have, field by field, for people: what it
 * was, what it will be, and what that costs. Pure.
 *
 * Values of environment variables are never in it, nor what sounds like a secret elsewhere
 * (mask.h): they are told as "***".
 */
#ifndef DEPLOY_CHANGES_H
#define DEPLOY_CHANGES_H

#include <jansson.h>

#include "deploy/state.h"

enum change_cost {
	CHANGE_FREE,	 /* running tasks go on */
	CHANGE_MOVES,	 /* tasks go on where their node still fits */
	CHANGE_RESTARTS, /* every task is replaced */
};

struct spec_change {
	char *field;	 /* "image", "environment DEBUG", "port 80/tcp" */
	char *old, *new; /* NULL: not there. To be shown */
	enum change_cost cost;
};

struct spec_changes {
	struct spec_change *v;
	size_t nr, cap;
};

/*
 * have NULL: a service that is to be created. Those of `want` come in the order they have there,
 * then what goes away. names: networks by id; NULL: ids are shown.
 */
void spec_changes_find(struct spec_changes *out, const json_t *have, const json_t *want,
		       const struct engine_state *names);
enum change_cost spec_changes_cost(const struct spec_changes *c);
void spec_changes_release(struct spec_changes *c);
#define auto_spec_changes CLEANUP(spec_changes_release)

/* "host/app:latest@sha256:0123456789ab": a digest's first twelve. Owned by the caller. */
char *spec_short_image(const char *image) MUST_CHECK;

#endif
