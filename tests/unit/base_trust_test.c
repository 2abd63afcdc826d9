/* Whom a client of ours takes for what a server says it is: handshakes in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/mem.h"
#include "base/trust.h"
#include "base/trust_files.h"
#include "tests/fakes/certs.h"
#include "tests/fakes/tmpdir.h"

struct world {
	struct fake_cert ca, middle, strange, server, under_middle, expired, self;
};

static int world_setup(void **state)
{
	struct world *w = mem_zalloc(sizeof(*w));

	fake_cert_make(&w->ca, NULL, "Test CA", FAKE_CERT_CA);
	fake_cert_make(&w->strange, NULL, "Strange CA", FAKE_CERT_CA);
	fake_cert_make(&w->middle, &w->ca, "Middle CA", FAKE_CERT_CA);
	fake_cert_make(&w->server, &w->ca, "r.example", 0);
	fake_cert_make(&w->under_middle, &w->middle, "r.example", 0);
	fake_cert_make(&w->expired, &w->ca, "r.example", FAKE_CERT_EXPIRED);
	fake_cert_make(&w->self, NULL, "r.example", 0);
	*state = w;
	return 0;
}

static int world_teardown(void **state)
{
	struct world *w = *state;
	struct fake_cert *all = &w->ca;

	for (size_t i = 0; i < sizeof(*w) / sizeof(*all); i++)
		fake_cert_release(&all[i]);
	free(w);
	return 0;
}

/* What a client that trusts a and b finds wrong with a server. */
static enum trust_flaw handshake(struct trust *a, struct trust *b, const struct fake_cert *server,
				 const struct fake_cert *more)
{
	SSL_CTX *sctx = SSL_CTX_new(TLS_server_method()), *cctx = SSL_CTX_new(TLS_client_method());
	SSL *s, *c;
	BIO *sbio, *cbio;
	long result;

	SSL_CTX_use_certificate(sctx, server->x);
	SSL_CTX_use_PrivateKey(sctx, server->key);
	if (more) {
		X509_up_ref(more->x);
		SSL_CTX_add_extra_chain_cert(sctx, more->x);
	}
	assert_int_equal(0, trust_use(cctx, a, b));
	SSL_CTX_set_verify(cctx, SSL_VERIFY_PEER, NULL);
	s = SSL_new(sctx);
	c = SSL_new(cctx);
	BIO_new_bio_pair(&sbio, 0, &cbio, 0);
	SSL_set_bio(s, sbio, sbio);
	SSL_set_bio(c, cbio, cbio);
	SSL_set_accept_state(s);
	SSL_set_connect_state(c);
	for (int i = 0; i < 10; i++) {
		SSL_do_handshake(c);
		SSL_do_handshake(s);
	}
	result = SSL_get_verify_result(c);
	assert_true(result != X509_V_OK || SSL_is_init_finished(c));
	SSL_free(s);
	SSL_free(c);
	SSL_CTX_free(sctx);
	SSL_CTX_free(cctx);
	return trust_flaw_of(result);
}

static struct trust *trust_of(const char *pem)
{
	struct trust *t = trust_new();
	struct err e = ERR_INIT;

	if (trust_add(t, span_of_str(pem), &e) < 0)
		fail_msg("%s", e.text);
	return t;
}

static void who_issued_it_must_be_known(void **state)
{
	const struct world *w = *state;
	struct trust *good = trust_of(w->ca.pem), *bad = trust_of(w->strange.pem);

	assert_int_equal(TRUST_NO_FLAW, handshake(good, NULL, &w->server, NULL));
	assert_int_equal(TRUST_NO_FLAW, handshake(bad, good, &w->server, NULL));
	assert_int_equal(TRUST_NO_FLAW, handshake(NULL, good, &w->server, NULL));
	assert_int_equal(TRUST_NO_ISSUER, handshake(bad, NULL, &w->server, NULL));
	assert_int_equal(TRUST_NO_ISSUER, handshake(NULL, NULL, &w->server, NULL));
	assert_int_equal(TRUST_NO_ISSUER, handshake(bad, NULL, &w->self, NULL));
	/* nothing of one connection is left for the next */
	assert_int_equal(TRUST_NO_ISSUER, handshake(bad, NULL, &w->server, NULL));
	assert_int_equal(TRUST_NO_FLAW, handshake(good, NULL, &w->server, NULL));
	trust_free(good);
	trust_free(bad);
}

static void a_chain_ends_at_whatever_is_trusted(void **state)
{
	const struct world *w = *state;
	struct trust *root = trust_of(w->ca.pem), *middle = trust_of(w->middle.pem);
	struct trust *self = trust_of(w->self.pem), *server = trust_of(w->server.pem);

	assert_int_equal(TRUST_NO_FLAW, handshake(root, NULL, &w->under_middle, &w->middle));
	assert_int_equal(TRUST_NO_ISSUER, handshake(root, NULL, &w->under_middle, NULL));
	assert_int_equal(TRUST_NO_FLAW, handshake(middle, NULL, &w->under_middle, NULL));
	assert_int_equal(TRUST_NO_FLAW, handshake(self, NULL, &w->self, NULL));
	assert_int_equal(TRUST_NO_FLAW, handshake(server, NULL, &w->server, NULL));
	trust_free(root);
	trust_free(middle);
	trust_free(self);
	trust_free(server);
}

/* A certificate with what it is trusted for, or not. The caller frees it. */
static char *limited(const struct fake_cert *c, int trusted_for, int rejected_for)
{
	BIO *bio = BIO_new(BIO_s_mem());
	X509 *x = X509_dup(c->x);
	char *text, *copy;
	long n;

	if (trusted_for)
		assert_int_equal(1, X509_add1_trust_object(x, OBJ_nid2obj(trusted_for)));
	if (rejected_for)
		assert_int_equal(1, X509_add1_reject_object(x, OBJ_nid2obj(rejected_for)));
	assert_int_equal(1, PEM_write_bio_X509_AUX(bio, x));
	n = BIO_get_mem_data(bio, &text);
	copy = mem_strndup(text, (size_t)n);
	BIO_free(bio);
	X509_free(x);
	return copy;
}

static void a_certificate_is_trusted_for_what_it_says_only(void **state)
{
	const struct world *w = *state;
	const struct {
		int trusted, rejected;
		enum trust_flaw flaw;
	} rows[] = {
		{ NID_server_auth, 0, TRUST_NO_FLAW },
		{ NID_email_protect, 0, TRUST_OTHER },
		{ 0, NID_server_auth, TRUST_OTHER },
		{ 0, NID_email_protect, TRUST_NO_FLAW },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_free char *pem = limited(&w->ca, rows[i].trusted, rows[i].rejected);
		/* the same without limits, before it */
		auto_free char *both = mem_printf("%s%s", w->ca.pem, pem);
		struct trust *alone = trust_of(pem), *second = trust_of(both);

		assert_int_equal(rows[i].flaw, handshake(alone, NULL, &w->server, NULL));
		assert_int_equal(rows[i].flaw, handshake(second, NULL, &w->server, NULL));
		trust_free(alone);
		trust_free(second);
	}
}

static void an_old_certificate_is_told_from_a_strange_one(void **state)
{
	const struct world *w = *state;
	struct trust *root = trust_of(w->ca.pem);

	assert_int_equal(TRUST_EXPIRED, handshake(root, NULL, &w->expired, NULL));
	trust_free(root);
}

static void a_text_may_hold_many_and_other_things(void **state)
{
	const struct world *w = *state;
	auto_free char *text = mem_printf("# roots\n%s\nsome words\n%s%s", w->strange.pem,
					  w->ca.key_pem, w->ca.pem);
	struct trust *t = trust_of(text), *lazy = trust_new();

	assert_int_equal(TRUST_NO_FLAW, handshake(t, NULL, &w->server, NULL));
	trust_add_lazily(lazy, SPAN_LIT("-----BEGIN CERTIFICATE-----\nMAMBAf8=\n"
					"-----END CERTIFICATE-----\n"));
	trust_add_lazily(lazy, SPAN_LIT("-----BEGIN CERTIFICATE-----\n!!\n"
					"-----END CERTIFICATE-----\n"));
	trust_add_lazily(lazy, SPAN_LIT("nothing"));
	trust_add_lazily(lazy, span_of_str(text));
	assert_int_equal(TRUST_NO_FLAW, handshake(lazy, NULL, &w->server, NULL));
	trust_free(t);
	trust_free(lazy);
}

static void what_is_no_certificate_is_refused(void **state)
{
	static const char *const wrong[] = {
		"", "text", "-----BEGIN CERTIFICATE-----\nMAMBAf8=\n-----END CERTIFICATE-----\n",
		"-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n",
		"-----BEGIN CERTIFICATE-----\n"
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct trust *t = trust_new();
		struct err e = ERR_INIT;

		assert_int_equal(-1, trust_add(t, span_of_str(wrong[i]), &e));
		assert_int_equal(ERR_INPUT, e.kind);
		trust_free(t);
	}
}

static void a_pair_must_belong_together_and_be_open(void **state)
{
	const struct world *w = *state;
	auto_free char *locked = fake_cert_locked_key(&w->server);
	const struct {
		const char *cert, *key, *says;
	} wrong[] = {
		{ w->server.pem, w->ca.key_pem, "does not belong to the certificate" },
		{ w->server.pem, locked, "the key is encrypted" },
		{ w->server.pem, w->server.pem, "the key cannot be read" },
		{ w->server.pem, "", "the key cannot be read" },
		{ w->server.key_pem, w->server.key_pem, "the certificate cannot be read" },
		{ "", w->server.key_pem, "the certificate cannot be read" },
	};
	struct err e = ERR_INIT;

	assert_int_equal(0, trust_check_pair(span_of_str(w->server.pem),
					     span_of_str(w->server.key_pem), &e));
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		assert_int_equal(-1, trust_check_pair(span_of_str(wrong[i].cert),
						      span_of_str(wrong[i].key), &e));
		assert_int_equal(ERR_DENIED, e.kind);
		if (!strstr(e.text, wrong[i].says))
			fail_msg("%s", e.text);
	}
}

/* -- whose count ------------------------------------------------------------------ */

static const char *const *environment;

static const char *variable(const char *name)
{
	for (const char *const *v = environment; *v; v += 2)
		if (strcmp(v[0], name) == 0)
			return v[1];
	return NULL;
}

static enum trust_flaw with_files(const struct world *w, const struct trust_files *f,
				  const char *const *env)
{
	struct trust_files files = *f;
	struct trust *t;
	struct err e = ERR_INIT;
	enum trust_flaw flaw;

	environment = env;
	files.variable = variable;
	if (trust_files_read(&t, &files, &e) < 0)
		fail_msg("%s", e.text);
	flaw = handshake(t, NULL, &w->server, NULL);
	trust_free(t);
	return flaw;
}

static void every_source_adds_to_the_others(void **state)
{
	const struct world *w = *state;
	auto_tmpdir struct tmpdir dir;
	tmpdir_init(&dir);
	auto_free char *ca = mem_printf("%s/ca.pem", dir.path);
	auto_free char *strange = mem_printf("%s/strange.pem", dir.path);
	auto_free char *folder = mem_printf("%s/missing:%s/certs", dir.path, dir.path);
	const struct trust_files bundle = { .bundle = ca }, named = { .named = ca };
	const struct trust_files other = { .bundle = strange, .named = strange }, none = { 0 };
	const char *const nothing[] = { NULL };
	const char *const file[] = { "SSL_CERT_FILE", ca, NULL };
	const char *const strange_file[] = { "SSL_CERT_FILE", strange, NULL };
	const char *const gitlab[] = { "CI_SERVER_TLS_CA_FILE", ca, NULL };
	const char *const gone[] = { "CI_SERVER_TLS_CA_FILE", "/nonexistent", NULL };
	const char *const folders[] = { "SSL_CERT_DIR", folder, NULL };

	tmpdir_file(&dir, "ca.pem", w->ca.pem);
	tmpdir_file(&dir, "strange.pem", w->strange.pem);
	tmpdir_file(&dir, "certs/some-root", w->ca.pem);
	assert_int_equal(TRUST_NO_ISSUER, with_files(w, &none, nothing));
	assert_int_equal(TRUST_NO_ISSUER, with_files(w, &other, gone));
	assert_int_equal(TRUST_NO_FLAW, with_files(w, &bundle, nothing));
	assert_int_equal(TRUST_NO_FLAW, with_files(w, &named, nothing));
	assert_int_equal(TRUST_NO_FLAW, with_files(w, &bundle, strange_file));
	assert_int_equal(TRUST_NO_FLAW, with_files(w, &other, file));
	assert_int_equal(TRUST_NO_FLAW, with_files(w, &other, gitlab));
	assert_int_equal(TRUST_NO_FLAW, with_files(w, &other, folders));
}

/* Where "/" may become another tree they are read at once; else who has no connection reads none of them. */
static void folders_are_read_when_they_are_needed(void **state)
{
	const struct world *w = *state;
	auto_tmpdir struct tmpdir dir;
	tmpdir_init(&dir);
	auto_free char *folder = mem_printf("%s/certs", dir.path);
	const char *const folders[] = { "SSL_CERT_DIR", folder, NULL };
	struct trust_files at_once = { .variable = variable };
	struct trust_files later = { .variable = variable, .is_lasting = true };
	struct trust *a, *b;
	struct err e = ERR_INIT;

	environment = folders;
	tmpdir_dir(&dir, "certs");
	assert_int_equal(0, trust_files_read(&a, &at_once, &e));
	assert_int_equal(0, trust_files_read(&b, &later, &e));
	tmpdir_file(&dir, "certs/some-root", w->ca.pem);
	assert_int_equal(TRUST_NO_ISSUER, handshake(a, NULL, &w->server, NULL));
	assert_int_equal(TRUST_NO_FLAW, handshake(b, NULL, &w->server, NULL));
	trust_free(a);
	trust_free(b);
}

static void a_file_that_was_named_must_be_of_use(void **state)
{
	const char *const missing[] = { "SSL_CERT_FILE", "/nonexistent", NULL };
	const char *const useless[] = { "CI_SERVER_TLS_CA_FILE", "/proc/self/comm", NULL };
	struct trust_files files = { .variable = variable };
	struct trust *t;
	struct err e = ERR_INIT;

	(void)state;
	environment = missing;
	assert_int_equal(-1, trust_files_read(&t, &files, &e));
	assert_int_equal(ERR_ABSENT, e.kind);
	assert_non_null(strstr(e.text, "$SSL_CERT_FILE"));
	environment = useless;
	assert_int_equal(-1, trust_files_read(&t, &files, &e));
	assert_int_equal(ERR_INPUT, e.kind);
	assert_non_null(strstr(e.text, "$CI_SERVER_TLS_CA_FILE"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_issued_it_must_be_known),
		cmocka_unit_test(a_chain_ends_at_whatever_is_trusted),
		cmocka_unit_test(a_certificate_is_trusted_for_what_it_says_only),
		cmocka_unit_test(an_old_certificate_is_told_from_a_strange_one),
		cmocka_unit_test(a_text_may_hold_many_and_other_things),
		cmocka_unit_test(what_is_no_certificate_is_refused),
		cmocka_unit_test(a_pair_must_belong_together_and_be_open),
		cmocka_unit_test(every_source_adds_to_the_others),
		cmocka_unit_test(folders_are_read_when_they_are_needed),
		cmocka_unit_test(a_file_that_was_named_must_be_of_use),
	};

	return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
