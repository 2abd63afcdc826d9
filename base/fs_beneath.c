/*
 * Opening a path that may not leave a directory. The kernel does it (openat2);
 * where it may not be asked, the same rules are applied here: component by
 * component, each opened with O_PATH | O_NOFOLLOW, links read and put in front of
 * what is left of the path.
 *
 * ".." is answered from the names passed so far, going down again from the
 * start: asking the kernel for ".." could lead outside when somebody moves the
 * directory meanwhile, and one descriptor per level could run out.
 */
#include "base/fs.h"

#include <errno.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/syscall.h>

#include "base/mem.h"
#include "base/span.h"
#include "base/strv.h"

#define LINKS_MAX      40  /* the kernel's own limit */
#define RETRIES_MAX    128 /* openat2 says EAGAIN when a rename happens at the same time */
#define FLAG_SET(v, f) (((v) & (f)) == (f))

bool fs_without_openat2;

static bool may_create(int flags)
{
	return (flags & O_CREAT) || FLAG_SET(flags, O_TMPFILE);
}

static int kernel_open(int dirfd, const char *path, int flags, mode_t mode, enum fs_beneath how)
{
	static const uint64_t resolve[] = {
		[FS_BENEATH] = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
		[FS_IN_ROOT] = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
		[FS_NO_LINKS] = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
	};
	struct open_how arg = {
		.flags = (uint64_t)(unsigned)flags,
		.mode = may_create(flags) ? mode & 07777 : 0,
		.resolve = resolve[how],
	};

	for (int i = 0; i < RETRIES_MAX; i++) {
		long fd = syscall(SYS_openat2, dirfd, path, &arg, sizeof(arg));

		if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
			return (int)fd;
	}
	return -1;
}

struct resolver {
	int root;	    /* borrowed */
	int cur;	    /* owned; -1 at the root */
	struct strv passed; /* names from root to cur, no links among them */
	char *text;	    /* owned: holds rest */
	struct span rest;   /* the part of the path still to go */
	enum fs_beneath how;
	unsigned links;
};

static void resolver_release(struct resolver *r)
{
	fd_auto_close_(&r->cur);
	strv_release(&r->passed);
	free(r->text);
}

static int fail(int sys)
{
	errno = sys;
	return -1;
}

static int here(const struct resolver *r)
{
	return r->cur >= 0 ? r->cur : r->root;
}

static void go_root(struct resolver *r)
{
	fd_auto_close_(&r->cur);
	r->cur = -1;
	strv_release(&r->passed);
}

static int go_up(struct resolver *r)
{
	auto_close int fd = -1;

	if (!r->passed.n)
		return r->how == FS_IN_ROOT ? 0 : fail(EXDEV);
	strv_remove(&r->passed, r->passed.n - 1);
	for (size_t i = 0; i < r->passed.n; i++) {
		int next = openat(fd >= 0 ? fd : r->root, r->passed.v[i],
				  O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		if (next < 0)
			return -1;
		fd_auto_close_(&fd);
		fd = next;
	}
	fd_auto_close_(&r->cur);
	r->cur = fd_steal(&fd);
	return 0;
}

/* What link says goes before the rest of the path. `slash`: the link's name had one behind it. */
static int follow(struct resolver *r, int link, bool slash)
{
	char target[PATH_MAX];
	ssize_t n;
	char *text;

	if (r->how == FS_NO_LINKS || r->links++ >= LINKS_MAX)
		return fail(ELOOP);
	n = readlinkat(link, "", target, sizeof(target));
	if (n < 0)
		return -1;
	if (!n || n == sizeof(target))
		return fail(n ? ENAMETOOLONG : ENOENT);
	if (target[0] == '/') {
		if (r->how != FS_IN_ROOT)
			return fail(EXDEV);
		go_root(r);
	}
	text = mem_printf("%.*s%s" SPAN_FMT, (int)n, target, slash ? "/" : "", (int)r->rest.n,
			  r->rest.n ? r->rest.p : "");
	free(r->text);
	r->text = text;
	r->rest = span_of_str(text);
	return 0;
}

/* The next name; *slash when anything stands behind it ("a/" wants a directory). */
static bool next_name(struct resolver *r, char **name, bool *slash)
{
	struct span piece;
	ptrdiff_t at;

	while (span_take(&r->rest, "/"))
		;
	if (!r->rest.n)
		return false;
	at = span_find(r->rest, '/');
	*slash = at >= 0;
	piece = *slash ? span_head(r->rest, (size_t)at) : r->rest;
	r->rest = span_sub(r->rest, piece.n);
	while (span_take(&r->rest, "/"))
		;
	*name = span_dup(piece);
	return true;
}

/* A name that has something behind it: a directory, or a link to one. */
static int enter(struct resolver *r, const char *name)
{
	auto_close int fd = openat(here(r), name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	if (S_ISLNK(st.st_mode))
		return follow(r, fd, true);
	if (!S_ISDIR(st.st_mode))
		return fail(ENOTDIR);
	fd_auto_close_(&r->cur);
	r->cur = fd_steal(&fd);
	strv_add(&r->passed, name);
	return 0;
}

#define AGAIN (-2) /* a link was met, its target is now the rest of the path */

/* The last name, known to be no link a moment ago. */
static int open_seen(struct resolver *r, const char *name, int flags, mode_t mode)
{
	int fd = openat(here(r), name, flags | O_NOFOLLOW, mode);

	if (fd >= 0 || errno != ELOOP)
		return fd;
	if (r->links++ >= LINKS_MAX)
		return fail(ELOOP);
	free(r->text); /* it became one just now: look again */
	r->text = mem_strdup(name);
	r->rest = span_of_str(r->text);
	return AGAIN;
}

/* The last name when a link there is to be followed. The descriptor, -1 or AGAIN. */
static int open_last(struct resolver *r, const char *name, int flags, mode_t mode)
{
	auto_close int seen = openat(here(r), name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (seen < 0)
		return errno == ENOENT && (flags & O_CREAT) ? open_seen(r, name, flags, mode) : -1;
	if (fstat(seen, &st) < 0)
		return -1;
	if (S_ISLNK(st.st_mode))
		return follow(r, seen, false) < 0 ? -1 : AGAIN;
	if (!(flags & O_PATH))
		return open_seen(r, name, flags, mode);
	if ((flags & O_DIRECTORY) && !S_ISDIR(st.st_mode))
		return fail(ENOTDIR);
	return fd_steal(&seen);
}

static int resolve(struct resolver *r, int flags, mode_t mode)
{
	bool follows = !(flags & O_NOFOLLOW) && !FLAG_SET(flags, O_CREAT | O_EXCL);

	for (;;) {
		auto_free char *name = NULL;
		bool slash;
		int fd;

		if (!next_name(r, &name, &slash))
			return openat(here(r), ".", flags, mode);
		if (strcmp(name, ".") == 0)
			continue;
		if (strcmp(name, "..") == 0) {
			if (go_up(r) < 0)
				return -1;
			continue;
		}
		if (!slash && !follows)
			return openat(here(r), name, flags | O_NOFOLLOW, mode);
		if (!slash) {
			fd = open_last(r, name, flags, mode);
			if (fd != AGAIN)
				return fd;
			continue;
		}
		if (!r->rest.n && (flags & O_CREAT))
			return fail(EISDIR);
		if (enter(r, name) < 0)
			return -1;
	}
}

static int own_open(int dirfd, const char *path, int flags, mode_t mode, enum fs_beneath how)
{
	struct resolver r = { .root = dirfd, .cur = -1, .how = how };
	int fd, saved;

	if (strlen(path) >= PATH_MAX)
		return fail(ENAMETOOLONG);
	r.text = mem_strdup(path);
	r.rest = span_of_str(r.text);
	fd = resolve(&r, flags, mode);
	saved = errno;
	resolver_release(&r);
	errno = saved;
	return fd;
}

int fs_open_beneath(int dirfd, const char *path, int flags, mode_t mode, enum fs_beneath how,
		    struct err *e)
{
	const char *rest = path + strspn(path, "/");
	int fd = fail(ENOSYS);

	if (!*rest)
		rest = ".";
	flags |= O_CLOEXEC;
	if (!fs_without_openat2)
		fd = kernel_open(dirfd, rest, flags, mode, how);
	if (fd < 0 && (errno == ENOSYS || errno == EPERM || errno == EAGAIN))
		fd = own_open(dirfd, rest, flags, mode, how);
	if (fd < 0)
		return err_sys(e, "open '%s'", path);
	return fd;
}

int fs_open_parent(int dirfd, const char *path, enum fs_beneath how, char **last, struct err *e)
{
	struct span all = span_of_str(path), name;
	auto_free char *parent = NULL;
	ptrdiff_t at;
	int fd;

	while (span_ends(all, "/"))
		all.n--;
	at = span_rfind(all, '/');
	name = span_sub(all, (size_t)(at + 1));
	if (!name.n || span_eq_str(name, ".") || span_eq_str(name, ".."))
		return err_set(e, ERR_INPUT, "path '%s' does not name anything in a directory",
			       path);
	parent = span_dup(span_head(all, (size_t)(at + 1)));
	fd = fs_open_beneath(dirfd, parent, O_RDONLY | O_DIRECTORY, 0, how, e);
	if (fd >= 0)
		*last = span_dup(name);
	return fd;
}
