/*
 * open_tree gives a copy of a mount (and what is mounted below it) that hangs nowhere,
 * mount_setattr makes it what it is to be, move_mount hangs it into another namespace: the last
 * is all that is left to do beside the image's files.
 *
 * A file for this RUN is made in memory that is mounted in the RUN's own /dev, as long as that takes,
 * and goes with the namespace.
 */
#include "oci/run/attach.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"
#include "oci/run/mounts.h"

#define FILES "dev/.files"

/* -- main's side ------------------------------------------------------------- */

static int refused(struct err *e, const char *call, const char *target)
{
	bool old = errno == ENOSYS;

	err_sys(e, "%s for '%s'", call, target);
	if (old) {
		err_wrap(e, "--mount needs Linux 5.12");
		e->kind = ERR_IMPOSSIBLE;
	}
	return -1;
}

static int attributes_set(int fd, const char *target, bool read_only, struct err *e)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_NODEV, .propagation = MS_PRIVATE };

	if (read_only)
		attr.attr_set |= MOUNT_ATTR_RDONLY;
	if (mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)) < 0)
		return refused(e, "mount_setattr", target);
	return 0;
}

int attach_take(const struct run_mount *m, struct err *e)
{
	auto_close int fd = open_tree(
		m->fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);

	if (fd < 0)
		return refused(e, "open_tree", m->target);
	if (attributes_set(fd, m->target, m->read_only, e) < 0)
		return -1;
	return fd_steal(&fd);
}

/* -- the RUN's side ---------------------------------------------------------- */

/* errno has more to it here than its text. */
static int owner_refused(struct err *e, const struct run_mount *m)
{
	bool unmapped = errno == EINVAL;

	err_sys(e, "give '%s' to %u:%u", m->target, m->uid, m->gid);
	return unmapped ? err_wrap(e, "this user namespace has no such id") : -1;
}

static int file_write(int fd, const struct run_mount *m, struct err *e)
{
	if (fs_write_all(fd, m->bytes.data, m->bytes.len, m->target, e) < 0)
		return -1;
	if (fchown(fd, m->uid, m->gid) < 0)
		return owner_refused(e, m);
	return fchmod(fd, m->mode) < 0 ? err_sys(e, "set the mode of '%s'", m->target) : 0;
}

static int make_file(int dirfd, const struct run_mount *m, struct err *e)
{
	static const char name[] = "file";
	auto_close int file =
		openat(dirfd, name, O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0600);
	auto_close int fd = -1;

	if (file < 0)
		return err_sys(e, "make the file for '%s'", m->target);
	if (file_write(file, m, e) < 0)
		return -1;
	fd = open_tree(dirfd, name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (fd < 0)
		return refused(e, "open_tree", m->target);
	if (attributes_set(fd, m->target, m->read_only, e) < 0)
		return -1;
	return fd_steal(&fd);
}

static int memory_mount(struct err *e)
{
	auto_close int point = open(FILES, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	const unsigned long flags = MS_NOSUID | MS_NODEV;

	if (point < 0)
		return err_sys(e, "open '%s'", FILES);
	/* root alone may forbid swapping, and since Linux 6.4 */
	if (mount_on(point, "tmpfs", "tmpfs", flags, "mode=700,noswap") < 0 &&
	    mount_on(point, "tmpfs", "tmpfs", flags, "mode=700") < 0)
		return err_sys(e, "mount memory for files");
	return 0;
}

/* Each has a file system of its own, that nothing else is seen of. */
static int make_file_in_memory(const struct run_mount *m, struct err *e)
{
	auto_close int dirfd = -1;
	auto_close int fd = -1;

	if (mkdir(FILES, 0700) < 0)
		return err_sys(e, "make '%s'", FILES);
	if (memory_mount(e) < 0)
		return -1;
	dirfd = open(FILES, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	fd = dirfd < 0 ? err_sys(e, "open '%s'", FILES) : make_file(dirfd, m, e);
	if (fd >= 0 && (umount2(FILES, MNT_DETACH) < 0 || rmdir(FILES) < 0))
		return err_sys(e, "take away '%s'", FILES);
	return fd_steal(&fd);
}

int attach_files(struct attach *a, const struct run_spec *spec, const int *taken, struct err *e)
{
	*a = (struct attach){ .nr = 0 };
	for (size_t i = 0; i < spec->nr_mounts; i++) {
		const struct run_mount *m = &spec->mounts[i];
		int fd = -1;

		if (m->kind == RUN_MOUNT_BIND)
			fd = *taken++;
		else if (m->kind == RUN_MOUNT_FILE && (fd = make_file_in_memory(m, e)) < 0)
			return -1;
		a->fds[a->nr++] = fd;
	}
	return 0;
}

static int no_room(struct err *e, const char *path)
{
	bool read_only = errno == EROFS;

	err_sys(e, "make '%s' in the mount above it", path);
	return read_only ? err_wrap(e, "it has to be there, or that be mounted with rw") : -1;
}

/*
 * Below another mount, where main could make no mount point: one is made in that mount. Never in
 * the tree itself, whose mount points are taken away again.
 */
static int make_below(int root, dev_t tree, const char *path, bool is_dir, struct err *e)
{
	auto_free char *name = NULL;
	auto_close int parent = fs_open_parent(root, path, FS_IN_ROOT, &name, e);
	auto_close int file = -1;
	struct stat st;

	if (parent < 0 || fstat(parent, &st) < 0)
		return err_sys(e, "open the directory of '%s'", path);
	if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	if (fstat(parent, &st) < 0 || st.st_dev == tree)
		return err_set(e, ERR_FAILED, "'%s' is not there", path);
	if (is_dir ? mkdirat(parent, name, 0755) < 0
		   : (file = openat(parent, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644)) <
			     0)
		return no_room(e, path);
	return 0;
}

static int make_all_below(int root, const char *path, bool is_dir, struct err *e)
{
	auto_free char *at = mem_strdup(path);
	struct stat st;

	if (fstat(root, &st) < 0)
		return err_sys(e, "stat the tree");
	for (char *slash = strchr(at + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (make_below(root, st.st_dev, at, true, e) < 0)
			return -1;
		*slash = '/';
	}
	return make_below(root, st.st_dev, at, is_dir, e);
}

/* The old root's path of a descriptor. */
static int path_of(char out[PATH_MAX], int fd, struct err *e)
{
	char link[40];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, out, PATH_MAX);
	if (n < 0 || n == PATH_MAX)
		return err_sys(e, "find where a mount point is");
	out[n] = '\0';
	return 0;
}

/* Links in the tree were followed before; those of a mount above may lead anywhere in it. */
static int check_place(int root, int point, struct err *e)
{
	char top[PATH_MAX], place[PATH_MAX];
	struct span rest;

	if (path_of(top, root, e) < 0 || path_of(place, point, e) < 0)
		return -1;
	rest = span_of_str(place);
	if (!span_take(&rest, top) || stubs_are_kernels(rest.p))
		return err_set(e, ERR_FAILED, "nothing can be mounted on '%s'", rest.p);
	return 0;
}

static int open_mount_point(const char *path, bool is_dir, struct err *e)
{
	auto_close int root = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_close int fd = -1;

	if (root < 0)
		return err_sys(e, "open the tree");
	fd = fs_open_beneath(root, path, O_PATH | O_NOFOLLOW, 0, FS_IN_ROOT, e);
	if (fd < 0 && e->sys == ENOENT) {
		err_clear(e);
		if (make_all_below(root, path, is_dir, e) == 0)
			fd = fs_open_beneath(root, path, O_PATH | O_NOFOLLOW, 0, FS_IN_ROOT, e);
	}
	return fd < 0 || check_place(root, fd, e) < 0 ? -1 : fd_steal(&fd);
}

static int attach_tmpfs(int point, const struct run_mount *m, struct err *e)
{
	auto_buf struct buf options = BUF_INIT(BUF_SMALL);

	buf_addf(&options, "mode=%o,uid=%u,gid=%u", m->mode, m->uid, m->gid);
	if (m->size_bytes)
		buf_addf(&options, ",size=%llu", (unsigned long long)m->size_bytes);
	if (mount_on(point, "tmpfs", "tmpfs", MS_NOSUID | MS_NODEV | (m->read_only ? MS_RDONLY : 0),
		     buf_str(&options)) < 0)
		return err_sys(e, "mount a tmpfs on '%s'", m->target);
	return 0;
}

static int attach_one(int fd, const struct run_mount *m, const char *where, struct err *e)
{
	struct stat st = { .st_mode = m->kind == RUN_MOUNT_FILE ? S_IFREG : S_IFDIR };
	auto_close int point = -1;

	if (m->kind == RUN_MOUNT_BIND && fstat(fd, &st) < 0)
		return err_sys(e, "stat what is mounted on '%s'", m->target);
	point = open_mount_point(where, S_ISDIR(st.st_mode), e);
	if (point < 0)
		return err_wrap(e, "mount point '%s'", m->target);
	if (m->kind == RUN_MOUNT_TMPFS)
		return attach_tmpfs(point, m, e);
	if (move_mount(fd, "", point, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return err_sys(e, "mount on '%s'", m->target);
	return 0;
}

int attach_all(const struct attach *a, const struct run_spec *spec, const struct stubs *stubs,
	       struct err *e)
{
	for (size_t i = 0; i < a->nr; i++)
		if (attach_one(a->fds[i], &spec->mounts[i], stubs->mounts[i], e) < 0)
			return -1;
	return 0;
}
