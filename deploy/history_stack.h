/*
 * A stack as the data of a record, and back. Pure.
 *
 *	{"format":1,"salt":"…","stack":"shop",
 *	 "networks":[{"name":"shop",…}],			those that the stack makes
 *	 "services":[{"spec":{…},"depends_on":["db"],"auth":true}]}
 *
 * spec is the ServiceSpec before names became ids (deploy_spec_json), the image with its digest, without our labels,
 * secret values hidden (history_hide.h). Credentials for registries and the data of secrets and configs are not in
 * it: those objects are named, and stay in the swarm as long as a record names them.
 */
#ifndef DEPLOY_HISTORY_STACK_H
#define DEPLOY_HISTORY_STACK_H

#include <jansson.h>

#include "base/err.h"
#include "deploy/owner.h"
#include "deploy/service.h"

json_t *deploy_stack_body(const struct deploy_stack *s, const struct deploy_owner *o,
			  const char *salt) MUST_CHECK;

/*
 * known: texts that may stand for hidden values (deploy_hide_known). ERR_CORRUPT: the body is not what we write.
 * ERR_FAILED: a value is lost, and the text names service and variable.
 */
int deploy_stack_of_body(struct deploy_stack *out, const json_t *body, const struct strv *known,
			 struct err *e) MUST_CHECK;

/* Names and images of a body's services as "NAME=IMAGE", as far as it can be read; for people. */
void deploy_body_images(struct strv *out, const json_t *body);
/* Has it a service of that name? */
bool deploy_body_has(const json_t *body, const char *name);
/* The secrets and configs that it names, as "secret NAME" and "config NAME". */
void deploy_body_objects(struct strv *out, const json_t *body);

#endif
