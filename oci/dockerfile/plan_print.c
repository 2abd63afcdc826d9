/*
 * One line a stage, one line a step, in the order in which they are carried out.
 */
#include "oci/dockerfile/plan_print.h"

static void print_source(struct buf *out, const struct dockerfile_plan *p,
			 const struct plan_source *s)
{
	switch (s->kind) {
	case PLAN_NONE:
		break;
	case PLAN_SCRATCH:
		buf_add_str(out, "scratch");
		break;
	case PLAN_STAGE:
		buf_addf(out, "stage %s", p->stages[s->stage].name);
		break;
	case PLAN_IMAGE:
		buf_addf(out, "image %s", s->ref);
		break;
	case PLAN_CONTEXT:
		buf_addf(out, "context %s", s->ref);
		break;
	}
}

static void print_stage(struct buf *out, const struct dockerfile_plan *p,
			const struct plan_stage *st)
{
	char platform[100];

	oci_platform_format(platform, &st->platform);
	buf_addf(out, "stage %s from ", st->name);
	print_source(out, p, &st->base);
	buf_addf(out, " for %s\n", platform);
	for (size_t i = 0; i < st->nr; i++) {
		const struct plan_step *step = &st->steps[i];

		buf_addf(out, "%5u  %s%s", step->instr->line, step->trigger ? "ONBUILD " : "",
			 step->instr->text);
		if (step->from.kind != PLAN_NONE) {
			buf_add_str(out, "  << ");
			print_source(out, p, &step->from);
		}
		buf_add_char(out, '\n');
	}
}

void dockerfile_plan_print(struct buf *out, const struct dockerfile_plan *p)
{
	for (size_t i = 0; i < p->nr; i++)
		print_stage(out, p, &p->stages[i]);
	for (size_t i = 0; i < p->unused_build_args.n; i++)
		buf_addf(out, "unused --build-arg %s\n", p->unused_build_args.v[i]);
}
