/*
 * cdeploy: orcinus.yml -> services of a swarm. Only translates argv; deploy/ does the work.
 */
#include <fcntl.h>

#include "base/fs.h"
#include "base/http_curl.h"
#include "base/http_retry.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/progress.h"
#include "cmd/app.h"
#include "deploy/images.h"
#include "deploy/locate.h"
#include "deploy/manifest.h"
#include "deploy/up.h"
#include "deploy/yaml.h"
#include "registry/mirror.h"

struct cdeploy_args {
	const char *file, *env, *dir, *project, *host, *authfile, *ca, *registry_auth, *verify_key;
	struct strv images, mirrors;
	int64_t timeout_ms, pending_timeout_ms, stable_ms;
	bool detach, no_rollback, plain_http;
};

static const struct opt cdeploy_opts[] = {
	OPT_STR('f', "file", "CDEPLOY_FILE", struct cdeploy_args, file, "FILE",
		"the file (orcinus.yml, .yaml or .json)"),
	OPT_STR(0, "env", "CDEPLOY_ENV", struct cdeploy_args, env, "NAME",
		"look for orcinus-NAME.yml first"),
	OPT_LIST(0, "image", "CDEPLOY_IMAGE", struct cdeploy_args, images, "[SERVICE=]REF",
		 "the image of a service, or for <IMG_NAME>"),
	OPT_STR(0, "dir", "CDEPLOY_DIR", struct cdeploy_args, dir, "DIR",
		"the service's folder (.)"),
	OPT_STR(0, "project", "CDEPLOY_PROJECT", struct cdeploy_args, project, "NAME",
		"owner of the services (CI_PROJECT_PATH, else the folder's name)"),
	OPT_STR('H', "host", "DOCKER_HOST", struct cdeploy_args, host, "URL",
		"the engine: unix:///… or tcp://127.0.0.1:…"),
	OPT_DURATION(0, "timeout", "CDEPLOY_TIMEOUT", struct cdeploy_args, timeout_ms,
		     "limit for the whole rollout (10m)"),
	OPT_DURATION(0, "pending-timeout", "CDEPLOY_PENDING_TIMEOUT", struct cdeploy_args,
		     pending_timeout_ms, "limit for a task that finds no node (1m)"),
	OPT_DURATION(0, "stable", "CDEPLOY_STABLE", struct cdeploy_args, stable_ms,
		     "how long new tasks must keep running (5s)"),
	OPT_FLAG(0, "detach", NULL, struct cdeploy_args, detach, "do not wait for the rollout"),
	OPT_FLAG(0, "no-rollback", NULL, struct cdeploy_args, no_rollback,
		 "leave a failed rollout as it is"),
	OPT_STR(0, "authfile", "CDEPLOY_AUTHFILE", struct cdeploy_args, authfile, "FILE",
		"credentials, in the form of docker's config.json"),
	OPT_CHOICE(0, "registry-auth", "CDEPLOY_REGISTRY_AUTH", struct cdeploy_args, registry_auth,
		   "auto|none", "give the engine credentials for the images (auto)"),
	OPT_STR(0, "ca", "CDEPLOY_CA", struct cdeploy_args, ca, "FILE",
		"trust these certificates, too"),
	OPT_FLAG(0, "plain-http", "CDEPLOY_PLAIN_HTTP", struct cdeploy_args, plain_http,
		 "http to registries that are not on this machine"),
	OPT_LIST(0, "registry-mirror", "CDEPLOY_REGISTRY_MIRROR", struct cdeploy_args, mirrors,
		 "HOST=URL", "read what HOST has from there first"),
	OPT_STR(0, "verify-key", "CDEPLOY_VERIFY_KEY", struct cdeploy_args, verify_key, "FILE",
		"deploy only images that this public key confirms"),
	OPT_END,
};

struct cdeploy {
	struct app *app;
	struct cdeploy_args args;
	struct strv environment;
	struct deploy_stack stack;
	char *file, *project;
	struct http *http;
	struct registry_mirrors mirrors;
};

static void cdeploy_release(struct cdeploy *c)
{
	strv_release(&c->args.images);
	strv_release(&c->args.mirrors);
	registry_mirrors_release(&c->mirrors);
	strv_release(&c->environment);
	deploy_stack_release(&c->stack);
	free(c->file);
	free(c->project);
	http_free(c->http);
}

extern char **environ;

static int read_stack(struct cdeploy *c, struct err *e)
{
	const char *dir = c->args.dir ? c->args.dir : ".";
	auto_close int dirfd = fs_open_dir(dir, e);
	auto_buf struct buf text = BUF_INIT(DEPLOY_YAML_MAX);
	auto_strv struct strv warnings = STRV_INIT;
	struct deploy_wanted wanted = {
		.dirfd = dirfd, .dir = dir, .file = c->args.file, .env = c->args.env
	};
	struct deploy_input in = { .env = &c->environment,
				   .images = &c->args.images,
				   .image_ref = getenv("IMAGE_REF") };
	auto_free char *shown = NULL;
	int r;

	if (dirfd < 0 || deploy_locate(&c->file, &wanted, e) < 0 ||
	    fs_read_file(dirfd, c->file, &text, e) < 0)
		return -1;
	/* so that a job's log says which of several it was */
	shown = c->args.dir && c->file[0] != '/' ? mem_printf("%s/%s", dir, c->file)
						 : mem_strdup(c->file);
	in.file = shown;
	in.text = buf_span(&text);
	for (char **v = environ; *v; v++)
		strv_add(&c->environment, *v);
	r = deploy_manifest_read(&c->stack, &in, &warnings, e);
	for (size_t i = 0; i < warnings.n; i++)
		progress_warn(c->app->op.progress, "%s", warnings.v[i]);
	return r;
}

/* --project, else CI_PROJECT_PATH, else the folder's own name. */
static int find_project(struct cdeploy *c, struct err *e)
{
	const char *ci = getenv("CI_PROJECT_PATH");
	const char *slash;

	if (c->args.project && !*c->args.project)
		return err_set(e, ERR_INPUT, "--project: a name is needed");
	if (c->args.project || (ci && *ci)) {
		c->project = mem_strdup(c->args.project ? c->args.project : ci);
		return 0;
	}

	auto_free char *path = realpath(c->args.dir ? c->args.dir : ".", NULL);

	if (!path)
		return err_sys(e, "the name of '%s'", c->args.dir ? c->args.dir : ".");
	slash = strrchr(path, '/');
	c->project = mem_strdup(slash && slash[1] ? slash + 1 : "root");
	return 0;
}

static int cmd_check(struct cdeploy *c, struct err *e)
{
	auto_free char *line = mem_printf("%s: %zu service%s, nothing wrong", c->file, c->stack.nr,
					  c->stack.nr == 1 ? "" : "s");

	return app_result(c->app, line, e);
}

static int cmd_render(struct cdeploy *c, struct err *e)
{
	struct deploy_owner owner = { .project = c->project };
	auto_json json_t *all = json_array();
	auto_free char *text = NULL;

	for (size_t i = 0; i < c->stack.nr; i++)
		json_array_append_new(all, deploy_spec_json(&c->stack.services[i], &owner));
	text = json_dumps(all, JSON_INDENT(2));
	if (!text)
		return err_set(e, ERR_FAILED,
			       "render: the specification cannot be written as JSON");
	return app_result(c->app, text, e);
}

/* An image whose credentials cannot be read is deployed without; the engine then says what it misses. */
static char *auth_for(void *arg, const struct oci_reference *image)
{
	struct cdeploy *c = arg;
	struct err e = ERR_INIT;
	char *value = deploy_registry_auth(&c->app->op, &c->app->credentials, image, &e);

	if (e.kind != ERR_NONE)
		progress_warn(c->app->op.progress, "credentials for '%s': %s", image->host, e.text);
	return value;
}

static int print_outcomes(struct cdeploy *c, const struct deploy_outcome *outcomes, size_t nr,
			  struct err *e)
{
	static const char *const verbs[] = {
		[DEPLOY_CREATED] = "created",
		[DEPLOY_UPDATED] = "updated",
		[DEPLOY_UNCHANGED] = "unchanged",
		[DEPLOY_REMOVED] = "removed",
		[DEPLOY_VERB_ROLLED_BACK] = "rolled-back",
	};

	for (size_t i = 0; i < nr; i++) {
		auto_free char *line = mem_printf("%s %s %s", outcomes[i].name,
						  verbs[outcomes[i].verb], outcomes[i].image);

		if (app_result(c->app, line, e) < 0)
			return -1;
	}
	return 0;
}

static int deploy(struct cdeploy *c, struct engine *eng, struct err *e)
{
	const struct cdeploy_args *a = &c->args;
	bool auth = !a->registry_auth || strcmp(a->registry_auth, "none") != 0;
	struct deploy_options opt = {
		.owner = { .project = c->project },
		.timeout_ms = a->timeout_ms,
		.pending_timeout_ms = a->pending_timeout_ms,
		.stable_ms = a->stable_ms,
		.detach = a->detach,
		.no_rollback = a->no_rollback,
		.registry_auth = auth ? auth_for : NULL,
		.registry_auth_arg = c,
	};
	auto_free struct deploy_outcome *outcomes =
		mem_resize(NULL, c->stack.nr + 1, sizeof(*outcomes));
	struct err print_error = ERR_INIT;
	size_t nr = 0;
	int r;

	/* else the engine would take back what we are to leave */
	for (size_t i = 0; i < c->stack.nr; i++)
		c->stack.services[i].stays_failed = a->no_rollback;
	r = deploy_up(outcomes, &nr, &c->app->op, eng, &c->stack, &opt, e);

	if (print_outcomes(c, outcomes, nr, &print_error) < 0 && r == 0) {
		*e = print_error;
		return -1;
	}
	return r;
}

static int read_verify_key(struct sign_key **out, const struct cdeploy *c, struct err *e)
{
	auto_buf struct buf pem = BUF_INIT(SIGN_KEY_MAX);

	if (!c->args.verify_key)
		return 0;
	if (fs_read_file(AT_FDCWD, c->args.verify_key, &pem, e) < 0)
		return err_wrap(e, "--verify-key");
	if (sign_key_public(out, buf_span(&pem), e) < 0)
		return err_wrap(e, "--verify-key: '%s'", c->args.verify_key);
	return 0;
}

static int cmd_up(struct cdeploy *c, struct err *e)
{
	auto_engine struct engine *eng = NULL;
	auto_sign_key struct sign_key *key = NULL;
	struct http_curl_options curl = { .ca_file = c->args.ca, .user_agent = "cdeploy/" VERSION };
	struct registry_options reg = { .credentials = &c->app->credentials,
					.certs = c->app->certs,
					.mirrors = &c->mirrors,
					.plain_http = c->args.plain_http,
					.retries = HTTP_RETRIES_DEFAULT };

	if (registry_mirrors_parse(&c->mirrors, &c->args.mirrors, e) < 0 ||
	    read_verify_key(&key, c, e) < 0 || app_start(c->app, 2, e) < 0 ||
	    http_curl_new(&c->http, &curl, e) < 0)
		return -1;
	/* everything is known before anything is changed */
	if (engine_open(&eng, &c->app->op, c->http, c->args.host, e) < 0 ||
	    engine_check_manager(&c->app->op, eng, e) < 0 ||
	    deploy_images_pin(&c->stack, &c->app->op, c->http, &reg, key, e) < 0)
		return -1;
	return deploy(c, eng, e);
}

static const struct command {
	const char *name;
	int (*run)(struct cdeploy *c, struct err *e);
} commands[] = {
	{ "up", cmd_up },
	{ "render", cmd_render },
	{ "check", cmd_check },
};

static const struct command *find_command(const struct app *app, struct err *e)
{
	const char *name = app->positional.n ? app->positional.v[0] : "up";

	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (strcmp(commands[i].name, name) == 0) {
			if (app->positional.n <= 1)
				return &commands[i];
			err_set(e, ERR_INPUT, "%s: unexpected argument '%s'", name,
				app->positional.v[1]);
			return NULL;
		}
	err_set(e, ERR_INPUT, "unknown command '%s' (up, render, check)", name);
	return NULL;
}

/* 0 is a length of time, too: no stable window at all; but a limit of 0 is none. */
static int check_times(struct cdeploy_args *a, struct err *e)
{
	if (a->timeout_ms == 0 || a->pending_timeout_ms == 0)
		return err_set(e, ERR_INPUT,
			       "--timeout and --pending-timeout: more than 0 is needed");
	if (a->stable_ms == 0)
		a->stable_ms = 1;
	return 0;
}

static int cdeploy_main(struct cdeploy *c, int argc, char **argv, struct err *e)
{
	const struct command *command;
	int r = app_parse(c->app, cdeploy_opts, &c->args, argc, argv, e);

	if (r <= 0)
		return r;
	command = find_command(c->app, e);
	if (!command || check_times(&c->args, e) < 0 || find_project(c, e) < 0 ||
	    read_stack(c, e) < 0)
		return -1;
	app_credentials(c->app, c->args.authfile);
	app_certs(c->app);
	return command->run(c, e);
}

int main(int argc, char **argv)
{
	struct app app = APP_INIT("cdeploy", "cdeploy [OPTIONS] [up|render|check]",
				  "Brings the services of an orcinus.yml up on a Docker swarm.");
	struct cdeploy c = {
		.app = &app,
		.args = { .timeout_ms = 600000, .pending_timeout_ms = 60000, .stable_ms = 5000 }
	};
	struct err e = ERR_INIT;
	int r = cdeploy_main(&c, argc, argv, &e);
	int status = app_end(&app, r, &e);

	cdeploy_release(&c);
	return status;
}
