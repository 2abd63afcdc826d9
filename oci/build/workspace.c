/*
 * A build holds the lock beside its directory, from before it is filled until all of it is gone: a
 * lock inside would go first, and others would take what is left for dead and in their way.
 * A lock on tmp/ itself is held while a directory is made and while left-overs are looked
 * for, so that nobody takes a directory for dead between its birth and its lock. What is below
 * holds other people's images, so nobody else may look inside (setuid programs among them).
 */
#include "oci/build/workspace.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/span.h"
#include "base/walk.h"

#define TMP_LOCK	".lock"
#define LOCK_END	".lock"
#define AGAIN		"again"
#define MONITOR_WAIT_MS 1000

static int make_root(struct workspace *w, const char *root, struct err *e)
{
	struct stat st;

	if (fs_mkdir_p(AT_FDCWD, root, 0755, e) < 0)
		return -1;
	w->root = realpath(root, NULL);
	if (!w->root || stat(w->root, &st) < 0)
		return err_sys(e, "open '%s'", root);
	w->root_dev = st.st_dev;
	w->root_ino = st.st_ino;
	return 0;
}

/* tmp/ and cache/, closed to others. */
static int make_inner(const struct workspace *w, const char *name, struct err *e)
{
	auto_free char *path = mem_printf("%s/%s", w->root, name);

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return err_sys(e, "make '%s'", path);
	return fs_open_dir(path, e);
}

static int lock_build(const struct workspace *w, const char *id, struct err *e)
{
	auto_free char *name = mem_printf("%s" LOCK_END, id);

	return fs_lock(w->tmp_fd, name, false, e);
}

/* The caller holds the lock, which goes last. */
static int remove_build(const struct workspace *w, const char *id, struct err *e)
{
	auto_free char *name = mem_printf("%s" LOCK_END, id);

	if (fs_remove_tree(w->tmp_fd, id, e) < 0)
		return -1;
	return fs_remove_tree(w->tmp_fd, name, e);
}

/* True: nobody holds it. A monitor needs moments; *left_ms is what we wait for it at most. */
static bool is_let_go(int dirfd, const char *path, unsigned *left_ms)
{
	auto_close int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	while (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK) {
		if (!*left_ms)
			return false;
		usleep(1000);
		--*left_ms;
	}
	return true;
}

/*
 * A RUN's monitor outlives a build that was killed until it has put back what the RUN's mounts covered; the caches
 * among that go home. It holds the step's directory until then (sandbox_chroot.c).
 * -1; 0: one still does.
 */
static int monitors_are_gone(const struct workspace *w, const char *id, struct err *e)
{
	auto_close int dir = openat(w->tmp_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	auto_walk struct walk *walk = NULL;
	unsigned left_ms = MONITOR_WAIT_MS;
	struct walk_entry ent;
	int r;

	if (dir < 0)
		return 1; /* its lock is all there is, or it is no directory */
	if (walk_open(&walk, dir, e) < 0)
		return -1;
	while ((r = walk_next(walk, &ent, e)) > 0) {
		if (!S_ISDIR(ent.st.st_mode) || strcmp(ent.name, AGAIN) == 0)
			continue;
		walk_skip(walk);
		if (!is_let_go(dir, ent.path, &left_ms))
			return 0;
	}
	return r < 0 ? -1 : 1;
}

/* Nobody holds its lock: its build is dead. What a RUN of it still holds is left to a later build. */
static int remove_if_stale(const struct workspace *w, const char *id, struct err *e)
{
	auto_close int lock = lock_build(w, id, e);
	int gone;

	if (lock < 0) {
		bool alive = e->kind == ERR_LOCKED;

		if (alive)
			err_clear(e);
		return alive ? 0 : -1;
	}
	gone = monitors_are_gone(w, id, e);
	return gone > 0 ? remove_build(w, id, e) : gone;
}

/* Which build an entry of tmp/ is of: its directory or its lock. NULL: none. */
static char *build_of(const struct walk_entry *ent)
{
	struct span name = span_of_str(ent->name);

	if (S_ISDIR(ent->st.st_mode))
		return mem_strdup(ent->name);
	if (!span_ends(name, LOCK_END) || span_eq_str(name, TMP_LOCK))
		return NULL;
	return span_dup(span_head(name, name.n - strlen(LOCK_END)));
}

static int sweep(const struct workspace *w, struct err *e)
{
	auto_walk struct walk *walk = NULL;
	struct walk_entry ent;
	int r;

	if (walk_open(&walk, w->tmp_fd, e) < 0)
		return -1;
	while ((r = walk_next(walk, &ent, e)) > 0) {
		auto_free char *id = build_of(&ent);

		if (S_ISDIR(ent.st.st_mode))
			walk_skip(walk);
		if (id && remove_if_stale(w, id, e) < 0)
			return err_wrap(e, "remove what an earlier build left in '%s/tmp'",
					w->root);
	}
	return r;
}

static int make_own(struct workspace *w, struct err *e)
{
	auto_free char *path = mem_printf("%s/tmp/build-XXXXXX", w->root);

	if (!mkdtemp(path))
		return err_sys(e, "make a directory in '%s/tmp'", w->root);
	w->path = STEAL(&path);
	w->id = mem_strdup(strrchr(w->path, '/') + 1);
	w->lock = lock_build(w, w->id, e);
	if (w->lock < 0)
		rmdir(w->path); /* still empty, and nobody's: the caller holds the lock on all */
	return w->lock < 0 ? -1 : 0;
}

static int open_inside(struct workspace *w, struct err *e)
{
	auto_close int cache = make_inner(w, "cache", e);
	auto_close int born = -1;

	if (cache < 0)
		return -1;
	w->tmp_fd = make_inner(w, "tmp", e);
	if (w->tmp_fd < 0)
		return -1;
	born = fs_lock(w->tmp_fd, TMP_LOCK, true, e);
	if (born < 0 || sweep(w, e) < 0)
		return -1;
	return make_own(w, e);
}

int workspace_open(struct workspace *w, const char *root, struct err *e)
{
	struct workspace made = WORKSPACE_INIT;

	if (make_root(&made, root, e) < 0 || open_inside(&made, e) < 0) {
		workspace_release(&made);
		return -1;
	}
	*w = made;
	return 0;
}

void workspace_release(struct workspace *w)
{
	struct err ignored = ERR_INIT; /* what stays is swept by the next build */

	if (w->lock >= 0 && remove_build(w, w->id, &ignored) < 0)
		err_clear(&ignored);
	fd_auto_close_(&w->lock);
	fd_auto_close_(&w->tmp_fd);
	free(w->id);
	free(w->path);
	free(w->root);
	*w = (struct workspace)WORKSPACE_INIT;
}

char *workspace_dir(const struct workspace *w, const char *name, struct err *e)
{
	auto_free char *path = mem_printf("%s/%s", w->path, name);

	if (mkdir(path, 0755) < 0) {
		err_sys(e, "make '%s'", path);
		return NULL;
	}
	return STEAL(&path);
}

int workspace_begin_again(struct workspace *w, struct err *e)
{
	char *path = workspace_dir(w, AGAIN, e);

	if (!path)
		return -1;
	free(w->path);
	w->path = path;
	return 0;
}
