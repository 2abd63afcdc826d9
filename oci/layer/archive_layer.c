/*
 * The bytes of a file go into a numbered file of the spool, and its number also marks the names that
 * are hard links of it: a link's target whose bytes lie in the spool is a file of this archive.
 *
 * A directory's time is set by its header, but putting things into it changes the time again: all
 * directories are put once more at the end, in the archive's order, so that the last header wins.
 */
#include "oci/layer/archive.h"

#include <errno.h>
#include <fcntl.h>

#include "base/cancel.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/progress.h"
#include "oci/layer/path.h"
#include "oci/layer/stream.h"

struct put_dir {
	char *path;
	struct stat st;
};

/* The tree as it looks from the destination, where links and ".." end. */
struct subtree {
	struct tree base;
	struct tree *whole;
	const char *root;
	struct buf path;
};

struct unpacker {
	struct layer_builder *b;
	const struct op *op;
	const struct archive_target *to;
	struct tar_reader *r;
	struct subtree sub;
	struct buf name;     /* of the entry, clean */
	char *dir, *real;    /* the last directory as it was named, and where that is */
	uint64_t same_start; /* what stood in to->same */
	uint64_t nr_files;
	unsigned left_out;
	struct put_dir *dirs;
	size_t nr, cap;
};

static void unpacker_release(struct unpacker *u)
{
	for (size_t i = 0; i < u->nr; i++)
		free(u->dirs[i].path);
	free(u->dirs);
	free(u->dir);
	free(u->real);
	buf_release(&u->name);
	buf_release(&u->sub.path);
}

/* -- names ----------------------------------------------------------------------- */

static const char *below(struct subtree *s, const char *path)
{
	buf_reset(&s->path);
	buf_add_str(&s->path, s->root);
	if (*s->root && *path)
		buf_add_char(&s->path, '/');
	buf_add_str(&s->path, path);
	return buf_str(&s->path);
}

static int subtree_look(struct tree *t, const char *path, struct tree_node *out, struct err *e)
{
	struct subtree *s = CONTAINER_OF(t, struct subtree, base);

	return tree_look(s->whole, below(s, path), out, e);
}

static const struct tree_ops subtree_ops = { .look = subtree_look };

/* As text: no leading '/', no "." and no ".." left; those that would lead out are dropped, as docker
 * and tar do. "": the root. */
static int clean_name(struct buf *out, const char *text, struct err *e)
{
	auto_free char *rooted = NULL, *clean = NULL;
	struct span rest, part;

	if (strlen(text) > LAYER_PATH_MAX)
		return err_set(e, ERR_INPUT, "name '%.60s…' is longer than %d bytes", text,
			       LAYER_PATH_MAX);
	rooted = mem_printf("/%s", text);
	clean = fs_path_clean(rooted);
	rest = span_of_str(clean + 1);
	buf_reset(out);
	buf_add_str(out, "");
	while (span_split(&rest, '/', &part))
		if (span_starts(part, LAYER_WHITEOUT))
			return err_set(e, ERR_INPUT, "'%.200s': no name may begin with '.wh.'",
				       text);
	buf_add_str(out, clean + 1);
	return 0;
}

static void forget_dir(struct unpacker *u)
{
	free(STEAL(&u->dir));
	free(STEAL(&u->real));
}

/* Where the directory dir of the archive is, in the whole tree; made when `make`. u->real. */
static int find_dir(struct unpacker *u, struct span dir, bool make, struct err *e)
{
	static const struct layer_file implied = { .st = { .st_mode = S_IFDIR | 0755 } };
	auto_tree_place struct tree_place at = { 0 };
	auto_free char *text = span_dup(dir);

	if (u->dir && strcmp(u->dir, text) == 0)
		return 0;
	forget_dir(u);
	if (tree_resolve(&at, &u->sub.base, text, e) < 0)
		return -1;
	if (at.exists && !S_ISDIR(at.st.st_mode))
		return err_set(e, ERR_INPUT, "'%s' is not a directory", text);
	u->real = mem_strdup(below(&u->sub, at.path));
	if (!at.exists && make && layer_builder_make_dirs(u->b, u->real, &implied, e) < 0)
		return -1;
	if (at.exists || make)
		u->dir = STEAL(&text);
	return 0;
}

/* The entry's path in the whole tree; its last name is not followed. Owned by the caller. */
static char *place_of(struct unpacker *u, const char *name, bool make, struct err *e)
{
	const char *last = layer_path_last(name);

	if (find_dir(u, span_of(name, last == name ? 0 : (size_t)(last - name - 1)), make, e) < 0)
		return NULL;
	return *u->real ? mem_printf("%s/%s", u->real, last) : mem_strdup(last);
}

/* -- entries ---------------------------------------------------------------------- */

static int write_bytes(struct unpacker *u, int fd, const struct tar_entry *ent, struct err *e)
{
	uint64_t pos = 0, at;
	struct span piece;
	int r;

	if (ent->size_bytes > ARCHIVE_FILE_MAX)
		return err_set(e, ERR_INPUT, "it says it has %ju bytes",
			       (uintmax_t)ent->size_bytes);
	while ((r = tar_reader_data(u->r, &piece, &at, e)) > 0) {
		if (cancel_check(u->op->cancel, e) < 0)
			return -1;
		if (at > ent->size_bytes || piece.n > ent->size_bytes - at)
			return err_set(e, ERR_CORRUPT, "it has more bytes than its header says");
		if (at != pos && lseek(fd, (off_t)at, SEEK_SET) < 0)
			return err_sys(e, "write");
		if (fs_write_all(fd, piece.p, piece.n, "content", e) < 0)
			return -1;
		pos = at + piece.n;
	}
	/* a hole at the end */
	if (r == 0 && pos < ent->size_bytes && ftruncate(fd, (off_t)ent->size_bytes) < 0)
		return err_sys(e, "set its size");
	return r;
}

static int spool(struct unpacker *u, struct layer_file *f, const struct tar_entry *ent,
		 struct err *e)
{
	auto_free char *name = mem_printf("%ju", (uintmax_t)u->nr_files);
	auto_close int fd = openat(u->to->spool_fd, name,
				   O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_sys(e, "create a file for its bytes");
	if (write_bytes(u, fd, ent, e) < 0)
		return -1;
	if (close(fd_steal(&fd)) < 0)
		return err_sys(e, "close");
	f->origin = (struct tree_origin){ .dirfd = u->to->spool_fd, .path = STEAL(&name) };
	f->same = u->same_start + ++u->nr_files;
	return 0;
}

static void take_attributes(struct layer_file *f, const struct unpacker *u,
			    const struct tar_entry *ent)
{
	static const mode_t types[] = {
		[TAR_FILE] = S_IFREG, [TAR_SYMLINK] = S_IFLNK, [TAR_DIR] = S_IFDIR
	};

	f->st.st_mode = types[ent->type] | (ent->type == TAR_SYMLINK ? 0777 : ent->mode);
	f->st.st_uid = u->to->has_owner ? u->to->uid : ent->uid;
	f->st.st_gid = u->to->has_owner ? u->to->gid : ent->gid;
	f->st.st_size = (off_t)ent->size_bytes;
	if (ent->mtime >= 0)
		f->st.st_mtim =
			(struct timespec){ .tv_sec = ent->mtime, .tv_nsec = ent->mtime_nsec };
	f->capability = ent->capability;
	f->link = ent->link;
}

static int put_file(struct unpacker *u, const char *path, const struct tar_entry *ent,
		    struct err *e)
{
	struct layer_file f = { .origin = { .dirfd = -1 } };
	int r;

	take_attributes(&f, u, ent);
	if (spool(u, &f, ent, e) < 0)
		return -1;
	r = layer_builder_put(u->b, path, &f, e);
	tree_origin_release(&f.origin);
	return r;
}

static int put_dir(struct unpacker *u, const char *path, const struct tar_entry *ent, struct err *e)
{
	struct layer_file f = { .origin = { .dirfd = -1 } };

	take_attributes(&f, u, ent);
	f.capability = span_of(NULL, 0);
	MEM_GROW(u->dirs, u->nr, u->cap);
	u->dirs[u->nr++] = (struct put_dir){ .path = mem_strdup(path), .st = f.st };
	return layer_builder_put(u->b, path, &f, e);
}

static int put_symlink(struct unpacker *u, const char *path, const struct tar_entry *ent,
		       struct err *e)
{
	struct layer_file f = { .origin = { .dirfd = -1 } };

	if (!*ent->link)
		return err_set(e, ERR_CORRUPT, "a link to nothing");
	take_attributes(&f, u, ent);
	f.capability = span_of(NULL, 0);
	forget_dir(u);
	return layer_builder_put(u->b, path, &f, e);
}

/* -- hard links -------------------------------------------------------------------- */

/* The mark of a file by its bytes' name in the spool; 0: they are elsewhere. */
static uint64_t mark_of(const struct unpacker *u, const struct tree_origin *o)
{
	uint64_t n;

	if (o->dirfd != u->to->spool_fd || span_to_u64(&n, span_of_str(o->path)) < 0)
		return 0;
	return u->same_start + n + 1;
}

/* A file that was there before the archive: it becomes part of the layer, as its new name does. */
static int adopt(struct unpacker *u, const char *target, struct layer_file *f, struct err *e)
{
	f->same = u->same_start + ++u->nr_files;
	if (u->to->has_owner) {
		f->st.st_uid = u->to->uid;
		f->st.st_gid = u->to->gid;
	}
	return layer_builder_put(u->b, target, f, e);
}

static int link_file(struct unpacker *u, const char *target, const char *path, struct err *e)
{
	struct layer_file f = { .origin = { .dirfd = -1 } };
	auto_tree_origin struct tree_origin origin = { .dirfd = -1 };
	auto_free char *capability = NULL;
	struct tree *tree = layer_builder_tree(u->b);
	struct tree_node node;

	if (tree_look(tree, target, &node, e) < 0)
		return -1;
	capability = span_dup(node.capability);
	f.st = node.st;
	f.capability = span_of(capability, node.capability.n);
	if (tree_origin(tree, target, &origin, e) < 0)
		return -1;
	f.origin = origin;
	f.same = mark_of(u, &origin);
	if (!f.same && adopt(u, target, &f, e) < 0)
		return -1;
	return layer_builder_put(u->b, path, &f, e);
}

/* A link to a link is one of its own with the same text. */
static int link_symlink(struct unpacker *u, const struct tree_node *node, const char *path,
			struct err *e)
{
	auto_free char *text = mem_strdup(node->link);
	const struct layer_file f = { .st = node->st, .link = text, .origin = { .dirfd = -1 } };

	forget_dir(u);
	return layer_builder_put(u->b, path, &f, e);
}

/* 1: target can be linked to; it is no directory and not the name itself. */
static int find_target(struct unpacker *u, char **target, struct tree_node *node, const char *path,
		       const struct tar_entry *ent, struct err *e)
{
	auto_buf struct buf name = BUF_INIT(LAYER_PATH_MAX + 1);
	int there;

	if (clean_name(&name, ent->link, e) < 0)
		return -1;
	if (name.len)
		*target = place_of(u, buf_str(&name), false, e);
	if (name.len && !*target)
		return -1;
	there = *target ? tree_look(layer_builder_tree(u->b), *target, node, e) : 0;
	if (there < 0)
		return -1;
	if (!there || S_ISDIR(node->st.st_mode) || strcmp(*target, path) == 0)
		return err_set(e, ERR_INPUT, "a hard link to '%.200s', which is no file in here",
			       ent->link);
	return 0;
}

/* -- one entry --------------------------------------------------------------------- */

/* What is there goes, unless both are directories. */
static int make_room(struct unpacker *u, const char *path, enum tar_type type, struct err *e)
{
	struct tree_node node;
	int there = tree_look(layer_builder_tree(u->b), path, &node, e);

	if (there <= 0)
		return there;
	if (S_ISDIR(node.st.st_mode) && type == TAR_DIR)
		return 0;
	forget_dir(u);
	return layer_builder_remove(u->b, path, e);
}

static int put_hard_link(struct unpacker *u, const char *path, const struct tar_entry *ent,
			 struct err *e)
{
	auto_free char *target = NULL;
	struct tree_node node;

	if (find_target(u, &target, &node, path, ent, e) < 0 ||
	    make_room(u, path, ent->type, e) < 0)
		return -1;
	/* what made room may have been a directory with the target in it */
	if (tree_look(layer_builder_tree(u->b), target, &node, e) <= 0)
		return e->kind ? -1
			       : err_set(e, ERR_INPUT, "a hard link to what it replaces itself");
	if (S_ISLNK(node.st.st_mode))
		return link_symlink(u, &node, path, e);
	if (!S_ISREG(node.st.st_mode))
		return err_set(e, ERR_INPUT, "a hard link to '%.200s', which is no file",
			       ent->link);
	return link_file(u, target, path, e);
}

static int put_entry(struct unpacker *u, const struct tar_entry *ent, struct err *e)
{
	auto_free char *path = place_of(u, buf_str(&u->name), true, e);

	if (!path)
		return -1;
	if (ent->type == TAR_HARD_LINK)
		return put_hard_link(u, path, ent, e);
	if (make_room(u, path, ent->type, e) < 0)
		return -1;
	switch (ent->type) {
	case TAR_FILE:
		return put_file(u, path, ent, e);
	case TAR_DIR:
		return put_dir(u, path, ent, e);
	default:
		return put_symlink(u, path, ent, e);
	}
}

static int unpack_entry(struct unpacker *u, const struct tar_entry *ent, struct err *e)
{
	if (clean_name(&u->name, ent->path, e) < 0)
		return -1;
	if (!u->name.len) /* the destination is its owner's own */
		return 0;
	if (ent->type == TAR_CHAR || ent->type == TAR_BLOCK || ent->type == TAR_FIFO) {
		log_info(u->op, "'%s' is a device or a fifo: left out", buf_str(&u->name));
		u->left_out++;
		return 0;
	}
	return put_entry(u, ent, e) < 0 ? err_wrap(e, "'%s'", buf_str(&u->name)) : 0;
}

/* -- all of it --------------------------------------------------------------------- */

static int set_dir_times(struct unpacker *u, struct err *e)
{
	for (size_t i = 0; i < u->nr; i++) {
		const struct layer_file f = { .st = u->dirs[i].st, .origin = { .dirfd = -1 } };
		struct tree_node node;
		int there = tree_look(layer_builder_tree(u->b), u->dirs[i].path, &node, e);

		if (there < 0)
			return -1;
		/* replaced later on */
		if (!there || !S_ISDIR(node.st.st_mode))
			continue;
		if (layer_builder_put(u->b, u->dirs[i].path, &f, e) < 0)
			return -1;
	}
	return 0;
}

static int unpack_all(struct unpacker *u, struct err *e)
{
	struct tar_entry ent;
	int more;

	for (unsigned n = 0; (more = tar_reader_next(u->r, &ent, e)) > 0; n++) {
		if (cancel_check(u->op->cancel, e) < 0)
			return -1;
		if (n == ARCHIVE_ENTRIES_MAX)
			return err_set(e, ERR_INPUT, "it has more than %u entries", n);
		if (unpack_entry(u, &ent, e) < 0)
			return -1;
	}
	if (more < 0 || set_dir_times(u, e) < 0)
		return -1;
	if (u->left_out)
		progress_warn(u->op->progress, "%u devices or fifos in an archive are left out",
			      u->left_out);
	return 0;
}

int archive_unpack(struct layer_builder *b, const struct op *op, struct source *in,
		   const struct archive_target *to, struct err *e)
{
	auto_layer_stream struct layer_stream stream = { .has_gunzip = false };
	auto_tar_reader struct tar_reader *r = NULL;
	struct unpacker u = {
		.b = b,
		.op = op,
		.to = to,
		.sub = { .base.ops = &subtree_ops,
			 .whole = layer_builder_tree(b),
			 .root = to->dest,
			 .path = BUF_INIT(1u << 20) },
		.name = BUF_INIT(LAYER_PATH_MAX + 1),
		.same_start = *to->same,
	};
	int result;

	if (layer_stream_open(&stream, in, e) < 0 || tar_reader_open(&r, stream.tar, e) < 0)
		return -1;
	u.r = r;
	result = unpack_all(&u, e);
	*to->same += u.nr_files;
	unpacker_release(&u);
	return result;
}
