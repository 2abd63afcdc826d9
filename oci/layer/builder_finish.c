/*
 * From names to a list: directory by directory in order, each entry compared with what lies below.
 */
#include "base/buf.h"
#include "base/mem.h"
#include "oci/layer/builder_tree.h"
#include "oci/layer/change_list.h"
#include "oci/layer/compare.h"

struct finish {
	struct layer_builder *b;
	struct change_list list;
	struct buf path;
};

static void finish_release(struct finish *f)
{
	change_list_release(&f->list);
	buf_release(&f->path);
}

static bool same_origin(const struct tree_origin *a, const struct tree_origin *b)
{
	return a->dirfd == b->dirfd && strcmp(a->path, b->path) == 0;
}

/* Attributes are equal. 1: so is the content; 0: it is not. */
static int same_content(struct finish *f, const struct entry *x, const char *path, struct err *e)
{
	const struct tree_origin now = { .dirfd = x->origin_fd, .path = x->text };
	auto_tree_origin struct tree_origin was = { .dirfd = -1 };
	auto_close int a = -1, b = -1;

	if (!S_ISREG(x->st.mode) || !x->st.size)
		return 1;
	if (tree_origin(f->b->below, path, &was, e) < 0)
		return -1;
	if (same_origin(&now, &was))
		return 1;
	a = tree_origin_open(&now, e);
	b = a < 0 ? -1 : tree_origin_open(&was, e);
	return b < 0 ? -1 : compare_content(a, b, path, e);
}

/* 1: what lies below is the same; 0: it is not. */
static int is_as_below(struct finish *f, uint32_t at, struct err *e)
{
	const struct entry *x = &f->b->entries[at];
	const char *path = buf_str(&f->path);
	struct tree_node now = { .link = S_ISLNK(x->st.mode) ? x->text : NULL,
				 .capability = span_of(x->capability, x->capability_len) };
	struct tree_node was;
	int r;

	if (!x->below || x->gone || x->opaque)
		return 0;
	r = tree_look(f->b->below, path, &was, e);
	if (r <= 0)
		return r;
	builder_entry_stat(&now.st, f->b, at);
	/* a layer holds whole seconds: what is below may have come out of one */
	if (now.st.st_mtim.tv_sec == was.st.st_mtim.tv_sec)
		now.st.st_mtim = was.st.st_mtim;
	return compare_attributes(&now, &was) ? same_content(f, x, path, e) : 0;
}

static enum layer_change_kind kind_of(const struct entry *x)
{
	return x->gone ? LAYER_DELETED : x->opaque ? LAYER_OPAQUE : LAYER_ENTRY;
}

/* The entry's strings become the list's. */
static size_t add(struct finish *f, uint32_t at, size_t parent)
{
	struct entry *x = &f->b->entries[at];
	size_t n = change_list_add(&f->list, kind_of(x), mem_strdup(buf_str(&f->path)), parent);
	struct layer_change *c = &f->list.out.v[n];

	if (x->gone)
		return n;
	builder_entry_stat(&c->st, f->b, at);
	c->st.st_nlink = 1; /* the list counts names */
	f->list.notes[n].file = x->same;
	if (S_ISLNK(x->st.mode))
		c->link = STEAL(&x->text);
	else
		c->origin_path = STEAL(&x->text);
	c->origin_fd = x->origin_fd;
	c->capability = STEAL(&x->capability);
	c->capability_len = x->capability_len;
	return n;
}

static int add_content(struct finish *f, uint32_t dir, size_t parent, struct err *e);

static int add_name(struct finish *f, uint32_t at, size_t parent, struct err *e)
{
	const struct entry *x = &f->b->entries[at];
	int equal = is_as_below(f, at, e);
	size_t n;

	if (equal < 0)
		return err_wrap(e, "'/%s'", buf_str(&f->path));
	if (equal && !S_ISDIR(x->st.mode) && !x->same)
		return 0;
	n = add(f, at, parent);
	f->list.notes[n].keep = !equal;
	return add_content(f, at, n, e);
}

/* Paths are bounded, and so is how deep this goes. */
static int add_content(struct finish *f, uint32_t dir, size_t parent, struct err *e)
{
	size_t nr, len = f->path.len;
	auto_free uint32_t *in = names_sorted(&f->b->names, dir, &nr);

	for (size_t i = 0; i < nr; i++) {
		if (len)
			buf_add_char(&f->path, '/');
		buf_add_str(&f->path, f->b->names.v[in[i]].text);
		if (add_name(f, in[i], parent, e) < 0)
			return -1;
		f->path.len = len;
		f->path.data[len] = '\0';
	}
	return 0;
}

int layer_builder_finish(struct layer_changes *out, struct layer_builder *b, struct err *e)
{
	CLEANUP(finish_release)
	struct finish f = { .b = b, .path = BUF_INIT(SIZE_MAX) };

	if (add_content(&f, NAMES_ROOT, CHANGE_ROOT, e) < 0)
		return -1;
	change_list_finish(out, &f.list);
	return 0;
}
