/*
 * Owner, then mode (a change of owner clears setuid), then attributes, then times. A name that is
 * taken is unlinked first, never written through: a link in the image must not be followed here.
 */
#include "oci/build/copier_entry.h"

#include <errno.h>
#include <limits.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/progress.h"
#include "oci/layer/copy_data.h"

struct link_slot {
	dev_t dev;
	ino_t ino;
	char *path; /* NULL: free */
};

/* -- files with several names -------------------------------------------------- */

static struct link_slot *link_slot_of(struct link_slot *slots, size_t size, const struct stat *st)
{
	size_t i = (size_t)(st->st_ino * UINT64_C(0x9e3779b97f4a7c15)) & (size - 1);

	while (slots[i].path && (slots[i].ino != st->st_ino || slots[i].dev != st->st_dev))
		i = (i + 1) & (size - 1);
	return &slots[i];
}

static void links_grow(struct copier *c)
{
	size_t size = c->cap_links ? 2 * c->cap_links : 64;
	struct link_slot *bigger = mem_zalloc(size * sizeof(*bigger));

	for (size_t i = 0; i < c->cap_links; i++) {
		struct stat st = { .st_dev = c->links[i].dev, .st_ino = c->links[i].ino };

		if (c->links[i].path)
			*link_slot_of(bigger, size, &st) = c->links[i];
	}
	free(c->links);
	c->links = bigger;
	c->cap_links = size;
}

static void links_add(struct copier *c, const struct stat *st, const char *path)
{
	struct link_slot *slot;

	if (2 * (c->nr_links + 1) > c->cap_links)
		links_grow(c);
	slot = link_slot_of(c->links, c->cap_links, st);
	if (!slot->path)
		c->nr_links++;
	free(slot->path);
	*slot = (struct link_slot){ st->st_dev, st->st_ino, mem_strdup(path) };
}

/* 1: the file is there under another name and has this one, too, now; 0: it is not. */
static int link_to_first(struct copier *c, const struct copier_place *to, const struct stat *st,
			 struct err *e)
{
	const struct link_slot *slot =
		c->cap_links ? link_slot_of(c->links, c->cap_links, st) : NULL;
	auto_close int dir = -1;
	auto_free char *last = NULL;

	if (!slot || !slot->path)
		return 0;
	dir = fs_open_parent(c->root_fd, slot->path, FS_NO_LINKS, &last, e);
	if (dir < 0)
		return -1;
	if (linkat(dir, last, to->dirfd, to->name, 0) == 0)
		return 1;
	if (errno == EMLINK) /* too many names: a copy does */
		return 0;
	return err_sys(e, "link '/%s'", to->path);
}

void copier_release(struct copier *c)
{
	for (size_t i = 0; i < c->cap_links; i++)
		free(c->links[i].path);
	free(c->links);
	c->links = NULL;
	c->nr_links = c->cap_links = 0;
}

/* -- attributes ------------------------------------------------------------------ */

void copier_attrs(const struct copier *c, const struct stat *st, uint32_t *uid, uint32_t *gid,
		  mode_t *mode)
{
	*uid = c->has_owner ? c->uid : c->from->is_context ? 0 : st->st_uid;
	*gid = c->has_owner ? c->gid : c->from->is_context ? 0 : st->st_gid;
	*mode = c->has_mode ? c->mode : st->st_mode & 07777;
}

static int set_times(const struct copier_place *to, const struct stat *st, struct err *e)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };

	if (utimensat(to->dirfd, to->name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "set the time of '/%s'", to->path);
	return 0;
}

/* -- kinds ----------------------------------------------------------------------- */

static int copy_file(struct copier *c, const struct copier_place *to, int from,
		     const struct stat *st, struct err *e)
{
	auto_close int fd = openat(to->dirfd, to->name,
				   O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	uint32_t uid, gid;
	uint64_t copied;
	mode_t mode;

	if (fd < 0)
		return err_sys(e, "make '/%s'", to->path);
	if (copy_data(&copied, c->op, fd, from, st, to->path, e) < 0)
		return -1;
	copier_attrs(c, st, &uid, &gid, &mode);
	if (fchown(fd, uid, gid) < 0 || fchmod(fd, mode) < 0)
		return err_sys(e, "set the owner of '/%s'", to->path);
	copy_xattrs(fd, from);
	c->bytes += copied;
	if (c->progress_id)
		progress_tick(c->op->progress, c->progress_id, c->bytes, 0);
	if (close(fd_steal(&fd)) < 0)
		return err_sys(e, "write '/%s'", to->path);
	return set_times(to, st, e);
}

/* st: of the name; what it leads to by now may be something else. */
static int copy_regular(struct copier *c, const struct copier_place *to, int from_dirfd,
			const char *from_name, const struct stat *st, struct err *e)
{
	auto_close int from = -1;
	struct stat now;
	int linked = st->st_nlink > 1 ? link_to_first(c, to, st, e) : 0;

	if (linked)
		return linked < 0 ? -1 : 0;
	from = openat(from_dirfd, from_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (from < 0)
		return err_sys(e, "open '%s' in %s", from_name, c->from->where);
	if (fstat(from, &now) < 0)
		return err_sys(e, "look at '%s' in %s", from_name, c->from->where);
	if (!S_ISREG(now.st_mode))
		return err_set(e, ERR_FAILED, "'%s' in %s was replaced while it was copied",
			       from_name, c->from->where);
	if (copy_file(c, to, from, &now, e) < 0)
		return -1;
	if (now.st_nlink > 1)
		links_add(c, &now, to->path);
	return 0;
}

static int copy_link(struct copier *c, const struct copier_place *to, int from_dirfd,
		     const char *from_name, const struct stat *st, struct err *e)
{
	auto_free char *target = mem_zalloc(PATH_MAX + 1);
	uint32_t uid, gid;
	mode_t mode;

	if (readlinkat(from_dirfd, from_name, target, PATH_MAX) < 0)
		return err_sys(e, "read link '%s' in %s", from_name, c->from->where);
	if (symlinkat(target, to->dirfd, to->name) < 0)
		return err_sys(e, "make link '/%s'", to->path);
	copier_attrs(c, st, &uid, &gid, &mode);
	if (fchownat(to->dirfd, to->name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "set the owner of '/%s'", to->path);
	return set_times(to, st, e);
}

/* Devices, pipes, sockets. */
static int copy_node(struct copier *c, const struct copier_place *to, const struct stat *st,
		     struct err *e)
{
	uint32_t uid, gid;
	mode_t mode;

	copier_attrs(c, st, &uid, &gid, &mode);
	if (mknodat(to->dirfd, to->name, (st->st_mode & S_IFMT) | 0600, st->st_rdev) < 0)
		return err_sys(e, "make '/%s'", to->path);
	if (fchownat(to->dirfd, to->name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0 ||
	    fchmodat(to->dirfd, to->name, mode, 0) < 0)
		return err_sys(e, "set the owner of '/%s'", to->path);
	return set_times(to, st, e);
}

/*
 * A name within one source comes once. Of several, a later one may replace a file of ours, and a
 * link to what has that name now would be a link to something else.
 */
static int make_room(struct copier *c, const struct copier_place *to, struct err *e)
{
	struct stat st;

	if (fstatat(to->dirfd, to->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_sys(e, "look at '/%s'", to->path);
	if (S_ISDIR(st.st_mode))
		return err_set(e, ERR_INPUT, "cannot replace the directory '/%s' with a file",
			       to->path);
	if (c->nr_puts > 1)
		copier_release(c);
	if (unlinkat(to->dirfd, to->name, 0) < 0)
		return err_sys(e, "replace '/%s'", to->path);
	return 0;
}

int copier_entry(struct copier *c, const struct copier_place *to, int from_dirfd,
		 const char *from_name, const struct stat *st, struct err *e)
{
	if (make_room(c, to, e) < 0)
		return -1;
	if (S_ISREG(st->st_mode))
		return copy_regular(c, to, from_dirfd, from_name, st, e);
	if (S_ISLNK(st->st_mode))
		return copy_link(c, to, from_dirfd, from_name, st, e);
	return copy_node(c, to, st, e);
}
