/*
 * A stage that RUNs nothing is never laid down and its base never unpacked: its steps look at lists
 * and tables. The first RUN lays down what is there by then; its own changes are an upper
 * directory in the workspace, which the next RUN's tree has below it.
 */
#include "oci/build/stage.h"

#include <assert.h>

#include "base/cancel.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/progress.h"
#include "base/url.h"
#include "oci/build/step.h"
#include "oci/dockerfile/message.h"

#define HISTORY_COMMENT "buildkit.dockerfile.v0"

/* -- trees ------------------------------------------------------------------------ */

int stage_view(struct view *v, struct job *j, const struct stage *st, struct err *e)
{
	struct tree *base = NULL;

	if (!v->has_base) {
		if (st->image && images_tree(&base, j->op, &j->images, st->image,
					     st->will_run && !job_is_flat(j), e) < 0)
			return -1;
		view_set_base(v, base);
	}
	return view_add(v, st->layers, st->nr, e);
}

int stage_now(struct tree **out, struct job *j, struct stage *st, struct err *e)
{
	if (stage_view(&st->own, j, st, e) < 0)
		return -1;
	*out = view_tree(&st->own);
	return 0;
}

int stage_lowers(struct strv *out, struct job *j, const struct stage *st, struct err *e)
{
	if (st->image && images_unpack(j->op, &j->images, st->image, e) < 0)
		return -1;
	return stack_lowers(out, st->stack, j->op, st->layers, st->nr,
			    st->image ? st->image->tree : NULL, e);
}

/* -- layers ----------------------------------------------------------------------- */

static void push_layer(struct job *j, struct stage *st, struct layer *l)
{
	l->op = j->op;
	l->pack_op = &j->pack_op;
	l->into = j->work;
	l->opt = st->is_packed ? &j->pack_opt : &j->side_opt;
	l->book = &j->book;
	l->sink = st->is_packed ? j->env->sink : NULL;
	MEM_GROW(st->layers, st->nr, st->cap);
	st->layers[st->nr++] = l;
}

/* Where the cache has it: what is made next lies on it. */
static void set_note(struct stage *st, struct layer *l, struct cache_note *note)
{
	l->note = note;
	st->ref = (struct cache_ref){ .note = note };
	st->next.nr_forms = 0;
	st->next.seen = NULL;
}

static void add_layer(struct job *j, struct stage *st, struct layer *l)
{
	char now[CLOCK_TEXT_MAX];

	job_time(j, now);
	l->created = mem_strdup(now);
	st->next.created = l->created;
	st->next.below = st->ref;
	push_layer(j, st, l);
	set_note(st, l, cache_note_new(&j->book, &st->next));
	layer_pack_begin(l, &j->packs);
}

void stage_will_make(struct stage *st, const struct cache_form *forms, size_t nr_forms,
		     struct content_seen *seen)
{
	st->next.forms = forms;
	st->next.nr_forms = nr_forms;
	st->next.seen = seen;
}

/* An image's layers are packed in one way, wherever they come from. */
static bool must_repack(const struct job *j, const struct stage *st, const struct layer *l)
{
	char packing[LAYER_PACKING_MAX];

	layer_packing(packing, &j->pack_opt);
	return st->is_packed && strcmp(packing, l->result.packing) != 0;
}

void stage_take(struct step *s, const struct cache_result *r, struct cache_source *from,
		const struct cache_form *forms, size_t nr_forms)
{
	struct job *j = s->job;
	struct stage *st = s->stage;
	auto_free char *dir = mem_printf("%s/%s", j->ws.path, s->id);
	struct layer *l = layer_new_found(r, from, &j->book, dir, s->what);

	st->next.created = r->created;
	st->next.below = st->ref;
	stage_will_make(st, forms, nr_forms, NULL);
	push_layer(j, st, l);
	set_note(st, l, cache_note_hit(&j->book, &st->next, r, from));
	if (must_repack(j, st, l))
		layer_pack_begin(l, &j->packs);
	s->is_cached = true;
}

void stage_ref_of_image(struct cache_ref *out, const struct image *img)
{
	size_t nr = img ? img->config->nr_diff_ids : 0;

	*out = (struct cache_ref){ .note = NULL };
	cache_key_of_base(&out->id, nr ? img->manifest.layers : NULL,
			  nr ? img->config->diff_ids : NULL, nr);
	cache_chain_begin(&out->chain);
	for (size_t i = 0; i < nr; i++)
		cache_chain(&out->chain, &out->chain, &img->config->diff_ids[i]);
}

int stage_commit(struct job *j, struct stage *st, struct layer_builder *b, const char *name,
		 const char *what, struct err *e)
{
	auto_free char *dir = mem_printf("%s/%s", j->ws.path, name);
	auto_listing struct layer_listing listing = LISTING_INIT;

	if (cancel_check(j->op->cancel, e) < 0 || layer_builder_list(&listing, b, e) < 0)
		return -1;
	add_layer(j, st, layer_new_listed(&listing, dir, what));
	return 0;
}

/* What a sandbox makes the tree of. */
static int tree_dirs(struct strv *out, struct job *j, struct stage *st, struct err *e)
{
	if (!job_is_flat(j))
		return stage_lowers(out, j, st, e);
	if (flat_bring(&st->flat, j, st, "run", e) < 0)
		return -1;
	strv_add(out, st->flat.path);
	return 0;
}

/*
 * Below all others the sandbox's mount points, which are no part of the stage. Only below a base that
 * has an /etc: what a RUN makes of one that is not the image's could not be told from nothing.
 */
static void tree_ground(struct strv *out, const struct sandbox *sandbox, const struct strv *dirs)
{
	auto_free char *etc = dirs->n ? mem_printf("%s/etc", dirs->v[dirs->n - 1]) : NULL;
	struct stat st;

	strv_copy(out, dirs);
	if (sandbox->ground && etc && lstat(etc, &st) == 0 && S_ISDIR(st.st_mode))
		strv_add(out, sandbox->ground);
}

int stage_tree_open(struct stage_tree *out, struct job *j, struct stage *st, const char *name,
		    struct err *e)
{
	struct stage_tree t = { 0 };
	auto_strv struct strv dirs = STRV_INIT;
	struct sandbox *sandbox;

	if (job_sandbox(&sandbox, j, e) < 0 || tree_dirs(&t.lowers, j, st, e) < 0)
		goto out;
	tree_ground(&dirs, sandbox, &t.lowers);
	t.dir = workspace_dir(&j->ws, name, e);
	if (!t.dir || sandbox_tree_open(sandbox, &t.tree, &dirs, t.dir, false, e) < 0)
		goto out;
	t.sandbox = sandbox;
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

static int commit_flat(struct stage_tree *t, struct job *j, struct stage *st, const char *what,
		       struct err *e)
{
	auto_changes struct layer_changes changes = { 0 };
	auto_free char *dir = mem_printf("%s/laid", t->dir);

	/* first: while it is open, mount points may be in it */
	stage_tree_close(t);
	if (flat_changes(&changes, &st->flat, j, st, e) < 0)
		return -1;
	add_layer(j, st, layer_new_array(&changes, dir, what));
	return 0;
}

/* Closes the tree, whose mount point is above `upper`: were it still there, that name would be the RUN's own. */
static int uncover(struct stage_tree *t, const char *upper, struct err *e)
{
	struct stat was, is;

	if (fstat(t->tree.upper_fd, &was) < 0)
		return err_sys(e, "look at '%s'", upper);
	sandbox_tree_close(t->sandbox, &t->tree);
	t->sandbox = NULL;
	if (lstat(upper, &is) < 0)
		return err_sys(e, "look at '%s'", upper);
	if (is.st_ino != was.st_ino || is.st_dev != was.st_dev)
		return err_set(e, ERR_FAILED, "'%s' cannot be unmounted", t->dir);
	return 0;
}

int stage_tree_commit(struct stage_tree *t, struct job *j, struct stage *st, const char *what,
		      struct err *e)
{
	auto_free char *upper = mem_printf("%s/upper", t->dir);

	if (cancel_check(j->op->cancel, e) < 0)
		return -1;
	if (job_is_flat(j))
		return commit_flat(t, j, st, what, e);
	if (uncover(t, upper, e) < 0 || layer_upper_rejoin(j->op, upper, &t->lowers, e) < 0)
		return -1;
	add_layer(j, st, layer_new_upper(upper, &t->lowers, what));
	stage_tree_close(t);
	return 0;
}

/* -- what mounts of it show ---------------------------------------------------------- */

static int open_flat(struct job *j, struct stage *st, struct err *e)
{
	bool is_behind = st->flat.is_final && st->flat.nr_in < st->nr;
	struct flat *f = is_behind ? &st->flat_after : &st->flat;

	if (flat_bring(f, j, st, is_behind ? "after" : "run", e) < 0)
		return -1;
	return fcntl(f->fd, F_DUPFD_CLOEXEC, 0);
}

static int open_files(struct job *j, struct stage *st, struct err *e)
{
	auto_free char *name = mem_printf("view-%zu", st->index);
	auto_strv struct strv lowers = STRV_INIT;
	auto_free char *dir = NULL;
	struct sandbox *sandbox;

	if (job_is_flat(j))
		return open_flat(j, st, e);
	if (stage_lowers(&lowers, j, st, e) < 0)
		return -1;
	if (lowers.n == 1)
		return fs_open_dir(lowers.v[0], e);
	if (job_sandbox(&sandbox, j, e) < 0)
		return -1;
	dir = workspace_dir(&j->ws, name, e);
	if (!dir || sandbox_tree_open(sandbox, &st->mounted, &lowers, dir, true, e) < 0)
		return -1;
	st->is_mounted = true;
	return fcntl(st->mounted.root_fd, F_DUPFD_CLOEXEC, 0);
}

int stage_files(int *fd, struct job *j, struct stage *st, struct err *e)
{
	pthread_mutex_lock(&st->files_lock);
	if (st->files_fd < 0)
		st->files_fd = open_files(j, st, e);
	*fd = st->files_fd;
	pthread_mutex_unlock(&st->files_lock);
	return *fd < 0 ? -1 : 0;
}

void stage_history(const struct job *j, struct stage *st, const char *created_by, bool has_layer)
{
	char now[CLOCK_TEXT_MAX];

	job_time(j, now);
	if (has_layer && !j->opt->has_epoch)
		snprintf(now, sizeof(now), "%s", st->layers[st->nr - 1]->created);
	oci_config_add_history(st->state.config, has_layer || j->opt->has_epoch ? now : NULL,
			       created_by, HISTORY_COMMENT, !has_layer);
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
	st->ref = base->ref;
	st->has_missed = base->has_missed;
	return 0;
}

static int from_image(struct job *j, struct stage *st, struct err *e)
{
	if (images_get(&st->image, j->op, &j->images, &st->plan->base, &st->plan->platform, e) < 0)
		return -1;
	state_init_image(&st->state, options(j, st), st->image->config);
	stage_ref_of_image(&st->ref, st->image);
	return 0;
}

static void make_stack(struct job *j, struct stage *st)
{
	const struct plan_source *base = &st->plan->base;
	auto_free char *name = mem_printf("s%zu", st->index);

	st->stack = stack_new(&j->ws, name,
			      base->kind == PLAN_STAGE ? j->stages[base->stage].stack : NULL);
}

static int from(struct job *j, struct stage *st, struct err *e)
{
	make_stack(j, st);
	switch (st->plan->base.kind) {
	case PLAN_SCRATCH:
		state_init_scratch(&st->state, options(j, st), &st->plan->platform);
		stage_ref_of_image(&st->ref, NULL);
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
		progress_give_up(j->op->progress, id, e);
		return -1;
	}
	progress_end(j->op->progress, id, 0);
	return 0;
}

/* Addresses may hold passwords, which are nobody else's affair. Owned by the caller. */
static char *shown_text(const struct dockerfile_instr *in)
{
	auto_buf struct buf text = BUF_INIT(SIZE_MAX);

	url_redact(&text, span_of_str(in->text));
	return mem_strdup(buf_str(&text));
}

/* Says of a step that the base has left whose it is; owned by the caller. */
static char *trigger_prefix(const struct job *j, const struct stage *st,
			    const struct plan_step *plan)
{
	bool is_stage = st->plan->base.kind == PLAN_STAGE;

	if (!plan->trigger)
		return mem_strdup("");
	return mem_printf("ONBUILD of %s '%.200s': ", is_stage ? "stage" : "image",
			  base_name(j, st));
}

static int do_step(struct job *j, struct stage *st, size_t i, struct counter *count, struct err *e)
{
	const struct plan_step *plan = &st->plan->steps[i];
	bool shown = step_is_work(plan->instr->kind);
	auto_free char *id = mem_printf("s%zu-%zu", st->index, i);
	auto_free char *text = shown_text(plan->instr);
	auto_free char *whose = trigger_prefix(j, st, plan);
	auto_free char *what = mem_printf("%s:%u: %s" MESSAGE_FMT, j->file->file, plan->instr->line,
					  whose, MESSAGE_ARG(span_of_str(text)));
	struct step s = { .job = j,
			  .stage = st,
			  .plan = plan,
			  .instr = plan->instr,
			  .id = id,
			  .what = what,
			  .text = text };
	int r;

	st->at = i;
	st->next = (struct cache_step){ .stage = st->index, .text = text };
	if (shown)
		progress_begin(j->op->progress, id, "[%s %zu/%zu] %s%s", st->plan->name,
			       ++count->at, count->of, plan->trigger ? "ONBUILD " : "", text);
	r = step_carry_out(&s, e);
	if (r < 0 && shown)
		progress_give_up(j->op->progress, id, e);
	if (r == 0 && shown && s.is_cached)
		progress_cached(j->op->progress, id, "CACHED");
	else if (r == 0 && shown)
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
	view_release(&st->own); /* it holds a descriptor for each RUN; others have their own */
	return 0;
}

void stage_init(struct stage *st, const struct plan_stage *plan, size_t index)
{
	*st = (struct stage){ .plan = plan,
			      .index = index,
			      .files_fd = -1,
			      .flat = FLAT_INIT,
			      .flat_after = FLAT_INIT };
	pthread_mutex_init(&st->files_lock, NULL);
}

void stage_release(struct job *j, struct stage *st)
{
	fd_auto_close_(&st->files_fd);
	if (st->is_mounted)
		sandbox_tree_close(j->env->sandbox, &st->mounted);
	pthread_mutex_destroy(&st->files_lock);
	view_release(&st->own);
	flat_release(&st->flat);
	flat_release(&st->flat_after);
	for (size_t i = st->nr_inherited; i < st->nr; i++)
		layer_free(st->layers[i]);
	free(st->layers);
	stack_free(st->stack);
	sources_release(&st->sources);
	state_release(&st->state);
}
