/*
 * A stack costs little and is made anew for each layer; what the trees in it have found out stays.
 */
#include "oci/build/view.h"

#include "base/mem.h"
#include "oci/layer/tree_stack.h"

void view_set_base(struct view *v, struct tree *base)
{
	v->base = base;
	v->has_base = true;
}

static void drop_stack(struct view *v)
{
	tree_free(v->all);
	v->all = NULL;
}

int view_add(struct view *v, struct layer *const *layers, size_t nr, struct err *e)
{
	while (v->nr < nr) {
		struct tree *t;

		if (layer_tree(&t, layers[v->nr], e) < 0)
			return -1;
		drop_stack(v);
		MEM_GROW(v->layers, v->nr, v->cap);
		v->layers[v->nr++] = t;
	}
	return 0;
}

struct tree *view_tree(struct view *v)
{
	auto_free struct tree **trees = NULL;
	size_t nr = 0;

	if (v->all)
		return v->all;
	trees = mem_resize(NULL, v->nr + 1, sizeof(struct tree *));
	for (size_t i = v->nr; i-- > 0;)
		trees[nr++] = v->layers[i];
	if (v->base)
		trees[nr++] = v->base;
	v->all = tree_stack_new(trees, nr);
	return v->all;
}

void view_release(struct view *v)
{
	drop_stack(v);
	for (size_t i = 0; i < v->nr; i++)
		tree_free(v->layers[i]);
	free(v->layers);
	tree_free(v->base);
	*v = (struct view){ 0 };
}
