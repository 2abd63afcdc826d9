/*
 * Entries come in order, so a directory is found by its path in the list that is there by then. What is
 * read is only used when the whole of it was right: the caller throws the directory away otherwise.
 */
#include "oci/layer/list_read.h"

#include <fcntl.h>
#include <sys/sysmacros.h>

#include "base/mem.h"
#include "oci/layer/entries.h"
#include "oci/layer/path.h"
#include "oci/layer/tree_list.h"

struct reading {
	struct entry_visitor visitor;
	const struct op *op;
	struct layer_changes list;
	int spool_fd;
	uint64_t bytes; /* of paths and links */
	struct buf path, target;
};

static void reading_release(struct reading *r)
{
	layer_changes_release(&r->list);
	buf_release(&r->path);
	buf_release(&r->target);
}

/* -- places ----------------------------------------------------------------------------- */

/* The entry of a directory that is in the layer. */
static struct layer_change *find(struct reading *r, struct span path)
{
	auto_free char *text = span_dup(path);
	const struct layer_change *c = layer_changes_find(&r->list, text);

	return c ? &r->list.v[c - r->list.v] : NULL;
}

static bool is_dir(const struct layer_change *c)
{
	return c && c->kind != LAYER_DELETED && S_ISDIR(c->st.st_mode);
}

static int check_place(struct reading *r, const char *path, struct err *e)
{
	struct span dir = layer_path_dir(path);

	if (r->list.nr && layer_path_compare(r->list.v[r->list.nr - 1].path, path) >= 0)
		return err_set(e, ERR_CORRUPT, "it stands behind '%s'",
			       r->list.v[r->list.nr - 1].path);
	if (dir.n && !is_dir(find(r, dir)))
		return err_set(e, ERR_CORRUPT, "its directory is not in the layer");
	return 0;
}

static int add(struct reading *r, enum layer_change_kind kind, const char *path, struct err *e)
{
	r->bytes += strlen(path);
	if (check_place(r, path, e) < 0)
		return -1;
	if (r->bytes > LIST_BYTES_MAX)
		return err_set(e, ERR_CORRUPT, "names of more than %ju bytes",
			       (uintmax_t)LIST_BYTES_MAX);
	MEM_GROW(r->list.v, r->list.nr, r->list.cap);
	r->list.v[r->list.nr++] =
		(struct layer_change){ .kind = kind, .path = mem_strdup(path), .origin_fd = -1 };
	return 0;
}

/* -- deletions -------------------------------------------------------------------------- */

static int add_whiteout(struct reading *r, enum layer_whiteout kind, const char *hidden,
			struct err *e)
{
	struct span dir = layer_path_dir(buf_str(&r->path));
	struct layer_change *at;

	if (kind == WHITEOUT_NAME) {
		auto_free char *path = dir.n ? mem_printf("%.*s/%s", (int)dir.n, dir.p, hidden)
					     : mem_strdup(hidden);

		return add(r, LAYER_DELETED, path, e);
	}
	at = kind == WHITEOUT_OPAQUE ? find(r, dir) : NULL;
	if (!at || at != &r->list.v[r->list.nr - 1] || !is_dir(at))
		return err_set(e, ERR_CORRUPT, "a whiteout in a place where none can be");
	at->kind = LAYER_OPAQUE;
	return 0;
}

/* -- entries ----------------------------------------------------------------------------- */

static int read_bytes(struct reading *r, struct layer_change *c, const struct tar_entry *ent,
		      struct tar_reader *from, struct err *e)
{
	auto_free char *name = mem_printf("%zu", (size_t)(c - r->list.v));
	auto_close int fd = openat(r->spool_fd, name,
				   O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_sys(e, "create a file for its bytes");
	if (entries_write_data(r->op, fd, ent, from, NULL, e) < 0)
		return -1;
	if (close(fd_steal(&fd)) < 0)
		return err_sys(e, "write its bytes");
	c->origin_fd = r->spool_fd;
	c->origin_path = STEAL(&name);
	r->list.bytes += ent->size_bytes;
	return 0;
}

static int set_hard_link(struct reading *r, struct layer_change *c, const char *link, struct err *e)
{
	const struct layer_change *first;

	if (layer_path_clean(&r->target, link, e) < 0)
		return -1;
	first = find(r, buf_span(&r->target));
	if (!first || first == c || first->kind != LAYER_ENTRY || first->hard_link ||
	    S_ISDIR(first->st.st_mode))
		return err_set(e, ERR_CORRUPT, "a link to '%s', which is no file before it", link);
	c->st = first->st;
	c->hard_link = true;
	c->link = mem_strdup(buf_str(&r->target));
	r->bytes += r->target.len;
	return 0;
}

static mode_t type_of(enum tar_type type)
{
	switch (type) {
	case TAR_DIR:
		return S_IFDIR;
	case TAR_SYMLINK:
		return S_IFLNK;
	case TAR_CHAR:
		return S_IFCHR;
	case TAR_BLOCK:
		return S_IFBLK;
	case TAR_FIFO:
		return S_IFIFO;
	case TAR_FILE:
	case TAR_HARD_LINK:
		break;
	}
	return S_IFREG;
}

static void set_stat(struct layer_change *c, const struct tar_entry *ent, size_t number)
{
	c->st.st_mode = type_of(ent->type) | (ent->type == TAR_SYMLINK ? 0777 : ent->mode);
	c->st.st_uid = ent->uid;
	c->st.st_gid = ent->gid;
	c->st.st_mtim.tv_sec = ent->mtime;
	c->st.st_nlink = 1;
	c->st.st_ino = number;
	if (ent->type == TAR_CHAR || ent->type == TAR_BLOCK)
		c->st.st_rdev = makedev(ent->dev_major, ent->dev_minor);
	if (ent->type == TAR_FILE)
		c->st.st_size = (off_t)ent->size_bytes;
	if (ent->capability.n) {
		c->capability = mem_alloc(ent->capability.n);
		memcpy(c->capability, ent->capability.p, ent->capability.n);
		c->capability_len = ent->capability.n;
	}
}

static int fill(struct reading *r, const struct tar_entry *ent, struct tar_reader *from,
		struct err *e)
{
	struct layer_change *c = &r->list.v[r->list.nr - 1];

	if (ent->type == TAR_HARD_LINK)
		return set_hard_link(r, c, ent->link, e);
	if (ent->type == TAR_CHAR && !ent->dev_major && !ent->dev_minor)
		return err_set(e, ERR_CORRUPT, "a device 0:0 cannot be in a layer");
	if (ent->type == TAR_SYMLINK && !*ent->link)
		return err_set(e, ERR_CORRUPT, "a link to nothing");
	set_stat(c, ent, r->list.nr);
	if (ent->type == TAR_SYMLINK) {
		c->link = mem_strdup(ent->link);
		c->st.st_size = (off_t)strlen(ent->link);
		r->bytes += strlen(ent->link);
	}
	return ent->type == TAR_FILE ? read_bytes(r, c, ent, from, e) : 0;
}

static int read_cleaned(struct reading *r, const struct tar_entry *ent, struct tar_reader *from,
			struct err *e)
{
	const char *path = buf_str(&r->path), *hidden = NULL;
	enum layer_whiteout kind;

	if (!r->path.len)
		return err_set(e, ERR_CORRUPT, "an entry of the root");
	kind = layer_whiteout_of(layer_path_last(path), &hidden);
	if (kind != WHITEOUT_NONE)
		return add_whiteout(r, kind, hidden, e);
	return add(r, LAYER_ENTRY, path, e) < 0 ? -1 : fill(r, ent, from, e);
}

static int read_entry(struct entry_visitor *v, const struct tar_entry *ent, struct tar_reader *from,
		      struct err *e)
{
	struct reading *r = CONTAINER_OF(v, struct reading, visitor);

	if (layer_path_clean(&r->path, ent->path, e) < 0 || read_cleaned(r, ent, from, e) < 0)
		return err_wrap(e, "'%s'", ent->path);
	return 0;
}

/* -- names of one file --------------------------------------------------------------------- */

/* Each name says how many there are, as on a disk. */
static void count_names(struct layer_changes *c)
{
	for (size_t i = 0; i < c->nr; i++)
		if (c->v[i].hard_link)
			c->v[layer_changes_find(c, c->v[i].link) - c->v].st.st_nlink++;
	for (size_t i = 0; i < c->nr; i++)
		if (c->v[i].hard_link)
			c->v[i].st.st_nlink =
				c->v[layer_changes_find(c, c->v[i].link) - c->v].st.st_nlink;
}

int layer_list_read(struct layer_changes *out, const struct op *op, struct source *blob,
		    const struct oci_digest *diff_id, int spool_fd, struct err *e)
{
	CLEANUP(reading_release)
	struct reading r = { .visitor.entry = read_entry,
			     .op = op,
			     .spool_fd = spool_fd,
			     .path = BUF_INIT(LAYER_PATH_MAX + 1),
			     .target = BUF_INIT(LAYER_PATH_MAX + 1) };

	const struct entries_layer layer = { .diff_id = diff_id };

	if (entries_read(op, blob, &layer, &r.visitor, e) < 0)
		return -1;
	count_names(&r.list);
	*out = r.list;
	r.list = (struct layer_changes){ 0 };
	return 0;
}
