/*
 * Files, by directory descriptor and name. Paths inside a tree that others
 * filled (a context, a root file system) are opened only through
 * fs_open_beneath, which cannot leave the tree.
 */
#ifndef BASE_FS_H
#define BASE_FS_H

#include <fcntl.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/cc.h"
#include "base/err.h"

/* How a path is kept inside dirfd. */
enum fs_beneath {
	FS_BENEATH,  /* a link or ".." that leads outside is an error (EXDEV): contexts */
	FS_IN_ROOT,  /* dirfd is "/": absolute links and ".." are resolved inside: rootfs */
	FS_NO_LINKS, /* no symbolic link in any component */
};

/*
 * openat2 with RESOLVE_BENEATH / IN_ROOT (and NO_MAGICLINKS); where the kernel
 * or a seccomp filter refuses openat2 (ENOSYS, EPERM), a resolver of our own
 * that walks component by component with O_NOFOLLOW. path may be "" or "." for
 * the directory itself; a leading '/' is dropped. O_CLOEXEC is always added.
 * Returns the descriptor or -1 (e->sys tells: ENOENT, ENOTDIR, ELOOP, EXDEV…).
 */
int fs_open_beneath(int dirfd, const char *path, int flags, mode_t mode, enum fs_beneath how,
		    struct err *e) MUST_CHECK;

/* Force the fallback (tests). */
extern bool fs_without_openat2;

/* Opens the parent directory of path inside dirfd and gives the last component (owned).
 * path "" or "/" has no parent, and one that ends in "." or ".." no name: ERR_INPUT. */
int fs_open_parent(int dirfd, const char *path, enum fs_beneath how, char **last, struct err *e)
	MUST_CHECK;

int fs_open_dir(const char *path, struct err *e)
	MUST_CHECK; /* O_DIRECTORY|O_PATH is not used: readable */
int fs_mkdir_p(int dirfd, const char *path, mode_t mode, struct err *e)
	MUST_CHECK; /* existing is fine */

/*
 * Removes name and all below it; missing is fine, as is what somebody else removes meanwhile. Never
 * follows links, crosses no mount (EBUSY; what was removed until then is gone). Directories that
 * refuse us are made writable first. Uses few descriptors however deep the tree.
 */
int fs_remove_tree(int dirfd, const char *name, struct err *e) MUST_CHECK;

/* Whole file into b (over b->max: ERR_INPUT). Only regular files. */
int fs_read_file(int dirfd, const char *name, struct buf *b, struct err *e) MUST_CHECK;
/* The same in a directory that may be a stranger's: a name that is a symbolic link is ELOOP. */
int fs_read_file_no_link(int dirfd, const char *name, struct buf *b, struct err *e) MUST_CHECK;
/* The same by a path in a tree that a stranger filled: links lead around inside dirfd only. */
int fs_read_file_inside(int dirfd, const char *path, struct buf *b, struct err *e) MUST_CHECK;
/* Temp file, write, fsync, rename: a reader sees the old bytes or the new ones. */
int fs_write_file(int dirfd, const char *name, struct span bytes, mode_t mode, struct err *e)
	MUST_CHECK;
/* The same for what need not outlive a crash of the machine: nothing waits for the disk. */
int fs_write_unsynced(int dirfd, const char *name, struct span bytes, mode_t mode, struct err *e)
	MUST_CHECK;

/* All n bytes, EINTR and short writes handled. */
int fs_write_all(int fd, const void *p, size_t n, const char *name, struct err *e) MUST_CHECK;

/* As Go's path.Clean: no "//", "." or inner ".." left, nothing behind it; "" gives "."; "/.." is
 * "/". A relative path may still begin with "..". Owned by the caller. */
char *fs_path_clean(const char *path) MUST_CHECK;
/* a/b, cleaned; an empty one is left out, and an absolute b is put below a like any other. */
char *fs_path_join(const char *a, const char *b) MUST_CHECK;

/*
 * A file that comes to be at once: written under a temporary name in dirfd,
 * then renamed (publish). Unless published it is gone when its scope ends.
 */
struct tmpfile {
	int dirfd; /* borrowed */
	int fd;	   /* write here */
	char *name;
};
#define TMPFILE_INIT ((struct tmpfile){ .dirfd = -1, .fd = -1 })
/* mode is less the umask, as for open(2). */
int tmpfile_open(struct tmpfile *t, int dirfd, mode_t mode, struct err *e) MUST_CHECK;
/* fsync when `durable`, close, rename to name (replacing). */
int tmpfile_publish(struct tmpfile *t, const char *name, bool durable, struct err *e) MUST_CHECK;
void tmpfile_release(struct tmpfile *t);
#define auto_tmpfile CLEANUP(tmpfile_release)

/* An exclusive flock on dirfd/name (created 0600). wait false and taken: ERR_LOCKED. The lock is
 * held until the descriptor is closed. */
int fs_lock(int dirfd, const char *name, bool wait, struct err *e) MUST_CHECK;
/* The same for many at once: only an exclusive one waits for it, or keeps it waiting. */
int fs_lock_shared(int dirfd, const char *name, bool wait, struct err *e) MUST_CHECK;

#endif
