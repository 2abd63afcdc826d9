/*
 * Each thing that a RUN sees is a cover (cover.h), made in the order of the mounts and undone in the
 * reverse order, so that one below another is below what that shows. What is covered lies in a
 * directory of this RUN's in the caller's.
 */
#include "oci/run/emulate.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "base/fs.h"
#include "base/mem.h"
#include "oci/run/copy_tree.h"
#include "oci/run/cover.h"

#define TEXT_FILE_MAX (1u << 20)

struct emulate {
	struct emulate_from from;
	int aside_fd; /* of this RUN, below from.aside_fd */
	char *aside;
	struct cover *covers;
	size_t nr, cap;
	char *memory; /* the path of from.memory_fd; NULL: nothing is in it */
	int hosts_fd; /* a file that is a mount of the machine's, and what was in it */
	struct buf hosts;
};

/* -- covers ------------------------------------------------------------------------ */

static struct cover *cover_new(struct emulate *m, const char *path, struct err *e)
{
	auto_free char *name = mem_printf("%zu", m->nr);
	struct cover *c;

	MEM_GROW(m->covers, m->nr, m->cap);
	c = &m->covers[m->nr++];
	return cover_begin(c, m->from.root_fd, path, m->aside_fd, name, e) < 0 ? NULL : c;
}

static int set_owner(int fd, const struct run_mount *m, struct err *e)
{
	if (fchown(fd, m->uid, m->gid) < 0)
		return err_sys(e, "give '%s' to %u:%u", m->target, m->uid, m->gid);
	return fchmod(fd, m->mode) < 0 ? err_sys(e, "set the mode of '%s'", m->target) : 0;
}

static int new_dir(const struct cover *c, struct err *e)
{
	int fd;

	if (mkdirat(c->parent_fd, c->name, 0755) < 0)
		return err_sys(e, "make '%s'", c->name);
	fd = openat(c->parent_fd, c->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_sys(e, "open '%s'", c->name) : fd;
}

static int new_file(int dirfd, const char *name, struct err *e)
{
	int fd = openat(dirfd, name, O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0600);

	return fd < 0 ? err_sys(e, "make '%s'", name) : fd;
}

/* -- bind, cache, ssh -------------------------------------------------------------- */

/* Where the kernel says that fd is. */
static int path_of(char path[PATH_MAX], int fd)
{
	char link[40];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, PATH_MAX - 1);
	if (n <= 0)
		return -1;
	path[n] = '\0';
	return 0;
}

static int find_home(struct cover *c, int fd, const struct stat *st)
{
	char path[PATH_MAX];
	struct err ignored = ERR_INIT;
	struct stat at;
	auto_close int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (root < 0 || path_of(path, fd) < 0)
		return -1;
	c->home_fd = fs_open_parent(root, path, FS_NO_LINKS, &c->home, &ignored);
	return c->home_fd >= 0 && fstatat(c->home_fd, c->home, &at, AT_SYMLINK_NOFOLLOW) == 0 &&
			       at.st_ino == st->st_ino && at.st_dev == st->st_dev
		       ? 0
		       : -1;
}

static bool is_in_use(const struct emulate *m, const struct stat *st)
{
	struct stat at;

	for (size_t i = 0; i + 1 < m->nr; i++)
		if (m->covers[i].own_fd >= 0 && fstat(m->covers[i].own_fd, &at) == 0 &&
		    at.st_ino == st->st_ino && at.st_dev == st->st_dev)
			return true;
	return false;
}

/* A socket has to be the one that is listened on. */
static int link_socket(struct emulate *m, struct cover *c, int fd, struct err *e)
{
	char path[PATH_MAX];

	if (!m->from.is_in_root || path_of(path, fd) < 0)
		return err_set(e, ERR_IMPOSSIBLE,
			       "a socket cannot be had on another file system without mounts");
	return symlinkat(path, c->parent_fd, c->name) < 0 ? err_sys(e, "make a link to the socket")
							  : 0;
}

static int put_source(struct emulate *m, struct cover *c, const struct run_mount *mount, int fd,
		      const struct stat *st, struct err *e)
{
	bool moves = mount->is_kept || mount->is_ours || S_ISSOCK(st->st_mode);

	if (moves && find_home(c, fd, st) < 0)
		return err_set(e, ERR_FAILED, "what is mounted has moved");
	if (mount->is_kept)
		c->after = COVER_GOES_HOME;
	if (moves && renameat(c->home_fd, c->home, c->parent_fd, c->name) == 0)
		return 0;
	/* another file system, or a lower layer of overlayfs */
	if (S_ISSOCK(st->st_mode))
		return link_socket(m, c, fd, e);
	c->is_copy = true;
	return copy_tree(c->parent_fd, c->name, fd, m->from.stop_fd, e);
}

static int make_bind(struct emulate *m, const struct run_mount *mount, int fd, struct err *e)
{
	struct cover *c = cover_new(m, mount->target, e);
	struct stat st;

	if (!c)
		return -1;
	if (fstat(fd, &st) < 0)
		return err_sys(e, "stat what is mounted");
	if (is_in_use(m, &st))
		return err_set(e, ERR_IMPOSSIBLE,
			       "it is mounted in two places, which cannot be had without mounts");
	return put_source(m, c, mount, fd, &st, e) < 0 ? -1 : cover_done(c, e);
}

/* -- tmpfs, files ------------------------------------------------------------------ */

static int make_tmpfs(struct emulate *m, const struct run_mount *mount, struct err *e)
{
	struct cover *c = cover_new(m, mount->target, e);
	auto_close int fd = c ? new_dir(c, e) : -1;

	return fd < 0 || set_owner(fd, mount, e) < 0 ? -1 : cover_done(c, e);
}

static int write_new(int dirfd, const char *name, const struct run_mount *mount, struct err *e)
{
	auto_close int fd = new_file(dirfd, name, e);

	if (fd < 0 || fs_write_all(fd, mount->bytes.data, mount->bytes.len, mount->target, e) < 0)
		return -1;
	return set_owner(fd, mount, e);
}

static bool is_memory(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && fs.f_type == TMPFS_MAGIC;
}

static int make_linked(struct emulate *m, const struct cover *c, const struct run_mount *mount,
		       struct err *e)
{
	auto_free char *name = mem_printf("%zu", m->nr);
	auto_free char *path = NULL;
	char dir[PATH_MAX];

	if (!m->memory && path_of(dir, m->from.memory_fd) < 0)
		return err_sys(e, "find the directory for secrets");
	if (!m->memory)
		m->memory = mem_strdup(dir);
	path = mem_printf("%s/%s", m->memory, name);
	if (write_new(m->from.memory_fd, name, mount, e) < 0)
		return -1;
	return symlinkat(path, c->parent_fd, c->name) < 0 ? err_sys(e, "make a link") : 0;
}

/* What can be executed is none (/dev/shm may not allow that): a script, and no secret. */
static int make_file(struct emulate *m, const struct run_mount *mount, struct err *e)
{
	struct cover *c = cover_new(m, mount->target, e);

	if (!c)
		return -1;
	if (m->from.is_in_root && !(mount->mode & 0111) && !is_memory(c->parent_fd) &&
	    is_memory(m->from.memory_fd))
		return make_linked(m, c, mount, e) < 0 ? -1 : cover_done(c, e);
	c->after = COVER_WIPED;
	return write_new(c->parent_fd, c->name, mount, e) < 0 ? -1 : cover_done(c, e);
}

/* So does main, when all is over. */
static int wipe_memory(const struct emulate *m, struct err *e)
{
	return m->memory ? fs_remove_tree(AT_FDCWD, m->memory, e) : 0;
}

/* -- what every RUN has ------------------------------------------------------------ */

static int make_text(struct emulate *m, const char *path, struct span text, struct err *e)
{
	struct cover *c = cover_new(m, path, e);
	auto_close int fd = c ? new_file(c->parent_fd, c->name, e) : -1;

	if (fd < 0 || fs_write_all(fd, text.p, text.n, path, e) < 0)
		return -1;
	return fchmod(fd, 0644) < 0 ? err_sys(e, "set the mode of '%s'", path) : cover_done(c, e);
}

/* A device is a warning where it cannot be made or opened. */
static void make_device(const struct emulate *m, int dir, const char *name, unsigned minor)
{
	dev_t number = makedev(strcmp(name, "tty") == 0 ? 5 : 1, minor);
	auto_close int fd = -1;

	if (mknodat(dir, name, S_IFCHR | 0666, number) == 0) {
		if (fchmodat(dir, name, 0666, 0) == 0)
			fd = openat(dir, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		if (fd >= 0 || errno == ENXIO) /* no terminal */
			return;
	}
	dprintf(m->from.err_fd, "there is no /dev/%s in this chroot: %s\n", name, strerror(errno));
	unlinkat(dir, name, 0);
}

static int make_dev(struct emulate *m, struct err *e)
{
	static const struct {
		const char *name;
		unsigned minor;
	} devices[] = { { "null", 3 },	 { "zero", 5 },	   { "full", 7 },
			{ "random", 8 }, { "urandom", 9 }, { "tty", 0 } };
	struct cover *c = cover_new(m, "dev", e);
	auto_close int fd = c ? new_dir(c, e) : -1;

	if (fd < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(devices); i++)
		make_device(m, fd, devices[i].name, devices[i].minor);
	if (mkdirat(fd, "shm", 01777) < 0 || fchmodat(fd, "shm", 01777, 0) < 0)
		return err_sys(e, "make /dev/shm");
	return cover_done(c, e);
}

static int make_empty(struct emulate *m, const char *path, struct err *e)
{
	struct cover *c = cover_new(m, path, e);
	auto_close int fd = c ? new_dir(c, e) : -1;

	return fd < 0 ? -1 : cover_done(c, e);
}

static int make_chroots(struct emulate *m, struct err *e)
{
	const struct emulate_from *from = &m->from;

	if (make_empty(m, "proc", e) < 0 || make_empty(m, "sys", e) < 0 || make_dev(m, e) < 0 ||
	    make_text(m, "/etc/resolv.conf", from->resolv_conf, e) < 0)
		return -1;
	return make_text(m, "/etc/hosts", span_of_str(from->spec->hosts), e);
}

/* The machine's own, which a container has as a mount: its bytes are exchanged. */
static int add_hosts(struct emulate *m, struct span text, struct err *e)
{
	auto_close int fd = fs_open_beneath(m->from.root_fd, "etc/hosts", O_RDWR, 0, FS_IN_ROOT, e);

	if (fd < 0 || fs_read_file(m->from.root_fd, "etc/hosts", &m->hosts, e) < 0 ||
	    ftruncate(fd, 0) < 0 || fs_write_all(fd, text.p, text.n, "/etc/hosts", e) < 0)
		return err_wrap(e, "--add-host");
	m->hosts_fd = fd_steal(&fd);
	return 0;
}

static int put_back_hosts(struct emulate *m, struct err *e)
{
	if (m->hosts_fd < 0)
		return 0;
	if (ftruncate(m->hosts_fd, 0) < 0 || lseek(m->hosts_fd, 0, SEEK_SET) < 0)
		return err_sys(e, "put back /etc/hosts");
	return fs_write_all(m->hosts_fd, m->hosts.data, m->hosts.len, "/etc/hosts", e);
}

/* A mount there is the machine's own file already. */
static int is_a_mount(struct emulate *m, struct err *e)
{
	if (e->sys != EBUSY)
		return -1;
	err_clear(e);
	return cover_end(&m->covers[--m->nr], m->aside_fd, e);
}

static int make_roots(struct emulate *m, struct err *e)
{
	const struct emulate_from *from = &m->from;
	const char *added = from->spec->added_hosts;
	auto_buf struct buf hosts = BUF_INIT(2 * TEXT_FILE_MAX);

	buf_add_span(&hosts, from->hosts);
	buf_addf(&hosts, "%s%s", from->hosts.n && !span_ends(from->hosts, "\n") ? "\n" : "", added);
	if (make_text(m, "/etc/resolv.conf", from->resolv_conf, e) < 0 && is_a_mount(m, e) < 0)
		return -1;
	if (make_text(m, "/etc/hosts", buf_span(&hosts), e) == 0)
		return 0;
	if (is_a_mount(m, e) < 0)
		return -1;
	return *added ? add_hosts(m, buf_span(&hosts), e) : 0;
}

/* -- all --------------------------------------------------------------------------- */

static int make_mounts(struct emulate *m, struct err *e)
{
	const struct run_spec *spec = m->from.spec;
	const int *fds = m->from.fds;

	for (size_t i = 0; i < spec->nr_mounts; i++) {
		const struct run_mount *mount = &spec->mounts[i];
		int r = -1;

		switch (mount->kind) {
		case RUN_MOUNT_BIND:
			r = make_bind(m, mount, *fds++, e);
			break;
		case RUN_MOUNT_TMPFS:
			r = make_tmpfs(m, mount, e);
			break;
		case RUN_MOUNT_FILE:
			r = make_file(m, mount, e);
			break;
		}
		if (r < 0)
			return err_wrap(e, "mount point '%s'", mount->target);
	}
	return 0;
}

/* Not by our pid: one that was killed has left its own, and its pid may be ours by now. */
static int open_aside(struct emulate *m, struct err *e)
{
	unsigned long long number;

	if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number))
		return err_sys(e, "name a directory for what mounts cover");
	m->aside = mem_printf("covered-%016llx", number);
	if (mkdirat(m->from.aside_fd, m->aside, 0700) < 0)
		return err_sys(e, "make a directory for what mounts cover");
	m->aside_fd =
		openat(m->from.aside_fd, m->aside, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return m->aside_fd < 0 ? err_sys(e, "open the directory for what mounts cover") : 0;
}

int emulate_make(struct emulate **out, const struct emulate_from *from, struct err *e)
{
	struct emulate *m = mem_zalloc(sizeof(*m));
	struct err ignored = ERR_INIT;

	m->from = *from;
	m->aside_fd = m->hosts_fd = -1;
	buf_init(&m->hosts, TEXT_FILE_MAX);
	if (open_aside(m, e) == 0 && (from->is_in_root ? make_roots : make_chroots)(m, e) == 0 &&
	    make_mounts(m, e) == 0) {
		m->from.spec = NULL; /* the caller's, and so are its secrets */
		m->from.err_fd = -1;
		*out = m;
		return 0;
	}
	if (emulate_undo(m, &ignored) < 0)
		err_wrap(e, "%s", ignored.text);
	return -1;
}

/* All of it, whatever fails; e tells of the last. */
int emulate_undo(struct emulate *m, struct err *e)
{
	int r = wipe_memory(m, e);

	r = put_back_hosts(m, e) < 0 ? -1 : r;
	while (m->nr)
		r = cover_end(&m->covers[--m->nr], m->aside_fd, e) < 0 ? -1 : r;
	if (m->aside_fd >= 0 && r == 0)
		r = fs_remove_tree(m->from.aside_fd, m->aside, e);
	fd_auto_close_(&m->aside_fd);
	fd_auto_close_(&m->hosts_fd);
	buf_release(&m->hosts);
	free(m->covers);
	free(m->aside);
	free(m->memory);
	free(m);
	return r;
}
