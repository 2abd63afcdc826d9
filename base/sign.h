/*
 * Keys and signatures over SHA-256: ECDSA on P-256 (DER), and RSA (PKCS #1 v1.5) of at least
 * 2048 bits. A door to OpenSSL.
 *
 * Private keys, in PEM: "PRIVATE KEY" (PKCS #8), "EC PRIVATE KEY", "RSA PRIVATE KEY",
 * "ENCRYPTED PRIVATE KEY" (PBES2), and what `cosign generate-key-pair` writes (sealed_key.h).
 * Public keys: "PUBLIC KEY" (what `openssl pkey -pubout` and cosign write). All is untrusted: bounded.
 */
#ifndef BASE_SIGN_H
#define BASE_SIGN_H

#include "base/buf.h"
#include "base/cc.h"
#include "base/err.h"

#define SIGN_KEY_MAX	   (64u << 10) /* a file with a key */
#define SIGN_SIGNATURE_MAX 1024	       /* bytes; RSA of 8192 bits */

struct sign_key;

/*
 * A private key, which can also check. passphrase: NULL when none is known. ERR_INPUT: not a key, or of a
 * kind that we do not use. ERR_DENIED: it is encrypted, and the passphrase is missing or wrong.
 * Messages hold nothing of the key. The caller wipes pem.
 */
int sign_key_private(struct sign_key **out, struct span pem, const char *passphrase, struct err *e)
	MUST_CHECK;
/* One that only checks. */
int sign_key_public(struct sign_key **out, struct span pem, struct err *e) MUST_CHECK;
void sign_key_free(struct sign_key *k); /* NULL is fine; wipes */

/* Adds the signature's bytes; each call gives others (ECDSA draws a number). k: a private key. */
int sign_make(struct buf *out, const struct sign_key *k, struct span message, struct err *e)
	MUST_CHECK;
/* Did the owner of this key sign this message? */
bool sign_is_valid(const struct sign_key *k, struct span message, struct span signature);

DEFINE_AUTO(sign_key, sign_key_free)
#define auto_sign_key CLEANUP(sign_key_auto_)

#endif
