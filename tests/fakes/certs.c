#include "tests/fakes/certs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/mem.h"

static void add_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;

	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	assert_non_null(ext);
	X509_add_ext(x, ext, -1);
	X509_EXTENSION_free(ext);
}

static char *bio_text(BIO *bio)
{
	char *p;
	long n = BIO_get_mem_data(bio, &p);
	char *text = mem_strndup(p, (size_t)n);

	BIO_free(bio);
	return text;
}

void fake_cert_make(struct fake_cert *out, const struct fake_cert *issuer, const char *name,
		    unsigned flags)
{
	static long serial = 1;
	auto_free char *dns = mem_printf("DNS:%s", name);
	X509 *x = X509_new();
	BIO *bio;

	out->x = x;
	out->key = EVP_EC_gen("P-256");
	assert_non_null(out->key);
	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(x), -86400 * 10);
	X509_gmtime_adj(X509_getm_notAfter(x), flags & FAKE_CERT_EXPIRED ? -86400 : 86400);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
				   (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(issuer ? issuer->x : x));
	X509_set_pubkey(x, out->key);
	if (flags & FAKE_CERT_CA)
		add_extension(x, x, NID_basic_constraints, "critical,CA:TRUE");
	else
		add_extension(x, x, NID_subject_alt_name, dns);
	assert_true(X509_sign(x, issuer ? issuer->key : out->key, EVP_sha256()) > 0);
	bio = BIO_new(BIO_s_mem());
	PEM_write_bio_X509(bio, x);
	out->pem = bio_text(bio);
	bio = BIO_new(BIO_s_mem());
	PEM_write_bio_PrivateKey(bio, out->key, NULL, NULL, 0, NULL, NULL);
	out->key_pem = bio_text(bio);
}

char *fake_cert_locked_key(const struct fake_cert *c)
{
	BIO *bio = BIO_new(BIO_s_mem());

	PEM_write_bio_PrivateKey(bio, c->key, EVP_aes_128_cbc(), (const unsigned char *)"geheim", 6,
				 NULL, NULL);
	return bio_text(bio);
}

void fake_cert_release(struct fake_cert *c)
{
	X509_free(c->x);
	EVP_PKEY_free(c->key);
	free(c->pem);
	free(c->key_pem);
}
