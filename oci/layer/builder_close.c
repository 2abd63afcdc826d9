/*
 * A directory that is done with, made the part of the list that it will be. Only where all in it is plain: new,
 * of one name, with nothing of the kind below, so that nothing about it is decided later.
 */
#include "base/mem.h"
#include "oci/layer/builder_tree.h"

static bool is_plain(const struct layer_builder *b, uint32_t at)
{
	const struct entry *x = &b->entries[at];

	if (!x->put || x->gone || x->below || x->same)
		return false;
	return x->closed || b->names.v[at].first == NAMES_NONE;
}

static bool all_plain(const struct layer_builder *b, uint32_t dir)
{
	for (uint32_t i = b->names.v[dir].first; i != NAMES_NONE; i = b->names.v[i].next)
		if (!is_plain(b, i))
			return false;
	return true;
}

static bool may_close(const struct layer_builder *b, uint32_t at)
{
	const struct entry *x = &b->entries[at];

	if (at == NAMES_ROOT || x->gone || !S_ISDIR(x->st.mode) || x->closed)
		return false;
	return all_plain(b, at);
}

void builder_forget_closed(struct entry *x)
{
	if (!x->closed)
		return;
	listing_release(x->closed);
	free(STEAL(&x->closed));
}

void builder_add_closed(struct layer_listing *to, struct entry *x)
{
	if (!x->closed)
		return;
	listing_join(to, x->closed);
	builder_forget_closed(x);
}

static void add(struct layer_listing *to, struct layer_builder *b, uint32_t at)
{
	struct entry *x = &b->entries[at];
	struct layer_change c;

	builder_entry_change(&c, b, at, b->names.v[at].text);
	listing_add(to, &c);
	if (!S_ISDIR(x->st.mode))
		return;
	builder_add_closed(to, x);
	listing_leave(to);
}

void layer_builder_close(struct layer_builder *b, const char *dir)
{
	uint32_t at = builder_find(b, dir);
	auto_free uint32_t *in = NULL;
	struct layer_listing l = LISTING_INIT;
	size_t nr;

	if (at == NAMES_NONE || !may_close(b, at))
		return;
	in = names_sorted(&b->names, at, &nr);
	for (size_t i = 0; i < nr; i++) {
		add(&l, b, in[i]);
		builder_entry_clear(&b->entries[in[i]]);
		names_remove(&b->names, in[i]);
	}
	listing_settle(&l);
	b->entries[at].closed = mem_alloc(sizeof(l));
	*b->entries[at].closed = l;
	b->last_dir = NAMES_NONE;
}
