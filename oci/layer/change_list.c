/*
 * Entries stand in path order, so that a directory's number is lower than those of what is in it.
 */
#include "oci/layer/change_list.h"

#include "base/mem.h"

static void change_release(struct layer_change *c)
{
	free(c->path);
	free(c->link);
	free(c->capability);
	free(c->origin_path);
}

void layer_changes_release(struct layer_changes *c)
{
	for (size_t i = 0; i < c->nr; i++)
		change_release(&c->v[i]);
	free(c->v);
	*c = (struct layer_changes){ 0 };
}

static const struct layer_change *read_next(struct layer_change_reader *reader)
{
	struct layer_changes_reader *r = CONTAINER_OF(reader, struct layer_changes_reader, reader);

	return r->at < r->c->nr ? &r->c->v[r->at++] : NULL;
}

struct layer_change_reader *layer_changes_read(struct layer_changes_reader *r,
					       const struct layer_changes *c)
{
	*r = (struct layer_changes_reader){ .reader.next = read_next, .c = c };
	return &r->reader;
}

void change_list_release(struct change_list *l)
{
	layer_changes_release(&l->out);
	free(l->notes);
	*l = (struct change_list){ .cap = 0 };
}

size_t change_list_add(struct change_list *l, enum layer_change_kind kind, char *path,
		       size_t parent)
{
	struct layer_changes *out = &l->out;

	MEM_GROW(out->v, out->nr, out->cap);
	MEM_GROW(l->notes, out->nr, l->cap);
	out->v[out->nr] = (struct layer_change){ .kind = kind, .path = path };
	l->notes[out->nr] = (struct change_note){ .parent = parent, .keep = true };
	return out->nr++;
}

struct name_of_file {
	uint64_t file;
	size_t at;
};

static int by_file(const void *a, const void *b)
{
	const struct name_of_file *x = a, *y = b;

	if (x->file != y->file)
		return x->file < y->file ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

/* The names of one file, in path order: the first carries the content. */
static void link_names(struct change_list *l, const struct name_of_file *names, size_t n)
{
	struct layer_change *v = l->out.v, *first = &v[names[0].at];
	bool keep = false;

	for (size_t i = 0; i < n; i++)
		keep |= l->notes[names[i].at].keep;
	first->st.st_nlink = n;
	for (size_t i = 0; i < n; i++) {
		struct layer_change *c = &v[names[i].at];

		l->notes[names[i].at].keep = keep;
		if (!i)
			continue;
		c->st = first->st;
		c->hard_link = true;
		free(c->link);
		c->link = mem_strdup(first->path);
	}
}

static void link_all(struct change_list *l)
{
	auto_free struct name_of_file *names = NULL;
	size_t nr = 0, cap = 0;

	for (size_t i = 0; i < l->out.nr; i++) {
		if (!l->notes[i].file)
			continue;
		MEM_GROW(names, nr, cap);
		names[nr++] = (struct name_of_file){ l->notes[i].file, i };
	}
	if (!nr)
		return;
	qsort(names, nr, sizeof(*names), by_file);
	for (size_t i = 0, end; i < nr; i = end) {
		for (end = i + 1; end < nr && names[end].file == names[i].file; end++)
			;
		link_names(l, names + i, end - i);
	}
}

/* Children stand behind their directory, so one way from the end reaches every ancestor. */
static void keep_parents(struct change_list *l)
{
	for (size_t i = l->out.nr; i-- > 0;)
		if (l->notes[i].keep && l->notes[i].parent != CHANGE_ROOT)
			l->notes[l->notes[i].parent].keep = true;
}

static void drop_others(struct change_list *l)
{
	struct layer_changes *out = &l->out;
	size_t n = 0;

	for (size_t i = 0; i < out->nr; i++) {
		struct layer_change *c = &out->v[i];

		if (!l->notes[i].keep) {
			change_release(c);
			continue;
		}
		if (c->kind == LAYER_ENTRY && S_ISREG(c->st.st_mode) && !c->hard_link)
			out->bytes += (uint64_t)c->st.st_size;
		out->v[n++] = *c;
	}
	out->nr = n;
	if (out->cap - n > n / 8) { /* it stays as it is from now on */
		out->cap = n;
		out->v = mem_resize(out->v, n, sizeof(*out->v));
	}
}

void change_list_finish(struct layer_changes *out, struct change_list *l)
{
	link_all(l);
	keep_parents(l);
	drop_others(l);
	*out = l->out;
	l->out = (struct layer_changes){ 0 };
	change_list_release(l);
}
