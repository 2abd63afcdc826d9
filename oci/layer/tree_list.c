/*
 * The list's order is that of a walk: a '/' comes before every other byte, so that all that is below a
 * directory stands right behind it.
 */
#include "oci/layer/tree_list.h"

#include "base/mem.h"
#include "oci/layer/path.h"

struct tree_list {
	struct tree base;
	const struct layer_changes *c;
	int tree_fd;
};

static struct tree_list *self(struct tree *t)
{
	return CONTAINER_OF(t, struct tree_list, base);
}

/* The first entry in [from, end) that is not before path. */
static size_t lower_bound(const struct layer_changes *c, size_t from, const char *path)
{
	size_t end = c->nr;

	while (from < end) {
		size_t mid = from + (end - from) / 2;

		if (layer_path_compare(c->v[mid].path, path) < 0)
			from = mid + 1;
		else
			end = mid;
	}
	return from;
}

const struct layer_change *layer_changes_find(const struct layer_changes *c, const char *path)
{
	size_t i = lower_bound(c, 0, path);

	return i < c->nr && strcmp(c->v[i].path, path) == 0 ? &c->v[i] : NULL;
}

/* What path's file is: the entry of its first name. */
static const struct layer_change *content_of(const struct tree_list *l,
					     const struct layer_change *c)
{
	const struct layer_change *first = c->hard_link ? layer_changes_find(l->c, c->link) : c;

	return first ? first : c;
}

static int list_look(struct tree *t, const char *path, struct tree_node *out, struct err *e)
{
	struct tree_list *l = self(t);
	const struct layer_change *c = layer_changes_find(l->c, path);

	(void)e;
	if (!*path) {
		out->st.st_mode = S_IFDIR | 0755;
		return 1;
	}
	if (!c)
		return 0;
	if (c->kind == LAYER_DELETED) {
		out->mark = TREE_DELETED;
		return 0;
	}
	c = content_of(l, c);
	out->st = c->st;
	out->link = S_ISLNK(c->st.st_mode) ? c->link : NULL;
	out->capability = span_of(c->capability, c->capability_len);
	if (c->kind == LAYER_OPAQUE)
		out->mark = TREE_OPAQUE;
	return 1;
}

/* Is path below dir? Both clean; the root is above all. */
static bool is_below(const char *path, const char *dir, size_t n)
{
	return !n || (strncmp(path, dir, n) == 0 && path[n] == '/');
}

/* Behind v[i] and all that is below it. Near ones are found fast: most entries have nothing below. */
static size_t next_sibling(const struct layer_changes *c, size_t i)
{
	const char *path = c->v[i].path;
	size_t n = strlen(path), step = 1, end;

	while (i + step < c->nr && is_below(c->v[i + step].path, path, n))
		step *= 2;
	end = i + step < c->nr ? i + step : c->nr;
	i += step / 2;
	while (i + 1 < end) { /* v[i] is path or below it, v[end] is not */
		size_t mid = i + (end - i) / 2;

		if (is_below(c->v[mid].path, path, n))
			i = mid;
		else
			end = mid;
	}
	return end;
}

static int list_list(struct tree *t, const char *dir, struct strv *names, struct strv *deleted,
		     struct err *e)
{
	const struct layer_changes *c = self(t)->c;
	const struct layer_change *at = *dir ? layer_changes_find(c, dir) : NULL;
	size_t n = strlen(dir), i = 0;

	if (*dir) {
		if (!at || at->kind == LAYER_DELETED || !S_ISDIR(at->st.st_mode))
			return err_set(e, ERR_ABSENT, "there is no directory '/%s'", dir);
		i = (size_t)(at - c->v) + 1;
	}
	while (i < c->nr && is_below(c->v[i].path, dir, n)) {
		const char *name = c->v[i].path + n + (n ? 1 : 0);

		if (c->v[i].kind != LAYER_DELETED)
			strv_add(names, name);
		else if (deleted)
			strv_add(deleted, name);
		i = next_sibling(c, i);
	}
	return 0;
}

static int list_origin(struct tree *t, const char *path, struct tree_origin *out, struct err *e)
{
	struct tree_list *l = self(t);
	const struct layer_change *c = layer_changes_find(l->c, path);

	if (!c || c->kind != LAYER_ENTRY || !S_ISREG(c->st.st_mode))
		return err_set(e, ERR_ABSENT, "there is no file '/%s'", path);
	c = content_of(l, c);
	out->dirfd = c->origin_path ? c->origin_fd : l->tree_fd;
	out->path = mem_strdup(c->origin_path ? c->origin_path : c->path);
	return 0;
}

static void list_free(struct tree *t)
{
	free(self(t));
}

struct tree *tree_list_new(const struct layer_changes *changes, int tree_fd)
{
	static const struct tree_ops ops = {
		.look = list_look, .list = list_list, .origin = list_origin, .free = list_free
	};
	struct tree_list *l = mem_zalloc(sizeof(*l));

	l->base.ops = &ops;
	l->c = changes;
	l->tree_fd = tree_fd;
	return &l->base;
}
