/*
 * Blobs go from the wire into a target as they come: a writer of the store, or a
 * buffer. After a break the target stays open, and the next try asks for the rest with Range. A
 * target that turned out wrong is given up, and the blob begins anew; it keeps the bytes only
 * when they are the blob.
 */
#include "registry/download.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/progress.h"

#define TICK_MS 100

struct download {
	struct sink base; /* what the wire writes into */
	struct op *op;
	const struct registry_repo *repo;
	struct registry_repo host; /* repo without its mirror, after that had other bytes */
	const struct oci_descriptor *blob;
	const char *id;
	/* the target: one of both */
	struct oci_store *into;
	struct buf *bytes;
	struct arrival *coming; /* who reads what is in `into` by now; or NULL */

	struct oci_blob_writer writer;
	bool is_open; /* `done` bytes are in the target */
	uint64_t done;
	uint64_t begins;		/* of this try: the first byte asked for */
	bool has_begun;			/* the first byte of its answer came */
	const struct http_response *rs; /* of this try */
	int64_t told_ms;
	bool was_corrupt;
	bool is_done;
};

static void download_tick(struct download *d)
{
	int64_t now = d->op->clock->mono_ms(d->op->clock);

	if (now - d->told_ms < TICK_MS)
		return;
	d->told_ms = now;
	progress_tick(d->op->progress, d->id, d->done, d->blob->size_bytes);
}

static void download_give_up(struct download *d)
{
	if (d->into && d->is_open) {
		arrival_drop(d->coming);
		oci_store_abort(&d->writer);
	}
	d->is_open = false;
}

static int download_open(struct download *d, struct err *e)
{
	if (d->is_open)
		return 0;
	d->done = 0;
	d->is_open = true;
	if (d->into && oci_store_begin(d->into, &d->writer, e) < 0) {
		d->is_open = false;
		return -1;
	}
	if (d->into)
		arrival_begin(d->coming, d->writer.fd);
	if (d->bytes)
		buf_reset(d->bytes);
	return 0;
}

/* The first bytes after we asked for the rest: are they the rest, or the blob from its first byte? */
static int download_resume(struct download *d, struct err *e)
{
	if (registry_api_is_rest(d->rs, d->begins, d->blob->size_bytes))
		return 0;
	download_give_up(d);
	if (d->rs->status == 200)
		return download_open(d, e);
	return err_set(e, ERR_UNAVAILABLE, "not the bytes from %ju on came, which were asked for",
		       (uintmax_t)d->begins);
}

static int download_write(struct sink *k, const void *p, size_t n, struct err *e)
{
	struct download *d = CONTAINER_OF(k, struct download, base);

	if (!d->has_begun && d->begins && download_resume(d, e) < 0)
		return -1;
	d->has_begun = true;
	/* whatever the answer's header says: no more than the manifest promised */
	if (n > d->blob->size_bytes - d->done)
		return err_set(e, ERR_CORRUPT, "more than its %ju bytes came",
			       (uintmax_t)d->blob->size_bytes);
	if (d->into && sink_write(d->writer.sink, p, n, e) < 0)
		return -1;
	if (d->bytes)
		buf_add(d->bytes, p, n);
	d->done += n;
	arrival_grow(d->coming, d->done);
	download_tick(d);
	return 0;
}

static int download_commit(struct download *d, struct err *e)
{
	struct oci_digest digest;
	uint64_t n;

	d->is_open = false;
	if (d->into && oci_store_commit(&d->writer, d->blob, &digest, &n, e) < 0) {
		arrival_drop(d->coming);
		return -1;
	}
	if (d->into)
		return 0;
	oci_digest_of_bytes(&digest, buf_span(d->bytes));
	if (d->done != d->blob->size_bytes)
		return err_set(e, ERR_CORRUPT, "only %ju of its %ju bytes came", (uintmax_t)d->done,
			       (uintmax_t)d->blob->size_bytes);
	if (!oci_digest_eq(&digest, &d->blob->digest))
		return err_set(e, ERR_CORRUPT, "other bytes came, of digest %s", digest.text);
	return 0;
}

/* An answer that is over: all of the blob, or all of what was there. */
static int download_end(struct download *d, const struct http_response *rs, struct err *e)
{
	uint64_t length;

	/* its end was not announced, so it may be a connection that broke; else the blob is like that */
	if (d->done < d->blob->size_bytes && (d->begins || !registry_api_length(&length, rs)))
		return err_set(e, ERR_UNAVAILABLE, "only %ju of its %ju bytes came",
			       (uintmax_t)d->done, (uintmax_t)d->blob->size_bytes);
	if (download_commit(d, e) < 0)
		return -1;
	d->is_done = true;
	return 0;
}

/* Nothing is missing but the end of the answer; and bytes after the last must not be asked for. */
static bool download_has_all(const struct download *d)
{
	return d->done && d->done == d->blob->size_bytes;
}

/* What became of a try. -1 with ERR_UNAVAILABLE, or 0 with a temporary failure: the target is kept. */
static int download_judge(struct download *d, int r, struct err *e)
{
	long status = d->rs->status;

	if (r < 0 && e->kind == ERR_UNAVAILABLE && download_has_all(d)) {
		err_clear(e);
		return download_end(d, d->rs, e);
	}
	if (r < 0)
		return r;
	if (status == 200 || (status == 206 && d->begins))
		return download_end(d, d->rs, e);
	if (status == 416 && d->begins) {
		download_give_up(d);
		return err_set(e, ERR_UNAVAILABLE, "no bytes from %ju on", (uintmax_t)d->begins);
	}
	if (!http_status_is_transient(status))
		download_give_up(d);
	return 0;
}

static int download_try(struct download *d, struct http_response *rs, struct err *e)
{
	int r;

	if (download_open(d, e) < 0)
		return -1;
	d->begins = d->done;
	d->has_begun = false;
	d->base.write = download_write; /* a sink that failed stays so */
	d->rs = rs;
	r = registry_api_blob_get(rs, d->op, d->repo, &d->blob->digest, d->begins, &d->base, e);
	r = download_judge(d, r, e);
	if (r < 0 && e->kind != ERR_UNAVAILABLE)
		download_give_up(d);
	return r;
}

/* Once is an accident on the way, twice is the registry's blob. */
static bool download_was_spoilt(struct download *d, int r, struct err *e)
{
	if (r == 0 || e->kind != ERR_CORRUPT || d->was_corrupt)
		return false;
	log_info(d->op, "%s; trying once more", e->text);
	d->was_corrupt = true;
	d->host = *d->repo;
	d->host.no_mirror = true;
	d->repo = &d->host;
	err_clear(e);
	return true;
}

static int download_run(struct download *d, struct err *e)
{
	struct http_retry retry = registry_session_budget(d->repo->session, d->id);
	auto_http_response struct http_response rs = { 0 };
	int r;

	do {
		http_response_release(&rs);
		r = download_try(d, &rs, e);
	} while (http_retry_again(&retry, d->op, &r, &rs, e) || download_was_spoilt(d, r, e));
	download_give_up(d);
	if (r == 0 && !d->is_done)
		r = registry_session_refused(d->repo->session, &rs, e);
	return r < 0 ? err_wrap(e, "blob %s", d->blob->digest.text) : 0;
}

int registry_download(struct op *op, const struct registry_repo *r,
		      const struct oci_descriptor *blob, struct oci_store *into,
		      struct arrival *coming, struct err *e)
{
	auto_free char *id = mem_printf("pull %.19s", blob->digest.text);
	struct download d = {
		.op = op, .repo = r, .blob = blob, .id = id, .into = into, .coming = coming
	};
	uint64_t size;

	/* after a crash it may be there and short */
	if (oci_store_has(into, &blob->digest, &size) && size == blob->size_bytes)
		return 0;
	progress_begin(op->progress, id, "pull %.19s", blob->digest.text);
	if (download_run(&d, e) < 0) {
		progress_give_up(op->progress, id, e);
		return -1;
	}
	progress_end(op->progress, id, blob->size_bytes);
	return 0;
}

int registry_download_bytes(struct buf *out, struct op *op, const struct registry_repo *r,
			    const struct oci_descriptor *blob, struct err *e)
{
	struct op quiet = *op;
	struct download d = { .op = &quiet, .repo = r, .blob = blob, .bytes = out };

	quiet.progress = NULL; /* a document is not worth a line */
	if (blob->size_bytes > out->max)
		return err_set(e, ERR_CORRUPT, "blob %s: %ju bytes, more than the %zu allowed",
			       blob->digest.text, (uintmax_t)blob->size_bytes, out->max);
	return download_run(&d, e);
}
