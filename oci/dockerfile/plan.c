/*
 * Every FROM and every --from of the file is resolved, also in stages nobody needs, so that a
 * mistake shows at once. A reference always leads to an earlier stage: that makes the file's order
 * a build order, and one walk from the target upwards finds what is needed.
 *
 * All this is done once for each platform; plan_join.c makes one plan of it.
 */
#include "oci/dockerfile/plan.h"

#include "base/mem.h"
#include "base/url.h"
#include "oci/dockerfile/expand.h"
#include "oci/dockerfile/message.h"
#include "oci/dockerfile/plan_args.h"
#include "oci/dockerfile/plan_join.h"
#include "oci/dockerfile/plan_onbuild.h"

static int plan_mounts(const struct planner *p, struct plan_step *step, size_t at, struct err *e)
{
	const struct dockerfile_instr *in = step->instr;

	if (!in->nr_mounts)
		return 0;
	step->mounts = mem_zalloc(in->nr_mounts * sizeof(*step->mounts));
	for (size_t i = 0; i < in->nr_mounts; i++)
		if (in->mounts[i].from &&
		    plan_resolve_from(p, &step->mounts[i], "mount", in->mounts[i].from, at, e) < 0)
			return -1;
	return 0;
}

static int plan_step(const struct planner *p, struct plan_step *step, size_t at, struct err *e)
{
	const char *from = step->instr->from;

	if (from && plan_resolve_from(p, &step->from, "copy", from, at, e) < 0)
		return -1;
	return plan_mounts(p, step, at, e);
}

/* st->nr counts it at once: what it has by then is released with the stage. */
static int plan_trigger(struct planner *p, size_t at, const char *line, struct err *e)
{
	struct plan_step *step = &p->stages[at].steps[p->stages[at].nr];

	if (plan_onbuild_step(step, p, at, line, e) < 0)
		return -1;
	p->stages[at].nr++;
	return plan_step(p, step, at, e);
}

static int plan_triggers(struct planner *p, size_t at, const struct strv *lines, struct err *e)
{
	const struct plan_source *base = &p->stages[at].base;
	bool is_stage = base->kind == PLAN_STAGE;

	for (size_t i = 0; i < lines->n; i++) {
		auto_buf struct buf line = BUF_INIT(SIZE_MAX);

		if (plan_trigger(p, at, lines->v[i], e) == 0)
			continue;
		url_redact(&line, span_of_str(lines->v[i])); /* an ADD may hold a password */
		err_wrap(e, "ONBUILD of %s '%.200s': " MESSAGE_FMT, is_stage ? "stage" : "image",
			 is_stage ? p->stages[base->stage].name : base->ref,
			 MESSAGE_ARG(buf_span(&line)));
		message_excerpt_instr(e, p->df, p->stages[at].from);
		return err_wrap(e, "%s:%u", p->df->file, p->stages[at].from->line);
	}
	return 0;
}

static int plan_own_steps(struct planner *p, size_t at, struct err *e)
{
	const struct dockerfile_stage *from = &p->df->stages[at];
	struct plan_stage *st = &p->stages[at];

	for (size_t i = 0; i < from->nr; i++) {
		struct plan_step *step = &st->steps[st->nr++];

		step->instr = &from->instrs[i];
		if (plan_step(p, step, at, e) < 0) {
			message_excerpt_instr(e, p->df, step->instr);
			return err_wrap(e, "%s:%u", p->df->file, step->instr->line);
		}
	}
	return 0;
}

static int plan_steps(struct planner *p, size_t at, struct err *e)
{
	auto_strv struct strv lines = STRV_INIT;
	size_t nr;

	plan_onbuild_lines(&lines, p, at);
	nr = lines.n + p->df->stages[at].nr;
	if (!nr)
		return 0;
	p->stages[at].steps = mem_zalloc(nr * sizeof(*p->stages[at].steps));
	return plan_triggers(p, at, &lines, e) < 0 ? -1 : plan_own_steps(p, at, e);
}

/* What FROM --platform says; unchanged without. */
static int plan_platform_flag(const struct planner *p, struct oci_platform *out, const char *flag,
			      struct err *e)
{
	auto_free char *text = NULL;

	if (!flag)
		return 0;
	if (dockerfile_expand(&text, flag, &p->globals, p->df->escape, e) < 0)
		return -1;
	if (!*text)
		return err_set(e, ERR_INPUT,
			       "empty platform value from expression '" MESSAGE_FMT "'",
			       MESSAGE_ARG(span_of_str(flag)));
	if (strcmp(text, "local") == 0) {
		oci_platform_host(out);
		return 0;
	}
	return oci_platform_parse(out, span_of_str(text), e);
}

/* A stage goes on in its base's platform, and what is made from nothing is for the target's. */
static int plan_platform(const struct planner *p, struct plan_stage *st, struct err *e)
{
	st->platform = *p->platform;
	if (plan_platform_flag(p, &st->platform, st->from->platform, e) < 0)
		return -1;
	if (st->base.kind == PLAN_STAGE)
		st->platform = p->stages[st->base.stage].platform;
	if (st->base.kind == PLAN_SCRATCH)
		st->platform = *p->platform;
	return 0;
}

/* The name of a base is wrong, and so is a variable in it. Always -1. */
static int hint_unset(const struct planner *p, const char *word, struct err *e)
{
	auto_strv struct strv unset = STRV_INIT;
	auto_free char *text = mem_strdup(e->text);

	dockerfile_unset_names(&unset, word, &p->globals, p->df->escape);
	if (!unset.n)
		return -1;
	return err_set(e, ERR_INPUT,
		       "%s (" MESSAGE_FMT
		       " is not set: ARG NAME=VALUE is needed before the first FROM)",
		       text, MESSAGE_ARG(span_of_str(unset.v[0])));
}

static int plan_base(const struct planner *p, size_t at, struct err *e)
{
	const struct dockerfile_instr *from = &p->df->stages[at].from;
	struct plan_stage *st = &p->stages[at];
	auto_free char *name = NULL;

	st->from = from;
	st->name = from->name ? mem_strdup(from->name) : mem_printf("stage-%zu", at);
	if (dockerfile_expand(&name, from->words.v[0], &p->globals, p->df->escape, e) < 0)
		return -1;
	if (!*name) {
		err_set(e, ERR_INPUT, "base name ('" MESSAGE_FMT "') should not be blank",
			MESSAGE_ARG(span_of_str(from->words.v[0])));
		return hint_unset(p, from->words.v[0], e);
	}
	if (plan_resolve_name(p, &st->base, name, at, e) < 0)
		return hint_unset(p, from->words.v[0], e);
	return plan_platform(p, st, e);
}

static int plan_all_stages(struct planner *p, struct err *e)
{
	p->stages = mem_zalloc(p->df->nr_stages * sizeof(*p->stages));
	for (size_t i = 0; i < p->df->nr_stages; i++) {
		p->nr = i + 1;
		if (plan_base(p, i, e) == 0)
			continue;
		message_excerpt_instr(e, p->df, &p->df->stages[i].from);
		return err_wrap(e, "%s:%u", p->df->file, p->df->stages[i].from.line);
	}
	for (size_t i = 0; i < p->df->nr_stages; i++)
		if (plan_steps(p, i, e) < 0)
			return -1;
	return 0;
}

static int find_target(const struct planner *p, size_t *out, struct err *e)
{
	const char *target = p->opt->target;
	struct message_guess guess = { .word = span_of_str(target) };
	char hint[MESSAGE_HINT_MAX];
	uint64_t index;

	*out = p->df->nr_stages - 1;
	if (!target || plan_find_stage(p, target, p->df->nr_stages, out))
		return 0;
	if (plan_is_number(target) && span_to_u64(&index, span_of_str(target)) == 0 &&
	    index < p->df->nr_stages) {
		*out = (size_t)index;
		return 0;
	}
	for (size_t i = 0; i < p->df->nr_stages; i++)
		message_guess_add(&guess, p->df->stages[i].from.name);
	message_guess_hint(hint, &guess);
	return message_wrong(e, p->df->file, 0,
			     "target stage '" MESSAGE_FMT "' could not be found%s",
			     MESSAGE_ARG(span_of_str(target)), hint);
}

/* A target that a named context stands for is that context, and nothing is done to it. */
static void replace_by_context(const struct planner *p, size_t target)
{
	struct plan_stage *st = &p->stages[target];
	const char *context = plan_find_context(p, p->df->stages[target].from.name);

	if (!context)
		return;
	plan_stage_clear(st);
	plan_source_set(&st->base, PLAN_CONTEXT, context);
}

static void planner_release(struct planner *p)
{
	for (size_t i = 0; i < p->nr; i++)
		plan_stage_release(&p->stages[i]);
	free(p->stages);
	strv_release(&p->globals);
}

static int add_platform(struct dockerfile_plan *plan, const struct dockerfile *df,
			const struct plan_options *opt, const struct oci_platform *platform,
			struct err *e)
{
	CLEANUP(planner_release)
	struct planner p = { .df = df, .opt = opt, .platform = platform };
	size_t target;

	if (plan_args_globals(&p.globals, df, opt, platform, e) < 0 || plan_all_stages(&p, e) < 0 ||
	    find_target(&p, &target, e) < 0)
		return -1;
	replace_by_context(&p, target);
	plan_join(plan, &p, target);
	return 0;
}

int dockerfile_plan_make(struct dockerfile_plan **out, const struct dockerfile *df,
			 const struct plan_options *opt, struct err *e)
{
	auto_plan struct dockerfile_plan *plan = mem_zalloc(sizeof(*plan));

	plan->file = df;
	plan->targets = mem_zalloc(opt->nr_platforms * sizeof(*plan->targets));
	for (size_t i = 0; i < opt->nr_platforms; i++)
		if (add_platform(plan, df, opt, &opt->platforms[i], e) < 0)
			return -1;
	if (plan_args_epoch(plan, opt, &plan->targets[0].globals, e) < 0)
		return -1;
	plan_args_given(plan, df, opt, &plan->targets[0].globals);
	*out = STEAL(&plan);
	return 0;
}

void dockerfile_plan_free(struct dockerfile_plan *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->nr; i++)
		plan_stage_release(&p->stages[i]);
	free(p->stages);
	for (size_t i = 0; i < p->nr_targets; i++)
		strv_release(&p->targets[i].globals);
	free(p->targets);
	strv_release(&p->unused_build_args);
	strv_release(&p->used_build_args);
	free(p);
}
