/* A text with certificates, or without: taken or refused, and looked into when a server is asked. */
#include <assert.h>

#include <openssl/ssl.h>

#include "base/trust.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Somebody asks for whoever issued this one. */
static void look_up(struct trust *t)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	X509_STORE_CTX *asking = X509_STORE_CTX_new();
	X509_NAME *name = X509_NAME_new();
	X509_OBJECT *found = X509_OBJECT_new();
	int r = trust_use(ctx, t, NULL);

	assert(r == 0);
	(void)r;
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"Test CA", -1,
				   -1, 0);
	X509_STORE_CTX_init(asking, SSL_CTX_get_cert_store(ctx), NULL, NULL);
	X509_STORE_CTX_get_by_subject(asking, X509_LU_X509, name, found);
	X509_OBJECT_free(found);
	X509_NAME_free(name);
	X509_STORE_CTX_free(asking);
	SSL_CTX_free(ctx);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct trust *t = trust_new();
	struct err e = ERR_INIT;

	if (trust_add(t, span_of(data, size), &e) < 0)
		assert(e.kind == ERR_INPUT && e.text[0]);
	trust_add_lazily(t, span_of(data, size));
	look_up(t);
	if (trust_check_pair(span_of(data, size), span_of(data, size), &e) < 0)
		assert(e.kind == ERR_DENIED && e.text[0]);
	trust_free(t);
	return 0;
}
