/*
 * COPY: all words expanded, all sources found before the tree is touched, then one copier.
 */
#include "base/fs.h"
#include "base/mem.h"
#include "oci/build/copier.h"
#include "oci/build/step.h"
#include "oci/layer/passwd.h"
#include "oci/layer/tree_dir.h"

struct copy_words {
	struct strv words; /* sources, then the destination */
	char *chown, *chmod;
	char *dest; /* absolute, clean */
	bool as_dir;
};

static void copy_words_release(struct copy_words *w)
{
	strv_release(&w->words);
	free(w->chown);
	free(w->chmod);
	free(w->dest);
}

static int expand_flag(char **out, const struct step *s, const char *flag, struct err *e)
{
	if (!flag)
		return 0;
	*out = state_expand(&s->stage->state, flag, e);
	return *out ? 0 : -1;
}

static bool names_directory(const char *dest)
{
	struct span d = span_of_str(dest);

	return span_ends(d, "/") || span_ends(d, "/.") || span_ends(d, "/..") ||
	       span_eq_str(d, ".") || span_eq_str(d, "..") || !d.n;
}

static int expand(struct copy_words *w, const struct step *s, struct err *e)
{
	const struct strv *raw = &s->instr->words;
	const char *dest;

	for (size_t i = 0; i < raw->n; i++) {
		char *word = state_expand(&s->stage->state, raw->v[i], e);

		if (!word)
			return -1;
		strv_take(&w->words, word);
	}
	dest = w->words.v[w->words.n - 1];
	w->as_dir = names_directory(dest);
	w->dest = state_path(&s->stage->state, dest);
	return expand_flag(&w->chown, s, s->instr->chown, e) < 0 ||
			       expand_flag(&w->chmod, s, s->instr->chmod, e) < 0
		       ? -1
		       : 0;
}

/* -- where from ------------------------------------------------------------------ */

struct origin {
	const struct source_tree *tree;
	struct source_tree own; /* behind tree, when nobody else holds it */
};

static void origin_release(struct origin *o)
{
	source_tree_release(&o->own);
}

static int open_image(struct origin *o, const struct step *s, const struct plan_source *from,
		      struct err *e)
{
	struct job *j = s->job;
	struct image *img;

	if (images_get(&img, j->op, &j->images, from, &s->stage->plan->platform, e) < 0 ||
	    images_unpack(j->op, &j->images, img, e) < 0)
		return -1;
	if (!img->tree)
		return err_set(e, ERR_INPUT, "image '%s' has no files", img->name);
	o->own.fd = fs_open_dir(img->tree, e);
	if (o->own.fd < 0)
		return -1;
	o->own.where = mem_printf("image '%s'", img->name);
	o->tree = &o->own;
	return 0;
}

static int open_context(struct origin *o, const struct step *s, const char *name, struct err *e)
{
	if (context_open(&o->own, images_context(s->job->opt, name), NULL, e) < 0)
		return -1;
	o->own.skip_dev = s->job->ws.root_dev;
	o->own.skip_ino = s->job->ws.root_ino;
	o->tree = &o->own;
	return 0;
}

static int origin_open(struct origin *o, const struct step *s, struct err *e)
{
	const struct plan_source *from = &s->plan->from;

	switch (from->kind) {
	case PLAN_NONE:
		o->tree = &s->job->context;
		return 0;
	case PLAN_STAGE:
		return stage_files(&o->tree, s->job, &s->job->stages[from->stage], e);
	case PLAN_CONTEXT:
		if (images_context_is_dir(images_context(s->job->opt, from->ref)))
			return open_context(o, s, from->ref, e);
		return open_image(o, s, from, e);
	case PLAN_IMAGE:
		return open_image(o, s, from, e);
	case PLAN_SCRATCH:
		break;
	}
	return err_set(e, ERR_INPUT, "scratch has no files");
}

/* -- copying --------------------------------------------------------------------- */

static int set_attrs(struct copier *c, const struct copy_words *w, struct err *e)
{
	auto_tree struct tree *tree = NULL;

	if (w->chown && *w->chown) {
		if (tree_dir_open(&tree, c->root_fd, NULL, e) < 0 ||
		    passwd_owner_find(&c->uid, &c->gid, tree, w->chown, e) < 0)
			return -1;
		c->has_owner = true;
	}
	if (w->chmod && *w->chmod) {
		if (span_to_octal(&c->mode, span_of_str(w->chmod)) < 0)
			return err_set(e, ERR_INPUT,
				       "invalid chmod parameter: '%.100s'. it should be octal "
				       "string and between 0 and 07777",
				       w->chmod);
		c->has_mode = true;
	}
	return 0;
}

static int copy_all(struct step *s, struct stage_tree *t, const struct copy_words *w,
		    const struct source_tree *from, const struct source_matches *m, struct err *e)
{
	auto_copier struct copier c = {
		.op = s->job->op, .from = from, .root_fd = t->tree.root_fd, .progress_id = s->id
	};

	if (set_attrs(&c, w, e) < 0)
		return -1;
	for (size_t i = 0; i < m->nr; i++)
		if (copier_put(&c, &m->v[i], w->dest, w->as_dir, m->nr == 1, e) < 0)
			return -1;
	return 0;
}

static char *history_line(const struct copy_words *w)
{
	auto_buf struct buf line = BUF_INIT(SIZE_MAX);

	buf_add_str(&line, "COPY");
	if (w->chown && *w->chown)
		buf_addf(&line, " --chown=%s", w->chown);
	if (w->chmod && *w->chmod)
		buf_addf(&line, " --chmod=%s", w->chmod);
	for (size_t i = 0; i < w->words.n; i++)
		buf_addf(&line, " %s", w->words.v[i]);
	buf_add_str(&line, " # buildkit");
	return buf_steal(&line);
}

int step_copy(struct step *s, struct err *e)
{
	CLEANUP(copy_words_release) struct copy_words w = { 0 };
	CLEANUP(origin_release) struct origin from = { .own = SOURCE_TREE_INIT };
	auto_matches struct source_matches m = { 0 };
	auto_stage_tree struct stage_tree t = { 0 };
	auto_free char *line = NULL;

	if (expand(&w, s, e) < 0 || origin_open(&from, s, e) < 0)
		return -1;
	for (size_t i = 0; i + 1 < w.words.n; i++)
		if (source_match_word(&m, from.tree, w.words.v[i], e) < 0)
			return -1;
	if (stage_tree_open(&t, s->job, s->stage, s->id, e) < 0 ||
	    copy_all(s, &t, &w, from.tree, &m, e) < 0 ||
	    stage_tree_commit(&t, s->job, s->stage, s->what, e) < 0)
		return -1;
	line = history_line(&w);
	stage_history(s->job, s->stage, line, true);
	return 0;
}
