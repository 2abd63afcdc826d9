/*
 * A stage is the same for another platform when it is the same stage of the file, begins with the
 * same, reads the same, and every ARG in it that imports a global value imports the same one. So a
 * stage "FROM --platform=$BUILDPLATFORM" that asks for no TARGETARCH is carried out once. A target
 * is never shared: its configuration gets the platform's name.
 */
#include "oci/dockerfile/plan_join.h"

#include "base/mem.h"

/* -- taking down -------------------------------------------------------------------- */

void plan_stage_clear(struct plan_stage *st)
{
	for (size_t i = 0; i < st->nr; i++) {
		struct plan_step *step = &st->steps[i];

		plan_source_release(&step->from);
		for (size_t k = 0; step->mounts && k < step->instr->nr_mounts; k++)
			plan_source_release(&step->mounts[k]);
		free(step->mounts);
		if (step->trigger)
			dockerfile_instr_release(step->trigger);
		free(step->trigger);
	}
	free(st->steps);
	st->steps = NULL;
	st->nr = 0;
	plan_source_release(&st->base);
}

void plan_stage_release(struct plan_stage *st)
{
	plan_stage_clear(st);
	free(st->name);
	*st = (struct plan_stage){ 0 };
}

/* -- all that a stage reads ------------------------------------------------------------ */

typedef void each_source_fn(struct plan_source *s, void *arg);

static void each_source(struct plan_stage *st, each_source_fn *fn, void *arg)
{
	fn(&st->base, arg);
	for (size_t i = 0; i < st->nr; i++) {
		struct plan_step *step = &st->steps[i];

		fn(&step->from, arg);
		for (size_t k = 0; step->mounts && k < step->instr->nr_mounts; k++)
			fn(&step->mounts[k], arg);
	}
}

static void need(struct plan_source *s, void *arg)
{
	bool *needed = arg;

	if (s->kind == PLAN_STAGE)
		needed[s->stage] = true;
}

static void renumber(struct plan_source *s, void *arg)
{
	const size_t *place = arg;

	if (s->kind == PLAN_STAGE)
		s->stage = place[s->stage];
}

/* -- equal stages ------------------------------------------------------------------------ */

static bool source_equals(const struct plan_source *a, const struct plan_source *b)
{
	if (a->kind != b->kind || a->stage != b->stage || !a->ref != !b->ref)
		return false;
	return !a->ref || strcmp(a->ref, b->ref) == 0;
}

/* A name that is only known when the stage is built may be any. */
static bool imports_same(const struct dockerfile_instr *in, const struct strv *a,
			 const struct strv *b)
{
	for (size_t i = 0; in->kind == DOCKERFILE_ARG && i < in->words.n; i++) {
		const char *name = in->words.v[i];
		const char *x, *y;

		if (strpbrk(name, "$\\`\"'"))
			return false;
		if (strchr(name, '='))
			continue;
		x = strv_env_get(a, name);
		y = strv_env_get(b, name);
		if (!x != !y || (x && strcmp(x, y) != 0))
			return false;
	}
	return true;
}

/* Of triggers, those of one image are equal when they read the same. */
static bool instr_equals(const struct plan_step *a, const struct plan_step *b)
{
	if (!a->trigger || !b->trigger)
		return a->instr == b->instr;
	return strcmp(a->instr->text, b->instr->text) == 0;
}

static bool step_equals(const struct plan_step *a, const struct plan_step *b)
{
	if (!instr_equals(a, b) || !source_equals(&a->from, &b->from) ||
	    a->instr->nr_mounts != b->instr->nr_mounts)
		return false;
	for (size_t k = 0; a->mounts && k < a->instr->nr_mounts; k++)
		if (!source_equals(&a->mounts[k], &b->mounts[k]))
			return false;
	return true;
}

static bool stage_equals(const struct dockerfile_plan *plan, const struct plan_stage *a,
			 const struct plan_stage *b, const struct strv *globals)
{
	if (a->from != b->from || a->nr != b->nr || !source_equals(&a->base, &b->base) ||
	    !oci_platform_equals(&a->platform, &b->platform))
		return false;
	for (size_t i = 0; i < a->nr; i++)
		if (!step_equals(&a->steps[i], &b->steps[i]) ||
		    !imports_same(a->steps[i].instr, &plan->targets[a->target].globals, globals))
			return false;
	return true;
}

static bool is_target(const struct dockerfile_plan *plan, size_t stage)
{
	for (size_t i = 0; i < plan->nr_targets; i++)
		if (plan->targets[i].stage == stage)
			return true;
	return false;
}

/* st's place in the plan; it is the plan's, or gone, afterwards. */
static size_t join_stage(struct dockerfile_plan *plan, struct plan_stage *st,
			 const struct strv *globals, bool alone)
{
	for (size_t i = 0; !alone && i < plan->nr; i++) {
		if (is_target(plan, i) || !stage_equals(plan, &plan->stages[i], st, globals))
			continue;
		plan_stage_release(st);
		return i;
	}
	plan->stages[plan->nr] = *st;
	*st = (struct plan_stage){ 0 };
	return plan->nr++;
}

/* -- joining ------------------------------------------------------------------------------- */

void plan_join(struct dockerfile_plan *plan, struct planner *p, size_t target)
{
	auto_free size_t *place = mem_zalloc(p->nr * sizeof(*place));
	auto_free bool *needed = mem_zalloc(p->nr * sizeof(*needed));

	needed[target] = true;
	for (size_t i = 0; p->opt->all_stages && i < p->nr; i++)
		needed[i] = true;
	for (size_t i = target + 1; i-- > 0;)
		if (needed[i])
			each_source(&p->stages[i], need, needed);
	plan->stages = mem_resize(plan->stages, plan->nr + p->nr, sizeof(*plan->stages));
	for (size_t i = 0; i < p->nr; i++) {
		if (!needed[i])
			continue;
		each_source(&p->stages[i], renumber, place);
		p->stages[i].target = plan->nr_targets;
		place[i] = join_stage(plan, &p->stages[i], &p->globals, i == target);
	}
	plan->targets[plan->nr_targets++] = (struct plan_target){ .stage = place[target],
								  .platform = *p->platform,
								  .globals = p->globals };
	p->globals = STRV_INIT;
}
