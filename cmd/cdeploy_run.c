/*
 * The ways that commands share: the engine, the images. cdeploy_read.c has the file.
 */
#include <fcntl.h>

#include "base/fs.h"
#include "base/http_curl.h"
#include "base/http_retry.h"
#include "base/mem.h"
#include "base/sign.h"
#include "cmd/cdeploy.h"
#include "deploy/images.h"

#define WORKERS 8 /* they wait for registries */

void cdeploy_release(struct cdeploy *c)
{
	cdeploy_args_release(&c->args);
	registry_mirrors_release(&c->mirrors);
	strv_release(&c->environment);
	deploy_stack_release(&c->stack);
	free(c->file);
	free(c->project);
	free(c->scope);
	engine_free(c->engine);
	sign_key_free(c->verify_key);
	http_free(c->http);
}

bool cdeploy_gives_credentials(const struct cdeploy *c)
{
	return !c->args.registry_auth || strcmp(c->args.registry_auth, "none") != 0;
}

static int read_verify_key(struct cdeploy *c, struct err *e)
{
	auto_buf struct buf pem = BUF_INIT(SIGN_KEY_MAX);

	if (!c->args.verify_key)
		return 0;
	if (fs_read_file(AT_FDCWD, c->args.verify_key, &pem, e) < 0)
		return err_wrap(e, "--verify-key");
	if (sign_key_public(&c->verify_key, buf_span(&pem), e) < 0)
		return err_wrap(e, "--verify-key: '%s'", c->args.verify_key);
	return 0;
}

static const char *variable(const char *name)
{
	return getenv(name);
}

static int open_engine(struct cdeploy *c, struct err *e)
{
	const struct cdeploy_args *a = &c->args;
	struct engine_options opt = { .host = a->host,
				      .context = a->context,
				      .tls_ca = a->tls_ca,
				      .tls_cert = a->tls_cert,
				      .tls_key = a->tls_key,
				      .known_hosts = a->known_hosts,
				      .insecure = a->insecure,
				      .variable = variable };

	return engine_open(&c->engine, &c->app->op, c->http, &opt, e);
}

int cdeploy_connect(struct cdeploy *c, struct err *e)
{
	struct http_curl_options curl = { .ca_file = c->args.ca, .user_agent = "cdeploy/" VERSION };

	if (registry_mirrors_parse(&c->mirrors, &c->args.mirrors, e) < 0 ||
	    read_verify_key(c, e) < 0 || app_start(c->app, WORKERS, e) < 0 ||
	    http_curl_new(&c->http, &curl, e) < 0)
		return -1;
	/* what the nodes cannot pull is to be seen before anything is changed */
	c->pulls_with = c->app->credentials;
	c->pulls_with.to_keep = cdeploy_gives_credentials(c);
	c->registry = (struct registry_options){ .credentials = &c->pulls_with,
						 .certs = c->app->certs,
						 .mirrors = &c->mirrors,
						 .plain_http = c->args.plain_http,
						 .retries = HTTP_RETRIES_DEFAULT };
	return open_engine(c, e);
}

int cdeploy_pin(struct cdeploy *c, struct op *op, struct strv *silent, struct err *e)
{
	return deploy_images_pin(&c->stack, op, c->http, &c->registry, c->verify_key, silent, e);
}
