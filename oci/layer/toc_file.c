/*
 * A magic, the length, the bytes, and SHA-256 over all of it. A file that is not whole, or of another
 * version of ours, is as good as none.
 *
 * Entries stand in path order, each path as what differs from the one before.
 */
#include "oci/layer/toc_file.h"

#include "base/fs.h"
#include "base/hash.h"
#include "base/mem.h"
#include "oci/layer/path.h"
#include "oci/layer/tar.h"
#include "oci/layer/tree_list.h"
#include "oci/layer/varint.h"

#define MAGIC	   "cbuild toc 1\n"
#define MAGIC_LEN  (sizeof(MAGIC) - 1)
#define HEAD_LEN   (MAGIC_LEN + 8)
#define FILE_MAX   (UINT64_C(2) << 30)
#define HARD_LINK  (1u << 16) /* beside the mode */
#define CAPABILITY (1u << 17)

/* -- writing --------------------------------------------------------------------- */

static void put_bytes(struct buf *b, const void *p, size_t n)
{
	varint_add(b, n);
	buf_add(b, p, n);
}

static size_t common_prefix(const char *a, const char *b)
{
	size_t n = 0;

	while (a[n] && a[n] == b[n])
		n++;
	return n;
}

static void put_content(struct buf *b, const struct layer_change *c, const struct toc_where *where)
{
	switch (c->st.st_mode & S_IFMT) {
	case S_IFREG:
		varint_add(b, (uint64_t)c->st.st_size);
		varint_add(b, where->layer);
		varint_add(b, where->entry);
		break;
	case S_IFLNK:
		put_bytes(b, c->link, strlen(c->link));
		break;
	case S_IFCHR:
	case S_IFBLK:
		varint_add(b, c->st.st_rdev);
		break;
	default:
		break;
	}
}

static void put_entry(struct buf *b, const struct toc *t, size_t i)
{
	const struct layer_change *c = &t->files.v[i];
	const char *before = i ? t->files.v[i - 1].path : "";
	size_t same = common_prefix(before, c->path);

	varint_add(b, same);
	put_bytes(b, c->path + same, strlen(c->path) - same);
	varint_add(b, c->st.st_mode | (c->hard_link ? HARD_LINK : 0) |
			      (c->capability_len && !c->hard_link ? CAPABILITY : 0));
	if (c->hard_link) {
		varint_add(b, (uint64_t)(layer_changes_find(&t->files, c->link) - t->files.v));
		return;
	}
	varint_add(b, c->st.st_uid);
	varint_add(b, c->st.st_gid);
	varint_add(b, varint_zigzag(c->st.st_mtim.tv_sec));
	varint_add(b, (uint64_t)c->st.st_mtim.tv_nsec);
	put_content(b, c, &t->where[i]);
	if (c->capability_len)
		put_bytes(b, c->capability, c->capability_len);
}

void toc_encode(struct buf *out, const struct toc *t)
{
	varint_add(out, t->files.nr);
	for (size_t i = 0; i < t->files.nr; i++)
		put_entry(out, t, i);
	varint_add(out, t->nr_texts);
	for (size_t i = 0; i < t->nr_texts; i++) {
		varint_add(out, t->texts[i].file);
		put_bytes(out, t->texts[i].bytes, t->texts[i].n);
	}
}

static void put_u64(struct buf *b, uint64_t v)
{
	for (int i = 0; i < 8; i++)
		buf_add_char(b, (char)(v >> (8 * i)));
}

int toc_save(const struct toc *t, int dirfd, const char *name, struct err *e)
{
	auto_buf struct buf body = BUF_INIT(FILE_MAX), b = BUF_INIT(FILE_MAX);
	unsigned char sum[HASH_SHA256_LEN];

	toc_encode(&body, t);
	buf_add_str(&b, MAGIC);
	put_u64(&b, body.len);
	buf_add_span(&b, buf_span(&body));
	if (body.over || b.over)
		return 0; /* nobody would read it */
	hash_sha256(sum, b.data, b.len);
	buf_add(&b, sum, sizeof(sum));
	return fs_write_file(dirfd, name, buf_span(&b), 0600, e);
}

/* -- reading --------------------------------------------------------------------- */

struct reader {
	struct span rest;
	bool bad; /* stays once it is set */
	uint64_t path_bytes;
	struct toc *t;
	size_t cap, cap_where;
	size_t *dirs; /* the directories that the last entry is in, by their numbers */
	size_t nr_dirs, cap_dirs;
};

static uint64_t bad(struct reader *r)
{
	r->bad = true;
	r->rest.n = 0;
	return 0;
}

static uint64_t number(struct reader *r, uint64_t max)
{
	uint64_t v;

	return varint_take(&r->rest, &v) && v <= max ? v : bad(r);
}

static struct span bytes(struct reader *r, uint64_t max)
{
	size_t n = number(r, max);
	struct span s = span_head(r->rest, n > r->rest.n ? bad(r) : n);

	r->rest = span_sub(r->rest, s.n);
	return s;
}

/* Text without a NUL; NULL: none. */
static char *text(struct reader *r, uint64_t max)
{
	struct span s = bytes(r, max);

	if (r->bad || !s.n || span_has_nul(s)) {
		bad(r);
		return NULL;
	}
	return span_dup(s);
}

static bool is_clean(const char *path)
{
	struct span rest = span_of_str(path), part;

	while (span_split(&rest, '/', &part))
		if (!part.n || span_eq_str(part, ".") || span_eq_str(part, ".."))
			return false;
	return true;
}

/* Is path, which stands behind all that is there, in a directory that is? */
static bool has_dir(struct reader *r, const char *path)
{
	struct span dir = layer_path_dir(path);

	while (r->nr_dirs) {
		const char *top = r->t->files.v[r->dirs[r->nr_dirs - 1]].path;

		if (span_eq_str(dir, top))
			return true;
		if (span_starts(dir, top) && dir.p[strlen(top)] == '/')
			return false;
		r->nr_dirs--;
	}
	return !dir.n;
}

static char *next_path(struct reader *r)
{
	size_t nr = r->t->files.nr;
	const char *before = nr ? r->t->files.v[nr - 1].path : "";
	size_t same = number(r, strlen(before));
	auto_free char *rest = text(r, LAYER_PATH_MAX);
	auto_free char *path = NULL;

	if (r->bad || same + strlen(rest) > LAYER_PATH_MAX)
		return NULL;
	path = mem_printf("%.*s%s", (int)same, before, rest);
	if (!is_clean(path) || (nr && layer_path_compare(before, path) >= 0) || !has_dir(r, path))
		return NULL;
	return STEAL(&path);
}

static void read_hard_link(struct reader *r, struct layer_change *c)
{
	struct layer_changes *files = &r->t->files;
	size_t first = number(r, files->nr ? files->nr - 1 : 0);

	c->hard_link = true;
	if (r->bad || first >= files->nr || files->v[first].hard_link ||
	    ((files->v[first].st.st_mode ^ c->st.st_mode) & S_IFMT) || S_ISDIR(c->st.st_mode)) {
		bad(r);
		return;
	}
	c->link = mem_strdup(files->v[first].path);
	files->v[first].st.st_nlink++;
}

static void read_content(struct reader *r, struct layer_change *c, struct toc_where *where)
{
	switch (c->st.st_mode & S_IFMT) {
	case S_IFREG:
		c->st.st_size = (off_t)number(r, INT64_MAX);
		c->st.st_blocks = c->st.st_size / 512 + (c->st.st_size % 512 != 0);
		where->layer = (uint32_t)number(r, UINT32_MAX);
		where->entry = (uint32_t)number(r, UINT32_MAX);
		r->t->files.bytes += (uint64_t)c->st.st_size;
		return;
	case S_IFLNK:
		c->link = text(r, TAR_LINK_MAX);
		return;
	case S_IFCHR:
	case S_IFBLK:
		c->st.st_rdev = number(r, UINT64_MAX);
		return;
	case S_IFDIR:
	case S_IFIFO:
		return;
	default:
		bad(r);
	}
}

static void read_attributes(struct reader *r, struct layer_change *c, struct toc_where *where,
			    bool has_capability)
{
	struct span capability;

	c->st.st_uid = (uint32_t)number(r, UINT32_MAX - 1);
	c->st.st_gid = (uint32_t)number(r, UINT32_MAX - 1);
	c->st.st_mtim.tv_sec = varint_unzigzag(number(r, UINT64_MAX));
	c->st.st_mtim.tv_nsec = (long)number(r, 999999999);
	read_content(r, c, where);
	if (!has_capability)
		return;
	capability = bytes(r, TAR_CAPABILITY_MAX);
	if (r->bad || !capability.n || !S_ISREG(c->st.st_mode)) {
		bad(r);
		return;
	}
	c->capability = mem_alloc(capability.n);
	memcpy(c->capability, capability.p, capability.n);
	c->capability_len = capability.n;
}

/* Counts from the moment its path is the list's. */
static void read_entry(struct reader *r)
{
	struct layer_changes *files = &r->t->files;
	size_t i = files->nr;
	char *path = next_path(r);
	uint32_t mode = (uint32_t)number(r, CAPABILITY | HARD_LINK | 0xffff);
	struct layer_change c = { .path = path, .st.st_mode = mode & 0xffff };
	struct toc_where where = { 0 };

	r->path_bytes += path ? strlen(path) : 0;
	if (!path || r->path_bytes > TOC_BYTES_MAX) {
		free(path);
		bad(r);
		return;
	}
	c.st.st_nlink = 1;
	c.st.st_ino = i + 1;
	if (mode & HARD_LINK)
		read_hard_link(r, &c);
	else
		read_attributes(r, &c, &where, mode & CAPABILITY);
	MEM_GROW(files->v, i, files->cap);
	MEM_GROW(r->t->where, i, r->cap_where);
	files->v[i] = c;
	r->t->where[i] = where;
	files->nr++;
	if (!S_ISDIR(c.st.st_mode))
		return;
	MEM_GROW(r->dirs, r->nr_dirs, r->cap_dirs);
	r->dirs[r->nr_dirs++] = i;
}

/* All names of a file are like the first. */
static void settle_links(struct toc *t)
{
	for (size_t i = 0; i < t->files.nr; i++) {
		struct layer_change *c = &t->files.v[i];
		const struct layer_change *first;

		if (!c->hard_link)
			continue;
		first = layer_changes_find(&t->files, c->link);
		c->st = first->st;
		t->where[i] = t->where[first - t->files.v];
	}
}

static void read_text(struct reader *r)
{
	struct toc *t = r->t;
	size_t file = number(r, t->files.nr);
	struct span s = bytes(r, r->rest.n);
	const struct layer_change *c = file < t->files.nr ? &t->files.v[file] : NULL;

	if (r->bad || !c || c->hard_link || !S_ISREG(c->st.st_mode) ||
	    (uint64_t)c->st.st_size != s.n) {
		bad(r);
		return;
	}
	t->texts = mem_resize(t->texts, t->nr_texts + 1, sizeof(*t->texts));
	t->texts[t->nr_texts++] = (struct toc_text){ .file = file, .bytes = span_dup(s), .n = s.n };
}

int toc_decode(struct toc *out, struct span from)
{
	auto_toc struct toc t = { .nr_texts = 0 };
	struct reader r = { .rest = from, .t = &t };
	uint64_t n = number(&r, TOC_NAMES_MAX);

	for (uint64_t i = 0; i < n && !r.bad; i++)
		read_entry(&r);
	free(r.dirs);
	n = number(&r, from.n);
	for (uint64_t i = 0; i < n && !r.bad; i++)
		read_text(&r);
	if (r.bad || r.rest.n)
		return -1;
	settle_links(&t);
	*out = t;
	t = (struct toc){ .nr_texts = 0 };
	return 0;
}

static bool is_whole(struct span file)
{
	unsigned char sum[HASH_SHA256_LEN];
	uint64_t len = 0;

	if (file.n < HEAD_LEN + sizeof(sum) || memcmp(file.p, MAGIC, MAGIC_LEN) != 0)
		return false;
	for (int i = 0; i < 8; i++)
		len |= (uint64_t)(unsigned char)file.p[MAGIC_LEN + (size_t)i] << (8 * i);
	if (len != file.n - HEAD_LEN - sizeof(sum))
		return false;
	hash_sha256(sum, file.p, file.n - sizeof(sum));
	return memcmp(sum, file.p + file.n - sizeof(sum), sizeof(sum)) == 0;
}

int toc_load(struct toc *out, int dirfd, const char *name, struct err *e)
{
	auto_buf struct buf b = BUF_INIT(FILE_MAX);
	struct span file;

	if (fs_read_file_no_link(dirfd, name, &b, e) < 0) {
		if (e->kind != ERR_ABSENT && e->kind != ERR_INPUT)
			return -1;
		err_clear(e);
		return 0;
	}
	file = buf_span(&b);
	if (!is_whole(file))
		return 0;
	file = span_of(file.p + HEAD_LEN, file.n - HEAD_LEN - HASH_SHA256_LEN);
	return toc_decode(out, file) == 0;
}
