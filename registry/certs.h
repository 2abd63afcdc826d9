/*
 * Certificates by registry, in the folders that docker and podman keep for them: in
 * certs.d/HOST[:PORT] each *.crt holds authorities that are trusted in addition, NAME.cert and NAME.key are
 * a client certificate. All folders of all hosts are read at once, since a build may put another tree
 * in their place later. Immutable, so thread-safe.
 */
#ifndef REGISTRY_CERTS_H
#define REGISTRY_CERTS_H

#include "base/http.h"

struct registry_certs;

/* The first folder that has a client certificate for a host wins; authorities of all of them count. */
struct registry_certs *registry_certs_new(void);
void registry_certs_free(struct registry_certs *c); /* NULL is fine */

/* dir: a "certs.d". It need not be there; what may not be read is left out (and said at -vv). */
void registry_certs_add_folder(struct registry_certs *c, struct op *op, const char *dir);
/* A client certificate for this host and no other, instead of the folders'. ERR_DENIED: of no use. */
int registry_certs_add_pair(struct registry_certs *c, const char *host, const char *cert_file,
			    const char *key_file, struct err *e) MUST_CHECK;

/*
 * *out NULL: there is nothing for this host ("r.example", "r.example:5000"). What is wrong with its folder
 * is told now, to those who want to use it. Borrowed.
 */
int registry_certs_find(const struct http_tls **out, const struct registry_certs *c,
			const char *host, struct err *e) MUST_CHECK;

DEFINE_AUTO(registry_certs, registry_certs_free)
#define auto_registry_certs CLEANUP(registry_certs_auto_)

#endif
