/*
 * The places where users keep passwords, asked in order until one knows the host.
 * A file that somebody named must be there; one that is merely usual may be missing, and one
 * that cannot be opened is only warned about.
 */
#include "registry/credentials.h"

#include <errno.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/progress.h"
#include "base/rootdir.h"
#include "base/secret.h"
#include "registry/credentials_file.h"
#include "registry/credentials_helper.h"

struct place {
	const char *origin;
	const char *text; /* the JSON itself; else: */
	char *path;	  /* owned */
	bool may_be_absent;
};

void credentials_release(struct credentials *c)
{
	free(c->user);
	secret_free(c->password);
	secret_free(c->identity_token);
	*c = (struct credentials){ 0 };
}

static bool is_set(const char *s)
{
	return s && *s;
}

/* In the order of the header. Returns how many. */
static size_t places_list(struct place out[4], const struct credentials_env *env)
{
	size_t n = 0;

	if (is_set(env->authfile)) {
		out[n++] =
			(struct place){ .origin = "--authfile", .path = mem_strdup(env->authfile) };
		return n;
	}
	if (is_set(env->docker_auth_config))
		out[n++] = (struct place){ .origin = "DOCKER_AUTH_CONFIG",
					   .text = env->docker_auth_config };
	if (is_set(env->registry_auth_file))
		out[n++] = (struct place){ .origin = "REGISTRY_AUTH_FILE",
					   .path = mem_strdup(env->registry_auth_file) };
	if (is_set(env->docker_config))
		out[n++] = (struct place){ .origin = "$DOCKER_CONFIG/config.json",
					   .path = mem_printf("%s/config.json", env->docker_config),
					   .may_be_absent = true };
	else if (is_set(env->home))
		out[n++] = (struct place){ .origin = "~/.docker/config.json",
					   .path = mem_printf("%s/.docker/config.json", env->home),
					   .may_be_absent = true };
	if (is_set(env->xdg_runtime_dir))
		out[n++] = (struct place){ .origin = "$XDG_RUNTIME_DIR/containers/auth.json",
					   .path = mem_printf("%s/containers/auth.json",
							      env->xdg_runtime_dir),
					   .may_be_absent = true };
	return n;
}

static bool is_known(const struct credentials *c)
{
	return c->password || c->identity_token;
}

static int text_ask(struct credentials *out, struct op *op, struct span text, const char *name,
		    const char *host, struct err *e)
{
	auto_free char *helper = NULL;
	auto_free char *server = NULL;

	if (credentials_file_read(out, &helper, &server, op, text, name, host, e) < 0)
		return -1;
	if (is_known(out) || !helper)
		return 0;
	return credentials_helper_get(out, op, helper, server, e) < 0 ? err_wrap(e, "%s", name) : 0;
}

static int place_ask(struct credentials *out, struct op *op, const struct place *p,
		     const char *host, struct err *e)
{
	auto_secret_buf struct buf text = BUF_INIT(CREDENTIALS_FILE_MAX);

	if (p->text)
		return text_ask(out, op, span_of_str(p->text), p->origin, host, e);
	if (fs_read_file(AT_FDCWD, p->path, &text, e) < 0) {
		if (p->may_be_absent && (e->sys == ENOENT || e->sys == ENOTDIR)) {
			err_clear(e);
			return 0;
		}
		err_wrap(e, "credentials (%s)", p->origin);
		if (!p->may_be_absent || !e->sys)
			return -1;
		/* somebody else's home, say: what needs no password must work all the same */
		progress_warn(op->progress, "%s", e->text);
		err_clear(e);
		return 0;
	}
	return text_ask(out, op, buf_span(&text), p->path, host, e);
}

static int find(struct credentials *out, struct op *op, const struct credentials_env *env,
		const char *host, struct err *e)
{
	auto_credentials struct credentials c = { 0 };
	struct place places[4];
	size_t n;
	int r = 0;

	if (is_set(env->user) && env->password) {
		*out = (struct credentials){ .user = mem_strdup(env->user),
					     .password = mem_strdup(env->password),
					     .origin = "--creds-stdin" };
		return 0;
	}
	n = places_list(places, env);
	for (size_t i = 0; i < n && r == 0 && !is_known(&c); i++) {
		r = place_ask(&c, op, &places[i], host, e);
		if (r == 0 && is_known(&c))
			c.origin = places[i].origin;
	}
	for (size_t i = 0; i < n; i++)
		free(places[i].path);
	if (r < 0)
		return -1;
	*out = c;
	c = (struct credentials){ 0 };
	return 0;
}

int credentials_find(struct credentials *out, struct op *op, const struct credentials_env *env,
		     const char *host, struct err *e)
{
	int r;

	rootdir_hold(); /* the files of this machine are meant, not those of an image */
	r = find(out, op, env, host, e);
	rootdir_release();
	return r;
}
