/*
 * The parents of a mount point are stubs like itself, each noted when it is made and removed in
 * the reverse order. A mount point below another mount is made in the tree as well: it is hidden
 * there while the RUN runs, and attach.c makes the one that counts.
 */
#include "oci/run/stubs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#include "base/fs.h"
#include "base/mem.h"

/* Takes parent_fd and name. */
static int stub_note(struct stubs *s, int *parent_fd, char **name, bool is_dir, struct err *e)
{
	struct stat st;

	if (fstatat(*parent_fd, *name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "stat the mount point '%s'", *name);
	MEM_GROW(s->v, s->nr, s->cap);
	s->v[s->nr++] = (struct stub){ .parent_fd = fd_steal(parent_fd),
				       .name = STEAL(name),
				       .ino = st.st_ino,
				       .is_dir = is_dir };
	return 0;
}

/* Mount points come and go unseen: the directory's time is put back each time. */
static void mtime_set(int fd, const struct stat *st)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, st->st_mtim };

	futimens(fd, times);
}

/* One component, made when it is missing. */
static int stub_make_one(struct stubs *s, int root_fd, const char *path, bool is_dir, struct err *e)
{
	auto_free char *name = NULL;
	auto_close int parent = fs_open_parent(root_fd, path, FS_IN_ROOT, &name, e);
	struct stat before, at;
	int r, parent_fd;

	if (parent < 0)
		return -1;
	if (fstat(parent, &before) < 0)
		return err_sys(e, "stat the parent of '%s'", path);
	if (fstatat(parent, name, &at, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	if (s->nr == STUBS_MAX)
		return err_set(e, ERR_FAILED, "more than %d mount points are missing in the image",
			       STUBS_MAX);
	if (is_dir) {
		r = mkdirat(parent, name, 0755);
	} else {
		r = openat(parent, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC,
			   0644);
		if (r >= 0)
			close(r);
	}
	if (r < 0)
		return err_sys(e, "make '%s'", path);
	parent_fd = parent;
	if (stub_note(s, &parent, &name, is_dir, e) < 0)
		return -1;
	mtime_set(parent_fd, &before);
	return 0;
}

static int stub_dir(struct stubs *s, int root_fd, const char *path, struct err *e)
{
	struct stat st;

	if (stub_make_one(s, root_fd, path, true, e) < 0)
		return -1;
	if (fstatat(root_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "stat '/%s'", path);
	if (!S_ISDIR(st.st_mode))
		return err_set(e, ERR_FAILED, "'/%s' in the image is not a directory", path);
	return 0;
}

/* What a link at path (which has none above) says; NULL: it is none, or is not there. */
static char *link_at(int root_fd, const char *path, struct err *e)
{
	auto_free char *name = NULL;
	auto_close int parent = fs_open_parent(root_fd, path, FS_NO_LINKS, &name, e);
	char target[4096];
	ssize_t n;

	if (parent < 0 && e->sys == ENOENT)
		err_clear(e); /* what is missing is made below */
	if (parent < 0)
		return NULL;
	n = readlinkat(parent, name, target, sizeof(target));
	return n < 0 ? NULL : mem_strndup(target, (size_t)n);
}

static void cut(struct buf *path, size_t n)
{
	if (n < path->len)
		path->data[path->len = n] = '\0';
}

static void drop_last(struct buf *path)
{
	ptrdiff_t slash = span_rfind(buf_span(path), '/');

	cut(path, slash < 0 ? 0 : (size_t)slash);
}

/* One component of *rest onto at, or the way that it leads in front of the rest. */
static int follow_one(struct buf *at, char **rest, int root_fd, int *hops, struct err *e)
{
	const char *begin = *rest + strspn(*rest, "/");
	size_t n = strcspn(begin, "/"), before = at->len;
	const struct span name = span_of(begin, n);
	auto_free char *target = NULL;
	auto_free char *left = mem_strdup(begin + n);

	if (span_eq_str(name, ".."))
		drop_last(at);
	else if (n && !span_eq_str(name, "."))
		buf_addf(at, "/" SPAN_FMT, SPAN_ARG(name));
	if (at->len > before)
		target = link_at(root_fd, buf_str(at), e);
	if (e->kind != ERR_NONE)
		return -1;
	if (target && --*hops < 0)
		return err_set(e, ERR_FAILED, "too many symbolic links");
	if (target)
		cut(at, target[0] == '/' ? 0 : before);
	free(*rest);
	*rest = target ? mem_printf("%s/%s", target, left) : STEAL(&left);
	return 0;
}

/*
 * Where path is, all links followed inside the tree by hand, so that a link to nowhere
 * (resolv.conf into /run, say) gives the path of what is to be made.
 */
static char *follow_links(int root_fd, const char *path, struct err *e)
{
	auto_buf struct buf at = BUF_INIT(PATH_MAX);
	auto_free char *rest = mem_strdup(path);
	int hops = 40;

	while (rest[strspn(rest, "/")])
		if (follow_one(&at, &rest, root_fd, &hops, e) < 0) {
			err_wrap(e, "'%s' in the image", path);
			e->kind = ERR_FAILED;
			return NULL;
		}
	if (at.over || !at.len) {
		err_set(e, ERR_FAILED, "'%s' in the image leads to no place for a mount", path);
		return NULL;
	}
	return mem_strdup(buf_str(&at));
}

static bool is_below(const char *path, const char *dir)
{
	struct span rest = span_of_str(path);

	return span_take(&rest, dir) && (rest.n == 0 || rest.p[0] == '/');
}

bool stubs_are_kernels(const char *path)
{
	return is_below(path, "/proc") || is_below(path, "/sys");
}

int stubs_parents(struct stubs *s, int root_fd, const char *path, char **found, struct err *e)
{
	auto_free char *at = follow_links(root_fd, path, e);

	if (!at)
		return -1;
	if (stubs_are_kernels(at))
		return err_set(e, ERR_FAILED, "nothing can be mounted on '%s'", at);
	for (char *slash = strchr(at + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (stub_make_one(s, root_fd, at, true, e) < 0)
			return -1;
		*slash = '/';
	}
	*found = STEAL(&at);
	return 0;
}

/* path and its parents; where that really is. */
static int stub_path(struct stubs *s, int root_fd, const char *path, bool is_dir, char **found,
		     struct err *e)
{
	return stubs_parents(s, root_fd, path, found, e) < 0 ||
			       stub_make_one(s, root_fd, *found, is_dir, e) < 0
		       ? -1
		       : 0;
}

static int stub_mount(struct stubs *s, int root_fd, const struct run_mount *m, int fd,
		      struct err *e)
{
	struct stat st = { .st_mode = S_IFDIR };
	char **at = &s->mounts[s->nr_mounts++];

	if (strspn(m->target, "/.") == strlen(m->target))
		return err_set(e, ERR_FAILED, "nothing can be mounted on '%s'", m->target);
	if (m->kind == RUN_MOUNT_BIND && fstat(fd, &st) < 0)
		return err_sys(e, "stat what is mounted on '%s'", m->target);
	if (stub_path(s, root_fd, m->target, m->kind != RUN_MOUNT_FILE && S_ISDIR(st.st_mode), at,
		      e) < 0)
		return err_wrap(e, "mount point '%s'", m->target);
	return 0;
}

static int stub_mounts(struct stubs *s, int root_fd, const struct run_spec *spec, const int *fds,
		       struct err *e)
{
	s->mounts = mem_zalloc((spec->nr_mounts + 1) * sizeof(*s->mounts));
	for (size_t i = 0; i < spec->nr_mounts; i++) {
		const struct run_mount *m = &spec->mounts[i];
		int fd = m->kind == RUN_MOUNT_BIND ? *fds++ : -1;

		if (stub_mount(s, root_fd, m, fd, e) < 0)
			return -1;
	}
	return 0;
}

int stubs_make(struct stubs *s, int root_fd, const struct run_spec *spec, const int *fds,
	       struct err *e)
{
	static const char *const dirs[] = { "proc", "sys", "dev" };

	*s = (struct stubs){ .nr = 0 };
	for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
		if (stub_dir(s, root_fd, dirs[i], e) < 0)
			return -1;
	/* etc may be a link in odd images; only its files are mounted on */
	if (stub_make_one(s, root_fd, "etc", true, e) < 0 ||
	    stub_path(s, root_fd, "etc/resolv.conf", false, &s->resolv_conf, e) < 0 ||
	    stub_path(s, root_fd, "etc/hosts", false, &s->hosts, e) < 0)
		return -1;
	return stub_mounts(s, root_fd, spec, fds, e);
}

/* Ours, and as we left it: the same inode, and empty. Else the RUN made something of it. */
static void stub_remove(const struct stub *stub)
{
	struct stat st, before;

	if (fstat(stub->parent_fd, &before) < 0 ||
	    fstatat(stub->parent_fd, stub->name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    st.st_ino != stub->ino || (!stub->is_dir && (st.st_size > 0 || !S_ISREG(st.st_mode))))
		return;
	if (unlinkat(stub->parent_fd, stub->name, stub->is_dir ? AT_REMOVEDIR : 0) == 0)
		mtime_set(stub->parent_fd, &before);
}

void stubs_remove(struct stubs *s)
{
	while (s->nr) {
		struct stub *stub = &s->v[--s->nr]; /* children before parents */

		stub_remove(stub);
		close(stub->parent_fd);
		free(stub->name);
	}
	for (size_t i = 0; i < s->nr_mounts; i++)
		free(s->mounts[i]);
	free(s->mounts);
	free(s->v);
	free(s->resolv_conf);
	free(s->hosts);
	*s = (struct stubs){ .nr = 0 };
}
