/*
 * Proxy settings given with --build-arg are seen by RUN without ARG, and by nothing else: $NAME does
 * not know them, so that they leave no trace in the image.
 */
#include "oci/build/state.h"

#include <ctype.h>

#include "base/fs.h"
#include "base/mem.h"
#include "oci/dockerfile/expand.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static bool is_proxy(struct span name)
{
	static const char *const names[] = { "HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY",
					     "ALL_PROXY" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (span_eq_nocase(name, names[i]))
			return true;
	return false;
}

static void begin_env(struct state *s)
{
	for (size_t i = 0; i < s->config->env.n; i++) {
		struct span name, value;
		auto_free char *key = NULL;

		span_cut(span_of_str(s->config->env.v[i]), '=', &name, &value);
		key = span_dup(name);
		strv_env_set(&s->env, key, value.n ? value.p : "");
	}
}

static void add_if_new(struct strv *env, const char *name, bool upper, const char *value)
{
	auto_free char *key = mem_strdup(name);

	for (char *c = key; *c; c++)
		*c = (char)(upper ? toupper((unsigned char)*c) : tolower((unsigned char)*c));
	if (!strv_env_get(env, key))
		strv_env_set(env, key, value);
}

void state_run_env(struct strv *out, const struct state *s)
{
	strv_copy(out, &s->env);
	for (size_t i = 0; s->opt->build_args && i < s->opt->build_args->n; i++) {
		struct span name, value;
		auto_free char *key = NULL;

		span_cut(span_of_str(s->opt->build_args->v[i]), '=', &name, &value);
		if (!is_proxy(name) || !value.n)
			continue;
		key = span_dup(name);
		add_if_new(out, key, true, value.p);
		add_if_new(out, key, false, value.p);
	}
}

void state_init_scratch(struct state *s, const struct state_options *opt,
			const struct oci_platform *platform)
{
	*s = (struct state){ .opt = opt, .config = oci_config_scratch() };
	s->config->platform = *platform;
	begin_env(s);
}

/* They are steps of this stage, and nothing to those who are FROM it. */
static void drop_triggers(struct oci_config *c)
{
	strv_release(&c->onbuild);
	c->onbuild = STRV_INIT;
}

void state_init_image(struct state *s, const struct state_options *opt,
		      const struct oci_config *base)
{
	*s = (struct state){ .opt = opt, .config = oci_config_copy(base) };
	if (!strv_env_get(&s->config->env, "PATH"))
		strv_env_set(&s->config->env, "PATH", DEFAULT_PATH);
	free(STEAL(&s->config->created));
	drop_triggers(s->config);
	oci_config_repair_history(s->config);
	begin_env(s);
}

void state_init_stage(struct state *s, const struct state_options *opt, const struct state *base)
{
	*s = (struct state){ .opt = opt, .config = oci_config_copy(base->config) };
	drop_triggers(s->config);
	strv_copy(&s->env, &base->env);
	strv_copy(&s->args, &base->args);
}

void state_release(struct state *s)
{
	oci_config_free(s->config);
	strv_release(&s->env);
	strv_release(&s->args);
	*s = (struct state){ 0 };
}

char *state_expand(const struct state *s, const char *word, struct err *e)
{
	char *out = NULL;

	return dockerfile_expand(&out, word, &s->env, s->opt->escape, e) < 0 ? NULL : out;
}

void state_env(struct state *s, const char *key, const char *value)
{
	strv_env_set(&s->config->env, key, value);
	strv_env_set(&s->env, key, value);
}

const char *state_arg_given(const struct state *s, const char *name)
{
	return s->opt->build_args ? strv_env_get(s->opt->build_args, name) : NULL;
}

/* These say something to the builder; a RUN does not see them. */
static bool is_for_builder(const char *name)
{
	return strcmp(name, "BUILDKIT_SBOM_SCAN_CONTEXT") == 0 ||
	       strcmp(name, "BUILDKIT_SBOM_SCAN_STAGE") == 0;
}

void state_arg(struct state *s, const char *name, const char *dflt, const char **value)
{
	const char *v = state_arg_given(s, name);

	if (!v)
		v = dflt;
	if (!v)
		v = strv_env_get(s->opt->globals, name);
	if (v && !is_for_builder(name))
		strv_env_set(&s->env, name, v);
	if (v)
		strv_addf(&s->args, "%s=%s", name, v);
	else
		strv_add(&s->args, name);
	*value = v;
}

const char *state_workdir(const struct state *s)
{
	const char *dir = s->config->working_dir;

	return dir && *dir ? dir : "/";
}

char *state_path(const struct state *s, const char *path)
{
	auto_free char *rooted =
		*path == '/' ? mem_strdup(path) : mem_printf("/%s/%s", state_workdir(s), path);

	return fs_path_clean(rooted);
}

static void arg_name(char **out, const char *arg, const char **value)
{
	struct span name, rest;
	bool has_value = span_cut(span_of_str(arg), '=', &name, &rest);

	*out = span_dup(name);
	*value = has_value ? arg + name.n + 1 : "";
}

char *state_arg_prefix(const struct state *s)
{
	auto_buf struct buf out = BUF_INIT(SIZE_MAX);
	auto_strv struct strv shown = STRV_INIT;

	for (size_t i = 0; i < s->args.n; i++) {
		auto_free char *name = NULL;
		const char *value, *now;

		arg_name(&name, s->args.v[i], &value);
		now = strv_env_get(&s->env, name);
		strv_env_set(&shown, name, now ? now : value);
	}
	if (shown.n)
		buf_addf(&out, "|%zu ", shown.n);
	for (size_t i = 0; i < shown.n; i++)
		buf_addf(&out, "%s ", shown.v[i]);
	return mem_strdup(buf_str(&out));
}
