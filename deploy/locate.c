/*
 * The users keep one complete file per environment (orcinus-production.yml) beside
 * orcinus.yml; the environment's file replaces the general one, it is no overlay. The first
 * name that exists counts. What exists but cannot be read as a file is an
 * error: silently taking the next name would deploy the wrong thing.
 */
#include "deploy/locate.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/span.h"
#include "base/strv.h"

#define ENV_NAME_MAX 100

/* 1 there, 0 not there, -1 an error. */
static int try_name(const struct deploy_wanted *want, const char *name, struct err *e)
{
	struct stat st;

	if (fstatat(want->dirfd, name, &st, 0) < 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			return 0;
		return err_sys(e, "open '%s' in '%s'", name, want->dir);
	}
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_INPUT, "'%s' in '%s' is not a regular file", name, want->dir);
	return 1;
}

static void add_names(struct strv *names, const char *stem)
{
	static const char *const suffixes[] = { "yml", "yaml", "json" };

	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++)
		strv_addf(names, "%s.%s", stem, suffixes[i]);
}

static bool is_env_name(struct span env)
{
	static const char chars[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

	for (size_t i = 0; i < env.n; i++)
		if (!env.p[i] || !strchr(chars, env.p[i]))
			return false;
	return env.n > 0 && env.n <= ENV_NAME_MAX;
}

static int check_env_name(const char *env, struct err *e)
{
	if (!is_env_name(span_of_str(env)))
		return err_set(e, ERR_INPUT,
			       "environment '%s' cannot be part of a file name: letters, digits, "
			       "'.', '_' and '-' only",
			       env);
	return 0;
}

static int locate_given(char **out, const struct deploy_wanted *want, struct err *e)
{
	int r = try_name(want, want->file, e);

	if (r < 0)
		return -1;
	if (r == 0)
		return err_set(e, ERR_ABSENT, "no file '%s' in '%s'%s", want->file, want->dir,
			       want->file[0] == '~' ? " ('~' is the shell's to expand)" : "");
	*out = mem_strdup(want->file);
	return 0;
}

/* "production" of "production/shop", as GitLab groups environments. What cannot be a file's name is none. */
static struct span environment(const struct deploy_wanted *want)
{
	struct span env, rest;

	if (want->env)
		return span_of_str(want->env);
	if (!want->job_env)
		return (struct span){ 0 };
	span_cut(span_of_str(want->job_env), '/', &env, &rest);
	return is_env_name(env) ? env : (struct span){ 0 };
}

/* A file that is meant for docker is deployed only when it is asked for: it may be a developer's own. */
static const char *compose_file(const struct deploy_wanted *want)
{
	static const char *const names[] = { "compose.yaml", "compose.yml", "docker-compose.yml",
					     "docker-compose.yaml", "docker-stack.yml" };
	struct err ignored = ERR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (try_name(want, names[i], &ignored) == 1)
			return names[i];
	return NULL;
}

static int locate_usual(char **out, const struct deploy_wanted *want, struct err *e)
{
	auto_strv struct strv names = STRV_INIT;
	auto_free char *tried = NULL;
	const char *compose;
	struct span env = environment(want);

	if (env.n) {
		auto_free char *stem = mem_printf("orcinus-" SPAN_FMT, SPAN_ARG(env));

		add_names(&names, stem);
	}
	add_names(&names, "orcinus");
	for (size_t i = 0; i < names.n; i++) {
		int r = try_name(want, names.v[i], e);

		if (r < 0)
			return -1;
		if (r == 0)
			continue;
		*out = mem_strdup(names.v[i]);
		return 0;
	}
	tried = strv_join(&names, ", ");
	compose = compose_file(want);
	return err_set(e, ERR_ABSENT, "nothing to deploy in '%s': none of %s is there%s%s",
		       want->dir, tried, compose ? "; or is it -f " : "", compose ? compose : "");
}

int deploy_locate(char **out, const struct deploy_wanted *want, struct err *e)
{
	if (want->file)
		return locate_given(out, want, e);
	if (want->env && check_env_name(want->env, e) < 0)
		return -1;
	return locate_usual(out, want, e);
}
