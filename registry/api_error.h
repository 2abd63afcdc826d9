/*
 * An answer that is not what was asked for, told in one line: the status, the
 * registry's own words (distribution-spec, "error codes"), and for a refusal whose
 * credentials they were.
 */
#ifndef REGISTRY_API_ERROR_H
#define REGISTRY_API_ERROR_H

#include "base/http.h"
#include "registry/credentials.h"

/*
 * Always -1. 401, 403: ERR_DENIED. 404: ERR_ABSENT. 5xx: ERR_UNAVAILABLE. Else ERR_FAILED.
 * who: whose credentials these were (only the origin is told); NULL: none were asked for.
 */
int registry_api_error(struct err *e, const struct http_response *rs, const struct credentials *who,
		       const char *host);

/* Only the registry's own words; nothing, where it has none. */
void registry_api_words(struct buf *out, const struct http_response *rs);
/* Is this one of the codes that it names ("NAME_UNKNOWN")? */
bool registry_api_has_code(const struct http_response *rs, const char *code);
/* The digests in the details of its errors: of what a manifest names and the registry misses. */
void registry_api_missing(struct strv *out, const struct http_response *rs);

#endif
