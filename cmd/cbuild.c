/*
 * cbuild: a Dockerfile and its context -> an image. oci/build does the work; argv is read by
 * cbuild_args.c, results are told by cbuild_results.c.
 *
 * The order matters: the sandbox may enter namespaces and starts its helper, which only a process
 * of one thread can; it knows no credentials and no secrets, so these are looked up afterwards.
 */
#include "base/code_quality.h"
#include "base/http_curl.h"
#include "base/http_retry.h"
#include "base/mem.h"
#include "base/progress.h"
#include "cmd/app.h"
#include "cmd/cbuild_args.h"
#include "cmd/cbuild_elsewhere.h"
#include "cmd/cbuild_results.h"
#include "cmd/result_files.h"
#include "oci/build/build.h"
#include "oci/build/cache_prune.h"
#include "oci/dockerfile/report.h"
#include "oci/run/choose.h"
#include "registry/mirror.h"
#include "registry/pull.h"
#include "registry/sink.h"

struct cbuild {
	struct app *app;
	struct cbuild_args args;
	struct build_options opt;
	struct sandbox *sandbox;
	struct err no_sandbox;
	struct http *http;
	struct registry_mirrors mirrors;
	struct registry_options registry;
	struct image_source *source;
	struct image_sink *sink;
	struct build_result result;
	struct facts facts; /* for --report */
};

static void cbuild_release(struct cbuild *c)
{
	if (c->facts.to)
		c->app->op.progress = c->facts.to;
	image_sink_free(c->sink);
	image_source_free(c->source);
	http_free(c->http);
	sandbox_free(c->sandbox);
	build_result_release(&c->result);
	build_options_release(&c->opt);
	registry_mirrors_release(&c->mirrors);
	cbuild_args_release(&c->args);
	facts_release(&c->facts);
}

/* -- the way ------------------------------------------------------------------------ */

static const char *variable(const char *name)
{
	return getenv(name);
}

static void open_sandbox(struct cbuild *c)
{
	const char *isolation = c->args.isolation ? c->args.isolation : "auto";
	const char *forced = variable("CBUILD_INPLACE");
	auto_strv struct strv named = STRV_INIT;
	const struct inplace_options inplace = { .root = c->app->root,
						 .kept = &named,
						 .progress = c->app->op.progress,
						 .is_forced = forced && strcmp(forced, "1") == 0 };

	cbuild_args_places(&named, &c->opt, variable);
	if (sandbox_choose(&c->sandbox, isolation, &inplace, &c->no_sandbox) < 0)
		c->sandbox = NULL; /* only builds that need one fail */
}

static bool is_check(const struct cbuild_args *a)
{
	return a->is_call && a->what.call == BUILD_CALL_CHECK;
}

static int open_registry(struct cbuild *c, struct err *e)
{
	const struct http_curl_options curl = { .ca_file = c->args.ca,
						.no_ca_folder = c->sandbox && c->sandbox->bare,
						.user_agent = "cbuild/" VERSION };

	if (registry_mirrors_parse(&c->mirrors, &c->args.mirrors, e) < 0 ||
	    http_curl_new(&c->http, &curl, e) < 0 ||
	    app_credentials(c->app, c->args.authfile, e) < 0)
		return -1;
	app_certs(c->app);
	/* to a check a base is a help, and one that is not there is not waited for */
	c->registry =
		(struct registry_options){ .credentials = &c->app->credentials,
					   .certs = c->app->certs,
					   .mirrors = &c->mirrors,
					   .plain_http_host = c->args.plain_http,
					   .retries = is_check(&c->args) ? 0 : HTTP_RETRIES_DEFAULT,
					   .jobs = c->args.jobs };
	c->source = registry_source_new(c->http, &c->registry);
	c->sink = registry_sink_new(c->http, &c->registry);
	return 0;
}

static int build(struct cbuild *c, struct err *e)
{
	const struct build_env env = { .root = c->app->root,
				       .sandbox = c->sandbox,
				       .no_sandbox = &c->no_sandbox,
				       .registry = c->source,
				       .sink = c->sink,
				       .http = c->http };

	if (c->args.reports.n)
		c->app->op.progress = facts_init(&c->facts, c->app->op.progress, c->app->op.clock);
	if (oci_build(&c->result, &c->app->op, &env, &c->opt, e) < 0)
		return -1;
	for (size_t i = 0; i < c->result.names.n; i++)
		progress_note(c->app->op.progress, "built %s", c->result.names.v[i]);
	if (c->args.reports.n &&
	    cbuild_results_report(c->app, &c->args, &c->result, &c->facts, e) < 0)
		return -1;
	return cbuild_results_write(c->app, &c->args, &c->result, e);
}

/* What is printed; one line end is app_result's. */
static int tell(struct cbuild *c, struct buf *out, struct err *e)
{
	if (out->len && out->data[out->len - 1] == '\n')
		out->data[--out->len] = '\0';
	return out->len ? app_result(c->app, buf_str(out), e) : 0;
}

static int write_quality(const struct cbuild *c, struct code_quality *q, struct err *e)
{
	const struct result_file file = { "--code-quality", c->args.code_quality,
					  code_quality_finish(q) };

	return result_files_write(&file, 1, e);
}

/* Warnings are a failure, so that a job can be made of it. */
static int call(struct cbuild *c, struct err *e)
{
	const struct build_env env = { .root = c->app->root,
				       .registry = c->source,
				       .http = c->http };
	auto_buf struct buf out = BUF_INIT(REPORT_MAX);
	auto_code_quality struct code_quality quality;
	auto_free char *cwd = getcwd(NULL, 0);
	struct err lost = ERR_INIT;
	bool warned;
	int r;

	code_quality_init(&quality);
	c->args.what.quality = &quality;
	c->args.what.cwd = cwd ? cwd : "/";
	c->args.what.project_dir = variable("CI_PROJECT_DIR");
	r = oci_build_call(&out, &warned, &c->app->op, &env, &c->opt, &c->args.what, e);
	if (r == 0)
		r = write_quality(c, &quality, e);
	if (tell(c, &out, &lost) < 0 && r == 0) {
		*e = lost;
		return -1;
	}
	if (r == 0 && warned)
		return err_set(e, ERR_FAILED, "the build checks have found something");
	return r;
}

static int prune(const struct cbuild *c, struct err *e)
{
	struct cache_pruned got;
	auto_buf struct buf line = BUF_INIT(BUF_SMALL);

	if (cache_prune(&got, &c->app->op, c->app->root, &c->args.prune_what, e) < 0)
		return -1;
	cache_pruned_line(&line, &got);
	return app_result(c->app, buf_str(&line), e);
}

static int cbuild_main(struct app *app, int argc, char **argv, struct err *e)
{
	CLEANUP(cbuild_release) struct cbuild c = { .app = app, .args = { .jobs = 4 } };
	int r = app_parse(app, cbuild_opts, &c.args, argc, argv, e);

	if (r <= 0)
		return r;
	/* files of ours may be elsewhere */
	if (sandbox_inplace_restore(app->op.progress, e) < 0)
		return -1;
	if (cbuild_args_take(&c.opt, &c.args, &app->positional, e) < 0)
		return -1;
	if (cbuild_results_check(&c.args, e) < 0)
		return -1;
	if (!c.args.is_call)
		open_sandbox(&c);
	/* not before, so that the helper never has them; a pipe is waited for, and a signal still ends us */
	if (!c.args.is_call && run_options_load(&c.opt.run, variable, e) < 0)
		return -1;
	if (app_start(app, c.args.jobs, e) < 0)
		return -1;
	if (!c.args.is_call && !c.sandbox)
		log_info(&app->op, "isolation: none (%s)", c.no_sandbox.text);
	if (open_registry(&c, e) < 0)
		return -1;
	if (c.args.is_prune)
		return prune(&c, e);
	return c.args.is_call ? call(&c, e) : build(&c, e);
}

int main(int argc, char **argv)
{
	struct app app = APP_INIT("cbuild", "cbuild [OPTIONS] CONTEXT",
				  "Builds an image from a Dockerfile.");
	struct err e = ERR_INIT;
	int r;

	app.has_state = true;
	app.is_looked_into = true; /* git reads its configuration there */
	app.elsewhere = cbuild_elsewhere;
	r = cbuild_main(&app, argc, argv, &e);
	return app_end(&app, r, &e);
}
