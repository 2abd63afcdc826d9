/*
 * In the list's order, so that a directory is made before what is in it; the directory of the last
 * entry stays open. Filling a directory changes its time, so times of directories come last.
 */
#include "oci/layer/lay.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/cancel.h"
#include "base/copy_data.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/progress.h"
#include "oci/layer/path.h"
#include "oci/layer/record.h"

struct filled_dir {
	char *path;
	struct timespec mtime;
};
struct lay {
	const struct op *op;
	const struct layer_lay_options *opt;
	int root_fd; /* borrowed */
	char *dir;   /* what is open; NULL: nothing */
	int dir_fd;
	ino_t dir_ino; /* when a record is kept */
	struct filled_dir *filled;
	size_t nr_filled, cap_filled;
	uint64_t bytes, of_bytes;
};

static void leave_dir(struct lay *l)
{
	free(STEAL(&l->dir));
	fd_auto_close_(&l->dir_fd);
	l->dir_fd = -1;
}

static void lay_release(struct lay *l)
{
	leave_dir(l);
	while (l->nr_filled)
		free(l->filled[--l->nr_filled].path);
	free(l->filled);
}

static int open_dir(const struct lay *l, struct span dir, struct err *e)
{
	auto_free char *path = span_dup(dir);

	return fs_open_beneath(l->root_fd, path, O_RDONLY | O_DIRECTORY, 0, FS_NO_LINKS, e);
}

static int go_to(struct lay *l, struct span dir, struct err *e)
{
	struct stat st;
	int fd;

	if (l->dir && span_eq_str(dir, l->dir))
		return 0;
	fd = open_dir(l, dir, e);
	if (fd < 0)
		return -1;
	leave_dir(l);
	l->dir = span_dup(dir);
	l->dir_fd = fd;
	if (l->opt->record && fstat(fd, &st) < 0)
		return err_sys(e, "look at '%s'", l->dir);
	if (l->opt->record)
		l->dir_ino = st.st_ino;
	return 0;
}

/* -- the record ---------------------------------------------------------------------- */

/* Name is now as c says; st: of it, NULL: to be looked at. */
static int record_laid(const struct lay *l, const struct layer_change *c, const char *name,
		       const struct stat *st, struct err *e)
{
	struct stat own;
	struct record_facts facts = { .st = st ? st : &own };

	if (!l->opt->record)
		return 0;
	if (!st && fstatat(l->dir_fd, name, &own, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "look at it");
	if (S_ISLNK(facts.st->st_mode))
		facts.link = c->link;
	if (S_ISREG(facts.st->st_mode)) {
		facts.origin = c;
		facts.capability = span_of(c->capability, c->capability_len);
	}
	return record_set(l->opt->record, l->dir_ino, name, &facts, e);
}

/* What stands in the way of c goes; *stays: a directory that will be c. */
static int make_room(const struct lay *l, const struct layer_change *c, const char *name,
		     bool *stays, struct err *e)
{
	struct stat st;

	*stays = false;
	if (!l->opt->record)
		return 0;
	if (fstatat(l->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_sys(e, "look at it");
	if (c->kind == LAYER_ENTRY && S_ISDIR(c->st.st_mode) && S_ISDIR(st.st_mode)) {
		*stays = true;
		return 0;
	}
	if (fs_remove_tree(l->dir_fd, name, e) < 0)
		return -1;
	return record_remove(l->opt->record, l->dir_ino, name, e);
}

/* -- files ------------------------------------------------------------------------- */

static int open_origin(const struct lay *l, const struct layer_change *c, struct stat *st,
		       struct err *e)
{
	auto_close int fd = fs_open_beneath(c->origin_path ? c->origin_fd : l->opt->tree_fd,
					    c->origin_path ? c->origin_path : c->path,
					    O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, FS_NO_LINKS, e);

	if (fd < 0)
		return -1;
	if (fstat(fd, st) < 0)
		return err_sys(e, "look at it");
	if (!S_ISREG(st->st_mode) || st->st_size != c->st.st_size)
		return err_set(e, ERR_FAILED, "it changed while it was read");
	return fd_steal(&fd);
}

static int copy(struct lay *l, const struct layer_change *c, int to, struct err *e)
{
	struct stat st;
	auto_close int from = open_origin(l, c, &st, e);
	uint64_t copied;

	if (from < 0 || copy_data(&copied, l->op, to, from, &st, c->path, e) < 0)
		return -1;
	if (copied != (uint64_t)c->st.st_size)
		return err_set(e, ERR_FAILED, "it changed while it was read");
	l->bytes += copied;
	if (l->op && l->opt->progress_id)
		progress_tick(l->op->progress, l->opt->progress_id, l->bytes, l->of_bytes);
	return 0;
}

/* A change of owner clears setuid and capabilities, so it comes first. */
static int set_file_attributes(const struct layer_change *c, int fd, struct err *e)
{
	const struct timespec times[2] = { c->st.st_mtim, c->st.st_mtim };

	if (fchown(fd, c->st.st_uid, c->st.st_gid) < 0)
		return err_sys(e, "set its owner to %u:%u", c->st.st_uid, c->st.st_gid);
	if (fchmod(fd, c->st.st_mode & 07777) < 0)
		return err_sys(e, "set its mode");
	if (c->capability_len &&
	    fsetxattr(fd, "security.capability", c->capability, c->capability_len, 0) < 0)
		return err_sys(e, "set its capabilities");
	if (futimens(fd, times) < 0)
		return err_sys(e, "set its time");
	return 0;
}

static int lay_file(struct lay *l, const struct layer_change *c, const char *name, struct err *e)
{
	auto_close int fd =
		openat(l->dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	struct stat st;

	if (fd < 0)
		return err_sys(e, "create");
	if (copy(l, c, fd, e) < 0 || set_file_attributes(c, fd, e) < 0)
		return -1;
	if (l->opt->record && fstat(fd, &st) < 0)
		return err_sys(e, "look at it");
	if (close(fd_steal(&fd)) < 0)
		return err_sys(e, "close");
	return record_laid(l, c, name, &st, e);
}

/* -- the others -------------------------------------------------------------------- */

/* For what has no descriptor; name was made a moment ago. */
static int set_attributes(const struct lay *l, const struct layer_change *c, const char *name,
			  struct err *e)
{
	const struct timespec times[2] = { c->st.st_mtim, c->st.st_mtim };

	if (fchownat(l->dir_fd, name, c->st.st_uid, c->st.st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "set its owner to %u:%u", c->st.st_uid, c->st.st_gid);
	if (!S_ISLNK(c->st.st_mode) && fchmodat(l->dir_fd, name, c->st.st_mode & 07777, 0) < 0)
		return err_sys(e, "set its mode");
	if (utimensat(l->dir_fd, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "set its time");
	return record_laid(l, c, name, NULL, e);
}

static int make_opaque(const struct lay *l, const char *name, struct err *e)
{
	const char *attr = l->opt->userxattr ? "user.overlay.opaque" : "trusted.overlay.opaque";
	auto_close int fd =
		openat(l->dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || fsetxattr(fd, attr, "y", 1, 0) < 0)
		return err_sys(e, "mark it as opaque");
	return 0;
}

static int lay_dir(struct lay *l, const struct layer_change *c, const char *name, bool is_there,
		   struct err *e)
{
	if (!is_there && mkdirat(l->dir_fd, name, 0700) < 0)
		return err_sys(e, "create directory");
	if (c->kind == LAYER_OPAQUE && !l->opt->record && make_opaque(l, name, e) < 0)
		return -1;
	MEM_GROW(l->filled, l->nr_filled, l->cap_filled);
	l->filled[l->nr_filled++] =
		(struct filled_dir){ .path = mem_strdup(c->path), .mtime = c->st.st_mtim };
	return set_attributes(l, c, name, e);
}

static int lay_symlink(struct lay *l, const struct layer_change *c, const char *name, struct err *e)
{
	if (symlinkat(c->link, l->dir_fd, name) < 0)
		return err_sys(e, "create link");
	return set_attributes(l, c, name, e);
}

static int record_linked(const struct lay *l, const struct layer_change *c, const char *name,
			 int to_dir, struct err *e)
{
	struct stat dir, st;

	if (!l->opt->record)
		return 0;
	if (fstat(to_dir, &dir) < 0 || fstatat(l->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "look at it");
	return record_link(l->opt->record, l->dir_ino, name, dir.st_ino, layer_path_last(c->link),
			   &st, e);
}

static int lay_hard_link(struct lay *l, const struct layer_change *c, const char *name,
			 struct err *e)
{
	auto_close int first = open_dir(l, layer_path_dir(c->link), e);

	if (first < 0)
		return -1;
	if (linkat(first, layer_path_last(c->link), l->dir_fd, name, 0) < 0)
		return err_sys(e, "link to '%s'", c->link);
	return record_linked(l, c, name, first, e);
}

static int lay_node(struct lay *l, const struct layer_change *c, const char *name, struct err *e)
{
	/* it would delete its own name */
	if (S_ISCHR(c->st.st_mode) && c->st.st_rdev == makedev(0, 0))
		return err_set(e, ERR_INPUT, "a device 0:0 cannot be in a layer");
	if (mknodat(l->dir_fd, name, (c->st.st_mode & S_IFMT) | 0600, c->st.st_rdev) == 0)
		return set_attributes(l, c, name, e);
	if (errno != EPERM || S_ISFIFO(c->st.st_mode))
		return err_sys(e, "create device %u:%u", major(c->st.st_rdev),
			       minor(c->st.st_rdev));
	log_info(l->op, "'%s': a device cannot be made here: left out", c->path);
	return 0;
}

static int lay_deletion(struct lay *l, const char *name, struct err *e)
{
	if (l->opt->record)
		return 0; /* it made room for nothing */
	if (mknodat(l->dir_fd, name, S_IFCHR, makedev(0, 0)) < 0)
		return err_sys(e, "mark it as deleted");
	return 0;
}

static int lay_change(struct lay *l, const struct layer_change *c, struct err *e)
{
	const char *name = layer_path_last(c->path);
	bool stays;

	if (go_to(l, layer_path_dir(c->path), e) < 0 || make_room(l, c, name, &stays, e) < 0)
		return -1;
	if (c->kind == LAYER_DELETED)
		return lay_deletion(l, name, e);
	if (c->hard_link)
		return lay_hard_link(l, c, name, e);
	switch (c->st.st_mode & S_IFMT) {
	case S_IFDIR:
		return lay_dir(l, c, name, stays, e);
	case S_IFREG:
		return lay_file(l, c, name, e);
	case S_IFLNK:
		return lay_symlink(l, c, name, e);
	default:
		return lay_node(l, c, name, e);
	}
}

static int set_dir_time(const struct lay *l, const struct filled_dir *dir, struct err *e)
{
	const struct timespec times[2] = { dir->mtime, dir->mtime };
	auto_close int fd = open_dir(l, span_of_str(dir->path), e);

	if (fd < 0)
		return -1;
	return futimens(fd, times) < 0 ? err_sys(e, "set its time") : 0;
}

static int lay_each(struct lay *l, struct layer_change_reader *from, struct err *e)
{
	const struct layer_change *c;

	while ((c = from->next(from))) {
		if (cancel_check(l->op ? l->op->cancel : NULL, e) < 0)
			return -1;
		if (lay_change(l, c, e) < 0)
			return err_wrap(e, "'%s'", c->path);
	}
	for (size_t i = 0; i < l->nr_filled; i++)
		if (set_dir_time(l, &l->filled[i], e) < 0)
			return err_wrap(e, "'%s'", l->filled[i].path);
	return l->opt->record ? record_refresh(l->opt->record, l->root_fd, e) : 0;
}

static int lay_all(const struct op *op, struct layer_change_reader *from, uint64_t bytes, int dirfd,
		   const struct layer_lay_options *opt, struct err *e)
{
	static const struct layer_lay_options plain = { .tree_fd = -1 };
	CLEANUP(lay_release)
	struct lay l = { .op = op,
			 .opt = opt ? opt : &plain,
			 .root_fd = dirfd,
			 .dir_fd = -1,
			 .of_bytes = bytes };

	return lay_each(&l, from, e) < 0 ? err_wrap(e, "lay down a layer") : 0;
}

int layer_lay_down(const struct op *op, const struct layer_changes *c, int dirfd,
		   const struct layer_lay_options *opt, struct err *e)
{
	struct layer_changes_reader r;

	return lay_all(op, layer_changes_read(&r, c), c->bytes, dirfd, opt, e);
}

int layer_lay_down_listing(const struct op *op, const struct layer_listing *listing, int dirfd,
			   const struct layer_lay_options *opt, struct err *e)
{
	auto_listing_cursor struct listing_cursor at;

	assert(!opt || !opt->record);
	listing_begin(&at, listing);
	return lay_all(op, &at.reader, listing->file_bytes, dirfd, opt, e);
}
