/*
 * Triggers come from the configuration of an image, or from the ONBUILD lines of an earlier stage.
 * They are carried out first, and are not handed on: a stage two generations down sees nothing of
 * them.
 */
#include "oci/dockerfile/plan_onbuild.h"

#include "base/mem.h"
#include "oci/dockerfile/parse.h"

static void lines_of_stage(struct strv *out, const struct dockerfile_stage *base)
{
	for (size_t i = 0; i < base->nr; i++)
		if (base->instrs[i].kind == DOCKERFILE_ONBUILD)
			strv_add(out, base->instrs[i].words.v[0]);
}

static void lines_of_image(struct strv *out, const struct planner *p, const struct plan_stage *st)
{
	for (size_t i = 0; i < p->opt->nr_triggers; i++) {
		const struct plan_triggers *t = &p->opt->triggers[i];

		if (t->kind == st->base.kind && strcmp(t->ref, st->base.ref) == 0 &&
		    oci_platform_equals(&t->platform, &st->platform))
			strv_copy(out, t->lines);
	}
}

void plan_onbuild_lines(struct strv *out, const struct planner *p, size_t at)
{
	const struct plan_stage *st = &p->stages[at];

	if (st->base.kind == PLAN_STAGE)
		lines_of_stage(out, &p->df->stages[st->base.stage]);
	else if (st->base.ref)
		lines_of_image(out, p, st);
}

int plan_onbuild_step(struct plan_step *out, struct planner *p, size_t at, const char *line,
		      struct err *e)
{
	struct dockerfile_instr in;

	if (++p->nr_triggers > TRIGGERS_MAX)
		return err_set(e, ERR_INPUT, "more than %d ONBUILD triggers", TRIGGERS_MAX);
	if (dockerfile_parse_onbuild(&in, p->df, line, e) < 0)
		return -1;
	in.line = in.last_line = p->stages[at].from->line;
	out->trigger = mem_alloc(sizeof(in));
	*out->trigger = in;
	out->instr = out->trigger;
	return 0;
}
