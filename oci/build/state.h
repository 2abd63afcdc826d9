/*
 * What instructions change as a stage goes on: the image's configuration, and the variables that
 * $NAME and RUN see. Those are one list, whoever wrote last (ENV or ARG); the configuration only
 * gets ENV's. Owns everything in it.
 */
#ifndef OCI_BUILD_STATE_H
#define OCI_BUILD_STATE_H

#include "oci/image/config.h"

struct state_options {		       /* borrowed; of all stages of one target */
	const struct strv *build_args; /* KEY=VALUE */
	const struct strv *globals;    /* what a bare ARG imports, KEY=VALUE */
	char escape;
};

struct state {
	const struct state_options *opt;
	struct oci_config *config;
	struct strv env;  /* KEY=VALUE: variables as they are now */
	struct strv args; /* declared ARGs in order: "NAME" or "NAME=value" */
	bool has_own_cmd; /* CMD was given in this stage */
};

/* FROM scratch. */
void state_init_scratch(struct state *s, const struct state_options *opt,
			const struct oci_platform *platform);
/* FROM an image. Its triggers (ONBUILD) are not in the configuration any more. */
void state_init_image(struct state *s, const struct state_options *opt,
		      const struct oci_config *base);
/* FROM an earlier stage: its ARGs are seen, too. */
void state_init_stage(struct state *s, const struct state_options *opt, const struct state *base);
void state_release(struct state *s);

/* A word with variables and quotes; NULL: e says why. Owned by the caller. */
char *state_expand(const struct state *s, const char *word, struct err *e) MUST_CHECK;

void state_env(struct state *s, const char *key, const char *value); /* ENV */
/* What --build-arg says; NULL: nothing. Borrowed. */
const char *state_arg_given(const struct state *s, const char *name);
/* ARG. *value: what it is from here on, NULL: not set; borrowed until the next change. */
void state_arg(struct state *s, const char *name, const char *dflt, const char **value);

/* The variables of a RUN: all of s, and the proxies given with --build-arg in both spellings. */
void state_run_env(struct strv *out, const struct state *s);

/* The directory that relative paths are below, "/" at least. Borrowed. */
const char *state_workdir(const struct state *s);
/* An absolute, clean path: relative ones are below the working directory. Owned by the caller. */
char *state_path(const struct state *s, const char *path) MUST_CHECK;

/* "|2 A=1 B= ": the ARGs as RUN's history shows them; "" without. Owned by the caller. */
char *state_arg_prefix(const struct state *s) MUST_CHECK;

#endif
