/*
 * Attributes first: they are at hand and nearly always decide. Equal ones prove nothing: a time
 * can be set to any value, and two writes within one tick of the clock have the same one. So
 * content has the last word; only files that a step touched without changing cost a reading.
 */
#include "oci/layer/compare.h"

#include <errno.h>

#include "base/io.h"
#include "base/mem.h"

static bool same_link(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

bool compare_attributes(const struct tree_node *a, const struct tree_node *b)
{
	const struct stat *x = &a->st, *y = &b->st;
	bool device = S_ISCHR(x->st_mode) || S_ISBLK(x->st_mode);

	return x->st_mode == y->st_mode && x->st_uid == y->st_uid && x->st_gid == y->st_gid &&
	       x->st_mtim.tv_sec == y->st_mtim.tv_sec && x->st_mtim.tv_nsec == y->st_mtim.tv_nsec &&
	       (!device || x->st_rdev == y->st_rdev) &&
	       (!S_ISREG(x->st_mode) || x->st_size == y->st_size) && same_link(a->link, b->link) &&
	       span_eq(a->capability, b->capability);
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

int compare_content(int a, int b, const char *path, struct err *e)
{
	auto_free char *piece = NULL;
	struct stat x, y;
	ssize_t n, m;

	if (fstat(a, &x) < 0 || fstat(b, &y) < 0)
		return err_sys(e, "look at '%s'", path);
	if (x.st_ino == y.st_ino && x.st_dev == y.st_dev)
		return 1;
	piece = mem_alloc(2 * IO_CHUNK);
	do {
		n = read_piece(a, piece, IO_CHUNK, path, e);
		m = n < 0 ? -1 : read_piece(b, piece + IO_CHUNK, IO_CHUNK, path, e);
		if (m < 0)
			return -1;
		if (n != m || memcmp(piece, piece + IO_CHUNK, (size_t)n) != 0)
			return 0;
	} while (n);
	return 1;
}
