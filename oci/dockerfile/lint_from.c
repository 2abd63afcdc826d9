/*
 * Rules about stages: their names, their bases, their platforms; and the casing of all words that
 * begin an instruction.
 */
#include "base/mem.h"
#include "oci/dockerfile/expand.h"
#include "oci/dockerfile/lint_rules.h"
#include "oci/dockerfile/message.h"
#include "oci/dockerfile/plan_args.h"
#include "oci/image/reference.h"

/* -- casing -------------------------------------------------------------------------- */

enum casing { CASING_LOWER = 1, CASING_UPPER = 2 };

/* Which casings a word is in; both for one without letters. */
static unsigned casing_of(const char *word)
{
	unsigned c = CASING_LOWER | CASING_UPPER;

	for (; *word; word++) {
		if (*word >= 'A' && *word <= 'Z')
			c &= ~(unsigned)CASING_LOWER;
		if (*word >= 'a' && *word <= 'z')
			c &= ~(unsigned)CASING_UPPER;
	}
	return c;
}

static void count_casing(size_t nr[3], const struct dockerfile_instr *in)
{
	unsigned c = casing_of(in->keyword);

	if (c == CASING_LOWER || c == CASING_UPPER)
		nr[c]++;
}

static void check_casing(struct linter *l, const struct dockerfile_instr *in, unsigned wanted)
{
	if (!(casing_of(in->keyword) & wanted))
		lint_add(l, LINT_CONSISTENT_INSTRUCTION_CASING, in,
			 "Command '%s' should match the case of the command majority (%s)",
			 in->keyword, wanted == CASING_LOWER ? "lowercase" : "uppercase");
}

static void lint_casing(struct linter *l)
{
	const struct dockerfile *df = l->df;
	size_t nr[3] = { 0 };
	unsigned wanted;

	for (size_t i = 0; i < df->nr_stages; i++) {
		count_casing(nr, &df->stages[i].from);
		for (size_t k = 0; k < df->stages[i].nr; k++)
			count_casing(nr, &df->stages[i].instrs[k]);
	}
	wanted = nr[CASING_LOWER] > nr[CASING_UPPER] ? CASING_LOWER : CASING_UPPER;
	for (size_t i = 0; i < df->nr_stages; i++) {
		check_casing(l, &df->stages[i].from, wanted);
		for (size_t k = 0; k < df->stages[i].nr; k++)
			check_casing(l, &df->stages[i].instrs[k], wanted);
	}
}

/* -- names --------------------------------------------------------------------------- */

static int by_text(const void *a, const void *b)
{
	const struct dockerfile_instr *const *x = a, *const *y = b;
	int order = strcmp((*x)->name, (*y)->name);

	return order ? order : (*x)->line < (*y)->line ? -1 : (*x)->line > (*y)->line;
}

static void lint_duplicates(struct linter *l)
{
	const struct dockerfile *df = l->df;
	auto_free const struct dockerfile_instr **named =
		mem_zalloc((df->nr_stages + 1) * sizeof(*named));
	size_t nr = 0;

	for (size_t i = 0; i < df->nr_stages; i++)
		if (df->stages[i].from.name)
			named[nr++] = &df->stages[i].from;
	qsort(named, nr, sizeof(*named), by_text);
	for (size_t i = 1; i < nr; i++)
		if (strcmp(named[i - 1]->name, named[i]->name) == 0)
			lint_add(l, LINT_DUPLICATE_STAGE_NAME, named[i],
				 "Duplicate stage name '%s', stage names should be unique",
				 named[i]->name);
}

static void lint_name(struct linter *l, const struct dockerfile_instr *from)
{
	if (!from->name)
		return;
	if (from->raw_name && strcmp(from->raw_name, from->name) != 0)
		lint_add(l, LINT_STAGE_NAME_CASING, from, "Stage name '%s' should be lowercase",
			 from->raw_name);
	if (strcmp(from->name, "context") == 0 || strcmp(from->name, "scratch") == 0)
		lint_add(l, LINT_RESERVED_STAGE_NAME, from,
			 "Stage name should not use the same name as reserved stage '%s'",
			 from->name);
	if (from->as_keyword && casing_of(from->as_keyword) != casing_of(from->keyword))
		lint_add(l, LINT_FROM_AS_CASING, from,
			 "'%s' and '%s' keywords' casing do not match", from->as_keyword,
			 from->keyword);
}

static void lint_default_args(struct linter *l)
{
	const struct plan_options defaults = { .target = NULL };
	struct oci_platform host;
	auto_strv struct strv globals = STRV_INIT;
	struct err ignored = ERR_INIT;

	oci_platform_host(&host);
	if (plan_args_globals(&globals, l->df, &defaults, &host, &ignored) < 0)
		return;
	for (size_t i = 0; i < l->df->nr_stages; i++) {
		const struct dockerfile_instr *from = &l->df->stages[i].from;
		auto_reference struct oci_reference ref = { 0 };
		auto_free char *name = NULL;

		if (dockerfile_expand(&name, from->words.v[0], &globals, l->df->escape, &ignored) <
		    0)
			return;
		if (!*name || oci_reference_parse(&ref, name, &ignored) < 0)
			lint_add(
				l, LINT_INVALID_DEFAULT_ARG_IN_FROM, from,
				"Default value for ARG %s results in empty or invalid base image name",
				from->words.v[0]);
	}
}

void lint_names(struct linter *l)
{
	lint_casing(l);
	lint_duplicates(l);
	lint_default_args(l);
	for (size_t i = 0; i < l->df->nr_stages; i++) {
		const struct dockerfile_instr *from = &l->df->stages[i].from;

		lint_name(l, from);
		lint_description(l, from, from->name);
	}
}

/* -- bases --------------------------------------------------------------------------- */

/* Whether an ARG before the first FROM declares name, with a value or without. */
static bool is_global(const struct dockerfile *df, const char *name)
{
	for (size_t i = 0; i < df->nr_global_args; i++)
		for (size_t k = 0; k < df->global_args[i].words.n; k++) {
			struct span key, value;

			span_cut(span_of_str(df->global_args[i].words.v[k]), '=', &key, &value);
			if (span_eq_str(key, name))
				return true;
		}
	return false;
}

static void lint_from_word(struct linter *l, const struct plan_stage *st, const char *word)
{
	const struct strv *globals = &l->opt->plan->targets[st->target].globals;
	const struct dockerfile_instr *from = st->from;
	auto_strv struct strv unset = STRV_INIT;

	dockerfile_unset_names(&unset, word, globals, l->df->escape);
	for (size_t i = 0; i < unset.n; i++) {
		char hint[MESSAGE_HINT_MAX];

		if (is_global(l->df, unset.v[i]))
			continue;
		lint_guess(hint, unset.v[i], globals, "");
		lint_add(l, LINT_UNDEFINED_ARG_IN_FROM, from,
			 "FROM argument '%s' is not declared%s", unset.v[i], hint);
	}
}

static void lint_platform_flag(struct linter *l, const struct dockerfile_instr *from)
{
	const char *flag = from->platform;
	struct oci_platform p;
	struct err ignored = ERR_INIT;

	if (strcmp(flag, "$TARGETPLATFORM") == 0 || strcmp(flag, "${TARGETPLATFORM}") == 0)
		lint_add(l, LINT_REDUNDANT_TARGET_PLATFORM, from,
			 "Setting platform to predefined %s in FROM is redundant as this is the "
			 "default behavior",
			 flag);
	if (strchr(flag, '$') || oci_platform_parse(&p, span_of_str(flag), &ignored) < 0)
		return;
	/* a stage that says in its name what it is for means it */
	if (from->name && (strstr(from->name, p.os) || strstr(from->name, p.arch)))
		return;
	lint_add(l, LINT_FROM_PLATFORM_FLAG_CONST_DISALLOWED, from,
		 "FROM --platform flag should not use constant value '%s'", flag);
}

void lint_from(struct linter *l, const struct plan_stage *st, const struct oci_config *base)
{
	const struct dockerfile_instr *from = st->from;
	char wanted[100], has[100];

	lint_from_word(l, st, from->words.v[0]);
	if (from->platform) {
		lint_from_word(l, st, from->platform);
		lint_platform_flag(l, from);
	}
	if (!base || (strcmp(base->platform.os, st->platform.os) == 0 &&
		      strcmp(base->platform.arch, st->platform.arch) == 0))
		return;
	oci_platform_format(wanted, &st->platform);
	oci_platform_format(has, &base->platform);
	lint_add(l, LINT_INVALID_BASE_IMAGE_PLATFORM, from,
		 "Base image %s was pulled with platform '%s', expected '%s' for current build",
		 from->words.v[0], has, wanted);
}
