/*
 * The engine's configs as places for notes of ours: a name is taken once only (the
 * test-and-set of locks), labels can be changed by whoever knows the version (the
 * compare-and-set of it), and every manager sees the same.
 *
 * Anybody who may use the engine can read them: no secret goes there.
 */
#ifndef DEPLOY_CONFIG_OBJECT_H
#define DEPLOY_CONFIG_OBJECT_H

#include <jansson.h>

#include "base/err.h"
#include "base/op.h"
#include "base/span.h"
#include "deploy/engine.h"

#define CONFIG_OBJECT_MAX (1000u * 1024 - 1) /* bytes that the engine takes */

struct config_object {
	char *id;
	uint64_t version;
	json_t *spec; /* Name, Labels, Data (base64) */
};

int config_object_read(struct config_object *out, const json_t *o, struct err *e) MUST_CHECK;
/* ERR_FAILED: also when there is one of that name. */
int config_object_create(char **id, struct op *op, struct engine *eng, const char *name,
			 const json_t *labels, struct span data, struct err *e) MUST_CHECK;
/* ERR_ABSENT: no such object. */
int config_object_get(struct config_object *out, struct op *op, struct engine *eng,
		      const char *name, struct err *e) MUST_CHECK;
/* ERR_FAILED: somebody was faster. The object's version is not the present one afterwards. */
int config_object_relabel(struct op *op, struct engine *eng, const struct config_object *o,
			  const json_t *labels, struct err *e) MUST_CHECK;
/* Already gone is fine. */
int config_object_remove(struct op *op, struct engine *eng, const char *id, struct err *e)
	MUST_CHECK;

void config_object_release(struct config_object *o);
#define auto_config_object CLEANUP(config_object_release)

#endif
