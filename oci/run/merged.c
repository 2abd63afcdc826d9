/*
 * The text is a list of fields, each ended by a NUL, since names can hold anything else: first what it
 * is, then for each directory its path, its parent, mode, owner, times, device, inode, the number of
 * names and these.
 */
#include "oci/run/merged.h"

#include <fcntl.h>

#include "base/fs.h"
#include "base/mem.h"

#define FORMAT "merged directories 2"

void merged_release(struct merged *m)
{
	for (size_t i = 0; i < m->nr; i++) {
		free(m->v[i].path);
		strv_release(&m->v[i].stays);
	}
	free(m->v);
	*m = (struct merged){ 0 };
}

const char *merged_name(const struct merged_dir *d)
{
	const char *slash = strrchr(d->path, '/');

	return slash ? slash + 1 : d->path;
}

/* Takes path. */
static struct merged_dir *add(struct merged *m, char *path, size_t parent)
{
	MEM_GROW(m->v, m->nr, m->cap);
	m->v[m->nr] = (struct merged_dir){ .path = path, .parent = parent };
	return &m->v[m->nr++];
}

static int add_real(struct merged *m, int root_fd, char *path, size_t parent, struct err *e)
{
	struct merged_dir *d = add(m, path, parent);
	struct stat st;

	if (fstatat(root_fd, *path ? path : ".", &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "stat '/%s'", path);
	d->mode = st.st_mode & 07777;
	d->uid = st.st_uid;
	d->gid = st.st_gid;
	d->atime = st.st_atim;
	d->mtime = st.st_mtim;
	d->dev = st.st_dev;
	d->ino = st.st_ino;
	return 0;
}

static bool is_there(int root_fd, const char *path)
{
	struct err ignored = ERR_INIT;
	auto_close int fd =
		fs_open_beneath(root_fd, path, O_PATH | O_NOFOLLOW, 0, FS_NO_LINKS, &ignored);

	return fd >= 0;
}

/* The merged directory of a path that is `len` long, or SIZE_MAX. */
static size_t find(const struct merged *m, const char *path, size_t len)
{
	for (size_t i = 0; i < m->nr; i++)
		if (strlen(m->v[i].path) == len && memcmp(m->v[i].path, path, len) == 0)
			return i;
	return SIZE_MAX;
}

/* kept is sorted, so what lies below another comes after it. */
static int keep(struct merged *m, int root_fd, const char *path, struct err *e)
{
	size_t at = 0;

	for (const char *p = path;; p++) {
		const char *end = strchrnul(p, '/');
		auto_free char *name = mem_strndup(p, (size_t)(end - p));
		size_t next = find(m, path, (size_t)(end - path));

		if (next == SIZE_MAX && strv_has(&m->v[at].stays, name))
			return 0; /* stays with what it lies in */
		if (next == SIZE_MAX)
			strv_take(&m->v[at].stays, STEAL(&name));
		if (!*end)
			return 0;
		if (next == SIZE_MAX) {
			if (m->nr == MERGED_DIRS_MAX)
				return err_set(e, ERR_FAILED,
					       "more than %d directories hold mounts",
					       MERGED_DIRS_MAX);
			next = m->nr;
			if (add_real(m, root_fd, mem_strndup(path, (size_t)(end - path)), at, e) <
			    0)
				return -1;
		}
		at = next;
		p = end;
	}
}

int merged_find(struct merged *out, int root_fd, const struct strv *kept, struct err *e)
{
	auto_merged struct merged m = { 0 };
	auto_strv struct strv sorted = STRV_INIT;

	strv_copy(&sorted, kept);
	strv_sort(&sorted);
	if (add_real(&m, root_fd, mem_strdup(""), 0, e) < 0)
		return -1;
	for (size_t i = 0; i < sorted.n; i++)
		if (is_there(root_fd, sorted.v[i]) && keep(&m, root_fd, sorted.v[i], e) < 0)
			return -1;
	*out = m;
	m = (struct merged){ 0 };
	return 0;
}

/* -- as text ----------------------------------------------------------------- */

static void put(struct buf *out, const char *text)
{
	buf_add(out, text, strlen(text) + 1);
}

static void put_number(struct buf *out, int64_t n)
{
	buf_addf(out, "%lld", (long long)n);
	buf_add_char(out, '\0');
}

void merged_encode(struct buf *out, const struct merged *m)
{
	put(out, FORMAT);
	for (size_t i = 0; i < m->nr; i++) {
		const struct merged_dir *d = &m->v[i];
		const int64_t numbers[] = {
			(int64_t)d->parent,
			d->mode,
			d->uid,
			d->gid,
			d->atime.tv_sec,
			d->atime.tv_nsec,
			d->mtime.tv_sec,
			d->mtime.tv_nsec,
			(int64_t)d->dev,
			(int64_t)d->ino,
			(int64_t)d->stays.n,
		};

		put(out, d->path);
		for (size_t k = 0; k < ARRAY_LEN(numbers); k++)
			put_number(out, numbers[k]);
		for (size_t k = 0; k < d->stays.n; k++)
			put(out, d->stays.v[k]);
	}
}

static bool take(struct span *rest, struct span *field)
{
	ptrdiff_t end = span_find(*rest, '\0');

	if (end < 0)
		return false;
	*field = span_head(*rest, (size_t)end);
	*rest = span_sub(*rest, (size_t)end + 1);
	return true;
}

static bool take_number(struct span *rest, int64_t *n)
{
	struct span field;

	return take(rest, &field) && span_to_i64(n, field) == 0;
}

static bool take_time(struct span *rest, struct timespec *t)
{
	int64_t sec, nsec;

	if (!take_number(rest, &sec) || !take_number(rest, &nsec) || nsec < 0 || nsec > 999999999)
		return false;
	*t = (struct timespec){ .tv_sec = sec, .tv_nsec = (long)nsec };
	return true;
}

static bool take_identity(struct span *rest, struct merged_dir *d)
{
	int64_t dev, ino;

	if (!take_number(rest, &dev) || !take_number(rest, &ino))
		return false;
	d->dev = (dev_t)dev;
	d->ino = (ino_t)ino;
	return true;
}

static bool is_name(struct span name)
{
	return name.n > 0 && span_find(name, '/') < 0 && !span_eq_str(name, ".") &&
	       !span_eq_str(name, "..");
}

/* Its last component in its parent: what the parent says, and nothing that leads elsewhere. */
static bool is_child_of(const struct merged_dir *parent, struct span path)
{
	struct span name = path;

	return (!*parent->path || (span_take(&name, parent->path) && span_take(&name, "/"))) &&
	       is_name(name);
}

static bool take_id(struct span *rest, uint32_t max, uint32_t *id)
{
	int64_t n;

	if (!take_number(rest, &n) || n < 0 || n > max)
		return false;
	*id = (uint32_t)n;
	return true;
}

static bool take_place(struct merged *m, struct span *rest, struct merged_dir **d)
{
	struct span path;
	uint32_t parent;

	if (!take(rest, &path) || !take_id(rest, MERGED_DIRS_MAX, &parent))
		return false;
	if (m->nr == 0 ? path.n != 0 || parent != 0
		       : parent >= m->nr || !is_child_of(&m->v[parent], path))
		return false;
	*d = add(m, span_dup(path), parent);
	return true;
}

static bool take_dir(struct merged *m, struct span *rest)
{
	struct merged_dir *d;
	struct span name;
	uint32_t nr;

	if (!take_place(m, rest, &d) || !take_id(rest, 07777, &d->mode) ||
	    !take_id(rest, UINT32_MAX, &d->uid) || !take_id(rest, UINT32_MAX, &d->gid) ||
	    !take_time(rest, &d->atime) || !take_time(rest, &d->mtime) || !take_identity(rest, d) ||
	    !take_id(rest, UINT32_MAX, &nr))
		return false;
	for (; nr > 0; nr--) {
		if (!take(rest, &name) || !is_name(name))
			return false;
		strv_add_span(&d->stays, name);
	}
	return true;
}

int merged_decode(struct merged *out, struct span bytes, struct err *e)
{
	auto_merged struct merged m = { 0 };
	struct span rest = bytes, format;
	bool good = take(&rest, &format) && span_eq_str(format, FORMAT) && rest.n > 0;

	while (good && rest.n)
		good = m.nr < MERGED_DIRS_MAX && take_dir(&m, &rest);
	if (!good)
		return err_set(e, ERR_CORRUPT, "it is no list of merged directories");
	*out = m;
	m = (struct merged){ 0 };
	return 0;
}
