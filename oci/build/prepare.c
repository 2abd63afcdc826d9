/*
 * Triggers may read stages that nobody has needed before, and those may be FROM images that have
 * triggers: so it goes round until a plan needs no new image. A round adds at least one image, and a
 * file names so many only.
 */
#include "oci/build/prepare.h"

#include "base/mem.h"
#include "base/progress.h"
#include "oci/build/foreign.h"
#include "oci/build/run_check.h"
#include "oci/build/stage.h"
#include "oci/dockerfile/message.h"

void bases_release(struct bases *b)
{
	for (size_t i = 0; i < b->nr; i++)
		free(b->v[i].from.ref);
	free(b->v);
	*b = (struct bases){ 0 };
}

/* -- the plan -------------------------------------------------------------------------- */

static void context_names(struct strv *out, const struct strv *contexts)
{
	for (size_t i = 0; i < contexts->n; i++) {
		struct span name, value;

		span_cut(span_of_str(contexts->v[i]), '=', &name, &value);
		strv_add_span(out, name);
	}
}

/* One for each base that has some. */
static size_t triggers_of(struct plan_triggers *out, const struct bases *b)
{
	size_t nr = 0;

	for (size_t i = 0; i < b->nr; i++)
		if (b->v[i].image && b->v[i].image->config->onbuild.n)
			out[nr++] =
				(struct plan_triggers){ .kind = b->v[i].from.kind,
							.ref = b->v[i].from.ref,
							.platform = b->v[i].platform,
							.lines = &b->v[i].image->config->onbuild };
	return nr;
}

static int make_plan(struct job *j, struct err *e)
{
	auto_free struct plan_triggers *triggers =
		mem_zalloc((j->bases.nr + 1) * sizeof(*triggers));
	auto_strv struct strv contexts = STRV_INIT;
	struct plan_options opt = { .build_args = &j->opt->build_args,
				    .contexts = &contexts,
				    .target = j->opt->target,
				    .platforms = j->opt->platforms,
				    .nr_platforms = j->opt->nr_platforms,
				    .triggers = triggers,
				    .nr_triggers = triggers_of(triggers, &j->bases),
				    .all_stages = j->all_stages };
	struct dockerfile_plan *plan;

	context_names(&contexts, &j->opt->contexts);
	if (dockerfile_plan_make(&plan, j->file, &opt, e) < 0)
		return -1;
	dockerfile_plan_free(j->plan);
	j->plan = plan;
	if (run_check_plan(plan, &j->opt->run, e) < 0)
		return -1;
	return run_check_sandbox(plan, &j->opt->run, j->env->sandbox, e);
}

int prepare_plan(struct job *j, struct err *e)
{
	if (make_plan(j, e) < 0)
		return -1;
	j->own_opt.has_epoch = j->plan->has_epoch;
	j->own_opt.epoch = j->plan->epoch;
	for (size_t i = 0; i < j->plan->unused_build_args.n; i++)
		progress_warn(j->op->progress, "--build-arg %s: no ARG of this name was found",
			      j->plan->unused_build_args.v[i]);
	return 0;
}

/* -- the bases --------------------------------------------------------------------------- */

static struct base *find_base(const struct bases *b, const struct plan_stage *st)
{
	for (size_t i = 0; i < b->nr; i++)
		if (b->v[i].from.kind == st->base.kind &&
		    strcmp(b->v[i].from.ref, st->base.ref) == 0 &&
		    oci_platform_equals(&b->v[i].platform, &st->platform))
			return &b->v[i];
	return NULL;
}

static bool is_image(const struct plan_source *s)
{
	return s->kind == PLAN_IMAGE || s->kind == PLAN_CONTEXT;
}

/* Those that the plan needs and that are not there yet. */
static void add_missing(struct bases *b, const struct dockerfile_plan *plan)
{
	for (size_t i = 0; i < plan->nr; i++) {
		const struct plan_stage *st = &plan->stages[i];

		if (!is_image(&st->base) || find_base(b, st))
			continue;
		MEM_GROW(b->v, b->nr, b->cap);
		b->v[b->nr++] = (struct base){ .from = { .kind = st->base.kind,
							 .ref = mem_strdup(st->base.ref) },
					       .platform = st->platform };
	}
}

struct lookup {
	struct job *job;
	struct base *base;
	int r;
	struct err err;
};

static void lookup_run(void *item)
{
	struct lookup *l = item;
	struct job *j = l->job;
	char platform[100];
	auto_free char *id = NULL;

	oci_platform_format(platform, &l->base->platform);
	id = mem_printf("find %s %s", l->base->from.ref, platform);
	progress_begin(j->op->progress, id, "find %s for %s", l->base->from.ref, platform);
	l->r = images_get(&l->base->image, j->op, &j->images, &l->base->from, &l->base->platform,
			  &l->err);
	if (l->r < 0)
		progress_give_up(j->op->progress, id, &l->err);
	else
		progress_end(j->op->progress, id, 0);
}

/* Whose FROM the message is about: the first stage's that wants it. */
static int lookup_fail(const struct lookup *l, struct err *e)
{
	const struct dockerfile_plan *plan = l->job->plan;

	*e = l->err;
	for (size_t i = 0; i < plan->nr; i++)
		if (is_image(&plan->stages[i].base) &&
		    find_base(&l->job->bases, &plan->stages[i]) == l->base) {
			job_hint_stage(l->job, l->base->from.ref, plan->stages[i].from, e);
			message_excerpt_instr(e, l->job->file, plan->stages[i].from);
			return err_wrap(e, "%s:%u: FROM %s", l->job->file->file,
					plan->stages[i].from->line, l->base->from.ref);
		}
	return -1;
}

static int find_bases(struct job *j, size_t from, struct err *e)
{
	size_t nr = j->bases.nr - from;
	auto_free struct lookup *all = mem_zalloc((nr + 1) * sizeof(*all));
	struct pool_batch batch;

	pool_batch_init(&batch, j->op->pool);
	for (size_t i = 0; i < nr; i++) {
		all[i] = (struct lookup){ .job = j, .base = &j->bases.v[from + i] };
		pool_submit(&batch, lookup_run, &all[i]);
	}
	pool_batch_wait(&batch);
	for (size_t i = 0; i < nr; i++)
		if (all[i].r < 0)
			return lookup_fail(&all[i], e);
	return 0;
}

struct image *prepare_base_of(const struct job *j, size_t index)
{
	const struct plan_stage *st = &j->plan->stages[index];
	const struct base *b = is_image(&st->base) ? find_base(&j->bases, st) : NULL;

	return b ? b->image : NULL;
}

/* -- machines ------------------------------------------------------------------------------ */

/* What the programs of a stage are for: its image's word, not what was asked for. */
static const struct oci_platform *runs_on(const struct job *j, size_t index)
{
	const struct image *img;

	while (j->plan->stages[index].base.kind == PLAN_STAGE)
		index = j->plan->stages[index].base.stage;
	img = prepare_base_of(j, index);
	return img ? &img->config->platform : &j->plan->stages[index].platform;
}

static int wrong_machine(const struct job *j, const struct dockerfile_instr *in, struct err *e)
{
	message_excerpt_instr(e, j->file, in);
	return err_wrap(e, "%s:%u: RUN", j->file->file, in->line);
}

static int check_machine(struct job *j, size_t index, struct err *e)
{
	const struct plan_stage *st = &j->plan->stages[index];

	for (size_t i = 0; i < st->nr; i++) {
		if (st->steps[i].instr->kind != DOCKERFILE_RUN)
			continue;
		if (foreign_check(j->op, runs_on(j, index), j->ws.path, e) < 0)
			return wrong_machine(j, st->steps[i].instr, e);
		return 0;
	}
	return 0;
}

int prepare_bases(struct job *j, struct err *e)
{
	size_t known;

	do {
		known = j->bases.nr;
		add_missing(&j->bases, j->plan);
		if (find_bases(j, known, e) < 0 || (known < j->bases.nr && make_plan(j, e) < 0))
			return -1;
	} while (known < j->bases.nr);
	for (size_t i = 0; i < j->plan->nr; i++)
		if (check_machine(j, i, e) < 0)
			return -1;
	run_check_unused(j->op->progress, j->plan, &j->opt->run);
	return run_check_secrets(j->plan, &j->opt->run, e);
}

void prepare_known_bases(struct job *j)
{
	struct err ignored = ERR_INIT;

	add_missing(&j->bases, j->plan);
	if (find_bases(j, 0, &ignored) < 0)
		err_clear(&ignored);
}
