/*
 * Blobs in a list. An opened blob has its own copy of the bytes, so a test may
 * damage or replace one that is being read.
 */
#include "tests/fakes/mem_store.h"

#include <assert.h>
#include <pthread.h>

#include "base/mem.h"

#define BLOB_MAX (64u << 20)

struct mem_blob {
	struct oci_digest digest;
	struct buf bytes;
};

struct mem_store {
	struct oci_store base;
	pthread_mutex_t lock; /* guards all below */
	struct mem_blob *blobs;
	size_t nr, cap;
	unsigned fail_in;
};

struct mem_reader {
	struct span_source source;
	char *bytes;
};

struct mem_writer {
	struct sink base;
	struct mem_store *store;
	struct buf bytes;
};

static struct mem_store *store_of(struct oci_store *s)
{
	return CONTAINER_OF(s, struct mem_store, base);
}

/* With the lock held. */
static struct mem_blob *find(struct mem_store *m, const struct oci_digest *d)
{
	for (size_t i = 0; i < m->nr; i++)
		if (oci_digest_eq(&m->blobs[i].digest, d))
			return &m->blobs[i];
	return NULL;
}

static bool mem_has(struct oci_store *s, const struct oci_digest *d, uint64_t *size_bytes)
{
	struct mem_store *m = store_of(s);
	struct mem_blob *b;

	pthread_mutex_lock(&m->lock);
	b = find(m, d);
	if (b && size_bytes)
		*size_bytes = b->bytes.len;
	pthread_mutex_unlock(&m->lock);
	return b != NULL;
}

static int mem_open(struct oci_store *s, const struct oci_digest *d, struct oci_blob *out,
		    struct err *e)
{
	struct mem_store *m = store_of(s);
	struct mem_reader *r = NULL;
	struct mem_blob *b;

	pthread_mutex_lock(&m->lock);
	b = find(m, d);
	if (b) {
		size_t n = b->bytes.len;

		r = mem_zalloc(sizeof(*r));
		r->bytes = span_dup(buf_span(&b->bytes));
		*out = (struct oci_blob){
			.source = span_source_init(&r->source, span_of(r->bytes, n)),
			.size_bytes = n,
			.state = r,
			.store = s,
		};
	}
	pthread_mutex_unlock(&m->lock);
	return b ? 0 : err_set(e, ERR_ABSENT, "blob %s is not in '%s'", d->text, s->name);
}

static void mem_close(struct oci_blob *blob)
{
	struct mem_reader *r = blob->state;

	free(r->bytes);
	free(r);
}

static int mem_write(struct sink *k, const void *p, size_t n, struct err *e)
{
	struct mem_writer *w = CONTAINER_OF(k, struct mem_writer, base);
	bool fail;

	pthread_mutex_lock(&w->store->lock);
	fail = w->store->fail_in && --w->store->fail_in == 0;
	pthread_mutex_unlock(&w->store->lock);
	if (fail)
		return err_set(e, ERR_IMPOSSIBLE, "write to 'memory': disk full");
	buf_add(&w->bytes, p, n);
	assert(!w->bytes.over);
	return 0;
}

static int mem_begin(struct oci_store *s, struct oci_blob_writer *out, struct err *e)
{
	struct mem_writer *w = mem_zalloc(sizeof(*w));

	(void)e;
	w->base.write = mem_write;
	w->store = store_of(s);
	buf_init(&w->bytes, BLOB_MAX);
	*out = (struct oci_blob_writer){ .sink = &w->base, .fd = -1, .state = w, .store = s };
	return 0;
}

static void mem_abort(struct oci_blob_writer *out)
{
	struct mem_writer *w = out->state;

	buf_release(&w->bytes);
	free(w);
}

/* As the layout does: one that is there stays, unless its size is wrong. */
static void put(struct mem_store *m, const struct oci_digest *d, struct buf *bytes)
{
	struct mem_blob *b;

	pthread_mutex_lock(&m->lock);
	b = find(m, d);
	if (!b) {
		MEM_GROW(m->blobs, m->nr, m->cap);
		b = &m->blobs[m->nr++];
		*b = (struct mem_blob){ .digest = *d, .bytes = *bytes };
		*bytes = (struct buf)BUF_INIT(0);
	} else if (b->bytes.len != bytes->len) {
		buf_release(&b->bytes);
		b->bytes = *bytes;
		*bytes = (struct buf)BUF_INIT(0);
	}
	pthread_mutex_unlock(&m->lock);
}

static int mem_commit(struct oci_blob_writer *out, const struct oci_descriptor *want,
		      struct oci_digest *digest, uint64_t *size_bytes, struct err *e)
{
	struct mem_writer *w = out->state;
	size_t n = w->bytes.len;
	struct oci_digest d;
	int r;

	oci_digest_of_bytes(&d, buf_span(&w->bytes));
	r = oci_blob_check(want, &d, n, e);
	if (r == 0)
		put(w->store, &d, &w->bytes);
	mem_abort(out);
	if (r == 0 && digest)
		*digest = d;
	if (r == 0 && size_bytes)
		*size_bytes = n;
	return r;
}

static void mem_free(struct oci_store *s)
{
	struct mem_store *m = store_of(s);

	for (size_t i = 0; i < m->nr; i++)
		buf_release(&m->blobs[i].bytes);
	free(m->blobs);
	pthread_mutex_destroy(&m->lock);
	free(m);
}

static const struct oci_store_ops mem_ops = {
	.has = mem_has,
	.open = mem_open,
	.close = mem_close,
	.begin = mem_begin,
	.commit = mem_commit,
	.abort = mem_abort,
	.free = mem_free,
};

struct oci_store *mem_store_new(void)
{
	struct mem_store *m = mem_zalloc(sizeof(*m));

	m->base = (struct oci_store){ .ops = &mem_ops, .name = "memory" };
	pthread_mutex_init(&m->lock, NULL);
	return &m->base;
}

size_t mem_store_count(struct oci_store *s)
{
	struct mem_store *m = store_of(s);
	size_t n;

	pthread_mutex_lock(&m->lock);
	n = m->nr;
	pthread_mutex_unlock(&m->lock);
	return n;
}

void mem_store_damage(struct oci_store *s, const struct oci_digest *d, bool shorter)
{
	struct mem_store *m = store_of(s);
	struct mem_blob *b;

	pthread_mutex_lock(&m->lock);
	b = find(m, d);
	assert(b && b->bytes.len);
	if (shorter)
		b->bytes.len--;
	else
		b->bytes.data[0] ^= 1;
	pthread_mutex_unlock(&m->lock);
}

void mem_store_fail_write(struct oci_store *s, unsigned nth)
{
	struct mem_store *m = store_of(s);

	pthread_mutex_lock(&m->lock);
	m->fail_in = nth;
	pthread_mutex_unlock(&m->lock);
}
