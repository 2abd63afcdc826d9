/*
 * A plan for people and for programs: what would become of each service, each field that
 * differs, and what it costs. No secret is in it (changes.h). Pure.
 */
#ifndef DEPLOY_PLAN_TEXT_H
#define DEPLOY_PLAN_TEXT_H

#include "base/buf.h"
#include "deploy/reconcile.h"

struct plan_counts {
	size_t create, update, delete, unchanged;
};

/* Services only; networks that are made come with them. */
struct plan_counts deploy_plan_count(const struct deploy_plan *p);
/* Lines, the last without its end. */
void deploy_plan_text(struct buf *out, const struct deploy_plan *p, const struct engine_state *s);
/* {"create":1,…,"networks":[…],"services":[{"service","action","restarts","changes":[…]}]} */
json_t *deploy_plan_json(const struct deploy_plan *p, const struct engine_state *s) MUST_CHECK;

#endif
