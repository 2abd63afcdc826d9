/*
 * A directory that is not there is remembered, too: in a stack most directories of the upper trees
 * are not in the lower ones.
 */
#include "oci/layer/tree_dir.h"

#include <dirent.h>
#include <errno.h>

#include "base/fs.h"
#include "base/mem.h"
#include "oci/layer/marks.h"
#include "oci/layer/path.h"

struct tree_dir {
	struct tree base;
	struct tree_dir_options opt;
	int root_fd;
	char *dir;  /* the directory that is open; NULL: none yet */
	int dir_fd; /* -1: it is not there */
	/* what the last look gave out */
	char link[TAR_LINK_MAX + 1];
	struct marks marks;
};

static struct tree_dir *self(struct tree *t)
{
	return CONTAINER_OF(t, struct tree_dir, base);
}

static bool is_skipped(const struct tree_dir *d, const struct stat *st)
{
	return d->opt.skip_ino && st->st_ino == d->opt.skip_ino && st->st_dev == d->opt.skip_dev;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev;
}

static int look_at(int fd, struct stat *st, uint64_t *mount, struct err *e)
{
	struct statx x;

	if (fstat(fd, st) < 0 || statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &x) < 0)
		return err_sys(e, "look at a directory");
	*mount = x.stx_mask & STATX_MNT_ID ? x.stx_mnt_id : 0; /* before Linux 5.8 */
	return 0;
}

/* 1: an opened directory lies in the one that is not part of the tree; 0: not. */
static int lies_in_skipped(const struct tree_dir *d, int dirfd, struct err *e)
{
	auto_close int fd = -1;
	struct stat st = { 0 }, below, root;
	uint64_t mount = 0, mount_below;

	/* the trees of RUNs skip nothing, and are spared the calls */
	if (!d->opt.skip_ino)
		return 0;
	fd = openat(dirfd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(d->root_fd, &root) < 0)
		return err_sys(e, "look at a directory");
	for (;;) {
		int up;

		below = st;
		mount_below = mount;
		if (look_at(fd, &st, &mount, e) < 0)
			return -1;
		if (is_same(&st, &root))
			return 0;
		if (is_skipped(d, &st))
			return 1;
		/* above "/" there is only itself: the tree was not on the way; a directory that is mounted
		 * in itself is another mount there */
		if (is_same(&st, &below) && mount == mount_below)
			return err_set(e, ERR_FAILED,
				       "a directory was moved away while it was read");
		up = openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (up < 0)
			return err_sys(e, "open a directory");
		close(fd);
		fd = up;
	}
}

static bool is_absent(int sys)
{
	return sys == ENOENT || sys == ENOTDIR || sys == ELOOP;
}

static void close_dir(struct tree_dir *d)
{
	fd_auto_close_(&d->dir_fd);
	d->dir_fd = -1;
	free(STEAL(&d->dir));
}

/* Afterwards d->dir_fd is the directory, or -1 where the tree has none of that name. */
static int go_to(struct tree_dir *d, struct span dir, struct err *e)
{
	auto_free char *path = NULL;
	auto_close int fd = -1;
	int skipped = 0;

	if (d->dir && span_eq_str(dir, d->dir))
		return 0;
	path = span_dup(dir);
	fd = fs_open_beneath(d->root_fd, path, O_PATH | O_DIRECTORY, 0, FS_NO_LINKS, e);
	if (fd < 0) {
		if (!is_absent(e->sys))
			return -1;
		err_clear(e);
	} else {
		skipped = lies_in_skipped(d, fd, e);
	}
	if (skipped < 0)
		return -1;
	close_dir(d);
	d->dir = STEAL(&path);
	d->dir_fd = skipped ? -1 : fd_steal(&fd);
	return 0;
}

/* What a file's attributes say. One that we may not read has no capability that matters here. */
static int read_marks(struct tree_dir *d, const char *name, const struct stat *st, struct err *e)
{
	d->marks = (struct marks){ 0 };
	if (S_ISDIR(st->st_mode) && !d->opt.is_upper)
		return 0;
	if (marks_read(&d->marks, d->dir_fd, name, st, e) == 0)
		return 0;
	if (e->sys != EACCES || d->opt.is_upper)
		return -1;
	err_clear(e);
	return 0;
}

static int read_link(struct tree_dir *d, const char *name, const char *path, struct err *e)
{
	ssize_t n = readlinkat(d->dir_fd, name, d->link, sizeof(d->link) - 1);

	if (n < 0)
		return err_sys(e, "read link '%s'", path);
	d->link[n] = '\0';
	return 0;
}

/* A checkout has the modes of somebody's umask. */
static mode_t git_mode(mode_t mode)
{
	if (S_ISLNK(mode))
		return mode;
	return (mode & S_IFMT) | (S_ISDIR(mode) || (mode & 0111) ? 0755 : 0644);
}

/* name: in the open directory. */
static int show(struct tree_dir *d, const char *name, const char *path, struct tree_node *out,
		struct err *e)
{
	bool upper = d->opt.is_upper;

	if (read_marks(d, name, &out->st, e) < 0)
		return -1;
	/* a socket means nothing without its process, but what it stands in front of is gone */
	if (upper && (d->marks.whiteout || S_ISSOCK(out->st.st_mode))) {
		out->mark = TREE_DELETED;
		return 0;
	}
	if (upper && d->marks.opaque)
		out->mark = TREE_OPAQUE;
	if (S_ISLNK(out->st.st_mode)) {
		if (read_link(d, name, path, e) < 0)
			return -1;
		out->link = d->link;
	}
	out->capability = span_of(d->marks.capability, d->marks.capability_len);
	if (d->opt.of_root)
		out->st.st_uid = out->st.st_gid = 0;
	if (d->opt.git_modes)
		out->st.st_mode = git_mode(out->st.st_mode);
	return 1;
}

static int dir_look(struct tree *t, const char *path, struct tree_node *out, struct err *e)
{
	struct tree_dir *d = self(t);
	const char *name = layer_path_last(path);

	if (go_to(d, layer_path_dir(path), e) < 0)
		return -1;
	if (d->dir_fd < 0)
		return 0;
	if (!*name)
		name = ".";
	if (fstatat(d->dir_fd, name, &out->st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_sys(e, "look at '%s'", path);
	if (is_skipped(d, &out->st))
		return 0;
	return show(d, name, path, out, e);
}

/* Which names may be marks, or the directory that is never shown? The others need no look. */
static bool needs_look(const struct tree_dir *d, const struct dirent *ent)
{
	if (d->opt.is_upper && ent->d_type != DT_DIR && ent->d_type != DT_LNK)
		return true;
	return d->opt.skip_ino && (ent->d_type == DT_DIR || ent->d_type == DT_UNKNOWN);
}

static int list_name(struct tree_dir *d, const struct dirent *ent, struct strv *names,
		     struct strv *deleted, struct err *e)
{
	struct tree_node node = { .link = NULL };
	int r;

	if (!needs_look(d, ent)) {
		strv_add(names, ent->d_name);
		return 0;
	}
	if (fstatat(d->dir_fd, ent->d_name, &node.st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_sys(e, "look at '%s'", ent->d_name);
	if (is_skipped(d, &node.st))
		return 0;
	r = show(d, ent->d_name, ent->d_name, &node, e);
	if (r > 0)
		strv_add(names, ent->d_name);
	else if (r == 0 && deleted)
		strv_add(deleted, ent->d_name);
	return r < 0 ? -1 : 0;
}

static int read_names(struct tree_dir *d, DIR *from, struct strv *names, struct strv *deleted,
		      struct err *e)
{
	const struct dirent *ent;

	for (;;) {
		errno = 0;
		ent = readdir(from);
		if (!ent)
			return errno ? err_sys(e, "read directory '%s'", d->dir) : 0;
		if (strcmp(ent->d_name, ".") == 0 || strcmp(ent->d_name, "..") == 0)
			continue;
		if (list_name(d, ent, names, deleted, e) < 0)
			return -1;
	}
}

static int dir_list(struct tree *t, const char *dir, struct strv *names, struct strv *deleted,
		    struct err *e)
{
	struct tree_dir *d = self(t);
	int fd, r;
	DIR *from;

	if (go_to(d, span_of_str(dir), e) < 0)
		return -1;
	if (d->dir_fd < 0)
		return err_set(e, ERR_ABSENT, "there is no directory '/%s'", dir);
	fd = openat(d->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	from = fd < 0 ? NULL : fdopendir(fd);
	if (!from) {
		err_sys(e, "read directory '%s'", dir);
		fd_auto_close_(&fd);
		return -1;
	}
	r = read_names(d, from, names, deleted, e);
	closedir(from);
	return r;
}

static int dir_origin(struct tree *t, const char *path, struct tree_origin *out, struct err *e)
{
	(void)e;
	*out = (struct tree_origin){ .dirfd = self(t)->root_fd, .path = mem_strdup(path) };
	return 0;
}

static void dir_free(struct tree *t)
{
	struct tree_dir *d = self(t);

	close_dir(d);
	fd_auto_close_(&d->root_fd);
	free(d);
}

int tree_dir_fd(const struct tree *t)
{
	return CONTAINER_OF(t, const struct tree_dir, base)->root_fd;
}

int tree_dir_open(struct tree **out, int fd, const struct tree_dir_options *opt, struct err *e)
{
	static const struct tree_ops ops = {
		.look = dir_look, .list = dir_list, .origin = dir_origin, .free = dir_free
	};
	int root = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	struct tree_dir *d;

	if (root < 0)
		return err_sys(e, "open the directory again");
	d = mem_zalloc(sizeof(*d));
	d->base.ops = &ops;
	if (opt)
		d->opt = *opt;
	d->root_fd = root;
	d->dir_fd = -1;
	*out = &d->base;
	return 0;
}
