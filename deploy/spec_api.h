/*
 * What of a ServiceSpec only newer engines know: an older one drops it without a word. Pure.
 */
#ifndef DEPLOY_SPEC_API_H
#define DEPLOY_SPEC_API_H

#include <jansson.h>

#include "base/err.h"

/* minor: of the API 1.x that is spoken. ERR_INPUT: it does not know all of the spec, and the text says what. */
int deploy_spec_fits_api(const json_t *spec, unsigned minor, struct err *e) MUST_CHECK;

#endif
