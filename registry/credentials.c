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

/* One question: whose credentials, and what came of it so far. */
struct search {
	struct op *op;
	const struct credentials_env *env;
	const char *host, *path;
	struct credentials found;
};

void credentials_release(struct credentials *c)
{
	free(c->user);
	secret_free(c->password);
	secret_free(c->identity_token);
	secret_free(c->registry_token);
	free(c->missing);
	*c = (struct credentials){ 0 };
}

bool credentials_is_known(const struct credentials *c)
{
	return c->password || c->identity_token || c->registry_token;
}

static bool is_set(const char *s)
{
	return s && *s;
}

static struct place usual_place(const char *origin, const char *dir, const char *name)
{
	return (struct place){ .origin = origin,
			       .path = mem_printf("%s/%s", dir, name),
			       .may_be_absent = true };
}

#define PLACES_MAX 5

/* What nobody had to name on the command line, in the order of the header. Returns how many. */
static size_t places_list(struct place out[PLACES_MAX], const struct credentials_env *env)
{
	size_t n = 0;

	if (is_set(env->docker_auth_config))
		out[n++] = (struct place){ .origin = "DOCKER_AUTH_CONFIG",
					   .text = env->docker_auth_config };
	if (is_set(env->registry_auth_file))
		out[n++] = (struct place){ .origin = "REGISTRY_AUTH_FILE",
					   .path = mem_strdup(env->registry_auth_file) };
	if (is_set(env->docker_config))
		out[n++] = usual_place("$DOCKER_CONFIG/config.json", env->docker_config,
				       "config.json");
	else if (is_set(env->home))
		out[n++] = usual_place("~/.docker/config.json", env->home, ".docker/config.json");
	if (is_set(env->xdg_runtime_dir))
		out[n++] = usual_place("$XDG_RUNTIME_DIR/containers/auth.json",
				       env->xdg_runtime_dir, "containers/auth.json");
	else if (is_set(env->run_containers))
		out[n++] = usual_place("/run/containers/UID/auth.json", env->run_containers,
				       "auth.json");
	if (is_set(env->xdg_config_home))
		out[n++] = usual_place("$XDG_CONFIG_HOME/containers/auth.json",
				       env->xdg_config_home, "containers/auth.json");
	else if (is_set(env->home))
		out[n++] = usual_place("~/.config/containers/auth.json", env->home,
				       ".config/containers/auth.json");
	return n;
}

static int text_ask(struct search *s, struct span text, const char *name, struct err *e)
{
	auto_credentials_file struct credentials_file file = { 0 };
	const char *server = credentials_file_server(s->host);

	if (credentials_file_read(&file, s->op, text, name, s->host, s->path, e) < 0)
		return -1;
	s->found.by_path |= file.by_path;
	/* what was written for this host goes before what is for all of them */
	if (file.helper && credentials_helper_get(&s->found, s->op, file.helper, server, e) < 0)
		return err_wrap(e, "%s", name);
	if (credentials_is_known(&s->found))
		return 0;
	credentials_file_take(&s->found, &file);
	if (!credentials_is_known(&s->found) && file.store &&
	    credentials_helper_get(&s->found, s->op, file.store, server, e) < 0)
		return err_wrap(e, "%s", name);
	return 0;
}

static int place_ask(struct search *s, const struct place *p, struct err *e)
{
	auto_secret_buf struct buf text = BUF_INIT(CREDENTIALS_FILE_MAX);
	int r;

	if (p->text) {
		r = text_ask(s, span_of_str(p->text), p->origin, e);
	} else if (fs_read_file(AT_FDCWD, p->path, &text, e) == 0) {
		r = text_ask(s, buf_span(&text), p->path, e);
	} else if (p->may_be_absent && (e->sys == ENOENT || e->sys == ENOTDIR)) {
		err_clear(e);
		return 0;
	} else {
		err_wrap(e, "credentials (%s)", p->origin);
		if (!p->may_be_absent || !e->sys)
			return -1;
		/* somebody else's home, say: what needs no password must work all the same */
		progress_warn(s->op->progress, "%s", e->text);
		err_clear(e);
		return 0;
	}
	if (r == 0 && credentials_is_known(&s->found))
		s->found.origin = p->origin;
	return r;
}

static int authfile_ask(struct search *s, struct err *e)
{
	const struct place p = { .origin = "--authfile", .path = (char *)s->env->authfile };

	return is_set(p.path) ? place_ask(s, &p, e) : 0;
}

static int places_ask(struct search *s, struct err *e)
{
	struct place places[PLACES_MAX];
	size_t n = places_list(places, s->env);
	int r = 0;

	for (size_t i = 0; i < n && r == 0 && !credentials_is_known(&s->found); i++)
		r = place_ask(s, &places[i], e);
	for (size_t i = 0; i < n; i++)
		free(places[i].path);
	return r;
}

/* Which variables and passwords are there, but empty. */
static void tell_missing(struct search *s)
{
	auto_buf struct buf text = BUF_INIT(BUF_SMALL);
	const struct credentials_env *env = s->env;

	if (env->docker_auth_config && !*env->docker_auth_config)
		buf_add_str(&text, "DOCKER_AUTH_CONFIG is empty");
	if (s->found.password && !*s->found.password)
		buf_addf(&text, "%sthe password there is empty", text.len ? ", " : "");
	credentials_ci_missing(&text, &env->ci, s->host);
	if (text.len)
		s->found.missing = buf_steal(&text);
}

static int find(struct search *s, struct err *e)
{
	const struct credentials_env *env = s->env;
	struct credentials *found = &s->found;

	if (is_set(env->user) && env->password && env->user_host &&
	    span_eq_nocase(span_of_str(s->host), env->user_host)) {
		found->user = mem_strdup(env->user);
		found->password = mem_strdup(env->password);
		found->origin = "--creds-stdin";
	}
	if (!credentials_is_known(found) && authfile_ask(s, e) < 0)
		return -1;
	if (!credentials_is_known(found) && env->to_keep)
		credentials_ci_find(found, &env->ci, s->host, true);
	if (!credentials_is_known(found) && places_ask(s, e) < 0)
		return -1;
	if (!credentials_is_known(found))
		credentials_ci_find(found, &env->ci, s->host, false);
	tell_missing(s);
	return 0;
}

int credentials_find(struct credentials *out, struct op *op, const struct credentials_env *env,
		     const char *host, const char *path, struct err *e)
{
	struct search s = { .op = op, .env = env, .host = host, .path = path };
	int r;

	rootdir_hold(); /* the files of this machine are meant, not those of an image */
	r = find(&s, e);
	rootdir_release();
	if (r == 0)
		*out = s.found;
	else
		credentials_release(&s.found);
	return r;
}

void credentials_tell(struct buf *out, const struct credentials *c, const char *host)
{
	if (c->origin)
		buf_addf(out, "credentials from %s", c->origin);
	else
		buf_addf(out, "no credentials for %s found", host);
	if (c->missing)
		buf_addf(out, "; %s: a protected variable, on a branch that is not?", c->missing);
}
