/*
 * The users keep one complete file per environment (orcinus-production.yml) beside
 * orcinus.yml; the environment's file replaces the general one, it is no overlay. The first
 * name that exists counts. What exists but cannot be read as a file is an
 * error: silently taking the next name would deploy the wrong thing. So it is where a job of production ("prod")
 * would get the general file, mostly that of staging, while production's stands beside it by another name.
 */
#include "deploy/locate.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/span.h"
#include "base/strv.h"
#include "deploy/gate.h"

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

static const char *const suffixes[] = { ".yml", ".yaml", ".json" };

static void add_names(struct strv *names, const char *stem)
{
	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++)
		strv_addf(names, "%s%s", stem, suffixes[i]);
}

/* Of orcinus-NAME.yml NAME; of another file nothing. */
static struct span env_of_file(const char *file, const char *suffix)
{
	struct span s = span_of_str(file);

	if (!span_take(&s, "orcinus-") || !span_ends(s, suffix))
		return (struct span){ 0 };
	return span_head(s, s.n - strlen(suffix));
}

/* The files of environments, sorted. A folder that cannot be listed has none. */
static void list_env_files(struct strv *out, const struct deploy_wanted *want)
{
	int fd = openat(want->dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		for (size_t i = 0; i < ARRAY_LEN(suffixes); i++)
			if (env_of_file(entry->d_name, suffixes[i]).n)
				strv_add(out, entry->d_name);
	if (dir)
		closedir(dir);
	else if (fd >= 0)
		close(fd);
	strv_sort(out);
}

/* orcinus-Production.yml is the file of the environment "production", too. */
static void add_other_cases(struct strv *names, const struct strv *files, struct span env)
{
	auto_free char *name = span_dup(env);

	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++)
		for (size_t j = 0; j < files->n; j++)
			if (span_eq_nocase(env_of_file(files->v[j], suffixes[i]), name) &&
			    !strv_has(names, files->v[j]))
				strv_add(names, files->v[j]);
}

/* Production's, by its name; NULL: none. */
static const char *production_file(const struct strv *files)
{
	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++)
		for (size_t j = 0; j < files->n; j++) {
			auto_free char *name = span_dup(env_of_file(files->v[j], suffixes[i]));

			if (deploy_gate_names_production(name))
				return files->v[j];
		}
	return NULL;
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

/* No file of its own, and there are others': is `name` the one that is meant? */
static int check_general(char **note, const struct deploy_wanted *want, struct span env,
			 const struct strv *files, const char *name, struct err *e)
{
	const char *production = want->is_production ? production_file(files) : NULL;

	if (production)
		return err_set(e, ERR_INPUT,
			       "environment '" SPAN_FMT
			       "' is production, and has no file orcinus-" SPAN_FMT
			       ".yml in '%s', which has %s and %s: name with -f the one to deploy",
			       SPAN_ARG(env), SPAN_ARG(env), want->dir, production, name);
	free(*note);
	*note = mem_printf("environment '" SPAN_FMT "': there is no orcinus-" SPAN_FMT
			   ".yml, %s is taken",
			   SPAN_ARG(env), SPAN_ARG(env), name);
	return 0;
}

static int locate_usual(char **out, char **note, const struct deploy_wanted *want, struct err *e)
{
	auto_strv struct strv names = STRV_INIT, files = STRV_INIT;
	auto_free char *tried = NULL;
	const char *compose;
	struct span env = environment(want);
	size_t nr_own;

	if (env.n) {
		auto_free char *stem = mem_printf("orcinus-" SPAN_FMT, SPAN_ARG(env));

		add_names(&names, stem);
		list_env_files(&files, want);
		add_other_cases(&names, &files, env);
	}
	nr_own = names.n;
	add_names(&names, "orcinus");
	for (size_t i = 0; i < names.n; i++) {
		int r = try_name(want, names.v[i], e);

		if (r < 0)
			return -1;
		if (r == 0)
			continue;
		if (i >= nr_own && files.n &&
		    check_general(note, want, env, &files, names.v[i], e) < 0)
			return -1;
		*out = mem_strdup(names.v[i]);
		return 0;
	}
	tried = strv_join(&names, ", ");
	compose = compose_file(want);
	return err_set(e, ERR_ABSENT, "nothing to deploy in '%s': none of %s is there%s%s",
		       want->dir, tried, compose ? "; or is it -f " : "", compose ? compose : "");
}

int deploy_locate(char **out, char **note, const struct deploy_wanted *want, struct err *e)
{
	if (want->file)
		return locate_given(out, want, e);
	if (want->env && check_env_name(want->env, e) < 0)
		return -1;
	return locate_usual(out, note, want, e);
}
