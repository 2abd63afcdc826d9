/*
 * docker's config.json:
 *
 *	{"auths": {"host": {"auth": "base64 of user:password"}},
 *	 "credHelpers": {"host": "name"}, "credsStore": "name"}
 *
 * Keys of "auths" come as host, as https://host/v1/ and with /v2/; docker.io goes under
 * the name of a server that is long gone. A key with more of a path names a part of a host
 * and does not match: its password is not for all of the host.
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

/* Does a key of "auths" or "credHelpers" speak of this host? */
static bool key_names_host(const char *key, const char *host)
{
	struct span rest = span_of_str(key), name, path;

	if (!span_take(&rest, "https://"))
		span_take(&rest, "http://");
	span_cut(rest, '/', &name, &path);
	if (span_ends(path, "/"))
		path = span_head(path, path.n - 1);
	if (path.n && !span_eq_str(path, "v1") && !span_eq_str(path, "v2"))
		return false;
	return span_eq_nocase(name, host) || (is_hub(span_of_str(host)) && is_hub(name));
}

/* The entry for host: written exactly so, else the first that means it. */
static json_t *entry_for(json_t *map, const char *host)
{
	json_t *exact = json_object_get(map, host);
	const char *key;
	json_t *v;

	if (exact)
		return exact;
	json_object_foreach(map, key, v) if (key_names_host(key, host)) return v;
	return NULL;
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

static int entry_read(struct credentials *out, const json_t *entry)
{
	const char *auth = text_at(entry, "auth");
	const char *token = text_at(entry, "identitytoken");
	const char *user = text_at(entry, "username"), *password = text_at(entry, "password");

	if (token) {
		out->identity_token = mem_strdup(token);
		return 0;
	}
	if (auth)
		return auth_split(out, auth);
	if (user && password) {
		out->user = mem_strdup(user);
		out->password = mem_strdup(password);
	}
	return 0;
}

static void auths_wipe(json_t *auths)
{
	static const char *const fields[] = { "auth", "identitytoken", "password" };
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

/* The helper for this host before the one for all. NULL: none. */
static char *helper_name(json_t *root, const char *host)
{
	json_t *v = entry_for(json_object_get(root, "credHelpers"), host);

	if (json_is_string(v) && *json_string_value(v))
		return mem_strdup(json_string_value(v));
	return mem_strdup(text_at(root, "credsStore"));
}

int credentials_file_read(struct credentials *out, char **helper, char **server, struct op *op,
			  struct span text, const char *name, const char *host, struct err *e)
{
	auto_json json_t *root = NULL;
	json_t *auths;

	*helper = *server = NULL;
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
	*helper = helper_name(root, host);
	if (*helper)
		*server = mem_strdup(is_hub(span_of_str(host)) ? HUB_KEY : host);
	auths = json_object_get(root, "auths");
	if (entry_read(out, entry_for(auths, host)) < 0)
		progress_warn(op->progress, "%s: the entry for %s cannot be read", name, host);
	auths_wipe(auths);
	return 0;
}
