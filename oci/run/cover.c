/*
 * A RUN may have moved, replaced or removed what was put there, or the directories above it. With a
 * mount it could not have; here what was put there is found by its descriptor, and directories that
 * are gone have taken what was covered in them along.
 */
#include "oci/run/cover.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#include "base/fs.h"
#include "base/mem.h"
#include "oci/run/copy_tree.h"
#include "oci/run/part_links.h"

#define PIECE_BYTES (64u << 10)

static void times_back(int fd, const struct stat *st)
{
	const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, st->st_mtim };

	futimens(fd, times);
}

/* -- before ------------------------------------------------------------------------ */

static int put_aside(struct cover *c, int aside_fd, const char *aside_name, struct err *e)
{
	struct stat st;

	if (fstatat(c->parent_fd, c->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_sys(e, "stat it");
	if (renameat(c->parent_fd, c->name, aside_fd, aside_name) < 0)
		return err_sys(e, "move aside what is there");
	c->covered = mem_strdup(aside_name);
	return 0;
}

int cover_begin(struct cover *c, int root_fd, const char *path, int aside_fd,
		const char *aside_name, struct err *e)
{
	auto_free char *where = NULL;

	*c = COVER_INIT;
	if (path[0] != '/')
		where = mem_strdup(path);
	else if (stubs_parents(&c->stubs, root_fd, path, &where, e) < 0)
		return -1;
	c->parent_fd = fs_open_parent(root_fd, where, FS_NO_LINKS, &c->name, e);
	if (c->parent_fd < 0)
		return -1;
	if (fstat(c->parent_fd, &c->parent) < 0)
		return err_sys(e, "stat the directory of '%s'", where);
	if (put_aside(c, aside_fd, aside_name, e) == 0) {
		c->has_begun = true;
		return 0;
	}
	err_wrap(e, "'%s' in the image", where);
	e->kind = ERR_FAILED;
	return -1;
}

int cover_done(struct cover *c, struct err *e)
{
	c->own_fd = openat(c->parent_fd, c->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (c->own_fd < 0)
		return err_sys(e, "open what was put on '%s'", c->name);
	times_back(c->parent_fd, &c->parent);
	return 0;
}

/* -- after ------------------------------------------------------------------------- */

static bool is_at(const struct cover *c, int dirfd, const char *name)
{
	struct stat own, st;

	return c->own_fd >= 0 && fstat(c->own_fd, &own) == 0 &&
	       fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_dev == own.st_dev &&
	       st.st_ino == own.st_ino;
}

/* The kernel knows where it is. Nobody is left who could move it meanwhile. */
static int find_elsewhere(const struct cover *c, char **name)
{
	char link[40], path[PATH_MAX];
	struct err ignored = ERR_INIT;
	auto_close int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_close int dir = -1;
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", c->own_fd);
	n = c->own_fd < 0 ? -1 : readlink(link, path, sizeof(path) - 1);
	if (n <= 0 || root < 0)
		return -1;
	path[n] = '\0';
	dir = fs_open_parent(root, path, FS_NO_LINKS, name, &ignored);
	if (dir >= 0 && !is_at(c, dir, *name)) {
		free(STEAL(name));
		return -1;
	}
	return fd_steal(&dir);
}

/* The directory that it is in now, and its name there; -1: it is gone. */
static int find_own(const struct cover *c, char **name)
{
	if (!is_at(c, c->parent_fd, c->name))
		return find_elsewhere(c, name);
	*name = mem_strdup(c->name);
	return fcntl(c->parent_fd, F_DUPFD_CLOEXEC, 0);
}

static int send_copy_home(struct cover *c, struct err *e)
{
	auto_free char *next = mem_printf("%s.next", c->home);

	if (fs_remove_tree(c->home_fd, next, e) < 0 ||
	    copy_tree(c->home_fd, next, c->own_fd, -1, e) < 0)
		return -1;
	if (renameat2(c->home_fd, next, c->home_fd, c->home, RENAME_EXCHANGE) < 0)
		return err_sys(e, "put it into place");
	return fs_remove_tree(c->home_fd, next, e);
}

static int part_links_at_home(const struct cover *c, struct err *e)
{
	auto_close int fd =
		openat(c->home_fd, c->home, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? err_sys(e, "open '%s'", c->home) : part_links(fd, e);
}

/* What the RUN has removed is gone: whoever wants it next finds nothing, and makes it anew. */
static int send_home(struct cover *c, struct err *e)
{
	auto_free char *name = NULL;
	auto_close int dir = find_own(c, &name);
	int r = 0;

	if (dir < 0)
		return 0;
	if (c->is_copy)
		r = send_copy_home(c, e);
	else if (renameat(dir, name, c->home_fd, c->home) < 0)
		r = err_sys(e, "move it");
	else
		r = part_links_at_home(c, e);
	return r < 0 ? err_wrap(e, "bring back what was on '%s'", c->name) : 0;
}

/* Under whatever names it has by now, there is nothing in it. */
static int wipe(const struct cover *c, struct err *e)
{
	auto_free char *zeros = mem_zalloc(PIECE_BYTES);
	auto_free char *name = NULL;
	auto_close int dir = find_own(c, &name);
	auto_close int fd = -1;
	struct stat st;
	char self[40];

	/* not before: a script that is open for writing cannot be executed */
	snprintf(self, sizeof(self), "/proc/self/fd/%d", c->own_fd);
	fd = open(self, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, "wipe what was in '%s'", c->name);
	for (off_t at = 0; at < st.st_size; at += PIECE_BYTES)
		if (pwrite(fd, zeros, PIECE_BYTES, at) < 0)
			break;
	if (ftruncate(fd, 0) < 0)
		return err_sys(e, "wipe what was in '%s'", c->name);
	if (dir >= 0 && unlinkat(dir, name, 0) < 0)
		return err_sys(e, "remove what was in '%s'", c->name);
	return 0;
}

static int put_back(struct cover *c, int aside_fd, struct err *e)
{
	/* whatever the RUN left in its place */
	if (fs_remove_tree(c->parent_fd, c->name, e) < 0)
		return -1;
	if (!c->covered || renameat(aside_fd, c->covered, c->parent_fd, c->name) == 0)
		return 0;
	if (errno != ENOENT)
		return err_sys(e, "put back what was covered");
	/* its directory is gone, and with it all that was in there */
	return fs_remove_tree(aside_fd, c->covered, e);
}

static void cover_release(struct cover *c)
{
	stubs_remove(&c->stubs);
	fd_auto_close_(&c->own_fd);
	fd_auto_close_(&c->home_fd);
	fd_auto_close_(&c->parent_fd);
	free(c->name);
	free(c->covered);
	free(c->home);
	*c = COVER_INIT;
}

int cover_end(struct cover *c, int aside_fd, struct err *e)
{
	struct stat before;
	int r = 0;

	if (c->has_begun && fstat(c->parent_fd, &before) == 0) {
		if (c->after == COVER_GOES_HOME && c->own_fd >= 0)
			r = send_home(c, e);
		else if (c->after == COVER_WIPED && c->own_fd >= 0)
			r = wipe(c, e);
		if (put_back(c, aside_fd, e) < 0)
			r = err_wrap(e, "'%s', where something was mounted", c->name);
		times_back(c->parent_fd, &before);
	}
	cover_release(c);
	return r;
}
