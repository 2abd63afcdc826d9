/*
 * What TLS with an engine needs: authorities and a client certificate, from three files. Owns what it
 * has read.
 */
#ifndef DEPLOY_ENGINE_TLS_H
#define DEPLOY_ENGINE_TLS_H

#include "base/http.h"

struct engine_tls {
	struct http_tls tls;
	char *cert, *key, *cert_name; /* what tls points to */
};

/*
 * Files, each NULL where there is none: with ca only those who are certified by it are trusted, without it those
 * that the machine trusts. ERR_INPUT, ERR_ABSENT, ERR_DENIED: of no use; e names the file.
 */
int engine_tls_read(struct engine_tls *out, const char *ca, const char *cert, const char *key,
		    struct err *e) MUST_CHECK;
void engine_tls_release(struct engine_tls *t);
#define auto_engine_tls CLEANUP(engine_tls_release)

#endif
