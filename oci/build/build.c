/*
 * Read everything, plan, carry out, report. What is made lies in the workspace until the last
 * step, so every way out but the good one leaves the store as it was.
 */
#include "oci/build/build.h"

#include <errno.h>

#include "base/cancel.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/progress.h"
#include "oci/build/input.h"
#include "oci/build/output.h"
#include "oci/build/prepare.h"
#include "oci/build/schedule.h"
#include "oci/dockerfile/parse.h"
#include "oci/image/reference.h"
#include "oci/image/store_layout.h"

/* -- what several files of this room ask ---------------------------------------------- */

void job_time(const struct job *j, char out[CLOCK_TEXT_MAX])
{
	int64_t ns = j->op->clock->wall_ns(j->op->clock);

	if (j->opt->has_epoch && __builtin_mul_overflow(j->opt->epoch, INT64_C(1000000000), &ns))
		ns = j->opt->epoch < 0 ? INT64_MIN : INT64_MAX;
	clock_format(out, ns);
}

void job_now(const struct job *j, struct timespec *out)
{
	const int64_t second = INT64_C(1000000000);
	int64_t ns = j->op->clock->wall_ns(j->op->clock), rest = ns % second;

	*out = (struct timespec){ .tv_sec = j->opt->epoch };
	if (j->opt->has_epoch)
		return;
	if (rest < 0)
		rest += second;
	*out = (struct timespec){ .tv_sec = (ns - rest) / second, .tv_nsec = rest };
}

int job_fail(const struct job *j, struct err *e)
{
	if ((e->sys == ENOSPC || e->sys == EDQUOT) && j->ws.root)
		err_wrap(e, "the disk of '%s' is full", j->ws.root);
	return -1;
}

/* -- reading ---------------------------------------------------------------------------- */

static int read_dockerfile(struct job *j, struct err *e)
{
	auto_build_input struct build_input in = BUILD_INPUT_INIT;

	if (build_input_is_fetched(j->opt) && workspace_open(&j->ws, j->env->root, e) < 0)
		return -1;
	if (build_input_read(&in, j->op, j->env, j->opt, &j->ws, e) < 0)
		return job_fail(j, e);
	j->context = in.context;
	in.context = CONTEXT_INIT;
	return dockerfile_parse(&j->file, in.file, buf_span(&in.text), e);
}

/* An option says it as an argument does, and louder. */
static void settle_arguments(struct job *j, const struct build_options *opt)
{
	auto_free char *epoch = mem_printf("%jd", (intmax_t)opt->epoch);

	j->own_opt = *opt;
	j->own_opt.build_args = STRV_INIT;
	strv_copy(&j->own_opt.build_args, &opt->build_args);
	if (opt->has_epoch)
		strv_env_set(&j->own_opt.build_args, "SOURCE_DATE_EPOCH", epoch);
	j->has_platforms = opt->nr_platforms > 0;
	if (!j->has_platforms) {
		oci_platform_host(&j->host);
		j->own_opt.platforms = &j->host;
		j->own_opt.nr_platforms = 1;
	}
	j->opt = &j->own_opt;
}

/* -- carrying out ------------------------------------------------------------------------ */

/* From here on all named contexts are images or directories. */
static int fetch_contexts(struct job *j, struct err *e)
{
	if (build_input_named(&j->named, &j->named_shown, j->op, j->env, j->opt, &j->ws, e) < 0)
		return -1;
	j->own_opt.contexts = j->named;
	return 0;
}

static int open_places(struct job *j, struct err *e)
{
	auto_free char *work = NULL;

	if ((!j->ws.root && workspace_open(&j->ws, j->env->root, e) < 0) ||
	    fetch_contexts(j, e) < 0 || images_open(&j->images, j->env, j->opt, &j->ws, e) < 0)
		return -1;
	j->context.skip_dev = j->ws.root_dev;
	j->context.skip_ino = j->ws.root_ino;
	work = mem_printf("%s/layers", j->ws.path);
	return oci_store_layout_open(&j->work, work, OCI_LAYOUT_CREATE, e);
}

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
}

/* Layers of a build that has failed are of no use: what is being packed stops, too. */
static int build_stages(struct job *j, struct err *e)
{
	int r;

	j->pack_opt = (struct layer_pack_options){
		.write = { .has_epoch = j->opt->has_epoch, .epoch = j->opt->epoch },
		.compression = j->opt->compression,
		.level = j->opt->compression_level,
	};
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

static int export_shown(struct build_result *out, struct job *j, struct err *e)
{
	progress_begin(j->op->progress, "export", "export");
	if (export_images(out, j, e) < 0) {
		progress_fail(j->op->progress, "export", e->text);
		return -1;
	}
	progress_end(j->op->progress, "export", 0);
	return 0;
}

static int job_init(struct job *j, const struct op *op, const struct build_options *opt,
		    struct err *e)
{
	settle_arguments(j, opt);
	if (cancel_init_part(&j->cancel, op->cancel, e) < 0)
		return -1;
	j->own_op = *op;
	j->own_op.cancel = &j->cancel;
	j->op = &j->own_op;
	return 0;
}

static void job_release(struct job *j)
{
	/* later ones look at the layers of earlier ones */
	for (size_t i = j->stages ? j->plan->nr : 0; i-- > 0;)
		stage_release(j, &j->stages[i]);
	free(j->stages);
	free(j->state_opts);
	oci_store_free(j->work);
	images_release(&j->images);
	workspace_release(&j->ws);
	context_release(&j->context);
	bases_release(&j->bases);
	dockerfile_plan_free(j->plan);
	dockerfile_free(j->file);
	strv_release(&j->named);
	strv_release(&j->named_shown);
	strv_release(&j->own_opt.build_args);
	cancel_release(&j->cancel);
}

int oci_build(struct build_result *out, struct op *op, const struct build_env *env,
	      const struct build_options *opt, struct err *e)
{
	CLEANUP(job_release)
	struct job j = {
		.env = env, .context = CONTEXT_INIT, .ws = WORKSPACE_INIT, .cancel = CANCEL_INIT
	};

	if (job_init(&j, op, opt, e) < 0 || output_check(j.opt, e) < 0 ||
	    read_dockerfile(&j, e) < 0 || prepare_plan(&j, e) < 0)
		return -1;
	if (open_places(&j, e) < 0 || prepare_bases(&j, e) < 0 || build_stages(&j, e) < 0 ||
	    export_shown(out, &j, e) < 0)
		return job_fail(&j, e);
	return 0;
}

void build_result_release(struct build_result *r)
{
	free(r->media_type);
	strv_release(&r->names);
	*r = (struct build_result){ 0 };
}
