/*
 * Whose services these are, and which deploy wrote them: labels of every service and
 * of the objects that locks and histories are kept in. Pure.
 *
 * A project may deploy several files, from several folders (a monorepo) and to several environments of one swarm.
 * `scope` tells them apart: what is removed by --prune, locked and remembered is always of
 * one scope only; who a service belongs to is the project's affair.
 */
#ifndef DEPLOY_OWNER_H
#define DEPLOY_OWNER_H

#include <jansson.h>

#include "base/err.h"

/* Labels of ours begin with this. */
#define DEPLOY_LABEL_PREFIX   "io.cdeploy."
#define DEPLOY_LABEL_PROJECT  DEPLOY_LABEL_PREFIX "project"
#define DEPLOY_LABEL_HASH     DEPLOY_LABEL_PREFIX "hash"
#define DEPLOY_LABEL_SCOPE    DEPLOY_LABEL_PREFIX "scope"
#define DEPLOY_LABEL_REVISION DEPLOY_LABEL_PREFIX "revision"
/* of a rollback: the revision that it goes back to */
#define DEPLOY_LABEL_BACK_TO  DEPLOY_LABEL_PREFIX "back-to"
#define DEPLOY_LABEL_COMMIT   DEPLOY_LABEL_PREFIX "commit"
#define DEPLOY_LABEL_PIPELINE DEPLOY_LABEL_PREFIX "pipeline"

/* NULL: not known. All borrowed. */
struct deploy_owner {
	const char *project;
	const char *scope; /* "svc-a@staging"; NULL: the project has but one */
	const char *commit, *pipeline;
	uint64_t revision; /* of the history; 0: none */
	uint64_t back_to;  /* that a rollback goes back to; 0: it is none */
	bool allow_older;  /* --allow-older */
	bool recreate;	   /* --recreate */
};

/* The labels that say who: project and scope. Into an object of labels. */
void deploy_owner_label(json_t *labels, const struct deploy_owner *o);
/* And those that say which deploy it was; they may differ without anything having changed. */
void deploy_owner_label_deploy(json_t *labels, const struct deploy_owner *o);
void deploy_owner_unlabel_deploy(json_t *labels);

/* NULL: no such label. Borrowed from the spec (of a service, or of a config). */
const char *deploy_label(const json_t *spec, const char *key);

enum deploy_ownership {
	DEPLOY_NOBODYS,
	DEPLOY_OURS,   /* the project's */
	DEPLOY_THEIRS, /* another project's */
};
enum deploy_ownership deploy_owner_of(const json_t *spec, const struct deploy_owner *o);
/* The project's, and of this scope. */
bool deploy_owner_has(const json_t *spec, const struct deploy_owner *o);

/* Is the spec from a later pipeline than o's? Where one of the two has no number: no. */
bool deploy_owner_is_older(const struct deploy_owner *o, const json_t *spec);

/* What names of objects are made of: at most 45 letters, digits and '-', different for
 * different projects and scopes. Owned by the caller. */
char *deploy_owner_key(const struct deploy_owner *o) MUST_CHECK;

#endif
