/*
 * copy_file_range shares blocks where the file system can and saves the way through our memory
 * where it cannot. It is refused across some file systems; then the bytes are read and written.
 */
#include "base/copy_data.h"

#include <errno.h>
#include <sys/xattr.h>

#include "base/cancel.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/span.h"

#define STEP_BYTES  (8u << 20) /* between two looks at the cancel flag */
#define PIECE_BYTES (256u << 10)
#define XATTR_MAX   (64u << 10)

struct copying {
	const struct op *op;
	int to, from;
	const char *name;
	bool by_hand;
	uint64_t done;
};

static bool is_refused(int sys)
{
	return sys == EXDEV || sys == EINVAL || sys == ENOSYS || sys == EOPNOTSUPP ||
	       sys == EPERM || sys == EBADF;
}

static ssize_t piece_by_hand(struct copying *c, off_t at, size_t n, struct err *e)
{
	auto_free char *piece = mem_alloc(PIECE_BYTES);
	ssize_t got;

	if (n > PIECE_BYTES)
		n = PIECE_BYTES;
	do
		got = pread(c->from, piece, n, at);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return err_sys(e, "read '%s'", c->name);
	if (lseek(c->to, at, SEEK_SET) < 0)
		return err_sys(e, "write '%s'", c->name);
	return fs_write_all(c->to, piece, (size_t)got, c->name, e) < 0 ? -1 : got;
}

/* How many bytes moved; 0 at the end of the file. */
static ssize_t piece(struct copying *c, off_t at, size_t n, struct err *e)
{
	off_t in = at, out = at;
	ssize_t got;

	if (c->by_hand)
		return piece_by_hand(c, at, n, e);
	do
		got = copy_file_range(c->from, &in, c->to, &out, n, 0);
	while (got < 0 && errno == EINTR);
	if (got >= 0)
		return got;
	if (!is_refused(errno))
		return err_sys(e, "write '%s'", c->name);
	c->by_hand = true;
	return piece_by_hand(c, at, n, e);
}

static int range(struct copying *c, off_t at, off_t end, struct err *e)
{
	while (at < end) {
		size_t n = end - at > STEP_BYTES ? STEP_BYTES : (size_t)(end - at);
		ssize_t got;

		if (cancel_check(c->op ? c->op->cancel : NULL, e) < 0)
			return -1;
		got = piece(c, at, n, e);
		if (got < 0)
			return -1;
		if (!got)
			return 0; /* shorter than it was: what is there is what is copied */
		at += got;
		c->done += (uint64_t)got;
	}
	return 0;
}

static int sparse(struct copying *c, off_t size, struct err *e)
{
	off_t at = 0;

	while (at < size) {
		off_t data = lseek(c->from, at, SEEK_DATA);
		off_t hole = data < 0 ? -1 : lseek(c->from, data, SEEK_HOLE);

		if (data < 0 && errno == ENXIO)
			break; /* a hole up to the end */
		if (hole < 0)
			return range(c, at, size, e); /* cannot tell: all of it */
		if (range(c, data, hole, e) < 0)
			return -1;
		at = hole;
	}
	c->done = (uint64_t)size;
	return ftruncate(c->to, size) < 0 ? err_sys(e, "write '%s'", c->name) : 0;
}

int copy_data(uint64_t *copied, const struct op *op, int to, int from, const struct stat *st,
	      const char *name, struct err *e)
{
	struct copying c = { .op = op, .to = to, .from = from, .name = name };
	bool has_holes = st->st_blocks < st->st_size / 512;
	int r = has_holes ? sparse(&c, st->st_size, e) : range(&c, 0, st->st_size, e);

	*copied = c.done;
	return r;
}

/* overlayfs keeps its own books in these; labels are given by the system. */
static bool is_systems(const char *name)
{
	static const char *const prefixes[] = { "trusted.overlay.", "user.overlay.",
						"security.selinux", "security.ima",
						"security.evm" };

	for (size_t i = 0; i < ARRAY_LEN(prefixes); i++)
		if (span_starts(span_of_str(name), prefixes[i]))
			return true;
	return false;
}

void copy_xattrs(int to, int from)
{
	ssize_t n = flistxattr(from, NULL, 0);
	auto_free char *names = NULL, *value = NULL;

	if (n <= 0 || n > (ssize_t)XATTR_MAX)
		return;
	names = mem_zalloc(XATTR_MAX + 1);
	value = mem_alloc(XATTR_MAX);
	n = flistxattr(from, names, XATTR_MAX);
	for (const char *name = names; n > 0 && name < names + n; name += strlen(name) + 1) {
		ssize_t len = is_systems(name) ? -1 : fgetxattr(from, name, value, XATTR_MAX);

		if (len >= 0 && fsetxattr(to, name, value, (size_t)len, 0) < 0)
			continue; /* not every file system has every attribute */
	}
}
