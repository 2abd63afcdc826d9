/*
 * A layout directory as a store. Two descriptors are held, the folder's and that
 * of blobs/sha256; every name is below one of them and no link is followed,
 * because a layout may come from a stranger.
 *
 * A blob is written under ".tmp-…" with an flock on it. The lock ends with the writer, and with whoever
 * has a copy of its descriptor, however they end, so whoever gets the lock may remove the file. A
 * writer that was overtaken by such a clean-up between creating and locking sees it
 * (lock taken, or no name left) and begins again.
 */
#include "oci/image/store_layout.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <stdatomic.h>
#include <sys/file.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "oci/image/layout_files.h"

#define TMP_PREFIX	 ".tmp-"
#define VERSION_FILE_MAX 4096

struct layout_store {
	struct oci_store base;
	enum oci_layout_mode mode;
	char *path, *blobs_path;
	int root_fd, blobs_fd; /* blobs_fd -1: no blobs/sha256 (an empty one to read) */
	atomic_bool is_swept;
};

struct layout_blob {
	struct fd_source source;
	int fd;
	char *name;
};

struct layout_writer {
	struct tmpfile tmp;
	struct fd_sink file;
	struct hash_sink hash;
};

static const struct oci_store_ops layout_ops;

static struct layout_store *layout_of(struct oci_store *s)
{
	return CONTAINER_OF(s, struct layout_store, base);
}

static bool is_writable(const struct layout_store *l)
{
	return l->mode != OCI_LAYOUT_READ;
}

static bool layout_has(struct oci_store *s, const struct oci_digest *d, uint64_t *size_bytes)
{
	struct layout_store *l = layout_of(s);
	struct stat st;

	if (fstatat(l->blobs_fd, oci_digest_hex(d), &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISREG(st.st_mode))
		return false;
	if (size_bytes)
		*size_bytes = (uint64_t)st.st_size;
	return true;
}

static int layout_open(struct oci_store *s, const struct oci_digest *d, struct oci_blob *out,
		       struct err *e)
{
	struct layout_store *l = layout_of(s);
	/* O_NONBLOCK: a fifo of that name must not stop us */
	auto_close int fd = openat(l->blobs_fd, oci_digest_hex(d),
				   O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	struct layout_blob *b;
	struct stat st;

	if (fd < 0 && (errno == ENOENT || l->blobs_fd < 0))
		return err_set(e, ERR_ABSENT, "blob %s is not in '%s'", d->text, l->path);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, "open '%s/%s'", l->blobs_path, oci_digest_hex(d));
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_CORRUPT, "'%s/%s' is not a regular file", l->blobs_path,
			       oci_digest_hex(d));
	b = mem_zalloc(sizeof(*b));
	b->name = mem_printf("%s/%s", l->blobs_path, oci_digest_hex(d));
	b->fd = fd_steal(&fd);
	*out = (struct oci_blob){
		.source = fd_source_init(&b->source, b->fd, b->name),
		.size_bytes = (uint64_t)st.st_size,
		.state = b,
		.store = s,
	};
	return 0;
}

static void layout_close(struct oci_blob *blob)
{
	struct layout_blob *b = blob->state;

	close(b->fd);
	free(b->name);
	free(b);
}

/* False: a clean-up got in between; the file is lost. */
static bool lock_tmp(int fd)
{
	struct stat st;

	/* a file system without locks has no clean-up either: that one needs them too */
	if (flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		return false;
	return fstat(fd, &st) == 0 && st.st_nlink > 0;
}

/* Each name in the folder but "." and ".."; look returns -1 to stop. */
static int each_name(int dirfd, const char *path,
		     int (*look)(int dirfd, const char *name, struct err *e), struct err *e)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	int r = 0;

	if (!dir) {
		err_sys(e, "list '%s'", path);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while (r == 0) {
		struct dirent *ent = readdir(dir);

		if (!ent)
			break;
		if (strcmp(ent->d_name, ".") != 0 && strcmp(ent->d_name, "..") != 0)
			r = look(dirfd, ent->d_name, e);
	}
	closedir(dir);
	return r;
}

/* In the folder itself the index lock is held, so no temporary file there has a writer. */
static int remove_tmp(int dirfd, const char *name, struct err *e)
{
	(void)e;
	if (span_starts(span_of_str(name), TMP_PREFIX))
		unlinkat(dirfd, name, 0);
	return 0;
}

static int remove_dead_tmp(int dirfd, const char *name, struct err *e)
{
	auto_close int fd = -1;

	if (!span_starts(span_of_str(name), TMP_PREFIX))
		return 0;
	fd = openat(dirfd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		return remove_tmp(dirfd, name, e);
	return 0;
}

static int layout_begin(struct oci_store *s, struct oci_blob_writer *out, struct err *e)
{
	struct layout_store *l = layout_of(s);
	auto_tmpfile struct tmpfile tmp = TMPFILE_INIT;
	struct layout_writer *w;

	if (!is_writable(l))
		return err_set(e, ERR_INPUT, "'%s' was opened for reading only", l->path);
	if (!atomic_exchange(&l->is_swept, true) &&
	    each_name(l->blobs_fd, l->blobs_path, remove_dead_tmp, e) < 0)
		return -1;
	do {
		tmpfile_release(&tmp);
		if (tmpfile_open(&tmp, l->blobs_fd, 0644, e) < 0)
			return err_wrap(e, "write to '%s'", l->blobs_path);
	} while (!lock_tmp(tmp.fd));
	w = mem_zalloc(sizeof(*w));
	w->tmp = tmp;
	tmp = (struct tmpfile)TMPFILE_INIT;
	out->sink = hash_sink_init(&w->hash, fd_sink_init(&w->file, w->tmp.fd, l->blobs_path));
	out->fd = w->tmp.fd;
	out->state = w;
	out->store = s;
	return 0;
}

static void layout_abort(struct oci_blob_writer *out)
{
	struct layout_writer *w = out->state;

	hash_release(&w->hash.hash);
	tmpfile_release(&w->tmp);
	free(w);
}

/*
 * A blob that is there stays: it may be on the disk already, which the new one is
 * not, and readers have it open. One of another size is damaged and replaced.
 */
static int publish(struct layout_store *l, struct layout_writer *w, const struct oci_digest *d,
		   struct err *e)
{
	auto_close int lock = -1;
	uint64_t size;

	if (layout_has(&l->base, d, &size) && size == w->hash.bytes)
		return 0;
	/* the lock lasts until the last descriptor is closed, so through the rename */
	lock = fcntl(w->tmp.fd, F_DUPFD_CLOEXEC, 0);
	if (lock < 0)
		return err_sys(e, "write to '%s'", l->blobs_path);
	if (tmpfile_publish(&w->tmp, oci_digest_hex(d), false, e) < 0)
		return err_wrap(e, "write to '%s'", l->blobs_path);
	return 0;
}

static int layout_commit(struct oci_blob_writer *out, const struct oci_descriptor *want,
			 struct oci_digest *digest, uint64_t *size_bytes, struct err *e)
{
	struct layout_writer *w = out->state;
	unsigned char raw[HASH_SHA256_LEN];
	uint64_t size = w->hash.bytes;
	struct oci_digest d;
	int r;

	hash_sink_final(&w->hash, raw);
	oci_digest_of_raw(&d, raw);
	r = oci_blob_check(want, &d, size, e);
	if (r == 0)
		r = publish(layout_of(out->store), w, &d, e);
	layout_abort(out);
	if (r < 0)
		return -1;
	if (digest)
		*digest = d;
	if (size_bytes)
		*size_bytes = size;
	return 0;
}

static void layout_free(struct oci_store *s)
{
	struct layout_store *l = layout_of(s);

	if (l->blobs_fd >= 0)
		close(l->blobs_fd);
	if (l->root_fd >= 0)
		close(l->root_fd);
	free(l->blobs_path);
	free(l->path);
	free(l);
}

static const struct oci_store_ops layout_ops = {
	.has = layout_has,
	.open = layout_open,
	.close = layout_close,
	.begin = layout_begin,
	.commit = layout_commit,
	.abort = layout_abort,
	.free = layout_free,
};

/*
 * Only a file that nobody else may write is shared: otherwise what was verified when it was
 * pulled could be changed behind our back through the other name.
 */
static bool is_ours_alone(const struct stat *st)
{
	return st->st_uid == geteuid() && !(st->st_mode & (S_IWGRP | S_IWOTH));
}

int oci_store_layout_link(struct oci_store *to, struct oci_store *from,
			  const struct oci_descriptor *d, struct err *e)
{
	const char *name = oci_digest_hex(&d->digest);
	struct layout_store *l, *f;
	struct stat st;
	uint64_t size;

	if (to == from || to->ops != &layout_ops || from->ops != &layout_ops)
		return 0;
	l = layout_of(to);
	f = layout_of(from);
	/*
	 * A layout opened only to be read may be anybody's: what is in it is verified, so copied.
	 * Whatever is odd is left to the copy as well, which says what and where.
	 */
	if (!is_writable(l) || !is_writable(f) ||
	    fstatat(f->blobs_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		return 0;
	if (oci_blob_check(d, &d->digest, (uint64_t)st.st_size, e) < 0)
		return err_wrap(e, "store '%s'", from->name);
	if (!is_ours_alone(&st))
		return 0;
	if (linkat(f->blobs_fd, name, l->blobs_fd, name, 0) == 0)
		return 1;
	/* somebody was faster, or a damaged one is in the way */
	return errno == EEXIST && layout_has(to, &d->digest, &size) && size == d->size_bytes;
}

void oci_store_layout_remove(struct oci_store *s, const struct oci_digest *d)
{
	if (s->ops == &layout_ops)
		unlinkat(layout_of(s)->blobs_fd, oci_digest_hex(d), 0);
}

int oci_store_layout_fd(struct oci_store *s)
{
	return s->ops == &layout_ops ? layout_of(s)->root_fd : -1;
}

/* -- opening ----------------------------------------------------------------- */

static int check_version(struct layout_store *l, struct err *e)
{
	auto_buf struct buf b = BUF_INIT(VERSION_FILE_MAX);
	auto_json json_t *root = NULL;
	const char *version;

	if (fs_read_file_no_link(l->root_fd, LAYOUT_FILE, &b, e) < 0)
		return e->kind == ERR_ABSENT
			       ? err_set(e, ERR_INPUT, "no file '%s' in it", LAYOUT_FILE)
			       : -1;
	root = json_load_span(buf_span(&b), VERSION_FILE_MAX, LAYOUT_FILE, e);
	if (!root || json_get_str(&version, root, "imageLayoutVersion", LAYOUT_FILE, e) < 0)
		return -1;
	if (!span_starts(span_of_str(version), "1."))
		return err_set(e, ERR_INPUT, "%s: version '%s' is not supported", LAYOUT_FILE,
			       version);
	return 0;
}

/* What an interrupted first opening may have left is ours; all else is somebody's. */
static int refuse_foreign(int dirfd, const char *name, struct err *e)
{
	static const char *const ours[] = { LAYOUT_FILE, INDEX_FILE, INDEX_LOCK, "blobs" };

	(void)dirfd;
	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		if (strcmp(name, ours[i]) == 0)
			return 0;
	if (span_starts(span_of_str(name), TMP_PREFIX))
		return 0;
	return err_set(e, ERR_INPUT, "it holds other files ('%s'), so no image is written there",
		       name);
}

static int write_when_absent(const struct layout_store *l, const char *name, struct span bytes,
			     struct err *e)
{
	struct stat st;

	if (fstatat(l->root_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	return l->mode == OCI_LAYOUT_SCRATCH ? fs_write_unsynced(l->root_fd, name, bytes, 0644, e)
					     : fs_write_file(l->root_fd, name, bytes, 0644, e);
}

/* oci-layout last: with it the folder is a layout. */
static int create(struct layout_store *l, struct err *e)
{
	auto_close int lock = -1;
	struct stat st;

	if (fs_mkdir_p(AT_FDCWD, l->path, 0755, e) < 0)
		return -1;
	l->root_fd = fs_open_dir(l->path, e);
	if (l->root_fd < 0)
		return -1;
	if (fstatat(l->root_fd, LAYOUT_FILE, &st, AT_SYMLINK_NOFOLLOW) < 0 &&
	    each_name(l->root_fd, l->path, refuse_foreign, e) < 0)
		return -1;
	lock = fs_lock(l->root_fd, INDEX_LOCK, true, e);
	if (lock < 0 || each_name(l->root_fd, l->path, remove_tmp, e) < 0)
		return -1;
	if (fs_mkdir_p(l->root_fd, "blobs/sha256", 0755, e) < 0 ||
	    write_when_absent(l, INDEX_FILE,
			      SPAN_LIT("{\"schemaVersion\":2,\"mediaType\":\"" OCI_MEDIA_INDEX
				       "\",\"manifests\":[]}"),
			      e) < 0 ||
	    write_when_absent(l, LAYOUT_FILE, SPAN_LIT("{\"imageLayoutVersion\":\"1.0.0\"}"), e) <
		    0)
		return -1;
	return 0;
}

static int open_parts(struct layout_store *l, struct err *e)
{
	if (is_writable(l) && create(l, e) < 0)
		return -1;
	if (l->root_fd < 0)
		l->root_fd = fs_open_dir(l->path, e);
	if (l->root_fd < 0) {
		if (e->sys == ENOTDIR)
			e->kind = ERR_INPUT;
		return -1;
	}
	if (check_version(l, e) < 0)
		return -1;
	l->blobs_fd = fs_open_beneath(l->root_fd, "blobs/sha256", O_RDONLY | O_DIRECTORY, 0,
				      FS_NO_LINKS, e);
	if (l->blobs_fd < 0)
		return l->mode == OCI_LAYOUT_READ && e->sys == ENOENT ? 0 : -1;
	return 0;
}

int oci_store_layout_open(struct oci_store **out, const char *path, enum oci_layout_mode mode,
			  struct err *e)
{
	struct layout_store *l = mem_zalloc(sizeof(*l));
	struct err why = ERR_INIT;

	l->path = mem_strdup(path);
	l->blobs_path = mem_printf("%s/blobs/sha256", path);
	l->base = (struct oci_store){ .ops = &layout_ops, .name = l->path };
	l->mode = mode;
	l->root_fd = -1;
	l->blobs_fd = -1;
	if (open_parts(l, &why) < 0) {
		layout_free(&l->base);
		*e = why;
		return err_wrap(e, "image layout '%s'", path);
	}
	*out = &l->base;
	return 0;
}
