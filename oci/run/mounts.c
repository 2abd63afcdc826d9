/*
 * Every target is opened first, inside the tree and (for /proc, /sys, /dev) with no link
 * followed, and then mounted on through /proc/self/fd: between check and use
 * nothing can be exchanged. The old root's /proc is there until pivot_root.
 *
 * In a user namespace some mounts are refused (a fresh sysfs without a network namespace, a
 * fresh proc under a masked one, gid=5 on devpts with one id): the fallbacks
 * are the host's own mounts; /sys read-only all the way down, since a user's own
 * cgroups may be writable there.
 */
#include "oci/run/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "base/fs.h"
#include "base/mem.h"

#define SHM_BYTES (64u << 20)

int mount_on(int fd, const char *source, const char *type, unsigned long flags, const char *data)
{
	char target[40];

	snprintf(target, sizeof(target), "/proc/self/fd/%d", fd);
	return mount(source, target, type, flags, data);
}

static int open_target(const char *path, enum fs_beneath how, struct err *e)
{
	auto_close int cwd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (cwd < 0)
		return err_sys(e, "open the tree");
	return fs_open_beneath(cwd, path, O_PATH | O_NOFOLLOW, 0, how, e);
}

static int mount_proc(struct err *e)
{
	auto_close int fd = open_target("proc", FS_NO_LINKS, e);

	if (fd < 0)
		return -1;
	if (mount_on(fd, "proc", "proc", MS_NOSUID | MS_NOEXEC | MS_NODEV, NULL) == 0)
		return 0;
	if (errno == EPERM && mount_on(fd, "/proc", NULL, MS_BIND | MS_REC, NULL) == 0)
		return 0;
	return err_sys(e, "mount /proc");
}

/* The mount on path and all on top of it. */
static int make_read_only(const char *path, struct err *e)
{
	const unsigned long flags =
		MS_REMOUNT | MS_BIND | MS_NOSUID | MS_NOEXEC | MS_NODEV | MS_RDONLY;
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
					       MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NODEV };
	auto_close int fd = open_target(path, FS_NO_LINKS, e);

	if (fd < 0)
		return -1;
	if (mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)) == 0)
		return 0;
	/* before Linux 5.12 (or under an old filter) only the topmost can be had in one call */
	if ((errno == ENOSYS || errno == EPERM) && mount_on(fd, NULL, NULL, flags, NULL) == 0)
		return 0;
	return err_sys(e, "make '/%s' read-only", path);
}

static int mount_sys(struct err *e)
{
	const unsigned long flags = MS_NOSUID | MS_NOEXEC | MS_NODEV | MS_RDONLY;
	auto_close int fd = open_target("sys", FS_NO_LINKS, e);

	if (fd < 0)
		return -1;
	if (mount_on(fd, "sysfs", "sysfs", flags, NULL) == 0)
		return 0;
	if (errno == EPERM && mount_on(fd, "/sys", NULL, MS_BIND | MS_REC, NULL) == 0)
		return make_read_only("sys", e);
	return err_sys(e, "mount /sys");
}

/* A name in the new /dev, which is ours alone: plain relative paths are safe below it. */
static int dev_bind(const char *name, struct err *e)
{
	auto_free char *from = mem_printf("/dev/%s", name);
	auto_free char *to = mem_printf("dev/%s", name);
	auto_close int fd = open(to, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0666);

	if (fd < 0)
		return err_sys(e, "make '%s'", to);
	if (mount(from, to, NULL, MS_BIND, NULL) < 0 && errno != ENOENT)
		return err_sys(e, "bind '%s'", from);
	return 0;
}

static int dev_links(struct err *e)
{
	static const char *const links[][2] = {
		{ "/proc/self/fd", "dev/fd" },	     { "/proc/self/fd/0", "dev/stdin" },
		{ "/proc/self/fd/1", "dev/stdout" }, { "/proc/self/fd/2", "dev/stderr" },
		{ "pts/ptmx", "dev/ptmx" },
	};

	for (size_t i = 0; i < ARRAY_LEN(links); i++)
		if (symlink(links[i][0], links[i][1]) < 0)
			return err_sys(e, "make '%s'", links[i][1]);
	return 0;
}

static int dev_file_systems(uint64_t shm_bytes, struct err *e)
{
	const unsigned long flags = MS_NOSUID | MS_NOEXEC;
	auto_free char *shm = mem_printf("mode=1777,size=%llu",
					 (unsigned long long)(shm_bytes ? shm_bytes : SHM_BYTES));

	if (mkdir("dev/pts", 0755) < 0 || mkdir("dev/shm", 01777) < 0 ||
	    mkdir("dev/mqueue", 01777) < 0)
		return err_sys(e, "make directories in /dev");
	if (mount("devpts", "dev/pts", "devpts", flags,
		  "newinstance,ptmxmode=0666,mode=0620,gid=5") < 0 &&
	    mount("devpts", "dev/pts", "devpts", flags, "newinstance,ptmxmode=0666,mode=0620") < 0)
		return err_sys(e, "mount /dev/pts");
	if (mount("shm", "dev/shm", "tmpfs", flags | MS_NODEV, shm) < 0)
		return err_sys(e, "mount /dev/shm");
	if (mount("mqueue", "dev/mqueue", "mqueue", flags | MS_NODEV, NULL) < 0 &&
	    errno != ENODEV && errno != EPERM)
		return err_sys(e, "mount /dev/mqueue");
	return 0;
}

static int mount_dev(uint64_t shm_bytes, struct err *e)
{
	static const char *const nodes[] = { "null", "zero", "full", "random", "urandom", "tty" };
	auto_close int fd = open_target("dev", FS_NO_LINKS, e);

	if (fd < 0)
		return -1;
	/* nodev: only the nodes bound here are devices, not what a RUN makes beside them */
	if (mount_on(fd, "tmpfs", "tmpfs", MS_NOSUID | MS_NODEV | MS_STRICTATIME,
		     "mode=755,size=65536k") < 0)
		return err_sys(e, "mount /dev");
	for (size_t i = 0; i < ARRAY_LEN(nodes); i++)
		if (dev_bind(nodes[i], e) < 0)
			return -1;
	if (dev_links(e) < 0)
		return -1;
	return dev_file_systems(shm_bytes, e);
}

/* Only the mount on top of path: what a RUN would write there is refused, not lost. */
static int make_text_read_only(const char *path, struct err *e)
{
	const unsigned long flags =
		MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;
	auto_close int fd = open_target(path, FS_IN_ROOT, e);

	if (fd < 0)
		return -1;
	return mount_on(fd, NULL, NULL, flags, NULL) < 0 ? err_sys(e, "make '%s' read-only", path)
							 : 0;
}

/* The file lives in the new /dev, without a name there. */
static int mount_text(const char *target, struct span text, struct err *e)
{
	static const char name[] = "dev/.text";
	auto_close int file = open(name, O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0644);
	auto_close int fd = open_target(target, FS_IN_ROOT, e);

	if (fd < 0)
		return -1;
	if (file < 0)
		return err_sys(e, "make the file for '%s'", target);
	if (fs_write_all(file, text.p, text.n, target, e) < 0)
		return -1;
	if (mount_on(fd, name, NULL, MS_BIND, NULL) < 0)
		return err_sys(e, "mount '%s'", target);
	unlink(name);
	return make_text_read_only(target, e);
}

/* Kernel knobs that a build must not see or turn (runc's default lists). Missing ones are fine. */
static int mask_paths(struct err *e)
{
	static const char *const hidden[] = {
		"proc/acpi",
		"proc/asound",
		"proc/kcore",
		"proc/keys",
		"proc/latency_stats",
		"proc/timer_list",
		"proc/timer_stats",
		"proc/sched_debug",
		"proc/scsi",
		"sys/firmware",
		"sys/devices/virtual/powercap",
	};
	static const char *const read_only[] = {
		"proc/bus", "proc/fs", "proc/irq", "proc/sys", "proc/sysrq-trigger",
	};

	for (size_t i = 0; i < ARRAY_LEN(hidden); i++) {
		struct stat st;
		int r;

		if (stat(hidden[i], &st) < 0)
			continue;
		r = S_ISDIR(st.st_mode) ? mount("tmpfs", hidden[i], "tmpfs", MS_RDONLY, "size=0")
					: mount("dev/null", hidden[i], NULL, MS_BIND, NULL);
		if (r < 0)
			return err_sys(e, "hide '/%s'", hidden[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(read_only); i++) {
		const char *path = read_only[i];

		/* with all below: a part of a mount of the host's may not be shown without */
		if (mount(path, path, NULL, MS_BIND | MS_REC, NULL) < 0) {
			if (errno == ENOENT)
				continue;
			return err_sys(e, "bind '/%s'", path);
		}
		if (make_read_only(path, e) < 0)
			return -1;
	}
	return 0;
}

int mounts_make(const struct run_spec *spec, const struct stubs *s, struct span resolv_conf,
		struct err *e)
{
	if (mount_proc(e) < 0 || mount_sys(e) < 0 || mount_dev(spec->shm_bytes, e) < 0 ||
	    mount_text(s->resolv_conf, resolv_conf, e) < 0 ||
	    mount_text(s->hosts, span_of_str(spec->hosts), e) < 0)
		return -1;
	return mask_paths(e);
}
