/*
 * A ring of bytes: the worker that gets them waits while it is full, the reader while it is empty. What the
 * reader has is out of our hands, so after a break only the rest will do; of an answer that begins with the
 * first byte all the same, as much is left out as came before.
 */
#include "registry/blob_stream.h"

#include "base/log.h"
#include "base/mem.h"

#define RING_SIZE ((size_t)1 << 20)

struct blob_stream {
	struct source out; /* read here */
	struct sink in;	   /* the wire writes here */
	struct op *op;
	struct blob_stream_blob blob;
	uint64_t came_bytes;
	/* this try */
	uint64_t begins;		/* the first byte asked for */
	uint64_t to_skip;		/* of what comes: it came before */
	bool has_begun;			/* the first byte of its answer came */
	const struct http_response *rs; /* its answer */
	bool is_whole;
	bool is_stuck; /* the rest cannot be had: only the whole can */

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

/* The first bytes after we asked for the rest: which are they? */
static int stream_resume(struct blob_stream *s, struct err *e)
{
	s->to_skip = 0;
	if (registry_api_is_rest(s->rs, s->begins, s->blob.size_bytes))
		return 0;
	s->to_skip = s->begins;
	if (s->rs->status == 200)
		return 0;
	s->is_stuck = true;
	return err_set(e, ERR_UNAVAILABLE,
		       "blob %s: not the bytes from %ju on came, which were asked for",
		       s->blob.digest->text, (uintmax_t)s->begins);
}

static int stream_put(struct blob_stream *s, const char *p, size_t n, struct err *e)
{
	bool gone;

	pthread_mutex_lock(&s->lock);
	while (n && !s->is_given_up) {
		size_t done = put(s, p, n);

		p += done;
		n -= done;
		pthread_cond_broadcast(&s->changed);
		if (!done)
			pthread_cond_wait(&s->changed, &s->lock);
	}
	gone = s->is_given_up;
	pthread_mutex_unlock(&s->lock);
	return gone ? err_set(e, ERR_FAILED, "nobody reads it any more") : 0;
}

static int stream_write(struct sink *k, const void *p, size_t n, struct err *e)
{
	struct blob_stream *s = CONTAINER_OF(k, struct blob_stream, in);
	size_t old;

	if (!s->has_begun && s->begins && stream_resume(s, e) < 0)
		return -1;
	s->has_begun = true;
	old = s->to_skip < n ? (size_t)s->to_skip : n;
	s->to_skip -= old;
	n -= old;
	if (n > s->blob.size_bytes - s->came_bytes)
		return err_set(e, ERR_CORRUPT, "blob %s: more than its %ju bytes came",
			       s->blob.digest->text, (uintmax_t)s->blob.size_bytes);
	s->came_bytes += n;
	return stream_put(s, (const char *)p + old, n, e);
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

static int stream_try(struct blob_stream *s, struct http_response *rs, struct err *e)
{
	const struct blob_stream_blob *b = &s->blob;

	s->begins = s->came_bytes;
	s->has_begun = false;
	s->to_skip = 0;
	s->rs = rs;
	s->in = (struct sink){ .write = stream_write }; /* a sink that failed stays so */
	return registry_api_blob_get(rs, s->op, b->repo, b->digest, s->begins, &s->in, e);
}

static bool is_good(long status)
{
	return status == 200 || status == 206;
}

/* What became of a try. 0: it is whole, or its answer is one that somebody has to judge. */
static int stream_judge(struct blob_stream *s, int r, struct err *e)
{
	bool has_all = s->came_bytes == s->blob.size_bytes;
	uint64_t length;

	/* nothing may be missing but the end of the answer */
	if (r < 0 && !(e->kind == ERR_UNAVAILABLE && has_all && s->came_bytes))
		return r;
	s->is_whole = has_all && (r < 0 || is_good(s->rs->status));
	/* an end that was announced is no break: the blob is like that there */
	s->is_stuck |= s->rs->status == 416 ||
		       (r == 0 && is_good(s->rs->status) && registry_api_length(&length, s->rs));
	if (s->is_whole)
		err_clear(e);
	if (s->is_whole || (!is_good(s->rs->status) && s->rs->status != 416))
		return 0;
	return err_set(e, ERR_UNAVAILABLE, "blob %s: only %ju of its %ju bytes came",
		       s->blob.digest->text, (uintmax_t)s->came_bytes,
		       (uintmax_t)s->blob.size_bytes);
}

static bool is_given_up(struct blob_stream *s)
{
	bool is;

	pthread_mutex_lock(&s->lock);
	is = s->is_given_up;
	pthread_mutex_unlock(&s->lock);
	return is;
}

/* A break before the first byte is for whoever opens it, who may know another place. */
static bool stream_again(struct blob_stream *s, struct http_retry *retry, int *r,
			 const struct http_response *rs)
{
	if (!s->came_bytes || s->is_stuck || is_given_up(s) ||
	    !http_retry_again(retry, s->op, r, rs, &s->err))
		return false;
	atomic_fetch_add(s->blob.breaks, 1);
	log_info(s->op, "blob %s: goes on from byte %ju", s->blob.digest->text,
		 (uintmax_t)s->came_bytes);
	return true;
}

static int stream_get(struct blob_stream *s)
{
	struct http_retry retry =
		registry_session_budget(s->blob.repo->session, s->blob.digest->text);
	unsigned breaks = atomic_load(s->blob.breaks);
	auto_http_response struct http_response rs = { 0 };
	int r;

	retry.left = retry.left > breaks ? retry.left - breaks : 0;
	do {
		http_response_release(&rs);
		r = stream_judge(s, stream_try(s, &rs, &s->err), &s->err);
	} while (stream_again(s, &retry, &r, &rs));
	if (r < 0 || s->is_whole)
		return r;
	return registry_session_refused(s->blob.repo->session, &rs, &s->err);
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
		     const struct blob_stream_blob *b, struct err *e)
{
	struct blob_stream *s = mem_zalloc(sizeof(*s));

	s->out.read = stream_read;
	s->op = op;
	s->blob = *b;
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
