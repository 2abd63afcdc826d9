/*
 * What must not be shown: names that sound like secrets, and values inside of texts that are
 * shown (commands, labels, options). Rather too much is hidden than too little. Pure.
 */
#ifndef DEPLOY_MASK_H
#define DEPLOY_MASK_H

#include "base/span.h"

#define MASKED "***"

/* DB_PASSWORD, api-key, traefik.http.middlewares.x.basicauth.users. Not KEYCLOAK_URL. */
bool mask_is_secret_name(struct span name);

/*
 * A copy with values hidden: of --password=x, --password x, token=x, of a URL's user:password@,
 * of what follows Bearer and Basic, of password hashes. Blanks stay as they are.
 */
char *mask_text(struct span text) MUST_CHECK;

#endif
