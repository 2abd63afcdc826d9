/*
 * cpush: an image from the store or an OCI layout into a registry.
 * Only translates argv; registry/push.c does the work.
 */
#include <sys/stat.h>

#include "base/fs.h"
#include "base/http_curl.h"
#include "base/http_retry.h"
#include "base/mem.h"
#include "base/progress.h"
#include "cmd/app.h"
#include "oci/image/layout.h"
#include "oci/image/store_layout.h"
#include "registry/push.h"

struct cpush_args {
	struct strv tags;
	const char *digest_file, *dotenv, *authfile, *ca;
	bool plain_http, force, creds_stdin;
	unsigned jobs, retries;
};

static const struct opt cpush_opts[] = {
	OPT_LIST('t', "tag", "CPUSH_TAG", struct cpush_args, tags, "TAG",
		 "a further tag to set; may be given several times"),
	OPT_STR(0, "digest-file", "CPUSH_DIGEST_FILE", struct cpush_args, digest_file, "FILE",
		"write the digest of what was pushed"),
	OPT_STR(0, "dotenv", "CPUSH_DOTENV", struct cpush_args, dotenv, "FILE",
		"write IMAGE_NAME, IMAGE_TAG, IMAGE_DIGEST and IMAGE_REF"),
	OPT_STR(0, "authfile", "CPUSH_AUTHFILE", struct cpush_args, authfile, "FILE",
		"credentials, in the form of docker's config.json"),
	OPT_FLAG(0, "creds-stdin", NULL, struct cpush_args, creds_stdin,
		 "read user:password from standard input"),
	OPT_STR(0, "ca", "CPUSH_CA", struct cpush_args, ca, "FILE",
		"trust these certificates, too"),
	OPT_FLAG(0, "plain-http", "CPUSH_PLAIN_HTTP", struct cpush_args, plain_http,
		 "http where the registry is not on this machine"),
	OPT_UINT('j', "jobs", "CPUSH_JOBS", struct cpush_args, jobs, "N", "uploads at once (4)"),
	OPT_UINT(0, "retries", "CPUSH_RETRIES", struct cpush_args, retries, "N",
		 "tries after the first (5)"),
	OPT_FLAG(0, "force", NULL, struct cpush_args, force,
		 "do all the work even when the tag is there already"),
	OPT_END,
};

struct cpush {
	struct app *app;
	struct cpush_args args;
	struct oci_reference to;
	char *user, *password;
};

static void cpush_release(struct cpush *c)
{
	strv_release(&c->args.tags);
	oci_reference_release(&c->to);
	if (c->password)
		explicit_bzero(c->password, strlen(c->password));
	free(c->user);
	free(c->password);
}

/* "DIR", "DIR:TAG" or "DIR@sha256:…"; *name stays NULL for the only image of a layout. */
static char *split_source(const char *source, char **name)
{
	struct stat st;
	const char *slash = strrchr(source, '/');
	const char *at = strchr(slash ? slash : source, '@');
	const char *cut = at ? at : strchr(slash ? slash : source, ':');

	if (stat(source, &st) == 0 || !cut)
		return mem_strdup(source);
	*name = mem_strdup(cut + 1);
	return mem_strndup(source, (size_t)(cut - source));
}

static int open_source(struct oci_store **store, struct oci_descriptor *image,
		       const struct cpush *c, const char *source, struct err *e)
{
	auto_store struct oci_store *s = NULL;
	auto_free char *dir = NULL;
	auto_free char *name = NULL;
	auto_buf struct buf full = BUF_INIT(BUF_SMALL);

	if (source) {
		dir = split_source(source, &name);
	} else {
		dir = mem_printf("%s/store", c->app->root);
		oci_reference_format(&full, &c->to);
		name = mem_strdup(buf_str(&full));
	}
	if (oci_store_layout_open(&s, dir, OCI_LAYOUT_READ, e) < 0) {
		if (!source && e->kind == ERR_ABSENT)
			return err_set(e, ERR_ABSENT,
				       "push '%s': nothing has been built into '%s' yet", name,
				       dir);
		return err_wrap(e, "push from '%s'", dir);
	}
	if (oci_layout_find(s, name, image, e) < 0)
		return err_wrap(e, "push from '%s'", dir);
	*store = STEAL(&s);
	return 0;
}

static int read_creds(struct cpush *c, struct err *e)
{
	auto_buf struct buf text = BUF_INIT(64u << 10);
	struct fd_source in;
	struct span user, password;

	if (!c->args.creds_stdin)
		return 0;
	if (io_read_all(fd_source_init(&in, STDIN_FILENO, "standard input"), &text, e) < 0)
		return -1;
	if (!span_cut(span_trim(buf_span(&text)), ':', &user, &password)) {
		explicit_bzero(text.data, text.len);
		return err_set(e, ERR_INPUT, "--creds-stdin: expected user:password");
	}
	c->user = span_dup(user);
	c->password = span_dup(password);
	explicit_bzero(text.data, text.len);
	c->app->credentials.user = c->user;
	c->app->credentials.password = c->password;
	return 0;
}

static int write_results(const struct cpush *c, const struct oci_descriptor *image, struct err *e)
{
	const char *tag = c->to.tag ? c->to.tag : "";
	auto_free char *ref = mem_printf("%s/%s@%s", c->to.host, c->to.path, image->digest.text);
	auto_free char *env =
		mem_printf("IMAGE_NAME=%s/%s\nIMAGE_TAG=%s\nIMAGE_DIGEST=%s\nIMAGE_REF=%s\n",
			   c->to.host, c->to.path, tag, image->digest.text, ref);

	if (c->args.digest_file && app_write_file(c->args.digest_file, image->digest.text, e) < 0)
		return -1;
	if (c->args.dotenv && app_write_file(c->args.dotenv, env, e) < 0)
		return -1;
	return app_result(c->app, ref, e);
}

static int push(struct cpush *c, const char *source, struct err *e)
{
	auto_store struct oci_store *store = NULL;
	auto_descriptor struct oci_descriptor image = { 0 };
	auto_session struct registry_session *session = NULL;
	struct registry_push_options opt = { .tags = &c->args.tags,
					     .jobs = c->args.jobs,
					     .force = c->args.force };
	struct registry_options reg = { .credentials = &c->app->credentials,
					.plain_http = c->args.plain_http,
					.retries = c->args.retries,
					.jobs = c->args.jobs };
	struct http_curl_options curl = { .ca_file = c->args.ca, .user_agent = "cpush/" VERSION };
	struct registry_push_report report;
	struct http *http = NULL;
	int r;

	if (open_source(&store, &image, c, source, e) < 0 || http_curl_new(&http, &curl, e) < 0)
		return -1;
	session = registry_session_new(http, c->to.host, &reg);
	r = registry_push(&report, &c->app->op, session, store, &image, &c->to, &opt, e);
	registry_session_free(STEAL(&session));
	http_free(http);
	if (r < 0)
		return -1;
	if (report.unchanged)
		progress_note(c->app->op.progress,
			      "%s/%s: nothing to do, the registry has it already", c->to.host,
			      c->to.path);
	return write_results(c, &image, e);
}

static int parse_image(struct cpush *c, const char *image, struct err *e)
{
	if (oci_reference_parse(&c->to, image, e) < 0)
		return -1;
	if (oci_digest_is_set(&c->to.digest))
		return err_set(e, ERR_INPUT, "'%s': an image is pushed to a tag, not to a digest",
			       image);
	for (size_t i = 0; i < c->args.tags.n; i++)
		if (!oci_tag_is_valid(span_of_str(c->args.tags.v[i])))
			return err_set(e, ERR_INPUT, "--tag: '%s' is not a tag", c->args.tags.v[i]);
	return 0;
}

static int cpush_main(struct app *app, int argc, char **argv, struct err *e)
{
	CLEANUP(cpush_release)
	struct cpush c = { .app = app, .args = { .jobs = 4, .retries = HTTP_RETRIES_DEFAULT } };
	size_t n;
	int r = app_parse(app, cpush_opts, &c.args, argc, argv, e);

	if (r <= 0)
		return r;
	n = app->positional.n;
	if (n < 1 || n > 2)
		return err_set(e, ERR_INPUT, "expected [SOURCE] IMAGE, got %zu arguments (--help)",
			       n);
	if (c.args.jobs == 0)
		return err_set(e, ERR_INPUT, "--jobs: at least 1");
	if (parse_image(&c, app->positional.v[n - 1], e) < 0)
		return -1;
	app_credentials(app, c.args.authfile);
	if (read_creds(&c, e) < 0 || app_start(app, c.args.jobs, e) < 0)
		return -1;
	return push(&c, n == 2 ? app->positional.v[0] : NULL, e);
}

int main(int argc, char **argv)
{
	struct app app =
		APP_INIT("cpush", "cpush [OPTIONS] [SOURCE] IMAGE",
			 "Pushes an image from an OCI layout, or from the store, to a registry.");
	struct err e = ERR_INIT;
	int r;

	app.has_state = true;
	r = cpush_main(&app, argc, argv, &e);

	return app_end(&app, r, &e);
}
