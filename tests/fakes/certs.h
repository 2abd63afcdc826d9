/*
 * Certificates made on the spot, with keys on P-256: authorities, servers, clients.
 *
 *	struct fake_cert ca, server;
 *	fake_cert_make(&ca, NULL, "Test CA", FAKE_CERT_CA);
 *	fake_cert_make(&server, &ca, "r.example", 0);
 */
#ifndef TESTS_FAKES_CERTS_H
#define TESTS_FAKES_CERTS_H

#include <openssl/evp.h>
#include <openssl/x509.h>

struct fake_cert {
	X509 *x;
	EVP_PKEY *key;
	char *pem, *key_pem;
};

#define FAKE_CERT_CA	  1
#define FAKE_CERT_EXPIRED 2

/* name: the subject's, and the DNS name it is for. issuer NULL: signs itself. */
void fake_cert_make(struct fake_cert *out, const struct fake_cert *issuer, const char *name,
		    unsigned flags);
void fake_cert_release(struct fake_cert *c);
/* The key under a passphrase; owned. */
char *fake_cert_locked_key(const struct fake_cert *c);

#endif
