/*
 * One part after the other, from the root each time: a link's target is put in front of what is
 * still to go. Trees are as deep as people make them, so that this costs little.
 */
#include "oci/build/inroot.h"

#include <errno.h>
#include <limits.h>

#include "base/fs.h"
#include "base/mem.h"

#define PATH_BYTES_MAX (64u << 10)

struct walker {
	int root_fd;
	struct buf at; /* resolved so far */
	char *rest;    /* still to go; owned */
	unsigned links;
	bool missing; /* at is not there, so nothing below it is */
	struct stat st;
};

static void walker_release(struct walker *w)
{
	buf_release(&w->at);
	free(w->rest);
}

/* Takes the first part off w->rest; NULL at the end. Owned by the caller. */
static char *take_part(struct walker *w)
{
	struct span rest = span_of_str(w->rest), part;

	while (span_split(&rest, '/', &part)) {
		if (!part.n || span_eq_str(part, "."))
			continue;
		char *taken = span_dup(part);
		char *left = span_dup(rest);

		free(w->rest);
		w->rest = left;
		return taken;
	}
	return NULL;
}

static void drop_last(struct walker *w)
{
	ptrdiff_t slash = span_rfind(buf_span(&w->at), '/');

	w->at.len = slash < 0 ? 0 : (size_t)slash;
	if (w->at.data)
		w->at.data[w->at.len] = '\0';
	w->missing = false; /* what is above was there, or will be found missing again */
}

static int follow(struct walker *w, int fd, struct err *e)
{
	auto_free char *target = mem_zalloc(PATH_MAX + 1);
	char *rest;

	if (readlinkat(fd, "", target, PATH_MAX) < 0)
		return err_sys(e, "read link '%s'", buf_str(&w->at));
	if (++w->links > INROOT_LINKS_MAX)
		return err_set(e, ERR_INPUT, "'%s': too many links", buf_str(&w->at));
	if (*target == '/')
		buf_reset(&w->at);
	else
		drop_last(w);
	rest = mem_printf("%s/%s", target, w->rest);
	free(w->rest);
	w->rest = rest;
	return 0;
}

static int look(struct walker *w, struct err *e)
{
	auto_close int fd = fs_open_beneath(w->root_fd, buf_str(&w->at), O_PATH | O_NOFOLLOW, 0,
					    FS_NO_LINKS, e);

	if (fd < 0) {
		if (e->sys == ENOTDIR)
			return err_set(e, ERR_INPUT, "'/%s': what is above it is not a directory",
				       buf_str(&w->at));
		if (e->sys != ENOENT)
			return -1;
		err_clear(e);
		w->missing = true;
		return 0;
	}
	if (fstat(fd, &w->st) < 0)
		return err_sys(e, "look at '%s'", buf_str(&w->at));
	return S_ISLNK(w->st.st_mode) ? follow(w, fd, e) : 0;
}

static int step(struct walker *w, const char *part, struct err *e)
{
	if (strcmp(part, "..") == 0) {
		drop_last(w);
		return 0;
	}
	if (w->at.len)
		buf_add_char(&w->at, '/');
	buf_add_str(&w->at, part);
	if (w->at.over)
		return err_set(e, ERR_INPUT, "a path of more than %u bytes", PATH_BYTES_MAX);
	return w->missing ? 0 : look(w, e);
}

static int finish(struct inroot *out, struct walker *w, struct err *e)
{
	auto_close int fd = -1;

	if (!w->missing) {
		fd = fs_open_beneath(w->root_fd, buf_str(&w->at), O_PATH | O_NOFOLLOW, 0,
				     FS_NO_LINKS, e);
		w->missing = fd < 0 && e->sys == ENOENT;
		if (fd < 0 && !w->missing)
			return -1;
		err_clear(e);
		if (fd >= 0 && fstat(fd, &w->st) < 0)
			return err_sys(e, "look at '%s'", buf_str(&w->at));
	}
	*out = (struct inroot){ .path = mem_strdup(buf_str(&w->at)),
				.exists = !w->missing,
				.st = w->st };
	return 0;
}

int inroot_resolve(struct inroot *out, int root_fd, const char *path, struct err *e)
{
	CLEANUP(walker_release)
	struct walker w = { .root_fd = root_fd,
			    .at = BUF_INIT(PATH_BYTES_MAX),
			    .rest = mem_strdup(path) };
	char *part;

	while ((part = take_part(&w))) {
		int r = step(&w, part, e);

		free(part);
		if (r < 0)
			return -1;
	}
	return finish(out, &w, e);
}

void inroot_release(struct inroot *r)
{
	free(r->path);
	*r = (struct inroot){ 0 };
}

static int make_one(int dirfd, const char *name, const struct inroot_attrs *attrs, const char *path,
		    struct err *e)
{
	int fd;
	bool made = mkdirat(dirfd, name, 0700) == 0;

	if (!made && errno != EEXIST)
		return err_sys(e, "make directory '/%s'", path);
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
		return err_set(e, ERR_INPUT, "make directory '/%s': '%s' is not a directory", path,
			       name);
	if (fd < 0)
		return err_sys(e, "open directory '/%s'", path);
	if (made && (fchown(fd, attrs->uid, attrs->gid) < 0 || fchmod(fd, attrs->mode) < 0)) {
		err_sys(e, "set the owner of '/%s'", path);
		close(fd);
		return -1;
	}
	return fd;
}

int inroot_make_dirs(int root_fd, const char *path, const struct inroot_attrs *attrs, struct err *e)
{
	static const struct inroot_attrs plain = { .mode = 0755 };
	auto_close int at = fcntl(root_fd, F_DUPFD_CLOEXEC, 0);
	struct span rest = span_of_str(path), part;

	if (at < 0)
		return err_sys(e, "open the root directory");
	while (span_split(&rest, '/', &part)) {
		auto_free char *name = span_dup(part);
		int next = *name ? make_one(at, name, attrs ? attrs : &plain, path, e) : -1;

		if (!*name)
			continue;
		if (next < 0)
			return -1;
		close(at);
		at = next;
	}
	return fd_steal(&at);
}
