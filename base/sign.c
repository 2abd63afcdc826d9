/*
 * OpenSSL's EVP does the work; here is decided which keys we take. A text with several
 * PEM blocks (a key behind its parameters, as `openssl ecparam -genkey` writes it) gives the
 * first that is a key.
 */
#include "base/sign.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/mem.h"
#include "base/sealed_key.h"
#include "base/secret.h"

#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 8192

struct sign_key {
	EVP_PKEY *pkey;
};

void sign_key_free(struct sign_key *k)
{
	if (k)
		EVP_PKEY_free(k->pkey);
	free(k);
}

static bool is_p256(const EVP_PKEY *pkey)
{
	char name[64] = "";

	return EVP_PKEY_get_utf8_string_param(pkey, OSSL_PKEY_PARAM_GROUP_NAME, name, sizeof(name),
					      NULL) == 1 &&
	       strcmp(name, "prime256v1") == 0;
}

/* Takes pkey. */
static int key_take(struct sign_key **out, EVP_PKEY *pkey, struct err *e)
{
	int bits = EVP_PKEY_get_bits(pkey);
	bool fine = false;

	if (EVP_PKEY_get_base_id(pkey) == EVP_PKEY_EC)
		fine = is_p256(pkey);
	else if (EVP_PKEY_get_base_id(pkey) == EVP_PKEY_RSA)
		fine = bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX;
	if (!fine) {
		EVP_PKEY_free(pkey);
		return err_set(
			e, ERR_INPUT,
			"a kind of key that is not used for signatures here; ECDSA P-256 is, and RSA from %d bits",
			RSA_BITS_MIN);
	}
	*out = mem_alloc(sizeof(**out));
	(*out)->pkey = pkey;
	return 0;
}

/* -- PEM ------------------------------------------------------------------------- */

struct block {
	char *name, *header;
	unsigned char *data;
	long n;
};

static void block_release(struct block *b)
{
	OPENSSL_free(b->name);
	OPENSSL_free(b->header);
	if (b->data)
		OPENSSL_clear_free(b->data, (size_t)b->n);
	*b = (struct block){ 0 };
}
#define auto_block CLEANUP(block_release)

/* The first block whose name ends in `ending`. */
static int block_find(struct block *out, struct span pem, const char *ending, struct err *e)
{
	BIO *bio;
	bool found = false;

	if (pem.n > SIGN_KEY_MAX)
		return err_set(e, ERR_INPUT, "more than the %u bytes allowed for a key",
			       SIGN_KEY_MAX);
	bio = BIO_new_mem_buf(pem.p, (int)pem.n);
	while (bio && !found &&
	       PEM_read_bio(bio, &out->name, &out->header, &out->data, &out->n) == 1) {
		found = span_ends(span_of_str(out->name), ending);
		if (!found)
			block_release(out);
	}
	BIO_free(bio);
	ERR_clear_error();
	return found ? 0 : err_set(e, ERR_INPUT, "there is no %s in PEM in it", ending);
}

static EVP_PKEY *der_private(const unsigned char *p, long n)
{
	EVP_PKEY *pkey = d2i_AutoPrivateKey(NULL, &p, n);

	ERR_clear_error();
	return pkey;
}

static int need_passphrase(const char *passphrase, struct err *e)
{
	return passphrase ? 0 : err_set(e, ERR_DENIED, "encrypted, and no passphrase is known");
}

/* What cosign writes. */
static int read_sealed(struct sign_key **out, const struct block *b, const char *passphrase,
		       struct err *e)
{
	auto_secret_buf struct buf der = BUF_INIT(SIGN_KEY_MAX);
	EVP_PKEY *pkey;

	if (need_passphrase(passphrase, e) < 0 ||
	    sealed_key_open(&der, span_of(b->data, (size_t)b->n), passphrase, e) < 0)
		return -1;
	pkey = der_private((const unsigned char *)der.data, (long)der.len);
	return pkey ? key_take(out, pkey, e)
		    : err_set(e, ERR_INPUT, "what is encrypted in it is no key");
}

static int give_passphrase(char *buf, int size, int writing, void *arg)
{
	const char *passphrase = arg;
	size_t n = strlen(passphrase);

	(void)writing;
	if (n > (size_t)size)
		return -1;
	memcpy(buf, passphrase, n);
	return (int)n;
}

/* PKCS #8 with PBES2. */
static int read_encrypted(struct sign_key **out, const struct block *b, const char *passphrase,
			  struct err *e)
{
	EVP_PKEY *pkey;
	BIO *bio;

	if (need_passphrase(passphrase, e) < 0)
		return -1;
	bio = BIO_new_mem_buf(b->data, (int)b->n);
	/* OpenSSL does not write to it */
	pkey = bio ? d2i_PKCS8PrivateKey_bio(bio, NULL, give_passphrase,
					     (void *)(uintptr_t)passphrase)
		   : NULL;
	BIO_free(bio);
	ERR_clear_error();
	return pkey ? key_take(out, pkey, e)
		    : err_set(e, ERR_DENIED, "the passphrase is not this key's");
}

int sign_key_private(struct sign_key **out, struct span pem, const char *passphrase, struct err *e)
{
	auto_block struct block b = { 0 };
	EVP_PKEY *pkey;

	if (block_find(&b, pem, "PRIVATE KEY", e) < 0)
		return -1;
	if (strcmp(b.name, "ENCRYPTED SIGSTORE PRIVATE KEY") == 0 ||
	    strcmp(b.name, "ENCRYPTED COSIGN PRIVATE KEY") == 0)
		return read_sealed(out, &b, passphrase, e);
	if (strcmp(b.name, "ENCRYPTED PRIVATE KEY") == 0)
		return read_encrypted(out, &b, passphrase, e);
	if (*b.header)
		return err_set(
			e, ERR_INPUT,
			"encrypted in the old form of PEM; 'openssl pkcs8 -topk8' makes a newer one of it");
	pkey = der_private(b.data, b.n);
	return pkey ? key_take(out, pkey, e) : err_set(e, ERR_INPUT, "not a private key");
}

int sign_key_public(struct sign_key **out, struct span pem, struct err *e)
{
	auto_block struct block b = { 0 };
	const unsigned char *p;
	EVP_PKEY *pkey;

	if (block_find(&b, pem, "PUBLIC KEY", e) < 0)
		return -1;
	p = b.data;
	pkey = d2i_PUBKEY(NULL, &p, b.n);
	ERR_clear_error();
	return pkey ? key_take(out, pkey, e) : err_set(e, ERR_INPUT, "not a public key");
}

/* -- signatures -------------------------------------------------------------------- */

int sign_make(struct buf *out, const struct sign_key *k, struct span message, struct err *e)
{
	unsigned char sig[SIGN_SIGNATURE_MAX];
	size_t n = sizeof(sig);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool made = ctx && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, k->pkey) == 1 &&
		    EVP_DigestSign(ctx, sig, &n, (const unsigned char *)message.p, message.n) == 1;

	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	if (!made)
		return err_set(e, ERR_FAILED, "the key does not sign");
	buf_add(out, sig, n);
	return 0;
}

bool sign_is_valid(const struct sign_key *k, struct span message, struct span signature)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool valid = ctx && EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, k->pkey) == 1 &&
		     EVP_DigestVerify(ctx, (const unsigned char *)signature.p, signature.n,
				      (const unsigned char *)message.p, message.n) == 1;

	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	return valid;
}
