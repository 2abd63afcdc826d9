/*
 * Attributes first: they are at hand and nearly always decide. Equal ones prove nothing: a time
 * can be set to any value, and two writes within one tick of the clock have the same one. So
 * content has the last word; only files that a step touched without changing cost a reading.
 */
#include "oci/layer/compare.h"

#include <errno.h>
#include <fcntl.h>

#include "base/io.h"
#include "base/mem.h"

bool compare_attributes(const struct compare_side *a, const struct compare_side *b)
{
	const struct stat *x = a->st, *y = b->st;
	bool device = S_ISCHR(x->st_mode) || S_ISBLK(x->st_mode);

	return x->st_mode == y->st_mode && x->st_uid == y->st_uid && x->st_gid == y->st_gid &&
	       x->st_mtim.tv_sec == y->st_mtim.tv_sec && x->st_mtim.tv_nsec == y->st_mtim.tv_nsec &&
	       (!device || x->st_rdev == y->st_rdev) &&
	       (!S_ISREG(x->st_mode) || x->st_size == y->st_size) &&
	       a->marks->capability_len == b->marks->capability_len &&
	       memcmp(a->marks->capability, b->marks->capability, a->marks->capability_len) == 0;
}

static int same_target(const struct compare_side *a, const struct compare_side *b, struct err *e)
{
	char x[TAR_LINK_MAX], y[TAR_LINK_MAX];
	ssize_t n = readlinkat(a->dirfd, a->name, x, sizeof(x));
	ssize_t m = readlinkat(b->dirfd, b->name, y, sizeof(y));

	if (n < 0 || m < 0)
		return err_sys(e, "read link '%s'", a->name);
	return n == m && memcmp(x, y, (size_t)n) == 0;
}

/* Up to n bytes, fewer only at the end. */
static ssize_t read_piece(int fd, char *p, size_t n, const char *name, struct err *e)
{
	size_t got = 0;

	while (got < n) {
		ssize_t r = read(fd, p + got, n - got);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return err_sys(e, "read '%s'", name);
		if (!r)
			break;
		got += (size_t)r;
	}
	return (ssize_t)got;
}

static int same_content(const struct compare_side *a, const struct compare_side *b, struct err *e)
{
	const int flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC;
	auto_close int x = openat(a->dirfd, a->name, flags);
	auto_close int y = x < 0 ? -1 : openat(b->dirfd, b->name, flags);
	auto_free char *piece = mem_alloc(2 * IO_CHUNK);
	ssize_t n, m;

	if (x < 0 || y < 0)
		return err_sys(e, "open '%s'", a->name);
	do {
		n = read_piece(x, piece, IO_CHUNK, a->name, e);
		m = n < 0 ? -1 : read_piece(y, piece + IO_CHUNK, IO_CHUNK, b->name, e);
		if (m < 0)
			return -1;
		if (n != m || memcmp(piece, piece + IO_CHUNK, (size_t)n) != 0)
			return 0;
	} while (n);
	return 1;
}

int compare_entries(const struct compare_side *a, const struct compare_side *b, struct err *e)
{
	if (!compare_attributes(a, b))
		return 0;
	if (S_ISLNK(a->st->st_mode))
		return same_target(a, b, e);
	if (S_ISREG(a->st->st_mode) && a->st->st_size)
		return same_content(a, b, e);
	return 1;
}
