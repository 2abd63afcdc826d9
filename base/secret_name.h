/*
 * Names that people give to what nobody else may know: the one table of them, whatever is shown. Pure.
 */
#ifndef BASE_SECRET_NAME_H
#define BASE_SECRET_NAME_H

#include "base/span.h"

/*
 * DB_PASSWORD, apiKey, JWT_SECRET, REDIS_AUTH, X-Amz-Signature,
 * traefik.http.middlewares.x.basicauth.users. Not KEYCLOAK_URL, AUTH_URL, OAUTH_CLIENT_ID.
 */
bool names_secret(struct span name);

/* Nothing else is called so: DB_PASSWORD; not SMTP_AUTH, which may be "login" as well. */
bool names_secret_surely(struct span name);

/*
 * Does its end say so, too? What people write in front of a colon: DB_PASSWORD:, Authorization:. Not KeyError:,
 * token.service.ts:, auth: (a host).
 */
bool names_secret_at_end(struct span name);

#endif
