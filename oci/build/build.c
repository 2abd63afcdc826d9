/*
 * Read everything, plan, carry out, report. What is made lies in the workspace until the last
 * step, so every way out but the good one leaves the store as it was.
 */
#include "oci/build/build.h"

#include "base/cancel.h"
#include "base/mem.h"
#include "base/progress.h"
#include "oci/build/caches.h"
#include "oci/build/checks.h"
#include "oci/build/input_digest.h"
#include "oci/build/output.h"
#include "oci/build/prepare.h"
#include "oci/build/reuse.h"
#include "oci/build/schedule.h"

/* The targets' layers are the images', and so are those of the stages they are FROM. */
static void mark_packed(struct job *j)
{
	for (size_t t = 0; t < j->plan->nr_targets; t++) {
		size_t i = j->plan->targets[t].stage;

		j->stages[i].is_packed = true;
		while (j->plan->stages[i].base.kind == PLAN_STAGE) {
			i = j->plan->stages[i].base.stage;
			j->stages[i].is_packed = true;
		}
	}
}

static bool has_run(const struct plan_stage *st)
{
	for (size_t i = 0; i < st->nr; i++)
		if (st->steps[i].instr->kind == DOCKERFILE_RUN)
			return true;
	return false;
}

/* A stage stands behind the one that it is FROM. */
static void mark_running(struct job *j)
{
	for (size_t i = j->plan->nr; i-- > 0;) {
		const struct plan_stage *st = &j->plan->stages[i];

		j->stages[i].will_run |= has_run(st);
		if (j->stages[i].will_run && st->base.kind == PLAN_STAGE)
			j->stages[st->base.stage].will_run = true;
	}
}

static void init_stages(struct job *j)
{
	j->state_opts = mem_zalloc(j->plan->nr_targets * sizeof(*j->state_opts));
	for (size_t i = 0; i < j->plan->nr_targets; i++)
		j->state_opts[i] = (struct state_options){ .build_args = &j->opt->build_args,
							   .globals = &j->plan->targets[i].globals,
							   .escape = j->file->escape };
	j->stages = mem_zalloc(j->plan->nr * sizeof(*j->stages));
	for (size_t i = 0; i < j->plan->nr; i++)
		stage_init(&j->stages[i], &j->plan->stages[i], i);
	mark_packed(j);
	mark_running(j);
}

/* What was made before a step failed is packed to the end: mended, the build finds it in the cache. */
static int build_stages(struct job *j, struct err *e)
{
	int r;

	j->pack_opt = (struct layer_pack_options){
		.write = { .has_epoch = j->opt->has_epoch, .epoch = j->opt->epoch },
		.compression = j->opt->compression,
		.level = j->opt->compression_level,
	};
	j->side_opt = j->pack_opt;
	j->side_opt.compression = LAYER_ZSTD;
	j->side_opt.level = 1;
	init_stages(j);
	pool_batch_init(&j->packs, j->op->pool);
	r = schedule_run(j, e);
	if (r < 0)
		cancel_set(&j->cancel, CANCEL_PEER);
	pool_batch_wait(&j->packs);
	return r;
}

/* What an option asks for the image says, even if its base was made for something else. */
static void name_platform(const struct job *j, const struct plan_target *t)
{
	struct oci_config *c = j->stages[t->stage].state.config;

	if (!j->has_platforms)
		return;
	if (strcmp(c->platform.os, t->platform.os) != 0 ||
	    strcmp(c->platform.arch, t->platform.arch) != 0)
		free(STEAL(&c->os_version));
	else if (!t->platform.variant[0])
		return;
	c->platform = t->platform;
}

static int export_images(struct build_result *out, struct job *j, struct err *e)
{
	auto_output_images struct output_images all = { 0 };

	for (size_t i = 0; i < j->plan->nr_targets; i++) {
		const struct plan_target *t = &j->plan->targets[i];

		name_platform(j, t);
		if (output_images_add(&all, j, &j->stages[t->stage], e) < 0)
			return -1;
	}
	return output_write(out, j, &all, e);
}

/* -- all of it ---------------------------------------------------------------------------- */

/* Layers go to registries while later steps are carried out. */
static int carry_out(struct build_result *out, struct job *j, struct err *e)
{
	CLEANUP(build_result_release) struct build_result r = { .manifest_size = 0 };
	bool done;

	output_expect(j);
	done = build_stages(j, e) == 0 && export_images(&r, j, e) == 0 && caches_export(j, e) == 0;
	image_sink_settle(j->env->sink, done);
	if (!done)
		return -1;
	*out = r;
	r = (struct build_result){ .manifest_size = 0 };
	return 0;
}

#define AGAIN_MAX 3 /* then other machines' caches are not asked any more */

/*
 * A step that was found in the cache is long behind when somebody needs its files. When these turn out
 * not to be what they should be there is no way back to it, but what was made since then is in the
 * cache: the stages begin again, and that step is carried out. Each round knows of one more.
 */
static int carry_out_in_rounds(struct build_result *out, struct job *j, struct err *e)
{
	for (unsigned round = 1;; round++) {
		size_t spoiled = cache_book_spoiled(&j->book);

		if (carry_out(out, j, e) == 0)
			return 0;
		if (cache_book_spoiled(&j->book) == spoiled || e->kind == ERR_CANCELLED)
			return -1;
		if (j->has_begun_stdout)
			return err_wrap(e, "standard output has an image with that layer already");
		progress_warn(j->op->progress, "%s: the build begins again without that layer",
			      e->text);
		err_clear(e);
		j->book.is_alone = round >= AGAIN_MAX;
		if (job_begin_again(j, e) < 0)
			return -1;
	}
}

static int read_all(struct job *j, struct oci_digest *input, struct err *e)
{
	if (output_check(j->opt, e) < 0 || reuse_check(j->opt, e) < 0 ||
	    caches_check(j->opt, e) < 0 || job_read(j, e) < 0 || prepare_plan(j, e) < 0)
		return -1;
	return j->opt->has_input || j->opt->reuse_from ? input_digest(input, j, e) : 0;
}

/* Places are open. */
static int make_image(struct build_result *out, struct job *j, struct err *e)
{
	caches_open(j);
	return prepare_bases(j, e) < 0 || checks_warn(j, e) < 0 ? -1
								: carry_out_in_rounds(out, j, e);
}

/* Who wants a step carried out, or a base asked for, wants no image of before. */
static bool may_reuse(const struct build_options *opt)
{
	return opt->reuse_from && !opt->no_cache && !opt->pull && !opt->no_cache_stages.n;
}

int oci_build(struct build_result *out, struct op *op, const struct build_env *env,
	      const struct build_options *opt, struct err *e)
{
	CLEANUP(job_release) struct job j = JOB_INIT;
	CLEANUP(build_weight_release) struct build_weight before = { .nr = 0 };
	struct oci_digest input = { .text = "" };
	int reused = 0;

	if (job_init(&j, op, env, opt, e) < 0 || read_all(&j, &input, e) < 0)
		return -1;
	if (job_open_places(&j, e) < 0)
		return job_fail(&j, e);
	if (opt->wants_weight)
		weigh_before(&before, &j);
	if (may_reuse(opt))
		reused = reuse_image(out, &j, &input, e);
	if (reused < 0 || (!reused && make_image(out, &j, e) < 0))
		return job_fail(&j, e);
	out->input = input;
	out->weight.before = STEAL(&before.before);
	out->weight.before_bytes = before.before_bytes;
	return 0;
}

void build_result_release(struct build_result *r)
{
	build_weight_release(&r->weight);
	free(r->media_type);
	strv_release(&r->names);
	*r = (struct build_result){ 0 };
}
