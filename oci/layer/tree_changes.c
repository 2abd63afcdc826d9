/* A walk by names. Files with several names are numbered at the end, by device and inode. */
#include "oci/layer/tree_changes.h"

#include "base/cancel.h"
#include "base/mem.h"
#include "oci/layer/change_list.h"

/* Far more than any image has. */
#define ENTRIES_MAX (16u << 20)

struct inode {
	dev_t dev;
	ino_t ino;
	size_t at;
};

struct walk_tree {
	const struct op *op;
	struct tree *tree;
	struct change_list list;
	struct inode *inodes;
	size_t nr_inodes, cap_inodes;
};

static void walk_tree_release(struct walk_tree *w)
{
	change_list_release(&w->list);
	free(w->inodes);
}

static int set_origin(struct walk_tree *w, size_t at, const struct stat *st, struct err *e)
{
	struct layer_change *c = &w->list.out.v[at];
	struct tree_origin origin = { .dirfd = -1 };

	if (tree_origin(w->tree, c->path, &origin, e) < 0)
		return -1;
	c->origin_fd = origin.dirfd;
	c->origin_path = origin.path;
	if (st->st_nlink > 1) {
		MEM_GROW(w->inodes, w->nr_inodes, w->cap_inodes);
		w->inodes[w->nr_inodes++] = (struct inode){ st->st_dev, st->st_ino, at };
	}
	return 0;
}

static int add_entry(struct walk_tree *w, const struct tree_node *node, char *path, size_t parent,
		     struct err *e)
{
	size_t at = change_list_add(&w->list, LAYER_ENTRY, path, parent);
	struct layer_change *c = &w->list.out.v[at];

	c->st = node->st;
	c->link = node->link ? mem_strdup(node->link) : NULL;
	if (node->capability.n) {
		c->capability = mem_alloc(node->capability.n);
		memcpy(c->capability, node->capability.p, node->capability.n);
		c->capability_len = node->capability.n;
	}
	return S_ISREG(node->st.st_mode) ? set_origin(w, at, &node->st, e) : 0;
}

static int walk_dir(struct walk_tree *w, const char *dir, size_t parent, struct err *e)
{
	auto_strv struct strv names = STRV_INIT;

	if (cancel_check(w->op ? w->op->cancel : NULL, e) < 0 ||
	    tree_list(w->tree, dir, &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		auto_free char *path =
			*dir ? mem_printf("%s/%s", dir, names.v[i]) : mem_strdup(names.v[i]);
		size_t at = w->list.out.nr;
		struct tree_node node;
		int there = tree_look(w->tree, path, &node, e);

		if (there < 0)
			return -1;
		if (!there || S_ISSOCK(node.st.st_mode))
			continue;
		if (at == ENTRIES_MAX)
			return err_set(e, ERR_INPUT, "more than %u files", ENTRIES_MAX);
		if (add_entry(w, &node, mem_strdup(path), parent, e) < 0)
			return -1;
		if (S_ISDIR(node.st.st_mode) && walk_dir(w, path, at, e) < 0)
			return -1;
	}
	return 0;
}

static int by_inode(const void *a, const void *b)
{
	const struct inode *x = a, *y = b;

	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	if (x->ino != y->ino)
		return x->ino < y->ino ? -1 : 1;
	return 0;
}

static void number_files(struct walk_tree *w)
{
	uint64_t file = 0;

	if (w->nr_inodes)
		qsort(w->inodes, w->nr_inodes, sizeof(*w->inodes), by_inode);
	for (size_t i = 0; i < w->nr_inodes; i++) {
		if (!i || by_inode(&w->inodes[i - 1], &w->inodes[i]) != 0)
			file++;
		w->list.notes[w->inodes[i].at].file = file;
	}
}

int layer_changes_from_tree(struct layer_changes *out, const struct op *op, struct tree *t,
			    struct err *e)
{
	CLEANUP(walk_tree_release) struct walk_tree w = { .op = op, .tree = t };

	if (walk_dir(&w, "", CHANGE_ROOT, e) < 0)
		return -1;
	number_files(&w);
	change_list_finish(out, &w.list);
	return 0;
}
