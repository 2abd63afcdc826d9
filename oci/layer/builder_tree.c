/*
 * The builder's names over what lies below.
 */
#include "oci/layer/builder_tree.h"

#include <assert.h>

#include "base/mem.h"
#include "oci/layer/path.h"

static struct layer_builder *self(struct tree *t)
{
	return CONTAINER_OF(t, struct layer_builder, tree);
}

/* Inodes are made up: the names of one file have their `same`, everything else one of its own. */
void builder_entry_stat(struct stat *out, const struct layer_builder *b, uint32_t at)
{
	const struct entry *x = &b->entries[at];

	*out = (struct stat){ .st_mode = x->st.mode,
			      .st_uid = x->st.uid,
			      .st_gid = x->st.gid,
			      .st_rdev = x->st.rdev,
			      .st_size = x->st.size,
			      .st_blocks = (x->st.size + 511) / 512,
			      .st_mtim = x->st.mtime,
			      .st_nlink = x->same ? 2 : 1,
			      .st_ino = x->same ? x->same : at + 1 };
}

/* The last name on the way to path that has an entry; *all: it is path itself. */
static uint32_t nearest(const struct layer_builder *b, const char *path, bool *all)
{
	struct span rest = span_of_str(path), part;
	uint32_t at = NAMES_ROOT;

	*all = false;
	while (span_split(&rest, '/', &part)) {
		uint32_t next = names_find(&b->names, at, part);

		assert(!b->entries[at].closed); /* nobody looks there any more */
		if (next == NAMES_NONE)
			return at;
		at = next;
	}
	*all = true;
	return at;
}

uint32_t builder_find(const struct layer_builder *b, const char *path)
{
	bool all;
	uint32_t at = nearest(b, path, &all);

	return all ? at : NAMES_NONE;
}

static enum layer_change_kind kind_of(const struct entry *x)
{
	return x->gone ? LAYER_DELETED : x->opaque ? LAYER_OPAQUE : LAYER_ENTRY;
}

void builder_entry_change(struct layer_change *out, const struct layer_builder *b, uint32_t at,
			  const char *path)
{
	const struct entry *x = &b->entries[at];

	*out = (struct layer_change){ .kind = kind_of(x), .path = (char *)path, .origin_fd = -1 };
	if (x->gone)
		return;
	builder_entry_stat(&out->st, b, at);
	out->st.st_nlink = 1; /* the list counts names */
	out->capability = x->capability;
	out->capability_len = x->capability_len;
	if (S_ISLNK(x->st.mode)) {
		out->link = x->text;
	} else {
		out->origin_path = x->text;
		out->origin_fd = x->origin_fd;
	}
}

/* What has no entry is asked for below; 0 when it cannot be seen. */
static bool may_be_below(const struct layer_builder *b, uint32_t at)
{
	const struct entry *x = &b->entries[at];

	return !x->gone && !x->hides && S_ISDIR(x->st.mode);
}

static int look_below(const struct layer_builder *b, const char *path, struct tree_node *out,
		      struct err *e)
{
	int r = tree_look(b->below, path, out, e);

	out->mark = TREE_NO_MARK;
	out->st.st_dev = 2 * out->st.st_dev + 1; /* entries have device 0 */
	return r;
}

static int builder_look(struct tree *t, const char *path, struct tree_node *out, struct err *e)
{
	const struct layer_builder *b = self(t);
	const struct entry *x;
	uint32_t at;
	bool all;

	at = nearest(b, path, &all);
	x = &b->entries[at];
	if (!all || (at == NAMES_ROOT && b->below))
		return may_be_below(b, at) ? look_below(b, path, out, e) : 0;
	if (x->gone)
		return 0;
	builder_entry_stat(&out->st, b, at);
	if (S_ISLNK(x->st.mode))
		out->link = x->text;
	out->capability = span_of(x->capability, x->capability_len);
	return 1;
}

/* What lies below in a directory, without those names that have entries. */
static int add_below(struct layer_builder *b, uint32_t at, const char *dir, struct strv *names,
		     struct err *e)
{
	auto_strv struct strv below = STRV_INIT;

	if (tree_list(b->below, dir, &below, e) < 0)
		return -1;
	for (size_t i = 0; i < below.n; i++)
		if (at == NAMES_NONE ||
		    names_find(&b->names, at, span_of_str(below.v[i])) == NAMES_NONE)
			strv_add(names, below.v[i]);
	return 0;
}

static int builder_list(struct tree *t, const char *dir, struct strv *names, struct strv *deleted,
			struct err *e)
{
	struct layer_builder *b = self(t);
	uint32_t at;
	bool all;

	(void)deleted; /* it holds what is below itself */
	at = nearest(b, dir, &all);
	if (!all && may_be_below(b, at))
		return add_below(b, NAMES_NONE, dir, names, e);
	if (!all || b->entries[at].gone || !S_ISDIR(b->entries[at].st.mode))
		return err_set(e, ERR_ABSENT, "there is no directory '/%s'", dir);
	assert(!b->entries[at].closed);
	for (uint32_t i = b->names.v[at].first; i != NAMES_NONE; i = b->names.v[i].next)
		if (!b->entries[i].gone)
			strv_add(names, b->names.v[i].text);
	return b->entries[at].hides ? 0 : add_below(b, at, dir, names, e);
}

static int builder_origin(struct tree *t, const char *path, struct tree_origin *out, struct err *e)
{
	const struct layer_builder *b = self(t);
	const struct entry *x;
	uint32_t at;
	bool all;

	at = nearest(b, path, &all);
	x = &b->entries[at];
	if (!all && may_be_below(b, at))
		return tree_origin(b->below, path, out, e);
	if (!all || x->gone || !S_ISREG(x->st.mode))
		return err_set(e, ERR_ABSENT, "there is no file '/%s'", path);
	*out = (struct tree_origin){ .dirfd = x->origin_fd, .path = mem_strdup(x->text) };
	return 0;
}

/* The builder's own. */
static void builder_tree_free(struct tree *t)
{
	(void)t;
}

void builder_tree_init(struct layer_builder *b)
{
	static const struct tree_ops ops = { .look = builder_look,
					     .list = builder_list,
					     .origin = builder_origin,
					     .free = builder_tree_free };

	b->tree.ops = &ops;
}
