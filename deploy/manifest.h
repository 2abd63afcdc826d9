/*
 * orcinus.yml, legacy dialect, read into a deploy_stack: the pure half of
 * cdeploy (locate.h finds the file; yaml.h gives values with line numbers;
 * expand.h undoes quotes and ${VAR}).
 *
 * A key that is not known is a warning with its line; a value that cannot be used
 * is ERR_INPUT "orcinus.yml:12:9: services.app.ports[0]: …" with the line as its excerpt.
 */
#ifndef DEPLOY_MANIFEST_H
#define DEPLOY_MANIFEST_H

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"
#include "deploy/service.h"

struct deploy_input {
	const char *file; /* for messages */
	struct span text;
	const struct strv *env;	   /* KEY=VALUE: what ${VAR} means */
	const struct strv *images; /* --image: "[SERVICE=]REF" */
	/* IMAGE_REF: for the placeholder and services of the same repository; NULL, "": none */
	const char *image_ref;
	/* Stands for a placeholder that nobody fills, where nothing is to be deployed. NULL: such a one is an error */
	const char *stand_in;
	/* The file an env_file names; appends to out. NULL: none can be had. */
	int (*read_file)(void *arg, struct buf *out, const char *path, struct err *e);
	void *read_arg;
};

/* warnings: lines "orcinus.yml:7: …" are added to it. */
int deploy_manifest_read(struct deploy_stack *out, const struct deploy_input *in,
			 struct strv *warnings, struct err *e) MUST_CHECK;

#endif
