/*
 * Rules about instructions. A stage's variables are followed as a build would, as far as they can
 * be known: a base image that nobody has looked at may set anything, so nothing is called
 * undefined above it.
 */
#include "base/fs.h"
#include "base/mem.h"
#include "oci/dockerfile/expand.h"
#include "oci/dockerfile/lint_rules.h"
#include "oci/dockerfile/message.h"

/* What is known in a stage at one line of it. */
struct scope {
	struct strv env;      /* KEY=VALUE */
	struct strv declared; /* ARG names, with a value or without */
	bool is_known;	      /* env is all there is */
	bool has_shell;
	bool has_workdir;
	/* in this stage */
	const struct dockerfile_instr *cmd, *entrypoint, *health;
	const struct strv *globals; /* what a bare ARG imports */
};

static void scope_release(struct scope *s)
{
	strv_release(&s->env);
	strv_release(&s->declared);
}

/* -- variables ----------------------------------------------------------------------- */

static void lint_word(struct linter *l, const struct scope *s, const struct dockerfile_instr *in,
		      const char *word)
{
	auto_strv struct strv unset = STRV_INIT;

	if (!word || !s->is_known)
		return;
	dockerfile_unset_names(&unset, word, &s->env, l->df->escape);
	for (size_t i = 0; i < unset.n; i++) {
		char hint[MESSAGE_HINT_MAX];

		if (strv_has(&s->declared, unset.v[i]))
			continue;
		lint_guess(hint, unset.v[i], &s->env, "$");
		lint_add(l, LINT_UNDEFINED_VAR, in, "Usage of undefined variable '$%s'%s",
			 unset.v[i], hint);
	}
}

/* All of in that is expanded in a build. */
static void lint_words(struct linter *l, const struct scope *s, const struct dockerfile_instr *in)
{
	switch (in->kind) {
	case DOCKERFILE_ADD:
	case DOCKERFILE_COPY:
	case DOCKERFILE_ENV:
	case DOCKERFILE_EXPOSE:
	case DOCKERFILE_LABEL:
	case DOCKERFILE_STOPSIGNAL:
	case DOCKERFILE_USER:
	case DOCKERFILE_VOLUME:
	case DOCKERFILE_WORKDIR:
		for (size_t i = 0; i < in->words.n; i++)
			lint_word(l, s, in, in->words.v[i]);
		lint_word(l, s, in, in->chown);
		lint_word(l, s, in, in->chmod);
		lint_word(l, s, in, in->checksum);
		break;
	default:
		break;
	}
}

static char *expand_or_raw(const struct linter *l, const struct scope *s, const char *word)
{
	struct err ignored = ERR_INIT;
	char *out;

	if (dockerfile_expand(&out, word, &s->env, l->df->escape, &ignored) < 0)
		return mem_strdup(word);
	return out;
}

static void set_env(struct linter *l, struct scope *s, const char *key, const char *raw)
{
	auto_free char *value = expand_or_raw(l, s, raw);

	strv_env_set(&s->env, key, value);
}

/* -- ENV, ARG ------------------------------------------------------------------------- */

static bool has_word(const char *name, const char *const *words, size_t nr)
{
	struct span rest = span_of_str(name), part;

	while (span_split(&rest, '_', &part))
		for (size_t i = 0; i < nr; i++)
			if (span_eq_nocase(part, words[i]))
				return true;
	return false;
}

/* A word of the name says so: DB_PASSWORD, API_KEY; but PUBLIC_KEY and TOKEN_FILE are fine. */
static void lint_secret(struct linter *l, const struct dockerfile_instr *in, const char *name)
{
	static const char *const secret[] = { "apikey", "auth",	    "credential", "credentials",
					      "key",	"password", "pword",	  "passwd",
					      "secret", "token" };
	static const char *const harmless[] = { "public", "file", "version" };

	if (has_word(name, secret, ARRAY_LEN(secret)) &&
	    !has_word(name, harmless, ARRAY_LEN(harmless)))
		lint_add(l, LINT_SECRETS_USED_IN_ARG_OR_ENV, in,
			 "Do not use ARG or ENV instructions for sensitive data (%s '%s')",
			 dockerfile_kind_name(in->kind), name);
}

static void lint_legacy(struct linter *l, const struct dockerfile_instr *in)
{
	const char *kind = dockerfile_kind_name(in->kind);

	if (in->legacy_pair)
		lint_add(l, LINT_LEGACY_KEY_VALUE_FORMAT, in,
			 "'%s key=value' should be used instead of legacy '%s key value' format",
			 kind, kind);
}

static void lint_env(struct linter *l, struct scope *s, const struct dockerfile_instr *in)
{
	auto_strv struct strv after = STRV_INIT;

	lint_legacy(l, in);
	for (size_t i = 0; i + 1 < in->words.n; i += 2) {
		auto_free char *key = expand_or_raw(l, s, in->words.v[i]);
		auto_free char *value = expand_or_raw(l, s, in->words.v[i + 1]);

		lint_secret(l, in, key);
		strv_addf(&after, "%s=%s", key, value);
	}
	/* all values see the variables as they were before */
	for (size_t i = 0; i < after.n; i++) {
		char *equals = strchr(after.v[i], '=');

		*equals = '\0';
		strv_env_set(&s->env, after.v[i], equals + 1);
	}
}

static const char *given(const struct linter *l, const struct scope *s, const char *name)
{
	const char *value = l->opt->build_args ? strv_env_get(l->opt->build_args, name) : NULL;

	return value ? value : strv_env_get(s->globals, name);
}

static void lint_arg(struct linter *l, struct scope *s, const struct dockerfile_instr *in)
{
	for (size_t i = 0; i < in->words.n; i++) {
		struct span key, value;
		bool has_default = span_cut(span_of_str(in->words.v[i]), '=', &key, &value);
		auto_free char *name = span_dup(key);
		const char *from_outside;

		lint_secret(l, in, name);
		if (in->words.n == 1)
			lint_description(l, in, name);
		if (has_default)
			lint_word(l, s, in, in->words.v[i] + key.n + 1);
		from_outside = given(l, s, name);
		if (has_default && (!l->opt->build_args || !strv_env_get(l->opt->build_args, name)))
			set_env(l, s, name, in->words.v[i] + key.n + 1);
		else if (from_outside)
			strv_env_set(&s->env, name, from_outside);
		if (!strv_has(&s->declared, name))
			strv_add(&s->declared, name);
	}
}

/* -- single instructions --------------------------------------------------------------- */

/* The one before is told: it is the one that does not count. */
static void lint_once(struct linter *l, const struct dockerfile_instr **last,
		      const struct dockerfile_instr *in)
{
	if (*last)
		lint_add(l, LINT_MULTIPLE_INSTRUCTIONS_DISALLOWED, *last,
			 "Multiple %s instructions should not be used in the same stage because "
			 "only the last one will be used",
			 (*last)->keyword);
	*last = in;
}

static void lint_command(struct linter *l, struct scope *s, const struct dockerfile_instr *in)
{
	lint_once(l, in->kind == DOCKERFILE_CMD ? &s->cmd : &s->entrypoint, in);
	if (!in->exec_form && !s->has_shell)
		lint_add(l, LINT_JSON_ARGS_RECOMMENDED, in,
			 "JSON arguments recommended for %s to prevent unintended behavior related "
			 "to OS signals",
			 in->keyword);
}

static void lint_workdir(struct linter *l, struct scope *s, const struct dockerfile_instr *in)
{
	auto_free char *path = expand_or_raw(l, s, in->words.v[0]);

	/* of a variable that an unknown base sets nothing can be said */
	if (!s->has_workdir && *path != '/' && (s->is_known || *in->words.v[0] != '$'))
		lint_add(
			l, LINT_WORKDIR_RELATIVE_PATH, in,
			"Relative workdir '%s' can have unexpected results if the base image changes",
			path);
	s->has_workdir = true;
}

static void lint_port(struct linter *l, const struct dockerfile_instr *in, const char *word)
{
	struct span port, proto;

	span_cut(span_of_str(word), '/', &port, &proto);
	if (span_find(port, ':') >= 0)
		lint_add(l, LINT_EXPOSE_INVALID_FORMAT, in,
			 "EXPOSE instruction should not define an IP address or host-port mapping, "
			 "found '%s'",
			 word);
	for (size_t i = 0; i < proto.n; i++)
		if (proto.p[i] >= 'A' && proto.p[i] <= 'Z') {
			lint_add(l, LINT_EXPOSE_PROTO_CASING, in,
				 "Defined protocol '%s' in EXPOSE instruction should be lowercase",
				 word);
			return;
		}
}

static void lint_expose(struct linter *l, const struct scope *s, const struct dockerfile_instr *in)
{
	for (size_t i = 0; i < in->words.n; i++) {
		auto_strv struct strv ports = STRV_INIT;
		struct err ignored = ERR_INIT;

		if (dockerfile_expand_words(&ports, in->words.v[i], &s->env, l->df->escape,
					    &ignored) < 0)
			continue;
		for (size_t k = 0; k < ports.n; k++)
			lint_port(l, in, ports.v[k]);
	}
}

/*
 * As the rule is where it comes from: with a "!" in the file nothing is said, since a directory
 * that is excluded may hold what is not; and the context as a whole is no file that is excluded.
 */
static void lint_ignored(struct linter *l, const struct scope *s, const struct dockerfile_instr *in)
{
	const struct ignore *ig = l->opt->ignore;

	if (!ig || in->from || ignore_has_exceptions(ig))
		return;
	for (size_t i = 0; i + 1 < in->words.n; i++) {
		auto_free char *word = expand_or_raw(l, s, in->words.v[i]);
		auto_free char *rooted = mem_printf("/%s", word);
		auto_free char *path = fs_path_clean(rooted);

		if (strncmp(word, "<<", 2) == 0 || strstr(word, "://") || !path[1])
			continue;
		if (ignore_is_excluded(ig, path + 1))
			lint_add(l, LINT_COPY_IGNORED_FILE, in,
				 "Attempting to %s file '%s' that is excluded by .dockerignore",
				 in->kind == DOCKERFILE_ADD ? "Add" : "Copy", path + 1);
	}
}

static void lint_one(struct linter *l, struct scope *s, const struct dockerfile_instr *in)
{
	lint_words(l, s, in);
	switch (in->kind) {
	case DOCKERFILE_ADD:
	case DOCKERFILE_COPY:
		lint_ignored(l, s, in);
		break;
	case DOCKERFILE_ARG:
		lint_arg(l, s, in);
		break;
	case DOCKERFILE_CMD:
	case DOCKERFILE_ENTRYPOINT:
		lint_command(l, s, in);
		break;
	case DOCKERFILE_ENV:
		lint_env(l, s, in);
		break;
	case DOCKERFILE_EXPOSE:
		lint_expose(l, s, in);
		break;
	case DOCKERFILE_HEALTHCHECK:
		lint_once(l, &s->health, in);
		break;
	case DOCKERFILE_LABEL:
		lint_legacy(l, in);
		break;
	case DOCKERFILE_MAINTAINER:
		lint_add(l, LINT_MAINTAINER_DEPRECATED, in,
			 "Maintainer instruction is deprecated in favor of using label");
		break;
	case DOCKERFILE_SHELL:
		s->has_shell = true;
		break;
	case DOCKERFILE_WORKDIR:
		lint_workdir(l, s, in);
		break;
	default:
		break;
	}
}

/* Stages times variables: beyond this a stage is not followed. */
#define SCOPES_MAX (1u << 20)

/* -- stages ---------------------------------------------------------------------------- */

static void scope_inherit(struct scope *s, const struct scope *from, size_t nr_stages)
{
	*s = (struct scope){ .has_shell = from->has_shell, .has_workdir = from->has_workdir };
	if ((from->env.n + from->declared.n) * nr_stages > SCOPES_MAX)
		return;
	s->is_known = from->is_known;
	strv_copy(&s->env, &from->env);
	strv_copy(&s->declared, &from->declared);
}

static void scope_begin(struct scope *s, const struct plan_stage *st, const struct oci_config *base)
{
	s->is_known = base || st->base.kind == PLAN_SCRATCH;
	if (base) {
		strv_copy(&s->env, &base->env);
		s->has_shell = base->shell.n > 0;
	}
	if (!strv_env_get(&s->env, "PATH"))
		strv_env_set(&s->env, "PATH", "/");
}

void lint_stages(struct linter *l)
{
	const struct dockerfile_plan *plan = l->opt->plan;
	auto_free struct scope *scopes = mem_zalloc((plan->nr + 1) * sizeof(*scopes));

	for (size_t i = 0; i < plan->nr; i++) {
		const struct plan_stage *st = &plan->stages[i];
		const struct oci_config *base = l->opt->bases ? l->opt->bases[i] : NULL;

		if (st->base.kind == PLAN_STAGE)
			scope_inherit(&scopes[i], &scopes[st->base.stage], plan->nr);
		else
			scope_begin(&scopes[i], st, base);
		scopes[i].globals = &plan->targets[st->target].globals;
		lint_from(l, st, base);
		for (size_t k = 0; k < st->nr; k++)
			lint_one(l, &scopes[i], st->steps[k].instr);
	}
	for (size_t i = 0; i < plan->nr; i++)
		scope_release(&scopes[i]);
}
