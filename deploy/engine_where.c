/*
 * docker's rules, but for three: certificates are always checked, a context's "skip the check" included;
 * plain tcp to another machine has to be asked for; and where certificates are named, they are used.
 */
#include "deploy/engine_where.h"

#include <unistd.h>

#include "base/mem.h"
#include "deploy/engine_context.h"

#define ENGINE_HOST_DFLT  "unix:///var/run/docker.sock"
#define ENGINE_PLAIN_PORT 2375u /* docker's own */
#define ENGINE_TLS_PORT	  2376u
#define ENGINE_TIMEOUT_MS 60000

void engine_where_release(struct engine_where *w)
{
	engine_host_release(&w->host);
	engine_tls_release(&w->tls);
	engine_ssh_free(w->ssh);
	free(w->base);
	*w = (struct engine_where){ 0 };
}

/* An empty variable counts as none, as it does for docker. */
const char *engine_variable(const struct engine_options *opt, const char *name)
{
	const char *value = opt->variable ? opt->variable(name) : NULL;

	return value && *value ? value : NULL;
}

/* Where docker keeps its settings; NULL: nowhere. */
static char *config_dir(const struct engine_options *opt)
{
	const char *dir = engine_variable(opt, "DOCKER_CONFIG"),
		   *home = engine_variable(opt, "HOME");

	if (dir)
		return mem_strdup(dir);
	return home ? mem_printf("%s/.docker", home) : NULL;
}

/* *tls_dir: where the certificates are, when they are the context's. */
static int find_host(struct engine_where *w, char **tls_dir, const struct engine_options *opt,
		     struct err *e)
{
	auto_engine_context struct engine_context context = { 0 };
	bool asked = opt->context && *opt->context;
	const char *name = asked ? opt->context : engine_variable(opt, "DOCKER_CONTEXT");
	auto_free char *dir = config_dir(opt);

	if (opt->host && *opt->host && !asked)
		return engine_host_parse(&w->host, opt->host, e);
	if (asked && !dir)
		return err_set(e, ERR_ABSENT,
			       "--context: neither DOCKER_CONFIG nor HOME says where contexts are");
	if (dir && engine_context_find(&context, dir, name, e) < 0)
		return -1;
	*tls_dir = STEAL(&context.tls_dir);
	return engine_host_parse(&w->host, context.host ? context.host : ENGINE_HOST_DFLT, e);
}

/* The file in dir, when it is there and no option names another one. */
static char *tls_file(const char *option, const char *dir, const char *name)
{
	auto_free char *path = dir ? mem_printf("%s/%s", dir, name) : NULL;

	if (option)
		return mem_strdup(option);
	return path && access(path, F_OK) == 0 ? STEAL(&path) : NULL;
}

static int set_tls(struct engine_where *w, const char *dir, const struct engine_options *opt,
		   struct err *e)
{
	const char *named = engine_variable(opt, "DOCKER_CERT_PATH");
	auto_free char *usual = config_dir(opt);
	const char *from = dir ? dir : named ? named : usual;
	auto_free char *ca = tls_file(opt->tls_ca, from, "ca.pem");
	auto_free char *cert = tls_file(opt->tls_cert, from, "cert.pem");
	auto_free char *key = tls_file(opt->tls_key, from, "key.pem");

	if (from == named && named && !ca && !cert && !key)
		return err_set(e, ERR_ABSENT,
			       "DOCKER_CERT_PATH: '%s' holds no ca.pem, cert.pem or key.pem",
			       named);
	if (engine_tls_read(&w->tls, ca, cert, key, e) < 0)
		return -1;
	w->has_tls = true;
	w->base = mem_printf("https://%s:%u", w->host.name,
			     w->host.port ? w->host.port : ENGINE_TLS_PORT);
	return 0;
}

static int set_tcp(struct engine_where *w, const char *dir, const struct engine_options *opt,
		   struct err *e)
{
	bool named = opt->tls_ca || opt->tls_cert || opt->tls_key;
	/* docker checks nothing when only DOCKER_TLS is set; here all ways to ask for TLS are one */
	bool asked =
		engine_variable(opt, "DOCKER_TLS_VERIFY") || engine_variable(opt, "DOCKER_TLS");

	if (named || asked || dir ||
	    (engine_variable(opt, "DOCKER_CERT_PATH") && !w->host.is_loopback))
		return set_tls(w, dir, opt, e);
	if (!w->host.is_loopback && !opt->insecure)
		return err_set(e, ERR_INPUT,
			       "engine '%s': plain tcp is only for this machine: whoever reaches "
			       "it there is root on the swarm (DOCKER_TLS_VERIFY=1 and "
			       "DOCKER_CERT_PATH, --tls-ca, --tls-cert and --tls-key, or ssh://; "
			       "--insecure goes without)",
			       w->host.text);
	w->base = mem_printf("http://%s:%u", w->host.name,
			     w->host.port ? w->host.port : ENGINE_PLAIN_PORT);
	return 0;
}

int engine_where_find(struct engine_where *w, const struct engine_options *opt, struct err *e)
{
	auto_free char *tls_dir = NULL;

	if (find_host(w, &tls_dir, opt, e) < 0)
		return -1;
	if (w->host.way == ENGINE_TCP)
		return set_tcp(w, tls_dir, opt, e);
	w->base = mem_strdup("http://docker");
	if (w->host.way == ENGINE_SSH)
		return engine_ssh_new(&w->ssh, &w->host, opt->known_hosts, e);
	return 0;
}

struct http_request engine_where_request(const struct engine_where *w, const char *method,
					 const char *url)
{
	return (struct http_request){
		.method = method,
		.url = url,
		.unix_socket = w->host.way == ENGINE_SOCKET ? w->host.path : NULL,
		.tls = w->has_tls ? &w->tls.tls : NULL,
		.dial = w->ssh ? engine_ssh_dial(w->ssh) : NULL,
		.timeout_ms = ENGINE_TIMEOUT_MS,
	};
}
