/*
 * Whiteouts. What this layer has put there itself stays, so a directory that it
 * touched is gone through, and any other is removed whole.
 */
#include "oci/layer/place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

#include "base/fs.h"
#include "base/strv.h"

/* Only directories that the layer being applied goes into count, and one descriptor
 * is open for each. */
#define DEPTH_MAX 200

static int hide_content(struct place *p, int fd, unsigned depth, struct err *e);

static int forget(struct place *p, ino_t dir_ino, const char *name, struct err *e)
{
	p->stale = true;
	return p->record ? record_remove(p->record, dir_ino, name, e) : 0;
}

static int hide_name(struct place *p, int dirfd, ino_t dir_ino, const char *name, unsigned depth,
		     struct err *e)
{
	auto_close int fd = -1;
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_sys(e, "look at '%s'", name);
	if (!S_ISDIR(st.st_mode)) {
		if (touched_has_name(&p->touched, dir_ino, name))
			return 0;
		if (forget(p, dir_ino, name, e) < 0)
			return -1;
		return unlinkat(dirfd, name, 0) < 0 ? err_sys(e, "remove '%s'", name) : 0;
	}
	if (!touched_has_dir(&p->touched, st.st_ino)) {
		if (forget(p, dir_ino, name, e) < 0)
			return -1;
		return fs_remove_tree(dirfd, name, e);
	}
	if (depth >= DEPTH_MAX)
		return err_set(e, ERR_CORRUPT, "a whiteout over more than %d levels", DEPTH_MAX);
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "open '%s'", name);
	return hide_content(p, fd, depth + 1, e);
}

/* All names first: removing while reading may skip some. */
static int read_names(struct strv *names, int fd, struct err *e)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *ent;
	int sys;

	if (!d) {
		err_sys(e, "read a directory");
		fd_auto_close_(&copy);
		return -1;
	}
	errno = 0;
	while ((ent = readdir(d)))
		if (strcmp(ent->d_name, ".") != 0 && strcmp(ent->d_name, "..") != 0)
			strv_add(names, ent->d_name);
	sys = errno;
	closedir(d);
	errno = sys;
	return sys ? err_sys(e, "read a directory") : 0;
}

static int hide_content(struct place *p, int fd, unsigned depth, struct err *e)
{
	auto_strv struct strv names = STRV_INIT;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(e, "look at a directory");
	if (read_names(&names, fd, e) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++)
		if (hide_name(p, fd, st.st_ino, names.v[i], depth, e) < 0)
			return -1;
	return 0;
}

int place_hide_name(struct place *p, int dirfd, ino_t dir_ino, const char *name, struct err *e)
{
	return hide_name(p, dirfd, dir_ino, name, 0, e);
}

int place_hide_content(struct place *p, int fd, struct err *e)
{
	return hide_content(p, fd, 0, e);
}
