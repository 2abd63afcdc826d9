/*
 * Everything by descriptor and path: trees here are our own, links in them are never followed.
 */
#include "tests/fakes/layer_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/walk.h"

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(1);
}

void disk_open(struct disk *t)
{
	memcpy(t->path, "/tmp/layer-tree-XXXXXX", 23);
	must(mkdtemp(t->path) != NULL, "mkdtemp");
	t->fd = open(t->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	must(t->fd >= 0, t->path);
}

void disk_close(struct disk *t)
{
	struct err e = ERR_INIT;

	if (t->fd < 0)
		return;
	close(t->fd);
	t->fd = -1;
	if (fs_remove_tree(AT_FDCWD, t->path, &e) < 0)
		must(false, e.text);
}

void disk_set_time(struct disk *t, const char *path, int64_t sec, long nsec)
{
	struct timespec at = { .tv_sec = sec, .tv_nsec = nsec };
	struct timespec times[2] = { at, at };

	must(utimensat(t->fd, path, times, AT_SYMLINK_NOFOLLOW) == 0, path);
}

void disk_dir(struct disk *t, const char *path)
{
	must(mkdirat(t->fd, path, 0755) == 0, path);
	must(fchmodat(t->fd, path, 0755, 0) == 0, path);
	disk_set_time(t, path, DISK_TIME, 0);
}

void disk_file(struct disk *t, const char *path, const char *content)
{
	auto_close int fd = openat(t->fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	size_t n = strlen(content);

	must(fd >= 0 && write(fd, content, n) == (ssize_t)n && fchmod(fd, 0644) == 0, path);
	disk_set_time(t, path, DISK_TIME, 0);
}

void disk_symlink(struct disk *t, const char *path, const char *target)
{
	must(symlinkat(target, t->fd, path) == 0, path);
	disk_set_time(t, path, DISK_TIME, 0);
}

void disk_hard_link(struct disk *t, const char *path, const char *target)
{
	must(linkat(t->fd, target, t->fd, path, 0) == 0, path);
}

void disk_node(struct disk *t, const char *path, mode_t mode, unsigned major, unsigned minor)
{
	must(mknodat(t->fd, path, mode, makedev(major, minor)) == 0, path);
	disk_set_time(t, path, DISK_TIME, 0);
}

void disk_whiteout(struct disk *t, const char *path)
{
	disk_node(t, path, S_IFCHR, 0, 0);
}

void disk_mark(struct disk *t, const char *path, const char *key, const char *value)
{
	auto_free char *at = mem_printf("/proc/self/fd/%d/%s", t->fd, path);
	auto_free char *trusted = mem_printf("trusted.overlay.%s", key);
	auto_free char *user = mem_printf("user.overlay.%s", key);
	size_t n = strlen(value);

	must(lsetxattr(at, trusted, value, n, 0) == 0 || lsetxattr(at, user, value, n, 0) == 0,
	     path);
}

static struct walk *start(const struct disk *t)
{
	struct walk *w = NULL;
	struct err e = ERR_INIT;

	if (walk_open(&w, t->fd, &e) < 0)
		must(false, e.text);
	return w;
}

void disk_settle(struct disk *t)
{
	auto_walk struct walk *w = start(t);
	struct walk_entry ent;
	struct err e = ERR_INIT;

	while (walk_next(w, &ent, &e) > 0)
		if (S_ISDIR(ent.st.st_mode))
			disk_set_time(t, ent.path, DISK_TIME, 0);
}

struct seen {
	ino_t ino;
	char *path;
};

static void tell_content(struct buf *b, const struct walk_entry *ent)
{
	auto_buf struct buf content = BUF_INIT(BUF_SMALL);
	struct err e = ERR_INIT;

	buf_addf(b, "%lld %s", (long long)ent->st.st_size, ent->path);
	if (ent->st.st_size > 64)
		return;
	if (fs_read_file(ent->dirfd, ent->name, &content, &e) < 0)
		must(false, e.text);
	buf_addf(b, " = %s", buf_str(&content));
}

static void tell_link(struct buf *b, const struct walk_entry *ent)
{
	char target[4096];
	ssize_t n = readlinkat(ent->dirfd, ent->name, target, sizeof(target));

	must(n >= 0, ent->path);
	buf_addf(b, "%s -> %.*s", ent->path, (int)n, target);
}

static void tell(struct buf *b, const struct walk_entry *ent, bool times)
{
	const struct stat *st = &ent->st;
	mode_t type = st->st_mode & S_IFMT;

	buf_add_char(b, "?pc?d?b?f?l?s???"[type >> 12]);
	buf_add_char(b, ' ');
	if (!S_ISLNK(type))
		buf_addf(b, "%04o ", st->st_mode & 07777);
	if (!S_ISLNK(type) || st->st_uid || st->st_gid)
		buf_addf(b, "%u:%u ", st->st_uid, st->st_gid);
	if (times)
		buf_addf(b, "@%lld", (long long)st->st_mtim.tv_sec);
	if (times && st->st_mtim.tv_nsec)
		buf_addf(b, ".%09ld", st->st_mtim.tv_nsec);
	if (times)
		buf_add_char(b, ' ');
	if (S_ISREG(type))
		tell_content(b, ent);
	else if (S_ISLNK(type))
		tell_link(b, ent);
	else if (S_ISCHR(type) || S_ISBLK(type))
		buf_addf(b, "%u:%u %s", major(st->st_rdev), minor(st->st_rdev), ent->path);
	else
		buf_add_str(b, ent->path);
}

/* The first name of a file that has several; NULL: this is it. */
static const char *first_name(struct seen **v, size_t *nr, size_t *cap,
			      const struct walk_entry *ent)
{
	if (S_ISDIR(ent->st.st_mode) || ent->st.st_nlink < 2)
		return NULL;
	for (size_t i = 0; i < *nr; i++)
		if ((*v)[i].ino == ent->st.st_ino)
			return (*v)[i].path;
	MEM_GROW(*v, *nr, *cap);
	(*v)[(*nr)++] = (struct seen){ ent->st.st_ino, mem_strdup(ent->path) };
	return NULL;
}

char *disk_text(const struct disk *t, bool times)
{
	auto_buf struct buf b = BUF_INIT(BUF_SMALL);
	auto_walk struct walk *w = start(t);
	struct walk_entry ent;
	struct err e = ERR_INIT;
	struct seen *v = NULL;
	size_t nr = 0, cap = 0;

	buf_add_str(&b, "");
	while (walk_next(w, &ent, &e) > 0) {
		const char *first = first_name(&v, &nr, &cap, &ent);

		if (first)
			buf_addf(&b, "h %s == %s", ent.path, first);
		else
			tell(&b, &ent, times);
		buf_add_char(&b, '\n');
	}
	for (size_t i = 0; i < nr; i++)
		free(v[i].path);
	free(v);
	return buf_steal(&b);
}
