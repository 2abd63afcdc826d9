/*
 * A list as a tree, but for the bytes of files: these are taken out of their layers, each into a file of the
 * spool that is named by its number in the table.
 */
#include <fcntl.h>

#include "base/fs.h"
#include "base/mem.h"
#include "oci/layer/entries.h"
#include "oci/layer/toc.h"
#include "oci/layer/tree_list.h"

struct toc_tree {
	struct tree base;
	struct tree *list;
	const struct toc *t;
	const struct op *op;
	const struct toc_layers *layers;
	int spool_fd;
	bool *spooled;	/* by number: its bytes are there */
	bool *was_read; /* by layer: somebody asked for a file of it before */
};

static struct toc_tree *self(struct tree *t)
{
	return CONTAINER_OF(t, struct toc_tree, base);
}

static int toc_look(struct tree *t, const char *path, struct tree_node *out, struct err *e)
{
	return tree_look(self(t)->list, path, out, e);
}

static int toc_list(struct tree *t, const char *dir, struct strv *names, struct strv *deleted,
		    struct err *e)
{
	return tree_list_marks(self(t)->list, dir, names, deleted, e);
}

/* -- the spool --------------------------------------------------------------------- */

static int spool_file(struct toc_tree *t, size_t file, const struct tar_entry *ent,
		      struct tar_reader *from, struct err *e)
{
	auto_free char *name = mem_printf("%zu", file);
	auto_close int fd = openat(t->spool_fd, name,
				   O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_sys(e, "create a file for its bytes");
	if (entries_write_data(t->op, fd, ent, from, NULL, e) < 0)
		return -1;
	if (close(fd_steal(&fd)) < 0)
		return err_sys(e, "write its bytes");
	t->spooled[file] = true;
	return 0;
}

static int spool_text(struct toc_tree *t, const struct toc_text *text, struct err *e)
{
	auto_free char *name = mem_printf("%zu", text->file);

	if (fs_write_file(t->spool_fd, name, span_of(text->bytes, text->n), 0600, e) < 0)
		return -1;
	t->spooled[text->file] = true;
	return 0;
}

/* Files of one layer, by their entries. */
struct wanted {
	uint32_t entry;
	size_t file;
};
struct spooling {
	struct entry_visitor visitor;
	struct toc_tree *t;
	struct wanted *v;
	size_t nr, cap, next;
	uint32_t entry; /* how many have been seen */
};

static void spooling_release(struct spooling *s)
{
	free(s->v);
}

static int by_entry(const void *a, const void *b)
{
	const struct wanted *x = a, *y = b;

	return x->entry < y->entry ? -1 : x->entry > y->entry;
}

static int spool_entry(struct entry_visitor *v, const struct tar_entry *ent,
		       struct tar_reader *from, struct err *e)
{
	struct spooling *s = CONTAINER_OF(v, struct spooling, visitor);
	size_t i = s->next;

	if (i == s->nr || s->entry++ != s->v[i].entry)
		return 0;
	s->next++;
	if (ent->type != TAR_FILE)
		return err_set(e, ERR_CORRUPT, "'%s' is not what the table of contents says",
			       ent->path);
	return spool_file(s->t, s->v[i].file, ent, from, e);
}

static void want(struct spooling *s, size_t file)
{
	MEM_GROW(s->v, s->nr, s->cap);
	s->v[s->nr++] = (struct wanted){ s->t->t->where[file].entry, file };
}

static void want_all(struct spooling *s, uint32_t layer)
{
	const struct toc *t = s->t->t;

	for (size_t i = 0; i < t->files.nr; i++)
		if (S_ISREG(t->files.v[i].st.st_mode) && !t->files.v[i].hard_link &&
		    t->where[i].layer == layer && !s->t->spooled[i])
			want(s, i);
	if (s->nr)
		qsort(s->v, s->nr, sizeof(*s->v), by_entry);
}

static int spool_from_layer(struct toc_tree *t, size_t file, struct err *e)
{
	uint32_t layer = t->t->where[file].layer;
	CLEANUP(spooling_release) struct spooling s = { .visitor.entry = spool_entry, .t = t };
	const struct oci_digest *digest = &t->layers->v[layer].digest;
	const struct entries_layer known = { t->layers->diff_ids ? &t->layers->diff_ids[layer]
								 : NULL,
					     t->layers->max_bytes };
	auto_blob struct oci_blob blob = { 0 };

	if (t->was_read[layer])
		want_all(&s, layer);
	else
		want(&s, file);
	if (oci_store_open(t->layers->blobs, digest, &blob, e) < 0 ||
	    entries_read(t->op, blob.source, &known, &s.visitor, e) < 0)
		return err_wrap(e, "layer %s", digest->text);
	if (s.next != s.nr)
		return err_set(e, ERR_CORRUPT, "layer %s: it has not what its table says",
			       digest->text);
	t->was_read[layer] = true;
	return 0;
}

static int spool(struct toc_tree *t, size_t file, struct err *e)
{
	if (t->spooled[file])
		return 0;
	if (t->spool_fd < 0)
		return err_set(e, ERR_IMPOSSIBLE, "there is no place for bytes of the image");
	for (size_t i = 0; i < t->t->nr_texts; i++)
		if (t->t->texts[i].file == file)
			return spool_text(t, &t->t->texts[i], e);
	if (t->t->where[file].layer >= t->layers->nr)
		return err_set(e, ERR_CORRUPT, "its layer is not there");
	return spool_from_layer(t, file, e);
}

static int toc_origin(struct tree *base, const char *path, struct tree_origin *out, struct err *e)
{
	struct toc_tree *t = self(base);
	const struct layer_changes *files = &t->t->files;
	const struct layer_change *c = layer_changes_find(files, path);

	if (c && c->hard_link)
		c = layer_changes_find(files, c->link);
	if (!c || !S_ISREG(c->st.st_mode))
		return err_set(e, ERR_ABSENT, "there is no file '/%s'", path);
	if (spool(t, (size_t)(c - files->v), e) < 0)
		return err_wrap(e, "read '/%s' of the image", path);
	*out = (struct tree_origin){ .dirfd = t->spool_fd,
				     .path = mem_printf("%zu", (size_t)(c - files->v)) };
	return 0;
}

static void toc_tree_free(struct tree *base)
{
	struct toc_tree *t = self(base);

	tree_free(t->list);
	fd_auto_close_(&t->spool_fd);
	free(t->spooled);
	free(t->was_read);
	free(t);
}

int toc_tree_open(struct tree **out, const struct toc *t, const struct op *op,
		  const struct toc_layers *layers, int spool_fd, struct err *e)
{
	static const struct tree_ops ops = {
		.look = toc_look, .list = toc_list, .origin = toc_origin, .free = toc_tree_free
	};
	int spool = spool_fd < 0 ? -1 : fcntl(spool_fd, F_DUPFD_CLOEXEC, 0);
	struct toc_tree *made;

	if (spool_fd >= 0 && spool < 0)
		return err_sys(e, "open the directory for bytes of the image");
	made = mem_zalloc(sizeof(*made));
	made->base.ops = &ops;
	made->list = tree_list_new(&t->files, -1);
	made->t = t;
	made->op = op;
	made->layers = layers;
	made->spool_fd = spool;
	made->spooled = mem_zalloc(t->files.nr + 1);
	made->was_read = mem_zalloc(layers->nr + 1);
	*out = &made->base;
	return 0;
}
