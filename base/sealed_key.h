/*
 * The encrypted form in which cosign keeps a private key: JSON in PEM ("ENCRYPTED SIGSTORE PRIVATE KEY",
 * earlier "ENCRYPTED COSIGN PRIVATE KEY") that names scrypt and NaCl's secretbox. The door to libsodium,
 * which has both; OpenSSL has no XSalsa20.
 */
#ifndef BASE_SEALED_KEY_H
#define BASE_SEALED_KEY_H

#include "base/buf.h"
#include "base/cc.h"
#include "base/err.h"

/*
 * json: what the PEM holds. der gets the key in DER (wipe it). ERR_INPUT: not this form, or costs of scrypt
 * that cosign never writes (a file could ask for all memory). ERR_DENIED: another passphrase.
 */
int sealed_key_open(struct buf *der, struct span json, const char *passphrase, struct err *e)
	MUST_CHECK;

#endif
