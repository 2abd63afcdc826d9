/*
 * Two ServiceSpecs compared for what they mean: the engine gives a spec back with its
 * defaults filled in and empty parts dropped or added, so bytes say nothing.
 * Of our labels only the project counts: the others say what was wanted, when and by
 * which deploy, not what is. Pure.
 */
#ifndef DEPLOY_DIFF_H
#define DEPLOY_DIFF_H

#include <jansson.h>

#include "base/strv.h"

/* New reference: defaults filled in, what says nothing dropped. */
json_t *deploy_spec_normal(const json_t *spec) MUST_CHECK;
bool deploy_spec_equal(const json_t *a, const json_t *b);
/* Adds a word for each part that differs: "image", "environment", … Values are not told: an
 * environment holds secrets. */
void deploy_spec_diff(struct strv *words, const json_t *want, const json_t *have);

#endif
