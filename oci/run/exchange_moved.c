/*
 * It is known by device and inode. What is in its place may hold it, so it leaves that first; a kill
 * in between leaves it in our own directory, where the next search finds it.
 */
#include "oci/run/exchange_moved.h"

#include <errno.h>
#include <fcntl.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/walk.h"
#include "oci/run/move.h"

static bool is_it(const struct merged_dir *d, const struct stat *st)
{
	return S_ISDIR(st->st_mode) && st->st_dev == d->dev && st->st_ino == d->ino;
}

/* A container that was started again has another device, and its mounts are where they belong. */
static bool is_same_root(const struct merged *m, int root_fd)
{
	struct stat st;

	return fstat(root_fd, &st) == 0 && is_it(&m->v[0], &st);
}

/* The directory that holds it, and its name there; -1: it is not found. */
static int find(const struct exchange_place *p, const struct merged_dir *d, char **name)
{
	auto_walk struct walk *w = NULL;
	struct walk_entry ent;
	struct err ignored = ERR_INIT;

	if (walk_open(&w, p->root_fd, &ignored) < 0)
		return -1;
	while (walk_next(w, &ent, &ignored) > 0) {
		if (!is_it(d, &ent.st))
			continue;
		*name = mem_strdup(ent.name);
		return fcntl(ent.dirfd, F_DUPFD_CLOEXEC, 0);
	}
	return -1;
}

static int clear_way(const struct exchange_place *p, size_t i, int parent_fd, const char *name,
		     struct err *e)
{
	auto_free char *path = mem_printf("trash/moved-%zu", i);
	auto_mover struct mover m = { 0 };
	auto_close int to = -1;
	struct stat st;

	if (fstatat(parent_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
		return 0;
	if (fs_mkdir_p(p->own_fd, path, 0700, e) < 0)
		return -1;
	to = openat(p->own_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (to < 0)
		return err_sys(e, "open '%s/%s'", p->own, path);
	mover_init(&m, parent_fd, to);
	return move_entry(&m, name, e);
}

int exchange_bring_back(const struct exchange_place *place, const struct merged *m, size_t i,
			int parent_fd, struct err *e)
{
	const struct merged_dir *d = &m->v[i];
	const char *name = merged_name(d);
	auto_free char *other = NULL;
	auto_free char *meanwhile = mem_printf("moved-%zu", i);
	auto_close int at = -1;
	struct stat st;

	if ((fstatat(parent_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && is_it(d, &st)) ||
	    !is_same_root(m, place->root_fd))
		return 0;
	at = find(place, d, &other);
	if (at < 0)
		return 0;
	if (renameat(at, other, place->own_fd, meanwhile) < 0)
		return err_sys(e, "move '/%s' back from where it was moved", d->path);
	if (clear_way(place, i, parent_fd, name, e) < 0)
		return -1;
	return renameat(place->own_fd, meanwhile, parent_fd, name) < 0
		       ? err_sys(e, "move '%s/%s' back to '/%s'", place->own, meanwhile, d->path)
		       : 0;
}
