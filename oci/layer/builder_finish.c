/*
 * From names to a list: directory by directory in order, each entry compared with what lies below. What turns
 * out to be as it was is taken back off the list's end, unless something in it stays.
 */
#include "base/buf.h"
#include "base/mem.h"
#include "oci/layer/builder_tree.h"
#include "oci/layer/compare.h"

/* The names of one file: all are in the list when one must be. */
struct name_group {
	uint64_t same;
	size_t nr;
	bool keep;
	uint32_t first; /* in path order; NAMES_NONE: not reached yet */
};
struct finish {
	struct layer_builder *b;
	struct layer_listing list;
	struct buf path;
	struct name_group *groups;
	size_t nr_groups, cap_groups;
};

static void finish_release(struct finish *f)
{
	listing_release(&f->list);
	buf_release(&f->path);
	free(f->groups);
}

/* -- compared with what lies below ---------------------------------------------------- */

static bool same_origin(const struct tree_origin *a, const struct tree_origin *b)
{
	return a->dirfd == b->dirfd && strcmp(a->path, b->path) == 0;
}

/* Attributes are equal. 1: so is the content; 0: it is not. */
static int same_content(const struct layer_builder *b, const struct entry *x, const char *path,
			struct err *e)
{
	const struct tree_origin now = { .dirfd = x->origin_fd, .path = x->text };
	auto_tree_origin struct tree_origin was = { .dirfd = -1 };
	auto_close int one = -1, other = -1;

	if (!S_ISREG(x->st.mode) || !x->st.size)
		return 1;
	if (tree_origin(b->below, path, &was, e) < 0)
		return -1;
	if (same_origin(&now, &was))
		return 1;
	one = tree_origin_open(&now, e);
	other = one < 0 ? -1 : tree_origin_open(&was, e);
	return other < 0 ? -1 : compare_content(one, other, path, e);
}

/* 1: what lies below is the same; 0: it is not. */
static int is_as_below(const struct layer_builder *b, uint32_t at, const char *path, struct err *e)
{
	const struct entry *x = &b->entries[at];
	struct tree_node now = { .link = S_ISLNK(x->st.mode) ? x->text : NULL,
				 .capability = span_of(x->capability, x->capability_len) };
	struct tree_node was;
	int r;

	if (!x->below || x->gone || x->opaque)
		return 0;
	r = tree_look(b->below, path, &was, e);
	if (r < 0)
		return err_wrap(e, "'/%s'", path);
	if (!r)
		return 0;
	builder_entry_stat(&now.st, b, at);
	/* a layer holds whole seconds: what is below may have come out of one */
	if (now.st.st_mtim.tv_sec == was.st.st_mtim.tv_sec)
		now.st.st_mtim = was.st.st_mtim;
	r = compare_attributes(&now, &was) ? same_content(b, x, path, e) : 0;
	return r < 0 ? err_wrap(e, "'/%s'", path) : r;
}

/* -- names of one file ------------------------------------------------------------------ */

static int by_same(const void *a, const void *b)
{
	const struct name_group *x = a, *y = b;

	return x->same < y->same ? -1 : x->same > y->same;
}

static struct name_group *group_of(const struct finish *f, uint64_t same)
{
	const struct name_group key = { .same = same };

	return bsearch(&key, f->groups, f->nr_groups, sizeof(key), by_same);
}

static void join_groups(struct finish *f)
{
	size_t n = 0;

	if (!f->nr_groups)
		return;
	qsort(f->groups, f->nr_groups, sizeof(*f->groups), by_same);
	for (size_t i = 1; i < f->nr_groups; i++)
		if (f->groups[i].same == f->groups[n].same) {
			f->groups[n].nr++;
			f->groups[n].keep |= f->groups[i].keep;
		} else {
			f->groups[++n] = f->groups[i];
		}
	f->nr_groups = n + 1;
}

static int find_groups(struct finish *f, struct err *e)
{
	const struct names *names = &f->b->names;

	for (uint32_t i = NAMES_ROOT + 1; i < names->nr; i++) {
		auto_free char *path = NULL;
		int equal;

		if (!names->v[i].text || !f->b->entries[i].same)
			continue;
		path = names_path(names, i);
		equal = is_as_below(f->b, i, path, e);
		if (equal < 0)
			return -1;
		MEM_GROW(f->groups, f->nr_groups, f->cap_groups);
		f->groups[f->nr_groups++] = (struct name_group){
			.same = f->b->entries[i].same, .nr = 1, .keep = !equal, .first = NAMES_NONE
		};
	}
	join_groups(f);
	return 0;
}

/* The first carries the content, the others are links to it. */
static void add_name_of(struct finish *f, uint32_t at, struct name_group *g)
{
	auto_free char *first = NULL;
	struct layer_change c;

	if (!g->keep)
		return;
	if (g->first == NAMES_NONE)
		g->first = at;
	builder_entry_change(&c, f->b, g->first, buf_str(&f->path));
	c.st.st_nlink = g->nr;
	if (g->first != at) {
		first = names_path(&f->b->names, g->first);
		c.hard_link = true;
		c.link = first;
	}
	listing_add(&f->list, &c);
}

/* -- the list ----------------------------------------------------------------------------- */

static int add_content(struct finish *f, uint32_t dir, struct err *e);

static int add_dir(struct finish *f, uint32_t at, bool equal, struct err *e)
{
	const struct listing_mark before = listing_mark(&f->list);
	struct entry *x = &f->b->entries[at];
	struct layer_change c;

	builder_entry_change(&c, f->b, at, buf_str(&f->path));
	listing_add(&f->list, &c);
	builder_add_closed(&f->list, x);
	if (add_content(f, at, e) < 0)
		return -1;
	if (equal && f->list.nr == before.nr + 1)
		listing_back(&f->list, &before);
	else
		listing_leave(&f->list);
	return 0;
}

static int add_name(struct finish *f, uint32_t at, struct err *e)
{
	const struct entry *x = &f->b->entries[at];
	struct layer_change c;
	int equal;

	if (x->same) {
		add_name_of(f, at, group_of(f, x->same));
		return 0;
	}
	equal = is_as_below(f->b, at, buf_str(&f->path), e);
	if (equal < 0)
		return -1;
	if (!x->gone && S_ISDIR(x->st.mode))
		return add_dir(f, at, equal, e);
	if (equal)
		return 0;
	builder_entry_change(&c, f->b, at, buf_str(&f->path));
	listing_add(&f->list, &c);
	return 0;
}

/* Paths are bounded, and so is how deep this goes. */
static int add_content(struct finish *f, uint32_t dir, struct err *e)
{
	size_t nr, len = f->path.len;
	auto_free uint32_t *in = names_sorted(&f->b->names, dir, &nr);

	for (size_t i = 0; i < nr; i++) {
		if (len)
			buf_add_char(&f->path, '/');
		buf_add_str(&f->path, f->b->names.v[in[i]].text);
		if (add_name(f, in[i], e) < 0)
			return -1;
		f->path.len = len;
		f->path.data[len] = '\0';
	}
	return 0;
}

int layer_builder_list(struct layer_listing *out, struct layer_builder *b, struct err *e)
{
	CLEANUP(finish_release)
	struct finish f = { .b = b, .list = LISTING_INIT, .path = BUF_INIT(SIZE_MAX) };

	if (find_groups(&f, e) < 0 || add_content(&f, NAMES_ROOT, e) < 0)
		return -1;
	listing_settle(&f.list);
	*out = f.list;
	f.list = LISTING_INIT;
	return 0;
}
