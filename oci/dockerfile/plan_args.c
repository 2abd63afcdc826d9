/*
 * Each default sees the arguments before it. A value given with --build-arg
 * replaces the default of every declaration, and a platform argument's value
 * too. An ARG with neither default nor value is not set at all.
 */
#include "oci/dockerfile/plan_args.h"

#include "oci/dockerfile/expand.h"
#include "oci/dockerfile/message.h"

static const char *const platform_args[] = {
	"TARGETPLATFORM", "TARGETOS",	   "TARGETOSVERSION", "TARGETARCH",
	"TARGETVARIANT",  "BUILDPLATFORM", "BUILDOS",	      "BUILDOSVERSION",
	"BUILDARCH",	  "BUILDVARIANT",  "TARGETSTAGE",
};

/* Usable without a declaration; in either case of letters. */
static const char *const proxy_args[] = {
	"HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY",
};

static const char *given(const struct plan_options *opt, const char *name)
{
	return opt->build_args ? strv_env_get(opt->build_args, name) : NULL;
}

static void add_platform(struct strv *out, const char *prefix, const struct oci_platform *p)
{
	char whole[100];

	oci_platform_format(whole, p);
	strv_addf(out, "%sPLATFORM=%s", prefix, whole);
	strv_addf(out, "%sOS=%s", prefix, p->os);
	strv_addf(out, "%sOSVERSION=", prefix); /* says something for Windows only */
	strv_addf(out, "%sARCH=%s", prefix, p->arch);
	strv_addf(out, "%sVARIANT=%s", prefix, p->variant);
}

static const char *target_stage(const struct dockerfile *df, const struct plan_options *opt)
{
	const char *last = df->stages[df->nr_stages - 1].from.name;

	if (opt->target)
		return opt->target;
	return last ? last : "default";
}

static void add_predefined(struct strv *out, const struct dockerfile *df,
			   const struct plan_options *opt, const struct oci_platform *platform)
{
	struct oci_platform host;

	oci_platform_host(&host);
	add_platform(out, "TARGET", platform);
	add_platform(out, "BUILD", &host);
	strv_addf(out, "TARGETSTAGE=%s", target_stage(df, opt));
	for (size_t i = 0; i < ARRAY_LEN(platform_args); i++) {
		const char *value = given(opt, platform_args[i]);

		if (value)
			strv_env_set(out, platform_args[i], value);
	}
}

/* word: "NAME" or "NAME=default" */
static int add_declared(struct strv *out, const struct plan_options *opt, const char *word,
			char escape, struct err *e)
{
	auto_free char *raw_key = NULL, *key = NULL, *dflt = NULL;
	struct span name, value;
	bool has_default = span_cut(span_of_str(word), '=', &name, &value);
	const char *override;

	raw_key = span_dup(name);
	if (dockerfile_expand(&key, raw_key, out, escape, e) < 0)
		return -1;
	override = given(opt, key);
	/* a default that nobody reads may be one that says "must be given": ${X:?…} */
	if (has_default && !override && dockerfile_expand(&dflt, value.p, out, escape, e) < 0)
		return -1;
	if (override || dflt)
		strv_env_set(out, key, override ? override : dflt);
	return 0;
}

int plan_args_globals(struct strv *out, const struct dockerfile *df, const struct plan_options *opt,
		      const struct oci_platform *platform, struct err *e)
{
	auto_strv struct strv env = STRV_INIT;

	add_predefined(&env, df, opt, platform);
	for (size_t i = 0; i < df->nr_global_args; i++) {
		const struct dockerfile_instr *in = &df->global_args[i];

		for (size_t j = 0; j < in->words.n; j++) {
			if (add_declared(&env, opt, in->words.v[j], df->escape, e) == 0)
				continue;
			message_excerpt(e, df, in->line, in->last_line, in->words.v[j]);
			return err_wrap(e, "%s:%u", df->file, in->line);
		}
	}
	*out = env;
	env = (struct strv)STRV_INIT;
	return 0;
}

int plan_args_epoch(struct dockerfile_plan *plan, const struct plan_options *opt,
		    const struct strv *globals, struct err *e)
{
	const char *text = given(opt, "SOURCE_DATE_EPOCH");

	if (!text)
		text = strv_env_get(globals, "SOURCE_DATE_EPOCH");
	if (!text || !*text)
		return 0;
	if (span_to_i64(&plan->epoch, span_of_str(text)) < 0)
		return err_set(e, ERR_INPUT, "invalid SOURCE_DATE_EPOCH: '" MESSAGE_FMT "'",
			       MESSAGE_ARG(span_of_str(text)));
	plan->has_epoch = true;
	return 0;
}

static bool is_known(struct span name)
{
	if (span_starts(name, "BUILDKIT_") || span_eq_str(name, "SOURCE_DATE_EPOCH"))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(proxy_args); i++)
		if (span_eq_nocase(name, proxy_args[i]))
			return true;
	for (size_t i = 0; i < ARRAY_LEN(platform_args); i++)
		if (span_eq_str(name, platform_args[i]))
			return true;
	return false;
}

static bool declares(const struct dockerfile_instr *in, struct span name,
		     const struct strv *globals, char escape)
{
	if (in->kind != DOCKERFILE_ARG)
		return false;
	for (size_t i = 0; i < in->words.n; i++) {
		auto_free char *raw = NULL, *key = NULL;
		struct err ignored = ERR_INIT;
		struct span word, value;

		span_cut(span_of_str(in->words.v[i]), '=', &word, &value);
		raw = span_dup(word);
		if (dockerfile_expand(&key, raw, globals, escape, &ignored) == 0 &&
		    span_eq_str(name, key))
			return true;
	}
	return false;
}

static bool is_declared(const struct dockerfile *df, struct span name, const struct strv *globals)
{
	for (size_t i = 0; i < df->nr_global_args; i++)
		if (declares(&df->global_args[i], name, globals, df->escape))
			return true;
	for (size_t i = 0; i < df->nr_stages; i++)
		for (size_t j = 0; j < df->stages[i].nr; j++)
			if (declares(&df->stages[i].instrs[j], name, globals, df->escape))
				return true;
	return false;
}

void plan_args_given(struct dockerfile_plan *plan, const struct dockerfile *df,
		     const struct plan_options *opt, const struct strv *globals)
{
	for (size_t i = 0; opt->build_args && i < opt->build_args->n; i++) {
		struct span name, value;

		span_cut(span_of_str(opt->build_args->v[i]), '=', &name, &value);
		if (is_declared(df, name, globals))
			strv_add(&plan->used_build_args, opt->build_args->v[i]);
		else if (!is_known(name))
			strv_add_span(&plan->unused_build_args, name);
	}
}
