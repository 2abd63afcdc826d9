#include "cmd/cpush_sign.h"

#include <fcntl.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/secret.h"
#include "registry/resolve.h"
#include "registry/signature.h"

/* NULL: none is known; an empty one is one. Owned. */
static int get_passphrase(char **out, const struct cpush_args *a, struct err *e)
{
	auto_secret_buf struct buf text = BUF_INIT(SIGN_KEY_MAX);
	const char *env = getenv("COSIGN_PASSWORD");
	struct span line = span_of_str(env), rest;

	if (a->passphrase_file) {
		if (fs_read_file(AT_FDCWD, a->passphrase_file, &text, e) < 0)
			return err_wrap(e, "--passphrase-file");
		rest = buf_span(&text);
		if (!span_line(&rest, &line))
			line = SPAN_LIT("");
	} else if (!env) {
		return 0;
	}
	*out = span_dup(line);
	return 0;
}

static int read_private(struct sign_key **out, const struct cpush_args *a, struct span pem,
			struct err *e)
{
	auto_secret char *passphrase = NULL;

	if (get_passphrase(&passphrase, a, e) < 0)
		return -1;
	if (sign_key_private(out, pem, passphrase, e) == 0)
		return 0;
	err_wrap(e, "--sign-key: '%s'", a->sign_key);
	if (e->kind == ERR_DENIED && !passphrase)
		err_wrap(e, "--passphrase-file or COSIGN_PASSWORD is needed");
	return -1;
}

int cpush_sign_key(struct sign_key **out, const struct cpush_args *a, struct err *e)
{
	auto_secret_buf struct buf pem = BUF_INIT(SIGN_KEY_MAX);
	const char *file = a->verify_key ? a->verify_key : a->sign_key;

	if (!file)
		return 0;
	if (fs_read_file(AT_FDCWD, file, &pem, e) < 0)
		return err_wrap(e, a->verify_key ? "--verify-key" : "--sign-key");
	if (!a->verify_key)
		return read_private(out, a, buf_span(&pem), e);
	if (sign_key_public(out, buf_span(&pem), e) < 0)
		return err_wrap(e, "--verify-key: '%s'", file);
	return 0;
}

static void add_name(struct strv *names, const struct oci_reference *to, const char *tag)
{
	auto_free char *name =
		mem_printf("%s/%s%s%s", to->host, to->path, tag ? ":" : "", tag ? tag : "");

	if (!strv_has(names, name))
		strv_add(names, name);
}

int cpush_sign(struct op *op, struct registry_session *s, const struct cpush_args *a,
	       const struct oci_digest *image, const struct sign_key *key, struct err *e)
{
	struct registry_repo repo = { .session = s, .path = a->to.path, .push = true };
	auto_strv struct strv names = STRV_INIT;

	if (a->to.tag || !a->tags.n)
		add_name(&names, &a->to, a->to.tag);
	for (size_t i = 0; i < a->tags.n; i++)
		add_name(&names, &a->to, a->tags.v[i]);
	return registry_sign(op, &repo, image, &names, key, e);
}

int cpush_verify(struct oci_descriptor *image, struct op *op, struct registry_session *s,
		 const struct cpush_args *a, const struct sign_key *key, struct err *e)
{
	struct registry_repo repo = { .session = s, .path = a->to.path };

	if (registry_resolve(image, op, s, &a->to, e) < 0)
		return -1;
	return registry_verify(op, &repo, &image->digest, &a->to, key, e);
}
