/*
 * From names and inodes to a list in path order.
 */
#include "base/mem.h"
#include "oci/layer/change_list.h"
#include "oci/layer/toc_place.h"

struct finish {
	struct toc_place *p;
	struct change_list list;
	struct toc_where *where; /* by the list's numbers */
	size_t cap;
	struct toc_text *texts;
	size_t nr_texts, cap_texts;
	struct buf path;
};

static void fill_stat(struct stat *st, const struct toc_inode *n, uint32_t number)
{
	*st = (struct stat){ .st_mode = n->mode,
			     .st_uid = n->uid,
			     .st_gid = n->gid,
			     .st_rdev = n->rdev,
			     .st_size = (off_t)n->size,
			     .st_blocks = (blkcnt_t)((n->size + 511) / 512),
			     .st_mtim = n->mtime,
			     .st_ino = number + 1,
			     .st_nlink = 1 };
}

/* What an inode owns goes to its first name. */
static void take_over(struct finish *f, struct layer_change *c, struct toc_inode *n, size_t at)
{
	if (n->link)
		c->link = n->names > 1 ? mem_strdup(n->link) : STEAL(&n->link);
	c->capability = STEAL(&n->capability);
	c->capability_len = c->capability ? n->capability_len : 0;
	if (!n->text)
		return;
	MEM_GROW(f->texts, f->nr_texts, f->cap_texts);
	f->texts[f->nr_texts++] =
		(struct toc_text){ .file = at, .bytes = STEAL(&n->text), .n = n->text_len };
}

static void add_content(struct finish *f, uint32_t dir, size_t parent);

static void add_name(struct finish *f, uint32_t at, size_t parent)
{
	uint32_t number = f->p->at[at].inode;
	struct toc_inode *n = &f->p->inodes[number];
	size_t i = change_list_add(&f->list, LAYER_ENTRY, mem_strdup(buf_str(&f->path)), parent);

	MEM_GROW(f->where, i, f->cap);
	f->where[i] = n->where;
	fill_stat(&f->list.out.v[i].st, n, number);
	f->list.notes[i].file = n->names > 1 && !S_ISDIR(n->mode) ? number + 1 : 0;
	take_over(f, &f->list.out.v[i], n, i);
	add_content(f, at, i);
}

/* Paths are bounded, and so is how deep this goes. */
static void add_content(struct finish *f, uint32_t dir, size_t parent)
{
	size_t nr, len = f->path.len;
	auto_free uint32_t *in = names_sorted(&f->p->names, dir, &nr);

	for (size_t i = 0; i < nr; i++) {
		if (len)
			buf_add_char(&f->path, '/');
		buf_add_str(&f->path, f->p->names.v[in[i]].text);
		add_name(f, in[i], parent);
		f->path.len = len;
		f->path.data[len] = '\0';
	}
}

void toc_place_finish(struct toc *out, struct toc_place *p)
{
	struct finish f = { .p = p, .path = BUF_INIT(SIZE_MAX) };

	add_content(&f, NAMES_ROOT, CHANGE_ROOT);
	buf_release(&f.path);
	*out = (struct toc){ .where = f.where, .texts = f.texts, .nr_texts = f.nr_texts };
	change_list_finish(&out->files, &f.list); /* all are kept, so that numbers stay */
}
