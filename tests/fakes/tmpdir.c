/*
 * Made in /tmp, because a path of a build tree can be too long for a socket.
 * Failure here means that the machine cannot run tests, so it ends the program.
 */
#include "tests/fakes/tmpdir.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"

static void must(bool ok, const char *what, const char *name)
{
	if (ok)
		return;
	fprintf(stderr, "test directory: %s '%s': %m\n", what, name);
	abort();
}

void tmpdir_init(struct tmpdir *t)
{
	snprintf(t->path, sizeof(t->path), "/tmp/unit-XXXXXX");
	must(mkdtemp(t->path) != NULL, "make", t->path);
	t->fd = open(t->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	must(t->fd >= 0, "open", t->path);
}

void tmpdir_release(struct tmpdir *t)
{
	struct err e = ERR_INIT;

	if (t->fd < 0)
		return;
	close(fd_steal(&t->fd));
	if (fs_remove_tree(AT_FDCWD, t->path, &e) < 0) {
		fprintf(stderr, "test directory: %s\n", e.text);
		abort();
	}
}

static void make_parent(struct tmpdir *t, const char *name)
{
	const char *slash = strrchr(name, '/');
	auto_free char *parent = slash ? mem_strndup(name, (size_t)(slash - name)) : NULL;

	if (parent)
		tmpdir_dir(t, parent);
}

void tmpdir_dir(struct tmpdir *t, const char *name)
{
	struct err e = ERR_INIT;

	must(fs_mkdir_p(t->fd, name, 0755, &e) == 0, "make", name);
}

void tmpdir_file(struct tmpdir *t, const char *name, const char *text)
{
	size_t n = strlen(text);
	auto_close int fd = -1;

	make_parent(t, name);
	fd = openat(t->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	must(fd >= 0 && write(fd, text, n) == (ssize_t)n && fchmod(fd, 0644) == 0, "write", name);
}

void tmpdir_link(struct tmpdir *t, const char *name, const char *target)
{
	make_parent(t, name);
	must(symlinkat(target, t->fd, name) == 0, "link", name);
}

bool tmpdir_has(const struct tmpdir *t, const char *name)
{
	struct stat st;

	return fstatat(t->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

char *tmpdir_read(const struct tmpdir *t, const char *name)
{
	auto_buf struct buf b = BUF_INIT(64 * BUF_SMALL);
	struct err e = ERR_INIT;

	return fs_read_file(t->fd, name, &b, &e) < 0 ? NULL : buf_steal(&b);
}

size_t tmpdir_count(const struct tmpdir *t)
{
	DIR *d = opendir(t->path);
	size_t n = 0;

	must(d != NULL, "open", t->path);
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static bool write_map(const char *path, const char *text)
{
	auto_close int fd = open(path, O_WRONLY | O_CLOEXEC);
	struct err e = ERR_INIT;

	return fd >= 0 && fs_write_all(fd, text, strlen(text), path, &e) == 0;
}

static bool own_user_and_mounts(void)
{
	auto_free char *uid_map = mem_printf("0 %u 1", (unsigned)geteuid());
	auto_free char *gid_map = mem_printf("0 %u 1", (unsigned)getegid());

	return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 &&
	       write_map("/proc/self/setgroups", "deny") &&
	       write_map("/proc/self/uid_map", uid_map) && write_map("/proc/self/gid_map", gid_map);
}

bool tmpdir_own_mounts(struct tmpdir *t)
{
	if (unshare(CLONE_NEWNS) < 0 && !own_user_and_mounts())
		return false;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || chdir(t->path) < 0)
		return false;
	/* the old descriptor still lies in the old namespace's mount */
	close(t->fd);
	t->fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return t->fd >= 0;
}
