/*
 * The order for one entry: what stands in its way is removed (a directory only
 * by something else), it is made, then owner, mode (chown clears setuid), capability
 * (chown clears that, too), time.
 *
 * The directory of the last entry stays open: a tar lists a directory's files one after the other.
 */
#include "oci/layer/place.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/fs.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "oci/layer/entries.h"
#include "oci/layer/path.h"

struct dir_time {
	char *path;
	ino_t ino;
	struct timespec mtime;
};

int place_open(struct place *p, const struct op *op, int root_fd, struct record *record,
	       struct err *e)
{
	struct stat st;

	*p = (struct place){ .op = op, .root_fd = root_fd, .dir_fd = -1, .record = record };
	buf_init(&p->path, LAYER_PATH_MAX);
	buf_init(&p->target, LAYER_PATH_MAX);
	if (fstat(root_fd, &st) < 0)
		return err_sys(e, "look at the tree");
	p->root_ino = st.st_ino;
	return 0;
}

static void close_dir(struct place *p)
{
	fd_auto_close_(&p->dir_fd);
	p->dir_fd = -1;
	free(p->dir);
	p->dir = NULL;
	p->stale = false;
}

void place_release(struct place *p)
{
	close_dir(p);
	for (size_t i = 0; i < p->nr_times; i++)
		free(p->times[i].path);
	free(p->times);
	touched_release(&p->touched);
	buf_release(&p->path);
	buf_release(&p->target);
}

static struct span dir_of(const char *path)
{
	const char *last = layer_path_last(path);

	return span_of(path, last == path ? 0 : (size_t)(last - path - 1));
}

/* A directory that was just made in `at`. */
static int record_made_dir(struct place *p, int at, const char *name, int fd, struct err *e)
{
	struct stat dir, st;
	const struct record_facts facts = { .st = &st };

	if (!p->record)
		return 0;
	if (fstat(at, &dir) < 0 || fstat(fd, &st) < 0)
		return err_sys(e, "look at '%s'", name);
	return record_set(p->record, dir.st_ino, name, &facts, e);
}

/* One part of a path that is to be a directory; made when missing. Gives its descriptor. */
static int enter_or_make(struct place *p, int at, const char *upto, struct err *e)
{
	const char *name = layer_path_last(upto);
	int fd = fs_open_beneath(p->root_fd, upto, O_RDONLY | O_DIRECTORY, 0, FS_IN_ROOT, e);

	if (fd >= 0 || e->sys != ENOENT)
		return fd;
	err_clear(e);
	/* a link to nothing is EEXIST here */
	if (mkdirat(at, name, 0755) < 0)
		return err_sys(e, "create directory '%s'", upto);
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fchmod(fd, 0755) < 0) { /* whatever the umask */
		err_sys(e, "create directory '%s'", upto);
		fd_auto_close_(&fd);
		return -1;
	}
	if (record_made_dir(p, at, name, fd, e) < 0)
		fd_auto_close_(&fd);
	return fd;
}

static int make_dirs(struct place *p, char *dir, struct err *e)
{
	auto_close int at =
		fs_open_beneath(p->root_fd, "", O_RDONLY | O_DIRECTORY, 0, FS_IN_ROOT, e);

	for (char *end = dir; at >= 0 && *end;) {
		char after;
		int fd;

		end += *end == '/';
		end += strcspn(end, "/");
		after = *end;
		*end = '\0';
		fd = enter_or_make(p, at, dir, e);
		*end = after;
		close(at);
		at = fd;
	}
	return fd_steal(&at);
}

/*
 * This directory and all above it are of this layer now. When one is, so are those above it; but not
 * when it was just made: it may have the inode of one that this layer has removed again.
 */
static int touch_upwards(struct place *p, int dirfd, bool made, struct err *e)
{
	auto_close int fd = -1;
	struct stat st;

	for (;;) {
		int up;

		if (fstat(fd >= 0 ? fd : dirfd, &st) < 0)
			return err_sys(e, "look at a directory");
		if (!made && touched_has_dir(&p->touched, st.st_ino))
			return 0;
		touched_add_dir(&p->touched, st.st_ino);
		if (st.st_ino == p->root_ino)
			return 0;
		up = openat(fd >= 0 ? fd : dirfd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (up < 0)
			return err_sys(e, "open a directory");
		fd_auto_close_(&fd);
		fd = up;
	}
}

/* Opens the directory of p->path, making what is missing. */
static int go_to_dir(struct place *p, struct err *e)
{
	struct span dir = dir_of(buf_str(&p->path));
	bool made = false;
	struct stat st;

	if (p->dir && !p->stale && span_eq_str(dir, p->dir))
		return 0;
	close_dir(p);
	p->dir = span_dup(dir);
	p->dir_fd = fs_open_beneath(p->root_fd, p->dir, O_RDONLY | O_DIRECTORY, 0, FS_IN_ROOT, e);
	if (p->dir_fd < 0 && e->sys == ENOENT) {
		err_clear(e);
		p->dir_fd = make_dirs(p, p->dir, e);
		made = true;
	}
	if (p->dir_fd < 0)
		return -1;
	if (fstat(p->dir_fd, &st) < 0)
		return err_sys(e, "look at '%s'", p->dir);
	p->dir_ino = st.st_ino;
	return touch_upwards(p, p->dir_fd, made, e);
}

/* For whiteouts: a directory that is not there has nothing to hide. 1, 0 or -1. */
static int open_existing_dir(int *out, const struct place *p, struct err *e)
{
	auto_free char *dir = span_dup(dir_of(buf_str(&p->path)));

	*out = fs_open_beneath(p->root_fd, dir, O_RDONLY | O_DIRECTORY, 0, FS_IN_ROOT, e);
	if (*out >= 0)
		return 1;
	if (e->sys != ENOENT && e->sys != ENOTDIR)
		return -1;
	err_clear(e);
	return 0;
}

static int apply_whiteout(struct place *p, enum layer_whiteout kind, const char *hidden,
			  struct err *e)
{
	auto_close int fd = -1;
	struct stat st;
	int r;

	if (kind == WHITEOUT_IGNORED)
		return 0;
	if (kind == WHITEOUT_BAD)
		return err_set(e, ERR_CORRUPT, "a whiteout of no name");
	r = open_existing_dir(&fd, p, e);
	if (r <= 0)
		return r;
	if (kind == WHITEOUT_OPAQUE)
		return place_hide_content(p, fd, e);
	if (fstat(fd, &st) < 0)
		return err_sys(e, "look at a directory");
	return place_hide_name(p, fd, st.st_ino, hidden, e);
}

/* 1: a directory is there and may stay; 0: the name is free. */
static int make_room(struct place *p, const char *name, enum tar_type type, struct err *e)
{
	struct stat st;

	if (fstatat(p->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_sys(e, "look at it");
	if (S_ISDIR(st.st_mode) && type == TAR_DIR)
		return 1;
	if (S_ISDIR(st.st_mode) || S_ISLNK(st.st_mode))
		p->stale = true;
	if (p->record && record_remove(p->record, p->dir_ino, name, e) < 0)
		return -1;
	if (S_ISDIR(st.st_mode))
		return fs_remove_tree(p->dir_fd, name, e);
	return unlinkat(p->dir_fd, name, 0) < 0 ? err_sys(e, "remove the old one") : 0;
}

static struct timespec time_of(const struct tar_entry *ent)
{
	return (struct timespec){ .tv_sec = ent->mtime, .tv_nsec = ent->mtime_nsec };
}

/* Name in the open directory is now as ent says; st: of it, NULL: to be looked at. */
static int record_placed(struct place *p, const char *name, const struct tar_entry *ent,
			 const struct stat *st, const unsigned char *digest, struct err *e)
{
	struct stat own;
	struct record_facts facts = { .st = st, .capability = ent->capability, .digest = digest };

	if (!p->record)
		return 0;
	if (!st && fstatat(p->dir_fd, name, &own, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "look at it");
	if (!st)
		facts.st = &own;
	if (S_ISLNK(facts.st->st_mode))
		facts.link = ent->link;
	if (!S_ISREG(facts.st->st_mode))
		facts.capability = span_of(NULL, 0);
	return record_set(p->record, p->dir_ino, name, &facts, e);
}

/* Owner, mode, capability, time. */
static int set_file_attributes(int fd, const struct tar_entry *ent, struct err *e)
{
	struct timespec times[2] = { time_of(ent), time_of(ent) };

	if (fchown(fd, ent->uid, ent->gid) < 0)
		return err_sys(e, "set its owner to %u:%u", ent->uid, ent->gid);
	if (fchmod(fd, ent->mode) < 0)
		return err_sys(e, "set its mode");
	if (ent->capability.n &&
	    fsetxattr(fd, "security.capability", ent->capability.p, ent->capability.n, 0) < 0)
		return err_sys(e, "set its capabilities");
	return futimens(fd, times) < 0 ? err_sys(e, "set its time") : 0;
}

/* digest: gets it when a record is kept. */
static int write_file(struct place *p, int fd, const struct tar_entry *ent, struct tar_reader *from,
		      unsigned char digest[HASH_SHA256_LEN], struct err *e)
{
	struct hash h;
	int r;

	if (!p->record)
		return entries_write_data(p->op, fd, ent, from, NULL, e);
	hash_init(&h);
	r = entries_write_data(p->op, fd, ent, from, &h, e);
	if (r == 0)
		hash_final(&h, digest);
	else
		hash_release(&h);
	return r;
}

static int place_file(struct place *p, const char *name, const struct tar_entry *ent,
		      struct tar_reader *from, struct err *e)
{
	auto_close int fd =
		openat(p->dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	unsigned char digest[HASH_SHA256_LEN];
	struct stat st;

	if (fd < 0)
		return err_sys(e, "create");
	if (write_file(p, fd, ent, from, digest, e) < 0 || set_file_attributes(fd, ent, e) < 0)
		return -1;
	if (p->record && fstat(fd, &st) < 0)
		return err_sys(e, "look at it");
	if (close(fd_steal(&fd)) < 0)
		return err_sys(e, "close");
	return p->record ? record_placed(p, name, ent, &st, digest, e) : 0;
}

/* For what has no descriptor; name was made a moment ago. */
static int set_attributes(const struct place *p, const char *name, const struct tar_entry *ent,
			  struct err *e)
{
	struct timespec times[2] = { time_of(ent), time_of(ent) };

	if (fchownat(p->dir_fd, name, ent->uid, ent->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "set its owner to %u:%u", ent->uid, ent->gid);
	if (ent->type != TAR_SYMLINK && fchmodat(p->dir_fd, name, ent->mode, 0) < 0)
		return err_sys(e, "set its mode");
	if (utimensat(p->dir_fd, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "set its time");
	return 0;
}

static int place_dir(struct place *p, const char *name, const struct tar_entry *ent, bool is_there,
		     struct err *e)
{
	struct stat st;

	if (!is_there && mkdirat(p->dir_fd, name, 0700) < 0)
		return err_sys(e, "create directory");
	if (set_attributes(p, name, ent, e) < 0)
		return -1;
	if (fstatat(p->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "look at it");
	touched_add_dir(&p->touched, st.st_ino);
	MEM_GROW(p->times, p->nr_times, p->cap_times);
	p->times[p->nr_times++] = (struct dir_time){ .path = mem_strdup(buf_str(&p->path)),
						     .ino = st.st_ino,
						     .mtime = time_of(ent) };
	return record_placed(p, name, ent, &st, NULL, e);
}

static int place_symlink(struct place *p, const char *name, const struct tar_entry *ent,
			 struct err *e)
{
	if (!*ent->link)
		return err_set(e, ERR_CORRUPT, "a link to nothing");
	if (symlinkat(ent->link, p->dir_fd, name) < 0)
		return err_sys(e, "create link");
	return set_attributes(p, name, ent, e) < 0 ? -1
						   : record_placed(p, name, ent, NULL, NULL, e);
}

/* A further name of what target in to_dir is. */
static int record_linked(struct place *p, const char *name, int to_dir, const char *target,
			 struct err *e)
{
	struct stat dir, st;

	if (!p->record)
		return 0;
	if (fstat(to_dir, &dir) < 0 || fstatat(p->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "look at it");
	return record_link(p->record, p->dir_ino, name, dir.st_ino, target, &st, e);
}

static int place_hard_link(struct place *p, const char *name, struct err *e)
{
	auto_free char *dir = span_dup(dir_of(buf_str(&p->target)));
	auto_close int fd =
		fs_open_beneath(p->root_fd, dir, O_PATH | O_DIRECTORY, 0, FS_IN_ROOT, e);
	const char *target = layer_path_last(buf_str(&p->target));

	if (fd < 0)
		return -1;
	/* without AT_SYMLINK_FOLLOW a link is linked itself, wherever it leads */
	if (linkat(fd, target, p->dir_fd, name, 0) < 0)
		return err_sys(e, "link to '%s'", buf_str(&p->target));
	return record_linked(p, name, fd, target, e);
}

static int place_node(struct place *p, const char *name, const struct tar_entry *ent, struct err *e)
{
	mode_t type = ent->type == TAR_CHAR ? S_IFCHR : ent->type == TAR_BLOCK ? S_IFBLK : S_IFIFO;

	/* as a layer of an overlay mount this would delete its own name */
	if (ent->type == TAR_CHAR && !ent->dev_major && !ent->dev_minor)
		return err_set(e, ERR_CORRUPT, "a device 0:0 cannot be in a layer");
	if (mknodat(p->dir_fd, name, type | 0600, makedev(ent->dev_major, ent->dev_minor)) == 0)
		return set_attributes(p, name, ent, e) < 0
			       ? -1
			       : record_placed(p, name, ent, NULL, NULL, e);
	if (errno != EPERM || ent->type == TAR_FIFO)
		return err_sys(e, "create device %u:%u", ent->dev_major, ent->dev_minor);
	/* a container's /dev comes from its runtime: the image is of use without it */
	log_info(p->op, "'%s': a device cannot be made here: left out", buf_str(&p->path));
	return 0;
}

/* Before anything is removed: is there something to link to, and is it not the name itself? */
static int check_hard_link(struct place *p, const struct tar_entry *ent, struct err *e)
{
	if (layer_path_clean(&p->target, ent->link, e) < 0)
		return -1;
	if (!p->target.len || strcmp(buf_str(&p->target), buf_str(&p->path)) == 0)
		return err_set(e, ERR_CORRUPT, "a hard link to '%s'", ent->link);
	return 0;
}

static int place_new(struct place *p, const char *name, const struct tar_entry *ent,
		     struct tar_reader *from, struct err *e)
{
	int r;

	if (ent->type == TAR_HARD_LINK && check_hard_link(p, ent, e) < 0)
		return -1;
	r = make_room(p, name, ent->type, e);
	if (r < 0)
		return -1;
	if (ent->type == TAR_DIR)
		return place_dir(p, name, ent, r, e);
	touched_add_name(&p->touched, p->dir_ino, name);
	switch (ent->type) {
	case TAR_FILE:
		return place_file(p, name, ent, from, e);
	case TAR_SYMLINK:
		return place_symlink(p, name, ent, e);
	case TAR_HARD_LINK:
		return place_hard_link(p, name, e);
	default:
		return place_node(p, name, ent, e);
	}
}

/* Names that cannot be as the tar has them: missing, not directories, links in circles. */
static bool is_tars_fault(int sys)
{
	return sys == ENOENT || sys == ENOTDIR || sys == ELOOP || sys == EEXIST ||
	       sys == ENAMETOOLONG;
}

int place_entry(struct place *p, const struct tar_entry *ent, struct tar_reader *from,
		struct err *e)
{
	const char *name, *hidden = NULL;
	enum layer_whiteout kind;

	if (layer_path_clean(&p->path, ent->path, e) < 0)
		return -1;
	if (!p->path.len) /* the root is the runtime's own */
		return 0;
	name = layer_path_last(buf_str(&p->path));
	kind = layer_whiteout_of(name, &hidden);
	if (kind != WHITEOUT_NONE)
		return apply_whiteout(p, kind, hidden, e) < 0
			       ? err_wrap(e, "'%s'", buf_str(&p->path))
			       : 0;
	if (go_to_dir(p, e) == 0 && place_new(p, name, ent, from, e) == 0)
		return 0;
	if (is_tars_fault(e->sys))
		e->kind = ERR_CORRUPT;
	return err_wrap(e, "'%s'", buf_str(&p->path));
}

/* A path that no longer leads to the directory it led to was replaced later on. */
static int set_dir_time(const struct place *p, const struct dir_time *t, struct err *e)
{
	auto_close int fd = fs_open_beneath(p->root_fd, t->path,
					    O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, FS_IN_ROOT, e);
	struct timespec times[2] = { t->mtime, t->mtime };
	struct stat st;

	if (fd < 0) {
		if (e->sys != ENOENT && e->sys != ENOTDIR && e->sys != ELOOP)
			return -1;
		err_clear(e);
		return 0;
	}
	if (fstat(fd, &st) < 0)
		return err_sys(e, "look at '%s'", t->path);
	if (st.st_ino == t->ino && futimens(fd, times) < 0)
		return err_sys(e, "set the time of '%s'", t->path);
	return 0;
}

int place_finish(struct place *p, struct err *e)
{
	for (size_t i = 0; i < p->nr_times; i++)
		if (set_dir_time(p, &p->times[i], e) < 0)
			return -1;
	return p->record ? record_refresh(p->record, p->root_fd, e) : 0;
}
