/*
 * cbuild: a Dockerfile and its context -> an image. Only translates argv and the environment;
 * oci/build does the work.
 *
 * The order matters: the sandbox may enter namespaces and starts its helper, which only a process
 * of one thread can; it knows no credentials, so these are looked up afterwards.
 */
#include "base/fs.h"
#include "base/http_curl.h"
#include "base/http_retry.h"
#include "base/mem.h"
#include "base/progress.h"
#include "cmd/app.h"
#include "oci/build/build.h"
#include "oci/run/sandbox_ns.h"
#include "registry/pull.h"

struct cbuild_args {
	const char *file, *target, *platform, *iidfile, *metadata_file, *epoch, *authfile, *ca;
	const char *plain_http, *isolation;
	struct strv tags, build_args, labels, contexts, outputs;
	bool pull;
	unsigned compression_level, jobs;
	int64_t timeout_ms;
};

static const struct opt cbuild_opts[] = {
	OPT_STR('f', "file", "CBUILD_FILE", struct cbuild_args, file, "FILE",
		"the Dockerfile (CONTEXT/Dockerfile); - is standard input"),
	OPT_LIST('t', "tag", "CBUILD_TAG", struct cbuild_args, tags, "NAME",
		 "name of the image; may be given several times"),
	OPT_STR(0, "target", "CBUILD_TARGET", struct cbuild_args, target, "STAGE",
		"the stage to build (the last one)"),
	OPT_LIST(0, "build-arg", "CBUILD_BUILD_ARGS", struct cbuild_args, build_args,
		 "NAME[=VALUE]", "value of an ARG; without = the environment's"),
	OPT_LIST(0, "label", "CBUILD_LABELS", struct cbuild_args, labels, "NAME=VALUE",
		 "label of the image"),
	OPT_STR(0, "platform", "CBUILD_PLATFORM", struct cbuild_args, platform, "OS/ARCH",
		"what is built for (this machine)"),
	OPT_LIST(0, "build-context", "CBUILD_BUILD_CONTEXTS", struct cbuild_args, contexts,
		 "NAME=VALUE", "a directory, oci-layout://DIR[:TAG] or docker-image://REF"),
	OPT_FLAG(0, "pull", "CBUILD_PULL", struct cbuild_args, pull,
		 "ask the registry also for images that the store has"),
	OPT_LIST('o', "output", "CBUILD_OUTPUT", struct cbuild_args, outputs, "SPEC",
		 "type=oci,dest=PATH[,tar=false] instead of the store"),
	OPT_STR(0, "iidfile", "CBUILD_IIDFILE", struct cbuild_args, iidfile, "FILE",
		"write the digest of the image's configuration"),
	OPT_STR(0, "metadata-file", "CBUILD_METADATA_FILE", struct cbuild_args, metadata_file,
		"FILE", "write what was built, as JSON"),
	OPT_STR(0, "source-date-epoch", "SOURCE_DATE_EPOCH", struct cbuild_args, epoch, "SECONDS",
		"no time in the image is later"),
	OPT_UINT(0, "compression-level", "CBUILD_COMPRESSION_LEVEL", struct cbuild_args,
		 compression_level, "N", "of gzip, 1 to 9 (6)"),
	OPT_DURATION(0, "timeout", "CBUILD_TIMEOUT", struct cbuild_args, timeout_ms,
		     "limit for each RUN (none)"),
	OPT_STR(0, "authfile", "CBUILD_AUTHFILE", struct cbuild_args, authfile, "FILE",
		"credentials, in the form of docker's config.json"),
	OPT_STR(0, "ca", "CBUILD_CA", struct cbuild_args, ca, "FILE",
		"trust these certificates, too"),
	OPT_STR(0, "plain-http", "CBUILD_PLAIN_HTTP", struct cbuild_args, plain_http, "HOST",
		"http to this registry"),
	OPT_CHOICE(0, "isolation", "CBUILD_ISOLATION", struct cbuild_args, isolation, "auto|ns",
		   "how RUN is kept apart (auto: namespaces)"),
	OPT_UINT('j', "jobs", "CBUILD_JOBS", struct cbuild_args, jobs, "N",
		 "downloads and compressions at once (4)"),
	OPT_END,
};

struct cbuild {
	struct app *app;
	struct cbuild_args args;
	struct build_options opt;
	struct sandbox *sandbox;
	struct err no_sandbox;
	struct http *http;
	struct registry_options registry;
	struct image_source *source;
	struct build_result result;
};

static void cbuild_release(struct cbuild *c)
{
	image_source_free(c->source);
	http_free(c->http);
	sandbox_free(c->sandbox);
	build_result_release(&c->result);
	build_options_release(&c->opt);
	strv_release(&c->args.tags);
	strv_release(&c->args.build_args);
	strv_release(&c->args.labels);
	strv_release(&c->args.contexts);
	strv_release(&c->args.outputs);
}

/* -- arguments ---------------------------------------------------------------------- */

static int need_pair(const char *option, const char *text, struct err *e)
{
	const char *equals = strchr(text, '=');

	if (equals && equals != text)
		return 0;
	return err_set(e, ERR_INPUT, "%s: '%.200s' is not NAME=VALUE", option, text);
}

/* A name alone takes the environment's value, and is left out when there is none. */
static int take_build_args(struct cbuild *c, struct err *e)
{
	for (size_t i = 0; i < c->args.build_args.n; i++) {
		const char *arg = c->args.build_args.v[i];
		const char *equals = strchr(arg, '=');
		auto_free char *name =
			mem_strndup(arg, equals ? (size_t)(equals - arg) : strlen(arg));
		const char *value = equals ? equals + 1 : getenv(name);

		if (!*name)
			return err_set(e, ERR_INPUT, "--build-arg: '%.200s' has no name", arg);
		if (value)
			strv_env_set(&c->opt.build_args, name, value);
	}
	return 0;
}

static int take_lists(struct cbuild *c, struct err *e)
{
	strv_copy(&c->opt.tags, &c->args.tags);
	for (size_t i = 0; i < c->args.labels.n; i++) {
		if (need_pair("--label", c->args.labels.v[i], e) < 0)
			return -1;
		strv_add(&c->opt.labels, c->args.labels.v[i]);
	}
	for (size_t i = 0; i < c->args.contexts.n; i++) {
		if (need_pair("--build-context", c->args.contexts.v[i], e) < 0)
			return -1;
		strv_add(&c->opt.contexts, c->args.contexts.v[i]);
	}
	for (size_t i = 0; i < c->args.outputs.n; i++)
		if (build_output_parse(&c->opt, c->args.outputs.v[i], e) < 0)
			return -1;
	return 0;
}

static int take_numbers(struct cbuild *c, struct err *e)
{
	if (c->args.epoch && *c->args.epoch) {
		if (span_to_i64(&c->opt.epoch, span_of_str(c->args.epoch)) < 0)
			return err_set(e, ERR_INPUT, "--source-date-epoch: '%.100s' is no number",
				       c->args.epoch);
		c->opt.has_epoch = true;
	}
	if (c->args.compression_level > 9)
		return err_set(e, ERR_INPUT, "--compression-level: at most 9");
	c->opt.compression_level = (int)c->args.compression_level;
	c->opt.run_timeout_ms = c->args.timeout_ms;
	if (c->args.jobs == 0)
		return err_set(e, ERR_INPUT, "--jobs: at least 1");
	if (!c->args.platform) {
		oci_platform_host(&c->opt.platform);
		return 0;
	}
	return oci_platform_parse(&c->opt.platform, span_of_str(c->args.platform), e) < 0
		       ? err_wrap(e, "--platform")
		       : 0;
}

static int take_options(struct cbuild *c, struct err *e)
{
	const struct strv *words = &c->app->positional;

	if (words->n != 1)
		return err_set(e, ERR_INPUT, "expected one CONTEXT, got %zu arguments (--help)",
			       words->n);
	c->opt.context = words->v[0];
	c->opt.dockerfile = c->args.file;
	c->opt.target = c->args.target;
	c->opt.pull = c->args.pull;
	return take_build_args(c, e) < 0 || take_lists(c, e) < 0 ? -1 : take_numbers(c, e);
}

/* -- results ------------------------------------------------------------------------ */

static char *metadata(const struct cbuild *c)
{
	const struct build_result *r = &c->result;
	auto_buf struct buf out = BUF_INIT(BUF_SMALL);
	auto_free char *names = strv_join(&r->names, ",");

	buf_addf(&out,
		 "{\n  \"containerimage.config.digest\": \"%s\",\n"
		 "  \"containerimage.descriptor\": {\n    \"mediaType\": \"" OCI_MEDIA_MANIFEST
		 "\",\n    \"digest\": \"%s\",\n    \"size\": %ju\n  },\n"
		 "  \"containerimage.digest\": \"%s\"",
		 r->config.text, r->manifest.text, (uintmax_t)r->manifest_size, r->manifest.text);
	if (r->names.n) {
		buf_add_str(&out, ",\n  \"image.name\": ");
		buf_add_json(&out, names);
	}
	buf_add_str(&out, "\n}\n");
	return buf_steal(&out);
}

static int write_results(const struct cbuild *c, struct err *e)
{
	auto_free char *json = metadata(c);

	if (c->args.iidfile && app_write_file(c->args.iidfile, c->result.config.text, e) < 0)
		return -1;
	if (c->args.metadata_file && app_write_file(c->args.metadata_file, json, e) < 0)
		return -1;
	return app_result(c->app, c->result.manifest.text, e);
}

/* -- the way ------------------------------------------------------------------------ */

static void open_sandbox(struct cbuild *c, char **how)
{
	if (sandbox_ns_open(&c->sandbox, how, &c->no_sandbox) < 0)
		c->sandbox = NULL; /* only builds that need one fail */
}

static int open_registry(struct cbuild *c, struct err *e)
{
	const struct http_curl_options curl = { .ca_file = c->args.ca,
						.user_agent = "cbuild/" VERSION };

	if (http_curl_new(&c->http, &curl, e) < 0)
		return -1;
	app_credentials(c->app, c->args.authfile);
	c->registry = (struct registry_options){ .credentials = &c->app->credentials,
						 .plain_http_host = c->args.plain_http,
						 .retries = HTTP_RETRIES_DEFAULT,
						 .jobs = c->args.jobs };
	c->source = registry_source_new(c->http, &c->registry);
	return 0;
}

static int build(struct cbuild *c, struct err *e)
{
	const struct build_env env = { .root = c->app->root,
				       .sandbox = c->sandbox,
				       .no_sandbox = &c->no_sandbox,
				       .registry = c->source };

	if (oci_build(&c->result, &c->app->op, &env, &c->opt, e) < 0)
		return -1;
	for (size_t i = 0; i < c->result.names.n; i++)
		progress_note(c->app->op.progress, "built %s", c->result.names.v[i]);
	return write_results(c, e);
}

static int cbuild_main(struct app *app, int argc, char **argv, struct err *e)
{
	CLEANUP(cbuild_release) struct cbuild c = { .app = app, .args = { .jobs = 4 } };
	auto_free char *how = NULL;
	int r = app_parse(app, cbuild_opts, &c.args, argc, argv, e);

	if (r <= 0)
		return r;
	if (take_options(&c, e) < 0)
		return -1;
	open_sandbox(&c, &how);
	if (app_start(app, c.args.jobs, e) < 0)
		return -1;
	log_info(&app->op, "isolation: %s", how ? how : c.no_sandbox.text);
	if (open_registry(&c, e) < 0)
		return -1;
	return build(&c, e);
}

int main(int argc, char **argv)
{
	struct app app = APP_INIT("cbuild", "cbuild [OPTIONS] CONTEXT",
				  "Builds an image from a Dockerfile.");
	struct err e = ERR_INIT;
	int r;

	app.has_state = true;
	r = cbuild_main(&app, argc, argv, &e);
	return app_end(&app, r, &e);
}
