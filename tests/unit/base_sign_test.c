/* Keys in all the forms they come in, and signatures made and checked with them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/sealed_key.h"
#include "base/sign.h"

/* What a BIO in memory holds, as a text; the BIO goes. */
static char *bio_text(BIO *bio)
{
	char *p;
	long n = BIO_get_mem_data(bio, &p);
	char *text = mem_strndup(p, (size_t)n);

	BIO_free(bio);
	return text;
}

static char *private_pem(EVP_PKEY *pkey, const char *passphrase)
{
	BIO *bio = BIO_new(BIO_s_mem());

	assert_int_equal(1, PEM_write_bio_PKCS8PrivateKey(
				    bio, pkey, passphrase ? EVP_aes_128_cbc() : NULL, passphrase,
				    passphrase ? (int)strlen(passphrase) : 0, NULL, NULL));
	return bio_text(bio);
}

static char *public_pem(EVP_PKEY *pkey)
{
	BIO *bio = BIO_new(BIO_s_mem());

	assert_int_equal(1, PEM_write_bio_PUBKEY(bio, pkey));
	return bio_text(bio);
}

static struct sign_key *read_private(const char *pem, const char *passphrase)
{
	struct err e = ERR_INIT;
	struct sign_key *k = NULL;

	if (sign_key_private(&k, span_of_str(pem), passphrase, &e) < 0)
		fail_msg("%s", e.text);
	return k;
}

static struct sign_key *read_public(const char *pem)
{
	struct err e = ERR_INIT;
	struct sign_key *k = NULL;

	if (sign_key_public(&k, span_of_str(pem), &e) < 0)
		fail_msg("%s", e.text);
	return k;
}

static void assert_pair(const struct sign_key *own, const struct sign_key *other)
{
	auto_buf struct buf sig = BUF_INIT(SIGN_SIGNATURE_MAX);
	struct err e = ERR_INIT;

	assert_int_equal(0, sign_make(&sig, own, SPAN_LIT("a text"), &e));
	assert_true(sign_is_valid(other, SPAN_LIT("a text"), buf_span(&sig)));
	assert_true(sign_is_valid(own, SPAN_LIT("a text"), buf_span(&sig)));
	assert_false(sign_is_valid(other, SPAN_LIT("a test"), buf_span(&sig)));
	sig.data[sig.len - 1] ^= 1;
	assert_false(sign_is_valid(other, SPAN_LIT("a text"), buf_span(&sig)));
	assert_false(sign_is_valid(other, SPAN_LIT("a text"), SPAN_LIT("")));
}

static void round_trip(EVP_PKEY *pkey)
{
	auto_free char *plain = private_pem(pkey, NULL);
	auto_free char *sealed = private_pem(pkey, "word");
	auto_free char *public = public_pem(pkey);
	auto_sign_key struct sign_key *a = read_private(plain, NULL);
	auto_sign_key struct sign_key *b = read_private(sealed, "word");
	auto_sign_key struct sign_key *c = read_public(public);

	assert_pair(a, c);
	assert_pair(b, c);
	EVP_PKEY_free(pkey);
}

static void what_a_key_signs_its_public_half_confirms(void **state)
{
	(void)state;
	round_trip(EVP_EC_gen("P-256"));
	round_trip(EVP_RSA_gen(2048));
}

static void another_key_does_not_confirm_it(void **state)
{
	EVP_PKEY *first = EVP_EC_gen("P-256"), *second = EVP_EC_gen("P-256");
	auto_free char *pem = private_pem(first, NULL);
	auto_free char *public = public_pem(second);
	auto_sign_key struct sign_key *own = read_private(pem, NULL);
	auto_sign_key struct sign_key *other = read_public(public);
	auto_buf struct buf sig = BUF_INIT(SIGN_SIGNATURE_MAX);
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(0, sign_make(&sig, own, SPAN_LIT("x"), &e));
	assert_false(sign_is_valid(other, SPAN_LIT("x"), buf_span(&sig)));
	EVP_PKEY_free(first);
	EVP_PKEY_free(second);
}

/* A pair that cosign wrote, with an empty passphrase, published as test data (edgelesssys/constellation,
 * sigstore/sign_test.go). Its PEM lines are put around it here. */
static const char cosign_body[] =
	"eyJrZGYiOnsibmFtZSI6InNjcnlwdCIsInBhcmFtcyI6eyJOIjozMjc2OCwiciI6\n"
	"OCwicCI6MX0sInNhbHQiOiJlRHVYMWRQMGtIWVRnK0xkbjcxM0tjbFVJaU92eFVX\n"
	"VXgvNi9BbitFVk5BPSJ9LCJjaXBoZXIiOnsibmFtZSI6Im5hY2wvc2VjcmV0Ym94\n"
	"Iiwibm9uY2UiOiJwaWhLL2txNmFXa2hqSVVHR3RVUzhTVkdHTDNIWWp4TCJ9LCJj\n"
	"aXBoZXJ0ZXh0Ijoidm81SHVWRVFWcUZ2WFlQTTVPaTVaWHM5a255bndZU2dvcyth\n"
	"VklIeHcrOGFPamNZNEtvVjVmL3lHRHR0K3BHV2toanJPR1FLOWdBbmtsazFpQ0c5\n"
	"a2czUXpPQTZsU2JRaHgvZlowRVRZQ0hLeElncEdPRVRyTDlDenZDemhPZXVSOXJ6\n"
	"TDcvRjBBVy9vUDVqZXR3dmJMNmQxOEhjck9kWE8yVmYxY2w0YzNLZjVRcnFSZzlN\n"
	"dlRxQWFsNXJCNHNpY1JaMVhpUUJjb0YwNHc9PSJ9\n";
static const char cosign_public[] =
	"-----BEGIN PUBLIC KEY-----\n"
	"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEu78QgxOOcao6U91CSzEXxrKhvFTt\n"
	"JHNy+eX6EMePtDm8CnDF9HSwnTlD0itGJ/XHPQA5YX10fJAqI1y+ehlFMw==\n"
	"-----END PUBLIC KEY-----\n";

static char *cosign_pem(const char *label)
{
	return mem_printf("-----BEGIN ENCRYPTED %s PRIVATE KEY-----\n%s-----END ENCRYPTED %s "
			  "PRIVATE KEY-----\n",
			  label, cosign_body, label);
}

static void cosigns_own_key_opens(void **state)
{
	static const char *const labels[] = { "COSIGN", "SIGSTORE" };
	auto_sign_key struct sign_key *public = read_public(cosign_public);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(labels); i++) {
		auto_free char *pem = cosign_pem(labels[i]);
		auto_sign_key struct sign_key *own = read_private(pem, "");

		assert_pair(own, public);
	}
}

static void assert_refused(const char *pem, const char *passphrase, enum err_kind kind,
			   const char *part)
{
	struct err e = ERR_INIT;
	struct sign_key *k = NULL;

	assert_int_equal(-1, sign_key_private(&k, span_of_str(pem), passphrase, &e));
	assert_null(k);
	assert_int_equal(kind, e.kind);
	if (!strstr(e.text, part))
		fail_msg("'%s' should hold '%s'", e.text, part);
}

static void a_passphrase_that_is_missing_or_wrong_is_denied(void **state)
{
	EVP_PKEY *pkey = EVP_EC_gen("P-256");
	auto_free char *sealed = private_pem(pkey, "word");
	auto_free char *cosign = cosign_pem("COSIGN");

	(void)state;
	assert_refused(sealed, NULL, ERR_DENIED, "no passphrase is known");
	assert_refused(sealed, "ward", ERR_DENIED, "not this key's");
	assert_refused(cosign, NULL, ERR_DENIED, "no passphrase is known");
	assert_refused(cosign, "ward", ERR_DENIED, "not this key's");
	EVP_PKEY_free(pkey);
}

static void other_kinds_of_keys_are_refused(void **state)
{
	EVP_PKEY *p384 = EVP_EC_gen("P-384"), *weak = EVP_RSA_gen(1024),
		 *ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	auto_free char *a = private_pem(p384, NULL), *b = private_pem(weak, NULL),
		       *c = private_pem(ed, NULL), *public = public_pem(ed);
	struct err e = ERR_INIT;
	struct sign_key *k = NULL;

	(void)state;
	assert_refused(a, NULL, ERR_INPUT, "kind of key");
	assert_refused(b, NULL, ERR_INPUT, "kind of key");
	assert_refused(c, NULL, ERR_INPUT, "kind of key");
	assert_int_equal(-1, sign_key_public(&k, span_of_str(public), &e));
	assert_refused(cosign_public, NULL, ERR_INPUT, "no PRIVATE KEY");
	assert_refused("", NULL, ERR_INPUT, "no PRIVATE KEY");
	EVP_PKEY_free(p384);
	EVP_PKEY_free(weak);
	EVP_PKEY_free(ed);
}

#define SALT  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define NONCE "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define SEALED(n, r, nonce, box)                                                                   \
	"{\"kdf\":{\"name\":\"scrypt\",\"params\":{\"N\":" n ",\"r\":" r                           \
	",\"p\":1},\"salt\":\"" SALT                                                               \
	"\"},\"cipher\":{\"name\":\"nacl/secretbox\",\"nonce\":\"" nonce                           \
	"\"},\"ciphertext\":\"" box "\"}"

static void assert_sealed_refused(const char *json, const char *part)
{
	auto_buf struct buf der = BUF_INIT(BUF_SMALL);
	struct err e = ERR_INIT;

	assert_int_equal(-1, sealed_key_open(&der, span_of_str(json), "", &e));
	assert_int_equal(ERR_INPUT, e.kind);
	if (!strstr(e.text, part))
		fail_msg("'%s' should hold '%s'", e.text, part);
}

/* Costs are bounded before they are paid, sizes before they are used. */
static void a_hostile_sealed_key_costs_nothing(void **state)
{
	(void)state;
	assert_sealed_refused(SEALED("1073741824", "8", NONCE, "AAAAAAAAAAAAAAAAAAAAAAAA"),
			      "costs");
	assert_sealed_refused(SEALED("32768", "8000", NONCE, "AAAAAAAAAAAAAAAAAAAAAAAA"), "costs");
	assert_sealed_refused(SEALED("32768", "8", "AAAA", "AAAAAAAAAAAAAAAAAAAAAAAA"), "nonce");
	assert_sealed_refused(SEALED("32768", "8", NONCE, "AAAA"), "too short");
	assert_sealed_refused(SEALED("32768", "8", NONCE, "*"), "not base64");
	assert_sealed_refused("{\"kdf\":{\"name\":\"argon2\"}}", "argon2");
	assert_sealed_refused("{}", "kdf");
	assert_sealed_refused("x", "encrypted key");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_key_signs_its_public_half_confirms),
		cmocka_unit_test(another_key_does_not_confirm_it),
		cmocka_unit_test(cosigns_own_key_opens),
		cmocka_unit_test(a_passphrase_that_is_missing_or_wrong_is_denied),
		cmocka_unit_test(other_kinds_of_keys_are_refused),
		cmocka_unit_test(a_hostile_sealed_key_costs_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
