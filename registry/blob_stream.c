/* A ring of bytes: the worker that gets them waits while it is full, the reader while it is empty. */
#include "registry/blob_stream.h"

#include "base/mem.h"

#define RING_SIZE ((size_t)1 << 20)

struct blob_stream {
	struct source out; /* read here */
	struct sink in;	   /* the wire writes here */
	struct op *op;
	const struct registry_repo *repo;
	struct oci_digest digest;
	uint64_t size_bytes, came_bytes;
	struct pool_batch batch;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t changed;
	char *ring;
	size_t first, used;
	bool is_over, is_given_up;
	int r; /* once it is over */
	struct err err;
};

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Lock held. How much of n went in, or out: what is in one piece. */
static size_t put(struct blob_stream *s, const char *p, size_t n)
{
	size_t at = (s->first + s->used) % RING_SIZE;

	n = least(n, least(RING_SIZE - s->used, RING_SIZE - at));
	memcpy(s->ring + at, p, n);
	s->used += n;
	return n;
}

static size_t take(struct blob_stream *s, char *p, size_t n)
{
	n = least(n, least(s->used, RING_SIZE - s->first));
	memcpy(p, s->ring + s->first, n);
	s->first = (s->first + n) % RING_SIZE;
	s->used -= n;
	return n;
}

static int stream_write(struct sink *k, const void *p, size_t n, struct err *e)
{
	struct blob_stream *s = CONTAINER_OF(k, struct blob_stream, in);
	bool gone;

	if (n > s->size_bytes - s->came_bytes)
		return err_set(e, ERR_CORRUPT, "blob %s: more than its %ju bytes came",
			       s->digest.text, (uintmax_t)s->size_bytes);
	s->came_bytes += n;
	pthread_mutex_lock(&s->lock);
	while (n && !s->is_given_up) {
		size_t done = put(s, p, n);

		p = (const char *)p + done;
		n -= done;
		pthread_cond_broadcast(&s->changed);
		if (!done)
			pthread_cond_wait(&s->changed, &s->lock);
	}
	gone = s->is_given_up;
	pthread_mutex_unlock(&s->lock);
	return gone ? err_set(e, ERR_FAILED, "nobody reads it any more") : 0;
}

static ssize_t stream_read(struct source *base, void *p, size_t n, struct err *e)
{
	struct blob_stream *s = CONTAINER_OF(base, struct blob_stream, out);
	ssize_t got;

	pthread_mutex_lock(&s->lock);
	while (!s->used && !s->is_over)
		pthread_cond_wait(&s->changed, &s->lock);
	got = (ssize_t)take(s, p, n);
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	if (got || s->r == 0)
		return got;
	*e = s->err;
	return -1;
}

static int stream_get(struct blob_stream *s)
{
	auto_http_response struct http_response rs = { 0 };

	if (registry_api_blob_get(&rs, s->op, s->repo, &s->digest, 0, &s->in, &s->err) < 0)
		return -1;
	if (rs.status != 200)
		return registry_session_refused(s->repo->session, &rs, &s->err);
	if (s->came_bytes < s->size_bytes)
		return err_set(&s->err, ERR_UNAVAILABLE, "blob %s: only %ju of its %ju bytes came",
			       s->digest.text, (uintmax_t)s->came_bytes, (uintmax_t)s->size_bytes);
	return 0;
}

static void stream_run(void *item)
{
	struct blob_stream *s = item;
	int r = stream_get(s);

	pthread_mutex_lock(&s->lock);
	s->r = r;
	s->is_over = true;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

static bool stream_begins(struct blob_stream *s)
{
	bool failed;

	pthread_mutex_lock(&s->lock);
	while (!s->used && !s->is_over)
		pthread_cond_wait(&s->changed, &s->lock);
	failed = s->is_over && s->r < 0 && !s->used;
	pthread_mutex_unlock(&s->lock);
	return !failed;
}

int blob_stream_open(struct blob_stream **out, struct op *op, struct pool *pool,
		     const struct registry_repo *r, const struct oci_digest *d, uint64_t size_bytes,
		     struct err *e)
{
	struct blob_stream *s = mem_zalloc(sizeof(*s));

	s->out.read = stream_read;
	s->in.write = stream_write;
	s->op = op;
	s->repo = r;
	s->digest = *d;
	s->size_bytes = size_bytes;
	s->ring = mem_alloc(RING_SIZE);
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	pool_batch_init(&s->batch, pool);
	pool_submit(&s->batch, stream_run, s);
	if (stream_begins(s)) {
		*out = s;
		return 0;
	}
	*e = s->err;
	blob_stream_close(s);
	return -1;
}

struct source *blob_stream_source(struct blob_stream *s)
{
	return &s->out;
}

void blob_stream_close(struct blob_stream *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	s->is_given_up = true;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	pool_batch_wait(&s->batch);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	free(s->ring);
	free(s);
}
