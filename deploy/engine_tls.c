/*
 * docker's three files. There is no way to go without a check of the engine's certificate: whoever plays the
 * engine is root on the swarm.
 */
#include "deploy/engine_tls.h"

#include <fcntl.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/trust.h"

#define FILE_MAX (1u << 20)

void engine_tls_release(struct engine_tls *t)
{
	trust_free(t->tls.trust);
	free(t->cert);
	free(t->cert_name);
	secret_free(t->key);
	*t = (struct engine_tls){ 0 };
}

static int read_ca(struct engine_tls *t, const char *file, struct err *e)
{
	auto_buf struct buf pem = BUF_INIT(FILE_MAX);

	if (fs_read_file(AT_FDCWD, file, &pem, e) < 0)
		return err_wrap(e, "authority of the engine's certificate");
	t->tls.trust = trust_new();
	t->tls.is_only_trust = true;
	if (trust_add(t->tls.trust, buf_span(&pem), e) < 0)
		return err_wrap(e, "authority of the engine's certificate '%s'", file);
	return 0;
}

static int read_pair(struct engine_tls *t, const char *cert_file, const char *key_file,
		     struct err *e)
{
	auto_buf struct buf cert = BUF_INIT(FILE_MAX);
	auto_secret_buf struct buf key = BUF_INIT(FILE_MAX);

	if (fs_read_file(AT_FDCWD, cert_file, &cert, e) < 0)
		return err_wrap(e, "client certificate for the engine");
	if (fs_read_file(AT_FDCWD, key_file, &key, e) < 0)
		return err_wrap(e, "key of the client certificate for the engine");
	if (trust_check_pair(buf_span(&cert), buf_span(&key), e) < 0)
		return err_wrap(e, "client certificate '%s'", cert_file);
	t->tls.cert.n = cert.len;
	t->tls.key.n = key.len;
	t->tls.cert.p = t->cert = buf_steal(&cert);
	t->tls.key.p = t->key = buf_steal(&key);
	t->tls.cert_name = t->cert_name = mem_strdup(cert_file);
	return 0;
}

int engine_tls_read(struct engine_tls *out, const char *ca, const char *cert, const char *key,
		    struct err *e)
{
	auto_engine_tls struct engine_tls t = { 0 };

	if (!cert != !key)
		return err_set(e, ERR_INPUT,
			       "TLS with the engine: '%s' is of no use without its %s (--tls-cert "
			       "and --tls-key, or cert.pem and key.pem)",
			       cert ? cert : key, cert ? "key" : "certificate");
	if ((ca && read_ca(&t, ca, e) < 0) || (cert && read_pair(&t, cert, key, e) < 0))
		return -1;
	t.tls.ca_option = "--tls-ca";
	t.tls.cert_option = "--tls-cert FILE and --tls-key FILE";
	t.tls.plain_option = "no DOCKER_TLS_VERIFY and no --tls options";
	*out = t;
	t = (struct engine_tls){ 0 };
	return 0;
}
