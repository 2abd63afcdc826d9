/*
 * What a name in FROM, --from= and from= means, as seen from one stage of the file.
 */
#ifndef OCI_DOCKERFILE_PLAN_NAMES_H
#define OCI_DOCKERFILE_PLAN_NAMES_H

#include "oci/dockerfile/plan.h"

struct planner {
	const struct dockerfile *df;
	const struct plan_options *opt;
	const struct oci_platform *platform; /* what is built for */
	/* while planning: all stages of the file, in its order */
	struct plan_stage *stages;
	size_t nr;
	struct strv globals;
	size_t nr_triggers; /* taken by now */
};

/* The named context that stands for this name; NULL: none does. Borrowed from the options. */
const char *plan_find_context(const struct planner *p, const char *name);
/* The last stage of that name among those before `end`; false: none. */
bool plan_find_stage(const struct planner *p, const char *name, size_t end, size_t *out);

/* A name as seen from stage `at`. */
int plan_resolve_name(const struct planner *p, struct plan_source *out, const char *name, size_t at,
		      struct err *e) MUST_CHECK;
/* The same where a number is a stage's, too. verb, for messages: "copy" or "mount". */
int plan_resolve_from(const struct planner *p, struct plan_source *out, const char *verb,
		      const char *from, size_t at, struct err *e) MUST_CHECK;

bool plan_is_number(const char *s);
void plan_source_set(struct plan_source *out, enum plan_from kind, const char *ref);
void plan_source_release(struct plan_source *s);

#endif
