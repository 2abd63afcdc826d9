/*
 * Names to stages. Every FROM and every COPY --from of the file is resolved,
 * also in stages nobody needs, so that a mistake shows at once. A reference
 * always leads to an earlier stage: that makes the file's order a build order,
 * and one walk from the target upwards finds what is needed.
 *
 * A name means, in this order: a named context, an earlier stage (the last one
 * of that name), the empty image "scratch", an image.
 */
#include "oci/dockerfile/plan.h"

#include "base/mem.h"
#include "oci/dockerfile/expand.h"
#include "oci/dockerfile/message.h"
#include "oci/dockerfile/plan_args.h"
#include "oci/image/reference.h"

struct planner {
	const struct dockerfile *df;
	const struct plan_options *opt;
	struct dockerfile_plan *plan; /* while planning: all stages of the file, in its order */
	bool *needed;
};

/* "alpine" and "docker.io/library/alpine:latest" are one name. Owned by the caller. */
static char *plain_name(const char *name)
{
	auto_reference struct oci_reference ref = { 0 };
	auto_buf struct buf out = BUF_INIT(BUF_SMALL);
	struct err ignored = ERR_INIT;
	struct span s;

	if (oci_reference_parse(&ref, name, &ignored) < 0)
		return mem_strdup(name);
	oci_reference_familiar(&out, &ref);
	s = buf_span(&out);
	return span_dup(span_head(s, s.n - (span_ends(s, ":latest") ? strlen(":latest") : 0)));
}

/* The named context that stands for this name; NULL: none does. */
static const char *find_context(const struct planner *p, const char *name)
{
	auto_free char *wanted = NULL;

	if (!name || !p->opt->contexts || !p->opt->contexts->n)
		return NULL;
	wanted = plain_name(name);
	for (size_t i = 0; i < p->opt->contexts->n; i++) {
		const char *context = p->opt->contexts->v[i];
		auto_free char *plain = plain_name(context);

		if (strcmp(context, name) == 0 || strcmp(plain, wanted) == 0)
			return context;
	}
	return NULL;
}

/* The last stage of that name among the first `end`; false: none. */
static bool find_stage(const struct planner *p, const char *name, size_t begin, size_t end,
		       size_t *out)
{
	for (size_t i = end; i-- > begin;) {
		const char *has = p->df->stages[i].from.name;

		if (has && span_eq_nocase(span_of_str(name), has)) {
			*out = i;
			return true;
		}
	}
	return false;
}

static void set_ref(struct plan_source *out, enum plan_from kind, const char *ref)
{
	out->kind = kind;
	out->ref = mem_strdup(ref);
}

static void set_stage(const struct planner *p, struct plan_source *out, size_t stage)
{
	const char *context = find_context(p, p->df->stages[stage].from.name);

	if (context) {
		set_ref(out, PLAN_CONTEXT, context);
		return;
	}
	out->kind = PLAN_STAGE;
	out->stage = stage;
}

static int set_image(struct plan_source *out, const char *name, struct err *e)
{
	auto_reference struct oci_reference ref = { 0 };

	if (oci_reference_parse(&ref, name, e) < 0) {
		e->kind = ERR_INPUT;
		return err_wrap(e, "'" MESSAGE_FMT "' is neither a stage nor the name of an image",
				MESSAGE_ARG(span_of_str(name)));
	}
	set_ref(out, PLAN_IMAGE, name);
	return 0;
}

/* A name as seen from stage `at`. */
static int resolve_name(const struct planner *p, struct plan_source *out, const char *name,
			size_t at, struct err *e)
{
	const char *context;
	size_t stage;

	if (strcmp(name, "scratch") == 0) {
		out->kind = PLAN_SCRATCH;
		return 0;
	}
	context = find_context(p, name);
	if (context) {
		set_ref(out, PLAN_CONTEXT, context);
		return 0;
	}
	if (find_stage(p, name, 0, at, &stage)) {
		set_stage(p, out, stage);
		return 0;
	}
	return set_image(out, name, e);
}

/* verb: "copy" or "mount". */
static int needs_earlier(const struct planner *p, const char *verb, const char *from, size_t at,
			 struct err *e)
{
	return err_set(e, ERR_INPUT,
		       "cannot %s from stage '" MESSAGE_FMT
		       "', it needs to be defined before current stage '%s'",
		       verb, MESSAGE_ARG(span_of_str(from)), p->plan->stages[at].name);
}

static bool is_number(const char *s)
{
	size_t digits = strspn(s, "0123456789");

	return digits && !s[digits];
}

/* COPY --from and --mount=from= in stage `at`. */
static int resolve_from(const struct planner *p, struct plan_source *out, const char *verb,
			const char *from, size_t at, struct err *e)
{
	size_t stage;
	uint64_t index;

	if (is_number(from)) {
		if (span_to_u64(&index, span_of_str(from)) < 0 || index >= p->df->nr_stages)
			return err_set(e, ERR_INPUT, "invalid stage index " MESSAGE_FMT,
				       MESSAGE_ARG(span_of_str(from)));
		if (index >= at)
			return needs_earlier(p, verb, from, at, e);
		set_stage(p, out, (size_t)index);
		return 0;
	}
	if (!find_context(p, from) && !find_stage(p, from, 0, at, &stage) &&
	    find_stage(p, from, at, p->df->nr_stages, &stage))
		return needs_earlier(p, verb, from, at, e);
	return resolve_name(p, out, from, at, e);
}

static int plan_mounts(const struct planner *p, struct plan_step *step, size_t at, struct err *e)
{
	const struct dockerfile_instr *in = step->instr;

	if (!in->nr_mounts)
		return 0;
	step->mounts = mem_zalloc(in->nr_mounts * sizeof(*step->mounts));
	for (size_t i = 0; i < in->nr_mounts; i++)
		if (in->mounts[i].from &&
		    resolve_from(p, &step->mounts[i], "mount", in->mounts[i].from, at, e) < 0)
			return -1;
	return 0;
}

static int plan_step(const struct planner *p, struct plan_step *step, size_t at, struct err *e)
{
	const char *from = step->instr->from;

	if (from && resolve_from(p, &step->from, "copy", from, at, e) < 0)
		return -1;
	return plan_mounts(p, step, at, e);
}

static int plan_steps(const struct planner *p, size_t at, struct err *e)
{
	const struct dockerfile_stage *from = &p->df->stages[at];
	struct plan_stage *st = &p->plan->stages[at];

	if (!from->nr)
		return 0;
	st->steps = mem_zalloc(from->nr * sizeof(*st->steps));
	for (; st->nr < from->nr; st->nr++) {
		const struct dockerfile_instr *in = &from->instrs[st->nr];

		st->steps[st->nr].instr = in;
		if (plan_step(p, &st->steps[st->nr], at, e) < 0) {
			st->nr++; /* what it has by now is released */
			return err_wrap(e, "%s:%u", p->df->file, in->line);
		}
	}
	return 0;
}

static int plan_platform(const struct planner *p, struct plan_stage *st, const char *flag,
			 struct err *e)
{
	auto_free char *text = NULL;

	if (!flag) {
		/* a stage goes on in its base's platform */
		st->platform = st->base.kind == PLAN_STAGE
				       ? p->plan->stages[st->base.stage].platform
				       : p->opt->platform;
		return 0;
	}
	if (dockerfile_expand(&text, flag, &p->plan->globals, p->df->escape, e) < 0)
		return -1;
	if (!*text)
		return err_set(e, ERR_INPUT,
			       "empty platform value from expression '" MESSAGE_FMT "'",
			       MESSAGE_ARG(span_of_str(flag)));
	if (strcmp(text, "local") == 0) {
		oci_platform_host(&st->platform);
		return 0;
	}
	return oci_platform_parse(&st->platform, span_of_str(text), e);
}

static int plan_base(const struct planner *p, size_t at, struct err *e)
{
	const struct dockerfile_instr *from = &p->df->stages[at].from;
	struct plan_stage *st = &p->plan->stages[at];
	auto_free char *name = NULL;

	st->name = from->name ? mem_strdup(from->name) : mem_printf("stage-%zu", at);
	if (dockerfile_expand(&name, from->words.v[0], &p->plan->globals, p->df->escape, e) < 0)
		return -1;
	if (!*name)
		return err_set(e, ERR_INPUT, "base name ('" MESSAGE_FMT "') should not be blank",
			       MESSAGE_ARG(span_of_str(from->words.v[0])));
	if (resolve_name(p, &st->base, name, at, e) < 0)
		return -1;
	return plan_platform(p, st, from->platform, e);
}

static int plan_all_stages(struct planner *p, struct err *e)
{
	p->plan->stages = mem_zalloc(p->df->nr_stages * sizeof(*p->plan->stages));
	for (size_t i = 0; i < p->df->nr_stages; i++) {
		p->plan->nr = i + 1;
		if (plan_base(p, i, e) < 0)
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
	if (!target || find_stage(p, target, 0, p->df->nr_stages, out))
		return 0;
	if (is_number(target) && span_to_u64(&index, span_of_str(target)) == 0 &&
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

static void source_release(struct plan_source *s)
{
	free(s->ref);
	*s = (struct plan_source){ 0 };
}

static void steps_release(struct plan_stage *st)
{
	for (size_t i = 0; i < st->nr; i++) {
		struct plan_step *step = &st->steps[i];

		source_release(&step->from);
		for (size_t k = 0; step->mounts && k < step->instr->nr_mounts; k++)
			source_release(&step->mounts[k]);
		free(step->mounts);
	}
	free(st->steps);
	st->steps = NULL;
	st->nr = 0;
}

static void stage_release(struct plan_stage *st)
{
	steps_release(st);
	source_release(&st->base);
	free(st->name);
	*st = (struct plan_stage){ 0 };
}

/* A target that a named context stands for is that context, and nothing is done to it. */
static void replace_by_context(const struct planner *p, size_t target)
{
	struct plan_stage *st = &p->plan->stages[target];
	const char *context = find_context(p, p->df->stages[target].from.name);

	if (!context)
		return;
	steps_release(st);
	source_release(&st->base);
	set_ref(&st->base, PLAN_CONTEXT, context);
}

static void need(struct planner *p, const struct plan_source *s)
{
	if (s->kind == PLAN_STAGE)
		p->needed[s->stage] = true;
}

static void need_of_step(struct planner *p, const struct plan_step *step)
{
	need(p, &step->from);
	for (size_t k = 0; step->mounts && k < step->instr->nr_mounts; k++)
		need(p, &step->mounts[k]);
}

static void renumber(struct plan_source *s, const size_t *place)
{
	if (s->kind == PLAN_STAGE)
		s->stage = place[s->stage];
}

static void renumber_step(struct plan_step *step, const size_t *place)
{
	renumber(&step->from, place);
	for (size_t k = 0; step->mounts && k < step->instr->nr_mounts; k++)
		renumber(&step->mounts[k], place);
}

/* Leaves the needed stages, closed up, the target last. */
static void keep_needed(struct planner *p, size_t target)
{
	struct dockerfile_plan *plan = p->plan;
	auto_free size_t *place = mem_zalloc(plan->nr * sizeof(*place));
	size_t kept = 0;

	p->needed[target] = true;
	for (size_t i = target + 1; i-- > 0;) {
		const struct plan_stage *st = &plan->stages[i];

		if (!p->needed[i])
			continue;
		need(p, &st->base);
		for (size_t j = 0; j < st->nr; j++)
			need_of_step(p, &st->steps[j]);
	}
	for (size_t i = 0; i < plan->nr; i++) {
		struct plan_stage st = plan->stages[i];

		if (!p->needed[i]) {
			stage_release(&st);
			continue;
		}
		renumber(&st.base, place);
		for (size_t j = 0; j < st.nr; j++)
			renumber_step(&st.steps[j], place);
		place[i] = kept;
		plan->stages[kept++] = st;
	}
	plan->nr = kept;
}

int dockerfile_plan_make(struct dockerfile_plan **out, const struct dockerfile *df,
			 const struct plan_options *opt, struct err *e)
{
	auto_plan struct dockerfile_plan *plan = mem_zalloc(sizeof(*plan));
	auto_free bool *needed = mem_zalloc(df->nr_stages * sizeof(*needed));
	struct planner p = { .df = df, .opt = opt, .plan = plan, .needed = needed };
	size_t target;

	plan->file = df;
	if (plan_args_globals(&plan->globals, df, opt, e) < 0)
		return -1;
	if (plan_all_stages(&p, e) < 0 || find_target(&p, &target, e) < 0)
		return -1;
	replace_by_context(&p, target);
	keep_needed(&p, target);
	plan_args_unused(&plan->unused_build_args, df, opt, &plan->globals);
	*out = STEAL(&plan);
	return 0;
}

void dockerfile_plan_free(struct dockerfile_plan *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->nr; i++)
		stage_release(&p->stages[i]);
	free(p->stages);
	strv_release(&p->globals);
	strv_release(&p->unused_build_args);
	free(p);
}
