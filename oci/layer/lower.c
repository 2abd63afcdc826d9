/*
 * For every part of the open directory's path there is a level: the layers in
 * which that directory takes part. Going down, a layer drops out when it has no such name;
 * all below one drop out when it has a whiteout, something that is not a
 * directory, or an opaque directory. Only the last level is held open, so descriptors are as many
 * as there are layers, however deep the tree.
 */
#include "oci/layer/lower.h"

#include <errno.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/span.h"
#include "oci/layer/marks.h"
#include "oci/layer/path.h"

struct lower_level {
	size_t *layers; /* indices into fds, topmost first */
	size_t nr;
	size_t path_len; /* of the directory's path; 0: the root */
};

static void level_release(struct lower_level *v)
{
	free(v->layers);
	*v = (struct lower_level){ 0 };
}

static void close_dir(struct lower *l)
{
	for (size_t i = 0; i < l->nr_open; i++)
		close(l->open[i]);
	l->nr_open = 0;
	free(l->dir);
	l->dir = NULL;
}

static void drop_levels(struct lower *l, size_t keep)
{
	while (l->nr_levels > keep)
		level_release(&l->levels[--l->nr_levels]);
}

void lower_init(struct lower *l, const int *fds, size_t nr)
{
	*l = (struct lower){ .fds = fds, .nr = nr };
	if (nr)
		l->open = mem_resize(NULL, nr, sizeof(*l->open));
}

void lower_release(struct lower *l)
{
	close_dir(l);
	drop_levels(l, 0);
	free(l->levels);
	free(l->open);
	*l = (struct lower){ 0 };
}

enum seen { SEEN_ABSENT, SEEN_HERE, SEEN_HERE_LAST, SEEN_END };

/* What one layer says about dir; all parts before the last are directories there. */
static int see_dir(struct lower *l, size_t layer, const char *dir, struct err *e)
{
	auto_close int fd =
		fs_open_beneath(l->fds[layer], dir, O_PATH | O_NOFOLLOW, 0, FS_NO_LINKS, e);
	struct marks m;
	struct stat st;

	if (fd < 0)
		return e->sys == ENOENT ? SEEN_ABSENT : -1;
	if (fstat(fd, &st) < 0)
		return err_sys(e, "look at '%s'", dir);
	if (!S_ISDIR(st.st_mode)) /* a whiteout, too */
		return SEEN_END;
	if (marks_read(&m, fd, ".", &st, e) < 0)
		return -1;
	return m.opaque ? SEEN_HERE_LAST : SEEN_HERE;
}

static void push_root(struct lower *l)
{
	struct lower_level v = { .nr = l->nr };

	v.layers = mem_resize(NULL, l->nr ? l->nr : 1, sizeof(*v.layers));
	for (size_t i = 0; i < l->nr; i++)
		v.layers[i] = i;
	MEM_GROW(l->levels, l->nr_levels, l->cap_levels);
	l->levels[l->nr_levels++] = v;
}

static int push_level(struct lower *l, const char *dir, struct err *e)
{
	const struct lower_level *above = &l->levels[l->nr_levels - 1];
	struct lower_level v = { .path_len = strlen(dir) };
	int seen = SEEN_ABSENT;

	v.layers = mem_resize(NULL, above->nr ? above->nr : 1, sizeof(*v.layers));
	for (size_t i = 0; i < above->nr && seen < SEEN_HERE_LAST; i++) {
		seen = see_dir(l, above->layers[i], dir, e);
		if (seen < 0) {
			level_release(&v);
			return -1;
		}
		if (seen == SEEN_HERE || seen == SEEN_HERE_LAST)
			v.layers[v.nr++] = above->layers[i];
	}
	MEM_GROW(l->levels, l->nr_levels, l->cap_levels);
	l->levels[l->nr_levels++] = v;
	return 0;
}

/* How many levels of the open directory are also above the new one. */
static size_t common_levels(const struct lower *l, struct span dir)
{
	size_t n = l->nr_levels;

	for (; n > 1; n--) {
		size_t len = l->levels[n - 1].path_len;

		if (len <= dir.n && memcmp(l->dir, dir.p, len) == 0 &&
		    (len == dir.n || dir.p[len] == '/'))
			break;
	}
	return n;
}

static int open_level(struct lower *l, struct err *e)
{
	const struct lower_level *v = &l->levels[l->nr_levels - 1];

	for (size_t i = 0; i < v->nr; i++) {
		int fd = fs_open_beneath(l->fds[v->layers[i]], l->dir, O_PATH | O_DIRECTORY, 0,
					 FS_NO_LINKS, e);

		if (fd < 0)
			return -1;
		l->open[l->nr_open++] = fd;
	}
	return 0;
}

/* All parts of dir that are not levels yet. */
static int push_parts(struct lower *l, char *dir, struct err *e)
{
	size_t len = strlen(dir);

	while (l->levels[l->nr_levels - 1].path_len < len) {
		size_t at = l->levels[l->nr_levels - 1].path_len;
		char after;
		int r;

		at += at ? 1 : 0;
		at += strcspn(dir + at, "/");
		after = dir[at];
		dir[at] = '\0';
		r = push_level(l, dir, e);
		dir[at] = after;
		if (r < 0)
			return -1;
	}
	return 0;
}

static int go_to(struct lower *l, struct span dir, struct err *e)
{
	auto_free char *path = span_dup(dir);

	if (!l->nr_levels)
		push_root(l);
	drop_levels(l, common_levels(l, dir));
	close_dir(l);
	if (push_parts(l, path, e) == 0) {
		l->dir = STEAL(&path);
		if (open_level(l, e) == 0)
			return 0;
	}
	/* nothing half-known stays */
	close_dir(l);
	drop_levels(l, 0);
	return -1;
}

int lower_find(struct lower *l, const char *path, struct lower_hit *hit, struct err *e)
{
	const char *name = layer_path_last(path);
	struct span dir = span_of(path, name == path ? 0 : (size_t)(name - path - 1));

	if ((!l->dir || !span_eq_str(dir, l->dir)) && go_to(l, dir, e) < 0)
		return -1;
	for (size_t i = 0; i < l->nr_open; i++) {
		*hit = (struct lower_hit){ .dirfd = l->open[i], .name = name };
		if (fstatat(hit->dirfd, name, &hit->st, AT_SYMLINK_NOFOLLOW) < 0) {
			if (errno == ENOENT)
				continue;
			return err_sys(e, "look at '%s' below", path);
		}
		if (marks_read(&hit->marks, hit->dirfd, name, &hit->st, e) < 0)
			return -1;
		return hit->marks.whiteout ? 0 : 1;
	}
	return 0;
}
