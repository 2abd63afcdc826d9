/*
 * Files are hashed in groups of about as many bytes, so that neither many small ones nor a few large
 * ones leave workers idle; then the list is told in order.
 */
#include "oci/build/content.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/cancel.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/pool.h"

#define GROUP_BYTES (4u << 20)
#define GROUP_FILES 256

struct file_hash {
	unsigned char raw[HASH_SHA256_LEN];
};
struct hashing {
	const struct op *op;
	const struct layer_changes *c;
	struct file_hash *hashes; /* as many as entries */
};
struct group {
	const struct hashing *of;
	size_t from, end;
	int r;
	struct err err;
};

static bool has_bytes(const struct layer_change *c)
{
	return c->kind == LAYER_ENTRY && !c->hard_link && S_ISREG(c->st.st_mode);
}

static int hash_file(struct file_hash *out, const struct op *op, const struct layer_change *c,
		     char *piece, struct err *e)
{
	/* O_NONBLOCK: a fifo that has taken its place must not stop us */
	auto_close int fd = openat(c->origin_fd, c->origin_path,
				   O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	struct hash h;
	ssize_t n = 0;

	if (fd < 0)
		return err_sys(e, "open '%s'", c->path);
	hash_init(&h);
	do {
		if (cancel_check(op->cancel, e) < 0)
			break;
		n = read(fd, piece, IO_CHUNK);
		if (n > 0)
			hash_update(&h, piece, (size_t)n);
		else if (n < 0 && errno != EINTR)
			err_sys(e, "read '%s'", c->path);
	} while (n > 0 || (n < 0 && errno == EINTR));
	hash_final(&h, out->raw);
	return e->kind ? -1 : 0;
}

static void group_run(void *item)
{
	struct group *g = item;
	auto_free char *piece = mem_alloc(IO_CHUNK);

	for (size_t i = g->from; i < g->end && g->r == 0; i++)
		if (has_bytes(&g->of->c->v[i]))
			g->r = hash_file(&g->of->hashes[i], g->of->op, &g->of->c->v[i], piece,
					 &g->err);
}

static size_t group_end(const struct layer_changes *c, size_t from)
{
	uint64_t bytes = 0;
	size_t i = from;

	for (; i < c->nr && i - from < GROUP_FILES && bytes < GROUP_BYTES; i++)
		if (has_bytes(&c->v[i]))
			bytes += (uint64_t)c->v[i].st.st_size;
	return i;
}

static int hash_all(const struct hashing *h, struct pool *pool, struct err *e)
{
	auto_free struct group *groups = NULL;
	size_t nr = 0, cap = 0;
	struct pool_batch batch;

	for (size_t i = 0; i < h->c->nr; i = groups[nr++].end) {
		MEM_GROW(groups, nr, cap);
		groups[nr] = (struct group){ .of = h, .from = i, .end = group_end(h->c, i) };
	}
	pool_batch_init(&batch, pool);
	for (size_t i = 0; i < nr; i++)
		pool_submit(&batch, group_run, &groups[i]);
	pool_batch_wait(&batch);
	for (size_t i = 0; i < nr; i++)
		if (groups[i].r < 0) {
			*e = groups[i].err;
			return -1;
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

int content_add(struct cache_text *t, const struct op *op, const struct layer_changes *c,
		bool parallel, struct err *e)
{
	auto_free struct file_hash *hashes = mem_zalloc((c->nr + 1) * sizeof(*hashes));
	const struct hashing h = { .op = op, .c = c, .hashes = hashes };

	if (hash_all(&h, parallel ? op->pool : NULL, e) < 0)
		return -1;
	cache_text_add_u64(t, "entries", c->nr);
	for (size_t i = 0; i < c->nr; i++)
		tell(t, &c->v[i], &hashes[i]);
	return 0;
}

/* -- whether files stay as they are -------------------------------------------------------- */

/* So many files that a context may have: little is kept of each. */
struct content_origin {
	int fd;	      /* borrowed */
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
	if (!s->nr)
		buf_init(&s->paths, SIZE_MAX);
	if (!s->nr_origins || s->origins[s->nr_origins - 1].fd != fd) {
		MEM_GROW(s->origins, s->nr_origins, s->cap_origins);
		s->origins[s->nr_origins++] = (struct content_origin){ fd, s->nr };
	}
	MEM_GROW(s->v, s->nr, s->cap);
	s->v[s->nr++] = state_of(fd, path);
	buf_add(&s->paths, path, strlen(path) + 1);
}

void content_see(struct content_seen *s, const struct layer_changes *c)
{
	for (size_t i = 0; i < c->nr; i++)
		if (has_bytes(&c->v[i]))
			add_seen(s, c->v[i].origin_fd, c->v[i].origin_path);
}

const char *content_changed(const struct content_seen *s)
{
	const char *path = s->paths.data;
	size_t from = 0;

	for (size_t i = 0; i < s->nr; i++, path += strlen(path) + 1) {
		if (from + 1 < s->nr_origins && s->origins[from + 1].first == i)
			from++;
		if (!s->v[i] || s->v[i] != state_of(s->origins[from].fd, path))
			return path;
	}
	return NULL;
}

void content_seen_release(struct content_seen *s)
{
	free(s->v);
	free(s->origins);
	buf_release(&s->paths);
	*s = (struct content_seen){ .nr = 0 };
}
