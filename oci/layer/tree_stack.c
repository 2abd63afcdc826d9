/*
 * For every part of the last directory's path there is a level: the trees in which that directory
 * takes part. Going down, a tree drops out when it has no such name; all below one drop out when
 * it deletes the name, has something there that is not a directory, or an opaque one. So a
 * sibling of the last look costs one look in each tree that has the directory.
 */
#include "oci/layer/tree_stack.h"

#include "base/mem.h"
#include "oci/layer/path.h"

struct level {
	size_t *trees; /* indices into stack.trees, topmost first */
	size_t nr;
	size_t path_len; /* of the directory's path; 0: the root */
	bool is_dir;	 /* is there in at least one */
};

struct tree_stack {
	struct tree base;
	struct tree **trees;
	size_t nr, cap;
	char *dir; /* the levels' path */
	struct level *levels;
	size_t nr_levels, cap_levels;
};

static struct tree_stack *self(struct tree *t)
{
	return CONTAINER_OF(t, struct tree_stack, base);
}

/* -- levels -------------------------------------------------------------------- */

static void drop_levels(struct tree_stack *s, size_t keep)
{
	while (s->nr_levels > keep)
		free(s->levels[--s->nr_levels].trees);
}

static struct level *push(struct tree_stack *s, size_t room, size_t path_len)
{
	struct level *l;

	MEM_GROW(s->levels, s->nr_levels, s->cap_levels);
	l = &s->levels[s->nr_levels++];
	*l = (struct level){ .path_len = path_len };
	l->trees = mem_resize(NULL, room + 1, sizeof(*l->trees));
	return l;
}

static void push_root(struct tree_stack *s)
{
	struct level *l = push(s, s->nr, 0);

	for (l->nr = 0; l->nr < s->nr; l->nr++)
		l->trees[l->nr] = l->nr;
	l->is_dir = true;
}

/* dir: one part longer than the last level. */
static int push_level(struct tree_stack *s, const char *dir, struct err *e)
{
	size_t above = s->nr_levels - 1;
	struct level *l = push(s, s->levels[above].nr, strlen(dir));
	const struct level *up = &s->levels[above];

	for (size_t i = 0; i < up->nr; i++) {
		struct tree_node node;
		int r = tree_look(s->trees[up->trees[i]], dir, &node, e);

		if (r < 0)
			return -1;
		if (r && S_ISDIR(node.st.st_mode))
			l->trees[l->nr++] = up->trees[i];
		else if (r || node.mark == TREE_DELETED)
			break;
		if (node.mark == TREE_OPAQUE)
			break;
	}
	l->is_dir = l->nr > 0;
	return 0;
}

/* How many levels of the last directory are also above the new one. */
static size_t common_levels(const struct tree_stack *s, struct span dir)
{
	size_t n = s->nr_levels;

	for (; n > 1; n--) {
		size_t len = s->levels[n - 1].path_len;

		if (len <= dir.n && memcmp(s->dir, dir.p, len) == 0 &&
		    (len == dir.n || dir.p[len] == '/'))
			break;
	}
	return n;
}

static int push_parts(struct tree_stack *s, char *dir, struct err *e)
{
	size_t len = strlen(dir);

	while (s->levels[s->nr_levels - 1].path_len < len) {
		size_t at = s->levels[s->nr_levels - 1].path_len;
		char after;
		int r;

		at += at ? 1 : 0;
		at += strcspn(dir + at, "/");
		after = dir[at];
		dir[at] = '\0';
		r = push_level(s, dir, e);
		dir[at] = after;
		if (r < 0)
			return -1;
	}
	return 0;
}

/* Afterwards the last level is dir's. */
static int go_to(struct tree_stack *s, struct span dir, struct err *e)
{
	auto_free char *path = NULL;

	if (s->dir && span_eq_str(dir, s->dir))
		return 0;
	path = span_dup(dir);
	if (!s->nr_levels)
		push_root(s);
	drop_levels(s, common_levels(s, dir));
	free(STEAL(&s->dir));
	if (push_parts(s, path, e) < 0) {
		drop_levels(s, 0); /* nothing half-known stays */
		return -1;
	}
	s->dir = STEAL(&path);
	return 0;
}

/* -- looks ----------------------------------------------------------------------- */

/* st_dev tells trees apart, too: one inode of two of them is not one file. */
static void name_device(const struct tree_stack *s, size_t tree, struct stat *st)
{
	st->st_dev = st->st_dev * (s->nr + 1) + tree;
}

/* *tree: who has it. */
static int find(struct tree_stack *s, const char *path, struct tree_node *out, size_t *tree,
		struct err *e)
{
	const struct level *l;

	if (go_to(s, layer_path_dir(path), e) < 0)
		return -1;
	l = &s->levels[s->nr_levels - 1];
	for (size_t i = 0; i < l->nr; i++) {
		int r = tree_look(s->trees[l->trees[i]], path, out, e);

		*tree = l->trees[i];
		if (r)
			return r;
		if (out->mark == TREE_DELETED)
			return 0;
	}
	return 0;
}

static int stack_look(struct tree *t, const char *path, struct tree_node *out, struct err *e)
{
	struct tree_stack *s = self(t);
	size_t tree = 0;
	int r;

	if (!*path && !s->nr) {
		out->st.st_mode = S_IFDIR | 0755;
		return 1;
	}
	r = find(s, path, out, &tree, e);
	if (r > 0)
		name_device(s, tree, &out->st);
	return r;
}

/* -- lists ----------------------------------------------------------------------- */

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool has_sorted(const struct strv *s, const char *name)
{
	return s->n && bsearch(&name, s->v, s->n, sizeof(*s->v), by_bytes);
}

/* Both sorted; what is hidden or there already is left out. The result is sorted. */
static void merge(struct strv *into, struct strv *below, const struct strv *hidden)
{
	struct strv out = STRV_INIT;
	size_t i = 0, k = 0;

	while (i < into->n || k < below->n) {
		int order = i == into->n ? 1 : k == below->n ? -1 : strcmp(into->v[i], below->v[k]);

		if (order <= 0) {
			strv_take(&out, into->v[i++]);
			if (order == 0)
				free(below->v[k++]);
		} else if (has_sorted(hidden, below->v[k])) {
			free(below->v[k++]);
		} else {
			strv_take(&out, below->v[k++]);
		}
	}
	free(into->v);
	free(below->v);
	*into = out;
	*below = (struct strv)STRV_INIT;
}

/* The names of all trees of the last level, and what any of them deletes. */
static int merge_all(struct tree_stack *s, const char *dir, struct strv *names, struct strv *hidden,
		     struct err *e)
{
	const struct level *l = &s->levels[s->nr_levels - 1];

	for (size_t i = 0; i < l->nr; i++) {
		auto_strv struct strv here = STRV_INIT;
		size_t before = hidden->n;

		if (tree_list_marks(s->trees[l->trees[i]], dir, &here, hidden, e) < 0)
			return -1;
		if (!i) {
			*names = here;
			here = (struct strv)STRV_INIT;
		}
		/* what a tree deletes it does not have itself, so that its own may be among hidden */
		if (hidden->n > before)
			strv_sort(hidden);
		if (i)
			merge(names, &here, hidden);
	}
	return 0;
}

static int stack_list(struct tree *t, const char *dir, struct strv *names, struct strv *deleted,
		      struct err *e)
{
	struct tree_stack *s = self(t);
	auto_strv struct strv all = STRV_INIT, hidden = STRV_INIT;

	if (go_to(s, span_of_str(dir), e) < 0)
		return -1;
	if (!s->levels[s->nr_levels - 1].is_dir)
		return err_set(e, ERR_ABSENT, "there is no directory '/%s'", dir);
	if (merge_all(s, dir, &all, &hidden, e) < 0)
		return -1;
	strv_copy(names, &all);
	for (size_t i = 0; deleted && i < hidden.n; i++)
		if (!has_sorted(&all, hidden.v[i]))
			strv_add(deleted, hidden.v[i]);
	return 0;
}

static int stack_origin(struct tree *t, const char *path, struct tree_origin *out, struct err *e)
{
	struct tree_stack *s = self(t);
	struct tree_node node = { .link = NULL };
	size_t tree = 0;
	int r = find(s, path, &node, &tree, e);

	if (r < 0)
		return -1;
	if (!r || !S_ISREG(node.st.st_mode))
		return err_set(e, ERR_ABSENT, "there is no file '/%s'", path);
	return tree_origin(s->trees[tree], path, out, e);
}

static void stack_free(struct tree *t)
{
	struct tree_stack *s = self(t);

	drop_levels(s, 0);
	free(s->levels);
	free(s->dir);
	free(s->trees);
	free(s);
}

/* A stack in a stack is its trees: what is opaque in there hides what is below it here, too. */
static void add(struct tree_stack *s, struct tree *t, const struct tree_ops *ops)
{
	if (t->ops == ops) {
		for (size_t i = 0; i < self(t)->nr; i++)
			add(s, self(t)->trees[i], ops);
		return;
	}
	MEM_GROW(s->trees, s->nr, s->cap);
	s->trees[s->nr++] = t;
}

struct tree *tree_stack_new(struct tree *const *trees, size_t nr)
{
	static const struct tree_ops ops = {
		.look = stack_look, .list = stack_list, .origin = stack_origin, .free = stack_free
	};
	struct tree_stack *s = mem_zalloc(sizeof(*s));

	s->base.ops = &ops;
	for (size_t i = 0; i < nr; i++)
		add(s, trees[i], &ops);
	return &s->base;
}
