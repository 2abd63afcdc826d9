/*
 * A file whose names in the directory are fewer than its links has one elsewhere. The directory's
 * names get a copy; names of one file stay names of one file.
 */
#include "oci/run/part_links.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/walk.h"
#include "oci/run/copy_tree.h"

#define NEXT ".cbuild-next"

struct name {
	dev_t dev;
	ino_t ino;
	nlink_t links;
	char *path;
};

struct names {
	struct name *v;
	size_t nr, cap;
};

static void names_release(struct names *n)
{
	for (size_t i = 0; i < n->nr; i++)
		free(n->v[i].path);
	free(n->v);
}

static int find_linked(struct names *out, int dir_fd, struct err *e)
{
	auto_walk struct walk *walk = NULL;
	struct walk_entry ent;
	int r;

	if (walk_open(&walk, dir_fd, e) < 0)
		return -1;
	while ((r = walk_next(walk, &ent, e)) > 0) {
		if (!S_ISREG(ent.st.st_mode) || ent.st.st_nlink < 2)
			continue;
		MEM_GROW(out->v, out->nr, out->cap);
		out->v[out->nr++] = (struct name){ .dev = ent.st.st_dev,
						   .ino = ent.st.st_ino,
						   .links = ent.st.st_nlink,
						   .path = mem_strdup(ent.path) };
	}
	return r;
}

static int by_file(const void *a, const void *b)
{
	const struct name *x = a, *y = b;

	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	if (x->ino != y->ino)
		return x->ino < y->ino ? -1 : 1;
	return strcmp(x->path, y->path);
}

/* path becomes a copy of from_fd, or another name of first. */
static int replace(int dir_fd, const char *path, int from_fd, const char *first, struct err *e)
{
	auto_free char *name = NULL, *first_name = NULL;
	auto_close int parent = fs_open_parent(dir_fd, path, FS_NO_LINKS, &name, e);
	auto_close int first_parent = -1;
	struct stat dir;

	if (parent < 0)
		return -1;
	if (fstat(parent, &dir) < 0)
		return err_sys(e, "stat the directory of '%s'", path);
	if (unlinkat(parent, NEXT, 0) < 0 && errno != ENOENT)
		return err_sys(e, "remove '%s'", NEXT);
	if (!first) {
		if (copy_tree(parent, NEXT, from_fd, -1, e) < 0)
			return -1;
	} else {
		first_parent = fs_open_parent(dir_fd, first, FS_NO_LINKS, &first_name, e);
		if (first_parent < 0)
			return -1;
		if (linkat(first_parent, first_name, parent, NEXT, 0) < 0)
			return err_sys(e, "link '%s'", path);
	}
	if (renameat(parent, NEXT, parent, name) < 0)
		return err_sys(e, "rename '%s'", path);
	futimens(parent, (struct timespec[2]){ dir.st_atim, dir.st_mtim });
	return 0;
}

static int part_one(int dir_fd, const struct name *names, size_t nr, struct err *e)
{
	auto_close int fd =
		fs_open_beneath(dir_fd, names[0].path, O_PATH | O_NOFOLLOW, 0, FS_NO_LINKS, e);

	if (fd < 0)
		return -1;
	for (size_t i = 0; i < nr; i++)
		if (replace(dir_fd, names[i].path, fd, i ? names[0].path : NULL, e) < 0)
			return -1;
	return 0;
}

int part_links(int dir_fd, struct err *e)
{
	CLEANUP(names_release) struct names all = { .nr = 0 };
	size_t end;

	if (find_linked(&all, dir_fd, e) < 0)
		return -1;
	if (all.nr)
		qsort(all.v, all.nr, sizeof(*all.v), by_file);
	for (size_t i = 0; i < all.nr; i = end) {
		for (end = i + 1; end < all.nr && all.v[end].ino == all.v[i].ino &&
				  all.v[end].dev == all.v[i].dev;
		     end++)
			;
		if (end - i < all.v[i].links && part_one(dir_fd, &all.v[i], end - i, e) < 0)
			return -1;
	}
	return 0;
}
