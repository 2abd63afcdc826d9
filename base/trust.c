/*
 * OpenSSL asks a store for a certificate by its subject's name, and a store asks those who look things up
 * for it. So each connection gets a store of its own, empty but for such a look-up into our lists;
 * what it finds is read once and shared by all.
 *
 * A "TRUSTED CERTIFICATE" says behind its bytes for what it is trusted, and for what it is not. That is kept,
 * and OpenSSL minds it; it comes before a plain one that is equal.
 */
#include "base/trust.h"

#include <pthread.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include "base/mem.h"
#include "base/strv.h"

struct authority {
	unsigned char *der;
	size_t n;
	X509_NAME *name;
	bool has_limits; /* behind the certificate */
	X509 *cert;	 /* NULL: not needed so far, or broken; guarded by the lock */
};

struct trust {
	pthread_mutex_t lock; /* of all that follows */
	struct authority *list;
	size_t n, cap;
	struct strv lazy;				  /* texts that nobody has looked at */
	void (*later)(struct trust *t, const char *what); /* gives more of them; NULL: it did */
	char *later_what;
	struct strv folders;
};

struct trust *trust_new(void)
{
	struct trust *t = mem_zalloc(sizeof(*t));

	pthread_mutex_init(&t->lock, NULL);
	return t;
}

void trust_free(struct trust *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n; i++) {
		X509_NAME_free(t->list[i].name);
		X509_free(t->list[i].cert);
		free(t->list[i].der);
	}
	free(t->list);
	strv_release(&t->lazy);
	free(t->later_what);
	strv_release(&t->folders);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

/* -- adding --------------------------------------------------------------------- */

/* Steps over one thing at *p, or (inside) into it. */
static bool der_step(const unsigned char **p, const unsigned char *end, bool inside)
{
	const unsigned char *at = *p;
	long len;
	int tag, class, r = ASN1_get_object(&at, &len, &tag, &class, end - at);

	if (r & 0x80 || (r & 1) || len < 0 || len > end - at)
		return false;
	*p = inside ? at : at + len;
	return true;
}

/* RFC 5280, 4.1: certificate { tbs { [0] version, serial, algorithm, issuer, validity, subject … NULL: broken. */
static X509_NAME *der_subject(const unsigned char *der, size_t n)
{
	const unsigned char *p = der, *end = der + n;

	if (!der_step(&p, end, true) || !der_step(&p, end, true))
		return NULL;
	if (p < end && *p == 0xa0 && !der_step(&p, end, false))
		return NULL;
	for (int i = 0; i < 4; i++)
		if (!der_step(&p, end, false))
			return NULL;
	return d2i_X509_NAME(NULL, &p, end - p);
}

static bool is_certificate(const char *name)
{
	return strcmp(name, PEM_STRING_X509) == 0 || strcmp(name, PEM_STRING_X509_OLD) == 0 ||
	       strcmp(name, PEM_STRING_X509_TRUSTED) == 0;
}

/* One block of PEM; false: it is a certificate, and broken. */
static bool add_block(struct trust *t, const char *name, const unsigned char *der, long n)
{
	X509_NAME *subject;

	if (!is_certificate(name))
		return true;
	subject = der_subject(der, (size_t)n);
	if (!subject)
		return false;
	MEM_GROW(t->list, t->n, t->cap);
	t->list[t->n] =
		(struct authority){ .n = (size_t)n,
				    .name = subject,
				    .has_limits = strcmp(name, PEM_STRING_X509_TRUSTED) == 0 };
	t->list[t->n].der = mem_alloc((size_t)n);
	memcpy(t->list[t->n++].der, der, (size_t)n);
	return true;
}

/* How many blocks are broken. The lock is held, or nobody else knows t. */
static size_t add_text(struct trust *t, struct span pem)
{
	BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
	char *name, *header;
	unsigned char *der;
	size_t broken = 0;
	long n;

	while (bio) {
		if (PEM_read_bio(bio, &name, &header, &der, &n) == 1) {
			broken += !add_block(t, name, der, n);
			OPENSSL_free(name);
			OPENSSL_free(header);
			OPENSSL_free(der);
			continue;
		}
		if (ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE)
			break;
		broken++;
	}
	BIO_free(bio);
	ERR_clear_error();
	return broken;
}

int trust_add(struct trust *t, struct span pem, struct err *e)
{
	size_t before = t->n, broken = add_text(t, pem);

	if (broken)
		return err_set(e, ERR_INPUT, "a certificate in it cannot be read");
	if (t->n == before)
		return err_set(e, ERR_INPUT, "no PEM certificate in it");
	return 0;
}

void trust_add_lazily(struct trust *t, struct span pem)
{
	strv_add_span(&t->lazy, pem);
}

void trust_add_later(struct trust *t, void (*add)(struct trust *t, const char *what),
		     const char *what)
{
	t->later = add;
	t->later_what = mem_strdup(what);
}

void trust_add_folder(struct trust *t, const char *dir)
{
	strv_add(&t->folders, dir);
}

/* -- looking up ------------------------------------------------------------------- */

static X509 *authority_read(struct authority *a)
{
	const unsigned char *p = a->der;

	if (!a->cert && a->has_limits)
		a->cert = d2i_X509_AUX(NULL, &p, (long)a->n);
	else if (!a->cert)
		a->cert = d2i_X509(NULL, &p, (long)a->n);
	return a->cert;
}

/* Lock held. */
static void find_kind(struct trust *t, const X509_NAME *name, bool has_limits, X509_STORE *store)
{
	for (size_t i = 0; i < t->n; i++) {
		X509 *cert;

		if (t->list[i].has_limits != has_limits ||
		    X509_NAME_cmp(t->list[i].name, name) != 0)
			continue;
		cert = authority_read(&t->list[i]);
		if (cert)
			X509_STORE_add_cert(store, cert);
	}
}

/* Lock held. */
static void read_lazy(struct trust *t)
{
	if (t->later)
		t->later(t, t->later_what);
	t->later = NULL;
	for (size_t i = 0; i < t->lazy.n; i++)
		add_text(t, span_of_str(t->lazy.v[i]));
	strv_release(&t->lazy);
}

/* Those of that name, into the store, which takes the first of those that are equal. */
static void trust_find(struct trust *t, const X509_NAME *name, X509_STORE *store)
{
	if (!t)
		return;
	pthread_mutex_lock(&t->lock);
	read_lazy(t);
	find_kind(t, name, true, store);
	find_kind(t, name, false, store);
	pthread_mutex_unlock(&t->lock);
}

static int by_subject(X509_LOOKUP *lookup, X509_LOOKUP_TYPE type, const X509_NAME *name,
		      X509_OBJECT *out)
{
	struct trust *const *both = X509_LOOKUP_get_method_data(lookup);
	X509_STORE *store = X509_LOOKUP_get_store(lookup);
	X509_OBJECT *found;
	X509 *cert;

	if (type != X509_LU_X509)
		return 0;
	trust_find(both[0], name, store);
	trust_find(both[1], name, store);
	ERR_clear_error();
	X509_STORE_lock(store);
	found = X509_OBJECT_retrieve_by_subject(X509_STORE_get0_objects(store), type, name);
	X509_STORE_unlock(store);
	cert = found ? X509_OBJECT_get0_X509(found) : NULL;
	/* what is handed out is the store's: it takes a reference of its own when it returns it */
	if (!cert || !X509_OBJECT_set1_X509(out, cert))
		return 0;
	X509_free(cert);
	return 1;
}

static void lookup_free(X509_LOOKUP *lookup)
{
	free(X509_LOOKUP_get_method_data(lookup));
}

static X509_LOOKUP_METHOD *method;

static void method_make(void)
{
	method = X509_LOOKUP_meth_new("lists in memory");
	if (method) {
		X509_LOOKUP_meth_set_get_by_subject(method, by_subject);
		X509_LOOKUP_meth_set_free(method, lookup_free);
	}
}

static bool add_lookup(X509_STORE *store, struct trust *a, struct trust *b)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	X509_LOOKUP *lookup;
	struct trust **both;

	pthread_once(&once, method_make);
	lookup = method ? X509_STORE_add_lookup(store, method) : NULL;
	if (!lookup)
		return false;
	both = mem_resize(NULL, 2, sizeof(struct trust *));
	both[0] = a;
	both[1] = b;
	return X509_LOOKUP_set_method_data(lookup, both);
}

static bool add_folders(X509_STORE *store, const struct trust *t)
{
	for (size_t i = 0; t && i < t->folders.n; i++)
		if (!X509_STORE_load_path(store, t->folders.v[i]))
			return false;
	return true;
}

static int wanted_index;
static pthread_once_t wanted_once = PTHREAD_ONCE_INIT;

static void wanted_begin(void)
{
	wanted_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
}

/* OpenSSL calls it when a server asks for a certificate. */
static int note_wanted(SSL *ssl, void *arg)
{
	(void)arg;
	SSL_set_ex_data(ssl, wanted_index, &wanted_index);
	return 1;
}

bool trust_cert_was_wanted(void *ssl)
{
	pthread_once(&wanted_once, wanted_begin);
	return SSL_get_ex_data(ssl, wanted_index) != NULL;
}

int trust_use(void *ssl_ctx, struct trust *a, struct trust *b)
{
	X509_STORE *store = X509_STORE_new();

	if (!store || !add_lookup(store, a, b) || !add_folders(store, a) ||
	    !add_folders(store, b)) {
		X509_STORE_free(store);
		return -1;
	}
	/* a server's own certificate may be what is trusted, and an authority in the middle, too */
	X509_STORE_set_flags(store, X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN);
	SSL_CTX_set_cert_store(ssl_ctx, store);
	pthread_once(&wanted_once, wanted_begin);
	SSL_CTX_set_cert_cb(ssl_ctx, note_wanted, NULL);
	return 0;
}

/* -- words ------------------------------------------------------------------------- */

enum trust_flaw trust_flaw_of(long verify_result)
{
	switch (verify_result) {
	case X509_V_OK:
		return TRUST_NO_FLAW;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
		return TRUST_NO_ISSUER;
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return TRUST_EXPIRED;
	default:
		return TRUST_OTHER;
	}
}

/* -- client certificates ------------------------------------------------------------- */

/* In place of the one that asks at the terminal. */
static int no_passphrase(char *buf, int size, int writing, void *asked)
{
	(void)buf, (void)size, (void)writing;
	*(bool *)asked = true;
	return -1;
}

static int pair_check(X509 *cert, EVP_PKEY *key, bool asked, struct err *e)
{
	if (!cert)
		return err_set(e, ERR_DENIED, "the certificate cannot be read");
	if (!key && asked)
		return err_set(e, ERR_DENIED,
			       "the key is encrypted; one without a passphrase is needed");
	if (!key)
		return err_set(e, ERR_DENIED, "the key cannot be read");
	if (X509_check_private_key(cert, key) != 1)
		return err_set(e, ERR_DENIED, "the key does not belong to the certificate");
	return 0;
}

int trust_check_pair(struct span cert, struct span key, struct err *e)
{
	BIO *cert_bio = BIO_new_mem_buf(cert.p, (int)cert.n);
	BIO *key_bio = BIO_new_mem_buf(key.p, (int)key.n);
	bool asked = false;
	X509 *x = PEM_read_bio_X509(cert_bio, NULL, no_passphrase, &asked);
	EVP_PKEY *k = PEM_read_bio_PrivateKey(key_bio, NULL, no_passphrase, &asked);
	int r = pair_check(x, k, asked, e);

	EVP_PKEY_free(k);
	X509_free(x);
	BIO_free(cert_bio);
	BIO_free(key_bio);
	ERR_clear_error();
	return r;
}
