/*
 * docker's config.json, and what podman and GitLab's runner made of it:
 *
 *	{"auths": {"host": {"auth": "base64 of user:password"}, "host/group": …},
 *	 "credHelpers": {"host": "name"}, "credsStore": "name"}
 *
 * Keys come as host, as https://host/v1/ and with /v2/; docker.io goes under the name of a server
 * that is long gone. A key with more of a path is for the repositories at and below it: of those
 * that fit, the longest.
 */
#include "registry/credentials_file.h"

#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/progress.h"
#include "base/secret.h"

#define HUB	"docker.io"
#define HUB_KEY "https://index.docker.io/v1/"

static bool is_hub(struct span host)
{
	return span_eq_nocase(host, HUB) || span_eq_nocase(host, "index.docker.io") ||
	       span_eq_nocase(host, "registry-1.docker.io");
}

/* How well a key fits: 0 not at all, more for more of the path. *narrow: it is for a part of the host. */
static size_t key_fits(bool *narrow, const char *key, const char *host, const char *path)
{
	struct span rest = span_of_str(key), name, part, repo = span_of_str(path ? path : "");

	*narrow = false;
	if (!span_take(&rest, "https://"))
		span_take(&rest, "http://");
	span_cut(rest, '/', &name, &part);
	while (span_ends(part, "/"))
		part = span_head(part, part.n - 1);
	if (!span_eq_nocase(name, host) && !(is_hub(span_of_str(host)) && is_hub(name)))
		return 0;
	if (!part.n || span_eq_str(part, "v1") || span_eq_str(part, "v2"))
		return 1;
	*narrow = true;
	if (part.n > repo.n || memcmp(part.p, repo.p, part.n) != 0 ||
	    (repo.n > part.n && repo.p[part.n] != '/'))
		return 0;
	return 1 + part.n;
}

/* The entry that fits best; of equals the one that is written exactly so, else the first. */
static json_t *entry_for(bool *by_path, json_t *map, const char *host, const char *path)
{
	json_t *best = NULL;
	size_t best_fit = 0;
	const char *key;
	bool narrow;
	json_t *v;

	json_object_foreach(map, key, v)
	{
		size_t fit = key_fits(&narrow, key, host, path);

		*by_path |= narrow;
		if (fit > best_fit || (fit && fit == best_fit && strcmp(key, host) == 0)) {
			best = v;
			best_fit = fit;
		}
	}
	return best;
}

static const char *text_at(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s && *s ? s : NULL;
}

/* "user:password": the first colon cuts, a password may hold more. -1: not that. */
static int auth_split(struct credentials *out, const char *auth)
{
	auto_secret_buf struct buf plain = BUF_INIT(CREDENTIALS_FILE_MAX);
	struct span user, password;

	if (base64_decode(&plain, span_trim(span_of_str(auth))) < 0 ||
	    !span_cut(buf_span(&plain), ':', &user, &password) || !user.n)
		return -1;
	/* docker pads short passwords with NUL bytes */
	while (password.n && password.p[password.n - 1] == '\0')
		password.n--;
	if (span_has_nul(user) || span_has_nul(password))
		return -1;
	out->user = span_dup(user);
	out->password = span_dup(password);
	return 0;
}

static char *text_dup(const json_t *o, const char *key)
{
	return mem_strdup(text_at(o, key));
}

/* It becomes part of a header line as it is. */
static bool is_header_safe(const char *text)
{
	for (; text && *text; text++)
		if (*text <= ' ' || *text > '~')
			return false;
	return true;
}

static int entry_read(struct credentials *out, const json_t *entry)
{
	const char *auth = text_at(entry, "auth");
	const char *user = text_at(entry, "username"), *password = text_at(entry, "password");

	if (!is_header_safe(text_at(entry, "registrytoken")))
		return -1;
	out->registry_token = text_dup(entry, "registrytoken");
	out->identity_token = text_dup(entry, "identitytoken");
	if (auth) {
		/* beside a token it is often a user and nothing */
		return auth_split(out, auth) < 0 && !credentials_is_known(out) ? -1 : 0;
	}
	if (user && password) {
		out->user = mem_strdup(user);
		out->password = mem_strdup(password);
	}
	return 0;
}

static void auths_wipe(json_t *auths)
{
	static const char *const fields[] = { "auth", "identitytoken", "registrytoken",
					      "password" };
	const char *key;
	json_t *v;

	json_object_foreach(auths, key, v)
	{
		for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
			const char *s = text_at(v, fields[i]);

			if (s)
				explicit_bzero((char *)s, strlen(s));
		}
	}
}

const char *credentials_file_server(const char *host)
{
	return is_hub(span_of_str(host)) ? HUB_KEY : host;
}

static void read_object(struct credentials_file *out, struct op *op, json_t *root, const char *name,
			const char *host, const char *path)
{
	json_t *helpers = json_object_get(root, "credHelpers");
	json_t *auths = json_object_get(root, "auths");
	const char *helper = json_string_value(entry_for(&out->by_path, helpers, host, path));

	if (helper && *helper)
		out->helper = mem_strdup(helper);
	out->store = text_dup(root, "credsStore");
	if (entry_read(&out->entry, entry_for(&out->by_path, auths, host, path)) < 0)
		progress_warn(op->progress, "%s: the entry for %s cannot be read", name, host);
	auths_wipe(auths);
}

int credentials_file_read(struct credentials_file *out, struct op *op, struct span text,
			  const char *name, const char *host, const char *path, struct err *e)
{
	auto_json json_t *root = NULL;

	*out = (struct credentials_file){ 0 };
	if (!span_trim(text).n)
		return 0; /* an empty file says nothing */
	root = json_load_span(text, CREDENTIALS_FILE_MAX, name, e);
	if (!root || !json_is_object(root)) {
		if (root)
			err_set(e, ERR_INPUT, "%s: not a JSON object", name);
		secret_unquote_err(e);
		e->kind = ERR_INPUT;
		return -1;
	}
	read_object(out, op, root, name, host, path);
	return 0;
}

void credentials_file_take(struct credentials *to, struct credentials_file *from)
{
	to->user = STEAL(&from->entry.user);
	to->password = STEAL(&from->entry.password);
	to->identity_token = STEAL(&from->entry.identity_token);
	to->registry_token = STEAL(&from->entry.registry_token);
}

void credentials_file_release(struct credentials_file *f)
{
	credentials_release(&f->entry);
	free(f->helper);
	free(f->store);
	*f = (struct credentials_file){ 0 };
}
