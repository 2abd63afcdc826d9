/*
 * The helper gets the server on stdin and answers {"Username":…,"Secret":…}. Its
 * output never enters a message: what a broken one prints may be the secret.
 */
#include "registry/credentials_helper.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/progress.h"
#include "base/secret.h"

#define HELPER_OUTPUT_MAX (64u << 10)
#define HELPER_TIMEOUT_MS 10000

/* The name becomes part of a program's name: no way out of PATH. */
static bool helper_name_is_valid(const char *name)
{
	static const char ok[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

	return *name && strspn(name, ok) == strlen(name);
}

static void result_wipe(struct proc_result *r)
{
	if (r->out.data)
		explicit_bzero(r->out.data, r->out.len);
	if (r->err.data)
		explicit_bzero(r->err.data, r->err.len);
	proc_result_release(r);
}
#define auto_result CLEANUP(result_wipe)

int credentials_helper_parse(struct credentials *out, struct span text, struct err *e)
{
	auto_json json_t *root = json_load_span(text, HELPER_OUTPUT_MAX, "answer", e);
	const char *user, *secret;

	if (!root || json_get_str(&user, root, "Username", "", e) < 0 ||
	    json_get_str(&secret, root, "Secret", "", e) < 0) {
		err_set(e, ERR_FAILED, "not a helper's answer"); /* which it may be, nearly */
		return -1;
	}
	if (strcmp(user, "<token>") == 0) {
		out->identity_token = mem_strdup(secret);
	} else {
		out->user = mem_strdup(user);
		out->password = mem_strdup(secret);
	}
	explicit_bzero((char *)secret, strlen(secret));
	return 0;
}

static bool says_unknown(const struct proc_result *r)
{
	return r->out.len && strstr(buf_str(&r->out), "credentials not found");
}

int credentials_helper_get(struct credentials *out, struct op *op, const char *name,
			   const char *server, struct err *e)
{
	auto_free char *program = mem_printf("docker-credential-%s", name);
	const char *argv[] = { program, "get", NULL };
	struct proc_spec spec = { .argv = argv,
				  .input = span_of_str(server),
				  .output_max = HELPER_OUTPUT_MAX,
				  .timeout_ms = HELPER_TIMEOUT_MS };
	auto_result struct proc_result r = { 0 };
	char status[100];

	if (!helper_name_is_valid(name))
		return err_set(e, ERR_INPUT, "credential helper '%s': not a name", name);
	if (proc_run(&r, op, &spec, e) < 0) {
		if (e->kind == ERR_CANCELLED)
			return -1;
		progress_warn(op->progress, "credentials for %s: %s", server, e->text);
		err_clear(e);
		return 0;
	}
	if (r.status == 0 && credentials_helper_parse(out, buf_span(&r.out), e) == 0)
		return 0;
	if (r.status == 0) {
		progress_warn(op->progress, "credentials for %s: the answer of %s cannot be read",
			      server, program);
		err_clear(e);
	} else if (!says_unknown(&r)) {
		proc_describe(status, sizeof(status), r.status);
		progress_warn(op->progress, "credentials for %s: %s: %s", server, program, status);
	}
	return 0;
}
