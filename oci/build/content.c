/*
 * Files are hashed in groups of about as many bytes, so that neither many small ones nor a few large
 * ones leave workers idle; so many groups at a time, whose entries are then told in order.
 */
#include "oci/build/content.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/cancel.h"
#include "base/fs.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/pool.h"
#include "oci/layer/path.h"

#define GROUP_BYTES (4u << 20)
#define GROUP_FILES 256
#define GROUPS	    64 /* at a time */

struct file_hash {
	unsigned char raw[HASH_SHA256_LEN];
};
struct file_at {
	int dirfd;
	size_t path; /* in the group's */
};
struct group {
	const struct op *op;
	struct buf paths; /* each terminated */
	struct file_at files[GROUP_FILES];
	struct file_hash hashes[GROUP_FILES];
	size_t nr, nr_hashed;
	uint64_t bytes;
	int r;
	struct err err;
};

static bool has_bytes(const struct layer_change *c)
{
	return c->kind == LAYER_ENTRY && !c->hard_link && S_ISREG(c->st.st_mode);
}

static int hash_file(struct file_hash *out, const struct op *op, int dirfd, const char *path,
		     char *piece, struct err *e)
{
	/* O_NONBLOCK: a fifo that has taken its place must not stop us; nor a link lead elsewhere */
	auto_close int fd = fs_open_beneath(
		dirfd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0, FS_NO_LINKS, e);
	struct hash h;
	ssize_t n = 0;

	if (fd < 0)
		return -1;
	hash_init(&h);
	do {
		if (cancel_check(op->cancel, e) < 0)
			break;
		n = read(fd, piece, IO_CHUNK);
		if (n > 0)
			hash_update(&h, piece, (size_t)n);
		else if (n < 0 && errno != EINTR)
			err_sys(e, "read '%s'", path);
	} while (n > 0 || (n < 0 && errno == EINTR));
	hash_final(&h, out->raw);
	return e->kind ? -1 : 0;
}

static void group_run(void *item)
{
	struct group *g = item;
	auto_free char *piece = mem_alloc(IO_CHUNK);

	for (size_t i = 0; i < g->nr; g->nr_hashed = ++i) {
		g->r = hash_file(&g->hashes[i], g->op, g->files[i].dirfd,
				 g->paths.data + g->files[i].path, piece, &g->err);
		if (g->r < 0)
			return;
	}
}

/* -- so many groups at a time ------------------------------------------------------------- */

struct hashing {
	const struct op *op;
	struct pool *pool;
	struct group *groups[GROUPS];
	size_t nr_groups, nr_entries;
};

static void hashing_release(struct hashing *h)
{
	for (size_t i = 0; i < GROUPS && h->groups[i]; i++) {
		buf_release(&h->groups[i]->paths);
		free(h->groups[i]);
	}
}

static bool is_full(const struct group *g)
{
	return g->nr == GROUP_FILES || g->bytes >= GROUP_BYTES;
}

/* The next one, empty. */
static struct group *begin_group(struct hashing *h)
{
	struct group *g = h->groups[h->nr_groups];

	if (!g) {
		g = h->groups[h->nr_groups] = mem_zalloc(sizeof(*g));
		buf_init(&g->paths, SIZE_MAX);
		g->op = h->op;
	}
	buf_reset(&g->paths);
	g->nr = g->nr_hashed = 0;
	g->bytes = 0;
	h->nr_groups++;
	return g;
}

/* Entries until the groups are full. */
static void fill(struct hashing *h, struct listing_cursor *from)
{
	const struct layer_change *c;
	struct group *g = NULL;

	h->nr_groups = h->nr_entries = 0;
	while ((!g || !is_full(g) || h->nr_groups < GROUPS) && (c = listing_next(from))) {
		h->nr_entries++;
		if (!has_bytes(c))
			continue;
		if (!g || is_full(g))
			g = begin_group(h);
		g->files[g->nr++] = (struct file_at){ c->origin_fd, g->paths.len };
		g->bytes += (uint64_t)c->st.st_size;
		buf_add(&g->paths, c->origin_path, strlen(c->origin_path) + 1);
	}
}

/* Where bytes lie may be a name of ours that says nothing; the entry's does. */
static int say_which(struct listing_cursor *at, size_t nth_file, struct err *e)
{
	const struct layer_change *c;

	while ((c = listing_next(at)))
		if (has_bytes(c) && !nth_file--)
			return err_wrap(e, "'/%s'", c->path);
	return -1;
}

/* at: before the first entry of the first group. */
static int hash_groups(struct hashing *h, struct listing_cursor *at, struct err *e)
{
	size_t nr_good = 0;
	struct pool_batch batch;

	pool_batch_init(&batch, h->pool);
	for (size_t i = 0; i < h->nr_groups; i++)
		pool_submit(&batch, group_run, h->groups[i]);
	pool_batch_wait(&batch);
	for (size_t i = 0; i < h->nr_groups; i++) {
		const struct group *g = h->groups[i];

		nr_good += g->nr_hashed;
		if (g->r < 0) {
			*e = g->err;
			return say_which(at, nr_good, e);
		}
	}
	return 0;
}

static void tell(struct cache_text *t, const struct layer_change *c, const struct file_hash *h)
{
	auto_buf struct buf text = BUF_INIT(SIZE_MAX);
	const struct stat *st = &c->st;
	bool is_device = S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode);

	if (c->hard_link) {
		buf_addf(&text, "same %s", c->link);
		cache_text_add(t, c->path, buf_span(&text));
		return;
	}
	buf_addf(&text, "%o %u %u %llu ", (unsigned)st->st_mode, (unsigned)st->st_uid,
		 (unsigned)st->st_gid, is_device ? (unsigned long long)st->st_rdev : 0ULL);
	if (S_ISREG(st->st_mode))
		buf_add(&text, h->raw, sizeof(h->raw));
	else if (c->link)
		buf_add_str(&text, c->link);
	buf_add(&text, c->capability, c->capability_len);
	cache_text_add(t, c->path, buf_span(&text));
}

static void tell_entries(struct cache_text *t, const struct hashing *h, struct listing_cursor *at)
{
	size_t group = 0, file = 0;

	for (size_t i = 0; i < h->nr_entries; i++) {
		const struct layer_change *c = listing_next(at);

		if (!has_bytes(c)) {
			tell(t, c, NULL);
			continue;
		}
		tell(t, c, &h->groups[group]->hashes[file]);
		if (++file == h->groups[group]->nr) {
			group++;
			file = 0;
		}
	}
}

int content_add(struct cache_text *t, const struct op *op, const struct layer_listing *l,
		bool parallel, struct err *e)
{
	CLEANUP(hashing_release)
	struct hashing h = { .op = op, .pool = parallel ? op->pool : NULL };
	auto_listing_cursor struct listing_cursor ahead, at;

	listing_begin(&ahead, l);
	listing_begin(&at, l);
	cache_text_add_u64(t, "entries", l->nr);
	for (;;) {
		fill(&h, &ahead);
		if (!h.nr_entries)
			return 0;
		if (hash_groups(&h, &at, e) < 0)
			return -1;
		tell_entries(t, &h, &at);
	}
}

/* -- whether files stay as they are -------------------------------------------------------- */

/* So many files that a context may have: little is kept of each. */
struct content_origin {
	int dirfd;    /* borrowed */
	char *dir;    /* below it */
	size_t first; /* file */
};

static uint64_t mix(uint64_t h, uint64_t x)
{
	h = (h ^ x) * UINT64_C(0x9fb21c651e98df25);
	return h ^ h >> 28;
}

/* 0: it is not there. Whoever edits files while they are built makes no two states alike on purpose. */
static uint64_t state_of(int fd, const char *path)
{
	struct stat st;
	uint64_t h = UINT64_C(0x2545f4914f6cdd1d);

	if (fstatat(fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	h = mix(mix(mix(h, st.st_dev), st.st_ino), (uint64_t)st.st_size);
	h = mix(mix(h, (uint64_t)st.st_mtim.tv_sec), (uint64_t)st.st_mtim.tv_nsec);
	h = mix(mix(h, (uint64_t)st.st_ctim.tv_sec), (uint64_t)st.st_ctim.tv_nsec);
	return h | 1;
}

static void add_seen(struct content_seen *s, int fd, const char *path)
{
	const struct content_origin *last = s->nr_origins ? &s->origins[s->nr_origins - 1] : NULL;
	struct span dir = layer_path_dir(path);
	const char *name = layer_path_last(path);

	if (!s->nr)
		buf_init(&s->names, SIZE_MAX);
	if (!last || last->dirfd != fd || !span_eq_str(dir, last->dir)) {
		MEM_GROW(s->origins, s->nr_origins, s->cap_origins);
		s->origins[s->nr_origins++] = (struct content_origin){ fd, span_dup(dir), s->nr };
	}
	MEM_GROW(s->v, s->nr, s->cap);
	s->v[s->nr++] = state_of(fd, path);
	buf_add(&s->names, name, strlen(name) + 1);
}

void content_see(struct content_seen *s, const struct layer_listing *l)
{
	auto_listing_cursor struct listing_cursor at;
	const struct layer_change *c;

	listing_begin(&at, l);
	while ((c = listing_next(&at)))
		if (has_bytes(c))
			add_seen(s, c->origin_fd, c->origin_path);
}

char *content_changed(const struct content_seen *s)
{
	const char *name = s->names.data;
	const struct content_origin *in = s->origins;

	for (size_t i = 0; i < s->nr; i++, name += strlen(name) + 1) {
		auto_free char *path = NULL;

		if (in + 1 < s->origins + s->nr_origins && in[1].first == i)
			in++;
		path = *in->dir ? mem_printf("%s/%s", in->dir, name) : mem_strdup(name);
		if (!s->v[i] || s->v[i] != state_of(in->dirfd, path))
			return STEAL(&path);
	}
	return NULL;
}

void content_seen_release(struct content_seen *s)
{
	for (size_t i = 0; i < s->nr_origins; i++)
		free(s->origins[i].dir);
	free(s->v);
	free(s->origins);
	buf_release(&s->names);
	*s = (struct content_seen){ .nr = 0 };
}
