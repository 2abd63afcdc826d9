/*
 * docker's contexts: an engine's address and its certificates under a name, in the folder of docker's
 * settings (contexts/meta/SHA256-OF-NAME/meta.json, contexts/tls/SHA256-OF-NAME/docker/).
 */
#ifndef DEPLOY_ENGINE_CONTEXT_H
#define DEPLOY_ENGINE_CONTEXT_H

#include "base/cc.h"
#include "base/err.h"

struct engine_context {
	char *name;
	char *host;    /* its address */
	char *tls_dir; /* of ca.pem, cert.pem, key.pem; NULL: there is none */
};

/*
 * name NULL or empty: the one that config.json there calls current. *out is all zero when none is
 * chosen, or the one called "default". ERR_ABSENT: there is no such context.
 * ERR_INPUT: what describes it cannot be used.
 */
int engine_context_find(struct engine_context *out, const char *config_dir, const char *name,
			struct err *e) MUST_CHECK;
void engine_context_release(struct engine_context *c);
#define auto_engine_context CLEANUP(engine_context_release)

#endif
