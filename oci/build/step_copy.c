/*
 * COPY: from the context, or what --from names.
 */
#include "oci/build/add_source.h"
#include "oci/build/copying.h"

static int refuse_remote(const char *word, struct err *e)
{
	switch (add_source_kind(word)) {
	case ADD_URL:
		return err_set(e, ERR_INPUT, "source can't be a URL for COPY (ADD takes one)");
	case ADD_GIT:
		return err_set(e, ERR_INPUT, "source can't be a git ref for COPY (ADD takes one)");
	case ADD_LOCAL:
		break;
	}
	return 0;
}

/* The tree that --from names, when it has a name of its own. 1; 0: it is a directory's; -1 */
static int named_tree(struct cache_ref *out, struct step *s, struct err *e)
{
	const struct plan_source *from = &s->plan->from;
	struct job *j = s->job;
	struct image *img;

	if (from->kind == PLAN_STAGE)
		*out = j->stages[from->stage].ref;
	if (from->kind == PLAN_STAGE)
		return 1;
	if (from->kind != PLAN_IMAGE && (from->kind != PLAN_CONTEXT ||
					 images_context_is_dir(images_context(j->opt, from->ref))))
		return 0;
	if (images_get(&img, j->op, &j->images, from, &s->stage->plan->platform, e) < 0)
		return job_hint_stage(j, from->ref, s->stage->plan->from, e);
	stage_ref_of_image(out, img);
	return 1;
}

int step_copy(struct step *s, struct err *e)
{
	auto_copying struct copying c = { .step = s };
	const struct source_tree *from;
	struct cache_ref tree;
	int r;

	if (copying_begin(&c, e) < 0)
		return -1;
	for (size_t i = 0; i < c.words.n; i++)
		if (refuse_remote(c.words.v[i], e) < 0)
			return -1;
	r = named_tree(&tree, s, e);
	if (r < 0)
		return -1;
	r = copying_look(&c, r && !s->instr->nr_heredocs ? &tree : NULL, NULL, e);
	if (r)
		return r < 0 ? -1 : 0;
	for (size_t i = 0; i < c.words.n; i++)
		if (sources_get(&from, &s->stage->sources, s->job, s->stage, &s->plan->from, e) <
			    0 ||
		    copying_find(&c, from, c.words.v[i], false, e) < 0)
			return -1;
	return copying_find_docs(&c, e) < 0 ? -1 : copying_commit(&c, e);
}
