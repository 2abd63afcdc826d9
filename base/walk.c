/*
 * A stack of open directories, each with its names read and sorted. Names are
 * read all at once, so that what the caller creates or removes meanwhile does
 * not move the reading position, and every directory is entered from the
 * descriptor of the one above without following links.
 */
#include "base/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/strv.h"

struct level {
	int fd;
	struct strv names;
	size_t next;
	size_t path_len; /* of walk.path up to and with this directory's '/' */
};

struct walk {
	struct level *levels;
	size_t n, cap;
	struct buf path;
	dev_t dev;
	bool cross;
	bool enter; /* the entry just given is a directory to go into */
};

static int read_names(struct strv *out, int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	DIR *d = copy >= 0 ? fdopendir(copy) : NULL;
	const struct dirent *ent;
	int saved;

	if (!d) {
		saved = errno;
		fd_auto_close_(&copy);
		errno = saved;
		return -1;
	}
	for (;;) {
		errno = 0;
		ent = readdir(d);
		if (!ent)
			break;
		if (strcmp(ent->d_name, ".") != 0 && strcmp(ent->d_name, "..") != 0)
			strv_add(out, ent->d_name);
	}
	saved = errno;
	closedir(d);
	errno = saved;
	return saved ? -1 : 0;
}

/* Goes into name, which path names by now. */
static int push(struct walk *w, int at, const char *name, struct err *e)
{
	auto_close int fd = -1;
	auto_strv struct strv names = STRV_INIT;
	const char *shown = w->path.len ? buf_str(&w->path) : ".";

	if (w->n > WALK_DEPTH_MAX)
		return err_set(e, ERR_INPUT, "directory '%s': more than %d levels deep", shown,
			       WALK_DEPTH_MAX);
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "open directory '%s'", shown);
	if (read_names(&names, fd) < 0)
		return err_sys(e, "read directory '%s'", shown);
	strv_sort(&names);
	if (w->path.len)
		buf_add_char(&w->path, '/');
	MEM_GROW(w->levels, w->n, w->cap);
	w->levels[w->n++] =
		(struct level){ .fd = fd_steal(&fd), .names = names, .path_len = w->path.len };
	names = (struct strv)STRV_INIT;
	return 0;
}

static void pop(struct walk *w)
{
	struct level *l = &w->levels[--w->n];

	close(l->fd);
	strv_release(&l->names);
}

int walk_open(struct walk **out, int dirfd, struct err *e)
{
	auto_walk struct walk *w = mem_zalloc(sizeof(*w));
	struct stat st;

	buf_init(&w->path, BUF_SMALL);
	if (push(w, dirfd, ".", e) < 0)
		return -1;
	if (fstat(w->levels[0].fd, &st) < 0)
		return err_sys(e, "look at the directory to walk");
	w->dev = st.st_dev;
	*out = STEAL(&w);
	return 0;
}

void walk_cross_mounts(struct walk *w)
{
	w->cross = true;
}

void walk_skip(struct walk *w)
{
	w->enter = false;
}

void walk_close(struct walk *w)
{
	if (!w)
		return;
	while (w->n)
		pop(w);
	free(w->levels);
	buf_release(&w->path);
	free(w);
}

static void set_path(struct walk *w, const struct level *l, const char *name)
{
	w->path.len = l->path_len;
	buf_add_str(&w->path, name);
}

int walk_next(struct walk *w, struct walk_entry *ent, struct err *e)
{
	if (w->enter) {
		struct level *top = &w->levels[w->n - 1];

		w->enter = false;
		if (push(w, top->fd, top->names.v[top->next - 1], e) < 0)
			return -1;
	}
	while (w->n) {
		struct level *l = &w->levels[w->n - 1];
		struct stat st;

		if (l->next == l->names.n) {
			pop(w);
			continue;
		}
		set_path(w, l, l->names.v[l->next++]);
		if (fstatat(l->fd, l->names.v[l->next - 1], &st, AT_SYMLINK_NOFOLLOW) < 0) {
			if (errno == ENOENT)
				continue;
			return err_sys(e, "look at '%s'", buf_str(&w->path));
		}
		w->enter = S_ISDIR(st.st_mode) && (w->cross || st.st_dev == w->dev);
		*ent = (struct walk_entry){
			.path = buf_str(&w->path),
			.name = buf_str(&w->path) + l->path_len,
			.dirfd = l->fd,
			.st = st,
			.depth = w->n - 1,
		};
		return 1;
	}
	return 0;
}
