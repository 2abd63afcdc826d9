/*
 * One build's beginning and end, and what is asked of it in between.
 */
#include "oci/build/job.h"

#include <errno.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/progress.h"
#include "oci/build/cache_prune.h"
#include "oci/build/flat.h"
#include "oci/build/input.h"
#include "oci/build/prepare.h"
#include "oci/build/stage.h"
#include "oci/dockerfile/message.h"
#include "oci/dockerfile/parse.h"
#include "oci/image/store_layout.h"

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

int job_init(struct job *j, const struct op *op, const struct build_env *env,
	     const struct build_options *opt, struct err *e)
{
	*j = (struct job)JOB_INIT;
	j->env = env;
	settle_arguments(j, opt);
	if (cancel_init_part(&j->cancel, op->cancel, e) < 0)
		return -1;
	j->own_op = j->pack_op = *op;
	j->own_op.cancel = &j->cancel;
	j->op = &j->own_op;
	return 0;
}

/* -- what the files of this room ask -------------------------------------------------------- */

static int prepare_sandbox(struct job *j, struct err *e)
{
	auto_free char *dir = workspace_dir(&j->ws, "probe", e);

	return !dir || sandbox_prepare(j->env->sandbox, dir, e) < 0
		       ? err_wrap(e, "find out how to RUN things")
		       : 0;
}

static int try_sandbox(struct job *j, bool is_used, struct err *e)
{
	struct sandbox *s = j->env->sandbox;

	pthread_mutex_lock(&j->sandbox_lock);
	if (!j->sandbox_tried)
		j->sandbox_r = prepare_sandbox(j, &j->sandbox_err);
	j->sandbox_tried = true;
	if (is_used && !j->sandbox_told && j->sandbox_r == 0 && s->how[0])
		progress_note(j->op->progress, "isolation: %s", s->how);
	j->sandbox_told |= is_used;
	if (j->sandbox_r < 0)
		*e = j->sandbox_err;
	pthread_mutex_unlock(&j->sandbox_lock);
	return j->sandbox_r;
}

int job_sandbox(struct sandbox **out, struct job *j, struct err *e)
{
	*out = j->env->sandbox;
	if (*out)
		return try_sandbox(j, true, e);
	if (!j->env->no_sandbox)
		return err_set(e, ERR_IMPOSSIBLE, "there is no way to RUN anything here");
	*e = *j->env->no_sandbox;
	e->kind = ERR_IMPOSSIBLE;
	return -1;
}

bool job_is_flat(struct job *j)
{
	struct err told = ERR_INIT; /* again to who RUNs something */

	return j->env->sandbox && try_sandbox(j, false, &told) == 0 && j->env->sandbox->is_flat;
}

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

int job_hint_stage(const struct job *j, const char *image, const struct dockerfile_instr *before,
		   struct err *e)
{
	struct message_guess guess = { .word = span_of_str(image) };
	enum err_kind kind = e->kind;
	int sys = e->sys;
	char hint[MESSAGE_HINT_MAX];

	for (size_t i = 0; i < j->file->nr_stages && &j->file->stages[i].from != before; i++)
		message_guess_add(&guess, j->file->stages[i].from.name);
	message_guess_hint(hint, &guess);
	if (guess.best) {
		auto_free char *text = mem_strdup(e->text);

		err_set(e, kind, "%s: no stage is called so%s", text, hint);
		e->sys = sys;
	}
	return -1;
}

int job_fail(const struct job *j, struct err *e)
{
	return err_full_disk(e, j->ws.root ? j->ws.root : j->env->root);
}

/* -- reading ---------------------------------------------------------------------------- */

int job_read(struct job *j, struct err *e)
{
	auto_build_input struct build_input in = BUILD_INPUT_INIT;

	if (build_input_is_fetched(j->opt) && workspace_open(&j->ws, j->env->root, e) < 0)
		return job_fail(j, e);
	if (build_input_read(&in, j->op, j->env, j->opt, &j->ws, e) < 0)
		return job_fail(j, e);
	j->context = in.context;
	j->context.git_modes = j->opt->git_modes;
	in.context = CONTEXT_INIT;
	j->name = STEAL(&in.file);
	j->text = in.text;
	in.text = BUF_INIT(0);
	return dockerfile_parse(&j->file, j->name, buf_span(&j->text), e);
}

/* -- places ---------------------------------------------------------------------------------- */

/* From here on all named contexts are images or directories. */
static int fetch_contexts(struct job *j, struct err *e)
{
	if (build_input_named(&j->named, &j->named_shown, j->op, j->env, j->opt, &j->ws, e) < 0)
		return -1;
	j->own_opt.contexts = j->named;
	return 0;
}

/* Before anything of the cache is looked at. */
static int lock_cache(struct job *j, struct err *e)
{
	auto_free char *dir = mem_printf("%s/cache", j->ws.root);
	auto_close int fd = fs_open_dir(dir, e);

	j->cache_lock = fd < 0 ? -1 : cache_lock(j->op, fd, false, e);
	return j->cache_lock < 0 ? -1 : 0;
}

static int open_book(struct job *j, struct err *e)
{
	auto_free char *dir = mem_printf("%s/cache", j->ws.root);

	return cache_book_open(&j->book, j->op, dir, j->images.blobs, e);
}

int job_open_places(struct job *j, struct err *e)
{
	auto_free char *work = NULL;

	if ((!j->ws.root && workspace_open(&j->ws, j->env->root, e) < 0) || lock_cache(j, e) < 0 ||
	    fetch_contexts(j, e) < 0 || images_open(&j->images, j->env, j->opt, &j->ws, e) < 0)
		return -1;
	if (flat_open_place(j, e) < 0 || open_book(j, e) < 0)
		return -1;
	j->context.skip_dev = j->ws.root_dev;
	j->context.skip_ino = j->ws.root_ino;
	work = mem_printf("%s/layers", j->ws.path);
	return oci_store_layout_open(&j->work, work, OCI_LAYOUT_SCRATCH, e);
}

static void release_stages(struct job *j)
{
	/* later ones look at the layers of earlier ones */
	for (size_t i = j->stages ? j->plan->nr : 0; i-- > 0;)
		stage_release(j, &j->stages[i]);
	free(STEAL(&j->stages));
	free(STEAL(&j->state_opts));
}

int job_begin_again(struct job *j, struct err *e)
{
	const struct cancel *parent = j->cancel.parent;

	release_stages(j);
	cache_book_forget(&j->book);
	cancel_release(&j->cancel);
	j->sandbox_tried = false; /* what it has made in the workspace goes */
	if (cancel_init_part(&j->cancel, parent, e) < 0 || workspace_begin_again(&j->ws, e) < 0)
		return -1;
	return j->flat_ws.path ? workspace_begin_again(&j->flat_ws, e) : 0;
}

void job_release(struct job *j)
{
	const struct build_options *opt = j->opt;
	auto_free char *root =
		j->cache_lock >= 0 && opt->has_cache_limit ? mem_strdup(j->ws.root) : NULL;

	release_stages(j);
	oci_store_free(j->work);
	cache_book_release(&j->book);
	images_release(&j->images);
	fd_auto_close_(&j->cache_lock);
	workspace_release(&j->flat_ws);
	workspace_release(&j->ws);
	/* now that nothing of the build holds layers */
	if (root && !cancel_is_set(&j->cancel))
		cache_prune_to_limit(j->op, root, opt->cache_bytes);
	context_release(&j->context);
	bases_release(&j->bases);
	dockerfile_plan_free(j->plan);
	dockerfile_free(j->file);
	free(j->name);
	buf_release(&j->text);
	strv_release(&j->named);
	strv_release(&j->named_shown);
	strv_release(&j->own_opt.build_args);
	cancel_release(&j->cancel);
}
