/*
 * Found again by the plan's own words: the same stage, the same name.
 */
#include "oci/build/sources.h"

#include "base/mem.h"
#include "oci/build/stage.h"

struct sources_entry {
	const struct plan_source *from; /* borrowed from the plan; NULL: a tree of one step */
	struct context context;		/* behind tree, when it is one of its own */
	struct view view;		/* behind tree, when it is a stage */
	struct source_tree tree;
};

static void entry_free(struct sources_entry *s)
{
	if (!s)
		return;
	source_tree_release(&s->tree);
	view_release(&s->view);
	context_release(&s->context);
	free(s);
}
DEFINE_AUTO(sources_entry, entry_free)

static bool is_same(const struct plan_source *a, const struct plan_source *b)
{
	if (!a || a->kind != b->kind)
		return false;
	if (a->kind == PLAN_STAGE)
		return a->stage == b->stage;
	return a->kind == PLAN_NONE || strcmp(a->ref, b->ref) == 0;
}

static int open_stage(struct sources_entry *s, struct job *j, const struct stage *st, struct err *e)
{
	if (stage_view(&s->view, j, st, e) < 0)
		return -1;
	s->tree.tree = view_tree(&s->view);
	s->tree.where = mem_printf("stage '%s'", st->plan->name);
	return 0;
}

static int open_image(struct sources_entry *s, struct job *j, const struct stage *for_stage,
		      struct err *e)
{
	struct image *img;

	if (images_get(&img, j->op, &j->images, s->from, &for_stage->plan->platform, e) < 0)
		return job_hint_stage(j, s->from->ref, for_stage->plan->from, e);
	if (images_tree(&s->tree.tree, j->op, &j->images, img, j->env->sandbox && !job_is_flat(j),
			e) < 0)
		return -1;
	if (!s->tree.tree)
		return err_set(e, ERR_INPUT, "image '%s' has no files", img->name);
	s->tree.owned = true;
	s->tree.where = mem_printf("image '%s'", img->name);
	return 0;
}

static int open_named(struct sources_entry *s, const struct job *j, struct err *e)
{
	const char *shown = strv_env_get(&j->named_shown, s->from->ref);

	if (context_open(&s->context, images_context(j->opt, s->from->ref), NULL, e) < 0)
		return -1;
	if (shown) {
		free(s->context.where);
		s->context.where = mem_printf("the context '%s'", shown);
	}
	s->context.git_modes = j->opt->git_modes;
	s->context.skip_dev = j->ws.root_dev;
	s->context.skip_ino = j->ws.root_ino;
	return source_tree_of_context(&s->tree, &s->context, e);
}

static int open_entry(struct sources_entry *s, struct job *j, const struct stage *for_stage,
		      struct err *e)
{
	switch (s->from->kind) {
	case PLAN_NONE:
		return source_tree_of_context(&s->tree, &j->context, e);
	case PLAN_STAGE:
		return open_stage(s, j, &j->stages[s->from->stage], e);
	case PLAN_CONTEXT:
		if (images_context_is_dir(images_context(j->opt, s->from->ref)))
			return open_named(s, j, e);
		return open_image(s, j, for_stage, e);
	case PLAN_IMAGE:
		return open_image(s, j, for_stage, e);
	case PLAN_SCRATCH:
		break;
	}
	return err_set(e, ERR_INPUT, "scratch has no files");
}

static struct sources_entry *add(struct sources *s, struct sources_entry *entry)
{
	MEM_GROW(s->v, s->nr, s->cap);
	return s->v[s->nr++] = entry;
}

static struct sources_entry *entry_new(const struct plan_source *from)
{
	struct sources_entry *entry = mem_zalloc(sizeof(*entry));

	entry->from = from;
	entry->context = CONTEXT_INIT;
	return entry;
}

int sources_get(const struct source_tree **out, struct sources *s, struct job *j,
		const struct stage *for_stage, const struct plan_source *from, struct err *e)
{
	CLEANUP(sources_entry_auto_) struct sources_entry *entry = NULL;

	for (size_t i = 0; i < s->nr; i++)
		if (is_same(s->v[i]->from, from)) {
			*out = &s->v[i]->tree;
			return 0;
		}
	entry = entry_new(from);
	if (open_entry(entry, j, for_stage, e) < 0)
		return -1;
	*out = &add(s, STEAL(&entry))->tree;
	return 0;
}

const struct source_tree *sources_keep(struct sources *s, struct source_tree *t)
{
	struct sources_entry *entry = add(s, entry_new(NULL));

	entry->tree = *t;
	*t = (struct source_tree){ 0 };
	return &entry->tree;
}

void sources_release(struct sources *s)
{
	for (size_t i = 0; i < s->nr; i++)
		entry_free(s->v[i]);
	free(s->v);
	*s = (struct sources){ 0 };
}
