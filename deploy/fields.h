/*
 * A ServiceSpec as a flat list of fields with names that people know and values as text. Pure.
 */
#ifndef DEPLOY_FIELDS_H
#define DEPLOY_FIELDS_H

#include "deploy/changes.h"

struct spec_field {
	char *name;  /* several may have the same one: ports */
	char *value; /* whole: to compare. May be a secret */
	char *shown; /* to print */
	enum change_cost cost;
	bool taken; /* by whoever compares */
};

struct spec_fields {
	const struct engine_state *names; /* borrowed; NULL: none */
	struct spec_field *v;
	size_t nr, cap;
};

/* f->names is set before. In the spec's order. */
void spec_fields_read(struct spec_fields *f, const json_t *spec);
void spec_fields_release(struct spec_fields *f);
#define auto_spec_fields CLEANUP(spec_fields_release)

#endif
