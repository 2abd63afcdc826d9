/*
 * Which certificates are trusted, and whether a certificate and a key belong together: the door to what
 * OpenSSL knows about certificates. Thread-safe once all is added.
 *
 * A system trusts some 150 authorities, and a connection needs one of them; libcurl with OpenSSL 3 reads all,
 * for each connection, in 13 ms. So they are kept as bytes with their names here, and only those are read
 * that a server's certificate names, once in the life of the program.
 */
#ifndef BASE_TRUST_H
#define BASE_TRUST_H

#include "base/err.h"
#include "base/span.h"

struct trust;

struct trust *trust_new(void);
void trust_free(struct trust *t); /* NULL is fine */

/* All certificates of a PEM text, which is copied. ERR_INPUT: none is in it, or one is broken. */
int trust_add(struct trust *t, struct span pem, struct err *e) MUST_CHECK;
/* The same for what lies in the system: broken ones are skipped. Looked at when it is needed. */
void trust_add_lazily(struct trust *t, struct span pem);
/* add is called before the first look, with what it was given: many files are not read for who needs none. */
void trust_add_later(struct trust *t, void (*add)(struct trust *t, const char *what),
		     const char *what);
/* A folder whose files are named by hash (openssl rehash); looked into at each connection. */
void trust_add_folder(struct trust *t, const char *dir);

/* Makes an SSL_CTX trust both (each may be NULL) and nothing else. -1: OpenSSL has nothing to give. */
int trust_use(void *ssl_ctx, struct trust *a, struct trust *b) MUST_CHECK;

/* Whether the server has asked for a certificate; ssl: of a context that trust_use has seen. */
bool trust_cert_was_wanted(void *ssl);

/* What OpenSSL's X509_V_… says, as far as people can do something about it. */
enum trust_flaw {
	TRUST_NO_FLAW, /* the chain is good: the name was not */
	TRUST_NO_ISSUER,
	TRUST_EXPIRED,
	TRUST_OTHER,
};
enum trust_flaw trust_flaw_of(long verify_result);

/* ERR_DENIED: they cannot be used together as a client certificate; says why. PEM texts. */
int trust_check_pair(struct span cert, struct span key, struct err *e) MUST_CHECK;

#endif
