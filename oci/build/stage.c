/*
 * Layers lie in the workspace as the upper directories of their steps; the next step's tree has
 * them all below it. The base's tree is unpacked when the first step needs to see it: a stage
 * that only changes the configuration unpacks nothing.
 */
#include "oci/build/stage.h"

#include <assert.h>

#include "base/cancel.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/progress.h"
#include "oci/build/step.h"
#include "oci/dockerfile/message.h"

#define HISTORY_COMMENT "buildkit.dockerfile.v0"

/* -- trees ------------------------------------------------------------------------ */

static int need_sandbox(const struct job *j, struct err *e)
{
	if (j->env->sandbox)
		return 0;
	*e = j->env->no_sandbox ? *j->env->no_sandbox : (struct err)ERR_INIT;
	e->kind = ERR_IMPOSSIBLE;
	return err_wrap(e, "no way to work in a file system here");
}

/* Topmost first. */
static int stage_lowers(struct strv *out, struct job *j, struct stage *st, struct err *e)
{
	for (size_t i = st->nr; i-- > 0;)
		strv_add(out, st->layers[i]->upper);
	if (st->image && images_unpack(j->op, &j->images, st->image, e) < 0)
		return -1;
	if (st->image && st->image->tree)
		strv_add(out, st->image->tree);
	return 0;
}

int stage_tree_open(struct stage_tree *out, struct job *j, struct stage *st, const char *name,
		    struct err *e)
{
	struct stage_tree t = { 0 };

	if (need_sandbox(j, e) < 0 || stage_lowers(&t.lowers, j, st, e) < 0)
		goto out;
	t.dir = workspace_dir(&j->ws, name, e);
	if (!t.dir || sandbox_tree_open(j->env->sandbox, &t.tree, &t.lowers, t.dir, false, e) < 0)
		goto out;
	t.sandbox = j->env->sandbox;
	*out = t;
	return 0;
out:
	stage_tree_close(&t);
	return -1;
}

void stage_tree_close(struct stage_tree *t)
{
	if (t->sandbox)
		sandbox_tree_close(t->sandbox, &t->tree);
	strv_release(&t->lowers);
	free(t->dir);
	*t = (struct stage_tree){ 0 };
}

int stage_tree_commit(struct stage_tree *t, struct job *j, struct stage *st, const char *what,
		      struct err *e)
{
	struct layer *l;

	if (cancel_check(j->op->cancel, e) < 0)
		return -1;
	l = mem_zalloc(sizeof(*l));
	l->upper = mem_printf("%s/upper", t->dir);
	l->lowers = t->lowers;
	t->lowers = (struct strv)STRV_INIT;
	l->what = mem_strdup(what);
	l->op = j->op;
	l->into = j->work;
	l->opt = &j->pack_opt;
	stage_tree_close(t);
	MEM_GROW(st->layers, st->nr, st->cap);
	st->layers[st->nr++] = l;
	if (st->is_packed)
		layer_pack_begin(l, &j->packs);
	return 0;
}

/* -- what COPY --from sees ----------------------------------------------------------- */

static int open_view(struct job *j, struct stage *st, const struct strv *lowers, struct err *e)
{
	auto_free char *name = mem_printf("view-%zu", st->index);
	auto_free char *dir = NULL;

	if (lowers->n == 1)
		return fs_open_dir(lowers->v[0], e);
	if (need_sandbox(j, e) < 0)
		return -1;
	dir = workspace_dir(&j->ws, name, e);
	if (!dir || sandbox_tree_open(j->env->sandbox, &st->view, lowers, dir, true, e) < 0)
		return -1;
	st->has_view = true;
	return fcntl(st->view.root_fd, F_DUPFD_CLOEXEC, 0);
}

int stage_files(const struct source_tree **out, struct job *j, struct stage *st, struct err *e)
{
	auto_strv struct strv lowers = STRV_INIT;

	if (st->files.fd < 0) {
		if (stage_lowers(&lowers, j, st, e) < 0)
			return -1;
		st->files.fd = open_view(j, st, &lowers, e);
		if (st->files.fd < 0)
			return -1;
		st->files.where = mem_printf("stage '%s'", st->plan->name);
	}
	*out = &st->files;
	return 0;
}

void stage_history(const struct job *j, struct stage *st, const char *created_by, bool has_layer)
{
	char now[CLOCK_TEXT_MAX];

	job_time(j, now);
	oci_config_add_history(st->state.config, now, created_by, HISTORY_COMMENT, !has_layer);
}

/* -- FROM --------------------------------------------------------------------------- */

static const struct state_options *options(const struct job *j, const struct stage *st)
{
	return &j->state_opts[st->plan->target];
}

static int from_stage(struct job *j, struct stage *st)
{
	const struct stage *base = &j->stages[st->plan->base.stage];

	state_init_stage(&st->state, options(j, st), &base->state);
	st->image = base->image;
	for (size_t i = 0; i < base->nr; i++) {
		MEM_GROW(st->layers, st->nr, st->cap);
		st->layers[st->nr++] = base->layers[i];
	}
	st->nr_inherited = st->nr;
	return 0;
}

static int from_image(struct job *j, struct stage *st, struct err *e)
{
	if (images_get(&st->image, j->op, &j->images, &st->plan->base, &st->plan->platform, e) < 0)
		return -1;
	return state_init_image(&st->state, options(j, st), st->image->config, e);
}

static int from(struct job *j, struct stage *st, struct err *e)
{
	switch (st->plan->base.kind) {
	case PLAN_SCRATCH:
		state_init_scratch(&st->state, options(j, st), &st->plan->platform);
		return 0;
	case PLAN_STAGE:
		return from_stage(j, st);
	case PLAN_IMAGE:
	case PLAN_CONTEXT:
		return from_image(j, st, e);
	case PLAN_NONE:
		break;
	}
	assert(!"a stage without a base");
	return -1;
}

/* -- all of it ------------------------------------------------------------------------ */

/* Shown as "[NAME 2/5] RUN make". */
struct counter {
	size_t at, of;
};

static const char *base_name(const struct job *j, const struct stage *st)
{
	const struct plan_source *base = &st->plan->base;

	if (base->kind == PLAN_STAGE)
		return j->plan->stages[base->stage].name;
	return base->ref ? base->ref : "scratch";
}

static int do_from(struct job *j, struct stage *st, struct counter *count, struct err *e)
{
	auto_free char *id = mem_printf("s%zu-from", st->index);

	progress_begin(j->op->progress, id, "[%s %zu/%zu] FROM %s", st->plan->name, ++count->at,
		       count->of, base_name(j, st));
	if (from(j, st, e) < 0) {
		message_excerpt_instr(e, j->file, st->plan->from);
		err_wrap(e, "%s:%u: FROM %s", j->file->file, st->plan->from->line,
			 base_name(j, st));
		progress_fail(j->op->progress, id, e->text);
		return -1;
	}
	progress_end(j->op->progress, id, 0);
	return 0;
}

static int do_step(struct job *j, struct stage *st, size_t i, struct counter *count, struct err *e)
{
	const struct plan_step *plan = &st->plan->steps[i];
	bool shown = step_is_work(plan->instr->kind);
	struct span text = span_of_str(plan->instr->text);
	auto_free char *id = mem_printf("s%zu-%zu", st->index, i);
	auto_free char *what = mem_printf("%s:%u: " MESSAGE_FMT, j->file->file, plan->instr->line,
					  MESSAGE_ARG(text));
	struct step s = {
		.job = j, .stage = st, .plan = plan, .instr = plan->instr, .id = id, .what = what
	};
	int r;

	if (shown)
		progress_begin(j->op->progress, id, "[%s %zu/%zu] %s", st->plan->name, ++count->at,
			       count->of, plan->instr->text);
	r = step_carry_out(&s, e);
	if (r < 0 && shown)
		progress_fail(j->op->progress, id, e->text);
	if (r == 0 && shown)
		progress_end(j->op->progress, id, 0);
	if (r == 0)
		return 0;
	message_excerpt_instr(e, j->file, plan->instr);
	return err_wrap(e, "%s", what);
}

int stage_build(struct job *j, size_t index, struct err *e)
{
	struct stage *st = &j->stages[index];
	struct counter count = { .of = 1 };

	for (size_t i = 0; i < st->plan->nr; i++)
		count.of += step_is_work(st->plan->steps[i].instr->kind);
	if (do_from(j, st, &count, e) < 0)
		return -1;
	for (size_t i = 0; i < st->plan->nr; i++)
		if (cancel_check(j->op->cancel, e) < 0 || do_step(j, st, i, &count, e) < 0)
			return -1;
	return 0;
}

void stage_release(struct job *j, struct stage *st)
{
	source_tree_release(&st->files);
	if (st->has_view)
		sandbox_tree_close(j->env->sandbox, &st->view);
	for (size_t i = st->nr_inherited; i < st->nr; i++)
		layer_free(st->layers[i]);
	free(st->layers);
	state_release(&st->state);
}
