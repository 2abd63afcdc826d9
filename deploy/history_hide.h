/*
 * Values that are not to be read in a record of the history: whoever may use the engine can read it,
 * years later. In their place stands {"sha256":…}, of a salt and the text; who still has the value finds it
 * again by that.
 *
 * Looked at is where users write what they like: variables, labels, commands, health checks, options. What
 * sounds like a secret there by deploy/mask.h is hidden; rather too much than too little. Pure.
 */
#ifndef DEPLOY_HISTORY_HIDE_H
#define DEPLOY_HISTORY_HIDE_H

#include <jansson.h>

#include "base/err.h"
#include "base/strv.h"

void deploy_hide(json_t *spec, const char *salt);
/* For people: *** stands in the place of the same values, or of what may not be read of them; addresses lose who
 * logs in. Then the hash of all is hidden, too. */
void deploy_hide_from_view(json_t *spec);

/* All that may stand for a hidden value: each text at those places of the spec. */
void deploy_hide_known(struct strv *known, const json_t *spec);

/*
 * Puts values back, out of known. ERR_FAILED: one is not there, and the text names it. ERR_CORRUPT: what
 * stands there is neither a text nor such a mark.
 */
int deploy_reveal(json_t *spec, const char *salt, const struct strv *known, struct err *e)
	MUST_CHECK;

#endif
