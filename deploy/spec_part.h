/*
 * What the files that write a ServiceSpec share: putting JSON together without a
 * way to fail, and the part of the spec that has a file of its own.
 */
#ifndef DEPLOY_SPEC_PART_H
#define DEPLOY_SPEC_PART_H

#include <jansson.h>

#include "deploy/service.h"

void spec_set(json_t *o, const char *key, json_t *v); /* takes v */
void spec_append(json_t *a, json_t *v);		      /* takes v */

/* Each is left out when it says nothing: NULL, "", 0, false, an empty list. */
void spec_set_text(json_t *o, const char *key, const char *text);
void spec_set_number(json_t *o, const char *key, int64_t n);
void spec_set_true(json_t *o, const char *key, bool yes);
void spec_set_list(json_t *o, const char *key, const struct strv *list);
void spec_set_map(json_t *o, const char *key, const struct strv *map);

/* KEY=VALUE lines as an object, sorted; the first '=' divides. New reference. */
json_t *spec_map(const struct strv *map) MUST_CHECK;

/* TaskTemplate.ContainerSpec. New reference. */
json_t *spec_container(const struct deploy_service *s) MUST_CHECK;

#endif
