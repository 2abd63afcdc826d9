/*
 * Renaming without replacing is tried first: what is there already is rare (a move that was
 * interrupted) and needs a look. Directories go down by descriptors, two for each level.
 */
#include "oci/run/move.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/mem.h"

#define DEPTH_MAX 512
#define PATHS_MAX (1u << 20)

/* A file of several names that was moved, so that the next name becomes a link to it. */
struct move_link {
	dev_t dev;
	ino_t ino;
	char *path; /* below mover.to */
};

void mover_init(struct mover *m, int from, int to)
{
	*m = (struct mover){ .from = from, .to = to };
	buf_init(&m->path, PATHS_MAX);
}

void mover_release(struct mover *m)
{
	for (size_t i = 0; i < m->nr_links; i++)
		free(m->links[i].path);
	free(m->links);
	buf_release(&m->path);
}

int move_names(struct strv *out, int dirfd, const struct strv *without, struct err *e)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *ent;
	int why;

	if (!stream) {
		err_sys(e, "list a directory");
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while ((errno = 0, ent = readdir(stream)) != NULL)
		if (strcmp(ent->d_name, ".") != 0 && strcmp(ent->d_name, "..") != 0 &&
		    !(without && strv_has(without, ent->d_name)))
			strv_add(out, ent->d_name);
	why = errno;
	closedir(stream);
	errno = why;
	if (why)
		return err_sys(e, "list a directory");
	strv_sort(out);
	return 0;
}

/* What a file system or our rights do not allow is left out: lists of access, marks of overlayfs. */
static void xattrs_copy(int from, int to)
{
	char names[4096], value[4096];
	ssize_t n = flistxattr(from, names, sizeof(names));

	for (char *name = names; n > 0 && name < names + n; name += strlen(name) + 1) {
		ssize_t size = fgetxattr(from, name, value, sizeof(value));

		if (size >= 0)
			(void)!fsetxattr(to, name, value, (size_t)size, 0);
	}
}

static int attributes_copy(int from, int to, const struct stat *st, struct err *e)
{
	if (fchown(to, st->st_uid, st->st_gid) < 0 || fchmod(to, st->st_mode & 07777) < 0)
		return err_sys(e, "set the attributes of a directory");
	xattrs_copy(from, to);
	return 0;
}

static int times_copy(int to, const struct stat *st, struct err *e)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };

	return futimens(to, times) < 0 ? err_sys(e, "set the times of a directory") : 0;
}

static int open_dir(int at, const char *name)
{
	return openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static int fail(const struct mover *m, const char *name, struct err *e)
{
	int sys = errno;
	const char *path = buf_str(&m->path);

	errno = sys;
	return err_sys(e, "move '%s%s%s'", path, *path ? "/" : "", name);
}

/* True: it is a name of a file that was moved before, and it is a link to that now. */
static bool link_again(struct mover *m, int from, int to, const char *name, const struct stat *st)
{
	for (size_t i = 0; i < m->nr_links; i++) {
		const struct move_link *l = &m->links[i];

		if (l->dev == st->st_dev && l->ino == st->st_ino)
			return linkat(m->to, l->path, to, name, 0) == 0 &&
			       unlinkat(from, name, 0) == 0;
	}
	return false;
}

static void link_note(struct mover *m, const char *name, const struct stat *st)
{
	MEM_GROW(m->links, m->nr_links, m->cap_links);
	m->links[m->nr_links++] =
		(struct move_link){ st->st_dev, st->st_ino,
				    mem_printf("%s/%s", buf_str(&m->path), name) };
}

static int move_at(struct mover *m, int from, int to, const char *name, size_t depth,
		   struct err *e);

static int move_children(struct mover *m, int from, int to, size_t depth, struct err *e)
{
	auto_strv struct strv names = STRV_INIT;

	if (move_names(&names, from, NULL, e) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++)
		if (move_at(m, from, to, names.v[i], depth + 1, e) < 0)
			return -1;
	return 0;
}

/* A directory that is no rename away. is_new: there was none of that name. */
static int move_dir(struct mover *m, int from, int to, const char *name, size_t depth,
		    struct err *e)
{
	bool is_new = mkdirat(to, name, 0700) == 0;
	auto_close int source = -1;
	auto_close int target = -1;
	size_t len = m->path.len;
	struct stat st;

	if (depth == DEPTH_MAX) {
		errno = ENAMETOOLONG;
		return fail(m, name, e);
	}
	if ((!is_new && errno != EEXIST) || (source = open_dir(from, name)) < 0 ||
	    (target = open_dir(to, name)) < 0 || fstat(source, &st) < 0)
		return fail(m, name, e);
	/* at once, should we be killed on the way; moving changes times on both sides */
	if (is_new &&
	    (attributes_copy(source, target, &st, e) < 0 || times_copy(target, &st, e) < 0))
		return -1;
	buf_addf(&m->path, "%s%s", len ? "/" : "", name);
	if (move_children(m, source, target, depth, e) < 0 ||
	    (is_new && times_copy(target, &st, e) < 0))
		return -1;
	m->path.len = len;
	m->path.data[len] = '\0';
	return unlinkat(from, name, AT_REMOVEDIR) < 0 ? fail(m, name, e) : 0;
}

static int rename_new(int from, int to, const char *name)
{
	if (renameat2(from, name, to, name, RENAME_NOREPLACE) == 0)
		return 0;
	/* a file system that knows no such rename */
	return errno == EINVAL ? renameat(from, name, to, name) : -1;
}

/* Two names of one file are left alone by rename: then it was moved by half before. */
static int replace(struct mover *m, int from, int to, const char *name, struct err *e)
{
	if (renameat(from, name, to, name) < 0 || (unlinkat(from, name, 0) < 0 && errno != ENOENT))
		return fail(m, name, e);
	return 0;
}

/* rename has said why not. */
static int move_otherwise(struct mover *m, int from, int to, const char *name, size_t depth,
			  struct err *e)
{
	bool other_layer = errno == EXDEV;
	struct stat st;

	if (errno != EXDEV && errno != EEXIST && errno != ENOTEMPTY)
		return fail(m, name, e);
	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(m, name, e);
	if (S_ISDIR(st.st_mode)) {
		m->was_by_hand = true;
		return move_dir(m, from, to, name, depth, e);
	}
	errno = EXDEV;
	return other_layer ? fail(m, name, e) : replace(m, from, to, name, e);
}

static int move_at(struct mover *m, int from, int to, const char *name, size_t depth, struct err *e)
{
	bool has_names = false;
	struct stat st;

	/* by hand, each name of a file would become a file of its own */
	if (depth > 0) {
		if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return fail(m, name, e);
		has_names = !S_ISDIR(st.st_mode) && st.st_nlink > 1;
	}
	if (has_names && link_again(m, from, to, name, &st))
		return 0;
	if (rename_new(from, to, name) < 0)
		return move_otherwise(m, from, to, name, depth, e);
	if (has_names)
		link_note(m, name, &st);
	return 0;
}

int move_entry(struct mover *m, const char *name, struct err *e)
{
	buf_reset(&m->path);
	return move_at(m, m->from, m->to, name, 0, e);
}
