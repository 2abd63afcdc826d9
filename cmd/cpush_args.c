#include "cmd/cpush_args.h"

#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/secret.h"

#define CHUNK_MIN (64u << 10)
#define CHUNK_MAX (256u << 20)

const struct opt cpush_opts[] = {
	OPT_LIST('t', "tag", "CPUSH_TAG", struct cpush_args, tags, "TAG",
		 "a further tag to set; may be given several times"),
	OPT_STR(0, "platform", "CPUSH_PLATFORM", struct cpush_args, platform_text, "OS/ARCH",
		"of an image for several platforms only this one's"),
	OPT_STR(0, "digest-file", "CPUSH_DIGEST_FILE", struct cpush_args, digest_file, "FILE",
		"write the digest of what was pushed"),
	OPT_STR(0, "annotations", "CPUSH_ANNOTATIONS", struct cpush_args, annotations, "FILE",
		"write a link to the image, as GitLab's annotations report"),
	OPT_STR(0, "dotenv", "CPUSH_DOTENV", struct cpush_args, dotenv, "FILE",
		"write IMAGE_NAME, IMAGE_TAG, IMAGE_DIGEST and IMAGE_REF"),
	OPT_STR(0, "authfile", "CPUSH_AUTHFILE", struct cpush_args, authfile, "FILE",
		"credentials, in the form of docker's config.json"),
	OPT_FLAG(0, "creds-stdin", NULL, struct cpush_args, creds_stdin,
		 "read user:password from standard input"),
	OPT_STR(0, "ca", "CPUSH_CA", struct cpush_args, ca, "FILE",
		"trust these certificates, too"),
	OPT_STR(0, "cert", "CPUSH_CERT", struct cpush_args, cert, "FILE",
		"the certificate to show to the registry (with --key)"),
	OPT_STR(0, "key", "CPUSH_KEY", struct cpush_args, key, "FILE",
		"the key of --cert, without a passphrase"),
	OPT_FLAG(0, "insecure", "CPUSH_INSECURE", struct cpush_args, insecure,
		 "do not check certificates"),
	OPT_FLAG(0, "plain-http", "CPUSH_PLAIN_HTTP", struct cpush_args, plain_http,
		 "http where the registry is not on this machine"),
	OPT_UINT('j', "jobs", "CPUSH_JOBS", struct cpush_args, jobs, "N", "uploads at once (4)"),
	OPT_UINT(0, "retries", "CPUSH_RETRIES", struct cpush_args, retries, "N",
		 "tries after the first (5)"),
	OPT_FLAG(0, "immutable", "CPUSH_IMMUTABLE", struct cpush_args, immutable,
		 "fail rather than move a tag that another image has"),
	OPT_FLAG(0, "dry-run", NULL, struct cpush_args, dry_run, "only tell what would be sent"),
	OPT_FLAG(0, "check", NULL, struct cpush_args, check,
		 "only tell who we are for the registry, and whether we may push"),
	OPT_STR(0, "chunk-size", "CPUSH_CHUNK_SIZE", struct cpush_args, chunk_size, "SIZE",
		"send larger blobs in pieces of this size"),
	OPT_LIST(0, "mount-from", "CPUSH_MOUNT_FROM", struct cpush_args, mount_from, "REPO",
		 "a repository on the same host that may have layers of this image"),
	OPT_FLAG(0, "force", NULL, struct cpush_args, force,
		 "do all the work even when the tag is there already"),
	OPT_STR(0, "sign-key", "CPUSH_SIGN_KEY", struct cpush_args, sign_key, "FILE",
		"sign what was pushed with this private key"),
	OPT_STR(0, "passphrase-file", "CPUSH_PASSPHRASE_FILE", struct cpush_args, passphrase_file,
		"FILE", "the key's passphrase (else COSIGN_PASSWORD)"),
	OPT_STR(0, "verify-key", NULL, struct cpush_args, verify_key, "FILE",
		"push nothing; check IMAGE's signature with this public key"),
	OPT_END,
};

static int take_image(struct cpush_args *a, const char *image, struct err *e)
{
	if (oci_reference_parse(&a->to, image, e) < 0)
		return -1;
	if (!a->source && !a->verify_key && oci_digest_is_set(&a->to.digest) && !a->to.tag &&
	    !a->tags.n)
		return err_set(e, ERR_INPUT,
			       "'%s': which tag is the image of that digest to have? (-t TAG)",
			       image);
	for (size_t i = 0; i < a->tags.n; i++)
		if (!oci_tag_is_valid(span_of_str(a->tags.v[i])))
			return err_set(e, ERR_INPUT, "--tag: '%s' is not a tag", a->tags.v[i]);
	return 0;
}

static int take_source(struct cpush_args *a, const char *source, struct err *e)
{
	a->source = source;
	if (a->creds_stdin && strcmp(source, "-") == 0)
		return err_set(e, ERR_INPUT,
			       "--creds-stdin: standard input is the image's already");
	return 0;
}

static int take_platform(struct cpush_args *a, struct err *e)
{
	a->has_platform = a->platform_text;
	if (a->has_platform &&
	    oci_platform_parse(&a->platform, span_of_str(a->platform_text), e) < 0)
		return err_wrap(e, "--platform");
	return 0;
}

/* As the wire has it: a registry may want more, no one takes less. */
static int take_chunk_size(struct cpush_args *a, struct err *e)
{
	if (!a->chunk_size)
		return 0;
	if (span_to_size(&a->chunk_bytes, span_of_str(a->chunk_size)) < 0 ||
	    a->chunk_bytes < CHUNK_MIN || a->chunk_bytes > CHUNK_MAX)
		return err_set(e, ERR_INPUT, "--chunk-size: '%s' is not a size from 64k to 256m",
			       a->chunk_size);
	return 0;
}

/* A path, as in "group/base"; the host may stand before it when it is the same one. */
static int take_mount_from(struct cpush_args *a, struct err *e)
{
	for (size_t i = 0; i < a->mount_from.n; i++) {
		const char *text = a->mount_from.v[i];
		auto_free char *full = mem_printf("%s/%s", a->to.host, text);
		auto_reference struct oci_reference plain = { 0 }, named = { 0 };
		struct err ignored = ERR_INIT;
		bool is_named = oci_reference_parse(&named, text, &ignored) == 0 &&
				strcmp(named.host, a->to.host) == 0;

		if (!is_named && oci_reference_parse(&plain, full, e) < 0)
			return err_set(e, ERR_INPUT,
				       "--mount-from: '%s' is not the path of a repository on %s",
				       text, a->to.host);
		free(a->mount_from.v[i]);
		a->mount_from.v[i] = mem_strdup(is_named ? named.path : plain.path);
	}
	return 0;
}

/* A look at what is there sends nothing. */
static int take_verify(const struct cpush_args *a, struct err *e)
{
	if (!a->verify_key || (!a->source && !a->tags.n && !a->sign_key))
		return 0;
	return err_set(
		e, ERR_INPUT,
		"--verify-key looks at the IMAGE in its registry and sends nothing: no %s with it",
		a->source   ? "SOURCE"
		: a->tags.n ? "--tag or CPUSH_TAG"
			    : "--sign-key or CPUSH_SIGN_KEY");
}

int cpush_args_take(struct cpush_args *a, const struct strv *words, struct err *e)
{
	if (words->n < 1 || words->n > 2)
		return err_set(e, ERR_INPUT, "expected [SOURCE] IMAGE, got %zu arguments (--help)",
			       words->n);
	if (a->jobs == 0)
		return err_set(e, ERR_INPUT, "--jobs: at least 1");
	if (!a->cert != !a->key)
		return err_set(e, ERR_INPUT, "--%s needs --%s, too", a->cert ? "cert" : "key",
			       a->cert ? "key" : "cert");
	if (a->check && words->n == 2)
		return err_set(e, ERR_INPUT, "--check asks for an image's name alone, not for '%s'",
			       words->v[0]);
	if (take_platform(a, e) < 0 || (words->n == 2 && take_source(a, words->v[0], e) < 0) ||
	    take_verify(a, e) < 0)
		return -1;
	if (take_chunk_size(a, e) < 0 || take_image(a, words->v[words->n - 1], e) < 0)
		return -1;
	return take_mount_from(a, e);
}

int cpush_args_credentials(struct cpush_args *a, struct credentials_env *env, struct err *e)
{
	auto_secret_buf struct buf text = BUF_INIT(64u << 10);
	struct fd_source in;
	struct span user, password;

	if (!a->creds_stdin)
		return 0;
	if (io_read_all(fd_source_init(&in, STDIN_FILENO, "standard input"), &text, e) < 0)
		return -1;
	if (!span_cut(span_trim(buf_span(&text)), ':', &user, &password))
		return err_set(e, ERR_INPUT, "--creds-stdin: expected user:password");
	a->user = span_dup(user);
	a->password = span_dup(password);
	env->user = a->user;
	env->password = a->password;
	env->user_host = a->to.host;
	return 0;
}

void cpush_args_release(struct cpush_args *a)
{
	strv_release(&a->tags);
	strv_release(&a->mount_from);
	oci_reference_release(&a->to);
	free(a->user);
	secret_free(a->password);
}
