/*
 * cpush: an image, wherever it is, into a registry.
 * Only translates argv; registry/push.c does the work.
 */
#include "base/http_curl.h"
#include "base/http_retry.h"
#include "base/mem.h"
#include "base/progress.h"
#include "cmd/annotations.h"
#include "cmd/app.h"
#include "cmd/cpush_args.h"
#include "cmd/cpush_seen.h"
#include "cmd/cpush_sign.h"
#include "cmd/cpush_source.h"
#include "cmd/result_files.h"
#include "registry/certs.h"
#include "registry/check.h"
#include "registry/push.h"
#include "registry/push_preview.h"

#define PREVIEW_MAX (16u << 20)

struct cpush {
	struct app *app;
	struct cpush_args args;
	struct sign_key *key; /* NULL: nothing is signed or checked */
};

static void cpush_release(struct cpush *c)
{
	cpush_args_release(&c->args);
	sign_key_free(c->key);
}

static const char *variable(const char *name)
{
	return getenv(name);
}

static int write_results(const struct cpush *c, const struct oci_descriptor *image, struct err *e)
{
	const struct oci_reference *to = &c->args.to;
	const char *tag = to->tag ? to->tag : "";
	auto_free char *ref = mem_printf("%s/%s@%s", to->host, to->path, image->digest.text);
	auto_free char *env =
		mem_printf("IMAGE_NAME=%s/%s\nIMAGE_TAG=%s\nIMAGE_DIGEST=%s\nIMAGE_REF=%s\n",
			   to->host, to->path, tag, image->digest.text, ref);

	auto_free char *url = annotations_image_url(to, &image->digest, variable);
	const struct annotation_link link = { .label = ref, .url = url };
	auto_free char *links = annotations_json("pushed image", &link, 1);

	const struct result_file files[] = { { "--digest-file", c->args.digest_file,
					       image->digest.text },
					     { "--annotations", c->args.annotations, links },
					     { "--dotenv", c->args.dotenv, env } };

	if (result_files_write(files, ARRAY_LEN(files), e) < 0)
		return -1;
	return app_result(c->app, ref, e);
}

/* A push whose results cannot be told would have to be looked for. */
static int check_results(const struct cpush_args *a, struct err *e)
{
	const struct result_file files[] = { { "--digest-file", a->digest_file, NULL },
					     { "--annotations", a->annotations, NULL },
					     { "--dotenv", a->dotenv, NULL } };

	return result_files_check(files, ARRAY_LEN(files), e);
}

/* What would be done, on standard output, and last the line that a push would write. */
static int tell(struct cpush *c, struct registry_session *session, const struct cpush_source *from,
		const struct registry_push_options *opt, struct err *e)
{
	const struct oci_reference *to = &c->args.to;
	auto_buf struct buf text = BUF_INIT(PREVIEW_MAX);

	if (registry_push_preview(&text, &c->app->op, session, from->store, &from->image, to, opt,
				  e) < 0)
		return -1;
	buf_addf(&text, "%s/%s@%s", to->host, to->path, from->image.digest.text);
	return app_result(c->app, buf_str(&text), e);
}

static int push_from(struct cpush *c, struct registry_session *session,
		     const struct cpush_source *from, struct err *e)
{
	const struct cpush_args *a = &c->args;
	auto_strv struct strv seen = STRV_INIT;
	const struct registry_push_options opt = { .tags = &a->tags,
						   .mounts = &from->mounts,
						   .mount_from = &a->mount_from,
						   .seen = &seen,
						   .jobs = a->jobs,
						   .force = a->force,
						   .immutable = a->immutable,
						   .foreign = from->is_remote,
						   .names_only = from->is_there };
	struct registry_push_report report;

	if (a->dry_run)
		return tell(c, session, from, &opt, e);
	cpush_seen_load(&seen, c->app->root, &a->to);
	if (registry_push(&report, &c->app->op, session, from->store, &from->image, &a->to, &opt,
			  e) < 0)
		return -1;
	cpush_seen_save(&c->app->op, c->app->root, &a->to, &a->tags, &from->image.digest);
	if (c->key && cpush_sign(&c->app->op, session, a, &from->image.digest, c->key, e) < 0)
		return -1;
	return write_results(c, &from->image, e);
}

static int push(struct cpush *c, struct http *http, const struct registry_options *reg,
		struct err *e)
{
	const struct cpush_args *a = &c->args;
	auto_session struct registry_session *session = registry_session_new(http, a->to.host, reg);
	auto_cpush_source struct cpush_source from = { 0 };
	const struct cpush_source_request rq = { .text = a->source,
						 .root = c->app->root,
						 .to = &a->to,
						 .platform = a->has_platform ? &a->platform : NULL,
						 .remote = { .op = &c->app->op,
							     .http = http,
							     .registry = reg,
							     .session = session,
							     .session_host = a->to.host,
							     .to = a->dry_run ? NULL : &a->to,
							     .streams = a->jobs } };

	if (cpush_source_open(&from, &rq, e) < 0)
		return -1;
	return push_from(c, session, &from, e);
}

/* One line in both cases, and the reason on stderr. */
static int check(struct cpush *c, struct http *http, const struct registry_options *reg,
		 struct err *e)
{
	const struct oci_reference *to = &c->args.to;
	auto_session struct registry_session *session = registry_session_new(http, to->host, reg);
	const struct registry_repo repo = { .session = session, .path = to->path, .push = true };
	auto_buf struct buf who = BUF_INIT(BUF_SMALL);
	int r = registry_check(&who, &c->app->op, &repo, e);
	auto_free char *line = mem_printf("%s/%s: %s %s push", to->host, to->path, buf_str(&who),
					  r < 0 ? "may not" : "may");
	struct err lost = ERR_INIT;

	if (r < 0 && e->kind != ERR_DENIED)
		return -1;
	if (app_result(c->app, line, &lost) < 0 && r == 0) {
		*e = lost;
		return -1;
	}
	return r;
}

/* Whether what is there is signed. */
static int verify(struct cpush *c, struct http *http, const struct registry_options *reg,
		  struct err *e)
{
	auto_session struct registry_session *session =
		registry_session_new(http, c->args.to.host, reg);
	auto_descriptor struct oci_descriptor image = { 0 };

	if (cpush_verify(&image, &c->app->op, session, &c->args, c->key, e) < 0)
		return -1;
	return write_results(c, &image, e);
}

static int talk(struct cpush *c, struct err *e)
{
	const struct cpush_args *a = &c->args;
	const struct registry_options reg = { .credentials = &c->app->credentials,
					      .certs = c->app->certs,
					      .plain_http = a->plain_http,
					      .retries = a->retries,
					      .jobs = a->jobs,
					      .chunk_bytes = a->chunk_bytes };
	const struct http_curl_options curl = { .ca_file = a->ca,
						.insecure = a->insecure,
						.has_flags = true,
						.user_agent = "cpush/" VERSION };
	struct http *http = NULL;
	int r;

	/* a key that cannot be read costs no push */
	if (cpush_sign_key(&c->key, a, e) < 0 || http_curl_new(&http, &curl, e) < 0)
		return -1;
	if (a->check)
		r = check(c, http, &reg, e);
	else if (a->verify_key)
		r = verify(c, http, &reg, e);
	else
		r = push(c, http, &reg, e);
	http_free(http);
	return r;
}

static int cpush_main(struct app *app, int argc, char **argv, struct err *e)
{
	CLEANUP(cpush_release)
	struct cpush c = { .app = app, .args = { .jobs = 4, .retries = HTTP_RETRIES_DEFAULT } };
	int r = app_parse(app, cpush_opts, &c.args, argc, argv, e);

	if (r <= 0)
		return r;
	if (cpush_args_take(&c.args, &app->positional, e) < 0 || check_results(&c.args, e) < 0)
		return -1;
	if (app_credentials(app, c.args.authfile, e) < 0 ||
	    cpush_args_credentials(&c.args, &app->credentials, e) < 0 ||
	    app_start(app, c.args.jobs, e) < 0)
		return -1;
	app_certs(app);
	if (c.args.cert &&
	    registry_certs_add_pair(app->certs, c.args.to.host, c.args.cert, c.args.key, e) < 0)
		return -1;
	if (c.args.insecure)
		progress_warn(app->op.progress, "--insecure: certificates are not checked");
	return talk(&c, e);
}

int main(int argc, char **argv)
{
	struct app app = APP_INIT(
		"cpush", "cpush [OPTIONS] [SOURCE] IMAGE",
		"Pushes an image from the store, an OCI layout, an archive or a registry to a registry.");
	struct err e = ERR_INIT;
	int r;

	app.has_state = true;
	r = cpush_main(&app, argc, argv, &e);

	return app_end(&app, r, &e);
}
