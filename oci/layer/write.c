/*
 * One change is one entry, except an opaque directory, which is followed by its mark.
 * Files are read once, in large pieces. The header has promised a size by then: exactly that
 * many bytes must be there, or the layer fails.
 */
#include "oci/layer/write.h"

#include <errno.h>
#include <sys/sysmacros.h>

#include "base/cancel.h"
#include "base/fs.h"
#include "base/mem.h"
#include "oci/layer/path.h"
#include "oci/layer/tar.h"

struct writer {
	const struct op *op;
	int tree_fd;
	struct sink *out;
	const struct layer_write_options *opt;
	struct buf name;
	char *piece;
};

static void writer_release(struct writer *w)
{
	buf_release(&w->name);
	free(w->piece);
}

/* A deletion has no time, not even SOURCE_DATE_EPOCH: so do all builders. */
static int write_mark(struct writer *w, struct err *e)
{
	struct tar_entry ent = { .type = TAR_FILE, .path = buf_str(&w->name) };

	return tar_write_header(w->out, &ent, e);
}

static enum tar_type type_of(const struct layer_change *c)
{
	if (c->hard_link)
		return TAR_HARD_LINK;
	switch (c->st.st_mode & S_IFMT) {
	case S_IFDIR:
		return TAR_DIR;
	case S_IFLNK:
		return TAR_SYMLINK;
	case S_IFCHR:
		return TAR_CHAR;
	case S_IFBLK:
		return TAR_BLOCK;
	case S_IFIFO:
		return TAR_FIFO;
	default:
		return TAR_FILE;
	}
}

static int write_header(struct writer *w, const struct layer_change *c, struct err *e)
{
	struct tar_entry ent = {
		.type = type_of(c),
		.path = c->path,
		.link = c->link,
		.mode = c->st.st_mode & 07777,
		.uid = c->st.st_uid,
		.gid = c->st.st_gid,
		/* tv_nsec counts up from tv_sec, also before 1970: dropping it rounds down */
		.mtime = c->st.st_mtim.tv_sec,
	};

	if (ent.type == TAR_FILE)
		ent.size_bytes = (uint64_t)c->st.st_size;
	if (ent.type == TAR_CHAR || ent.type == TAR_BLOCK) {
		ent.dev_major = major(c->st.st_rdev);
		ent.dev_minor = minor(c->st.st_rdev);
	}
	if (w->opt && w->opt->has_epoch && ent.mtime > w->opt->epoch)
		ent.mtime = w->opt->epoch;
	if (!c->hard_link)
		ent.capability = span_of(c->capability, c->capability_len);
	return tar_write_header(w->out, &ent, e);
}

static int changed_meanwhile(const struct layer_change *c, struct err *e)
{
	return err_set(e, ERR_FAILED, "'%s' changed while it was read", c->path);
}

static ssize_t read_some(int fd, char *p, size_t want, struct err *e)
{
	ssize_t n;

	do
		n = read(fd, p, want);
	while (n < 0 && errno == EINTR);
	return n < 0 ? err_sys(e, "read") : n;
}

static int write_zeros(struct writer *w, uint64_t n, struct err *e)
{
	memset(w->piece, 0, TAR_PIECE);
	while (n) {
		size_t some = n < TAR_PIECE ? (size_t)n : TAR_PIECE;

		if (cancel_check(w->op ? w->op->cancel : NULL, e) < 0 ||
		    sink_write(w->out, w->piece, some, e) < 0)
			return -1;
		n -= some;
	}
	return 0;
}

/* Passes over a hole that begins here: reading it would fill the page cache with zeros. fd stands
 * behind it afterwards. */
static int write_hole(struct writer *w, const struct layer_change *c, int fd, uint64_t *left,
		      struct err *e)
{
	off_t size = c->st.st_size, at = size - (off_t)*left, data = lseek(fd, at, SEEK_DATA);
	uint64_t n;

	if (data < 0 && errno == ENXIO) { /* no data behind */
		data = lseek(fd, 0, SEEK_END);
		if (data != size)
			return changed_meanwhile(c, e);
	}
	if (data <= at)
		return 0;
	n = data < size ? (uint64_t)(data - at) : *left;
	*left -= n;
	return write_zeros(w, n, e);
}

static int write_content(struct writer *w, const struct layer_change *c, int fd, struct err *e)
{
	uint64_t size = (uint64_t)c->st.st_size, left = size;
	size_t want;
	ssize_t n;

	/* one byte more than there should be: a file that gave less is at its end, without one more
	 * call for each of many small files */
	do {
		if (cancel_check(w->op ? w->op->cancel : NULL, e) < 0)
			return -1;
		/* a small file is read as quickly */
		if (left > TAR_PIECE && write_hole(w, c, fd, &left, e) < 0)
			return -1;
		want = left < TAR_PIECE ? (size_t)left + 1 : TAR_PIECE;
		n = read_some(fd, w->piece, want, e);
		if (n < 0)
			return err_wrap(e, "'%s'", c->path);
		if ((uint64_t)n > left || (!n && left))
			return changed_meanwhile(c, e);
		if (n && sink_write(w->out, w->piece, (size_t)n, e) < 0)
			return -1;
		left -= (uint64_t)n;
	} while (left || (size_t)n == want);
	return tar_write_padding(w->out, size, e);
}

static int write_file(struct writer *w, const struct layer_change *c, struct err *e)
{
	auto_close int fd = fs_open_beneath(c->origin_path ? c->origin_fd : w->tree_fd,
					    c->origin_path ? c->origin_path : c->path,
					    O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, FS_NO_LINKS, e);

	if (fd < 0 || write_header(w, c, e) < 0)
		return -1;
	return write_content(w, c, fd, e);
}

static int write_change(struct writer *w, const struct layer_change *c, struct err *e)
{
	if (c->kind == LAYER_DELETED) {
		layer_whiteout_path(&w->name, c->path);
		return write_mark(w, e);
	}
	if (S_ISREG(c->st.st_mode) && !c->hard_link)
		return write_file(w, c, e);
	if (write_header(w, c, e) < 0)
		return -1;
	if (c->kind != LAYER_OPAQUE)
		return 0;
	buf_reset(&w->name);
	buf_addf(&w->name, "%s/%s", c->path, LAYER_OPAQUE_MARK);
	return write_mark(w, e);
}

int layer_write_from(const struct op *op, struct layer_change_reader *from, int tree_fd,
		     struct sink *out, const struct layer_write_options *opt, struct err *e)
{
	const struct layer_change *c;
	CLEANUP(writer_release)
	struct writer w = {
		.op = op,
		.tree_fd = tree_fd,
		.out = out,
		.opt = opt,
		.name = BUF_INIT(LAYER_PATH_MAX + 64),
		.piece = mem_alloc(TAR_PIECE),
	};

	while ((c = from->next(from)))
		if (write_change(&w, c, e) < 0)
			return err_wrap(e, "write the layer");
	return tar_write_end(out, e);
}

int layer_write(const struct op *op, const struct layer_changes *c, int tree_fd, struct sink *out,
		const struct layer_write_options *opt, struct err *e)
{
	struct layer_changes_reader r;

	return layer_write_from(op, layer_changes_read(&r, c), tree_fd, out, opt, e);
}
